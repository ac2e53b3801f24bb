/* SPDX-License-Identifier: MIT
 *
 * The shared state of a queue: batches, the jobs' states, and how much may be fetched.
 *
 * Called by reader and claimer (deliver), workers (report), the acker (let go), and by those that ask what is in
 * flight.
 *
 * What must stay true:
 *   - a job is in exactly one state, and the counters n_ready, n_running, n_later, n_unreported agree with the states;
 *   - the first unstarted job of every batch in the ready list is READY, so that taking one never searches;
 *   - `live` of a batch counts its jobs that are not GONE; the batch is reused only at 0, and then is in no list;
 *   - an entry that is in flight here is never started here a second time, wherever it is delivered from.
 */
#include "queue/core.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCHES_KEPT = 16,
    LEAST_BATCH_BYTES = 4 * 1024,
    MOST_BATCH_BYTES = 512 * 1024,
    FIRST_READ = 4,    /* jobs of unknown size */
    BRIEF_RUN_US = 20, /* of a job: less than waking another worker takes */
    BRIEF_JOBS = 256,
    READ_WAKES_AT = 64, /* room that is worth waking the reader for, while there still is work */
};
static const size_t BATCH_BYTES_LIMIT = (size_t)1 << 30;

/* --- lists of jobs --- */

void weir_job_list_init(struct weir_job_list *list)
{
    list->first = NULL;
    list->last = &list->first;
    list->n = 0;
}

void weir_job_list_push(struct weir_job_list *list, struct weir_job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
    list->n++;
}

/* --- batches --- */

struct weir_batch *weir_core_batch(struct weir_queue *core)
{
    pthread_mutex_lock(&core->mutex);
    struct weir_batch *batch = core->free_batches;
    if (batch) {
        core->free_batches = batch->next;
        core->n_free_batches--;
        batch->next = NULL;
    }
    pthread_mutex_unlock(&core->mutex);
    return batch ? batch : weir_batch_new(BATCH_BYTES_LIMIT);
}

/*
 * How large a batch should be. Its memory is held until its last job has ended, and that may be long: so a quarter of
 * the budget is for large batches, and the rest, once those have taken theirs, for batches so small that there can be
 * one for each slot, even where an arena holds three times of what is used of it.
 */
static size_t batch_bytes(const struct weir_queue *core)
{
    size_t quarter = core->options.fetch_max_bytes / 4, bytes = quarter / core->options.concurrency;
    if (core->bytes < quarter && bytes < quarter - core->bytes)
        bytes = quarter - core->bytes;
    return bytes < LEAST_BATCH_BYTES ? LEAST_BATCH_BYTES : bytes > MOST_BATCH_BYTES ? MOST_BATCH_BYTES : bytes;
}

/* Batches that wait to be used again keep as much memory as one is likely to need, and an eighth of the budget in all.
 */
static size_t kept_bytes(const struct weir_queue *core)
{
    size_t share = core->options.fetch_max_bytes / (8 * BATCHES_KEPT), bytes = batch_bytes(core);
    return bytes < share ? bytes : share < LEAST_BATCH_BYTES ? LEAST_BATCH_BYTES : share;
}

static void keep_batch(struct weir_queue *core, struct weir_batch *batch)
{
    weir_batch_reset(batch, kept_bytes(core));
    if (core->n_free_batches >= BATCHES_KEPT) {
        weir_batch_free(batch);
        return;
    }
    batch->next = core->free_batches;
    core->free_batches = batch;
    core->n_free_batches++;
}

void weir_core_batch_unused(struct weir_queue *core, struct weir_batch *batch)
{
    if (!batch)
        return;
    pthread_mutex_lock(&core->mutex);
    keep_batch(core, batch);
    pthread_mutex_unlock(&core->mutex);
}

static void link_batch(struct weir_queue *core, struct weir_batch *batch)
{
    batch->prev = NULL;
    batch->next = core->batches;
    if (core->batches)
        core->batches->prev = batch;
    core->batches = batch;
    core->bytes += batch->bytes;
}

