/* SPDX-License-Identifier: MIT
 *
 * Pausing: a queue that reads nothing, while what was read goes on.
 *
 * A queue is paused by its key on the server, for every worker, or by weir_queue_pause, for this process alone; either
 * is enough. The reader learns of the former when it has connected, before it reads anything; the claimer asks again
 * every pause_interval_ms, and by the way, since that is the question after delayed jobs as well. Reader and claimer
 * tell what they have learnt by weir_core_note_pause; of two answers the one counts that was asked for later.
 *
 * A paused reader waits in `reserve`, where it waits for room, too. So it is enough to end the reads that are
 * outstanding, by unblocking them: the claimer does, and does so again until none is. What they bring is run.
 *
 * What must stay true:
 *   - while paused nothing is read, claimed or recovered. Leases are renewed, outcomes are reported, delayed jobs are
 *     promoted, finished ones trimmed: none of these begins a job;
 *   - a worker that is started on a paused queue reads nothing at all;
 *   - a paused worker is still seen, so that nobody takes its consumer for dead.
 */
#include "queue/core.h"

static const char *who_pauses(const struct weir_queue *core)
{
    return core->paused_everywhere ? core->paused_here ? "everywhere, and in this process" : "everywhere"
                                   : "in this process";
}

uint64_t weir_core_begin_look(struct weir_queue *core)
{
    pthread_mutex_lock(&core->mutex);
    uint64_t look = ++core->looks_begun;
    pthread_mutex_unlock(&core->mutex);
    return look;
}

bool weir_core_note_pause(struct weir_queue *core, uint64_t look, bool everywhere)
{
    pthread_mutex_lock(&core->mutex);
    if (look > core->look_noted) { /* or the other thread, which asked later, knows better */
        core->look_noted = look;
        core->paused_everywhere = everywhere;
    }
    bool paused = weir_core_is_paused(core), told = core->pause_told, reading = core->reserved > 0;
    const char *who = who_pauses(core);
    core->pause_told = paused && (told || !reading); /* not before it is true that nothing is read */
    bool tell = core->pause_told && !told;
    if (!paused) {
        core->claim_wanted |= told;
        pthread_cond_signal(&core->reader.cond);
    }
    pthread_mutex_unlock(&core->mutex);

    if (tell) {
        weir_core_log(core, WEIR_LOG_INFO, "queue %s: paused %s", core->options.stream, who);
        weir_core_event(core, WEIR_EVENT_PAUSED, "", who);
    } else if (told && !paused) {
        weir_core_log(core, WEIR_LOG_INFO, "queue %s: resumed", core->options.stream);
        weir_core_event(core, WEIR_EVENT_RESUMED, "", "");
    }
    return paused && reading;
}

static weir_status set_paused(struct weir_queue *core, bool paused)
{
    if (!core)
        return WEIR_ERR_ARGUMENT;
    pthread_mutex_lock(&core->mutex);
    core->paused_here = paused;
    core->look_wanted = true;
    pthread_cond_signal(&core->claimer.cond);
    if (!paused)
        pthread_cond_signal(&core->reader.cond);
    pthread_mutex_unlock(&core->mutex);
    return WEIR_OK;
}

weir_status weir_queue_pause(weir_queue *queue)
{
    return set_paused(queue, true);
}

weir_status weir_queue_resume(weir_queue *queue)
{
    return set_paused(queue, false);
}
