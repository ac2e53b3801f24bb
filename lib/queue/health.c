/* SPDX-License-Identifier: MIT
 *
 * Whether a queue is alive, and whether it is of use: for watchdogs and probes.
 *
 * A thread of the queue is stuck where it is somewhere that nothing but luck gets it out of: in a callback of the
 * user's that doesn't return, or in a fault of the library's. What the outside world does is no sign of that, since all
 * waits for it end: a server that is away, slow or silent makes nobody ill, nor does a handler that takes for ever,
 * which is what max_run_ms is for.
 */
#include "base/clock.h"
#include "base/error.h"
#include "queue/core.h"

#include <inttypes.h>

enum { PATIENCE_MS = 30000 };

weir_status weir_queue_health(weir_queue *core, int64_t patience_ms, weir_error *err)
{
    if (!core || patience_ms < 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s", core ? "patience_ms is negative" : "queue is NULL");
    if (patience_ms == 0)
        patience_ms = PATIENCE_MS;
    int64_t patience_us = patience_ms > INT64_MAX / 1000 ? INT64_MAX : patience_ms * 1000;
    const struct weir_service *services[] = {&core->reader, &core->acker, &core->claimer};
    const char *stuck = NULL;
    int64_t overdue_us = 0;
    pthread_mutex_lock(&core->mutex);
    int64_t now_us = weir_now_us();
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        int64_t us = services[i]->alive ? weir_watch_overdue_us(&services[i]->watch, now_us) : 0;
        if (us > patience_us && us > overdue_us) {
            stuck = services[i]->name;
            overdue_us = us;
        }
    }
    pthread_mutex_unlock(&core->mutex);
    if (!stuck)
        return WEIR_OK;
    return weir_error_set(err, WEIR_ERR_STUCK, "queue %s: the %s has not gone round its loop for %" PRId64 " ms",
                          core->options.stream, stuck, overdue_us / 1000);
}

/* What keeps the queue from running a job; NULL: nothing. Locks: held. */
static const char *obstacle(const struct weir_queue *core, weir_status *ret)
{
    *ret = WEIR_ERR_STATE;
    if (core->state == CORE_OPEN)
        return "it is not started";
    if (core->state != CORE_RUNNING)
        return "it is being stopped";
    *ret = WEIR_ERR_CONNECTION;
    if (!core->reader.connected || !core->claimer.connected)
        return core->reader.connected ? "the claimer is not connected" : "the reader is not connected";
    *ret = WEIR_ERR_NO_GROUP;
    if (core->group_missing)
        return "the consumer group is missing, and can't be made";
    *ret = WEIR_OK;
    return NULL;
}

weir_status weir_queue_ready(weir_queue *core, weir_error *err)
{
    if (!core)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "queue is NULL");
    weir_status status;
    pthread_mutex_lock(&core->mutex);
    const char *what = obstacle(core, &status);
    pthread_mutex_unlock(&core->mutex);
    return what ? weir_error_set(err, status, "queue %s: %s", core->options.stream, what) : WEIR_OK;
}
