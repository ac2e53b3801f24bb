/* SPDX-License-Identifier: MIT
 *
 * Jobs that run later: not before their time, in the order of their times, whoever is there then.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static weir_id put_in(struct fixture *f, const char *n, int64_t delay_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.delay_ms = delay_ms;
    return put_with(f, n, &options);
}

static weir_id put_at(struct fixture *f, const char *n, int64_t run_at_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.run_at_ms = run_at_ms;
    return put_with(f, n, &options);
}

/* All that is delayed becomes due. */
static void make_due(struct fixture *f)
{
    redisReply *members = test_server_command(f->server, "ZRANGE " DELAYED " 0 -1");
    for (size_t i = 0; i < members->elements; i++)
        test_server_integer(f->server, "ZADD " DELAYED " 1 %s", members->element[i]->str);
    freeReplyObject(members);
}

/* Records the job's id with the server's time, and under its name when it was enqueued. */
static weir_outcome note_times(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    recorder_add(f->dead, name_of(job), weir_job_enqueued_ms(job));
    recorder_add(f->dead, weir_job_id(job), server_now_ms(f));
    return handle_done(job, f);
}

static weir_queue_options timing(struct fixture *f)
{
    weir_queue_options options = fixture_options(f);
    options.handler = note_times;
    options.concurrency = 1;
    return options;
}

/* --- when --- */

static void a_delayed_job_runs_after_its_delay(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = timing(f);
    fixture_start(f, &options);
    int64_t before_ms = server_now_ms(f);
    weir_id id = put_in(f, "a", 200);
    int64_t after_ms = server_now_ms(f);
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 0);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_true(recorder_get_key(f->dead, id.text, 0).value >= before_ms + 200);
    assert_int_equal(recorder_get(f->runs, 0).value, 1); /* a first attempt */
    assert_in_range(recorder_get_key(f->dead, "a", 0).value, before_ms, after_ms);
    assert_true(wait_pending(f, 0));
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DELAYED_JOBS), 0);
}

static void a_job_runs_at_its_time(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = timing(f);
    int64_t now_ms = server_now_ms(f);
    put_at(f, "past", 1);
    put_at(f, "now", now_ms);
    weir_id future = put_at(f, "future", now_ms + 200);
    put_at(f, "never", INT64_C(1) << 52);
    put_in(f, "not even then", INT64_C(1) << 52);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 3, TEST_TIMEOUT_MS));
    assert_true(recorder_get_key(f->dead, future.text, 0).value >= now_ms + 200);
    assert_int_equal(recorder_count_key(f->runs, "past") + recorder_count_key(f->runs, "now"), 2);
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), 2);
    assert_int_equal(test_server_integer(f->server, "HLEN " DELAYED_JOBS), 2);
}

static void jobs_run_in_the_order_of_their_times(void **state)
{
    struct fixture *f = *state;
    enum { N = 50 };
    weir_queue_options options = timing(f);
    int64_t now_ms = server_now_ms(f);
    for (int i = 0; i < N; i++) { /* 0, 7, 14, …: every one of them once */
        char n[16];
        snprintf(n, sizeof n, "%d", i * 7 % N);
        put_at(f, n, now_ms - 1000 + i * 7 % N);
    }
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    for (int i = 0; i < N; i++)
        assert_int_equal(atoi(recorder_get(f->runs, (size_t)i).key), i);
}

/* A look at the set tells when to look again. */
static void a_known_time_is_not_missed(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = timing(f);
    options.promote_interval_ms = 3600000;
    put_in(f, "soon", 50);
    put_in(f, "later", 150);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    assert_string_equal(recorder_get(f->runs, 0).key, "soon");
    assert_string_equal(recorder_get(f->runs, 1).key, "later");
}

/* --- ids --- */

static void an_own_id_stays(void **state)
{
    struct fixture *f = *state;
    weir_enqueue_options own = WEIR_ENQUEUE_OPTIONS_INIT;
    own.id = "order 7/\xff";
    own.delay_ms = 1;
    weir_id id = put_with(f, "a", &own);
    assert_string_equal(id.text, own.id);
    weir_queue_options options = timing(f);
    fixture_start(f, &options);
    assert_true(recorder_wait_count_key(f->dead, own.id, 1, TEST_TIMEOUT_MS));
}

static void an_id_can_be_delayed_once_at_a_time(void **state)
{
    struct fixture *f = *state;
    weir_enqueue_options own = WEIR_ENQUEUE_OPTIONS_INIT;
    own.id = "order-7";
    own.delay_ms = 3600000;
    put_with(f, "first", &own);
    weir_id id = {"untouched"};
    own.delay_ms = 1;
    EXPECT(WEIR_ERR_EXISTS,
           weir_enqueue(fixture_producer(f), WEIR_FIELDS(weir_field_text("n", "second")), &own, &id, &last_error));
    assert_string_equal(id.text, "untouched");
    assert_int_equal(last_error.code, WEIR_ERR_EXISTS);
    assert_non_null(strstr(last_error.message, "\"order-7\""));
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), 1);

    /* the first is as it was; a job that isn't delayed may have the same id; and so may a delayed one afterwards */
    own.delay_ms = 0;
    put_with(f, "at once", &own);
    freeReplyObject(test_server_command(f->server, "ZADD " DELAYED " 1 order-7"));
    weir_queue_options options = timing(f);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_count_key(f->runs, "first"), 1);
    own.delay_ms = 1;
    put_with(f, "third", &own);
    assert_true(recorder_wait_count_key(f->runs, "third", 1, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_count_key(f->dead, "order-7"), 3);
}

