/* SPDX-License-Identifier: MIT
 *
 * A codec turns fields into a struct and back. weir-codegen writes them; they can also be written by hand.
 */
#ifndef WEIR_CODEC_H
#define WEIR_CODEC_H

#include <weir/error.h>
#include <weir/field.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Receives the fields that an encoder writes. The library implements it; an encoder only calls weir_sink_add. */
typedef struct weir_field_sink weir_field_sink;

/*
 * Adds one field: name and value are copied.
 * Errors: WEIR_ERR_MEMORY, WEIR_ERR_ARGUMENT. Thread: the one that runs the encoder.
 */
WEIR_API weir_status weir_sink_add(weir_field_sink *sink, const char *name, size_t name_len, const void *value,
                                   size_t value_len);

/*
 * An empty sink of one's own, to run an encoder without enqueueing: in tests, or to pass jobs on. NULL without memory.
 * A sink is used by one thread at a time.
 */
WEIR_API weir_field_sink *weir_sink_new(void);

/*
 * The fields that were added, in order, values NUL-terminated beyond their length. Borrowed until the sink is added to
 * or freed. Errors: WEIR_ERR_MEMORY, WEIR_ERR_ARGUMENT.
 */
WEIR_API weir_status weir_sink_fields(weir_field_sink *sink, weir_fields *ret, weir_error *err);

/* Accepts NULL. */
WEIR_API void weir_sink_free(weir_field_sink *sink);

/* Receives the bytes that the encode function of a custom field writes. */
typedef struct weir_value_sink weir_value_sink;

/*
 * Appends bytes to the value of a custom field. They are copied; several calls add up.
 * Errors: WEIR_ERR_MEMORY, WEIR_ERR_ARGUMENT. Thread: the one that runs the encoder.
 */
WEIR_API weir_status weir_value_write(weir_value_sink *sink, const void *bytes, size_t len);

typedef struct weir_codec {
    size_t size;        /* sizeof(weir_codec) */
    const char *name;   /* the payload's name, for messages: "email" */
    size_t struct_size; /* bytes of the payload struct */

    /*
     * Fills the zeroed struct at `value` from fields, whose values are NUL-terminated beyond their length. Pointers
     * into the fields may be kept: they live as long as the job. On failure returns WEIR_ERR_DECODE, says which field
     * and why in err->message, and leaves nothing to free. Runs on a worker thread.
     */
    weir_status (*decode)(const weir_fields *fields, void *value, weir_error *err);

    /*
     * Frees what decode allocated inside the struct, not the struct itself. NULL where there is nothing to free. Runs
     * once for each decoded struct; for a handler that a stop left behind when it returns, be that after the close.
     */
    void (*clear)(void *value);

    /* Writes the struct's fields into sink. Runs on the thread that enqueues. NULL in a worker that never enqueues. */
    weir_status (*encode)(const void *value, weir_field_sink *sink, weir_error *err);
} weir_codec;

#ifdef __cplusplus
}
#endif
#endif
