/* SPDX-License-Identifier: MIT
 *
 * A queue with a handler that does nothing but count.
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include "bench.h"

#include <semaphore.h>

struct worker {
    weir_queue *queue;
    atomic_uint_fast64_t handled;
    uint64_t awaited; /* posts `reached` when so many were handled */
    sem_t reached;
};

/* The options of such a queue on a stream with the group "bench": nothing is trimmed. */
weir_queue_options worker_options(const struct bench *bench, const char *stream, uint32_t concurrency);

/* Opens it; handler and user_data are set here. Ends the process where it can't. */
void worker_open(struct worker *worker, weir_queue_options options);

/* Starts it and waits until `jobs` were handled and acked. */
void worker_run(struct worker *worker, uint64_t jobs);

void worker_close(struct worker *worker);

#endif
