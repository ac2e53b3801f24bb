/* SPDX-License-Identifier: MIT
 *
 * Idempotent enqueues: within its window an id is added once, and whoever repeats it is told so.
 */
#include "contract.h"

#include "base/clock.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

static weir_enqueue_options once(const char *id, int64_t idempotency_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = id;
    options.idempotency_ms = idempotency_ms;
    return options;
}

static weir_enqueue_options once_at_ms(const char *id, int64_t idempotency_ms, int64_t run_at_ms)
{
    weir_enqueue_options options = once(id, idempotency_ms);
    options.run_at_ms = run_at_ms;
    return options;
}

#define NUMBERED(text) WEIR_FIELDS(weir_field_text("n", text))

/* Enqueues the job, which has to succeed under its own id. Returns whether it was a duplicate. */
static bool repeats(struct weir_session *session, const char *number, weir_enqueue_options options)
{
    struct weir_broker_add add = {
        .fields = NUMBERED(number), .options = &options, .status = WEIR_ERR_STATE, .duplicate = true};
    OK(session->ops->add(session, &add, 1, &last_error));
    OK(add.status);
    assert_string_equal(add.id.text, options.id);
    return add.duplicate;
}

static void a_repeat_within_the_window_adds_nothing(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    struct weir_session *other = producer(contract);
    assert_false(repeats(session, "0", once("x", HOUR_MS)));
    assert_true(repeats(session, "1", once("x", HOUR_MS)));
    assert_true(repeats(other, "2", once("x", 1)));
    assert_false(repeats(other, "3", once("y", HOUR_MS)));

    struct weir_batch *batch = read_batch(contract, session, 10);
    assert_int_equal(batch->n, 2);
    expect_number(&batch->jobs[0], 0);
    expect_number(&batch->jobs[1], 3);
    assert_string_equal(weir_job_id(&batch->jobs[0]), "x");
    expect_fields(&batch->jobs[0].fields, NUMBERED("0"));

    /* what becomes of the job makes no difference */
    settle_all(session, batch, WEIR_VERDICT_ACK);
    assert_true(repeats(session, "4", once("x", HOUR_MS)));
    assert_int_equal(read_batch(contract, session, 10)->n, 0);
}

static void ids_without_a_window_are_not_compared(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    assert_false(repeats(session, "0", once("x", 0)));
    assert_false(repeats(session, "1", once("x", 0)));
    assert_false(repeats(session, "2", once("x", HOUR_MS)));
    assert_false(repeats(session, "3", once("x", 0)));
    expect_numbered(read_batch(contract, session, 10), 0, 4);
}

static void each_stream_has_windows_of_its_own(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    assert_false(repeats(session, "0", once("x", HOUR_MS)));
    strcat(contract->stream, "-other");
    struct weir_session *other = worker(contract, "g", "c");
    assert_false(repeats(other, "0", once("x", HOUR_MS)));
    assert_true(repeats(other, "1", once("x", HOUR_MS)));
    expect_numbered(read_batch(contract, other, 10), 0, 1);
}

static void delayed_jobs_are_added_once_too(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    assert_false(repeats(session, "0", once_at_ms("x", HOUR_MS, 1)));
    assert_true(repeats(session, "1", once_at_ms("x", HOUR_MS, 2)));
    assert_true(repeats(session, "2", once("x", HOUR_MS)));
    assert_int_equal(read_batch(contract, session, 10)->n, 0);

    /* who doesn't ask for a window is refused as ever */
    weir_enqueue_options at_1 = once_at_ms("x", 0, 1);
    struct weir_broker_add add = {.fields = NUMBERED("3"), .options = &at_1};
    FAILS(WEIR_ERR_EXISTS, session->ops->add(session, &add, 1, &last_error));

    assert_int_equal(promote(session, NULL), 1);
    struct weir_job *job = read_one(contract, session);
    expect_number(job, 0);
    assert_string_equal(weir_job_id(job), "x");
    assert_true(repeats(session, "4", once_at_ms("x", HOUR_MS, 1)));
    assert_int_equal(promote(session, NULL), 0);

    assert_false(repeats(session, "5", once("y", HOUR_MS)));
    assert_true(repeats(session, "6", once_at_ms("y", HOUR_MS, 1)));
    assert_int_equal(promote(session, NULL), 0);
    expect_number(read_one(contract, session), 5);
}

