/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include "base/clock.h"

#include <sched.h>
#include <string.h>

static void entries_are_delivered_in_order_up_to_the_count(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 5, NULL);
    expect_numbered(read_batch(contract, session, 3), 0, 3);
    expect_numbered(read_batch(contract, session, 10), 3, 2);
    assert_int_equal(read_batch(contract, session, 10)->n, 0);
}

static void a_fresh_job_is_complete(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("to", "a@b.c"), weir_field_text("subject", "hi"));
    int64_t before_ms = weir_wall_ms();
    weir_id id = add_job(session, fields, NULL);
    int64_t after_ms = weir_wall_ms();

    const struct weir_job *job = read_one(contract, session);
    assert_string_equal(weir_job_entry_id(job), id.text);
    assert_string_equal(weir_job_id(job), id.text);
    assert_null(job->own_id);
    assert_null(job->group);
    assert_int_equal(job->attempts, 0);
    assert_int_equal(job->deliveries, 1);
    assert_true(job->enqueued_ms >= before_ms && job->enqueued_ms <= after_ms);
    assert_false(job->payload_lost);
    expect_fields(&job->fields, fields);
}

static void consumers_of_a_group_share_and_groups_do_not(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    struct weir_session *other = worker(contract, "h", "a");
    add_numbered(a, 0, 4, NULL);
    expect_numbered(read_batch(contract, a, 1), 0, 1);
    expect_numbered(read_batch(contract, b, 2), 1, 2);
    expect_numbered(read_batch(contract, a, 10), 3, 1);
    expect_numbered(read_batch(contract, other, 10), 0, 4);
}

static void several_reads_are_answered_in_order(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 4, NULL);
    OK(session->ops->read_submit(session, 1, 0, &last_error));
    OK(session->ops->read_submit(session, 2, LONG_MS, &last_error));
    OK(session->ops->read_submit(session, 10, 0, &last_error));
    OK(session->ops->read_submit(session, 10, 0, &last_error));
    const size_t expected[] = {1, 2, 1, 0};
    for (size_t i = 0, first = 0; i < COUNT_OF(expected); first += expected[i++]) {
        struct weir_batch *batch = new_batch(contract);
        OK(session->ops->read_collect(session, batch, &last_error));
        expect_numbered(batch, first, expected[i]);
    }
}

static void a_read_waits_no_longer_than_told(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    struct weir_batch *batch = new_batch(contract);
    int64_t start_us = weir_now_us();
    OK(session->ops->read_submit(session, 10, 0, &last_error));
    OK(session->ops->read_collect(session, batch, &last_error));
    assert_int_equal(batch->n, 0);

    OK(session->ops->read_submit(session, 10, 20, &last_error));
    OK(session->ops->read_collect(session, batch, &last_error));
    assert_int_equal(batch->n, 0);
    assert_true(weir_now_us() - start_us >= 19000);
    assert_true(weir_now_us() - start_us < LONG_MS / 2 * 1000);

    /* and with two outstanding each waits in its turn */
    start_us = weir_now_us();
    OK(session->ops->read_submit(session, 10, 20, &last_error));
    OK(session->ops->read_submit(session, 10, 20, &last_error));
    for (int i = 0; i < 2; i++)
        OK(session->ops->read_collect(session, batch, &last_error));
    assert_true(weir_now_us() - start_us >= 38000);
}

/* --- what a blocked read hears of --- */

struct blocked {
    struct weir_session *session;
    struct weir_batch *batch;
    atomic_bool started;
    weir_status status;
    size_t n;
    int64_t took_ms;
};

static void read_blocking(void *context)
{
    struct blocked *blocked = context;
    int64_t start_ms = weir_now_ms();
    blocked->status = blocked->session->ops->read_submit(blocked->session, 10, LONG_MS, NULL);
    atomic_store(&blocked->started, true);
    if (blocked->status == WEIR_OK)
        blocked->status = blocked->session->ops->read_collect(blocked->session, blocked->batch, NULL);
    blocked->n = blocked->batch->n;
    blocked->took_ms = weir_now_ms() - start_ms;
}

