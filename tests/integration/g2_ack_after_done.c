/* SPDX-License-Identifier: MIT
 *
 * G2: a job is acked only after its handler said it is done.
 */
#include "fixture.h"
#include "support/process.h"

#include <stdatomic.h>
#include <string.h>

/* --- while it runs --- */

static void expect_acked_after_the_gate(struct fixture *f, const weir_queue_options *options, long long entries_after)
{
    put(f, "a");
    fixture_start(f, options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_true(wait_more_calls(f, "xautoclaim", 3)); /* the queue goes about its business */
    assert_int_equal(pending_of(f, STREAM, GROUP, NULL), 1);
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 1);

    gate_open(&f->gate);
    assert_true(wait_pending(f, 0));
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), entries_after);
    assert_int_equal(recorder_count(f->runs), 1);
}

static void a_job_is_pending_while_its_handler_runs(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.claim_interval_ms = 10;
    options.retention = WEIR_KEEP_ALL;
    expect_acked_after_the_gate(f, &options, 1);
}

static void so_it_is_where_the_ack_deletes(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.claim_interval_ms = 10;
    options.retention = WEIR_DELETE_ON_ACK;
    options.trim_interval_ms = 3600000;
    expect_acked_after_the_gate(f, &options, 0);
}

static weir_outcome keep_for_later(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    atomic_store((_Atomic(weir_job *) *)f->context, job);
    handle_done(job, f);
    return WEIR_LATER;
}

static void so_it_is_until_it_is_finished_later(void **state)
{
    struct fixture *f = *state;
    _Atomic(weir_job *) job = NULL;
    f->context = &job;
    weir_queue_options options = fixture_options(f);
    options.handler = keep_for_later;
    options.claim_interval_ms = 10;
    put(f, "a");
    weir_queue *queue = fixture_start(f, &options);
    assert_true(WAIT_STAT(queue, later, 1));
    assert_true(wait_more_calls(f, "xautoclaim", 3));
    assert_int_equal(pending_of(f, STREAM, GROUP, NULL), 1);
    assert_int_equal(weir_job_finish(job, WEIR_DONE), WEIR_OK);
    assert_true(wait_pending(f, 0));
}

/* --- in a crowd --- */

static atomic_llong crowd_done;

static weir_outcome count_done(weir_job *job, void *fixture)
{
    (void)job;
    (void)fixture;
    atomic_fetch_add(&crowd_done, 1);
    return WEIR_DONE;
}

/* How many were read and are pending no longer. */
static long long acked(struct fixture *f)
{
    redisReply *reply = test_server_command(f->server, "XINFO GROUPS " STREAM);
    long long read = 0, pending = 0;
    for (size_t i = 0; i + 1 < reply->element[0]->elements; i += 2) {
        const char *name = reply->element[0]->element[i]->str;
        if (strcmp(name, "entries-read") == 0)
            read = reply->element[0]->element[i + 1]->integer;
        if (strcmp(name, "pending") == 0)
            pending = reply->element[0]->element[i + 1]->integer;
    }
    freeReplyObject(reply);
    return read - pending;
}

static void acks_never_run_ahead_of_handlers(void **state)
{
    struct fixture *f = *state;
    enum { N = 20000 };
    if (test_server_version() < 70000)
        skip(); /* the server doesn't say how many were read */
    weir_queue_options options = fixture_options(f);
    options.handler = count_done;
    options.concurrency = 4;
    put_numbered(f, 0, N);
    weir_queue *queue = fixture_start(f, &options);
    long long before = 0;
    for (int64_t give_up_ms = test_now_ms() + TEST_TIMEOUT_MS; before < N && test_now_ms() < give_up_ms;) {
        before = acked(f);
        assert_true(before <= atomic_load(&crowd_done));
    }
    assert_int_equal(before, N);
    fixture_close(f, queue);
    assert_int_equal(crowd_done, N);
}

/* --- workers that don't live to say so --- */

struct shared {
    atomic_int done, holding;
};

static weir_outcome hold_the_last(weir_job *job, void *context)
{
    struct shared *shared = context;
    if (strcmp(name_of(job), "last") != 0) {
        atomic_fetch_add(&shared->done, 1);
        return WEIR_DONE;
    }
    atomic_store(&shared->holding, 1);
    struct gate never = GATE_INIT;
    gate_wait(&never);
    return WEIR_DONE;
}

static bool is_holding(void *context)
{
    return atomic_load(&((struct shared *)context)->holding) == 1;
}

static weir_outcome note_deliveries(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->runs, name_of(job), weir_job_deliveries(job));
    return WEIR_DONE;
}

static void a_killed_workers_job_runs_again_and_only_that(void **state)
{
    struct fixture *f = *state;
    struct shared *shared = fixture_share(f, sizeof *shared);
    weir_queue_options options = fixture_options(f);
    options.handler = hold_the_last;
    options.user_data = shared;
    pid_t pid = fixture_worker(&options);
    put_numbered(f, 0, 50);
    put(f, "last");
    assert_true(wait_for(is_holding, shared, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 1));
    assert_int_equal(shared->done, 50);
    child_kill(pid);
    assert_int_equal(pending_of(f, STREAM, GROUP, NULL), 1);

    options.handler = note_deliveries;
    options.user_data = f;
    options.min_idle_ms = 100;
    fixture_start(f, &options);
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), 1);
    assert_string_equal(recorder_get(f->runs, 0).key, "last");
    assert_int_equal(recorder_get(f->runs, 0).value, 2);
}

/* What a handler says after its queue gave it up isn't heard: the job belongs to whoever takes it over. */
static void a_job_given_up_by_a_stop_stays_pending(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.min_idle_ms = 200;
    put(f, "a");
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    weir_log_set(WEIR_LOG_OFF, NULL, NULL); /* it warns of the handler that it leaves behind */
    EXPECT(WEIR_ERR_DEADLINE, weir_queue_stop(queue, 0));
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
    gate_open(&f->gate);
    assert_true(WAIT_STAT(queue, running, 0));
    assert_int_equal(pending_of(f, STREAM, GROUP, NULL), 1);

    options.handler = note_deliveries;
    fixture_start(f, &options);
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), 2);
    assert_int_equal(recorder_get(f->runs, 1).value, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_job_is_pending_while_its_handler_runs),
        WITH_FIXTURE(so_it_is_where_the_ack_deletes),
        WITH_FIXTURE(so_it_is_until_it_is_finished_later),
        WITH_FIXTURE(acks_never_run_ahead_of_handlers),
        WITH_FIXTURE(a_killed_workers_job_runs_again_and_only_that),
        WITH_FIXTURE(a_job_given_up_by_a_stop_stays_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
