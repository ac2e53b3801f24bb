/* SPDX-License-Identifier: MIT
 *
 * Tables for people: columns as wide as what is in them, and no wider than the terminal.
 */
#ifndef WEIR_CLI_TABLE_H
#define WEIR_CLI_TABLE_H

#include "terminal.h"
#include "text.h"

#include <stdint.h>

struct column {
    const char *title;
    bool to_the_right;
    size_t least;  /* where the terminal is too narrow, cut down to so many columns; 0: never */
    int leave_out; /* and then left out, the highest first; 0: never */
    enum clip clip;
};

struct table;

/* The columns are borrowed until table_end. */
struct table *table_new(const struct column *columns, size_t n);

/* Leaves a column out from the beginning. Before the first cell. */
void table_hide(struct table *table, size_t column);

/* The next cell, row by row. `text` is printable already (text_visible), and copied. */
void table_cell(struct table *table, enum style style, const char *text);

/* The same for any bytes. */
void table_bytes(struct table *table, enum style style, const void *bytes, size_t len);

size_t table_rows(const struct table *table);

/* Lays the rows out for a terminal of so many columns and prints them, the titles first. */
void table_print(struct table *table, FILE *to, size_t columns);

/* For long lists: prints what is there, and forgets it. Later rows keep to the widths. */
void table_flush(struct table *table);

/* Prints what is left, and frees. */
void table_end(struct table *table);

/* Frees without printing. */
void table_free(struct table *table);

#endif
