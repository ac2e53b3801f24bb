/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

static weir_enqueue_options with_id(const char *id)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = id;
    return options;
}

static weir_enqueue_options at_ms(const char *id, int64_t run_at_ms)
{
    weir_enqueue_options options = with_id(id);
    options.run_at_ms = run_at_ms;
    return options;
}

static weir_enqueue_options in_ms(const char *id, int64_t delay_ms)
{
    weir_enqueue_options options = with_id(id);
    options.delay_ms = delay_ms;
    return options;
}

#define NUMBERED(text) WEIR_FIELDS(weir_field_text("n", text))

static void ten_thousand_jobs_keep_their_order(void **state)
{
    struct contract *contract = *state;
    enum { N = 10000 };
    struct weir_session *session = worker(contract, "g", "c");
    weir_id *ids = calloc(N, sizeof *ids);
    assert_non_null(ids);
    add_numbered(session, 0, N, ids);
    struct weir_batch *batch = read_batch(contract, session, N);
    expect_numbered(batch, 0, N);
    for (size_t i = 0; i < N; i++)
        assert_string_equal(weir_job_id(&batch->jobs[i]), ids[i].text);
    free(ids);
}

static void adding_nothing_is_success(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    struct weir_broker_add none = {0};
    OK(session->ops->add(session, &none, 0, &last_error));
    assert_int_equal(read_batch(contract, session, 10)->n, 0);
}

static void a_job_may_have_an_id_of_its_own(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    char longest[WEIR_ID_SIZE];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const ids[] = {"order 17", longest, "\xff\n"};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        weir_enqueue_options options = with_id(ids[i]);
        assert_string_equal(add_job(session, NUMBERED("0"), &options).text, ids[i]);
        struct weir_job *job = read_one(contract, session);
        assert_string_equal(weir_job_id(job), ids[i]);
        assert_string_not_equal(weir_job_entry_id(job), ids[i]);
        expect_fields(&job->fields, NUMBERED("0"));
        assert_int_equal(job->attempts, 0);
        assert_null(job->group);
    }
}

static void a_delayed_job_comes_when_it_is_due(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    int64_t next_ms = 0, before_ms = weir_wall_ms();
    assert_int_equal(promote(session, &next_ms), 0);
    assert_int_equal(next_ms, -1);

    weir_enqueue_options options = in_ms(NULL, HOUR_MS);
    weir_id far = add_job(session, NUMBERED("0"), &options);
    assert_int_equal(promote(session, &next_ms), 0);
    assert_in_range(next_ms, HOUR_MS - LONG_MS, HOUR_MS);

    options = in_ms(NULL, 1);
    weir_id near = add_job(session, NUMBERED("1"), &options);
    int64_t added_ms = weir_wall_ms();
    assert_string_not_equal(near.text, far.text);
    assert_int_equal(read_batch(contract, session, 10)->n, 0);
    promote_until(session, 1);
    assert_int_equal(promote(session, &next_ms), 0);
    assert_in_range(next_ms, HOUR_MS - LONG_MS, HOUR_MS);

    struct weir_job *job = read_one(contract, session);
    expect_fields(&job->fields, NUMBERED("1"));
    assert_string_equal(weir_job_id(job), near.text);
    assert_true((int64_t)job->entry.ms >= before_ms + 1);
    assert_true(job->enqueued_ms >= before_ms && job->enqueued_ms <= added_ms);
    assert_int_equal(job->attempts, 0);
    assert_int_equal(job->deliveries, 1);
    assert_null(job->group);
}

static void a_time_in_the_future_is_waited_for(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_enqueue_options options = at_ms("later", weir_wall_ms() + HOUR_MS);
    assert_string_equal(add_job(session, NUMBERED("0"), &options).text, "later");
    options = at_ms("past", 1);
    assert_string_equal(add_job(session, NUMBERED("1"), &options).text, "past");
    assert_int_equal(read_batch(contract, session, 10)->n, 0);

    int64_t next_ms;
    assert_int_equal(promote(session, &next_ms), 1);
    assert_in_range(next_ms, HOUR_MS - LONG_MS, HOUR_MS);
    assert_string_equal(weir_job_id(read_one(contract, session)), "past");
}

static void delayed_jobs_come_by_due_time_then_by_id(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    static const struct {
        const char *id;
        int64_t run_at_ms;
    } jobs[] = {{"d", 30}, {"b", 20}, {"z", 10}, {"c", 20}, {"a", 20}, {"aa", 20}, {"\xff", 20}, {"y", 5}, {"x", 7}};
    static const char *const expected[] = {"y", "x", "z", "a", "aa", "b", "c", "\xff", "d"};
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        weir_enqueue_options options = at_ms(jobs[i].id, jobs[i].run_at_ms);
        add_job(session, NUMBERED("0"), &options);
    }
    assert_int_equal(promote(session, NULL), COUNT_OF(jobs));
    struct weir_batch *batch = read_batch(contract, session, 100);
    assert_int_equal(batch->n, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_string_equal(weir_job_id(&batch->jobs[i]), expected[i]);
}

