/* SPDX-License-Identifier: MIT
 *
 * G3: a job held by a live worker is never run elsewhere, however long it runs; one that was lost is told so, and
 * reports nothing.
 */
#include "fixture.h"
#include "support/process.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static bool never(void *context)
{
    (void)context;
    return false;
}

/* --- a job that takes ten leases --- */

struct shared {
    atomic_int min_idle_ms;
    atomic_int long_began, long_ended, others;
};

/* Here, the time that passes is the subject. */
static weir_outcome run_for_ten_leases(weir_job *job, void *context)
{
    struct shared *shared = context;
    if (strcmp(name_of(job), "long") != 0) {
        atomic_fetch_add(&shared->others, 1);
        return WEIR_DONE;
    }
    atomic_fetch_add(&shared->long_began, 1);
    wait_for(never, NULL, 10 * atomic_load(&shared->min_idle_ms));
    atomic_fetch_add(&shared->long_ended, 1);
    return WEIR_DONE;
}

static bool long_job_runs(void *shared)
{
    return atomic_load(&((struct shared *)shared)->long_began) > 0;
}

static void a_long_job_runs_once_among_busy_workers(void **state)
{
    struct fixture *f = *state;
    struct shared *shared = fixture_share(f, sizeof *shared);
    weir_queue_options options = fixture_options(f);
    options.handler = run_for_ten_leases;
    options.user_data = shared;
    options.min_idle_ms = test_scaled_ms(300);
    shared->min_idle_ms = (int)options.min_idle_ms;
    options.concurrency = 4;
    pid_t workers[4];
    for (size_t i = 0; i < COUNT_OF(workers); i++)
        workers[i] = fixture_worker(&options);
    put(f, "long");
    assert_true(wait_for(long_job_runs, shared, TEST_TIMEOUT_MS));
    int others = 0;
    while (shared->long_ended == 0) {
        put_numbered(f, others, 50);
        others += 50;
    }
    assert_true(wait_pending(f, 0));
    for (size_t i = 0; i < COUNT_OF(workers); i++) {
        child_signal(workers[i], SIGTERM);
        assert_int_equal(child_wait(workers[i], TEST_TIMEOUT_MS), 0);
    }
    assert_int_equal(shared->long_began, 1);
    assert_int_equal(shared->long_ended, 1);
    assert_int_equal(shared->others, others);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD), 0);
}

/* --- renewals --- */

struct awaited_renewals {
    weir_queue *queue;
    uint64_t n;
};

static bool renewed_so_often(void *context)
{
    struct awaited_renewals *awaited = context;
    weir_stats stats = WEIR_STATS_INIT;
    return weir_queue_stats(awaited->queue, &stats) == WEIR_OK && stats.leases_renewed >= awaited->n;
}

/* Six renewals take one and a half leases. */
static void expect_renewals(struct fixture *f, weir_queue *queue)
{
    struct awaited_renewals awaited = {queue, 6};
    assert_true(wait_for(renewed_so_often, &awaited, TEST_TIMEOUT_MS));
    redisReply *reply = test_server_command(f->server, "XPENDING " STREAM " " GROUP " - + 10");
    assert_int_equal(reply->elements, 1);
    assert_string_equal(reply->element[0]->element[1]->str, weir_queue_consumer(queue));
    assert_int_equal(reply->element[0]->element[3]->integer, 1);
    freeReplyObject(reply);
}

static void a_renewal_counts_no_delivery(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.min_idle_ms = test_scaled_ms(400);
    put(f, "a");
    expect_renewals(f, fixture_start(f, &options));
}

/* What the server refuses is tried again after a pause, which must not be one of the renewals, too. */
static void renewals_go_on_while_the_server_refuses_others(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.min_idle_ms = 100; /* a renewal every 25 ms, for pauses of 150 … 300 ms */
    freeReplyObject(test_server_command(f->server, "SET " DELAYED " spoilt"));
    put(f, "a");
    weir_queue *queue = fixture_start(f, &options);
    weir_stats before = WEIR_STATS_INIT, after = WEIR_STATS_INIT;
    assert_true(wait_more_calls(f, "zrange", 8)); /* the pauses have grown to their length */
    OK(weir_queue_stats(queue, &before));
    assert_true(wait_more_calls(f, "zrange", 6));
    OK(weir_queue_stats(queue, &after));
    assert_true(after.leases_renewed - before.leases_renewed >= (uint64_t)3 * 6);
}

static _Atomic(weir_job *) held_job;