static void a_window_ends(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    assert_false(repeats(session, "0", once("x", 1)));
    assert_false(repeats(session, "1", once_at_ms("y", 1, 1)));
    int64_t give_up_ms = weir_now_ms() + LONG_MS;
    while (repeats(session, "2", once("x", 1)) && weir_now_ms() < give_up_ms)
        sched_yield();
    struct weir_batch *batch = read_batch(contract, session, 10);
    assert_int_equal(batch->n, 2);
    expect_number(&batch->jobs[0], 0);
    expect_number(&batch->jobs[1], 2);

    /* beyond the window a delayed job is refused while it is there, and only then */
    weir_enqueue_options again = once_at_ms("y", 1, 1);
    struct weir_broker_add add = {.fields = NUMBERED("3"), .options = &again};
    while (session->ops->add(session, &add, 1, &last_error) == WEIR_OK && weir_now_ms() < give_up_ms)
        assert_true(add.duplicate);
    assert_int_equal(add.status, WEIR_ERR_EXISTS);
    assert_int_equal(promote(session, NULL), 1);
    assert_false(repeats(session, "4", again));
}

static void a_job_that_was_refused_opens_no_window(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_enqueue_options plain = once_at_ms("x", 0, 1), again = once_at_ms("x", HOUR_MS, 1);
    add_job(session, NUMBERED("0"), &plain);
    struct weir_broker_add add = {.fields = NUMBERED("1"), .options = &again};
    FAILS(WEIR_ERR_EXISTS, session->ops->add(session, &add, 1, &last_error));
    assert_int_equal(promote(session, NULL), 1);
    assert_false(repeats(session, "1", again));
    assert_int_equal(promote(session, NULL), 1);
    expect_numbered(read_batch(contract, session, 10), 0, 2);
}

static void a_bulk_may_repeat_itself(void **state)
{
    struct contract *contract = *state;
    enum { N = 3000, IDS = 1000 };
    struct weir_session *session = worker(contract, "g", "c");
    struct row {
        char id[16];
        weir_enqueue_options options;
    } *rows = calloc(N, sizeof *rows);
    struct weir_broker_add *adds = calloc(N, sizeof *adds);
    assert_true(rows && adds);
    const weir_fields *fields = NUMBERED("0");
    for (size_t i = 0; i < N; i++) {
        snprintf(rows[i].id, sizeof rows[i].id, "id-%zu", i % IDS);
        rows[i].options = once_at_ms(rows[i].id, HOUR_MS, i % 2 ? 1 : 0); /* every other one is delayed */
        adds[i] = (struct weir_broker_add){.fields = fields, .options = &rows[i].options};
    }
    OK(session->ops->add(session, adds, N, &last_error));
    for (size_t i = 0; i < N; i++) {
        OK(adds[i].status);
        assert_string_equal(adds[i].id.text, rows[i].id);
        assert_int_equal(adds[i].duplicate, i >= IDS);
    }
    free(adds);
    free(rows);
    assert_int_equal(read_batch(contract, session, N)->n, IDS / 2);
    assert_int_equal(promote(session, NULL), IDS / 2);
}

static void the_largest_jobs_fit(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    static weir_field items[WEIR_MAX_FIELDS];
    for (size_t i = 0; i < WEIR_MAX_FIELDS; i++)
        items[i] = weir_field_text("name", "value");
    const weir_fields fields = {items, WEIR_MAX_FIELDS};
    weir_enqueue_options now = once("now", HOUR_MS), delayed = once_at_ms("delayed", HOUR_MS, 1);
    add_job(session, &fields, &now);
    add_job(session, &fields, &delayed);
    promote_until(session, 1);
    struct weir_batch *batch = read_batch(contract, session, 10);
    assert_int_equal(batch->n, 2);
    expect_fields(&batch->jobs[0].fields, &fields);
    expect_fields(&batch->jobs[1].fields, &fields);
}

int run_idempotency_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(a_repeat_within_the_window_adds_nothing),
        CONTRACT_TEST(ids_without_a_window_are_not_compared),
        CONTRACT_TEST(each_stream_has_windows_of_its_own),
        CONTRACT_TEST(delayed_jobs_are_added_once_too),
        CONTRACT_TEST(a_window_ends),
        CONTRACT_TEST(a_job_that_was_refused_opens_no_window),
        CONTRACT_TEST(a_bulk_may_repeat_itself),
        CONTRACT_TEST(the_largest_jobs_fit),
    };
    return cmocka_run_group_tests_name("idempotency", tests, NULL, NULL);
}
