/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BASE_NUMBER_H
#define WEIR_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads all of `text` as a decimal number: digits only (and a leading '-' for i64). False on anything else or overflow.
 */
bool weir_parse_u64(const char *text, size_t len, uint64_t *ret);
bool weir_parse_i64(const char *text, size_t len, int64_t *ret);

/* Writes `value` in decimal, without a NUL, at least WEIR_U64_DIGITS bytes of room; returns the length. */
#define WEIR_U64_DIGITS 20
size_t weir_format_u64(char *out, uint64_t value);

#endif
