/* SPDX-License-Identifier: MIT
 *
 * The fields of jobs for people: on one line, or each on its own.
 */
#ifndef WEIR_CLI_FIELDS_H
#define WEIR_CLI_FIELDS_H

#include <stddef.h>
#include <weir/field.h>

/* "to=ada@example.org subject=Hello", cut where it gets much longer than a terminal. The caller frees. */
char *fields_line(const weir_fields *fields);

/*
 * One value: text as it is, msgpack (an array or a map, as generated mappers write it) as JSON, anything else as text
 * with \xNN. The caller frees.
 */
char *field_value(const void *bytes, size_t len, size_t max_columns);

/* Prints "  name   value" lines, indented by two. */
void fields_print(const weir_fields *fields);

/* Prints "  name   text" with the same layout; nothing where the text is empty. */
void property_print(const char *name, const char *text);

#endif
