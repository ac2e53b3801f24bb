/* SPDX-License-Identifier: MIT
 *
 * Numbers and paths, for people.
 */
#ifndef WORDCOUNT_TEXT_H
#define WORDCOUNT_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct number_text {
    char text[32];
};

/* 1234567 as "1,234,567". */
struct number_text grouped(uint64_t number);

/* Writes bytes so that they stay on one line and leave a terminal alone: \n, \\, \377; UTF-8 passes. */
void print_escaped(FILE *file, const char *bytes, size_t n);

#endif
