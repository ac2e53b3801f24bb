/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BASE_BACKOFF_H
#define WEIR_BASE_BACKOFF_H

#include <stdint.h>
#include <weir/queue.h>

struct weir_backoff {
    weir_backoff_kind kind;
    int64_t base_ms; /* ≥ 0 */
    int64_t cap_ms;  /* ≥ base_ms; no delay is ever longer, jitter included */
    double factor;   /* ≥ 1; EXPONENTIAL only */
    double jitter;   /* 0 … 1: the delay is spread over delay × (1 ± jitter) */
};

/*
 * The delay before the next run of a job that has failed `attempt` times (≥ 1), in milliseconds, 0 … cap_ms.
 *
 * `random` is uniform in [0, 1); the caller draws it, so that the function is pure and its tests are tables.
 * Thread: any. Locks: none.
 */
int64_t weir_backoff_delay_ms(const struct weir_backoff *backoff, uint32_t attempt, double random);

#endif
