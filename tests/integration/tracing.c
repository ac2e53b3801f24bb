/* SPDX-License-Identifier: MIT
 *
 * The enqueuer's trace context, from the producer's option to the handler, and through all that may happen in between.
 */
#include "fixture.h"

static const char TRACE[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/* Records the trace; "reject" and "retry" fail the first run. */
static weir_outcome record_trace(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    const char *trace = weir_job_traceparent(job), *n = name_of(job);
    recorder_add(f->runs, trace ? trace : "none", weir_job_attempt(job));
    if (n[0] == 'x' || weir_job_attempt(job) > 1)
        return WEIR_DONE;
    return n[2] == 'j' ? WEIR_REJECT : WEIR_RETRY;
}

static int record_letters_trace(const weir_dead_letter *letter, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->dead, letter->traceparent, 0);
    return 0;
}

static void a_handler_gets_the_trace_of_the_enqueuer(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = record_trace;
    options.backoff_base_ms = 0;
    options.on_dead = record_letters_trace;
    fixture_start(f, &options);

    weir_enqueue_options traced = WEIR_ENQUEUE_OPTIONS_INIT;
    traced.traceparent = TRACE;
    put_with(f, "retry", &traced);
    assert_true(recorder_wait_count_key(f->runs, TRACE, 2, TEST_TIMEOUT_MS));
    traced.delay_ms = 1;
    put_with(f, "xdelayed", &traced);
    assert_true(recorder_wait_count_key(f->runs, TRACE, 3, TEST_TIMEOUT_MS));

    traced.delay_ms = 0;
    put_with(f, "reject", &traced);
    assert_true(recorder_wait_count_key(f->dead, TRACE, 1, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    redisReply *dead = entries_of(f, DEAD);
    assert_string_equal(text_of(dead->element[0], "weir.traceparent"), TRACE);
    OK(weir_dead_requeue(fixture_letters(f), dead->element[0]->element[0]->str, &last_error));
    freeReplyObject(dead);
    assert_true(recorder_wait_count_key(f->runs, TRACE, 5, TEST_TIMEOUT_MS));
}

static void any_producer_can_write_one(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = record_trace;
    fixture_start(f, &options);
    freeReplyObject(test_server_command(f->server, "XADD " STREAM " * n x weir.traceparent %s", TRACE));
    assert_true(recorder_wait_count_key(f->runs, TRACE, 1, TEST_TIMEOUT_MS));
    freeReplyObject(test_server_command(f->server, "XADD " STREAM " * n x weir.traceparent nonsense"));
    freeReplyObject(test_server_command(f->server, "XADD " STREAM " * n x"));
    assert_true(recorder_wait_count_key(f->runs, "none", 2, TEST_TIMEOUT_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_handler_gets_the_trace_of_the_enqueuer),
        WITH_FIXTURE(any_producer_can_write_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
