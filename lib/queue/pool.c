/* SPDX-License-Identifier: MIT
 *
 * The pool: threads that run handlers, as many as are needed and at most `concurrency`.
 *
 * A worker reports its last job and takes the next in one critical section. Waking a thread costs more than running a
 * short job, so a worker is woken only where that pays: when nobody runs, or when what is ready would take the running
 * ones long by the recent average. Because an average can be wrong (one job hangs), an idle worker keeps watch while
 * jobs are ready: if none was taken for a millisecond, it steps in.
 *
 * What must stay true:
 *   - never more than `concurrency` jobs running and LATER together;
 *   - while a job is ready and a slot is free, some worker is awake, woken, or watching;
 *   - a callback of the user's is never called with the lock held, and none is begun once the queue is abandoned;
 *   - a job is touched here only until it is reported: after that it is the acker's.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/histogram.h"
#include "base/log.h"
#include "queue/core.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WATCH_US = 1000,
    IDLE_EXIT_US = 30 * 1000000, /* a worker that long without a job ends */
    LONG_WAIT_US = 200,          /* ready jobs that would wait longer are worth waking somebody for */
    SHORT_RUN_US = 20,           /* jobs shorter than a wake-up keep the processors busy, no more threads help */
};

/* --- running one job --- */

static void clear_payload(struct weir_queue *core, struct weir_job *job)
{
    if (job->decoded && core->options.codec->clear)
        core->options.codec->clear(
            job->payload); /* after a close, too: nobody else could free what the payload holds */
    job->decoded = false;
}

/* True where the job can run (or has no codec). Otherwise it is doomed, or its failure is in *outcome. */
static bool decode(struct weir_queue *core, struct weir_job *job, weir_outcome *outcome)
{
    const weir_codec *codec = core->options.codec;
    if (!codec)
        return true;
    weir_error err;
    weir_status status = WEIR_ERR_MEMORY;
    weir_error_set(&err, status, "no memory for the payload");
    if (job->payload) {
        weir_error_set(&err, WEIR_ERR_DECODE, "the codec could not decode the fields, and didn't say why");
        memset(job->payload, 0, codec->struct_size);
        status = codec->decode(&job->fields, job->payload, &err);
    }
    if (status == WEIR_OK) {
        job->decoded = true;
        return true;
    }
    weir_job_set_error(job, err.message);
    if (status == WEIR_ERR_MEMORY) {
        *outcome = WEIR_RETRY; /* the job is not to blame */
    } else {
        job->doomed = true;
        job->reason = WEIR_DEAD_UNDECODABLE;
    }
    return false;
}

/* Tells on_dead. True where that is all that is to be done: the caller chose "callback only", and it succeeded. */
static bool tell_dead(struct weir_queue *core, struct weir_job *job)
{
    if (!core->options.on_dead)
        return false;
    weir_dead_letter letter = {
        .id = "",
        .job_id = weir_job_id(job),
        .entry_id = weir_job_entry_id(job),
        .group = core->options.group,
        .reason = job->reason,
        .reason_text = weir_dead_reason_text(job->reason),
        .error = job->error ? job->error : "",
        .attempts = job->attempts,
        .deliveries = job->deliveries,
        .first_enqueued_ms = job->enqueued_ms,
        .fields = job->fields,
        .payload = job->decoded ? job->payload : NULL,
        .traceparent = job->traceparent ? job->traceparent : "",
    };
    int rc = core->options.on_dead(&letter, core->options.user_data);
    return core->options.dead_mode == WEIR_DEAD_CALLBACK_ONLY && rc == 0;
}

/* Brings a job that is dead to its verdict, on_dead told. */
static void bury(struct weir_queue *core, struct weir_job *job)
{
    job->verdict = tell_dead(core, job) ? WEIR_VERDICT_ACK : WEIR_VERDICT_BURY;
}

static weir_outcome checked_outcome(struct weir_job *job, weir_outcome outcome)
{
    if (outcome == WEIR_DONE || outcome == WEIR_RETRY || outcome == WEIR_REJECT)
        return outcome;
    char text[80];
    snprintf(text, sizeof text, "the handler returned %d, which is no outcome", (int)outcome);
    weir_job_set_error(job, text);
    return WEIR_RETRY;
}

