/* SPDX-License-Identifier: MIT */
#include "contract.h"

/* Trims until nothing more is trimmed: the limit is only about how much one call does. */
static size_t trim_all(struct weir_session *session, uint64_t keep_last, size_t limit)
{
    size_t total = 0, removed = 0;
    do {
        OK(session->ops->trim(session, keep_last, limit, &removed, &last_error));
        total += removed;
    } while (removed > 0);
    return total;
}

/* What a group that begins at 0 now finds: what lies in the stream. */
static struct weir_batch *entries_left(struct contract *contract, const char *new_group)
{
    return read_batch(contract, worker(contract, new_group, "c"), 100000);
}

/* Whichever of the two groups lags behind. */
static void expect_trim_waits_for(struct contract *contract, struct weir_session *slow, struct weir_session *fast)
{
    add_numbered(slow, 0, 10, NULL);
    assert_int_equal(trim_all(fast, 0, 1000), 0);

    /* fast has finished with all; slow with 0 and 1, while 2 is pending, 3 done, and the rest not even read */
    settle_all(fast, read_batch(contract, fast, 10), WEIR_VERDICT_ACK);
    assert_int_equal(trim_all(fast, 0, 1000), 0);
    struct weir_batch *batch = read_batch(contract, slow, 4);
    settle(slow, &batch->jobs[0], WEIR_VERDICT_ACK);
    settle(slow, &batch->jobs[1], WEIR_VERDICT_ACK);
    settle(slow, &batch->jobs[3], WEIR_VERDICT_ACK);
    assert_int_equal(trim_all(fast, 0, 1000), 2);
    assert_int_equal(trim_all(slow, 0, 1000), 0);
    expect_numbered(entries_left(contract, "new"), 2, 8);

    /* nothing that slow had to do is gone */
    struct weir_job *job = claim_one(contract, slow);
    expect_number(job, 2);
    assert_false(job->payload_lost);
    expect_numbered(read_batch(contract, slow, 10), 4, 6);
}

static void trim_waits_for_the_newer_group(void **state)
{
    struct weir_session *fast = worker(*state, "a", "c"), *slow = worker(*state, "b", "c");
    expect_trim_waits_for(*state, slow, fast);
}

static void trim_waits_for_the_older_group(void **state)
{
    struct weir_session *slow = worker(*state, "a", "c"), *fast = worker(*state, "b", "c");
    expect_trim_waits_for(*state, slow, fast);
}

static void what_is_finished_does_not_stay(void **state)
{
    struct contract *contract = *state;
    enum { N = 1234 };
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, N, NULL);
    settle_all(session, read_batch(contract, session, N), WEIR_VERDICT_ACK);
    assert_int_equal(trim_all(session, 0, 100), N);
    assert_int_equal(entries_left(contract, "new")->n, 0);

    /* and the stream goes on */
    add_numbered(session, 0, 1, NULL);
    expect_number(read_one(contract, session), 0);
}

static void one_trim_does_about_as_much_as_the_limit_says(void **state)
{
    struct contract *contract = *state;
    enum { N = 3000 };
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, N, NULL);
    settle_all(session, read_batch(contract, session, N), WEIR_VERDICT_ACK);
    size_t removed = 0;
    OK(session->ops->trim(session, 0, 500, &removed, &last_error));
    assert_in_range(removed, 250, 1000);
}

static void a_stream_without_groups_is_not_trimmed(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = producer(contract);
    assert_int_equal(trim_all(session, 0, 1000), 0);
    add_numbered(session, 0, 3, NULL);
    assert_int_equal(trim_all(session, 0, 1000), 0);
    expect_numbered(entries_left(contract, "new"), 0, 3);
}

static void keep_all_never_trims(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker_that_keeps(contract, "g", "c", WEIR_KEEP_ALL);
    add_numbered(session, 0, 300, NULL);
    settle_all(session, read_batch(contract, session, 300), WEIR_VERDICT_ACK);
    assert_int_equal(trim_all(session, 0, 1000), 0);
    expect_numbered(entries_left(contract, "new"), 0, 300);
}

static void keep_last_leaves_that_many_at_least(void **state)
{
    struct contract *contract = *state;
    enum { N = 2000, KEPT = 500 };
    struct weir_session *session = worker_that_keeps(contract, "g", "c", WEIR_KEEP_LAST);
    add_numbered(session, 0, N, NULL);
    settle_all(session, read_batch(contract, session, N), WEIR_VERDICT_ACK);
    size_t removed = trim_all(session, KEPT, 1000);
    /* a server may trim by blocks, and leave up to one more */
    assert_in_range(removed, N - KEPT - 200, N - KEPT);
    expect_numbered(entries_left(contract, "new"), removed, N - removed);
    assert_int_equal(trim_all(session, N, 1000), 0);
}

