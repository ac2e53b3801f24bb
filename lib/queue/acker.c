/* SPDX-License-Identifier: MIT
 *
 * The acker: tells the server what became of jobs.
 *
 * Workers leave jobs with a verdict in the list of outcomes. The acker takes the whole list, has it carried out in one
 * round trip, and lets go of the jobs; what gathers meanwhile is the next list. So the busier it gets, the larger the
 * batches.
 *
 * What must stay true:
 *   - an outcome is kept until the server has confirmed it, across any number of reconnects, or until a stop's
 * deadline;
 *   - an outcome that the server refuses (out of memory) doesn't hold up the others: it is tried again later, apart;
 *   - it is the last thread to end: when it does, everything that could be reported was, and the consumer is removed if
 *     nothing is pending for it.
 */
#include "base/clock.h"
#include "queue/core.h"

enum {
    GATHER_JOBS = 128, /* enough for a round trip */
    GATHER_US = 300,   /* how long to wait for so many, while jobs are short */
    SHORT_RUN_US = 100,
    REFUSED_AGAIN_US = 250000,
    UNCERTAIN_AGAIN_US = 5000,
    SWEEP_PAGE = 256,
    TRIM_MAX = 10000,
    TRIM_CALLS = 100,
};

struct acker {
    struct weir_queue *core;
    struct weir_service *service;
    struct weir_job_list pending; /* taken over, not confirmed */
    struct weir_job_list refused; /* the server wouldn't, for now */
    int64_t refused_again_us;
    bool refusing; /* and that was said */
};

static void append(struct weir_job_list *to, struct weir_job_list *from)
{
    if (from->n == 0)
        return;
    *to->last = from->first;
    to->last = from->last;
    to->n += from->n;
    weir_job_list_init(from);
}

/* Nothing is left that could bring outcomes. Locks: held. */
static bool all_reported(const struct acker *acker)
{
    const struct weir_queue *core = acker->core;
    return core->state == CORE_STOPPING && core->n_ready + core->n_running + core->n_later == 0 &&
           core->outcomes.n + acker->pending.n + acker->refused.n == 0 && !core->reader.alive && !core->claimer.alive;
}

/* Waits for something to do and takes all outcomes. False where the thread is to end. *unblock: the reader wants it. */
static bool gather(struct acker *acker, bool *unblock)
{
    struct weir_queue *core = acker->core;
    bool go_on = true;
    pthread_mutex_lock(&core->mutex);
    for (;;) {
        bool refused_due = acker->refused.n > 0 && weir_now_us() >= acker->refused_again_us;
        if (core->state == CORE_ABANDONED || all_reported(acker)) {
            go_on = false;
            break;
        }
        if (core->outcomes.n + acker->pending.n > 0 || refused_due || core->unblock_wanted)
            break;
        core->acker_waits = true;
        weir_service_wait(core, acker->service, acker->refused.n > 0 ? acker->refused_again_us : INT64_MAX);
        core->acker_waits = false;
    }
    bool busy = core->n_running + core->n_ready > 0 && core->average_run_us < SHORT_RUN_US;
    if (go_on && busy && core->outcomes.n < GATHER_JOBS && core->state == CORE_RUNNING && acker->pending.n == 0)
        weir_service_wait(core, acker->service, weir_now_us() + GATHER_US); /* nobody signals: acker_waits is false */
    append(&acker->pending, &core->outcomes);
    *unblock = core->unblock_wanted;
    core->unblock_wanted = false;
    if (acker->refused.n > 0 && weir_now_us() >= acker->refused_again_us)
        append(&acker->pending, &acker->refused);
    pthread_mutex_unlock(&core->mutex);
    return go_on;
}

/* Buried, or acked because on_dead was enough. */
static bool is_dead(const struct weir_job *job)
{
    return job->verdict == WEIR_VERDICT_BURY || (job->verdict == WEIR_VERDICT_ACK && job->doomed);
}

static void tell_burials(struct weir_queue *core, const struct weir_job_list *list)
{
    if (!core->options.on_event)
        return;
    for (struct weir_job *job = list->first; job; job = job->next) {
        if (job->settled != WEIR_SETTLED || !is_dead(job))
            continue;
        if (job->reason == WEIR_DEAD_PAYLOAD_LOST)
            weir_core_event(core, WEIR_EVENT_PAYLOAD_LOST, weir_job_entry_id(job), job->error ? job->error : "");
        weir_core_event(core, WEIR_EVENT_JOB_DEAD, weir_job_id(job), weir_dead_reason_text(job->reason));
    }
}

