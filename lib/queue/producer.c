/* SPDX-License-Identifier: MIT
 *
 * The producer: two sessions of a broker, shared by all threads that enqueue.
 *
 * Callers queue up; the one at the head, the leader, takes everybody's jobs along in one pipeline and hands out the
 * results. So a lone caller pays one round trip, and many callers share them. While one leader waits for its answers, a
 * second one sends what has gathered meanwhile, on the other session, which is connected when it is first needed. A
 * bulk is a request like any other, with more jobs.
 *
 * What must stay true:
 *   - every caller gets its own jobs' true results: what was sent without an answer is WEIR_ERR_IN_DOUBT, and is not
 * sent again, unless the server adds it once all the same (idempotency_ms), and then until it has said so;
 *   - a leader serves requests that were there when it looked, then hands the lead over: nobody works for others for
 * ever;
 *   - a request lives on its caller's stack, and is not touched once its caller was woken.
 */
#include "base/error.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "job/check.h"
#include "queue/core.h"

#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LEAD_JOBS = 1024,   /* of one round trip, unless a single bulk is larger */
    BULK_CHUNK = 16384, /* jobs of a bulk that are prepared at once */
    LANES = 2,          /* appoint knows that there are two */
    RESEND_PAUSE_MS = 10,
    LONGEST_PAUSE_MS = 200,
};

/* A session, and who leads on it. */
struct lane {
    struct weir_session *session;   /* the leader's */
    struct weir_broker_add *shared; /* LEAD_JOBS of them; the leader's */

    /* guarded by the producer's mutex */
    bool led;
    bool bulk;         /* what is on its way takes longer than a round trip */
    size_t n_requests; /* on their way */
};

struct request {
    struct request *next;
    struct weir_broker_add *jobs;
    size_t n;
    weir_status status;
    weir_error error;
    struct lane *lane; /* its caller leads here; NULL: not yet, or never */
    bool done;         /* served */
    sem_t woken; /* either of them. A semaphore, which needs no mutex: those that are woken don't queue up for it */
};

struct weir_producer {
    struct weir_broker *broker;
    struct lane lanes[LANES];
    int64_t resend_ms; /* for how long a leader tries to resolve doubts, or to find who accepts */

    pthread_mutex_t mutex; /* guards what follows */
    struct request *first, **last;
    size_t n_waiting;
};

/* Objects alone: only the first session is connected now, so that a wrong URL or password is known. */
static weir_status open_lanes(weir_producer *producer, weir_error *err)
{
    const struct weir_broker_ops *ops = producer->broker->ops;
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &producer->lanes[i];
        lane->shared = calloc(LEAD_JOBS, sizeof *lane->shared);
        if (!lane->shared)
            return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a producer");
        weir_status status = ops->session_open(&lane->session, producer->broker, "producer", err);
        if (status != WEIR_OK)
            return status;
    }
    return ops->connect(producer->lanes[0].session, err);
}

static weir_status check_wait(const weir_producer_options *options, weir_error *err)
{
    if (options->wait_replicas > 1000)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "wait_replicas is %" PRIu32 "; it must be from 0 to 1000",
                              options->wait_replicas);
    if (options->wait_ms < 1 || options->wait_ms > 600000)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "wait_ms is %" PRId64 "; it must be from 1 to 600000",
                              options->wait_ms);
    return WEIR_OK;
}

