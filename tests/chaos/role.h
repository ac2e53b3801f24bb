/* SPDX-License-Identifier: MIT
 *
 * The processes of a run: what a child is told, and what it shares with the controller.
 */
#ifndef CHAOS_ROLE_H
#define CHAOS_ROLE_H

#include "config.h"

#include <stdatomic.h>

/* A page in a file of the run's directory, mapped by all. */
struct chaos_page {
    _Atomic int64_t wall_offset_ms[CHAOS_WORKERS_MAX]; /* how wrong a worker's clock is */
};

struct chaos_role {
    const char *directory; /* of the run: history, page, output */
    const char *url;
    int number, life; /* worker 2 in its fifth life: 2, 5 */
    struct chaos_config config;
};

struct chaos_page *chaos_page_map(const char *directory);

/* Each is a child's whole life, and returns its exit status. */
enum { EXIT_CLEAN = 0, EXIT_UNCLEAN = 3, EXIT_TOXIC = 9 };
int chaos_worker(const struct chaos_role *role);
int chaos_producer(const struct chaos_role *role);

/* Makes CLOCK_REALTIME of this process be off by what *offset_ms says at the moment. */
void chaos_clock_follow(const _Atomic int64_t *offset_ms);

/* Waits for SIGTERM, which children are started with blocked, for so long; true when it came. */
bool chaos_wait_for_end(int timeout_ms);

#endif