static void count_dead(weir_stats *stats, weir_dead_reason reason)
{
    stats->dead++;
    switch (reason) {
    case WEIR_DEAD_EXHAUSTED:
        stats->dead_exhausted++;
        break;
    case WEIR_DEAD_CRASHED:
        stats->dead_crashed++;
        break;
    case WEIR_DEAD_REJECTED:
        stats->dead_rejected++;
        break;
    case WEIR_DEAD_UNDECODABLE:
        stats->dead_undecodable++;
        break;
    case WEIR_DEAD_PAYLOAD_LOST:
        stats->dead_payload_lost++;
        break;
    case WEIR_DEAD_OTHER: /* others' */
        break;
    }
}

/* Counts one settled job. Locks: held. */
static void count_settled(struct weir_queue *core, const struct weir_job *job, int64_t now_us)
{
    core->stats.acked++;
    if (job->settled != WEIR_SETTLED)
        return;
    if (job->verdict == WEIR_VERDICT_RETRY && now_us + job->retry_delay_ms * 1000 < core->promote_due_us) {
        core->promote_due_us = now_us + job->retry_delay_ms * 1000;
        pthread_cond_signal(&core->claimer.cond);
    }
    if (is_dead(job))
        count_dead(&core->stats, job->reason);
    core->stats.released += job->verdict == WEIR_VERDICT_RELEASE;
    core->trim_wanted |= job->verdict != WEIR_VERDICT_RELEASE;
}

/* What is to happen with a job that the server has answered for. */
enum step { LET_GO, MOURN, REPEAT, WAIT };

/*
 * The server doesn't know the entry as ours any more: it is somebody else's, or it was deleted, and a renewal or a
 * claim of ours has made the server notice. Then it is still ours. As long as one is on its way nobody can tell.
 */
static enum step next_step(const struct weir_queue *core, const struct weir_job *job)
{
    if (core->state == CORE_ABANDONED || job->settled == WEIR_SETTLED)
        return LET_GO;
    if (job->settled == WEIR_SETTLED_GONE || (job->entry_gone && job->verdict == WEIR_VERDICT_RELEASE))
        return MOURN;
    if (job->entry_gone)
        return REPEAT;
    return job->batch->renewing || core->taking_over ? WAIT : LET_GO;
}

/* Lets go of what is settled; the rest stays pending, or is refused for now. */
static void sort_out(struct acker *acker, bool refusal)
{
    struct weir_queue *core = acker->core;
    tell_burials(core, &acker->pending);

    struct weir_job *job = acker->pending.first;
    int64_t now_us = weir_now_us();
    bool waits = false;
    weir_job_list_init(&acker->pending);
    pthread_mutex_lock(&core->mutex);
    weir_service_note_traffic(core, acker->service);
    for (struct weir_job *next; job; job = next) {
        next = job->next;
        enum step step = job->settled != WEIR_UNSETTLED ? next_step(core, job) : refusal ? WAIT : REPEAT;
        if (step == LET_GO) {
            count_settled(core, job, now_us);
            weir_core_let_go(core, job);
        } else if (step == MOURN) {
            weir_core_mourn(core, job);
        } else {
            job->settled = WEIR_UNSETTLED;
            weir_job_list_push(step == WAIT ? &acker->refused : &acker->pending, job);
            waits |= step == WAIT;
        }
    }
    if (core->state != CORE_RUNNING)
        pthread_cond_broadcast(&core->changed);
    pthread_mutex_unlock(&core->mutex);
    if (waits)
        acker->refused_again_us = now_us + (refusal ? REFUSED_AGAIN_US : UNCERTAIN_AGAIN_US);
}

static bool is_refusal(weir_status status)
{
    return status == WEIR_ERR_FULL || status == WEIR_ERR_SERVER || status == WEIR_ERR_PERMISSION;
}

static void settle(struct acker *acker)
{
    struct weir_queue *core = acker->core;
    weir_error err = {.code = WEIR_OK};
    weir_status status = core->ops->settle(acker->service->session, acker->pending.first, &err);
    bool refusal = is_refusal(status) && core->ops->connected(acker->service->session);
    sort_out(acker, refusal);
    if (refusal) {
        if (!acker->refusing)
            weir_service_complain(core, acker->service, &err);
        acker->refusing = true;
    } else if (status != WEIR_OK) {
        weir_service_trouble(core, acker->service, status, &err);
    } else if (acker->refused.n == 0) {
        acker->refusing = false;
        weir_service_fine(core, acker->service);
    }
}

