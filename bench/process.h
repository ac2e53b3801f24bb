/* SPDX-License-Identifier: MIT
 *
 * Roles in processes of their own, so that each one's processor time can be told apart.
 */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include "bench.h"

/* Memory that this process shares with those that it forks; zeroed. shared_free unmaps it. */
void *shared_alloc(size_t size);
void shared_free(void *memory, size_t size);

/*
 * Forks; the child runs fn(bench, context) with a control connection of its own, and ends. It is killed if this process
 * dies. Call it while this process has no other threads.
 */
pid_t process_start(struct bench *bench, void (*fn)(struct bench *bench, void *context), void *context);

/* Waits for its end; ends this process, too, where the child failed. */
void process_wait(pid_t pid);

/* Kills and waits. */
void process_kill(pid_t pid);

/* Its user and system time so far. */
double process_cpu_us(pid_t pid);

/* A gate that processes wait at until it is opened. In shared memory. */
struct gate {
    atomic_uint arrived;
    atomic_bool open;
};

void gate_wait(struct gate *gate);                 /* says that it is there, and waits */
void gate_open(struct gate *gate, unsigned after); /* once so many are there */

#endif
