/* SPDX-License-Identifier: MIT
 *
 * Which jobs run in this process, and for how long.
 *
 * What must stay true: visitors run without the lock, so what they are told is copied out first. The lock is held while
 * all jobs in memory are gone through, once, however long the visitor takes.
 */
#include "base/clock.h"
#include "base/error.h"
#include "queue/core.h"

#include <stdlib.h>

struct running {
    struct weir_entry_id entry;
    int64_t started_us;
    uint32_t attempt;
    bool cancelled;
};

/* Locks: held. */
static size_t copy_all(const struct weir_queue *core, struct running *running)
{
    size_t n = 0;
    for (const struct weir_batch *batch = core->batches; batch; batch = batch->next) {
        for (size_t i = 0; i < batch->n; i++) {
            const struct weir_job *job = &batch->jobs[i];
            if (job->state == JOB_RUNNING || job->state == JOB_LATER)
                running[n++] =
                    (struct running){job->entry, job->started_us, job->attempt, atomic_load(&job->cancelled)};
        }
    }
    return n;
}

weir_status weir_queue_running(weir_queue *core, weir_running_visit_fn visit, void *user_data, weir_error *err)
{
    if (!core || !visit)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", core ? "visit" : "queue");
    /* running and asynchronous jobs are bounded by the slots; the others of these states tell on_dead */
    pthread_mutex_lock(&core->mutex);
    struct running *running = calloc(core->n_running + core->n_later + 1, sizeof *running);
    size_t n = running ? copy_all(core, running) : 0;
    pthread_mutex_unlock(&core->mutex);
    if (!running)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the jobs that run");
    int64_t now_us = weir_now_us();
    for (size_t i = 0; i < n; i++) {
        char id[WEIR_ENTRY_ID_SIZE];
        weir_entry_id_format(running[i].entry, id);
        const weir_running_job job = {
            .entry_id = id,
            .attempt = running[i].attempt,
            .running_ms = (now_us - running[i].started_us) / 1000,
            .cancelled = running[i].cancelled,
        };
        if (visit(&job, user_data) != 0)
            break;
    }
    free(running);
    return WEIR_OK;
}
