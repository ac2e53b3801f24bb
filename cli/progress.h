/* SPDX-License-Identifier: MIT
 *
 * A line on standard error that tells how far long work is: only where that is a terminal, and only once it takes long.
 */
#ifndef WEIR_CLI_PROGRESS_H
#define WEIR_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* "enqueueing"; borrowed */
    uint64_t total;   /* 0: nobody knows */
    int64_t began_ms, drawn_ms;
    bool wanted, visible;
};

void progress_begin(struct progress *progress, const char *what, uint64_t total);

/* Cheap: may be called for each job. */
void progress_set(struct progress *progress, uint64_t done);

/* Takes the line away. */
void progress_end(struct progress *progress);

int64_t monotonic_ms(void);
void wait_ms(int64_t ms);

#endif
