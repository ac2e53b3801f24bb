/* SPDX-License-Identifier: MIT
 *
 * Puts files into the stream, a chunk at a time.
 */
#ifndef WORDCOUNT_ENQUEUE_H
#define WORDCOUNT_ENQUEUE_H

#include "count.h"

#include <weir/producer.h>

struct enqueuer;

/* Everything is borrowed until enqueuer_close. *ret is written on success only. */
weir_status enqueuer_open(struct enqueuer **ret, const char *url, const char *stream, const char *run,
                          enum word_rule rule, weir_error *err);
void enqueuer_close(struct enqueuer *enqueuer); /* accepts NULL; what wasn't flushed is forgotten */

/* Adds a file, and flushes where the chunk is full. */
weir_status enqueuer_add(struct enqueuer *enqueuer, const char *path, size_t path_len, weir_error *err);

/*
 * Enqueues what was added. What is retriable is tried again for up to ten seconds, "in doubt" included: a file that is
 * enqueued twice is counted twice and stored once.
 */
weir_status enqueuer_flush(struct enqueuer *enqueuer, weir_error *err);

/* How many files are in the stream. */
uint64_t enqueuer_count(const struct enqueuer *enqueuer);

#endif
