/* SPDX-License-Identifier: MIT
 *
 * The claimer: everything that has to be done from time to time, each with a timer of its own.
 *
 *   claim    takes over entries that were pending too long: their worker died, hung, or let the lease run out
 *   renew    renews the leases of what is in flight here
 *   touch    shows the group that this consumer lives: before Redis 7.2 a read that gets nothing doesn't
 *   look     asks whether the queue is paused (see pause.c), and ends reads that are outstanding then
 *   promote  looks, too, and moves delayed jobs that are due into the stream
 *   trim     removes entries that every group has finished with
 *   reap     deletes consumers that are long dead
 *   stats    calls on_stats; needs no connection, and goes on without one
 *
 * The timers start at random phases, so that a fleet of workers doesn't tick together. Renewing goes on while the queue
 * is being stopped, for as long as handlers run; the rest ends with the stop.
 *
 * What must stay true:
 *   - a lease is renewed at least twice before it could be taken over, unless the job has run longer than max_run_ms:
 *     what the server refuses, and is tried again after a pause, doesn't hold up the other timers;
 *   - a sweep of claims carries its cursor on, so that entries at the head that aren't eligible hide nothing;
 *   - an idle queue costs less than three commands a second, the reader's included.
 */
#include "base/clock.h"
#include "queue/core.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CLAIM_CALLS = 32, /* of one tick, without anything found: the server looks at ten times WEIR_ASK_MAX in each */
    PROMOTE_MAX = 500,
    TRIM_MAX = 10000,
    TRIM_CALLS = 100, /* of one tick */
    TRIM_ANYWAY_US = 30000000,
    STALE_PREFETCH = 10, /* unstarted after so many prefetch_ms (and STALE_US): it is hoarded */
    STALE_US = 500000,
    READING_ENDS_US = 20000, /* how long reads that were unblocked may take to be gone */
    SILENT_US = 250000,
    QUIET_US = 30000000, /* between two lines about threads that can't be started */
};

enum tick { TICK_CLAIM, TICK_RENEW, TICK_TOUCH, TICK_LOOK, TICK_PROMOTE, TICK_TRIM, TICK_REAP, TICK_STATS, N_TICKS };

struct claimer {
    struct weir_queue *core;
    struct weir_service *service;
    int64_t interval_us[N_TICKS], due_us[N_TICKS];
    unsigned failing;            /* bits of ticks: the last one of its kind failed */
    struct weir_entry_id cursor; /* of the sweep of claims */
    int64_t trimmed_us, quiet_until_us;

    struct weir_entry_id *entries; /* of renew */
    enum weir_lease *leases;
    weir_id *lost; /* the jobs whose leases were */
    size_t capacity;
};

/* --- claim --- */

static weir_status claim_some(struct claimer *claimer, size_t room, size_t *ret_n, weir_error *err)
{
    struct weir_queue *core = claimer->core;
    *ret_n = 0;
    if (room > claimer->service->most)
        room = claimer->service->most;
    struct weir_batch *batch = weir_core_batch(core);
    if (!batch) {
        *err = (weir_error){.code = WEIR_ERR_MEMORY, .message = "no memory for a batch of jobs"};
        return WEIR_ERR_MEMORY;
    }
    int64_t asked_us = weir_now_us();
    weir_status status =
        core->ops->claim(claimer->service->session, &claimer->cursor, core->options.min_idle_ms, room, batch, err);
    if (status != WEIR_OK) {
        if (!core->ops->connected(claimer->service->session))
            weir_service_ask_less(claimer->service, room);
        weir_core_batch_unused(core, batch);
        return status;
    }
    if (batch->n > 0)
        weir_service_ask_more(claimer->service);
    *ret_n = batch->n;
    batch->claimed = true;
    pthread_mutex_lock(&core->mutex);
    core->stats.claimed += batch->n;
    pthread_mutex_unlock(&core->mutex);
    weir_core_deliver(core, batch, 0, asked_us);
    return WEIR_OK;
}

