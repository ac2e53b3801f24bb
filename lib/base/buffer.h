/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BASE_BUFFER_H
#define WEIR_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes that grow at the end. A failed allocation is remembered in `failed` and makes later appends do nothing, so that
 * a writer checks once, at the end. Zero-initialized is empty. Not thread-safe.
 */
struct weir_buffer {
    char *bytes;
    size_t len, capacity;
    bool failed;
};

void weir_buffer_append(struct weir_buffer *buffer, const void *bytes, size_t len);

/* Room for `len` more bytes at bytes + len, for a writer that then adds to len itself; NULL on failure. */
char *weir_buffer_reserve(struct weir_buffer *buffer, size_t len);

/* Removes the first len bytes, which it has. */
void weir_buffer_drop(struct weir_buffer *buffer, size_t len);

/* Empties it; capacity beyond keep_bytes is given back. */
void weir_buffer_clear(struct weir_buffer *buffer, size_t keep_bytes);

void weir_buffer_free(struct weir_buffer *buffer);

#endif