weir_status weir_producer_open(weir_producer **ret, const weir_producer_options *options, weir_error *err)
{
    if (!ret || !options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", ret ? "options" : "ret");
    if (options->size != sizeof *options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "options->size is %zu, not %zu: start from WEIR_PRODUCER_OPTIONS_INIT", options->size,
                              sizeof *options);
    weir_status status = weir_check_name("stream", options->stream, err);
    if (status == WEIR_OK)
        status = weir_check_connection_options(&options->connection, err);
    if (status == WEIR_OK)
        status = check_wait(options, err);
    if (status != WEIR_OK)
        return status;

    weir_producer *producer = calloc(1, sizeof *producer);
    if (!producer || pthread_mutex_init(&producer->mutex, NULL) != 0) {
        free(producer);
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a producer");
    }
    producer->last = &producer->first;
    producer->resend_ms = options->connection.command_timeout_ms;
    struct weir_broker_config config = {
        .url = options->url,
        .stream = options->stream,
        .connection = options->connection,
        .wait_replicas = options->wait_replicas,
        .wait_ms = options->wait_ms,
    };
    status = weir_broker_open(&producer->broker, &config, err);
    if (status == WEIR_OK)
        status = open_lanes(producer, err);
    if (status != WEIR_OK) {
        weir_producer_close(producer);
        return status;
    }
    *ret = producer;
    return WEIR_OK;
}

void weir_producer_close(weir_producer *producer)
{
    if (!producer)
        return;
    if (producer->broker) {
        const struct weir_broker_ops *ops = producer->broker->ops;
        for (size_t i = 0; i < LANES; i++)
            ops->session_close(producer->lanes[i].session);
        ops->close(producer->broker);
    }
    for (size_t i = 0; i < LANES; i++)
        free(producer->lanes[i].shared);
    pthread_mutex_destroy(&producer->mutex);
    free(producer);
}

/* --- leading --- */

/* Requests that together fit into one round trip, at least one; taken off the queue. Locks: held. */
static struct request *take_requests(weir_producer *producer, size_t *ret_jobs)
{
    struct request *taken = producer->first, *last = taken;
    size_t n = taken->n;
    producer->n_waiting--;
    while (last->next && n + last->next->n <= LEAD_JOBS) {
        last = last->next;
        n += last->n;
        producer->n_waiting--;
    }
    producer->first = last->next;
    if (!producer->first)
        producer->last = &producer->first;
    last->next = NULL;
    *ret_jobs = n;
    return taken;
}

/* The first failure among the jobs. *err, which tells of one of them, is made to agree with it. */
static weir_status first_failure(const struct weir_broker_add *jobs, size_t n, weir_error *err)
{
    size_t i = 0;
    while (i < n && jobs[i].status == WEIR_OK)
        i++;
    if (i == n)
        return WEIR_OK;
    if (err->code != jobs[i].status)
        weir_error_set(err, jobs[i].status, "%s", weir_status_text(jobs[i].status));
    return jobs[i].status;
}

/*
 * Whether the job may be sent again, having been sent first at since_ms: it was refused by a server that is being
 * replaced, and so not added. Or it is in doubt, but the server adds it once, provided that it gets the second one
 * within the window of the first. Half of the window is left to the way there.
 */
static bool may_resend(const struct weir_broker_add *job, int64_t since_ms)
{
    if (job->later)
        return true;
    return job->status == WEIR_ERR_IN_DOUBT && job->options && job->options->idempotency_ms > 0 &&
           weir_now_ms() - since_ms < job->options->idempotency_ms / 2;
}

/* A run of neighbours that may be sent again for the same reason. */
static size_t count_run(const struct weir_broker_add *jobs, size_t n, int64_t since_ms)
{
    size_t run = 0;
    while (run < n && jobs[run].later == jobs[0].later && may_resend(&jobs[run], since_ms))
        run++;
    return run;
}

/*
 * What became of a run. A failure of any kind leaves the doubt; and what was refused before and not sent now may still
 * be tried again.
 */
static void note_resent(struct weir_broker_add *jobs, size_t run, bool later)
{
    for (size_t i = 0; i < run; i++) {
        if (jobs[i].status != WEIR_OK && !later)
            jobs[i].status = WEIR_ERR_IN_DOUBT;
        jobs[i].later = later && (jobs[i].later || jobs[i].status == WEIR_ERR_CONNECTION);
    }
}

/* Sends what may be sent again once more. True: there is nothing left that may. */
static bool resend(weir_producer *producer, struct lane *lane, struct weir_broker_add *jobs, size_t n, int64_t since_ms)
{
    const struct weir_broker_ops *ops = producer->broker->ops;
    for (size_t i = 0, run; i < n; i += run) {
        run = count_run(jobs + i, n - i, since_ms);
        if (run == 0) {
            run = 1;
            continue;
        }
        bool later = jobs[i].later;
        weir_status status = ops->add(lane->session, &jobs[i], run, NULL);
        note_resent(jobs + i, run, later);
        if (status != WEIR_OK)
            return false;
    }
    return true;
}

static void pause_ms(int64_t ms)
{
    struct timespec pause = {.tv_nsec = (long)ms * 1000000};
    nanosleep(&pause, NULL);
}

/* Adds the jobs, and again where that may resolve a doubt. Returns the first job's failure, in its place in the list.
 */
static weir_status add(weir_producer *producer, struct lane *lane, struct weir_broker_add *jobs, size_t n,
                       weir_error *err)
{
    int64_t since_ms = weir_now_ms();
    weir_status status = producer->broker->ops->add(lane->session, jobs, n, err);
    if (status == WEIR_OK)
        return WEIR_OK;
    int64_t give_up_ms = weir_time_add(weir_now_ms(), producer->resend_ms);
    for (int64_t pause = RESEND_PAUSE_MS; !resend(producer, lane, jobs, n, since_ms) && weir_now_ms() < give_up_ms;) {
        pause_ms(pause);
        pause = pause < LONGEST_PAUSE_MS ? 2 * pause : LONGEST_PAUSE_MS;
    }
    return first_failure(jobs, n, err);
}

/* Carries requests out and fills in their results. Locks: not held. */
static void serve(weir_producer *producer, struct lane *lane, struct request *requests, size_t n)
{
    if (!requests->next) { /* alone: no need to copy */
        requests->status = add(producer, lane, requests->jobs, requests->n, &requests->error);
        return;
    }
    size_t i = 0;
    for (struct request *request = requests; request; request = request->next) {
        memcpy(&lane->shared[i], request->jobs, request->n * sizeof *request->jobs);
        i += request->n;
    }
    weir_error err = {.code = WEIR_OK};
    add(producer, lane, lane->shared, n, &err);
    i = 0;
    for (struct request *request = requests; request; request = request->next) {
        memcpy(request->jobs, &lane->shared[i], request->n * sizeof *request->jobs);
        i += request->n;
        request->error = err; /* of the first failure of all */
        request->status = first_failure(request->jobs, request->n, &request->error);
    }
}

/*
 * Whether another leader would be of use, besides the one on this lane: with next to nothing to send, two round trips
 * cost more than the waiting for one.
 */
static bool is_worth_while(const weir_producer *producer, const struct lane *other)
{
    size_t n = producer->n_waiting;
    return !other->led || other->bulk || (n > 1 && 2 * n >= other->n_requests);
}

/*
 * Makes the first request's caller a leader, where there is a free lane and it is worth while. Returns the request,
 * whose caller is to be woken once the lock is let go of, or NULL. Locks: held.
 */
static struct request *appoint(weir_producer *producer)
{
    struct request *first = producer->first;
    if (!first || first->lane) /* nobody waits, or the appointed leader hasn't begun yet */
        return NULL;
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &producer->lanes[i], *other = &producer->lanes[LANES - 1 - i];
        if (lane->led || !is_worth_while(producer, other))
            continue;
        lane->led = true;
        first->lane = lane;
        return first;
    }
    return NULL;
}

