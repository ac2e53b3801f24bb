/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char *weir_buffer_reserve(struct weir_buffer *buffer, size_t len)
{
    if (buffer->failed)
        return NULL;
    if (len > buffer->capacity - buffer->len || !buffer->bytes) {
        size_t capacity = buffer->capacity ? buffer->capacity : 256;
        while (capacity - buffer->len < len) {
            if (capacity > SIZE_MAX / 2) {
                buffer->failed = true;
                return NULL;
            }
            capacity *= 2;
        }
        char *bytes = realloc(buffer->bytes, capacity);
        if (!bytes) {
            buffer->failed = true;
            return NULL;
        }
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    return buffer->bytes + buffer->len;
}

void weir_buffer_append(struct weir_buffer *buffer, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    char *room = weir_buffer_reserve(buffer, len);
    if (!room)
        return;
    memcpy(room, bytes, len);
    buffer->len += len;
}

void weir_buffer_drop(struct weir_buffer *buffer, size_t len)
{
    if (len == 0)
        return;
    buffer->len -= len;
    memmove(buffer->bytes, buffer->bytes + len, buffer->len);
}

void weir_buffer_clear(struct weir_buffer *buffer, size_t keep_bytes)
{
    if (buffer->capacity > keep_bytes)
        weir_buffer_free(buffer);
    buffer->len = 0;
    buffer->failed = false;
}

void weir_buffer_free(struct weir_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct weir_buffer){0};
}
