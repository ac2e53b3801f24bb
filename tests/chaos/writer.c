/* SPDX-License-Identifier: MIT */
#include "writer.h"

#include "support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512 };

static int history_fd = -1;
static char history_who[16];

int64_t history_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void history_open(const char *directory, const char *who)
{
    char path[256];
    snprintf(path, sizeof path, "%s/history", directory);
    snprintf(history_who, sizeof history_who, "%s", who);
    history_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (history_fd < 0)
        test_die("%s: %s", path, strerror(errno));
}

static void append(const char *text, size_t len)
{
    ssize_t n = write(history_fd, text, len);
    if (n != (ssize_t)len)
        test_die("the history can't be written: %s", n < 0 ? strerror(errno) : "no room for a whole line");
}

/* The line with its newline; returns its length. */
static size_t format_line(char line[static LINE_MAX_BYTES], const char *format, va_list args)
{
    int head = snprintf(line, LINE_MAX_BYTES, "%c%" PRId64 " %s ", LINE_START, history_now_us(), history_who);
    int rest = vsnprintf(line + head, (size_t)(LINE_MAX_BYTES - head), format, args);
    size_t len = (size_t)(head + rest);
    if (len > LINE_MAX_BYTES - 2)
        len = LINE_MAX_BYTES - 2;
    for (size_t i = 1; i < len; i++)
        if (line[i] == LINE_START || line[i] == '\n')
            line[i] = ' ';
    line[len] = '\n';
    return len + 1;
}

void history_say(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    size_t len = format_line(line, format, args);
    va_end(args);
    append(line, len);
}

void history_add(struct history_lines *lines, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    size_t len = format_line(line, format, args);
    va_end(args);
    if (lines->len + len > lines->capacity) {
        lines->capacity = 2 * (lines->capacity + len);
        lines->text = realloc(lines->text, lines->capacity);
        if (!lines->text)
            test_die("no memory for lines of the history");
    }
    memcpy(lines->text + lines->len, line, len);
    lines->len += len;
}

void history_flush(struct history_lines *lines)
{
    if (lines->len > 0)
        append(lines->text, lines->len);
    free(lines->text);
    *lines = (struct history_lines){0};
}
