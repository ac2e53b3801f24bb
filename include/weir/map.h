/* SPDX-License-Identifier: MIT
 *
 * What the files that weir-codegen writes consist of: tables that describe a struct, and the functions that turn fields
 * into such a struct and back by them. Call the generated functions (email_encode, email_decode, …) rather than these;
 * only the functions of custom fields (weir_value_write) are for use by hand.
 *
 * The tables are checked by nobody at run time: they must be generated, by the weir-codegen of the same
 * WEIR_CODEGEN_ABI.
 */
#ifndef WEIR_MAP_H
#define WEIR_MAP_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codec.h>
#include <weir/job.h>
#include <weir/queue.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes whenever generated files have to be generated anew. They refuse to compile where it isn't theirs. */
#define WEIR_CODEGEN_ABI 1

/* What a value is in memory, and on the wire. docs/codegen.md has the table. */
typedef enum weir_map_kind {
    WEIR_MAP_INT,    /* signed, `size` bytes */
    WEIR_MAP_UINT,   /* unsigned, `size` bytes */
    WEIR_MAP_BOOL,   /* bool */
    WEIR_MAP_FLOAT,  /* float or double, by `size` */
    WEIR_MAP_ENUM,   /* an enum, by the names of `names` */
    WEIR_MAP_STRING, /* char *: NUL-terminated */
    WEIR_MAP_CHARS,  /* char[n]: NUL-terminated */
    WEIR_MAP_BINARY, /* a pointer to bytes, with a count */
    WEIR_MAP_BYTES,  /* uint8_t[n]: all of them, or as many as a count says */
    WEIR_MAP_STRUCT, /* a struct, by `fields` */
    WEIR_MAP_ARRAY,  /* element[n]: all of them, or as many as a count says */
    WEIR_MAP_LIST,   /* a pointer to elements, with a count */
    WEIR_MAP_CUSTOM  /* by functions of the user's */
} weir_map_kind;

/* char is signed or not as the compiler likes. */
#define WEIR_MAP_CHAR (CHAR_MIN < 0 ? WEIR_MAP_INT : WEIR_MAP_UINT)

typedef struct weir_map_enumerator {
    const char *name;
    int64_t value;
} weir_map_enumerator;

typedef struct weir_map_enum {
    const weir_map_enumerator *items;
    size_t n;
    int is_signed; /* its integer type is */
} weir_map_enum;

typedef struct weir_map_type {
    weir_map_kind kind;
    size_t size;                          /* bytes of the value in memory */
    const char *name;                     /* as it was written, for messages: "uint32_t" */
    size_t n;                             /* ARRAY: elements there is room for */
    const struct weir_map_type *element;  /* ARRAY, LIST */
    const struct weir_map_struct *fields; /* STRUCT */
    const weir_map_enum *names;           /* ENUM */
} weir_map_type;

/* Custom functions, as the generated code wraps them: `owner` is the struct that the field is in. */
typedef struct weir_map_custom {
    weir_status (*encode)(const void *owner, weir_value_sink *sink, weir_error *err);
    weir_status (*decode)(const char *value, size_t len, void *owner, weir_error *err);
    void (*clear)(void *owner); /* NULL: nothing to free */
} weir_map_custom;

#define WEIR_MAP_OPTIONAL 1u     /* may be absent */
#define WEIR_MAP_POINTER 2u      /* the member points to a value of this type; NULL: absent */
#define WEIR_MAP_SHARED_COUNT 4u /* a field before it has the same count */

typedef struct weir_map_field {
    const char *name; /* on the wire */
    size_t name_len;
    size_t offset;
    weir_map_type type; /* of the value: of what a POINTER points to */
    unsigned flags;
    const char *default_text; /* where it is absent: its text form; NULL: none */
    size_t default_len;
    size_t max;          /* bytes or elements; 0: no limit of its own */
    size_t count_offset; /* BINARY, LIST, and BYTES and ARRAY with a count: the member that holds it */
    weir_map_type count_type;
    const weir_map_custom *custom;
} weir_map_field;

