/* SPDX-License-Identifier: MIT */
#ifndef WEIR_JOB_ENTRY_ID_H
#define WEIR_JOB_ENTRY_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stream entry's id: two integers, formatted only where a command needs it. */
struct weir_entry_id {
    uint64_t ms, seq;
};

#define WEIR_ENTRY_ID_SIZE 42 /* two numbers, a dash, a NUL */

/* "ms-seq", or "ms" alone, which means ms-0. False on anything else. */
bool weir_entry_id_parse(const char *text, size_t len, struct weir_entry_id *ret);

/* Writes it with a NUL; returns the length without. */
size_t weir_entry_id_format(struct weir_entry_id id, char out[WEIR_ENTRY_ID_SIZE]);

/* < 0, 0, > 0 */
int weir_entry_id_compare(struct weir_entry_id a, struct weir_entry_id b);

/* Whether it is the largest of all: nothing comes after it, and a server refuses to look there. */
bool weir_entry_id_is_last(struct weir_entry_id id);

/* The smallest id after this one; the largest id of all has none and is returned itself. */
struct weir_entry_id weir_entry_id_next(struct weir_entry_id id);

#endif