/* Leases come first: true, with this timer due again right after them, where they are to be renewed by now. */
static bool make_way(struct claimer *claimer, enum tick tick)
{
    int64_t now_us = weir_now_us();
    if (now_us < claimer->due_us[TICK_RENEW])
        return false;
    claimer->due_us[tick] = now_us;
    return true;
}

/* Goes on with the sweep until it is complete, there is no more room, or it has taken long enough. */
static weir_status claim(struct claimer *claimer, weir_error *err)
{
    struct weir_queue *core = claimer->core;
    size_t calls = 0;
    for (;;) {
        if (make_way(claimer, TICK_CLAIM)) /* or what is in flight here might look stuck */
            return WEIR_OK;
        pthread_mutex_lock(&core->mutex);
        size_t room = weir_core_room(core, true);
        bool running = core->state == CORE_RUNNING, paused = weir_core_is_paused(core);
        core->claim_more = running && !paused && room == 0;
        pthread_mutex_unlock(&core->mutex);
        if (!running || paused || room == 0)
            return WEIR_OK;
        size_t n;
        if (!weir_core_take_over_begin(core, claimer->service))
            return WEIR_OK;
        weir_status status = claim_some(claimer, room, &n, err);
        weir_core_take_over_end(core);
        if (status != WEIR_OK)
            return status;
        if (claimer->cursor.ms == 0 && claimer->cursor.seq == 0)
            return WEIR_OK;
        if (n == 0 && ++calls >= CLAIM_CALLS) { /* a long list of entries that aren't due: the rest a little later */
            claimer->due_us[TICK_CLAIM] = weir_now_us() + 50000;
            return WEIR_OK;
        }
    }
}

/* --- renew --- */

static bool make_room(struct claimer *claimer, size_t n)
{
    if (n <= claimer->capacity)
        return true;
    struct weir_entry_id *entries = realloc(claimer->entries, n * sizeof *entries);
    if (entries)
        claimer->entries = entries;
    enum weir_lease *leases = realloc(claimer->leases, n * sizeof *leases);
    if (leases)
        claimer->leases = leases;
    weir_id *lost = realloc(claimer->lost, n * sizeof *lost);
    if (lost)
        claimer->lost = lost;
    if (!entries || !leases || !lost)
        return false;
    claimer->capacity = n;
    return true;
}

/* On its way back to the server: renewing it now would undo that. */
static bool is_being_released(const struct weir_job *job)
{
    return job->state == JOB_REPORTED && job->verdict == WEIR_VERDICT_RELEASE;
}

/* Collects what has to be renewed by now. Jobs that ran too long are cancelled instead. */
static size_t collect_leases(struct claimer *claimer, int64_t now_us)
{
    struct weir_queue *core = claimer->core;
    int64_t fresh_us = claimer->interval_us[TICK_RENEW];
    size_t n = 0;
    pthread_mutex_lock(&core->mutex);
    make_room(claimer, core->n_ready + core->n_running + core->n_later + core->n_unreported);
    for (struct weir_batch *batch = core->batches; batch; batch = batch->next) {
        if (now_us - batch->renewed_us < fresh_us)
            continue;
        batch->renewing = true;
        for (size_t i = 0; i < batch->n; i++) {
            struct weir_job *job = &batch->jobs[i];
            if (job->state == JOB_GONE || job->lease_lost || job->payload_lost || job->entry_gone ||
                is_being_released(job))
                continue;
            if ((job->state == JOB_RUNNING || job->state == JOB_LATER) && now_us / 1000 >= job->deadline_ms) {
                atomic_store(&job->cancelled, true);
                continue;
            }
            if (n < claimer->capacity)
                claimer->entries[n++] = job->entry;
            else
                batch->renewing = false;
        }
    }
    pthread_mutex_unlock(&core->mutex);
    return n;
}

