/* SPDX-License-Identifier: MIT */
#ifndef CODEGEN_TEXT_H
#define CODEGEN_TEXT_H

#include "base/buffer.h"

#include <stddef.h>
#include <weir/visibility.h>

/* Memory that is never given back before the program ends; ends the program where there is none. Zeroed. */
void *keep(size_t size);

/* A kept, NUL-terminated copy. */
const char *keep_text(const char *bytes, size_t len);

/* printf into kept memory. */
const char *keep_format(const char *format, ...) WEIR_PRINTF(1, 2);

/* printf to the end of a buffer; ends the program where there is no memory. */
void print(struct weir_buffer *out, const char *format, ...) WEIR_PRINTF(2, 3);

/* The same words with capitals: EMAIL for email. */
const char *upper(const char *text);

/* Frees all that was kept. */
void forget_all(void);

#endif