/* Writes a decision into the job. Locks: held, for the random numbers. */
static void decide(struct weir_queue *core, struct weir_job *job, weir_outcome outcome)
{
    struct weir_decision decision =
        weir_decide(&core->policy, outcome, job->attempt, job->asked_retry_ms, weir_random_unit(&core->random));
    if (decision.verdict == WEIR_VERDICT_KEEP && job->entry_gone) {
        decision.verdict = WEIR_VERDICT_RETRY; /* it is pending no longer: nobody would find it */
        decision.retry_delay_ms = core->options.min_idle_ms;
    }
    job->attempts = decision.attempts;
    job->verdict = decision.verdict;
    job->retry_delay_ms = decision.retry_delay_ms;
    if (decision.verdict == WEIR_VERDICT_BURY) {
        job->doomed = true;
        job->reason = decision.reason;
    }
    core->stats.done += decision.verdict == WEIR_VERDICT_ACK;
    core->stats.died += decision.verdict == WEIR_VERDICT_BURY;
    core->stats.retried += decision.verdict == WEIR_VERDICT_RETRY || decision.verdict == WEIR_VERDICT_KEEP;
}

static void count_run(struct weir_queue *core, const struct weir_job *job, int64_t now_us)
{
    int64_t run_us = now_us - job->started_us;
    weir_histogram_add(&core->stats.handler, run_us);
    weir_core_count_finished(core);
}

/* How long the job has been in the stream. The clocks of two machines are compared: it may come out negative. */
static int64_t queued_us(const struct weir_job *job, int64_t now_us)
{
    const struct weir_batch *batch = job->batch;
    uint64_t wall_ms = batch->fetched_wall_ms > 0 ? (uint64_t)batch->fetched_wall_ms : 0;
    uint64_t queued_ms = job->entry.ms < wall_ms ? wall_ms - job->entry.ms : 0;
    return weir_time_add(now_us - batch->fetched_us, (int64_t)(queued_ms * 1000));
}

/* Runs a job that was just taken. Locks: held on entry and on return, not meanwhile. */
static void run(struct weir_queue *core, struct weir_job *job)
{
    int64_t now_us = weir_now_us();
    bool abandoned = false;
    job->started_us = now_us;
    job->deadline_ms =
        core->options.max_run_ms > 0 ? weir_time_add(now_us / 1000, core->options.max_run_ms) : INT64_MAX;
    if (!job->doomed) {
        core->stats.started++;
        weir_histogram_add(&core->stats.wait, now_us - job->batch->fetched_us);
        weir_histogram_add(&core->stats.queue_wait, queued_us(job, now_us));
    }
    pthread_mutex_unlock(&core->mutex);

    const struct weir_queue *before = weir_core_enter(core);
    weir_outcome outcome = WEIR_RETRY;
    bool ran = false;
    if (!job->doomed && decode(core, job, &outcome)) {
        outcome = core->options.handler(job, core->options.user_data);
        ran = true;
    }
    int64_t ended_us = weir_now_us();

    pthread_mutex_lock(&core->mutex);
    if (ran) {
        int64_t run_us = ended_us - now_us;
        core->average_run_us += (run_us - core->average_run_us) / 8;
    }
    if (ran && outcome == WEIR_LATER && !job->finished) {
        job->state = JOB_LATER;
        core->n_running--;
        core->n_later++;
        weir_core_enter(before);
        return; /* it may be gone as soon as the lock is */
    }
    if (ran && outcome == WEIR_LATER)
        outcome = job->finish_outcome;
    if (!job->doomed) {
        outcome = checked_outcome(job, outcome);
        decide(core, job, outcome);
        count_run(core, job, ended_us);
    }
    abandoned = core->state == CORE_ABANDONED;
    if (job->doomed || job->decoded) {
        pthread_mutex_unlock(&core->mutex);
        if (job->doomed && !abandoned)
            bury(core, job);
        clear_payload(core, job);
        pthread_mutex_lock(&core->mutex);
    }
    weir_core_enter(before);
    weir_core_report(core, job);
}

/* A job that was finished asynchronously and is dead: tells on_dead and reports. Locks: as run. */
static void end_doomed(struct weir_queue *core, struct weir_job *job)
{
    pthread_mutex_unlock(&core->mutex);
    const struct weir_queue *before = weir_core_enter(core);
    bury(core, job);
    clear_payload(core, job);
    weir_core_enter(before);
    pthread_mutex_lock(&core->mutex);
    weir_core_report(core, job);
}