/*
 * The renewal is over. `renewed`: the batches whose jobs were all in the command that was sent at now_us, and so not
 * those that came meanwhile, were renewed. Locks: held.
 */
static void end_renewal(struct weir_queue *core, int64_t now_us, bool renewed)
{
    for (struct weir_batch *batch = core->batches; batch; batch = batch->next) {
        if (renewed && batch->renewing)
            batch->renewed_us = now_us;
        batch->renewing = false;
    }
}

/* A lease that could not be renewed. True where the user is to be told, of the job *ret_id. Locks: held. */
static bool lose_lease(struct weir_queue *core, struct weir_entry_id entry, enum weir_lease lease, weir_id *ret_id)
{
    struct weir_job *job = weir_core_find(core, entry);
    if (job && lease == WEIR_LEASE_ENTRY_GONE)
        job->entry_gone = true; /* also where its outcome is on its way: it would look like somebody else's */
    if (!job || lease == WEIR_LEASE_ENTRY_GONE || job->state == JOB_REPORTED)
        return false; /* it ended meanwhile */
    core->stats.leases_lost++;
    if (job->state == JOB_READY) {
        weir_core_drop_ready(core, job);
        return false;
    }
    job->lease_lost = true;
    atomic_store(&job->cancelled, true);
    if (job->own_id)
        snprintf(ret_id->text, sizeof ret_id->text, "%s", job->own_id);
    else
        weir_entry_id_format(entry, ret_id->text); /* weir_job_id would write into a job that its handler has now */
    return true;
}

static weir_status renew(struct claimer *claimer, weir_error *err)
{
    struct weir_queue *core = claimer->core;
    int64_t now_us = weir_now_us();
    size_t n = collect_leases(claimer, now_us);
    weir_status status = WEIR_OK;
    if (n > 0)
        status = core->ops->renew(claimer->service->session, claimer->entries, n, claimer->leases, err);
    size_t n_lost = 0;
    pthread_mutex_lock(&core->mutex);
    end_renewal(core, now_us, status == WEIR_OK);
    if (status != WEIR_OK) {
        pthread_mutex_unlock(&core->mutex);
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        core->stats.leases_renewed += claimer->leases[i] == WEIR_LEASE_RENEWED;
        if (claimer->leases[i] != WEIR_LEASE_RENEWED)
            n_lost += lose_lease(core, claimer->entries[i], claimer->leases[i], &claimer->lost[n_lost]);
    }
    core->renew_wanted = false;
    weir_pool_rouse(core);
    pthread_mutex_unlock(&core->mutex);

    for (size_t i = 0; i < n_lost; i++)
        weir_core_event(core, WEIR_EVENT_LEASE_LOST, claimer->lost[i].text, "another consumer took the job over");
    return WEIR_OK;
}

/* --- look, promote, trim, reap --- */

/*
 * The server didn't answer in time: the reader, who may be waiting for long, shall not trust its connection either. Or
 * a claim's answer was lost: it may have made entries ours, which the reader finds when it connects again.
 */
static void kick_reader(struct weir_queue *core)
{
    pthread_mutex_lock(&core->mutex);
    bool kick = core->state == CORE_RUNNING && core->reader.connected;
    core->reader_kicked |= kick;
    pthread_cond_signal(&core->reader.cond);
    pthread_mutex_unlock(&core->mutex);
    if (kick)
        core->ops->wake(core->reader.session);
}

/* *ret_delayed: there are delayed jobs. */
static weir_status look(struct claimer *claimer, bool *ret_delayed, weir_error *err)
{
    struct weir_queue *core = claimer->core;
    bool paused;
    uint64_t look = weir_core_begin_look(core);
    weir_status status = core->ops->look(claimer->service->session, &paused, ret_delayed, err);
    if (status != WEIR_OK)
        return status;
    int64_t now_us = weir_now_us();
    claimer->due_us[TICK_LOOK] = now_us + claimer->interval_us[TICK_LOOK];
    if (!weir_core_note_pause(core, look, paused))
        return WEIR_OK;

    /* a read may be on its way to the server and not have been there to be unblocked: until none is outstanding */
    claimer->due_us[TICK_LOOK] = now_us + READING_ENDS_US;
    status = core->ops->unblock(claimer->service->session, core->reader.session, err);
    if (status != WEIR_OK && core->ops->connected(claimer->service->session)) { /* the server wouldn't */
        kick_reader(core);
        status = WEIR_OK;
    }
    return status;
}

