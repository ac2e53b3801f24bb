/* SPDX-License-Identifier: MIT
 *
 * How many handlers run at once, on how many threads the outcome may come, and who gets which job.
 */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- never more than N, and N --- */

static atomic_int running, most_running, enough;

static void begin_run(void)
{
    int now = atomic_fetch_add(&running, 1) + 1;
    int most = atomic_load(&most_running);
    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
        ;
}

/* Nobody leaves before `enough` were inside at once. */
static weir_outcome crowd_together(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    (void)job;
    begin_run();
    if (atomic_load(&most_running) >= atomic_load(&enough))
        gate_open(&f->gate);
    gate_wait(&f->gate);
    atomic_fetch_sub(&running, 1);
    recorder_add(f->runs, "run", 0);
    return WEIR_DONE;
}

static void expect_limit(struct fixture *f, uint32_t n)
{
    running = most_running = 0;
    enough = (int)n;
    int jobs = 20 * (int)n + 100;
    weir_queue_options options = fixture_options(f);
    options.handler = crowd_together;
    options.concurrency = n;
    put_numbered(f, 0, jobs);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, (size_t)jobs, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    weir_stats stats = WEIR_STATS_INIT;
    OK(weir_queue_stats(queue, &stats));
    assert_true(stats.threads <= n);
    assert_int_equal(most_running, n);
}

static void one_at_a_time(void **state)
{
    expect_limit(*state, 1);
}

static void seven_at_a_time(void **state)
{
    expect_limit(*state, 7);
}

static void sixty_four_at_a_time(void **state)
{
    expect_limit(*state, 64);
}

/* --- asynchronous jobs --- */

enum { KEEPERS = 3, KEPT_MAX = 64 };

/* Jobs that handlers left to other threads. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    weir_job *jobs[KEPT_MAX];
    size_t n;
    bool closed;
} kept = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {NULL}, 0, false};

static void keep(weir_job *job)
{
    pthread_mutex_lock(&kept.mutex);
    if (kept.n == KEPT_MAX)
        test_die("more jobs are outstanding than there are slots");
    kept.jobs[kept.n++] = job;
    pthread_cond_broadcast(&kept.changed);
    pthread_mutex_unlock(&kept.mutex);
}

/* The newest, so that they end out of order; NULL once closed. Waits until `enough` were there. */
static weir_job *take_kept(void)
{
    pthread_mutex_lock(&kept.mutex);
    while (!kept.closed && (kept.n == 0 || atomic_load(&most_running) < atomic_load(&enough)))
        pthread_cond_wait(&kept.changed, &kept.mutex);
    weir_job *job = kept.n > 0 ? kept.jobs[--kept.n] : NULL;
    pthread_mutex_unlock(&kept.mutex);
    return job;
}

static weir_outcome leave_to_others(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->runs, name_of(job), weir_job_attempt(job));
    begin_run();
    keep(job);
    return WEIR_LATER;
}

/* By the job's number: done; done after a retry; rejected; failed for good. */
static weir_outcome outcome_of(const weir_job *job)
{
    switch (atoi(name_of(job)) % 4) {
    case 0:
        return WEIR_DONE;
    case 1:
        return weir_job_attempt(job) == 1 ? WEIR_RETRY : WEIR_DONE;
    case 2:
        return WEIR_REJECT;
    default:
        return WEIR_RETRY;
    }
}

static void *finish_kept(void *fixture)
{
    struct fixture *f = fixture;
    for (weir_job *job; (job = take_kept());) {
        weir_outcome outcome = outcome_of(job);
        if (outcome != WEIR_DONE)
            weir_job_error(job, "said later");
        if (weir_job_finish(job, WEIR_LATER) != WEIR_ERR_ARGUMENT)
            recorder_add(f->dead, "LATER was accepted for an outcome", 0);
        atomic_fetch_sub(&running, 1);
        if (weir_job_finish(job, outcome) != WEIR_OK)
            recorder_add(f->dead, "a finish failed", 0);
    }
    return NULL;
}

