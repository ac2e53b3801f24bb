/* SPDX-License-Identifier: MIT */
#include "control/rates.h"

#include <stdlib.h>
#include <string.h>

enum {
    APART_MS = 1000,
    PACES_MAX = 2048, /* queues that are remembered: those looked at last */
};

/* What is remembered of a queue. `from` and `to` are a second apart or more; 0 at now_ms: there is none. */
struct control_pace {
    char *stream;
    int64_t noted; /* when, in notes */
    struct control_look from, to;
};

void control_rates_init(struct control_rates *rates)
{
    pthread_mutex_init(&rates->mutex, NULL);
}

void control_rates_free(struct control_rates *rates)
{
    for (size_t i = 0; i < rates->n_paces; i++)
        free(rates->paces[i].stream);
    free(rates->paces);
    pthread_mutex_destroy(&rates->mutex);
}

struct control_look control_look_of(const weir_queue_info *info)
{
    struct control_look look = {info->now_ms, info->added, 0, 0, info->dead_added};
    for (size_t i = 0; i < info->n_groups; i++) {
        const weir_group_info *group = info->groups[i];
        bool known = group->delivered >= 0 && look.delivered >= 0;
        look.delivered = known ? look.delivered + group->delivered : -1;
        look.finished = known ? look.finished + group->delivered - group->pending : -1;
    }
    return look;
}

/* −1 where one of the counts isn't known, or the later one is smaller: the stream was deleted meanwhile. */
static double per_second(int64_t from, int64_t to, int64_t over_ms)
{
    return from < 0 || to < from ? -1 : (double)(to - from) * 1000 / (double)over_ms;
}

struct control_speed control_speed_between(const struct control_look *from, const struct control_look *to)
{
    struct control_speed speed = {.added = -1, .delivered = -1, .finished = -1, .dead = -1};
    if (from->now_ms == 0 || to->now_ms <= from->now_ms)
        return speed;
    speed.over_ms = to->now_ms - from->now_ms;
    speed.added = per_second(from->added, to->added, speed.over_ms);
    speed.delivered = per_second(from->delivered, to->delivered, speed.over_ms);
    speed.finished = per_second(from->finished, to->finished, speed.over_ms);
    speed.dead = per_second(from->dead, to->dead, speed.over_ms);
    return speed;
}

/* --- remembering --- */

/* By name. Where the queue is, or would be. Locks: held. */
static size_t place_of(const struct control_rates *rates, const char *stream, bool *ret_found)
{
    size_t low = 0, high = rates->n_paces;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(rates->paces[middle].stream, stream);
        *ret_found |= order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Forgets the one that was noted longest ago. Locks: held. */
static void forget_one(struct control_rates *rates)
{
    size_t oldest = 0;
    for (size_t i = 1; i < rates->n_paces; i++)
        if (rates->paces[i].noted < rates->paces[oldest].noted)
            oldest = i;
    free(rates->paces[oldest].stream);
    rates->n_paces--;
    memmove(&rates->paces[oldest], &rates->paces[oldest + 1], (rates->n_paces - oldest) * sizeof *rates->paces);
}

/* The queue's, made where there is none; NULL without memory. Locks: held. */
static struct control_pace *pace_of(struct control_rates *rates, const char *stream)
{
    bool found;
    size_t at = place_of(rates, stream, &found);
    if (found)
        return &rates->paces[at];
    if (!rates->paces)
        rates->paces = calloc(PACES_MAX, sizeof *rates->paces);
    char *name = rates->paces ? strdup(stream) : NULL;
    if (!name)
        return NULL;
    if (rates->n_paces == PACES_MAX) {
        forget_one(rates);
        at = place_of(rates, stream, &found);
    }
    memmove(&rates->paces[at + 1], &rates->paces[at], (rates->n_paces - at) * sizeof *rates->paces);
    rates->n_paces++;
    rates->paces[at] = (struct control_pace){.stream = name};
    return &rates->paces[at];
}

void control_rates_note(struct control_rates *rates, const weir_queue_info *info)
{
    struct control_look look = control_look_of(info);
    pthread_mutex_lock(&rates->mutex);
    struct control_pace *pace = pace_of(rates, info->stream);
    if (pace && look.now_ms < pace->to.now_ms) /* another server's clock: anew */
        pace->from = pace->to = (struct control_look){0};
    if (pace && look.now_ms - pace->to.now_ms >= APART_MS) {
        pace->from = pace->to;
        pace->to = look;
    }
    if (pace)
        pace->noted = ++rates->n_notes;
    pthread_mutex_unlock(&rates->mutex);
}

struct control_speed control_rates_get(struct control_rates *rates, const char *stream)
{
    const struct control_look none = {0};
    bool found;
    pthread_mutex_lock(&rates->mutex);
    size_t at = place_of(rates, stream, &found);
    struct control_speed speed = found ? control_speed_between(&rates->paces[at].from, &rates->paces[at].to)
                                       : control_speed_between(&none, &none);
    pthread_mutex_unlock(&rates->mutex);
    return speed;
}