/* Serves the requests that wait, the caller's own among them, and hands the lead over. */
static void lead(weir_producer *producer, const struct request *self)
{
    struct lane *lane = self->lane;
    size_t n_jobs;
    pthread_mutex_lock(&producer->mutex);
    size_t n_before = producer->n_waiting;
    struct request *taken = take_requests(producer, &n_jobs);
    lane->n_requests = n_before - producer->n_waiting;
    lane->bulk = n_jobs > LEAD_JOBS;
    pthread_mutex_unlock(&producer->mutex);
    serve(producer, lane, taken, n_jobs);

    pthread_mutex_lock(&producer->mutex);
    lane->led = false;
    struct request *leader = appoint(producer);
    pthread_mutex_unlock(&producer->mutex);
    if (leader) /* first, so that the next commands are on their way while the answers are handed out */
        sem_post(&leader->woken);
    for (struct request *request = taken, *next; request; request = next) {
        next = request->next;
        if (request == self)
            continue;
        request->done = true;
        sem_post(&request->woken);
    }
}

/* Enqueues the request's jobs, by leading or by being served. */
static weir_status submit(weir_producer *producer, struct weir_broker_add *jobs, size_t n, weir_error *err)
{
    struct request self = {.jobs = jobs, .n = n};
    if (sem_init(&self.woken, 0, 0) != 0) {
        for (size_t i = 0; i < n; i++)
            jobs[i].status = WEIR_ERR_SYSTEM;
        return weir_error_set(err, WEIR_ERR_SYSTEM, "no semaphore for a request");
    }

    pthread_mutex_lock(&producer->mutex);
    *producer->last = &self;
    producer->last = &self.next;
    producer->n_waiting++;
    struct request *leader = appoint(producer);
    pthread_mutex_unlock(&producer->mutex);
    if (leader && leader != &self)
        sem_post(&leader->woken);
    while (leader != &self && sem_wait(&self.woken) != 0)
        ; /* a signal */
    if (!self.done)
        lead(producer, &self); /* our own request is at the head */
    sem_destroy(&self.woken);
    if (self.status != WEIR_OK && err)
        *err = self.error;
    return self.status;
}

