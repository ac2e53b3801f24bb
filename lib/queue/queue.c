/* SPDX-License-Identifier: MIT
 *
 * The life of a queue: open, start, stop, close.
 *
 * A stop goes through these steps, all within its deadline:
 *   1. the state becomes STOPPING. Unstarted jobs are handed back at once; running ones are told (weir_job_cancelled);
 * the reader is woken, has its blocking read unblocked through the acker, and ends;
 *   2. handlers finish, the claimer keeps their leases alive meanwhile;
 *   3. the acker reports the last outcome, removes the consumer where nothing is pending for it, and ends.
 * Where that isn't done by the deadline, the state becomes ABANDONED: every wait ends, the threads that can end do, and
 * handlers that still run are left to themselves.
 *
 * What must stay true:
 *   - stop returns within its deadline plus 100 ms, whatever a handler, the server or the network does: it waits for
 *     nothing but a condition with a time;
 *   - close frees nothing that a thread may still touch: whoever is last frees it;
 *   - after close no callback is called.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "queue/core.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    UNBLOCK_US = 50000, /* how long the reader may take to be unblocked by the server */
    GRACE_US = 40000,   /* after the deadline, where no handler runs and only threads are to end */
    ABANDON_US = 85000, /* after the deadline, in which threads get to notice that they are abandoned */
    CALLBACK_GRACE_US = 1000000,
};

/* --- making and freeing --- */

static bool service_init(struct weir_service *service, const char *name)
{
    service->name = name;
    weir_random_seed(&service->random);
    return weir_cond_init(&service->cond) == 0;
}

static void core_free(struct weir_queue *core)
{
    if (!core)
        return;
    while (core->free_batches) {
        struct weir_batch *next = core->free_batches->next;
        weir_batch_free(core->free_batches);
        core->free_batches = next;
    }
    if (core->ops) {
        core->ops->session_close(core->reader.session);
        core->ops->session_close(core->acker.session);
        core->ops->session_close(core->claimer.session);
        core->ops->close(core->broker);
    }
    weir_options_clear(&core->options);
    pthread_cond_destroy(&core->reader.cond);
    pthread_cond_destroy(&core->acker.cond);
    pthread_cond_destroy(&core->claimer.cond);
    pthread_cond_destroy(&core->changed);
    pthread_cond_destroy(&core->work);
    pthread_mutex_destroy(&core->mutex);
    free(core);
}

bool weir_core_free_if_last(struct weir_queue *core)
{
    if (!core->closed || core->n_workers > 0 || core->n_running + core->n_later > 0 || core->stop_waiters > 0 ||
        core->reader.alive || core->acker.alive || core->claimer.alive)
        return false;
    pthread_mutex_unlock(&core->mutex);
    core_free(core);
    return true;
}

/* The parts that need no broker. NULL without memory. */
static struct weir_queue *core_new(void)
{
    struct weir_queue *core = calloc(1, sizeof *core);
    if (!core)
        return NULL;
    if (pthread_mutex_init(&core->mutex, NULL) != 0) {
        free(core);
        return NULL;
    }
    bool fine = weir_cond_init(&core->changed) == 0;
    fine &= weir_cond_init(&core->work) == 0;
    fine &= service_init(&core->reader, "reader");
    fine &= service_init(&core->acker, "acker");
    fine &= service_init(&core->claimer, "claimer");
    weir_random_seed(&core->random);
    core->ready_last = &core->ready_first;
    weir_job_list_init(&core->doomed);
    weir_job_list_init(&core->outcomes);
    core->average_run_us = 1000;
    core->promote_due_us = INT64_MAX;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    core->n_cpus = cpus > 0 ? (int)cpus : 1;
    if (!fine) {
        core_free(core);
        return NULL;
    }
    return core;
}

static weir_status open_broker(struct weir_queue *core, weir_error *err)
{
    const weir_queue_options *options = &core->options;
    struct weir_broker_config config = {
        .url = options->url,
        .stream = options->stream,
        .group = options->group,
        .consumer = options->consumer,
        .start_id = options->start_id,
        .retention = options->retention,
        .connection = options->connection,
    };
    weir_status status = weir_broker_open(&core->broker, &config, err);
    if (status != WEIR_OK)
        return status;
    core->ops = core->broker->ops;
    struct weir_service *services[] = {&core->reader, &core->acker, &core->claimer};
    for (size_t i = 0; i < 3 && status == WEIR_OK; i++)
        status = core->ops->session_open(&services[i]->session, core->broker, services[i]->name, err);
    return status;
}

