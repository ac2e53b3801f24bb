/* SPDX-License-Identifier: MIT */
#ifndef WEIR_JOB_TEXT_H
#define WEIR_JOB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The text forms of single values, which other languages read and write alike: see docs/codegen.md. None of this
 * depends on the locale. Texts have a length and needn't be NUL-terminated.
 */
enum weir_text {
    WEIR_TEXT_OK,
    WEIR_TEXT_MALFORMED, /* not such a value at all */
    WEIR_TEXT_RANGE,     /* such a value, but too large for the type */
};

/* Decimal digits, with a sign ('-' for the signed alone) and leading zeros allowed. `size`: bytes of the type. */
enum weir_text weir_text_read_int(const char *text, size_t len, size_t size, int64_t *ret);
enum weir_text weir_text_read_uint(const char *text, size_t len, size_t size, uint64_t *ret);

/* "true" and "1", "false" and "0". */
enum weir_text weir_text_read_bool(const char *text, size_t len, bool *ret);

/* 1.5, .5, 5., -1e-3, inf, infinity and nan in any case; no hexadecimal, no white space. */
enum weir_text weir_text_read_double(const char *text, size_t len, double *ret);
enum weir_text weir_text_read_float(const char *text, size_t len, float *ret);

/* Writes the text, without a NUL, into at least WEIR_TEXT_SIZE bytes; returns its length. */
#define WEIR_TEXT_SIZE 48
size_t weir_text_write_int(char *out, int64_t value);
size_t weir_text_write_uint(char *out, uint64_t value);

/* The fewest digits that read back as the same value; 1e300 for large and small ones; inf, -inf, nan. */
size_t weir_text_write_double(char *out, double value);
size_t weir_text_write_float(char *out, float value);

/* The range of an integer type of `size` bytes. */
int64_t weir_int_min(size_t size);
int64_t weir_int_max(size_t size);
uint64_t weir_uint_max(size_t size);

#endif