static weir_status promote(struct claimer *claimer, weir_error *err)
{
    struct weir_queue *core = claimer->core;
    size_t moved = 0;
    int64_t next_ms = -1;
    bool delayed;
    weir_status status = look(claimer, &delayed, err);
    if (status != WEIR_OK || !delayed)
        return status;
    status = core->ops->promote(claimer->service->session, PROMOTE_MAX, &moved, &next_ms, err);
    if (status != WEIR_OK)
        return status;
    pthread_mutex_lock(&core->mutex);
    core->stats.promoted += moved;
    pthread_mutex_unlock(&core->mutex);
    int64_t due_us = next_ms < 0 ? INT64_MAX : weir_now_us() + next_ms * 1000;
    if (due_us < claimer->due_us[TICK_PROMOTE])
        claimer->due_us[TICK_PROMOTE] = due_us;
    return WEIR_OK;
}

static weir_status trim(struct claimer *claimer, weir_error *err)
{
    struct weir_queue *core = claimer->core;
    int64_t now_us = weir_now_us();
    pthread_mutex_lock(&core->mutex);
    bool wanted = core->trim_wanted || now_us - claimer->trimmed_us >= TRIM_ANYWAY_US;
    core->trim_wanted = false;
    pthread_mutex_unlock(&core->mutex);
    if (!wanted || core->options.retention == WEIR_KEEP_ALL)
        return WEIR_OK;
    claimer->trimmed_us = now_us;

    uint64_t keep = core->options.retention == WEIR_KEEP_LAST ? core->options.retention_count : 0;
    size_t removed = TRIM_MAX;
    for (size_t calls = 0; calls < TRIM_CALLS && removed >= TRIM_MAX / 2; calls++) {
        weir_status status = core->ops->trim(claimer->service->session, keep, TRIM_MAX, &removed, err);
        pthread_mutex_lock(&core->mutex);
        core->stats.trimmed += status == WEIR_OK ? removed : 0;
        core->trim_wanted |= status != WEIR_OK;
        bool running = core->state == CORE_RUNNING;
        pthread_mutex_unlock(&core->mutex);
        if (status != WEIR_OK || !running)
            return status;
        if (removed >= TRIM_MAX / 2 && make_way(claimer, TICK_TRIM)) {
            claimer->trimmed_us = 0; /* there is more to remove */
            return WEIR_OK;
        }
    }
    return WEIR_OK;
}

static weir_status reap(struct claimer *claimer, weir_error *err)
{
    struct weir_queue *core = claimer->core;
    size_t deleted;
    if (core->options.reap_idle_ms == 0)
        return WEIR_OK;
    return core->ops->reap(claimer->service->session, core->options.reap_idle_ms, &deleted, err);
}

/* Jobs that were fetched while jobs were short, and wait since they no longer are: others may be idle. */
static void shed(struct claimer *claimer)
{
    struct weir_queue *core = claimer->core;
    int64_t stale_us = core->options.prefetch_ms * 1000 * STALE_PREFETCH;
    if (stale_us < STALE_US)
        stale_us = STALE_US;
    pthread_mutex_lock(&core->mutex);
    int64_t waited_us = core->ready_first ? weir_now_us() - core->ready_first->fetched_us : 0;
    size_t keep = core->options.concurrency;
    if (waited_us > core->options.min_idle_ms * 1000 && waited_us > stale_us)
        keep = 0; /* no job waits here for longer than it would for a worker that died */
    if (waited_us > stale_us && core->n_ready > keep)
        weir_core_release_ready(core, keep);
    if (core->spawn_complained) { /* a worker could not be started then */
        core->spawn_complained = false;
        weir_pool_rouse(core);
    }
    int64_t now_us = weir_now_us();
    bool complain = core->spawn_complained && now_us >= claimer->quiet_until_us;
    pthread_mutex_unlock(&core->mutex);
    if (!complain)
        return;
    claimer->quiet_until_us = now_us + QUIET_US;
    weir_core_log(core, WEIR_LOG_WARNING, "queue %s: no thread could be started for a worker; trying again",
                  core->options.stream);
}

