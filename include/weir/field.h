/* SPDX-License-Identifier: MIT
 *
 * Fields: the flat name/value pairs that a job consists of, exactly what XADD stores.
 *
 * Names and values are bytes with a length: NUL, newlines and invalid UTF-8 are all allowed. Names that start with
 * "weir." are the library's own and are refused in payloads.
 */
#ifndef WEIR_FIELD_H
#define WEIR_FIELD_H

#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_field {
    const char *name;
    size_t name_len;
    const char *value; /* may be NULL where value_len is 0 */
    size_t value_len;
} weir_field;

/* A borrowed array of fields, in order; a name may occur more than once. */
typedef struct weir_fields {
    const weir_field *items;
    size_t n;
} weir_fields;

/* The most fields one job may have when it is enqueued. Jobs of other producers may have more; see docs/wire-format.md.
 */
#define WEIR_MAX_FIELDS 3500

/* A field of two NUL-terminated strings, which it borrows. */
static inline weir_field weir_field_text(const char *name, const char *value)
{
    weir_field field;
    field.name = name;
    field.name_len = strlen(name);
    field.value = value;
    field.value_len = strlen(value);
    return field;
}

/* A field with a value of any bytes; name is NUL-terminated. Both are borrowed. */
static inline weir_field weir_field_bytes(const char *name, const void *value, size_t value_len)
{
    weir_field field;
    field.name = name;
    field.name_len = strlen(name);
    field.value = (const char *)value;
    field.value_len = value_len;
    return field;
}

#ifndef __cplusplus
/*
 * A `const weir_fields *` for a call's duration, C only:
 *     weir_enqueue(p, WEIR_FIELDS(weir_field_text("to", to), weir_field_text("subject", subject)), NULL, NULL, &err);
 */
#define WEIR_FIELDS(...)                                                                                               \
    (&(const weir_fields){(const weir_field[]){__VA_ARGS__},                                                           \
                          sizeof((const weir_field[]){__VA_ARGS__}) / sizeof(weir_field)})
#endif

#ifdef __cplusplus
}
#endif
#endif
