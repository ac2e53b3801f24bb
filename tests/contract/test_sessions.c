/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include "base/clock.h"

#include <sched.h>

static void a_session_works_only_while_connected(void **state)
{
    struct contract *contract = *state;
    struct weir_broker_config config = config_of(contract, NULL, NULL);
    struct weir_session *session = open_session(contract, &config);
    const struct weir_broker_ops *ops = session->ops;
    uint64_t count;

    assert_false(ops->connected(session));
    FAILS(WEIR_ERR_CONNECTION, ops->dead_count(session, &count, &last_error));
    assert_true(last_error.retriable);
    OK(ops->connect(session, &last_error));
    assert_true(ops->connected(session));
    OK(ops->connect(session, &last_error));
    OK(ops->dead_count(session, &count, &last_error));

    ops->disconnect(session);
    assert_false(ops->connected(session));
    ops->disconnect(session);
    FAILS(WEIR_ERR_CONNECTION, ops->dead_count(session, &count, NULL));
    OK(ops->connect(session, &last_error));
    OK(ops->dead_count(session, &count, &last_error));
}

/* A producer's session is nobody's to look after between calls. */
static void adding_connects_by_itself(void **state)
{
    struct contract *contract = *state;
    struct weir_broker_config config = config_of(contract, NULL, NULL);
    struct weir_session *session = open_session(contract, &config);
    add_numbered(session, 0, 2, NULL);
    assert_true(session->ops->connected(session));
    session->ops->disconnect(session);
    add_numbered(session, 2, 1, NULL);
    expect_numbered(read_batch(contract, worker(contract, "g", "c"), 10), 0, 3);
}

static void closing_nothing_is_allowed(void **state)
{
    (void)state;
    contract_factory.ops->session_close(NULL);
    contract_factory.ops->close(NULL);
}

static void a_worker_is_served(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    OK(session->ops->probe(session, &last_error));
}

static void a_reconnected_session_finds_everything_again(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 2, NULL);
    expect_number(&read_batch(contract, session, 1)->jobs[0], 0);
    session->ops->disconnect(session);
    OK(session->ops->connect(session, &last_error));
    expect_number(read_one(contract, session), 1);
    expect_numbered(recover_batch(contract, session), 0, 2);
}

static void disconnecting_forgets_outstanding_reads(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    struct weir_batch *batch = new_batch(contract);
    OK(session->ops->read_submit(session, 10, 0, &last_error));
    OK(session->ops->read_collect(session, batch, &last_error));
    OK(session->ops->read_submit(session, 10, LONG_MS, &last_error));
    session->ops->disconnect(session);
    OK(session->ops->connect(session, &last_error));

    int64_t start_ms = weir_now_ms();
    OK(session->ops->read_submit(session, 10, 0, &last_error));
    OK(session->ops->read_collect(session, batch, &last_error));
    assert_true(weir_now_ms() - start_ms < LONG_MS / 2);
    assert_int_equal(batch->n, 0);
}

static void streams_of_one_url_are_separate(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    struct weir_broker_config config = config_of(contract, "g", "c");
    char other_stream[96];
    snprintf(other_stream, sizeof other_stream, "%s-other", contract->stream);
    config.stream = other_stream;
    struct weir_session *other = open_session(contract, &config);
    bool created = false;
    OK(other->ops->connect(other, &last_error));
    OK(other->ops->create_group(other, "0", &created, &last_error));
    assert_true(created);

    add_numbered(session, 0, 1, NULL);
    assert_int_equal(read_batch(contract, other, 10)->n, 0);
    expect_numbered(read_batch(contract, session, 10), 0, 1);
}

/* --- groups --- */

static void a_group_is_created_once(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = producer(contract);
    add_numbered(session, 0, 3, NULL);

    struct weir_broker_config config = config_of(contract, "g", "c");
    struct weir_session *reader = open_session(contract, &config);
    OK(reader->ops->connect(reader, &last_error));
    bool created = false;
    OK(reader->ops->create_group(reader, "0", &created, &last_error));
    assert_true(created);
    expect_numbered(read_batch(contract, reader, 10), 0, 3);

    OK(reader->ops->create_group(reader, "0", &created, &last_error));
    assert_false(created);
    assert_int_equal(read_batch(contract, reader, 10)->n, 0);
    assert_int_equal(recover_batch(contract, reader)->n, 3);
}

