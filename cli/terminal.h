/* SPDX-License-Identifier: MIT
 *
 * What standard output and standard error are: a terminal with a width and colours, or not.
 */
#ifndef WEIR_CLI_TERMINAL_H
#define WEIR_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <weir/error.h>

enum style { PLAIN, FAINT, STRONG, GOOD, WARNING, BAD };

bool terminal_is(FILE *stream);

/* Of standard output; ALL_COLUMNS of text.h where it is no terminal: nothing is cut there. */
size_t terminal_columns(void);
size_t terminal_rows(void);

/* Whether standard output takes colours: a terminal that isn't "dumb", and no NO_COLOR. */
bool terminal_has_colours(void);

/* Begins and ends a style in what goes to standard output in the end. PLAIN writes nothing. */
void style_begin(FILE *to, enum style style);
void style_end(FILE *to, enum style style);

/*
 * Prints the text, with line breaks between words where it would get wider than `columns`. The first line goes on in
 * the column `at`, the others begin behind a margin. Ends the line.
 */
void print_wrapped(const char *text, size_t at, size_t margin, size_t columns);

/* A remark below a table, for people alone: nothing where standard output is no terminal. */
void print_remark(const char *format, ...) WEIR_PRINTF(1, 2);

#endif