static void keep_last_never_removes_what_is_unfinished(void **state)
{
    struct contract *contract = *state;
    enum { N = 1000, UNREAD = 900 };
    struct weir_session *session = worker_that_keeps(contract, "g", "c", WEIR_KEEP_LAST);
    add_numbered(session, 0, N, NULL);
    settle_all(session, read_batch(contract, session, N - UNREAD), WEIR_VERDICT_ACK);
    trim_all(session, 10, 1000);
    expect_numbered(read_batch(contract, session, N), N - UNREAD, UNREAD);
}

static void other_retentions_keep_no_last_ones(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker_that_keeps(contract, "g", "c", WEIR_KEEP_UNFINISHED);
    add_numbered(session, 0, 30, NULL);
    settle_all(session, read_batch(contract, session, 30), WEIR_VERDICT_ACK);
    assert_int_equal(trim_all(session, 20, 1000), 30);
}

static void delete_on_ack_trims_what_other_groups_left(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker_that_keeps(contract, "a", "c", WEIR_DELETE_ON_ACK);
    struct weir_session *b = worker_that_keeps(contract, "b", "c", WEIR_DELETE_ON_ACK);
    add_numbered(a, 0, 5, NULL);
    settle_all(a, read_batch(contract, a, 10), WEIR_VERDICT_ACK);
    settle_all(b, read_batch(contract, b, 10), WEIR_VERDICT_ACK);
    trim_all(a, 0, 1000);
    assert_int_equal(entries_left(contract, "new")->n, 0);
}

/* --- consumers --- */

static void reaping_deletes_idle_consumers_with_nothing_pending(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *idle = worker(contract, "g", "b");
    struct weir_session *busy = worker(contract, "g", "c"), *elsewhere = worker(contract, "h", "b");
    add_numbered(a, 0, 2, NULL);
    settle(idle, &read_batch(contract, idle, 1)->jobs[0], WEIR_VERDICT_ACK);
    read_batch(contract, busy, 1);
    settle_all(elsewhere, read_batch(contract, elsewhere, 10), WEIR_VERDICT_ACK);

    size_t deleted = 99;
    OK(a->ops->reap(a, HOUR_MS, &deleted, &last_error));
    assert_int_equal(deleted, 0);
    OK(a->ops->reap(a, 0, &deleted, &last_error));
    assert_int_equal(deleted, 1);
    OK(a->ops->reap(a, 0, &deleted, &last_error));
    assert_int_equal(deleted, 0);

    /* what was pending still is, and a deleted consumer may come back */
    expect_numbered(recover_batch(contract, busy), 1, 1);
    add_numbered(a, 2, 1, NULL);
    expect_number(read_one(contract, idle), 2);
    OK(a->ops->reap(a, 0, &deleted, &last_error));
    assert_int_equal(deleted, 0);
}

static void a_consumer_does_not_reap_itself(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *other = worker(contract, "g", "d");
    add_numbered(session, 0, 1, NULL);
    settle(session, read_one(contract, session), WEIR_VERDICT_ACK);
    size_t deleted = 99;
    OK(session->ops->reap(session, 0, &deleted, &last_error));
    assert_int_equal(deleted, 0);
    OK(other->ops->reap(other, 0, &deleted, &last_error));
    assert_int_equal(deleted, 1);
}

static void a_consumer_leaves_if_it_holds_nothing(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    struct weir_session *other = worker(contract, "g", "other");
    size_t deleted;
    add_numbered(a, 0, 2, NULL);
    struct weir_batch *batch = read_batch(contract, a, 1);
    settle_all(b, read_batch(contract, b, 1), WEIR_VERDICT_ACK);

    OK(a->ops->leave(a, &last_error));
    expect_numbered(recover_batch(contract, a), 0, 1);
    OK(b->ops->leave(b, &last_error));
    OK(other->ops->reap(other, 0, &deleted, &last_error));
    assert_int_equal(deleted, 0);

    settle_all(a, batch, WEIR_VERDICT_ACK);
    OK(a->ops->leave(a, &last_error));
    OK(a->ops->leave(a, &last_error));
    OK(other->ops->reap(other, 0, &deleted, &last_error));
    assert_int_equal(deleted, 0);
}

int run_housekeeping_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(trim_waits_for_the_newer_group),
        CONTRACT_TEST(trim_waits_for_the_older_group),
        CONTRACT_TEST(what_is_finished_does_not_stay),
        CONTRACT_TEST(one_trim_does_about_as_much_as_the_limit_says),
        CONTRACT_TEST(a_stream_without_groups_is_not_trimmed),
        CONTRACT_TEST(keep_all_never_trims),
        CONTRACT_TEST(keep_last_leaves_that_many_at_least),
        CONTRACT_TEST(keep_last_never_removes_what_is_unfinished),
        CONTRACT_TEST(other_retentions_keep_no_last_ones),
        CONTRACT_TEST(delete_on_ack_trims_what_other_groups_left),
        CONTRACT_TEST(reaping_deletes_idle_consumers_with_nothing_pending),
        CONTRACT_TEST(a_consumer_does_not_reap_itself),
        CONTRACT_TEST(a_consumer_leaves_if_it_holds_nothing),
    };
    return cmocka_run_group_tests_name("housekeeping", tests, NULL, NULL);
}
