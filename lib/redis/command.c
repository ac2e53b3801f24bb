/* SPDX-License-Identifier: MIT */
#include "redis/command.h"

#include "base/number.h"

#include <string.h>

/* "*3\r\n" or "$5\r\n" */
static void header(struct weir_buffer *out, char kind, size_t number)
{
    char *room = weir_buffer_reserve(out, 1 + WEIR_U64_DIGITS + 2);
    if (!room)
        return;
    size_t len = 0;
    room[len++] = kind;
    len += weir_format_u64(room + len, number);
    room[len++] = '\r';
    room[len++] = '\n';
    out->len += len;
}

void weir_command_begin(struct weir_buffer *out, size_t n_arguments)
{
    header(out, '*', n_arguments);
}

void weir_command_bytes(struct weir_buffer *out, const char *bytes, size_t len)
{
    header(out, '$', len);
    weir_buffer_append(out, bytes, len);
    weir_buffer_append(out, "\r\n", 2);
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