static void unlink_batch(struct weir_queue *core, struct weir_batch *batch)
{
    if (batch->prev)
        batch->prev->next = batch->next;
    else
        core->batches = batch->next;
    if (batch->next)
        batch->next->prev = batch->prev;
    core->bytes -= batch->bytes;
}

/* Moves `started` to the first job that is READY; takes the batch out of the ready list where there is none. */
static void settle_ready(struct weir_queue *core, struct weir_batch *batch)
{
    while (batch->started < batch->n && batch->jobs[batch->started].state != JOB_READY)
        batch->started++;
    if (batch->started < batch->n)
        return;
    for (struct weir_batch **link = &core->ready_first; *link; link = &(*link)->next_ready) {
        if (*link != batch)
            continue;
        *link = batch->next_ready;
        if (core->ready_last == &batch->next_ready)
            core->ready_last = link;
        break;
    }
}

struct weir_job *weir_core_take_ready(struct weir_queue *core, bool lost_only)
{
    for (struct weir_batch *batch = core->ready_first; batch; batch = batch->next_ready) {
        struct weir_job *job = &batch->jobs[batch->started];
        if (lost_only && !job->payload_lost)
            continue;
        if (!job->payload_lost && weir_now_us() - batch->renewed_us > core->options.min_idle_ms * 1000) {
            core->renew_wanted = true;
            pthread_cond_signal(&core->claimer.cond);
            return NULL;
        }
        job->state = JOB_RUNNING;
        core->n_ready--;
        core->n_running++;
        settle_ready(core, batch);
        return job;
    }
    return NULL;
}

struct weir_job *weir_core_find(struct weir_queue *core, struct weir_entry_id entry)
{
    struct weir_job *reported = NULL;
    for (struct weir_batch *batch = core->batches; batch; batch = batch->next) {
        struct weir_job *job = weir_batch_find(batch, entry);
        if (!job || job->state == JOB_GONE)
            continue;
        if (job->state != JOB_REPORTED)
            return job;
        reported = job;
    }
    return reported;
}

bool weir_core_in_flight(void *context, struct weir_entry_id entry)
{
    struct weir_queue *core = context;
    pthread_mutex_lock(&core->mutex);
    bool found = weir_core_find(core, entry) != NULL;
    pthread_mutex_unlock(&core->mutex);
    return found;
}

static bool concerns_us(const struct weir_queue *core, const struct weir_job *job)
{
    return !job->group || (strlen(core->options.group) == job->group_len &&
                           memcmp(core->options.group, job->group, job->group_len) == 0);
}

/* Its handler has had its time, or was told that the lease is lost: whoever can run the job shall have it. */
static bool is_forsaken(const struct weir_job *job)
{
    return (job->state == JOB_RUNNING || job->state == JOB_LATER) &&
           (job->lease_lost || weir_now_ms() >= job->deadline_ms);
}

/*
 * The entry of a job that is in flight here was delivered again: false where that is nothing new. Mostly it renewed the
 * lease, and is forgotten.
 */
static bool concerns_a_forsaken(struct weir_job *running, const struct weir_job *job)
{
    running->entry_gone |= job->payload_lost; /* its lease is gone with the entry: whatever it says counts */
    return is_forsaken(running) && !job->payload_lost;
}

static void hand_over(struct weir_queue *core, struct weir_job *job, enum weir_verdict verdict)
{
    job->verdict = verdict;
    weir_core_report(core, job);
}

static void doom(struct weir_job *job, weir_dead_reason reason, const char *why)
{
    job->doomed = true;
    job->reason = reason;
    weir_job_set_error(job, why);
}

/*
 * What is to happen with a job that was just delivered. Returns false where it is dropped.
 *
 * A forsaken job must not come back to us again and again until its deliveries are used up: it is handed back
 * uncounted, for whoever can run it. Once they are used up, because it hung elsewhere, too, we can bury it as well as
 * anybody.
 */
