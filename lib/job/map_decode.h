/* SPDX-License-Identifier: MIT
 *
 * What the parts of decoding by the tables of <weir/map.h> share: map_decode.c leads, map_values.c checks single
 * values, map_unpack.c reads what is nested.
 */
#ifndef WEIR_JOB_MAP_DECODE_H
#define WEIR_JOB_MAP_DECODE_H

#include "job/map.h"
#include "job/unpack.h"

struct weir_decoder {
    bool measuring;
    char *block;
    size_t used; /* bytes of the block */
    weir_error *err;
};

/*
 * All of these return WEIR_ERR_DECODE with the path and the reason in d->err. `owner`, the struct that the field is in,
 * and `out`, where the value goes, are NULL while measuring.
 */

/* Takes memory for n values from the block; *ret is NULL while measuring. */
weir_status weir_decode_take(struct weir_decoder *d, size_t size, size_t n, const struct weir_map_path *path,
                             void **ret);

/* The message for a number that is too large, whatever form it came in. */
weir_status weir_decode_range_error(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                                    const char *text, size_t len);

/* C strings hold no NUL. */
weir_status weir_decode_refuse_nul(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                                   const char *text, size_t len);

/* The field's `max`. */
weir_status weir_decode_max(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                            size_t n, const char *unit);

/* How many bytes or elements there are: writes the count member, or compares with what is already there. */
weir_status weir_decode_count(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                              size_t n, char *owner);

/* uint8_t[n] and char[n] with a length; field is NULL for an element. */
weir_status weir_decode_bytes(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                              const weir_map_type *type, const char *bytes, size_t len, char *owner, char *out);

/* A pointer to bytes, which stay where they are. */
weir_status weir_decode_binary(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               const char *bytes, size_t len, char *owner);

/* The custom function's own words, with the field's name before them. */
weir_status weir_decode_custom(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               const char *value, size_t len, char *owner);

/* A scalar from its text form. */
weir_status weir_decode_text(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                             const char *text, size_t len, void *out);

/* A string within msgpack has no NUL after it: it is copied into the block. */
weir_status weir_decode_string(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                               const char *text, size_t len, void *out);

/* Where a field's value goes; a POINTER's is allocated. NULL while measuring. */
weir_status weir_decode_place(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                              char *owner, void **ret);

/* A field that isn't there. `nested`: within msgpack, where strings are copies. */
weir_status weir_decode_absent(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               char *owner, bool nested);

/* The index of the field of this name; map->n where there is none. `guess` is looked at first. */
size_t weir_decode_find(const weir_map_struct *map, const char *name, size_t len, size_t guess);

/* One value of msgpack; field is NULL for an element. */
weir_status weir_decode_packed(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               const weir_map_type *type, struct weir_unpacker *in, char *owner, void *out);

#endif