static void promotion_moves_no_more_than_the_limit(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    for (int i = 0; i < 5; i++) {
        weir_enqueue_options options = at_ms(NULL, 10 + i);
        char digit[2] = {(char)('0' + i), '\0'};
        add_job(session, NUMBERED(digit), &options);
    }
    static const struct {
        size_t moved;
        int64_t next_ms;
    } steps[] = {{2, 0}, {2, 0}, {1, -1}, {0, -1}};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        size_t moved = 99;
        int64_t next_ms = 99;
        OK(session->ops->promote(session, 2, &moved, &next_ms, &last_error));
        assert_int_equal(moved, steps[i].moved);
        assert_int_equal(next_ms, steps[i].next_ms);
    }
    expect_numbered(read_batch(contract, session, 10), 0, 5);
}

static void ids_made_for_delayed_jobs_are_unique(void **state)
{
    struct contract *contract = *state;
    enum { N = 300 };
    struct weir_session *session = worker(contract, "g", "c");
    weir_enqueue_options options = at_ms(NULL, 1);
    const weir_fields *fields = NUMBERED("0");
    struct weir_broker_add adds[N];
    for (size_t i = 0; i < N; i++)
        adds[i] = (struct weir_broker_add){.fields = fields, .options = &options};
    OK(session->ops->add(session, adds, N, &last_error));
    assert_int_equal(promote(session, NULL), N);

    struct weir_batch *batch = read_batch(contract, session, N);
    assert_int_equal(batch->n, N);
    for (size_t i = 0; i < N; i++) {
        size_t found = 0;
        for (size_t j = 0; j < N; j++)
            found += strcmp(weir_job_id(&batch->jobs[j]), adds[i].id.text) == 0;
        assert_int_equal(found, 1);
    }
}

static void a_delayed_job_is_not_overwritten(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_enqueue_options first = at_ms("x", 1), soon = in_ms("x", 1), at_once = with_id("x");
    add_job(session, NUMBERED("1"), &first);

    /* one refused job harms no other, and its status is what the call returns */
    struct weir_broker_add adds[] = {
        {.fields = NUMBERED("2")},
        {.fields = NUMBERED("3"), .options = &soon},
        {.fields = NUMBERED("4"), .options = &at_once},
        {.fields = NUMBERED("5"), .options = &first},
        {.fields = NUMBERED("6")},
    };
    FAILS(WEIR_ERR_EXISTS, session->ops->add(session, adds, COUNT_OF(adds), &last_error));
    assert_int_equal(last_error.code, WEIR_ERR_EXISTS);
    assert_int_equal(adds[0].status, WEIR_OK);
    assert_int_equal(adds[1].status, WEIR_ERR_EXISTS);
    assert_int_equal(adds[2].status, WEIR_OK);
    assert_int_equal(adds[3].status, WEIR_ERR_EXISTS);
    assert_int_equal(adds[4].status, WEIR_OK);
    struct weir_batch *batch = read_batch(contract, session, 10);
    assert_int_equal(batch->n, 3);
    expect_number(&batch->jobs[0], 2);
    expect_number(&batch->jobs[1], 4);
    expect_number(&batch->jobs[2], 6);

    assert_int_equal(promote(session, NULL), 1);
    expect_number(read_one(contract, session), 1);

    /* once it has gone into the stream, the id is free again */
    add_job(session, NUMBERED("7"), &first);
    assert_int_equal(promote(session, NULL), 1);
    expect_number(read_one(contract, session), 7);
}

static void producers_need_no_group(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = producer(contract);
    weir_enqueue_options options = at_ms("x", 1);
    add_job(session, NUMBERED("1"), &options);
    add_job(session, NUMBERED("0"), NULL);
    assert_int_equal(promote(session, NULL), 1);
    expect_numbered(read_batch(contract, worker(contract, "g", "c"), 10), 0, 2);
}

int run_enqueueing_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(ten_thousand_jobs_keep_their_order),     CONTRACT_TEST(adding_nothing_is_success),
        CONTRACT_TEST(a_job_may_have_an_id_of_its_own),        CONTRACT_TEST(a_delayed_job_comes_when_it_is_due),
        CONTRACT_TEST(a_time_in_the_future_is_waited_for),     CONTRACT_TEST(delayed_jobs_come_by_due_time_then_by_id),
        CONTRACT_TEST(promotion_moves_no_more_than_the_limit), CONTRACT_TEST(ids_made_for_delayed_jobs_are_unique),
        CONTRACT_TEST(a_delayed_job_is_not_overwritten),       CONTRACT_TEST(producers_need_no_group),
    };
    return cmocka_run_group_tests_name("enqueueing", tests, NULL, NULL);
}
