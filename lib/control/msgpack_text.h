/* SPDX-License-Identifier: MIT */
#ifndef WEIR_CONTROL_MSGPACK_TEXT_H
#define WEIR_CONTROL_MSGPACK_TEXT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

enum { CONTROL_MSGPACK_TEXT_MAX = 64 * 1024 };

/*
 * Writes bytes that are exactly one msgpack array or map, and nothing else, as JSON for people. False where they
 * aren't, where the text would be longer than CONTROL_MSGPACK_TEXT_MAX, or without memory; what was appended is of no
 * use then.
 *
 * What JSON lacks: binary is {"base64": "…"}, an extension {"ext": type, "base64": "…"}, a map whose keys aren't all
 * text [[key, value], …], NaN and infinities are text. Text that isn't UTF-8 is binary.
 */
bool control_msgpack_write(struct weir_buffer *out, const char *bytes, size_t len);

/* Appends base64. */
void control_base64_write(struct weir_buffer *out, const char *bytes, size_t len);

/* How many of the first bytes are whole characters of UTF-8; len where all are. */
size_t control_utf8_len(const char *bytes, size_t len);

#endif