/* --- the timers --- */

static void set_timers(struct claimer *claimer)
{
    const weir_queue_options *options = &claimer->core->options;
    int64_t claim_ms = options->claim_interval_ms;
    if (claim_ms == 0) {
        claim_ms = options->min_idle_ms / 4;
        claim_ms = claim_ms < 50 ? 50 : claim_ms > 4000 ? 4000 : claim_ms;
    }
    int64_t reap_ms = options->reap_idle_ms / 4;
    claimer->interval_us[TICK_CLAIM] = claim_ms * 1000;
    claimer->interval_us[TICK_TOUCH] =
        (claim_ms < 4000 ? claim_ms * 5 / 2 : 10000) * 1000; /* who counts as alive: 30 s */
    claimer->interval_us[TICK_RENEW] = options->min_idle_ms * 1000 / 4;
    claimer->interval_us[TICK_LOOK] = options->pause_interval_ms * 1000;
    claimer->interval_us[TICK_PROMOTE] = options->promote_interval_ms * 1000;
    claimer->interval_us[TICK_TRIM] = options->trim_interval_ms * 1000;
    claimer->interval_us[TICK_REAP] = (reap_ms < 100 ? 100 : reap_ms > 600000 ? 600000 : reap_ms) * 1000;
    claimer->interval_us[TICK_STATS] = options->stats_interval_ms * 1000;
    int64_t now_us = weir_now_us();
    for (int tick = 0; tick < N_TICKS; tick++)
        claimer->due_us[tick] =
            now_us + (int64_t)((double)claimer->interval_us[tick] * weir_random_unit(&claimer->service->random));
    claimer->due_us[TICK_CLAIM] = claimer->due_us[TICK_PROMOTE] = now_us; /* what is overdue need not wait */
    claimer->due_us[TICK_TOUCH] = now_us;
    claimer->due_us[TICK_STATS] = options->on_stats ? now_us + claimer->interval_us[TICK_STATS] : INT64_MAX;
    claimer->trimmed_us = now_us;
}

static weir_status run_tick(struct claimer *claimer, enum tick tick, weir_error *err)
{
    switch (tick) {
    case TICK_CLAIM:
        return claim(claimer, err);
    case TICK_RENEW:
        return renew(claimer, err);
    case TICK_TOUCH:
        return claimer->core->ops->touch(claimer->service->session, err);
    case TICK_LOOK:
        return look(claimer, &(bool){false}, err);
    case TICK_PROMOTE:
        return promote(claimer, err);
    case TICK_TRIM:
        return trim(claimer, err);
    case TICK_REAP:
        return reap(claimer, err);
    case TICK_STATS: /* apart: tell_stats */
    case N_TICKS:
        break;
    }
    return WEIR_OK;
}