static bool admit(struct weir_queue *core, struct weir_job *job, bool check_in_flight)
{
    struct weir_job *running = check_in_flight ? weir_core_find(core, job->entry) : NULL;
    if (running && !concerns_a_forsaken(running, job)) {
        job->state = JOB_GONE;
        return false;
    }
    job->state = JOB_READY;
    core->n_ready++;
    core->n_claimed += job->batch->claimed;
    job->attempt = weir_attempt_of(&core->policy, job->attempts, job->deliveries);
    if (job->payload_lost) {
        core->stats.payloads_lost++;
        doom(job, WEIR_DEAD_PAYLOAD_LOST, "the entry was deleted from the stream while it was pending");
    } else if (!concerns_us(core, job)) {
        core->stats.foreign++;
        hand_over(core, job, WEIR_VERDICT_ACK);
    } else if (weir_is_poison(&core->policy, job->deliveries)) {
        job->deliveries--; /* this delivery is not one that the job was run in */
        doom(job, WEIR_DEAD_CRASHED,
             "delivered max_deliveries times without an answer: its workers crashed, or lost it");
    } else if (running) {
        hand_over(core, job, WEIR_VERDICT_RELEASE);
    }
    return true;
}

void weir_core_deliver(struct weir_queue *core, struct weir_batch *batch, size_t reserved, int64_t asked_us)
{
    int64_t now_us = weir_now_us();
    size_t payload_size = core->options.codec ? (core->options.codec->struct_size + 15) & ~(size_t)15 : 0;
    char *payloads = payload_size && batch->n > 0 ? weir_arena_alloc(&batch->arena, batch->n * payload_size) : NULL;
    for (size_t i = 0; i < batch->n; i++)
        batch->jobs[i].payload = payloads ? payloads + i * payload_size : NULL;

    pthread_mutex_lock(&core->mutex);
    core->reserved -= reserved;
    if (batch->n == 0) {
        keep_batch(core, batch);
        pthread_mutex_unlock(&core->mutex);
        return;
    }
    /* what is read is newer than all before it, unless the group was made anew, or these were recovered */
    bool in_order = !batch->claimed && weir_entry_id_compare(core->newest, batch->jobs[0].entry) < 0;
    if (in_order)
        core->newest = batch->jobs[batch->n - 1].entry;
    size_t sample = batch->arena.used / batch->n;
    core->bytes_a_job = sample > core->bytes_a_job ? sample : core->bytes_a_job - (core->bytes_a_job - sample) / 8;

    batch->owner = core;
    batch->fetched_us = now_us;
    batch->fetched_wall_ms = weir_wall_ms();
    batch->renewed_us = asked_us;
    batch->renewing = false;
    if (core->bytes + batch->arena.held > core->options.fetch_max_bytes / 4)
        weir_arena_trim(&batch->arena); /* every byte counts now: see batch_bytes */
    batch->bytes = batch->arena.held;
    batch->started = 0;
    batch->live = batch->n + 1; /* one for us, until all are admitted */
    batch->next_ready = NULL;
    core->stats.delivered += batch->n;
    for (size_t i = 0; i < batch->n; i++)
        batch->jobs[i].state = JOB_GONE; /* so that none is found before it is admitted */
    link_batch(core, batch);
    for (size_t i = 0; i < batch->n; i++)
        if (!admit(core, &batch->jobs[i], !in_order))
            batch->live--;

    while (batch->started < batch->n && batch->jobs[batch->started].state != JOB_READY)
        batch->started++;
    if (batch->started < batch->n) {
        *core->ready_last = batch;
        core->ready_last = &batch->next_ready;
    }
    if (--batch->live == 0) {
        unlink_batch(core, batch);
        keep_batch(core, batch);
    }
    if (core->state != CORE_RUNNING)
        weir_core_release_ready(core, 0);
    weir_pool_rouse(core);
    pthread_mutex_unlock(&core->mutex);
}

/* --- how much may be fetched --- */

static size_t prefetch(struct weir_queue *core)
{
    int64_t window_us = core->options.prefetch_ms * 1000;
    if (window_us == 0)
        return 0;
    int64_t now_us = weir_now_us(), elapsed_us = now_us - core->window_start_us;
    if (elapsed_us >= window_us) {
        core->last_window = (size_t)((double)core->window_finished * (double)window_us / (double)elapsed_us);
        core->window_finished = 0;
        core->window_start_us = now_us;
    }
    size_t recent = core->window_finished > core->last_window ? core->window_finished : core->last_window;
    /* nothing of late, but jobs that are over in no time: the first read of a burst may be a large one, too */
    size_t brief = window_us / BRIEF_RUN_US < BRIEF_JOBS ? (size_t)(window_us / BRIEF_RUN_US) : BRIEF_JOBS;
    bool are_brief = core->n_taken > 0 && core->average_run_us < BRIEF_RUN_US;
    return are_brief && recent < brief ? brief : recent;
}