static void ids_of_the_library_differ(void **state)
{
    struct fixture *f = *state;
    enum { N = 1000 };
    weir_enqueue_job jobs[N];
    weir_enqueue_result *results = calloc(N, sizeof *results);
    weir_enqueue_options in = WEIR_ENQUEUE_OPTIONS_INIT;
    in.delay_ms = 3600000;
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("n", "x"));
    for (size_t i = 0; i < N; i++)
        jobs[i] = (weir_enqueue_job){fields, &in};
    OK(weir_enqueue_bulk(fixture_producer(f), jobs, N, results, &last_error));
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(test_server_integer(f->server, "HEXISTS " DELAYED_JOBS " %s", results[i].id.text), 1);
    free(results);
}

/* --- by whom --- */

static void delayed_jobs_wait_for_a_worker(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = timing(f);
    weir_queue *queue = fixture_start(f, &options);
    put_in(f, "a", 3600000);
    fixture_close(f, queue);
    make_due(f);
    put_in(f, "b", 3600000);
    queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_string_equal(recorder_get(f->runs, 0).key, "a");
    fixture_close(f, queue);
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), 1);
}

static void a_workers_restart_keeps_retries(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_retry;
    options.backoff_base_ms = options.backoff_cap_ms = 3600000;
    put(f, "a");
    weir_queue *queue = fixture_start(f, &options);
    assert_true(wait_integer(f, 1, "ZCARD " DELAYED));
    fixture_close(f, queue);
    make_due(f);
    options.handler = handle_done;
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_count(f->runs), 2);
    assert_int_equal(recorder_get(f->runs, 1).value, 2);
}

/* A worker of whatever group moves what is due; who runs it is another question. */
static void any_group_promotes(void **state)
{
    struct fixture *f = *state;
    weir_queue_options failing = fixture_options(f), others = fixture_options(f);
    failing.handler = handle_retry;
    failing.backoff_base_ms = failing.backoff_cap_ms = 3600000;
    failing.retention = others.retention = WEIR_KEEP_ALL;
    put(f, "retried");
    weir_queue *queue = fixture_start(f, &failing);
    assert_true(wait_integer(f, 1, "ZCARD " DELAYED));
    fixture_close(f, queue);
    put_in(f, "delayed", 1);
    make_due(f);

    recorder_clear(f->runs);
    others.group = "others";
    queue = fixture_start(f, &others);
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, 3, "XLEN " STREAM));
    assert_true(WAIT_STAT(queue, promoted, 2));
    assert_true(WAIT_STAT(queue, foreign, 1)); /* the retry is the first group's */
    fixture_close(f, queue);

    failing.handler = handle_done;
    fixture_start(f, &failing);
    assert_true(recorder_wait_count(f->runs, 4, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_count_key(f->runs, "retried"), 2);
    assert_int_equal(recorder_get_key(f->runs, "retried", 1).value, 2);
    assert_int_equal(recorder_count_key(f->runs, "delayed"), 2);
}

static void several_workers_promote_each_job_once(void **state)
{
    struct fixture *f = *state;
    enum { N = 3000 };
    weir_queue_options options = fixture_options(f);
    options.promote_interval_ms = 5;
    for (int i = 0; i < 3; i++)
        fixture_start(f, &options);
    weir_enqueue_options in = WEIR_ENQUEUE_OPTIONS_INIT;
    in.delay_ms = 20;
    struct {
        char text[16];
        weir_field field;
        weir_fields fields;
    } *rows = calloc(N, sizeof *rows);
    weir_enqueue_job *jobs = calloc(N, sizeof *jobs);
    for (int i = 0; i < N; i++) {
        snprintf(rows[i].text, sizeof rows[i].text, "%d", i);
        rows[i].field = weir_field_text("n", rows[i].text);
        rows[i].fields = (weir_fields){&rows[i].field, 1};
        jobs[i] = (weir_enqueue_job){&rows[i].fields, &in};
    }
    OK(weir_enqueue_bulk(fixture_producer(f), jobs, N, NULL, &last_error));
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), N);
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DELAYED_JOBS), 0);
    free(rows);
    free(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_delayed_job_runs_after_its_delay),
        WITH_FIXTURE(a_job_runs_at_its_time),
        WITH_FIXTURE(jobs_run_in_the_order_of_their_times),
        WITH_FIXTURE(a_known_time_is_not_missed),
        WITH_FIXTURE(an_own_id_stays),
        WITH_FIXTURE(an_id_can_be_delayed_once_at_a_time),
        WITH_FIXTURE(ids_of_the_library_differ),
        WITH_FIXTURE(delayed_jobs_wait_for_a_worker),
        WITH_FIXTURE(a_workers_restart_keeps_retries),
        WITH_FIXTURE(any_group_promotes),
        WITH_FIXTURE(several_workers_promote_each_job_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
