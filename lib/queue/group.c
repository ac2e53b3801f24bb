/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "queue/core.h"

#include <stdio.h>
#include <stdlib.h>

struct weir_queue_group {
    size_t n;
    weir_queue *queues[];
};

weir_status weir_queue_group_open(weir_queue_group **ret, const weir_queue_options *options, size_t n, weir_error *err)
{
    if (!ret || !options || n == 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "a group needs a place for the result and the options of one queue");
    if (n > 10000)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "n is %zu; a group may have at most 10000 queues", n);
    weir_queue_group *group = calloc(1, sizeof *group + n * sizeof *group->queues);
    if (!group)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a group of queues");
    for (size_t i = 0; i < n; i++) {
        weir_error failure = {.code = WEIR_OK};
        weir_status status = weir_queue_open(&group->queues[i], &options[i], &failure);
        if (status != WEIR_OK) {
            weir_queue_group_close(group);
            weir_error_set(err, status, "queue %zu: %.280s", i, failure.message);
            if (err)
                snprintf(err->server, sizeof err->server, "%s", failure.server);
            return status;
        }
        group->n++;
    }
    *ret = group;
    return WEIR_OK;
}

weir_status weir_queue_group_start(weir_queue_group *group, weir_error *err)
{
    if (!group)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "group is NULL");
    for (size_t i = 0; i < group->n; i++) {
        weir_status status = weir_queue_start(group->queues[i], err);
        if (status == WEIR_OK)
            continue;
        while (i-- > 0)
            weir_queue_stop(group->queues[i], 1000);
        return status;
    }
    return WEIR_OK;
}

/* Whether the calling thread is inside a callback of one of the queues. */
static bool in_callback(const weir_queue_group *group)
{
    for (size_t i = 0; i < group->n; i++)
        if (weir_core_in_callback(group->queues[i]))
            return true;
    return false;
}

weir_status weir_queue_group_stop(weir_queue_group *group, int64_t deadline_ms)
{
    if (!group || deadline_ms < 0)
        return WEIR_ERR_ARGUMENT;
    if (in_callback(group))
        return WEIR_ERR_STATE;
    int64_t now_us = weir_now_us();
    int64_t deadline_us = deadline_ms > (INT64_MAX - now_us) / 1000 - 1 ? INT64_MAX - 1 : now_us + deadline_ms * 1000;
    for (size_t i = 0; i < group->n; i++)
        weir_queue_stop_begin(group->queues[i]);
    bool ended = true;
    for (size_t i = 0; i < group->n; i++)
        ended &= weir_queue_stop_linger(group->queues[i], deadline_us);
    for (size_t i = 0; i < group->n && !ended; i++)
        weir_queue_stop_abandon(group->queues[i]);
    weir_status first = WEIR_OK;
    for (size_t i = 0; i < group->n; i++) {
        weir_status status = weir_queue_stop_wait(group->queues[i], deadline_us);
        if (first == WEIR_OK)
            first = status;
    }
    return first;
}

void weir_queue_group_close(weir_queue_group *group)
{
    if (!group)
        return;
    if (in_callback(group)) {
        weir_log(WEIR_LOG_ERROR,
                 "weir_queue_group_close was called from a callback of one of its queues, and did nothing");
        return;
    }
    weir_queue_group_stop(group, WEIR_CLOSE_DEADLINE_MS); /* all at the same time */
    for (size_t i = 0; i < group->n; i++)
        weir_queue_close(group->queues[i]);
    free(group);
}

weir_queue *weir_queue_group_get(weir_queue_group *group, size_t i)
{
    return group && i < group->n ? group->queues[i] : NULL;
}
