/* SPDX-License-Identifier: MIT */
#include "diagnostics.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct complaint {
    struct location at;
    const char *text;
    struct complaint *next;
};

static struct complaint *first;

static int compare(const struct complaint *left, const struct complaint *right)
{
    int files = strcmp(left->at.file, right->at.file);
    if (files != 0)
        return files;
    if (left->at.line != right->at.line)
        return left->at.line < right->at.line ? -1 : 1;
    if (left->at.column != right->at.column)
        return left->at.column < right->at.column ? -1 : 1;
    return strcmp(left->text, right->text);
}

/* Into its place among those that are there, after its equals; the same thing twice is said once. */
static void insert(struct location at, const char *text)
{
    struct complaint *complaint = keep(sizeof *complaint);
    *complaint = (struct complaint){.at = at, .text = text};
    if (!complaint->at.file)
        complaint->at.file = "weir-codegen";
    struct complaint **link = &first;
    while (*link && compare(*link, complaint) < 0)
        link = &(*link)->next;
    if (*link && compare(*link, complaint) == 0)
        return;
    complaint->next = *link;
    *link = complaint;
}

static const char *format_text(const char *format, va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    return keep_text(text, strlen(text));
}

void complain(struct location at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    insert(at, format_text(format, args));
    va_end(args);
}

void complain_of(const struct field *field, struct location at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    insert(at, keep_format("field '%s': %s", field->member, format_text(format, args)));
    va_end(args);
}

bool have_complaints(void)
{
    return first != NULL;
}

size_t print_complaints(void)
{
    size_t n = 0;
    for (const struct complaint *complaint = first; complaint; complaint = complaint->next, n++) {
        if (complaint->at.line > 0)
            fprintf(stderr, "%s:%u:%u: error: %s\n", complaint->at.file, complaint->at.line, complaint->at.column,
                    complaint->text);
        else
            fprintf(stderr, "%s: error: %s\n", complaint->at.file, complaint->text);
    }
    return n;
}