static void a_group_starts_where_it_is_told(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = producer(contract);
    weir_id ids[3];
    add_numbered(session, 0, 3, ids);

    const char *const starts[] = {"0", ids[0].text, "$"};
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        char group[2] = {(char)('a' + i), '\0'};
        struct weir_broker_config config = config_of(contract, group, "c");
        struct weir_session *reader = open_session(contract, &config);
        bool created = false;
        OK(reader->ops->connect(reader, &last_error));
        OK(reader->ops->create_group(reader, starts[i], &created, &last_error));
        assert_true(created);
    }
    add_numbered(session, 3, 1, NULL);
    expect_numbered(read_batch(contract, contract->sessions[1], 10), 0, 4);
    expect_numbered(read_batch(contract, contract->sessions[2], 10), 1, 3);
    expect_numbered(read_batch(contract, contract->sessions[3], 10), 3, 1);
}

static void a_missing_group_is_reported_and_can_be_made(void **state)
{
    struct contract *contract = *state;
    struct weir_broker_config config = config_of(contract, "g", "c");
    struct weir_session *session = open_session(contract, &config);
    struct weir_batch *batch = new_batch(contract);
    struct weir_entry_id id = {0, 0};
    bool more;
    OK(session->ops->connect(session, &last_error));

    for (int stream_exists = 0; stream_exists < 2; stream_exists++) {
        OK(session->ops->read_submit(session, 10, LONG_MS, &last_error));
        FAILS(WEIR_ERR_NO_GROUP, session->ops->read_collect(session, batch, &last_error));
        assert_int_equal(batch->n, 0);
        assert_true(last_error.retriable);
        FAILS(WEIR_ERR_NO_GROUP, session->ops->claim(session, &id, 0, 10, batch, &last_error));
        assert_int_equal(batch->n, 0);
        FAILS(WEIR_ERR_NO_GROUP, session->ops->recover(session, &id, 10, false, INT64_MAX, nothing_in_flight, NULL,
                                                       batch, &more, &last_error));
        assert_int_equal(batch->n, 0);
        FAILS(WEIR_ERR_NO_GROUP, session->ops->claim(session, &id, 0, 10, batch, NULL));
        if (!stream_exists)
            add_numbered(session, 0, 1, NULL);
    }

    bool created;
    OK(session->ops->create_group(session, "0", &created, &last_error));
    expect_numbered(read_batch(contract, session, 10), 0, 1);
}

/* --- waking --- */

static void wake_session(void *session)
{
    contract_factory.ops->wake(session);
}

static void waking_stops_a_blocked_read_and_keeps_it(void **state)
{
    struct contract *contract = *state;
    struct weir_session *reader = worker(contract, "g", "c"), *other = producer(contract);
    struct weir_batch *batch = new_batch(contract);
    int64_t start_ms = weir_now_ms();

    OK(reader->ops->read_submit(reader, 10, LONG_MS, &last_error));
    struct side_thread *waker = run_beside(wake_session, reader);
    FAILS(WEIR_ERR_STOPPED, reader->ops->read_collect(reader, batch, &last_error));
    side_thread_join(waker);
    assert_int_equal(batch->n, 0);
    FAILS(WEIR_ERR_STOPPED, reader->ops->read_collect(reader, batch, &last_error));
    assert_true(reader->ops->connected(reader));

    /* what was asked for still comes, once */
    add_numbered(other, 0, 1, NULL);
    reader->ops->unwake(reader);
    OK(reader->ops->read_collect(reader, batch, &last_error));
    expect_numbered(batch, 0, 1);
    assert_int_equal(batch->jobs[0].deliveries, 1);
    assert_true(weir_now_ms() - start_ms < LONG_MS / 2);
}