/* --- the threads --- */

static bool slot_is_free(const struct weir_queue *core)
{
    return core->n_running + core->n_later < core->options.concurrency;
}

/* Whether a worker could start something now. */
static bool has_work(const struct weir_queue *core)
{
    return core->doomed.n > 0 || (core->n_ready > 0 && slot_is_free(core) && !core->renew_wanted);
}

/* Takes what there is for a worker and runs it. False where there is nothing. Locks: held, but during the run. */
static bool work(struct weir_queue *core)
{
    struct weir_job *job = core->doomed.first;
    if (job && core->state != CORE_ABANDONED) {
        core->doomed.first = job->next;
        if (!job->next)
            core->doomed.last = &core->doomed.first;
        core->doomed.n--;
        job->state = JOB_RUNNING;
        core->n_later--;
        core->n_running++;
        end_doomed(core, job);
        return true;
    }
    if (core->n_ready == 0 || !slot_is_free(core) || core->state == CORE_ABANDONED)
        return false;
    job = weir_core_take_ready(core, core->state != CORE_RUNNING);
    if (!job)
        return false;
    core->n_taken++;
    weir_pool_rouse(core);
    run(core, job);
    return true;
}

/* Whether one more worker would be of use right now. */
static bool worth_waking(const struct weir_queue *core)
{
    if (core->doomed.n > 0 || core->n_running == 0)
        return true;
    int64_t wait_us = (int64_t)core->n_ready * core->average_run_us / (int64_t)core->n_running;
    return wait_us > LONG_WAIT_US && (core->average_run_us > SHORT_RUN_US || core->n_running < (size_t)core->n_cpus);
}

/* Until a job is worth taking (true), or the worker should end (false). Locks: held. */
static bool wait_for_work(struct weir_queue *core)
{
    int64_t idle_since_us = 0;
    for (;;) {
        bool takeable = has_work(core);
        if (core->state != CORE_RUNNING)
            return takeable && core->state == CORE_STOPPING;
        if (takeable && worth_waking(core))
            return true;
        bool watch = takeable && !core->watching;
        uint64_t taken = core->n_taken;
        int64_t now_us = weir_now_us();
        if (idle_since_us == 0)
            idle_since_us = now_us;
        if (!takeable && now_us - idle_since_us >= IDLE_EXIT_US)
            return false;

        core->watching |= watch;
        core->n_idle++;
        bool signalled = weir_cond_wait_until(&core->work, &core->mutex,
                                              takeable ? now_us + WATCH_US : idle_since_us + IDLE_EXIT_US);
        core->n_idle--;
        if (core->n_wakes > 0) /* also where a signal and the time came together: one wake-up too many does no harm */
            core->n_wakes--;
        if (watch) {
            core->watching = false;
            if (!signalled && core->n_taken == taken && has_work(core))
                return true; /* whoever runs is taking long */
        }
    }
}

static void *worker_main(void *argument)
{
    struct weir_worker *self = argument;
    struct weir_queue *core = self->core;
    pthread_mutex_lock(&core->mutex);
    if (core->n_wakes > 0)
        core->n_wakes--;
    for (;;) {
        if (work(core))
            continue;
        if (core->state == CORE_ABANDONED || !wait_for_work(core)) {
            /* a stopping queue may still get jobs to bury from handlers that finish asynchronously */
            if (core->state == CORE_STOPPING && (core->n_running > 0 || core->n_later > 0)) {
                core->n_idle++;
                weir_cond_wait_until(&core->work, &core->mutex, weir_now_us() + IDLE_EXIT_US);
                core->n_idle--;
                continue;
            }
            break;
        }
    }

    for (struct weir_worker **link = &core->workers; *link; link = &(*link)->next) {
        if (*link == self) {
            *link = self->next;
            break;
        }
    }
    core->n_workers--;
    if (core->state == CORE_ABANDONED) {
        pthread_detach(self->thread);
        free(self);
    } else {
        self->next = core->exited_workers;
        core->exited_workers = self;
    }
    pthread_cond_broadcast(&core->changed);
    if (!weir_core_free_if_last(core))
        pthread_mutex_unlock(&core->mutex);
    return NULL;
}

