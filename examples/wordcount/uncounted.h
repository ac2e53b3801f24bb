/* SPDX-License-Identifier: MIT
 *
 * The files of a run that could not be counted: its dead letters.
 */
#ifndef WORDCOUNT_UNCOUNTED_H
#define WORDCOUNT_UNCOUNTED_H

#include "results.h"

#include <stdio.h>
#include <weir/dead.h>

struct uncounted_file;

struct uncounted {
    weir_dead *dead;
    const char *run; /* borrowed */
    struct uncounted_file *files;
    size_t n;
    size_t room;
    char last[64]; /* the newest letter seen */
    bool no_memory;
};

weir_status uncounted_open(struct uncounted *uncounted, const char *url, const char *stream, const char *run,
                           weir_error *err);
void uncounted_close(struct uncounted *uncounted); /* also of a zeroed one */

/* Takes note of what died since the last call. */
weir_status uncounted_refresh(struct uncounted *uncounted, weir_error *err);

/* How many letters there are. */
size_t uncounted_letters(const struct uncounted *uncounted);

/*
 * How many files they are. A file may have two letters, where it was in doubt whether it was enqueued, or a letter and
 * a result, where its worker lost its lease and went on all the same: that one is counted. Sorts by path.
 */
bool uncounted_files(struct uncounted *uncounted, struct results *results, size_t *ret);

/* One line a file: path and reason. Of what the last uncounted_files has found. */
void uncounted_print(const struct uncounted *uncounted, FILE *file);

/* Deletes the letters. */
void uncounted_delete(struct uncounted *uncounted);

#endif
