/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct weir_arena kept;

static void no_memory(void)
{
    fputs("weir-codegen: error: no memory\n", stderr);
    exit(1);
}

void *keep(size_t size)
{
    void *memory = weir_arena_alloc(&kept, size);
    if (!memory)
        no_memory();
    return memset(memory, 0, size);
}

const char *keep_text(const char *bytes, size_t len)
{
    char *copy = keep(len + 1);
    memcpy(copy, bytes, len);
    return copy;
}

/* Formats to the end of a buffer; room for the NUL that vsnprintf adds is there, but not part of the text. */
static void format_into(struct weir_buffer *out, const char *format, va_list args)
{
    for (size_t room = 256;; room *= 2) {
        char *at = weir_buffer_reserve(out, room);
        if (!at)
            no_memory();
        va_list now;
        va_copy(now, args);
        int len = vsnprintf(at, room, format, now);
        va_end(now);
        if (len >= 0 && (size_t)len < room) {
            out->len += (size_t)len;
            break;
        }
    }
}

const char *keep_format(const char *format, ...)
{
    struct weir_buffer out = {0};
    va_list args;
    va_start(args, format);
    format_into(&out, format, args);
    va_end(args);
    const char *kept_text = keep_text(out.bytes, out.len);
    weir_buffer_free(&out);
    return kept_text;
}

void print(struct weir_buffer *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_into(out, format, args);
    va_end(args);
}

const char *upper(const char *text)
{
    char *copy = (char *)keep_text(text, strlen(text));
    for (char *at = copy; *at; at++)
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    return copy;
}

void forget_all(void)
{
    weir_arena_free(&kept);
}
