/* SPDX-License-Identifier: MIT */
#include "disturbance.h"

#include "plan.h"
#include "support/wait.h"

#include <stdlib.h>
#include <string.h>

static void add_span(struct spans *spans, struct span span)
{
    if ((spans->n & (spans->n - 1)) == 0) { /* full at each power of two */
        struct span *grown = realloc(spans->items, (spans->n ? 2 * spans->n : 1) * sizeof *grown);
        if (!grown)
            test_die("no memory for spans");
        spans->items = grown;
    }
    spans->items[spans->n++] = span;
}

static int by_start(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return x->from_us < y->from_us ? -1 : x->from_us > y->from_us;
}

/* Sorts them and makes one of those that touch. */
static void merge(struct spans *spans)
{
    if (spans->n == 0)
        return;
    qsort(spans->items, spans->n, sizeof *spans->items, by_start);
    size_t last = 0;
    for (size_t i = 1; i < spans->n; i++) {
        struct span *span = &spans->items[i];
        if (span->from_us > spans->items[last].to_us)
            spans->items[++last] = *span;
        else if (span->to_us > spans->items[last].to_us)
            spans->items[last].to_us = span->to_us;
    }
    spans->n = last + 1;
}

static bool concerns(const struct history_fault *fault, int worker)
{
    char name[16];
    snprintf(name, sizeof name, "w%d", worker);
    for (int kind = 0; kind < N_FAULT_KINDS; kind++) {
        if (strcmp(fault->kind, fault_text((enum fault_kind)kind)) != 0)
            continue;
        switch (fault_lane((enum fault_kind)kind)) {
        case LANE_SERVER:
            return kind != FAULT_SCRIPT_FLUSH;
        case LANE_NETWORK:
            return strcmp(fault->target, "workers") == 0 || strcmp(fault->target, name) == 0;
        case LANE_PROCESS:
            return kind == FAULT_STOP_WORKER && strcmp(fault->target, name) == 0;
        case LANE_TOXIC:
        case N_LANES:
            return false;
        }
    }
    test_die("an unknown fault: %s", fault->kind);
}

/* The faults that concern a worker, each so much longer. */
static struct spans spans_of(const struct history *history, int worker, int64_t longer_us)
{
    struct spans spans = {0};
    for (size_t i = 0; i < history->n_faults; i++) {
        const struct history_fault *fault = &history->faults[i];
        if (!concerns(fault, worker))
            continue;
        int64_t end_us = fault->end_us == NEVER ? NEVER : fault->end_us + longer_us;
        add_span(&spans, (struct span){fault->begin_us, end_us});
    }
    return spans;
}

struct disturbances disturbances_of(const struct history *history)
{
    struct disturbances d = {.history = history};
    for (int worker = 0; worker < CHAOS_WORKERS_MAX; worker++) {
        d.faults[worker] = spans_of(history, worker, 0);
        d.resuming[worker] = spans_of(history, worker, history->config.resume_ms * 1000 / 2);
        for (size_t i = 0; i < history->n_lost; i++)
            add_span(&d.resuming[worker], history->lost[i]);
        merge(&d.faults[worker]);
        merge(&d.resuming[worker]);
    }
    for (size_t i = 0; i < history->n_lost; i++)
        add_span(&d.lost, history->lost[i]);
    merge(&d.lost);
    return d;
}

void disturbances_free(struct disturbances *d)
{
    for (int worker = 0; worker < CHAOS_WORKERS_MAX; worker++) {
        free(d->faults[worker].items);
        free(d->resuming[worker].items);
    }
    free(d->lost.items);
}

/* The first that ends after a time. */
static size_t first_after(const struct spans *spans, int64_t us)
{
    size_t least = 0, most = spans->n;
    while (least < most) {
        size_t middle = (least + most) / 2;
        if (spans->items[middle].to_us <= us)
            least = middle + 1;
        else
            most = middle;
    }
    return least;
}

int64_t spans_within(const struct spans *spans, int64_t from_us, int64_t to_us)
{
    int64_t sum_us = 0;
    for (size_t i = first_after(spans, from_us); i < spans->n && spans->items[i].from_us < to_us; i++) {
        int64_t from = spans->items[i].from_us > from_us ? spans->items[i].from_us : from_us;
        int64_t to = spans->items[i].to_us < to_us ? spans->items[i].to_us : to_us;
        sum_us += to - from;
    }
    return sum_us;
}

/* The ends of spans between, at which half of the lease before was disturbed. */
static size_t losses(const struct disturbances *d, int worker, int64_t from_us, int64_t to_us)
{
    const struct spans *spans = &d->resuming[worker];
    int64_t lease_us = d->history->config.min_idle_ms * 1000;
    size_t n = 0;
    for (size_t i = first_after(spans, from_us); i < spans->n && spans->items[i].from_us < to_us; i++) {
        int64_t at_us = spans->items[i].to_us < to_us ? spans->items[i].to_us : to_us;
        n += spans_within(spans, at_us - lease_us, at_us) >= lease_us / 2;
    }
    return n;
}

bool lease_may_be_lost(const struct disturbances *d, int worker, int64_t from_us, int64_t to_us)
{
    return losses(d, worker, from_us, to_us) > 0;
}

size_t lease_losses(const struct disturbances *d, int64_t from_us, int64_t to_us)
{
    size_t n = 0;
    for (int worker = 0; worker < CHAOS_WORKERS_MAX; worker++)
        n += losses(d, worker, from_us, to_us);
    return n;
}

int64_t undisturbed_after(const struct disturbances *d, int worker, int64_t from_us, int64_t for_us)
{
    const struct spans *spans = &d->resuming[worker];
    for (size_t i = first_after(spans, from_us); i < spans->n; i++) {
        int64_t before_us = spans->items[i].from_us - from_us;
        if (before_us >= for_us)
            break;
        if (before_us > 0)
            for_us -= before_us;
        from_us = spans->items[i].to_us;
    }
    return from_us == NEVER ? NEVER : from_us + for_us;
}

int64_t undisturbed_before(const struct disturbances *d, int worker, int64_t to_us, int64_t for_us)
{
    const struct spans *spans = &d->resuming[worker];
    size_t i = first_after(spans, to_us);
    if (i < spans->n && spans->items[i].from_us < to_us)
        to_us = spans->items[i].from_us;
    while (i-- > 0) {
        int64_t after_us = to_us - spans->items[i].to_us;
        if (after_us >= for_us)
            break;
        for_us -= after_us;
        to_us = spans->items[i].from_us;
    }
    return to_us - for_us;
}
