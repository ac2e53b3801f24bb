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

const char *keep_format(const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = keep((size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

void print(struct weir_buffer *out, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *room = weir_buffer_reserve(out, (size_t)len + 1);
    if (!room)
        no_memory();
    vsnprintf(room, (size_t)len + 1, format, again);
    va_end(again);
    out->len += (size_t)len;
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
