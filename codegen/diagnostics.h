/* SPDX-License-Identifier: MIT */
#ifndef CODEGEN_DIAGNOSTICS_H
#define CODEGEN_DIAGNOSTICS_H

#include "model.h"

#include <weir/visibility.h>

/* Takes down `file:line:column: error: …`. All of a run are printed together, ordered by place, each once. */
void complain(struct location at, const char *format, ...) WEIR_PRINTF(2, 3);

/* The same with `field 'x': ` before it. */
void complain_of(const struct field *field, struct location at, const char *format, ...) WEIR_PRINTF(3, 4);

/* Prints what was taken down, to standard error; returns how many there were. */
size_t print_complaints(void);

/* Whether there is any. */
bool have_complaints(void);

#endif
