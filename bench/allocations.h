/* SPDX-License-Identifier: MIT
 *
 * How often and how much the process allocates: counted by a library that is loaded before libc.
 */
#ifndef BENCH_ALLOCATIONS_H
#define BENCH_ALLOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Starts the program again with the counting library, unless that was done already. Call it first of all. Where there
 * is no such library (it lies beside the program), or under a sanitizer, nothing is counted.
 */
void allocations_preload(char **argv);

bool allocations_are_counted(void);

/* By all threads since the start: calls that allocate, and bytes that are allocated now, as malloc rounds them. */
uint64_t allocations_made(void);
int64_t allocated_bytes(void);

/* Of this process, in memory. */
int64_t resident_bytes(void);

#endif
