/* SPDX-License-Identifier: MIT
 *
 * What decoding, encoding and clearing by the tables of <weir/map.h> share.
 */
#ifndef WEIR_JOB_MAP_H
#define WEIR_JOB_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/map.h>

/* Where in the payload an error is: a chain on the stack, from the value outwards. */
struct weir_map_path {
    const struct weir_map_path *parent;
    const char *name; /* of a field; NULL: the index-th element */
    size_t index;
};

/*
 * Fills err with `field "lines[2].sku": ` and the printf-style reason, and returns the code. Thread: any.
 */
weir_status weir_map_error(weir_error *err, weir_status code, const struct weir_map_path *path, const char *format, ...)
    WEIR_PRINTF(4, 5);

/*
 * The same for a custom function that failed, in its own words; where it had none, what its status says. `role` is
 * "encode" or "decode". Returns WEIR_ERR_MEMORY or WEIR_ERR_DECODE.
 */
weir_status weir_map_custom_error(weir_error *err, const struct weir_map_path *path, weir_status status,
                                  const weir_error *failure, const char *role);

/* Bytes for messages: cut at 40, quotes and unprintable ones shown as '?'. */
#define WEIR_MAP_SHOWN_SIZE 48
const char *weir_map_shown(const char *bytes, size_t len, char out[WEIR_MAP_SHOWN_SIZE]);

/* Integers of `size` bytes in memory. */
int64_t weir_map_load_int(const void *at, size_t size);
uint64_t weir_map_load_uint(const void *at, size_t size);
void weir_map_store_uint(void *at, size_t size, uint64_t value); /* also the two's complement of a negative one */

/* A pointer that is a member of a struct. */
void *weir_map_load_pointer(const void *at);
void weir_map_store_pointer(void *at, const void *pointer);

/* A count member's value; false where it is negative. */
bool weir_map_load_count(const weir_map_field *field, const void *owner, size_t *ret);

static inline bool weir_map_is_counted(const weir_map_field *field)
{
    return field->count_type.size != 0;
}

/*
 * Frees what a decoder allocated for the struct, nothing but that, calling the clear functions of custom fields. It may
 * be filled partly, the rest being zeroed. `block` is the allocation, or NULL to find it by the struct's pointers.
 */
void weir_map_release(const weir_map_struct *map, void *value, void *block);

#endif
