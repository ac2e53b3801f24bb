/* SPDX-License-Identifier: MIT
 *
 * What the answers are made of: bytes of any kind, fields, numbers that may not be known. See docs/openapi.yaml.
 *
 * All return a new reference, or NULL without memory. control_json_set takes what it is given, and remembers a NULL in
 * the object, so that only the whole has to be looked at in the end.
 */
#ifndef WEIR_CONTROL_JSON_H
#define WEIR_CONTROL_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <weir/check.h>
#include <weir/field.h>

/* How much of jobs' fields is shown: in a list, and of one job. */
struct control_limits {
    size_t fields;      /* of them */
    size_t value_bytes; /* of each value */
    size_t total_bytes; /* of all values */
};
extern const struct control_limits control_limits_list, control_limits_one;

/* "Bytes": a string where it is all UTF-8, else an object. At most `most` bytes are shown. */
json_t *control_json_bytes(const char *bytes, size_t len, size_t most);

/* The same of a NUL-terminated text, whole; and null where it is empty. */
json_t *control_json_text(const char *text);
json_t *control_json_text_or_null(const char *text);

/* The bytes percent-encoded. */
json_t *control_json_path(const char *bytes, size_t len);

/* null where it is negative: not known. */
json_t *control_json_count(int64_t n);

/* null where it is 0: no time. */
json_t *control_json_time(int64_t ms);

/* Milliseconds that may be fractions, or infinite: null. */
json_t *control_json_due(double ms);

/* "Fields", and how many of them were left out. */
json_t *control_json_fields(const weir_fields *fields, const struct control_limits *limits, json_t **ret_left_out);

json_t *control_json_finding(const weir_finding *finding);

/* Puts a value that it takes into an object or array; false where there was no memory for one of them. */
bool control_json_set(json_t *object, const char *key, json_t *taken);
bool control_json_add(json_t *array, json_t *taken);

/* A whole number, which JSON may write as 5.0. False: it is none, or beyond 2^53. */
bool control_json_whole(const json_t *value, int64_t *ret);

/* About how long its text will be: what page limits are compared with. */
size_t control_json_size(const json_t *value);

#endif
