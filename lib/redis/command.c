/* SPDX-License-Identifier: MIT */
#include "redis/command.h"

#include "base/number.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { HEADER_MAX = 1 + WEIR_U64_DIGITS + 2 };

/* "*3\r\n" or "$5\r\n"; returns its length. */
static size_t format_header(char *out, char kind, size_t number)
{
    size_t len = 0;
    out[len++] = kind;
    len += weir_format_u64(out + len, number);
    out[len++] = '\r';
    out[len++] = '\n';
    return len;
}

void weir_command_begin(struct weir_buffer *out, size_t n_arguments)
{
    char *room = weir_buffer_reserve(out, HEADER_MAX);
    if (room)
        out->len += format_header(room, '*', n_arguments);
}

void weir_command_bytes(struct weir_buffer *out, const char *bytes, size_t len)
{
    assert(len < SIZE_MAX / 2); /* no object is so large */
    char *room = weir_buffer_reserve(out, HEADER_MAX + len + 2);
    if (!room)
        return;
    size_t used = format_header(room, '$', len);
    if (len > 0)
        memcpy(room + used, bytes, len);
    used += len;
    room[used++] = '\r';
    room[used++] = '\n';
    out->len += used;
}

void weir_command_text(struct weir_buffer *out, const char *text)
{
    weir_command_bytes(out, text, strlen(text));
}

void weir_command_i64(struct weir_buffer *out, int64_t value)
{
    char text[1 + WEIR_U64_DIGITS];
    size_t len = 0;
    uint64_t magnitude = (uint64_t)value;
    if (value < 0) {
        text[len++] = '-';
        magnitude = 0 - magnitude;
    }
    len += weir_format_u64(text + len, magnitude);
    weir_command_bytes(out, text, len);
}

/* Reads "*3\r\n" or "$5\r\n"; moves *at beyond it. */
static bool read_header(const char *bytes, size_t len, size_t *at, uint64_t *ret)
{
    const char *end = *at < len ? memchr(bytes + *at, '\r', len - *at) : NULL;
    if (!end || !weir_parse_u64(bytes + *at + 1, (size_t)(end - bytes) - *at - 1, ret))
        return false;
    *at = (size_t)(end - bytes) + 2;
    return *at <= len;
}

size_t weir_command_length(const char *bytes, size_t len)
{
    uint64_t n, size;
    size_t at = 0;
    if (!read_header(bytes, len, &at, &n))
        return 0;
    for (uint64_t i = 0; i < n; i++) {
        if (!read_header(bytes, len, &at, &size) || size > len - at || len - at - size < 2)
            return 0;
        at += (size_t)size + 2;
    }
    return at;
}
