/* SPDX-License-Identifier: MIT
 *
 * Decisions about jobs: pure functions of the policy and of what has happened.
 *
 * Two budgets, never mixed: attempts are runs that reported failure and travel with the job; deliveries are the
 * server's count of how often the entry was handed out. Only WEIR_BACKOFF_NONE ties them together, since there a failed
 * job simply stays pending and its next run is its next delivery.
 */
#include "queue/verdict.h"

uint32_t weir_attempt_of(const struct weir_policy *policy, uint32_t failed_attempts, uint32_t deliveries)
{
    uint32_t runs = policy->backoff.kind == WEIR_BACKOFF_NONE && deliveries > 1 ? deliveries : 1;
    return failed_attempts > UINT32_MAX - runs ? UINT32_MAX : failed_attempts + runs;
}

bool weir_is_poison(const struct weir_policy *policy, uint32_t deliveries)
{
    uint32_t limit = policy->max_deliveries;
    if (policy->backoff.kind == WEIR_BACKOFF_NONE && policy->max_attempts > limit)
        limit = policy->max_attempts; /* every attempt is a delivery there, and must not count as a crash */
    return deliveries > limit;
}

struct weir_decision weir_decide(const struct weir_policy *policy, weir_outcome outcome, uint32_t attempt,
                                 int64_t asked_retry_ms, double random)
{
    if (outcome == WEIR_DONE)
        return (struct weir_decision){.verdict = WEIR_VERDICT_ACK, .attempts = attempt - 1};
    if (outcome == WEIR_REJECT)
        return (struct weir_decision){.verdict = WEIR_VERDICT_BURY, .attempts = attempt, .reason = WEIR_DEAD_REJECTED};
    if (attempt >= policy->max_attempts)
        return (struct weir_decision){.verdict = WEIR_VERDICT_BURY, .attempts = attempt, .reason = WEIR_DEAD_EXHAUSTED};
    if (asked_retry_ms >= 0)
        return (struct weir_decision){
            .verdict = WEIR_VERDICT_RETRY, .attempts = attempt, .retry_delay_ms = asked_retry_ms};
    if (policy->backoff.kind == WEIR_BACKOFF_NONE)
        return (struct weir_decision){.verdict = WEIR_VERDICT_KEEP, .attempts = attempt};
    return (struct weir_decision){.verdict = WEIR_VERDICT_RETRY,
                                  .attempts = attempt,
                                  .retry_delay_ms = weir_backoff_delay_ms(&policy->backoff, attempt, random)};
}