static void expect_asynchronous(struct fixture *f, uint32_t slots)
{
    enum { N = 400 };
    running = most_running = 0;
    enough = (int)slots;
    kept.closed = false;
    pthread_t keepers[KEEPERS];
    for (size_t i = 0; i < KEEPERS; i++)
        assert_int_equal(pthread_create(&keepers[i], NULL, finish_kept, f), 0);
    weir_queue_options options = fixture_options(f);
    options.handler = leave_to_others;
    options.concurrency = slots;
    options.max_attempts = 2;
    options.backoff_base_ms = 0;
    put_numbered(f, 0, N);
    weir_queue *queue = fixture_start(f, &options);
    bool all_ran = recorder_wait_count(f->runs, N + N / 2, TEST_TIMEOUT_MS);
    bool all_settled = wait_integer(f, N / 2, "XLEN " DEAD) && wait_pending(f, 0);
    pthread_mutex_lock(&kept.mutex);
    kept.closed = true;
    pthread_cond_broadcast(&kept.changed);
    pthread_mutex_unlock(&kept.mutex);
    for (size_t i = 0; i < KEEPERS; i++)
        pthread_join(keepers[i], NULL);
    assert_true(all_ran && all_settled);

    assert_int_equal(most_running, slots);
    assert_int_equal(recorder_count(f->runs), N + N / 2);
    assert_int_equal(recorder_most_of_a_key(f->runs), 2);
    assert_int_equal(recorder_count(f->dead), 0);
    redisReply *dead = entries_of(f, DEAD);
    for (size_t i = 0; i < dead->elements; i++) {
        bool rejected = atoi(text_of(dead->element[i], "n")) % 4 == 2;
        assert_string_equal(text_of(dead->element[i], "weir.reason"), rejected ? "rejected" : "exhausted");
        assert_string_equal(text_of(dead->element[i], "weir.error"), "said later");
    }
    freeReplyObject(dead);
    assert_true(WAIT_STAT(queue, later, 0));
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED), 0);
}

static void one_asynchronous_job_at_a_time(void **state)
{
    expect_asynchronous(*state, 1);
}

static void seven_asynchronous_jobs_at_a_time(void **state)
{
    expect_asynchronous(*state, 7);
}

static void sixty_four_asynchronous_jobs_at_a_time(void **state)
{
    expect_asynchronous(*state, 64);
}

/* The other thread is faster than the handler itself. */
static void *finish_now(void *job)
{
    weir_status status = weir_job_finish(job, outcome_of(job));
    return (void *)(intptr_t)status;
}

static weir_outcome be_finished_first(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    char name[16];
    snprintf(name, sizeof name, "%s", name_of(job));
    pthread_t thread;
    void *status = (void *)(intptr_t)WEIR_ERR_SYSTEM;
    if (pthread_create(&thread, NULL, finish_now, job) == 0)
        pthread_join(thread, &status);
    if ((weir_status)(intptr_t)status != WEIR_OK)
        recorder_add(f->dead, "a finish failed", 0);
    if (weir_job_finish(job, WEIR_DONE) != WEIR_ERR_STATE) /* the handler still has it, so that asking is allowed */
        recorder_add(f->dead, "a second finish was accepted", 0);
    recorder_add(f->runs, name, 0);
    return WEIR_LATER;
}

static void a_job_may_be_finished_before_its_handler_returns(void **state)
{
    struct fixture *f = *state;
    enum { N = 100 };
    weir_queue_options options = fixture_options(f);
    options.handler = be_finished_first;
    options.concurrency = 4;
    options.max_attempts = 2;
    options.backoff_base_ms = 0;
    put_numbered(f, 0, N);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N + N / 2, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, N / 2, "XLEN " DEAD));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), N + N / 2);
    assert_int_equal(recorder_count(f->dead), 0);
}

static weir_outcome finish_and_return_done(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->runs, name_of(job), weir_job_finish(job, WEIR_REJECT));
    return WEIR_DONE;
}

/* A finish counts only where the handler returns WEIR_LATER: what it returns is what it says. */
static void what_the_handler_returns_counts(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = finish_and_return_done;
    put_numbered(f, 0, 10);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 10, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD), 0);
}

/* --- who gets which job --- */

