/* SPDX-License-Identifier: MIT
 *
 * The results of a run: one Redis hash, path → "lines words bytes".
 *
 * A job that runs twice writes the same field twice, so that running "at least once" is enough. The hash is the run:
 * the coordinator creates it, and a worker never writes to one that isn't there, so that a run that was given up leaves
 * nothing behind. The field "", which no path can be, counts the runs of jobs that weren't their first.
 */
#ifndef WORDCOUNT_RESULTS_H
#define WORDCOUNT_RESULTS_H

#include "count.h"

#include <stdbool.h>

/* One thread's connection to the results. It connects when it's needed, and again after a failure. */
struct results;

struct results *results_open(const char *url); /* NULL: no memory */
void results_close(struct results *results);   /* accepts NULL */

/* Why the last call returned false. */
const char *results_reason(const struct results *results);

/* Each returns false where Redis could not be asked; all but results_create may simply be called again. */
bool results_create(struct results *results, const char *run); /* also false where the run exists */
bool results_store(struct results *results, const char *run, const char *path, size_t path_len,
                   const struct counts *counts);
bool results_note_rerun(struct results *results, const char *run);
bool results_has(struct results *results, const char *run, const char *path, size_t path_len, bool *ret);
bool results_progress(struct results *results, const char *run, uint64_t *ret_done, uint64_t *ret_reruns);
bool results_sum(struct results *results, const char *run, struct counts *ret_sum, uint64_t *ret_files);

/* Deletes the key `name`; what isn't there is deleted already. */
bool results_delete(struct results *results, const char *name);

#endif
