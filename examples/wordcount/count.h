/* SPDX-License-Identifier: MIT
 *
 * What wc counts, as `LC_ALL=C wc` counts it.
 */
#ifndef WORDCOUNT_COUNT_H
#define WORDCOUNT_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

/*
 * Lines are newline bytes. Words lie between white space (space, \t, \n, \v, \f, \r); what they are made of depends on
 * the wc: up to coreutils 9.4, and in Debian 12, a run of bytes that has no printing one (0x21 … 0x7e) is not a word;
 * since 9.5 every run is.
 */
enum word_rule { WORDS_PRINTING WEIR_FIELD(name = "printing"), WORDS_ANY WEIR_FIELD(name = "any") };

struct counts {
    uint64_t lines;
    uint64_t words;
    uint64_t bytes;
};

/* Counts n more bytes. *in_word is carried on from block to block, and is false at first. */
void count_block(struct counts *counts, bool *in_word, enum word_rule rule, const unsigned char *block, size_t n);

/* Counts a regular file. Returns 0 and writes *ret, or returns the errno that says why it can't be read. */
int count_file(const char *path, enum word_rule rule, struct counts *ret);

#endif
