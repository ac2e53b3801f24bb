/* SPDX-License-Identifier: MIT
 *
 * When a worker could not do its work, by the faults of a history: what excuses a duplicate, or a silence.
 */
#ifndef CHAOS_DISTURBANCE_H
#define CHAOS_DISTURBANCE_H

#include "config.h"
#include "history.h"

/* Spans in order, none touching the next. */
struct spans {
    struct span *items;
    size_t n;
};

struct disturbances {
    const struct history *history;
    struct spans faults[CHAOS_WORKERS_MAX];   /* those that concern a worker, by its number */
    struct spans resuming[CHAOS_WORKERS_MAX]; /* with half a bound of G7 after each, to connect again; with `lost` */
    struct spans lost;                        /* what machine and server took from everybody */
};

struct disturbances disturbances_of(const struct history *history);
void disturbances_free(struct disturbances *disturbances);

/* How much of the time between is in the spans. */
int64_t spans_within(const struct spans *spans, int64_t from_us, int64_t to_us);

/*
 * Whether a worker may have lost leases between: at some time it was disturbed for half of the lease before it. (Leases
 * are renewed when between a quarter and a half of them is over.)
 */
bool lease_may_be_lost(const struct disturbances *disturbances, int worker, int64_t from_us, int64_t to_us);

/* When a worker has had so much time without disturbance after a time; since when it has, at a time. */
int64_t undisturbed_after(const struct disturbances *disturbances, int worker, int64_t from_us, int64_t for_us);
int64_t undisturbed_before(const struct disturbances *disturbances, int worker, int64_t to_us, int64_t for_us);

/* How often leases may have been lost, all workers taken together. */
size_t lease_losses(const struct disturbances *disturbances, int64_t from_us, int64_t to_us);

#endif
