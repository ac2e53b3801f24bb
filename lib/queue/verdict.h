/* SPDX-License-Identifier: MIT */
#ifndef WEIR_QUEUE_VERDICT_H
#define WEIR_QUEUE_VERDICT_H

#include "base/backoff.h"
#include "job/job.h"

/* The rules by which a queue decides about its jobs. */
struct weir_policy {
    uint32_t max_attempts;
    uint32_t max_deliveries;
    struct weir_backoff backoff;
};

struct weir_decision {
    enum weir_verdict verdict;
    uint32_t attempts;       /* failed runs, this one included */
    int64_t retry_delay_ms;  /* WEIR_VERDICT_RETRY */
    weir_dead_reason reason; /* WEIR_VERDICT_BURY */
};

/* Which run of its handler a delivered job is about to have, from 1. */
uint32_t weir_attempt_of(const struct weir_policy *policy, uint32_t failed_attempts, uint32_t deliveries);

/* Whether a job that was handed out so often must not run again: it has crashed its workers too often. */
bool weir_is_poison(const struct weir_policy *policy, uint32_t deliveries);

/*
 * What becomes of a job whose `attempt`th run ended in `outcome` (DONE, RETRY or REJECT). asked_retry_ms ≥ 0 stands in
 * for the backoff. random is uniform in [0, 1). Pure.
 */
struct weir_decision weir_decide(const struct weir_policy *policy, weir_outcome outcome, uint32_t attempt,
                                 int64_t asked_retry_ms, double random);

#endif