/* What the memory budget allows to be asked for, once other jobs are in memory. */
static size_t room_by_bytes(const struct weir_queue *core, size_t in_memory)
{
    if (core->bytes_a_job == 0)
        return FIRST_READ; /* nobody knows yet how large they are: a few will tell */
    size_t bytes = core->bytes + core->reserved * core->bytes_a_job, most = core->options.fetch_max_bytes;
    size_t room = bytes < most ? (most - bytes) / core->bytes_a_job : 0;
    size_t one_batch = batch_bytes(core) / core->bytes_a_job;
    if (one_batch == 0)
        one_batch = 1;
    if (room == 0 && in_memory == 0)
        room = 1; /* a single job goes, however large */
    return room < one_batch ? room : one_batch;
}

size_t weir_core_room(struct weir_queue *core, bool for_claimer)
{
    size_t limit = core->options.concurrency + prefetch(core);
    size_t active = core->n_ready + core->n_running + core->n_later;
    size_t in_memory = active + core->n_unreported + core->reserved;
    size_t taken = for_claimer ? core->n_claimed : active - core->n_claimed + core->reserved;
    if (taken >= limit || in_memory >= core->options.fetch_max_jobs)
        return 0;
    size_t room = limit - taken;
    if (room > core->options.fetch_max_jobs - in_memory)
        room = core->options.fetch_max_jobs - in_memory;
    size_t by_bytes = room_by_bytes(core, in_memory);
    return room < by_bytes ? room : by_bytes;
}

/* Wakes the reader if it waits for room and there is enough: much, or any while there is no work left. */
static void offer_room(struct weir_queue *core)
{
    if (!core->reader_waits)
        return;
    size_t room = weir_core_room(core, false);
    if (room == 0 || (room < READ_WAKES_AT && core->n_ready > core->options.concurrency / 4))
        return;
    core->reader_waits = false;
    pthread_cond_signal(&core->reader.cond);
}

void weir_core_count_finished(struct weir_queue *core)
{
    core->window_finished++;
    offer_room(core);
}

/* --- the ends of jobs --- */

void weir_core_report(struct weir_queue *core, struct weir_job *job)
{
    switch ((enum weir_job_state)job->state) {
    case JOB_READY:
        core->n_ready--;
        break;
    case JOB_RUNNING:
        core->n_running--;
        break;
    case JOB_LATER:
    case JOB_DOOMED:
        core->n_later--;
        break;
    case JOB_REPORTED:
    case JOB_GONE:
        return;
    }
    core->n_claimed -= job->batch->claimed;
    core->n_unreported++;
    job->state = JOB_REPORTED;
    if (core->state == CORE_ABANDONED || job->verdict == WEIR_VERDICT_KEEP) {
        weir_core_let_go(core, job);
    } else {
        weir_job_list_push(&core->outcomes, job);
        if (core->acker_waits) {
            core->acker_waits = false;
            pthread_cond_signal(&core->acker.cond);
        }
    }
    if (core->state != CORE_RUNNING) {
        pthread_cond_signal(&core->acker.cond);
        pthread_cond_signal(&core->claimer.cond);
        pthread_cond_broadcast(&core->work);
        pthread_cond_broadcast(&core->changed);
    }
    offer_room(core);
    if (core->claim_more && core->n_claimed <= core->options.concurrency / 2)
        pthread_cond_signal(&core->claimer.cond);
}

void weir_core_let_go(struct weir_queue *core, struct weir_job *job)
{
    struct weir_batch *batch = job->batch;
    job->state = JOB_GONE;
    core->n_unreported--;
    if (--batch->live == 0) {
        unlink_batch(core, batch);
        keep_batch(core, batch);
        offer_room(core);
    }
}