static void a_woken_session_refuses_to_wait_until_unwoken(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *other = worker(contract, "g", "d");
    uint64_t count;
    struct weir_broker_add add = {.fields = WEIR_FIELDS(weir_field_text("n", "1")), .status = WEIR_OK};

    session->ops->wake(session);
    FAILS(WEIR_ERR_STOPPED, session->ops->dead_count(session, &count, &last_error));
    FAILS(WEIR_ERR_STOPPED, session->ops->connect(session, &last_error));
    FAILS(WEIR_ERR_STOPPED, session->ops->add(session, &add, 1, &last_error));
    assert_int_not_equal(add.status, WEIR_OK);
    OK(other->ops->dead_count(other, &count, &last_error));

    session->ops->unwake(session);
    OK(session->ops->connect(session, &last_error));
    OK(session->ops->dead_count(session, &count, &last_error));
}

struct collecting {
    struct weir_session *session;
    struct weir_batch *batch;
    weir_status status;
};

static void collect(void *context)
{
    struct collecting *collecting = context;
    collecting->status = collecting->session->ops->read_collect(collecting->session, collecting->batch, NULL);
}

static void a_blocked_read_can_be_unblocked(void **state)
{
    struct contract *contract = *state;
    struct weir_session *reader = worker(contract, "g", "c"), *other = worker(contract, "g", "d");
    struct collecting collecting = {reader, new_batch(contract), WEIR_ERR_STATE};
    int64_t start_ms = weir_now_ms();

    /* each request may come before the read blocks, and then is success without effect */
    OK(reader->ops->read_submit(reader, 10, LONG_MS, &last_error));
    struct side_thread *thread = run_beside(collect, &collecting);
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && !side_thread_ended(thread)) {
        status = other->ops->unblock(other, reader, &last_error);
        sched_yield();
    }
    side_thread_join(thread);
    OK(status);
    OK(collecting.status);
    assert_int_equal(collecting.batch->n, 0);
    assert_true(weir_now_ms() - start_ms < LONG_MS / 2);

    /* and the session goes on as before */
    OK(other->ops->unblock(other, reader, &last_error));
    add_numbered(other, 0, 1, NULL);
    OK(reader->ops->read_submit(reader, 10, LONG_MS, &last_error));
    OK(reader->ops->read_collect(reader, collecting.batch, &last_error));
    expect_numbered(collecting.batch, 0, 1);
}

static void unblocking_a_session_that_does_not_wait_is_success(void **state)
{
    struct contract *contract = *state;
    struct weir_session *reader = worker(contract, "g", "c"), *other = worker(contract, "g", "d");
    OK(other->ops->unblock(other, reader, &last_error));
    /* an unblock is for the read that waits now, not for the next one */
    OK(reader->ops->read_submit(reader, 10, 30, &last_error));
    int64_t start_us = weir_now_us();
    struct weir_batch *batch = new_batch(contract);
    OK(reader->ops->read_collect(reader, batch, &last_error));
    assert_int_equal(batch->n, 0);
    assert_true(weir_now_us() - start_us > 15000);
}

int run_session_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(a_session_works_only_while_connected),
        CONTRACT_TEST(adding_connects_by_itself),
        CONTRACT_TEST(closing_nothing_is_allowed),
        CONTRACT_TEST(a_worker_is_served),
        CONTRACT_TEST(a_reconnected_session_finds_everything_again),
        CONTRACT_TEST(disconnecting_forgets_outstanding_reads),
        CONTRACT_TEST(streams_of_one_url_are_separate),
        CONTRACT_TEST(a_group_is_created_once),
        CONTRACT_TEST(a_group_starts_where_it_is_told),
        CONTRACT_TEST(a_missing_group_is_reported_and_can_be_made),
        CONTRACT_TEST(waking_stops_a_blocked_read_and_keeps_it),
        CONTRACT_TEST(a_woken_session_refuses_to_wait_until_unwoken),
        CONTRACT_TEST(a_blocked_read_can_be_unblocked),
        CONTRACT_TEST(unblocking_a_session_that_does_not_wait_is_success),
    };
    return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