/* Waits for the next timer that matters in this state. False where the thread is to end. */
static bool wait_for_tick(struct claimer *claimer, enum tick *ret)
{
    struct weir_queue *core = claimer->core;
    bool found = false;
    pthread_mutex_lock(&core->mutex);
    weir_service_note_traffic(core, claimer->service);
    for (;;) {
        bool running = core->state == CORE_RUNNING;
        if (core->state == CORE_ABANDONED || (!running && core->n_running + core->n_later == 0))
            break;
        if (core->promote_due_us < claimer->due_us[TICK_PROMOTE])
            claimer->due_us[TICK_PROMOTE] = core->promote_due_us;
        core->promote_due_us = INT64_MAX;
        int64_t now_us = weir_now_us();
        if (core->renew_wanted && !(claimer->failing & 1u << TICK_RENEW))
            claimer->due_us[TICK_RENEW] = now_us;
        if (core->look_wanted)
            claimer->due_us[TICK_LOOK] = now_us;
        core->look_wanted = false;
        if (core->claim_wanted && running) {
            core->claim_wanted = false;
            claimer->due_us[TICK_CLAIM] = now_us;
        }
        if (core->claim_more && weir_core_room(core, true) > 0) {
            core->claim_more = false;
            claimer->due_us[TICK_CLAIM] = now_us;
        }
        enum tick next = TICK_RENEW;
        for (int tick = 0; running && tick < N_TICKS; tick++)
            if (claimer->due_us[tick] < claimer->due_us[next])
                next = (enum tick)tick;
        if (running && claimer->due_us[TICK_STATS] <= now_us)
            next = TICK_STATS; /* first of all: the others may be overdue for as long as the server is away */
        if (claimer->due_us[next] <= now_us) {
            *ret = next;
            found = true;
            break;
        }
        weir_service_wait(core, claimer->service, claimer->due_us[next]);
    }
    pthread_mutex_unlock(&core->mutex);
    return found;
}

/* Whether a connection that was lost was silent for so long that the server itself, not only the connection, is gone.
 */
static bool was_silent(const struct weir_queue *core, int64_t begin_us)
{
    int64_t timeout_us = core->options.connection.command_timeout_ms * 1000;
    return weir_now_us() - begin_us >= (timeout_us < SILENT_US ? timeout_us : SILENT_US);
}

void *weir_claimer_main(void *argument)
{
    struct weir_queue *core = argument;
    struct claimer claimer = {.core = core, .service = &core->claimer};
    set_timers(&claimer);
    enum tick tick;
    weir_watch_this_thread(&core->claimer.watch);
    while (wait_for_tick(&claimer, &tick)) {
        weir_watch_go_on();
        weir_error err;
        if (tick == TICK_STATS) {
            claimer.due_us[tick] = weir_now_us() + claimer.interval_us[tick];
            weir_core_tell_stats(core);
            continue;
        }
        shed(&claimer);
        if (!core->ops->connected(claimer.service->session))
            tick = TICK_LOOK; /* before anything is claimed */
        if (!weir_service_connect(core, claimer.service)) {
            core->ops->unwake(claimer.service->session);
            continue;
        }
        int64_t begin_us = weir_now_us();
        claimer.due_us[tick] = begin_us + claimer.interval_us[tick];
        weir_status status = run_tick(&claimer, tick, &err);
        if (status == WEIR_OK) {
            claimer.failing &= ~(1u << tick);
            if (claimer.failing == 0) /* what only reads works on a read-only server, too */
                weir_service_fine(core, claimer.service);
            continue;
        }
        claimer.failing |= status == WEIR_ERR_STOPPED ? 0 : 1u << tick;
        claimer.due_us[tick] = begin_us; /* again, as soon as possible */
        if (status == WEIR_ERR_STOPPED)
            core->ops->unwake(claimer.service->session);
        else if ((tick == TICK_CLAIM && !core->ops->connected(claimer.service->session)) ||
                 (status == WEIR_ERR_IN_DOUBT && was_silent(core, begin_us)))
            kick_reader(core);
        int64_t again_us = weir_service_note_trouble(core, claimer.service, status, &err);
        if (!core->ops->connected(claimer.service->session))
            weir_service_pause(core, claimer.service, again_us);
        else if (again_us > begin_us)
            claimer.due_us[tick] = again_us; /* what the server refuses must not hold up the renewals */
    }
    free(claimer.entries);
    free(claimer.leases);
    free(claimer.lost);
    weir_service_exit(core, claimer.service);
    return NULL;
}