#define WEIR_MAP_NO_TYPE                                                                                               \
    {                                                                                                                  \
        WEIR_MAP_UINT, 0, 0, 0, 0, 0, 0                                                                                \
    }

typedef struct weir_map_struct {
    const char *name; /* "email" */
    size_t size;
    const weir_map_field *fields;
    size_t n;   /* 1 … WEIR_MAP_MAX_FIELDS */
    int clears; /* decoding may allocate, so that clearing is called for */
} weir_map_struct;

/* Of one struct. */
#define WEIR_MAP_MAX_FIELDS 256

/* The most memory that one job's variable parts may take when they are decoded: a hostile job can't take more. */
#define WEIR_MAP_MAX_BYTES ((size_t)64 * 1024 * 1024)

/*
 * Fills `value` from fields, whatever it held before. Strings and binaries point into the fields, whose values must be
 * NUL-terminated beyond their length, as those of every job are; all else that is variable is one allocation, which
 * weir_map_clear frees. On failure value is zeroed and nothing is left to free.
 * Errors: WEIR_ERR_DECODE (err names the field and the reason), WEIR_ERR_MEMORY. Thread: any.
 */
WEIR_API weir_status weir_map_decode(const weir_map_struct *map, const weir_fields *fields, void *value,
                                     weir_error *err);

/* Frees what weir_map_decode allocated, and zeroes the struct. Its pointers must be as decoding left them. */
WEIR_API void weir_map_clear(const weir_map_struct *map, void *value);

/*
 * Adds the struct's fields to the sink, in the struct's order; on failure none of them.
 * Errors: WEIR_ERR_DECODE (err names the field and the reason), WEIR_ERR_MEMORY. Thread: any.
 */
WEIR_API weir_status weir_map_encode(const weir_map_struct *map, const void *value, weir_field_sink *sink,
                                     weir_error *err);

/*
 * What EMAIL_HANDLER(handler, context) and its like are made of. It defines, for a handler
 *     weir_outcome handler(weir_job *job, const struct email *email, context *ctx)
 * the function handler_run, which is a weir_handler, and
 *     void handler_attach(weir_queue_options *options, context *ctx)
 * which sets options->codec, ->handler and ->user_data. A handler of any other type doesn't compile.
 */
#ifdef __cplusplus
#define WEIR_MAP_CHECK_HANDLER(type, function, argument) static_assert(true, "") /* the call is checked as it is */
#else
#define WEIR_MAP_CHECK_HANDLER(type, function, argument)                                                               \
    _Static_assert(_Generic(&function, weir_outcome(*)(weir_job *, const type *, argument *) : 1, default : 0),        \
                   "not a handler of this payload: weir_outcome " #function "(weir_job *, const " #type                \
                   " *, " #argument " *)")
#endif
#if defined(__GNUC__) || defined(__clang__)
#define WEIR_MAP_UNUSED __attribute__((unused))
#else
#define WEIR_MAP_UNUSED
#endif
#define WEIR_MAP_HANDLER(codec_object, type, function, argument)                                                       \
    static weir_outcome function##_run(weir_job *job, void *user_data)                                                 \
    {                                                                                                                  \
        return function(job, (const type *)weir_job_payload(job), (argument *)user_data);                              \
    }                                                                                                                  \
    WEIR_MAP_UNUSED static void function##_attach(weir_queue_options *options, argument *user_data)                    \
    {                                                                                                                  \
        options->codec = &codec_object;                                                                                \
        options->handler = function##_run;                                                                             \
        options->user_data = (void *)user_data;                                                                        \
    }                                                                                                                  \
    WEIR_MAP_CHECK_HANDLER(type, function, argument)

#ifdef __cplusplus
}
#endif
#endif
