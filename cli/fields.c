/* SPDX-License-Identifier: MIT */
#include "fields.h"

#include "fail.h"
#include "msgpack_text.h"
#include "terminal.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 400, NAME_WIDTH = 12 };

char *field_value(const void *bytes, size_t len, size_t max_columns)
{
    if (!text_is_valid(bytes, len)) {
        char *json = msgpack_text(bytes, len);
        if (json) {
            char *visible = text_visible(json, strlen(json), max_columns);
            free(json);
            return visible;
        }
    }
    return text_visible(bytes ? bytes : "", len, max_columns);
}

char *fields_line(const weir_fields *fields)
{
    char *line = NULL;
    size_t size;
    FILE *to = open_memstream(&line, &size);
    if (!to)
        fail(EXIT_FAILED, "no memory");
    for (size_t i = 0; i < fields->n && ftell(to) < LINE; i++) {
        const weir_field *field = &fields->items[i];
        char *name = text_visible(field->name, field->name_len, LINE);
        char *value = field_value(field->value, field->value_len, LINE);
        fprintf(to, "%s%s=%s", i ? " " : "", name, value);
        free(name);
        free(value);
    }
    if (fclose(to) != 0)
        fail(EXIT_FAILED, "no memory");
    return line;
}

static void print_pair(enum style style, const char *name, const char *value)
{
    size_t columns = text_columns(name);
    fputs("  ", stdout);
    style_begin(stdout, style);
    fputs(name, stdout);
    style_end(stdout, style);
    printf("%*s%s\n", columns < NAME_WIDTH ? (int)(NAME_WIDTH - columns) : 1, "", value);
}

void fields_print(const weir_fields *fields)
{
    for (size_t i = 0; i < fields->n; i++) {
        const weir_field *field = &fields->items[i];
        char *name = text_visible(field->name, field->name_len, ALL_COLUMNS);
        char *value = field_value(field->value, field->value_len, ALL_COLUMNS);
        print_pair(STRONG, name, value);
        free(name);
        free(value);
    }
}

void property_print(const char *name, const char *text)
{
    if (!text || !*text)
        return;
    char *visible = text_visible(text, strlen(text), ALL_COLUMNS);
    print_pair(FAINT, name, visible);
    free(visible);
}
