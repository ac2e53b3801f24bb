/* SPDX-License-Identifier: MIT
 *
 * The trace context of the enqueuer goes wherever its job goes.
 */
#include "contract.h"

#include <string.h>

static const char TRACE[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static weir_enqueue_options traced(int64_t run_at_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.traceparent = TRACE;
    options.run_at_ms = run_at_ms;
    return options;
}

/* Jobs of this many fields: the form of a delayed one depends on it. */
static const size_t SIZES[] = {1, 5, 6, 7, 40};

static weir_fields fields_of(weir_field *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        items[i] = weir_field_text(i == 0 ? "n" : "other", "7");
    return (weir_fields){items, n};
}

static void expect_traced(const struct weir_job *job, size_t n_fields)
{
    assert_non_null(weir_job_traceparent(job));
    assert_string_equal(weir_job_traceparent(job), TRACE);
    assert_int_equal(weir_job_fields(job)->n, n_fields);
}

static void a_job_has_the_trace_of_its_enqueuer(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_enqueue_options options = traced(0);
    for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
        weir_field items[40];
        weir_fields fields = fields_of(items, SIZES[i]);
        add_job(session, &fields, &options);
        struct weir_job *job = read_one(contract, session);
        expect_traced(job, SIZES[i]);
        settle(session, job, WEIR_VERDICT_ACK);
    }
    add_numbered(session, 0, 1, NULL);
    assert_null(weir_job_traceparent(read_one(contract, session)));
}

static void a_delayed_job_keeps_it(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_enqueue_options options = traced(1);
    for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
        weir_field items[40];
        weir_fields fields = fields_of(items, SIZES[i]);
        add_job(session, &fields, &options);
        assert_int_equal(promote(session, NULL), 1);
        struct weir_job *job = read_one(contract, session);
        expect_traced(job, SIZES[i]);
        assert_true(weir_job_enqueued_ms(job) > INT64_C(1700000000000));
        settle(session, job, WEIR_VERDICT_ACK);
    }
}

static void it_survives_retries_the_dead_letters_and_requeueing(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_enqueue_options options = traced(0);
    weir_field items[6];
    weir_fields fields = fields_of(items, COUNT_OF(items));
    add_job(session, &fields, &options);

    for (uint32_t attempts = 1; attempts <= 2; attempts++) {
        retry_now(session, read_one(contract, session), attempts);
        promote_until(session, 1);
    }
    struct weir_job *job = read_one(contract, session);
    expect_traced(job, COUNT_OF(items));
    settle(session, job, WEIR_VERDICT_BURY);

    struct letter letter = only_letter(session);
    assert_string_equal(letter.traceparent, TRACE);
    assert_int_equal(letter.n_fields, COUNT_OF(items));
    OK(session->ops->dead_requeue(session, letter.id, &last_error));
    expect_traced(read_one(contract, session), COUNT_OF(items));
}

static void a_letter_of_an_untraced_job_has_none(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 1, NULL);
    settle(session, read_one(contract, session), WEIR_VERDICT_BURY);
    struct letter letter = only_letter(session);
    assert_string_equal(letter.traceparent, "");
    OK(session->ops->dead_requeue(session, letter.id, &last_error));
    struct weir_job *job = read_one(contract, session);
    assert_null(weir_job_traceparent(job));
    assert_int_equal(weir_job_fields(job)->n, 1);
}

int run_tracing_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(a_job_has_the_trace_of_its_enqueuer),
        CONTRACT_TEST(a_delayed_job_keeps_it),
        CONTRACT_TEST(it_survives_retries_the_dead_letters_and_requeueing),
        CONTRACT_TEST(a_letter_of_an_untraced_job_has_none),
    };
    return cmocka_run_group_tests_name("tracing", tests, NULL, NULL);
}
