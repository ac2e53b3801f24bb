/* SPDX-License-Identifier: MIT
 *
 * Bytes as a terminal may show them. What comes from jobs and names can be anything, escape sequences included: nothing
 * of it gets to the terminal but printable characters.
 */
#ifndef WEIR_CLI_TEXT_H
#define WEIR_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { ALL_COLUMNS = 0x7fffffff };

enum clip { CLIP_END, CLIP_MIDDLE };

/* Reads the locale: whether the terminal takes UTF-8. */
void text_init(void);

/* Whether more than ASCII may be printed. */
bool text_is_utf8(void);

/*
 * The bytes, with controls as \n, \t or \xNN, what is not UTF-8 as \xNN, and characters that are invisible or turn the
 * writing around as \u{NNNN}. About max_columns are enough: the rest may be left out. The caller frees.
 */
char *text_visible(const void *bytes, size_t len, size_t max_columns);

/* Of what text_visible gave. */
size_t text_columns(const char *visible);

/* Cut to so many columns, with an ellipsis where something is left out. The caller frees. */
char *text_clip(const char *visible, size_t columns, enum clip clip);

/* Whether all of it is UTF-8, controls and NUL included. */
bool text_is_valid(const void *bytes, size_t len);

#endif