void weir_core_drop_ready(struct weir_queue *core, struct weir_job *job)
{
    struct weir_batch *batch = job->batch;
    core->n_ready--;
    core->n_claimed -= batch->claimed;
    core->n_unreported++; /* which let_go takes back */
    job->state = JOB_GONE;
    settle_ready(core, batch);
    weir_core_let_go(core, job);
}

void weir_core_mourn(struct weir_queue *core, struct weir_job *job)
{
    core->stats.payloads_lost++;
    if (job->state == JOB_READY) {
        core->n_ready--;
    } else {
        core->n_unreported--;
        core->n_claimed += job->batch->claimed; /* which reporting it has taken back, and will again */
    }
    core->n_later++;
    job->state = JOB_DOOMED;
    job->settled = WEIR_UNSETTLED;
    job->entry_gone = true;
    doom(job, WEIR_DEAD_PAYLOAD_LOST, "the entry was deleted from the stream while it was pending");
    weir_job_list_push(&core->doomed, job);
    weir_pool_rouse(core);
    if (core->state == CORE_STOPPING)
        pthread_cond_broadcast(&core->work);
}

void weir_core_release_ready(struct weir_queue *core, size_t keep)
{
    for (struct weir_batch *batch = core->ready_first, *next; batch; batch = next) {
        next = batch->next_ready;
        batch->live++; /* until we are through with it */
        for (size_t i = batch->started; i < batch->n; i++) {
            struct weir_job *job = &batch->jobs[i];
            if (job->state != JOB_READY || job->payload_lost)
                continue;
            if (keep > 0) {
                keep--;
                continue;
            }
            if (job->entry_gone) {
                weir_core_mourn(core, job);
                continue;
            }
            job->verdict = WEIR_VERDICT_RELEASE;
            weir_core_report(core, job);
        }
        settle_ready(core, batch);
        if (--batch->live == 0) {
            unlink_batch(core, batch);
            keep_batch(core, batch);
        }
    }
}

/* --- callbacks --- */

static _Thread_local const struct weir_queue *callback_of;

const struct weir_queue *weir_core_enter(const struct weir_queue *core)
{
    const struct weir_queue *before = callback_of;
    callback_of = core;
    return before;
}

bool weir_core_in_callback(const struct weir_queue *core)
{
    return callback_of == core;
}

bool weir_core_begin_callback(struct weir_queue *core)
{
    pthread_mutex_lock(&core->mutex);
    bool open = !core->closed;
    core->callbacks += open;
    pthread_mutex_unlock(&core->mutex);
    return open;
}

void weir_core_end_callback(struct weir_queue *core)
{
    pthread_mutex_lock(&core->mutex);
    core->callbacks--;
    pthread_cond_broadcast(&core->changed);
    pthread_mutex_unlock(&core->mutex);
}

void weir_core_event(struct weir_queue *core, weir_event_kind kind, const char *id, const char *text)
{
    if (!core->options.on_event || !weir_core_begin_callback(core))
        return;
    const struct weir_queue *before = weir_core_enter(core);
    weir_event event = {.kind = kind, .id = id, .text = text};
    core->options.on_event(&event, core->options.user_data);
    weir_core_enter(before);
    weir_core_end_callback(core);
}

void weir_core_log(struct weir_queue *core, weir_log_level level, const char *format, ...)
{
    if (!weir_core_begin_callback(core))
        return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    weir_log(level, "%s", line);
    weir_core_end_callback(core);
}

const char *weir_event_kind_text(weir_event_kind kind)
{
    static const char *const texts[] = {"connected",    "disconnected", "group created", "lease lost", "job dead",
                                        "payload lost", "stopped",      "paused",        "resumed"};
    return (unsigned)kind < sizeof texts / sizeof *texts ? texts[kind] : "unknown";
}

/* --- threads --- */

int weir_thread_create(pthread_t *thread, void *(*main)(void *), void *argument)
{
    /* the program's signals are handled on the program's threads; a crash still reaches its crash handler */
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&blocked, own[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int rc = pthread_create(thread, NULL, main, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}