/* Makes sure that the server can serve this queue. */
static weir_status introduce(struct weir_queue *core, weir_error *err)
{
    struct weir_session *session = core->acker.session;
    weir_status status = core->ops->connect(session, err);
    if (status != WEIR_OK)
        return status;
    bool created;
    weir_error refused = {.code = WEIR_OK};
    status = core->ops->create_group(session, core->options.start_id, &created, &refused);
    if (status != WEIR_OK && status != WEIR_ERR_FULL) {
        if (err)
            *err = refused;
        return status;
    }
    bool full = status == WEIR_ERR_FULL; /* which the server also says where the group exists already */
    status = core->ops->probe(session, err);
    if (status == WEIR_OK)
        status = core->ops->leave(session, err); /* probing made a consumer: a queue that never starts leaves none */
    if (full && status == WEIR_ERR_NO_GROUP) {
        if (err)
            *err = refused;
        return WEIR_ERR_FULL;
    }
    return weir_error_nothing_sent(status, err);
}

weir_status weir_queue_open(weir_queue **ret, const weir_queue_options *options, weir_error *err)
{
    if (!ret)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "ret is NULL");
    struct weir_queue *core = core_new();
    if (!core)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a queue");
    weir_status status = weir_options_copy(options, &core->options, err);
    if (status == WEIR_OK && core->options.codec) { /* handlers that outlive the queue still need it */
        core->codec = *core->options.codec;
        core->options.codec = &core->codec;
    }
    if (status == WEIR_OK) {
        core->policy = (struct weir_policy){
            .max_attempts = core->options.max_attempts,
            .max_deliveries = core->options.max_deliveries,
            .backoff = {.kind = core->options.backoff,
                        .base_ms = core->options.backoff_base_ms,
                        .cap_ms = core->options.backoff_cap_ms,
                        .factor = core->options.backoff_factor,
                        .jitter = core->options.backoff_jitter},
        };
        status = open_broker(core, err);
    }
    if (status == WEIR_OK) {
        status = introduce(core, err);
        core->ops->disconnect(core->acker.session); /* its thread makes a connection of its own */
    }
    if (status != WEIR_OK) {
        core_free(core);
        return status;
    }
    /* the broker has copies of its own; a password needn't lie around */
    explicit_bzero((char *)core->options.url, strlen(core->options.url));
    core->options.connection.client_name = NULL;
    core->options.connection.tls_ca_file = core->options.connection.tls_cert_file = NULL;
    core->options.connection.tls_key_file = core->options.connection.tls_server_name = NULL;
    *ret = core;
    return WEIR_OK;
}

/* --- starting --- */

static int start_service(struct weir_queue *core, struct weir_service *service, void *(*main)(void *))
{
    service->failures = 0;
    service->most = WEIR_ASK_MAX;
    service->complained = false;
    core->ops->unwake(service->session);
    service->alive = service->joinable = true;
    weir_watch_init(&service->watch);
    int rc = weir_thread_create(&service->thread, main, core);
    if (rc != 0)
        service->alive = service->joinable = false;
    return rc;
}

weir_status weir_queue_start(weir_queue *core, weir_error *err)
{
    if (!core)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "queue is NULL");
    pthread_mutex_lock(&core->mutex);
    if (core->state != CORE_OPEN || core->closed || core->stop_waiters > 0) {
        bool abandoned = core->state == CORE_ABANDONED;
        pthread_mutex_unlock(&core->mutex);
        return weir_error_set(err, WEIR_ERR_STATE, "%s",
                              abandoned ? "the last stop left handlers behind; close the queue and open a new one"
                                        : "the queue is running already");
    }
    core->state = CORE_RUNNING;
    core->reader_dirty = core->unblock_wanted = core->reader_kicked = false;
    core->renew_wanted = core->recovered = core->group_missing = false;
    core->n_given_up = 0;
    core->abandonment_told = false;
    core->window_start_us = core->last_read_us = weir_now_us();
    core->window_finished = core->last_window = 0;
    /* the lock is held until all run, so that none acts before the others are there */
    int rc = start_service(core, &core->acker, weir_acker_main);
    if (rc == 0)
        rc = start_service(core, &core->claimer, weir_claimer_main);
    if (rc == 0)
        rc = start_service(core, &core->reader, weir_reader_main);
    pthread_mutex_unlock(&core->mutex);
    if (rc == 0)
        return WEIR_OK;
    weir_queue_stop(core, 1000);
    return weir_error_set(err, WEIR_ERR_SYSTEM, "no thread could be started: %s", strerror(rc));
}

/* --- stopping --- */