static void slow_jobs_are_not_hoarded(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.concurrency = 2;
    put_numbered(f, 0, 8);
    weir_queue *first = fixture_start(f, &options);
    assert_true(WAIT_STAT(first, running, 2));
    weir_queue *second = fixture_start(f, &options);
    assert_true(WAIT_STAT(second, running, 2));
    assert_int_equal(pending_of(f, STREAM, GROUP, weir_queue_consumer(first)), 2);
    assert_int_equal(pending_of(f, STREAM, GROUP, weir_queue_consumer(second)), 2);
    gate_open(&f->gate);
    assert_true(recorder_wait_count(f->runs, 8, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
}

enum { FAST = 5000 };

static weir_outcome hang_after_the_fast_ones(weir_job *job, void *fixture)
{
    return atoi(name_of(job)) < FAST ? WEIR_DONE : handle_at_gate(job, fixture);
}

/* What was fetched ahead while jobs were short goes to others when they no longer are, to the last. */
static void what_was_fetched_ahead_goes_to_idle_workers(void **state)
{
    struct fixture *f = *state;
    enum { SLOW = 40, SLOTS = 2 };
    weir_queue_options options = fixture_options(f);
    options.handler = hang_after_the_fast_ones;
    options.concurrency = SLOTS;
    options.min_idle_ms = test_scaled_ms(400);
    put_numbered(f, 0, FAST + SLOW);
    weir_queue *busy = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, SLOTS, TEST_TIMEOUT_MS));

    recorder_clear(f->runs);
    options.handler = handle_done;
    weir_queue *idle = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, SLOW - SLOTS, TEST_TIMEOUT_MS));
    assert_true(WAIT_STAT(idle, running, 0));
    assert_true(WAIT_STAT(busy, waiting, 0));
    assert_true(wait_pending(f, SLOTS));
    assert_int_equal(pending_of(f, STREAM, GROUP, weir_queue_consumer(busy)), SLOTS);
    assert_int_equal(recorder_count(f->runs), SLOW - SLOTS);
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    gate_open(&f->gate);
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), SLOW - SLOTS);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD), 0);
}

static weir_outcome hang_on_the_tenth(weir_job *job, void *fixture)
{
    return strcmp(name_of(job), "10") == 0 ? handle_at_gate(job, fixture) : handle_done(job, fixture);
}

static void a_hung_job_delays_no_others(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = hang_on_the_tenth;
    options.concurrency = 2;
    put_numbered(f, 0, 2000);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 2000, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 1));
    put_numbered(f, 2000, 10); /* and those that come later */
    assert_true(recorder_wait_count(f->runs, 2010, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 1));
    gate_open(&f->gate);
    assert_true(wait_pending(f, 0));
}

/* --- handlers that use the library --- */

static weir_outcome enqueue_the_next(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    int n = atoi(name_of(job));
    char next[16];
    snprintf(next, sizeof next, "%d", n - 1);
    if (n > 0 && weir_enqueue(f->producer, WEIR_FIELDS(weir_field_text("n", next)), NULL, NULL, NULL) != WEIR_OK)
        return WEIR_REJECT;
    return handle_done(job, fixture);
}

static void a_handler_may_enqueue(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = enqueue_the_next;
    put(f, "100");
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 101, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_distinct_keys(f->runs), 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(one_at_a_time),
        WITH_FIXTURE(seven_at_a_time),
        WITH_FIXTURE(sixty_four_at_a_time),
        WITH_FIXTURE(one_asynchronous_job_at_a_time),
        WITH_FIXTURE(seven_asynchronous_jobs_at_a_time),
        WITH_FIXTURE(sixty_four_asynchronous_jobs_at_a_time),
        WITH_FIXTURE(a_job_may_be_finished_before_its_handler_returns),
        WITH_FIXTURE(what_the_handler_returns_counts),
        WITH_FIXTURE(slow_jobs_are_not_hoarded),
        WITH_FIXTURE(what_was_fetched_ahead_goes_to_idle_workers),
        WITH_FIXTURE(a_hung_job_delays_no_others),
        WITH_FIXTURE(a_handler_may_enqueue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