static weir_outcome keep_for_later(weir_job *job, void *fixture)
{
    atomic_store(&held_job, job);
    handle_done(job, fixture);
    return WEIR_LATER;
}

static void asynchronous_jobs_are_renewed(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = keep_for_later;
    options.min_idle_ms = test_scaled_ms(400);
    put(f, "a");
    weir_queue *queue = fixture_start(f, &options);
    assert_true(WAIT_STAT(queue, later, 1));
    expect_renewals(f, queue);
    assert_int_equal(weir_job_finish(held_job, WEIR_DONE), WEIR_OK);
    assert_true(wait_pending(f, 0));
}

static void *stop_patiently(void *queue)
{
    weir_queue_stop(queue, TEST_TIMEOUT_MS);
    return NULL;
}

/* Handlers that a stop waits for keep their jobs, beside a worker that looks for stuck ones. */
static void leases_are_renewed_during_a_stop(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.min_idle_ms = test_scaled_ms(400);
    put(f, "a");
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_patiently, queue), 0);
    options.handler = handle_done;
    options.claim_interval_ms = 20;
    fixture_start(f, &options);
    expect_renewals(f, queue);
    gate_open(&f->gate);
    pthread_join(stopper, NULL);
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), 1);
}

/* --- a lease that is lost --- */

static weir_outcome last_outcome;

/* Runs until it is told that it should end. */
static weir_outcome run_until_cancelled(weir_job *job, void *fixture)
{
    handle_done(job, fixture);
    for (int64_t give_up_ms = test_now_ms() + TEST_TIMEOUT_MS; !weir_job_cancelled(job) && test_now_ms() < give_up_ms;)
        wait_for(never, NULL, 1);
    recorder_add(((struct fixture *)fixture)->runs, weir_job_cancelled(job) ? "cancelled" : "not cancelled", 0);
    gate_wait(&((struct fixture *)fixture)->gate);
    return last_outcome;
}

/* A thief takes the running job; its handler is told and says `outcome`. Returns once that was heard. */
static void lose_the_lease(struct fixture *f, weir_outcome outcome)
{
    last_outcome = outcome;
    weir_queue_options options = fixture_options(f);
    options.handler = run_until_cancelled;
    options.min_idle_ms = test_scaled_ms(1000); /* the thief keeps the job for longer than the test takes */
    options.on_dead = record_dead;
    options.backoff_base_ms = 0;
    weir_enqueue_options own = WEIR_ENQUEUE_OPTIONS_INIT;
    own.id = "order-7";
    put_with(f, "a", &own);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    redisReply *entries = entries_of(f, STREAM);
    freeReplyObject(test_server_command(f->server, "XCLAIM " STREAM " " GROUP " thief 0 %s IDLE 0",
                                        entries->element[0]->element[0]->str));
    freeReplyObject(entries);

    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_count_key(f->runs, "cancelled"), 1);
    assert_true(recorder_wait_count_key(f->events, "lease lost order-7", 1, TEST_TIMEOUT_MS));
    assert_true(WAIT_STAT(queue, leases_lost, 1));
    gate_open(&f->gate);
    assert_true(WAIT_STAT(queue, acked, 1));
    assert_int_equal(recorder_count(f->runs), 2);
    assert_int_equal(events_of(f, WEIR_EVENT_LEASE_LOST), 1);
}

static void expect_still_the_thiefs(struct fixture *f)
{
    assert_int_equal(pending_of(f, STREAM, GROUP, "thief"), 1);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DELAYED_JOBS " " DEAD), 0);
}

static void a_lost_job_is_not_retried(void **state)
{
    lose_the_lease(*state, WEIR_RETRY);
    expect_still_the_thiefs(*state);
}

static void a_lost_job_is_not_buried(void **state)
{
    lose_the_lease(*state, WEIR_REJECT);
    expect_still_the_thiefs(*state);
}

static void a_lost_job_that_is_done_is_done(void **state)
{
    struct fixture *f = *state;
    lose_the_lease(f, WEIR_DONE);
    assert_true(wait_pending(f, 0));
}

/* --- jobs that were fetched ahead --- */

enum { FAST = 50, AHEAD = 20 };

static weir_outcome stop_at_gatekeeper(weir_job *job, void *fixture)
{
    return strcmp(name_of(job), "gatekeeper") == 0 ? handle_at_gate(job, fixture) : handle_done(job, fixture);
}