/* Tells every handler that runs. Locks: held. */
static void cancel_all(struct weir_queue *core)
{
    for (struct weir_batch *batch = core->batches; batch; batch = batch->next)
        for (size_t i = 0; i < batch->n; i++)
            if (batch->jobs[i].state == JOB_RUNNING || batch->jobs[i].state == JOB_LATER)
                atomic_store(&batch->jobs[i].cancelled, true);
}

static void wake_everybody(struct weir_queue *core)
{
    pthread_cond_broadcast(&core->reader.cond);
    pthread_cond_broadcast(&core->acker.cond);
    pthread_cond_broadcast(&core->claimer.cond);
    pthread_cond_broadcast(&core->work);
    pthread_cond_broadcast(&core->changed);
}

void weir_queue_stop_begin(weir_queue *core)
{
    pthread_mutex_lock(&core->mutex);
    if (core->state == CORE_RUNNING) {
        core->state = CORE_STOPPING;
        core->stop_began_us = weir_now_us();
        weir_core_release_ready(core, 0);
        cancel_all(core);
        weir_pool_rouse(core); /* for jobs that have to be buried */
        wake_everybody(core);
        core->ops->wake(core->reader.session);
    }
    pthread_mutex_unlock(&core->mutex);
}

static bool services_alive(const struct weir_queue *core)
{
    return core->reader.alive || core->acker.alive || core->claimer.alive;
}

static bool all_ended(const struct weir_queue *core)
{
    return !services_alive(core) && core->n_workers == 0 && core->n_running + core->n_later == 0;
}

/* Nothing is left but handlers, which nothing can hurry: all other threads have ended. Locks: held. */
static bool only_handlers_left(const struct weir_queue *core)
{
    return !services_alive(core) && core->n_workers <= core->n_running;
}

/* Waits for a condition until then. Locks: held. */
static bool wait_until(struct weir_queue *core, bool (*condition)(const struct weir_queue *), int64_t deadline_us)
{
    while (!condition(core)) {
        if (weir_now_us() >= deadline_us)
            return false;
        weir_cond_wait_until(&core->changed, &core->mutex, deadline_us);
    }
    return true;
}

/* The deadline has passed: ends every wait, and lets go of what can't be reported. Locks: held. */
static void abandon(struct weir_queue *core)
{
    core->state = CORE_ABANDONED;
    weir_core_release_ready(core, 0);
    while (core->doomed.first) { /* finished, on_dead not told */
        struct weir_job *job = core->doomed.first;
        core->doomed.first = job->next;
        weir_core_report(core, job);
    }
    weir_job_list_init(&core->doomed);
    core->ops->wake(core->reader.session);
    core->ops->wake(core->acker.session);
    core->ops->wake(core->claimer.session);
    wake_everybody(core);
}

static void join_services(struct weir_queue *core)
{
    struct weir_service *services[] = {&core->reader, &core->acker, &core->claimer};
    for (size_t i = 0; i < 3; i++) {
        struct weir_service *service = services[i];
        if (!service->joinable)
            continue;
        service->joinable = false;
        if (service->alive)
            continue; /* detaches itself */
        pthread_t thread = service->thread;
        pthread_mutex_unlock(&core->mutex);
        pthread_join(thread, NULL);
        pthread_mutex_lock(&core->mutex);
    }
}

static bool reader_ended(const struct weir_queue *core)
{
    return !core->reader.alive;
}

/* Unblocking the reader takes a round trip; if that doesn't work, it hangs up. Locks: held. */
static void see_reader_off(struct weir_queue *core, int64_t deadline_us)
{
    int64_t until_us = weir_time_add(core->stop_began_us, UNBLOCK_US);
    if (core->state != CORE_STOPPING || wait_until(core, reader_ended, until_us < deadline_us ? until_us : deadline_us))
        return;
    core->ops->wake(core->reader.session);
    if (core->n_running + core->n_later == 0)
        core->ops->wake(core->claimer.session);
}

bool weir_queue_stop_linger(weir_queue *core, int64_t deadline_us)
{
    pthread_mutex_lock(&core->mutex);
    see_reader_off(core, deadline_us);
    bool ended = core->state == CORE_OPEN || wait_until(core, all_ended, deadline_us);
    pthread_mutex_unlock(&core->mutex);
    return ended;
}

void weir_queue_stop_abandon(weir_queue *core)
{
    pthread_mutex_lock(&core->mutex);
    if (core->state == CORE_STOPPING && !all_ended(core))
        abandon(core);
    pthread_mutex_unlock(&core->mutex);
}