static void spawn(struct weir_queue *core)
{
    struct weir_worker *worker = calloc(1, sizeof *worker);
    int rc = ENOMEM;
    if (worker) {
        worker->core = core;
        rc = weir_thread_create(&worker->thread, worker_main, worker);
    }
    if (rc != 0) {
        free(worker);
        core->spawn_complained = true; /* the claimer tries again, and says so */
        return;
    }
    worker->next = core->workers;
    core->workers = worker;
    core->n_workers++;
    core->n_wakes++;
}

void weir_pool_rouse(struct weir_queue *core)
{
    if (!has_work(core) || core->n_wakes > 0)
        return;
    if (!worth_waking(core) && core->watching)
        return;
    if (core->n_idle > 0) {
        core->n_wakes++;
        pthread_cond_signal(&core->work);
    } else if (core->n_workers < core->options.concurrency) {
        spawn(core);
    }
}

void weir_pool_join(struct weir_queue *core)
{
    while (core->exited_workers) {
        struct weir_worker *worker = core->exited_workers;
        core->exited_workers = worker->next;
        pthread_mutex_unlock(&core->mutex);
        pthread_join(worker->thread, NULL);
        free(worker);
        pthread_mutex_lock(&core->mutex);
    }
}

/* --- what a handler may ask and say --- */

static struct weir_queue *owner(const struct weir_job *job)
{
    return job->batch->owner;
}

uint32_t weir_job_attempt(const weir_job *job)
{
    return job ? job->attempt : 0;
}

const void *weir_job_payload(const weir_job *job)
{
    return job && job->decoded ? job->payload : NULL;
}

int64_t weir_job_deadline(const weir_job *job)
{
    return job ? job->deadline_ms : INT64_MAX;
}

bool weir_job_cancelled(const weir_job *job)
{
    return job && (atomic_load_explicit(&job->cancelled, memory_order_relaxed) ||
                   (job->deadline_ms != INT64_MAX && weir_now_ms() >= job->deadline_ms));
}

void weir_job_error(weir_job *job, const char *format, ...)
{
    if (!job || !format)
        return;
    char text[WEIR_JOB_ERROR_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    weir_job_set_error(job, text);
}

void weir_job_retry_in(weir_job *job, int64_t delay_ms)
{
    static const int64_t far_future_ms = INT64_C(1) << 52;
    if (job && delay_ms >= 0)
        job->asked_retry_ms = delay_ms < far_future_ms ? delay_ms : far_future_ms;
}

/* Ends a LATER job. Locks: held, and let go of while the payload is cleared. */
static void finish_later(struct weir_queue *core, struct weir_job *job, weir_outcome outcome)
{
    job->finished = true;
    decide(core, job, outcome);
    count_run(core, job, weir_now_us());
    if (job->doomed && core->state != CORE_ABANDONED && core->options.on_dead) {
        job->state = JOB_DOOMED;
        weir_job_list_push(&core->doomed, job);
        weir_pool_rouse(core);
        if (core->state == CORE_STOPPING)
            pthread_cond_broadcast(&core->work);
        return;
    }
    if (job->decoded) {
        pthread_mutex_unlock(&core->mutex);
        clear_payload(core, job);
        pthread_mutex_lock(&core->mutex);
    }
    weir_core_report(core, job);
    weir_pool_rouse(core);
}

weir_status weir_job_finish(weir_job *job, weir_outcome outcome)
{
    if (!job || (outcome != WEIR_DONE && outcome != WEIR_RETRY && outcome != WEIR_REJECT))
        return WEIR_ERR_ARGUMENT;
    struct weir_queue *core = owner(job);
    weir_status status = WEIR_OK;
    pthread_mutex_lock(&core->mutex);
    if (job->finished) {
        status = WEIR_ERR_STATE;
    } else if (job->state == JOB_RUNNING) { /* before the handler has returned */
        job->finished = true;
        job->finish_outcome = outcome;
    } else if (job->state == JOB_LATER) {
        finish_later(core, job, outcome);
    } else {
        status = WEIR_ERR_STATE;
    }
    if (!weir_core_free_if_last(core))
        pthread_mutex_unlock(&core->mutex);
    return status;
}