/* One slot, which one job holds, and AHEAD that wait behind it: as many as were finished before may be fetched. */
static weir_queue_options fetching_ahead(struct fixture *f)
{
    weir_queue_options options = fixture_options(f);
    options.handler = stop_at_gatekeeper;
    options.concurrency = 1;
    options.prefetch_ms = 60000;
    options.min_idle_ms = test_scaled_ms(500);
    return options;
}

static void what_others_took_is_not_started(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fetching_ahead(f);
    options.min_idle_ms = test_scaled_ms(2000); /* for so long the thief keeps what it took */
    weir_queue *queue = fixture_start(f, &options);
    put_numbered(f, 0, FAST);
    assert_true(recorder_wait_count(f->runs, FAST, TEST_TIMEOUT_MS));
    put(f, "gatekeeper");
    put_numbered(f, FAST, AHEAD);
    assert_true(WAIT_STAT(queue, waiting, AHEAD));
    redisReply *pending = test_server_command(f->server, "XPENDING " STREAM " " GROUP " - + 100");
    for (size_t i = pending->elements - AHEAD / 2; i < pending->elements; i++)
        freeReplyObject(test_server_command(f->server, "XCLAIM " STREAM " " GROUP " thief 0 %s",
                                            pending->element[i]->element[0]->str));
    freeReplyObject(pending);
    assert_true(WAIT_STAT(queue, leases_lost, AHEAD / 2));
    gate_open(&f->gate);
    assert_true(recorder_wait_count(f->runs, FAST + 1 + AHEAD / 2, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, AHEAD / 2));
    fixture_close(f, queue);
    assert_int_equal(recorder_count(f->runs), FAST + 1 + AHEAD / 2);
    assert_int_equal(pending_of(f, STREAM, GROUP, "thief"), AHEAD / 2);
    assert_int_equal(events_of(f, WEIR_EVENT_LEASE_LOST), 0); /* none of them ran */
}

struct suspended {
    atomic_bool at_gate, released;
    atomic_int runs[FAST + AHEAD], last;
};

static bool is_released(void *context)
{
    return atomic_load(&((struct suspended *)context)->released);
}

static weir_outcome run_suspended(weir_job *job, void *context)
{
    struct suspended *suspended = context;
    if (strcmp(name_of(job), "gatekeeper") == 0) {
        atomic_store(&suspended->at_gate, true);
        wait_for(is_released, suspended, 2 * TEST_TIMEOUT_MS);
    } else if (strcmp(name_of(job), "last") == 0) {
        atomic_fetch_add(&suspended->last, 1);
    } else {
        atomic_fetch_add(&suspended->runs[atoi(name_of(job))], 1);
    }
    return WEIR_DONE;
}

static bool is_at_gate(void *context)
{
    return atomic_load(&((struct suspended *)context)->at_gate);
}

static bool last_has_run(void *context)
{
    return atomic_load(&((struct suspended *)context)->last) == 1;
}

/* A worker that was asleep for longer than a lease asks before it starts anything. */
static void a_suspended_worker_starts_nothing_that_was_taken(void **state)
{
    struct fixture *f = *state;
    struct suspended *suspended = fixture_share(f, sizeof *suspended);
    weir_queue_options options = fetching_ahead(f);
    options.handler = run_suspended;
    options.user_data = suspended;
    pid_t pid = fixture_worker(&options);
    put_numbered(f, 0, FAST);
    assert_true(wait_pending(f, 0));
    put(f, "gatekeeper");
    put_numbered(f, FAST, AHEAD);
    assert_true(wait_for(is_at_gate, suspended, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 1 + AHEAD));
    child_signal(pid, SIGSTOP);

    options.handler = handle_done;
    options.user_data = f;
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1 + AHEAD, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    fixture_close(f, queue);

    atomic_store(&suspended->released, true);
    child_signal(pid, SIGCONT);
    put(f, "last");
    assert_true(wait_for(last_has_run, suspended, TEST_TIMEOUT_MS));
    child_signal(pid, SIGTERM);
    assert_int_equal(child_wait(pid, TEST_TIMEOUT_MS), 0);
    for (int i = 0; i < FAST + AHEAD; i++)
        assert_int_equal(suspended->runs[i], i < FAST ? 1 : 0);
}

static bool reader_waits(void *fixture)
{
    redisReply *info = test_server_command(((struct fixture *)fixture)->server, "INFO clients");
    bool waits = strstr(info->str, "blocked_clients:1") != NULL;
    freeReplyObject(info);
    return waits;
}

