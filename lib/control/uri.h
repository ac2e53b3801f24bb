/* SPDX-License-Identifier: MIT
 *
 * Addresses: a path in segments and a query in parameters, percent-decoded, and the way back.
 */
#ifndef WEIR_CONTROL_URI_H
#define WEIR_CONTROL_URI_H

#include <stdbool.h>
#include <stddef.h>

enum { CONTROL_SEGMENTS = 8, CONTROL_PARAMETERS = 16 };

/* Any bytes but NUL, and then one. */
struct control_text {
    const char *bytes;
    size_t len;
};

struct control_uri {
    char *memory; /* of all texts */
    struct control_text segments[CONTROL_SEGMENTS];
    size_t n_segments; /* "/" has none, "/a/" two: "a" and "" */
    struct {
        struct control_text name, value;
    } parameters[CONTROL_PARAMETERS];
    size_t n_parameters;
};

/*
 * Takes an address apart: its path, which begins with a slash, and what comes after the question mark (NULL: nothing).
 * NULL on success, else what is wrong with it, in words, and there is nothing to free. Static memory.
 */
const char *control_uri_parse(struct control_uri *ret, const char *path, const char *query);

/* Accepts a zeroed one. */
void control_uri_free(struct control_uri *uri);

/* The value of a parameter, NULL where it isn't there; of several the first. */
const struct control_text *control_uri_parameter(const struct control_uri *uri, const char *name);

/* How much control_uri_encode writes at most, its NUL included. */
#define CONTROL_ENCODED_SIZE(len) (3 * (len) + 1)

/* Writes the bytes so that they can be a segment, or a value of a query; returns how many bytes that are, without NUL.
 */
size_t control_uri_encode(char *out, const char *bytes, size_t len);

/* The way back; `out` has room for all of the text. A NUL may be among the bytes, and another one ends them. False: it
 * is malformed, or has a slash. */
bool control_uri_decode(const char *text, char *out, size_t *ret_len);

#endif