/*
 * Expects that what `provide` does ends a blocked read, whichever comes first: both orders happen in so many rounds.
 * `prepare` (may be NULL) runs before the read.
 */
static void expect_read_hears_of(struct contract *contract, void (*prepare)(struct contract *),
                                 void (*provide)(struct contract *))
{
    struct weir_session *reader = worker(contract, "g", "c");
    struct weir_batch *batch = new_batch(contract);
    for (int round = 0; round < 20; round++) {
        if (prepare)
            prepare(contract);
        struct blocked blocked = {.session = reader, .batch = batch};
        struct side_thread *thread = run_beside(read_blocking, &blocked);
        while (!atomic_load(&blocked.started))
            sched_yield();
        for (int i = 0; i < round; i++)
            sched_yield();
        provide(contract);
        side_thread_join(thread);
        OK(blocked.status);
        assert_int_equal(blocked.n, 1);
        assert_true(blocked.took_ms < LONG_MS / 2);
        settle_all(reader, batch, WEIR_VERDICT_ACK);
        weir_batch_reset(batch, 0);
    }
}

static void provide_by_adding(struct contract *contract)
{
    add_numbered(contract->sessions[0], 0, 1, NULL);
}

static void a_blocked_read_hears_of_an_added_job(void **state)
{
    producer(*state);
    expect_read_hears_of(*state, NULL, provide_by_adding);
}

static void prepare_delayed(struct contract *contract)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.run_at_ms = 1;
    add_job(contract->sessions[0], WEIR_FIELDS(weir_field_text("n", "0")), &options);
}

static void provide_by_promoting(struct contract *contract)
{
    promote_until(contract->sessions[0], 1);
}

static void a_blocked_read_hears_of_a_promoted_job(void **state)
{
    producer(*state);
    expect_read_hears_of(*state, prepare_delayed, provide_by_promoting);
}

static void prepare_dead(struct contract *contract)
{
    struct weir_session *session = contract->sessions[0];
    add_numbered(session, 0, 1, NULL);
    struct weir_batch *batch = weir_batch_new(0);
    OK(session->ops->read_submit(session, 10, 0, &last_error));
    OK(session->ops->read_collect(session, batch, &last_error));
    settle_all(session, batch, WEIR_VERDICT_BURY);
    weir_batch_free(batch);
}

static void provide_by_requeueing(struct contract *contract)
{
    struct weir_session *session = contract->sessions[0];
    OK(session->ops->dead_requeue(session, only_letter(session).id, &last_error));
}

static void a_blocked_read_hears_of_a_requeued_job(void **state)
{
    worker(*state, "g", "other");
    expect_read_hears_of(*state, prepare_dead, provide_by_requeueing);
}

/* --- what was deleted --- */

static void deleted_entries_are_not_delivered(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_id ids[4];
    add_numbered(session, 0, 4, ids);
    const size_t deleted[] = {0, 1, 3};
    for (size_t i = 0; i < COUNT_OF(deleted); i++) {
        struct weir_entry_id id;
        assert_true(weir_entry_id_parse(ids[deleted[i]].text, strlen(ids[deleted[i]].text), &id));
        contract_factory.delete_entry(contract, id);
    }
    expect_numbered(read_batch(contract, session, 10), 2, 1);
    add_numbered(session, 4, 1, NULL);
    expect_numbered(read_batch(contract, session, 10), 4, 1);
}

int run_reading_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(entries_are_delivered_in_order_up_to_the_count),
        CONTRACT_TEST(a_fresh_job_is_complete),
        CONTRACT_TEST(consumers_of_a_group_share_and_groups_do_not),
        CONTRACT_TEST(several_reads_are_answered_in_order),
        CONTRACT_TEST(a_read_waits_no_longer_than_told),
        CONTRACT_TEST(a_blocked_read_hears_of_an_added_job),
        CONTRACT_TEST(a_blocked_read_hears_of_a_promoted_job),
        CONTRACT_TEST(a_blocked_read_hears_of_a_requeued_job),
        CONTRACT_TEST(deleted_entries_are_not_delivered),
    };
    return cmocka_run_group_tests_name("reading", tests, NULL, NULL);
}