/* --- the calls --- */

weir_status weir_enqueue(weir_producer *producer, const weir_fields *fields, const weir_enqueue_options *options,
                         weir_id *ret_id, weir_error *err)
{
    if (!producer)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "producer is NULL");
    weir_status status = weir_check_fields(fields, err);
    if (status == WEIR_OK)
        status = weir_check_enqueue_options(options, err);
    if (status != WEIR_OK)
        return status;
    struct weir_broker_add job;
    job.fields = fields;
    job.options = options;
    job.token = 0;
    job.later = false;
    job.status = WEIR_OK;
    job.id.text[0] = '\0';
    status = submit(producer, &job, 1, err);
    if (status == WEIR_OK && ret_id)
        *ret_id = job.id;
    return status;
}

static weir_status check_bulk(const weir_enqueue_job *jobs, size_t n, weir_error *err)
{
    for (size_t i = 0; i < n; i++) {
        weir_error failure;
        weir_status status = weir_check_fields(jobs[i].fields, &failure);
        if (status == WEIR_OK)
            status = weir_check_enqueue_options(jobs[i].options, &failure);
        if (status != WEIR_OK)
            return weir_error_set(err, status, "job %zu: %.280s", i, failure.message);
    }
    return WEIR_OK;
}

/* What wasn't tried, because something before it failed. */
static void mark_untried(weir_enqueue_result *results, size_t from, size_t n, weir_status status)
{
    for (size_t i = from; results && i < n; i++) {
        results[i].status = status;
        results[i].duplicate = false;
        results[i].id.text[0] = '\0';
    }
}

weir_status weir_enqueue_bulk(weir_producer *producer, const weir_enqueue_job *jobs, size_t n,
                              weir_enqueue_result *results, weir_error *err)
{
    if (!producer || (n > 0 && !jobs))
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", producer ? "jobs" : "producer");
    weir_status status = check_bulk(jobs, n, err);
    if (status != WEIR_OK) {
        mark_untried(results, 0, n, status);
        return status;
    }
    size_t chunk = n < BULK_CHUNK ? n : BULK_CHUNK;
    struct weir_broker_add *adds = chunk ? malloc(chunk * sizeof *adds) : NULL;
    if (chunk && !adds) {
        mark_untried(results, 0, n, WEIR_ERR_MEMORY);
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a bulk of jobs");
    }

    weir_status first = WEIR_OK;
    for (size_t done = 0; done < n; done += chunk) {
        if (chunk > n - done)
            chunk = n - done;
        for (size_t i = 0; i < chunk; i++) {
            adds[i].fields = jobs[done + i].fields;
            adds[i].options = jobs[done + i].options;
            adds[i].token = 0;
            adds[i].later = false;
            adds[i].status = WEIR_OK;
            adds[i].id.text[0] = '\0';
        }
        weir_error failure = {.code = WEIR_OK};
        status = submit(producer, adds, chunk, &failure);
        for (size_t i = 0; results && i < chunk; i++) {
            results[done + i].status = adds[i].status;
            results[done + i].duplicate = adds[i].status == WEIR_OK && adds[i].duplicate;
            results[done + i].id = adds[i].id;
        }
        if (first == WEIR_OK && status != WEIR_OK) {
            size_t i = 0;
            while (i < chunk - 1 && adds[i].status == WEIR_OK)
                i++;
            first = adds[i].status != WEIR_OK ? adds[i].status : status;
            weir_error_set(err, first, "job %zu: %.280s", done + i, failure.message);
            if (err)
                memcpy(err->server, failure.server, sizeof err->server);
        }
    }
    free(adds);
    return first;
}