/* What the server may have handed to the reader after it had hung up: back, too. */
static void sweep(struct acker *acker)
{
    struct weir_queue *core = acker->core;
    struct weir_entry_id after = {0, 0};
    bool more = true;
    int64_t max_idle_ms = INT64_MAX;
    if (core->policy.backoff.kind == WEIR_BACKOFF_NONE)
        max_idle_ms = (weir_now_us() - core->last_read_us) / 1000 + 1;
    while (more) {
        struct weir_batch *batch = weir_batch_new(0);
        if (!batch)
            return;
        weir_status status = core->ops->recover(acker->service->session, &after, SWEEP_PAGE, true, max_idle_ms,
                                                weir_core_in_flight, core, batch, &more, NULL);
        struct weir_job_list list;
        weir_job_list_init(&list);
        for (size_t i = 0; status == WEIR_OK && i < batch->n; i++) {
            struct weir_job *job = &batch->jobs[i];
            job->verdict = job->payload_lost ? WEIR_VERDICT_BURY : WEIR_VERDICT_RELEASE;
            job->reason = WEIR_DEAD_PAYLOAD_LOST;
            weir_job_list_push(&list, job);
        }
        if (status == WEIR_OK && list.n > 0)
            status = core->ops->settle(acker->service->session, list.first, NULL);
        pthread_mutex_lock(&core->mutex);
        core->stats.released += status == WEIR_OK ? list.n : 0;
        pthread_mutex_unlock(&core->mutex);
        weir_batch_free(batch);
        if (status != WEIR_OK)
            return;
    }
}

/* What was acked since the claimer's last trim: a worker that leaves leaves no finished entries behind. */
static void trim(struct acker *acker)
{
    struct weir_queue *core = acker->core;
    uint64_t keep = core->options.retention == WEIR_KEEP_LAST ? core->options.retention_count : 0;
    size_t removed = TRIM_MAX;
    for (int calls = 0; calls < TRIM_CALLS && removed >= TRIM_MAX / 2; calls++) {
        if (core->ops->trim(acker->service->session, keep, TRIM_MAX, &removed, NULL) != WEIR_OK)
            return;
        pthread_mutex_lock(&core->mutex);
        core->stats.trimmed += removed;
        bool clean = core->state == CORE_STOPPING;
        pthread_mutex_unlock(&core->mutex);
        if (!clean)
            return;
    }
}

/* The end of a clean stop. Nothing here is worth insisting on: what fails is found by others once it is idle. */
static void say_goodbye(struct acker *acker)
{
    struct weir_queue *core = acker->core;
    pthread_mutex_lock(&core->mutex);
    bool dirty = core->reader_dirty, clean = core->state == CORE_STOPPING, trim_wanted = core->trim_wanted;
    core->trim_wanted = false;
    pthread_mutex_unlock(&core->mutex);
    if (!clean || core->ops->connect(acker->service->session, NULL) != WEIR_OK)
        return;
    if (dirty)
        sweep(acker);
    if (trim_wanted && core->options.retention != WEIR_KEEP_ALL)
        trim(acker);
    if (core->ops->connected(acker->service->session))
        core->ops->leave(acker->service->session, NULL);
}

/* What could not be reported by a stop's deadline: those jobs run again elsewhere. */
static void give_up(struct acker *acker)
{
    struct weir_queue *core = acker->core;
    append(&acker->pending, &acker->refused);
    pthread_mutex_lock(&core->mutex);
    append(&acker->pending, &core->outcomes);
    size_t n = acker->pending.n;
    for (struct weir_job *job = acker->pending.first, *next; job; job = next) {
        next = job->next;
        weir_core_let_go(core, job);
    }
    core->n_given_up += n;
    pthread_mutex_unlock(&core->mutex);
    weir_job_list_init(&acker->pending);
    if (n > 0)
        weir_core_log(core, WEIR_LOG_WARNING,
                      "queue %s: %zu outcomes could not be reported before the stop; these jobs will run again",
                      core->options.stream, n);
}

void *weir_acker_main(void *argument)
{
    struct weir_queue *core = argument;
    struct acker acker = {.core = core, .service = &core->acker};
    weir_job_list_init(&acker.pending);
    weir_job_list_init(&acker.refused);
    bool unblock;
    weir_watch_this_thread(&core->acker.watch);
    while (gather(&acker, &unblock)) {
        weir_watch_go_on();
        if (!weir_service_connect(core, acker.service))
            continue;
        if (unblock) {
            weir_status status = core->ops->unblock(acker.service->session, core->reader.session, NULL);
            if (status != WEIR_OK)
                core->ops->wake(core->reader.session); /* then it hangs up */
        }
        if (acker.pending.n > 0)
            settle(&acker);
    }
    say_goodbye(&acker);
    give_up(&acker);
    weir_service_exit(core, acker.service);
    return NULL;
}