/* The same where the answer was still on its way when it fell asleep. */
static void a_worker_suspended_in_a_read_starts_nothing_that_was_taken(void **state)
{
    struct fixture *f = *state;
    struct suspended *suspended = fixture_share(f, sizeof *suspended);
    weir_queue_options options = fixture_options(f);
    options.handler = run_suspended;
    options.user_data = suspended;
    options.block_ms = 60000;
    options.min_idle_ms = test_scaled_ms(100);
    pid_t pid = fixture_worker(&options);
    assert_true(wait_for(reader_waits, f, TEST_TIMEOUT_MS));
    child_signal(pid, SIGSTOP);
    put(f, "0");
    assert_int_equal(pending_of(f, STREAM, GROUP, NULL), 1);

    options.handler = handle_done;
    options.user_data = f;
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    fixture_close(f, queue);
    child_signal(pid, SIGCONT);
    put(f, "last");
    assert_true(wait_for(last_has_run, suspended, TEST_TIMEOUT_MS));
    child_signal(pid, SIGTERM);
    assert_int_equal(child_wait(pid, TEST_TIMEOUT_MS), 0);
    assert_int_equal(suspended->runs[0], 0);
}

/* --- a job that runs too long --- */

static void expect_deadline(struct fixture *f, const char *key, int64_t max_run_ms)
{
    struct recorded deadline = recorder_get_key(f->dead, key, 0);
    int64_t left_ms = deadline.value - deadline.at_ms;
    assert_true(left_ms <= max_run_ms && left_ms >= max_run_ms - TEST_TIMEOUT_MS);
}

static weir_outcome hang(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    recorder_add(f->dead, name_of(job), weir_job_deadline(job));
    return run_until_cancelled(job, fixture);
}

static weir_outcome note_deliveries(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->runs, "elsewhere", weir_job_deliveries(job));
    return WEIR_DONE;
}

/* Other workers take hung jobs over after max_run_ms and a lease; each is then run elsewhere, none taken for crashed.
 */
static void max_run_ms_lets_leases_run_out(void **state)
{
    struct fixture *f = *state;
    enum { N = 24, MAX_RUN_MS = 100 };
    last_outcome = WEIR_RETRY; /* too late: it isn't ours any more */
    weir_queue_options options = fixture_options(f);
    options.handler = hang;
    options.concurrency = N;
    options.min_idle_ms = test_scaled_ms(200);
    options.max_run_ms = MAX_RUN_MS;
    options.max_deliveries = 2;
    put_numbered(f, 0, N);
    weir_queue *hung = fixture_start(f, &options);
    assert_true(WAIT_STAT(hung, running, N));
    assert_true(recorder_wait_count_key(f->runs, "cancelled", N, TEST_TIMEOUT_MS));
    for (int i = 0; i < N; i++)
        expect_deadline(f, recorder_get(f->dead, (size_t)i).key, MAX_RUN_MS);

    options.handler = note_deliveries;
    fixture_start(f, &options);
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count_key(f->runs, "elsewhere"), N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(recorder_get_key(f->runs, "elsewhere", i).value, 2);

    gate_open(&f->gate);
    assert_true(WAIT_STAT(hung, running, 0) && WAIT_STAT(hung, unreported, 0)); /* each was told: not yours any more */
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DEAD), 0);
}

static weir_outcome note_deadline(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->dead, "deadline", weir_job_deadline(job));
    return handle_done(job, fixture);
}

static void without_max_run_ms_there_is_no_deadline(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = note_deadline;
    options.max_run_ms = 0;
    put(f, "a");
    fixture_start(f, &options);
    assert_true(wait_pending(f, 0) && recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_true(recorder_get_key(f->dead, "deadline", 0).value == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_long_job_runs_once_among_busy_workers),
        WITH_FIXTURE(a_renewal_counts_no_delivery),
        WITH_FIXTURE(renewals_go_on_while_the_server_refuses_others),
        WITH_FIXTURE(asynchronous_jobs_are_renewed),
        WITH_FIXTURE(leases_are_renewed_during_a_stop),
        WITH_FIXTURE(a_lost_job_is_not_retried),
        WITH_FIXTURE(a_lost_job_is_not_buried),
        WITH_FIXTURE(a_lost_job_that_is_done_is_done),
        WITH_FIXTURE(what_others_took_is_not_started),
        WITH_FIXTURE(a_suspended_worker_starts_nothing_that_was_taken),
        WITH_FIXTURE(a_worker_suspended_in_a_read_starts_nothing_that_was_taken),
        WITH_FIXTURE(max_run_ms_lets_leases_run_out),
        WITH_FIXTURE(without_max_run_ms_there_is_no_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
