/* SPDX-License-Identifier: MIT
 *
 * What everything in weir-bench stands on: ending with a message, time, processor time.
 */
#ifndef BENCH_BASE_H
#define BENCH_BASE_H

#include <stddef.h>
#include <stdint.h>

/* Prints "weir-bench: …" to standard error and ends the process with status 1. The supervisor cleans up. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Zeroed memory; never NULL. */
void *must_alloc(size_t size);

/* CLOCK_MONOTONIC. */
int64_t now_us(void);
int64_t now_ns(void);

void pause_us(int64_t us);

/* User and system time of all threads of this process; of the calling thread. */
double cpu_self_us(void);
double cpu_thread_us(void);

#endif