/* The work of a stop that has begun. Locks: held. */
static weir_status end_stop(struct weir_queue *core, int64_t deadline_us)
{
    bool left_behind = core->state == CORE_ABANDONED && core->abandonment_told; /* by an earlier stop */
    see_reader_off(core, deadline_us);
    bool ended = wait_until(core, all_ended, deadline_us);
    if (!ended && core->state == CORE_STOPPING && core->n_running + core->n_later == 0)
        ended = wait_until(core, all_ended, weir_time_add(deadline_us, GRACE_US));
    if (!ended && core->state == CORE_STOPPING)
        abandon(core);
    if (!ended && !left_behind)
        wait_until(core, only_handlers_left, weir_time_add(deadline_us, ABANDON_US));
    bool complete = left_behind ? ended : core->state == CORE_STOPPING && core->n_given_up == 0;

    join_services(core);
    weir_pool_join(core);
    core->abandonment_told = !complete;
    if (all_ended(core))
        core->state = CORE_OPEN;
    return complete ? WEIR_OK : WEIR_ERR_DEADLINE;
}

weir_status weir_queue_stop_wait(weir_queue *core, int64_t deadline_us)
{
    pthread_mutex_lock(&core->mutex);
    if (core->state == CORE_OPEN && core->stop_waiters == 0) {
        pthread_mutex_unlock(&core->mutex);
        return WEIR_OK;
    }
    if (core->stop_waiters > 0) { /* somebody else does it: same end, our own deadline */
        core->stop_waiters++;
        while (core->stopping_thread && weir_now_us() < deadline_us)
            weir_cond_wait_until(&core->changed, &core->mutex, deadline_us);
        weir_status status = core->stopping_thread ? WEIR_ERR_DEADLINE : core->stop_status;
        core->stop_waiters--;
        if (!weir_core_free_if_last(core))
            pthread_mutex_unlock(&core->mutex);
        return status;
    }
    core->stop_waiters = 1;
    core->stopping_thread = true;
    weir_status status = end_stop(core, deadline_us);
    size_t left = core->n_running + core->n_later;
    core->stop_status = status;
    core->stopping_thread = false;
    core->stop_waiters--;
    pthread_cond_broadcast(&core->changed);
    pthread_mutex_unlock(&core->mutex);

    if (left > 0)
        weir_log(WEIR_LOG_WARNING, "queue %s: stopped with %zu handlers still running; their jobs will run again",
                 core->options.stream, left);
    weir_core_event(core, WEIR_EVENT_STOPPED, "", weir_status_name(status));
    return status;
}

weir_status weir_queue_stop(weir_queue *core, int64_t deadline_ms)
{
    if (!core || deadline_ms < 0)
        return WEIR_ERR_ARGUMENT;
    if (weir_core_in_callback(core))
        return WEIR_ERR_STATE;
    int64_t now_us = weir_now_us();
    int64_t deadline_us = deadline_ms > (INT64_MAX - now_us) / 1000 - 1 ? INT64_MAX - 1 : now_us + deadline_ms * 1000;
    weir_queue_stop_begin(core);
    return weir_queue_stop_wait(core, deadline_us);
}

void weir_queue_close(weir_queue *core)
{
    if (!core)
        return;
    if (weir_core_in_callback(core)) {
        weir_log(WEIR_LOG_ERROR, "queue %s: weir_queue_close was called from one of its own callbacks, and did nothing",
                 core->options.stream);
        return;
    }
    pthread_mutex_lock(&core->mutex);
    bool left_behind = core->state == CORE_ABANDONED; /* by a stop: its deadline was the caller's */
    pthread_mutex_unlock(&core->mutex);
    weir_queue_stop(core, left_behind ? 0 : WEIR_CLOSE_DEADLINE_MS);

    pthread_mutex_lock(&core->mutex);
    core->closed = true;
    core->stop_waiters++; /* so that it isn't freed by whoever ends while we wait */
    int64_t until_us = weir_now_us() + CALLBACK_GRACE_US;
    while (core->callbacks > 0 && weir_now_us() < until_us)
        weir_cond_wait_until(&core->changed, &core->mutex, until_us);
    core->stop_waiters--;
    if (!weir_core_free_if_last(core))
        pthread_mutex_unlock(&core->mutex);
}

/* --- asking --- */

const char *weir_queue_consumer(const weir_queue *core)
{
    return core ? core->options.consumer : "";
}

const char *weir_queue_stream(const weir_queue *core)
{
    return core ? core->options.stream : "";
}

const char *weir_queue_group_name(const weir_queue *core)
{
    return core ? core->options.group : "";
}
