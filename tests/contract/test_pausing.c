/* SPDX-License-Identifier: MIT */
#include "contract.h"

static void expect_look(struct weir_session *session, bool paused, bool delayed)
{
    bool seen_paused = !paused, seen_delayed = !delayed;
    OK(session->ops->look(session, &seen_paused, &seen_delayed, &last_error));
    assert_int_equal(seen_paused, paused);
    assert_int_equal(seen_delayed, delayed);
}

static bool set_paused(struct weir_session *session, bool paused)
{
    bool changed = false;
    OK(session->ops->set_paused(session, paused, &changed, &last_error));
    return changed;
}

static void a_queue_is_paused_until_it_is_resumed(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *other = producer(contract);
    expect_look(session, false, false);
    assert_true(set_paused(other, true));
    expect_look(session, true, false);
    assert_false(set_paused(session, true));
    expect_look(other, true, false);
    assert_true(set_paused(session, false));
    expect_look(other, false, false);
    assert_false(set_paused(other, false));
    expect_look(session, false, false);
}

static void one_look_tells_of_delayed_jobs_too(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.run_at_ms = 1;
    add_job(session, WEIR_FIELDS(weir_field_text("n", "1")), &options);
    expect_look(session, false, true);
    set_paused(session, true);
    expect_look(session, true, true);
    assert_int_equal(promote(session, NULL), 1); /* a pause doesn't keep them from becoming due */
    expect_look(session, true, false);
    set_paused(session, false);
    expect_look(session, false, false);
}

static void another_stream_is_not_paused(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    struct weir_broker_config config = config_of(contract, "g", "c");
    config.stream = "another";
    struct weir_session *other = open_session(contract, &config);
    OK(other->ops->connect(other, &last_error));
    set_paused(session, true);
    expect_look(other, false, false);
    set_paused(session, false);
}

static size_t reap(struct weir_session *session)
{
    size_t deleted = 0;
    OK(session->ops->reap(session, 0, &deleted, &last_error));
    return deleted;
}

static void a_consumer_that_reads_nothing_can_be_seen(void **state)
{
    struct contract *contract = *state;
    struct weir_session *seen = worker(contract, "g", "seen"), *other = worker(contract, "g", "other");
    assert_int_equal(reap(other), 0);
    OK(seen->ops->touch(seen, &last_error));
    OK(seen->ops->touch(seen, &last_error));
    assert_int_equal(reap(other), 1);
}

static void touching_takes_nothing(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 2, NULL);
    struct weir_batch *batch = read_batch(contract, session, 1);
    OK(session->ops->touch(session, &last_error));
    expect_numbered(read_batch(contract, session, 10), 1, 1);
    assert_int_equal(batch->jobs[0].deliveries, 1);
    assert_int_equal(claim_batch(contract, session, 0)->jobs[0].deliveries, 2);
}

static void touching_without_a_group_says_so(void **state)
{
    struct contract *contract = *state;
    struct weir_broker_config config = config_of(contract, "g", "c");
    struct weir_session *session = open_session(contract, &config);
    OK(session->ops->connect(session, &last_error));
    FAILS(WEIR_ERR_NO_GROUP, session->ops->touch(session, &last_error));
}

static void without_a_connection_nothing_is_known(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    session->ops->disconnect(session);
    bool one, two;
    FAILS(WEIR_ERR_CONNECTION, session->ops->look(session, &one, &two, &last_error));
    FAILS(WEIR_ERR_CONNECTION, session->ops->set_paused(session, true, &one, &last_error));
    FAILS(WEIR_ERR_CONNECTION, session->ops->touch(session, &last_error));
}

int run_pausing_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(a_queue_is_paused_until_it_is_resumed),
        CONTRACT_TEST(one_look_tells_of_delayed_jobs_too),
        CONTRACT_TEST(another_stream_is_not_paused),
        CONTRACT_TEST(a_consumer_that_reads_nothing_can_be_seen),
        CONTRACT_TEST(touching_takes_nothing),
        CONTRACT_TEST(touching_without_a_group_says_so),
        CONTRACT_TEST(without_a_connection_nothing_is_known),
    };
    return cmocka_run_group_tests_name("pausing", tests, NULL, NULL);
}
