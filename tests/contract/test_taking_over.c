/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include <string.h>

/* --- claim --- */

static void a_claim_takes_over_and_counts_each_delivery(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, 3, NULL);
    read_batch(contract, a, 10);
    for (uint32_t deliveries = 2; deliveries < 8; deliveries++) {
        struct weir_session *claimer = deliveries % 2 ? a : b, *loser = deliveries % 2 ? b : a;
        struct weir_batch *batch = claim_batch(contract, claimer, 0);
        expect_numbered(batch, 0, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(batch->jobs[i].deliveries, deliveries);
            assert_int_equal(batch->jobs[i].attempts, 0);
            assert_false(batch->jobs[i].payload_lost);
        }
        assert_int_equal(recover_batch(contract, loser)->n, 0);
    }
}

static void a_claim_leaves_what_is_not_idle_for_long_enough(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, 1, NULL);
    struct weir_job *job = read_one(contract, a);
    assert_int_equal(claim_batch(contract, b, HOUR_MS)->n, 0);

    /* a claimed entry has just been delivered */
    settle(a, job, WEIR_VERDICT_RELEASE);
    assert_int_equal(claim_batch(contract, b, HOUR_MS)->n, 1);
    assert_int_equal(claim_batch(contract, a, HOUR_MS)->n, 0);
    assert_int_equal(claim_batch(contract, a, 0)->n, 1);
}

static void a_claim_concerns_one_group(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "c"), *b = worker(contract, "h", "c");
    add_numbered(a, 0, 2, NULL);
    read_batch(contract, a, 10);
    assert_int_equal(claim_batch(contract, b, 0)->n, 0);
    assert_int_equal(read_batch(contract, b, 1)->n, 1);
    expect_number(claim_one(contract, b), 0);
    assert_int_equal(claim_batch(contract, a, 0)->n, 2);
}

static void a_claim_goes_on_where_the_last_one_ended(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, 25, NULL);
    read_batch(contract, a, 100);

    struct weir_entry_id cursor = {0, 0};
    size_t found = 0, calls = 0;
    do {
        struct weir_batch *batch = new_batch(contract);
        OK(b->ops->claim(b, &cursor, 0, 10, batch, &last_error));
        assert_true(batch->n <= 10);
        expect_numbered(batch, found, batch->n);
        found += batch->n;
        calls++;
    } while (cursor.ms != 0 || cursor.seq != 0);
    assert_int_equal(found, 25);
    assert_true(calls >= 3 && calls <= 4);
}

/* Entries that aren't eligible hide the others where a claim always begins at the head. */
static void a_sweep_passes_what_is_not_eligible(void **state)
{
    struct contract *contract = *state;
    enum { N = 500 };
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, N, NULL);
    struct weir_batch *all = read_batch(contract, a, N);
    settle(a, &all->jobs[N - 2], WEIR_VERDICT_RELEASE);

    struct weir_batch *batch = new_batch(contract);
    struct weir_entry_id cursor = {0, 0};
    size_t found = 0, calls = 0;
    do {
        weir_batch_reset(batch, 0);
        OK(b->ops->claim(b, &cursor, HOUR_MS, 5, batch, &last_error));
        if (batch->n > 0)
            expect_numbered(batch, N - 2, 1);
        found += batch->n;
        calls++;
    } while ((cursor.ms != 0 || cursor.seq != 0) && calls <= N);
    assert_int_equal(found, 1);
    assert_true(calls <= N / 5);
}

static void a_claim_reports_entries_that_were_deleted(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, 5, NULL);
    struct weir_batch *all = read_batch(contract, a, 10);
    contract_factory.delete_entry(contract, all->jobs[1].entry);
    contract_factory.delete_entry(contract, all->jobs[4].entry);

    struct weir_batch *batch = claim_batch(contract, b, 0);
    assert_int_equal(batch->n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(weir_entry_id_compare(batch->jobs[i].entry, all->jobs[i].entry), 0);
        assert_int_equal(batch->jobs[i].payload_lost, i == 1 || i == 4);
        if (batch->jobs[i].payload_lost) {
            assert_int_equal(batch->jobs[i].fields.n, 0);
        } else {
            expect_number(&batch->jobs[i], i);
            assert_int_equal(batch->jobs[i].deliveries, 2);
        }
    }
    batch->jobs[1].reason = batch->jobs[4].reason = WEIR_DEAD_PAYLOAD_LOST;
    assert_int_equal(settle(b, &batch->jobs[1], WEIR_VERDICT_BURY), WEIR_SETTLED);
    assert_int_equal(settle(b, &batch->jobs[4], WEIR_VERDICT_BURY), WEIR_SETTLED);
    assert_int_equal(count_dead(b), 2);
    assert_int_equal(claim_batch(contract, a, 0)->n, 3);
}

static void a_job_whose_entry_is_deleted_while_it_runs_can_be_acked(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 1, NULL);
    struct weir_job *job = read_one(contract, session);
    contract_factory.delete_entry(contract, job->entry);
    assert_int_equal(settle(session, job, WEIR_VERDICT_ACK), WEIR_SETTLED);
    assert_int_equal(claim_batch(contract, session, 0)->n, 0);
}

/* --- recover --- */

static void recover_gives_back_what_this_consumer_held(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, 6, NULL);
    expect_numbered(read_batch(contract, a, 2), 0, 2);
    expect_numbered(read_batch(contract, b, 2), 2, 2);
    struct weir_batch *rest = read_batch(contract, a, 2);
    settle(a, &rest->jobs[1], WEIR_VERDICT_ACK);

    struct weir_batch *batch = recover_batch(contract, a);
    assert_int_equal(batch->n, 3);
    static const size_t expected[] = {0, 1, 4};
    for (size_t i = 0; i < 3; i++) {
        expect_number(&batch->jobs[i], expected[i]);
        assert_int_equal(batch->jobs[i].deliveries, 2);
    }
    /* and it can be settled, being still this consumer's */
    settle_all(a, batch, WEIR_VERDICT_BURY);
    assert_int_equal(recover_batch(contract, a)->n, 0);
    assert_int_equal(recover_batch(contract, b)->n, 2);
}

static void recover_takes_what_it_gives(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, 1, NULL);
    settle(a, read_one(contract, a), WEIR_VERDICT_RELEASE);
    struct weir_batch *batch = recover_batch(contract, a);
    expect_numbered(batch, 0, 1);
    assert_int_equal(batch->jobs[0].deliveries, 1);
    assert_int_equal(claim_batch(contract, b, HOUR_MS)->n, 0);
    assert_int_equal(claim_one(contract, b)->deliveries, 2);
}

static void a_lost_reply_is_not_counted_twice(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 2, NULL);
    read_batch(contract, session, 10);
    static const struct {
        bool lost_reply;
        uint32_t deliveries;
    } calls[] = {{true, 1}, {true, 1}, {false, 2}, {true, 2}, {false, 3}};
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        struct weir_batch *batch = new_batch(contract);
        struct weir_entry_id after = {0, 0};
        bool more = true;
        OK(session->ops->recover(session, &after, 10, calls[i].lost_reply, INT64_MAX, nothing_in_flight, NULL, batch,
                                 &more, &last_error));
        expect_numbered(batch, 0, 2);
        assert_int_equal(batch->jobs[0].deliveries, calls[i].deliveries);
        assert_int_equal(batch->jobs[1].deliveries, calls[i].deliveries);
    }
    /* the server agrees */
    assert_int_equal(claim_batch(contract, session, 0)->jobs[0].deliveries, 4);
}

/* The entries that this process is working on. */
struct flight {
    struct weir_entry_id entries[8];
    size_t n;
};

static bool is_in_flight(void *context, struct weir_entry_id entry)
{
    const struct flight *flight = context;
    for (size_t i = 0; i < flight->n; i++)
        if (weir_entry_id_compare(flight->entries[i], entry) == 0)
            return true;
    return false;
}

static void recover_leaves_what_is_in_flight_and_goes_on_page_by_page(void **state)
{
    struct contract *contract = *state;
    enum { N = 23 };
    struct weir_session *session = worker(contract, "g", "c"), *other = worker(contract, "g", "d");
    add_numbered(session, 0, N, NULL);
    struct weir_batch *all = read_batch(contract, session, N);
    struct flight flight = {.n = 0};
    static const size_t running[] = {0, 4, 5, 6, 7, 8, 22};
    for (size_t i = 0; i < COUNT_OF(running); i++)
        flight.entries[flight.n++] = all->jobs[running[i]].entry;

    struct weir_entry_id after = {0, 0};
    size_t next_running = 0, number = 0, calls = 0;
    bool more = true;
    while (more && calls++ < 50) {
        struct weir_batch *batch = new_batch(contract);
        OK(session->ops->recover(session, &after, 4, false, INT64_MAX, is_in_flight, &flight, batch, &more,
                                 &last_error));
        assert_true(batch->n <= 4);
        for (size_t i = 0; i < batch->n; i++, number++) {
            while (next_running < COUNT_OF(running) && running[next_running] == number) {
                next_running++;
                number++;
            }
            expect_number(&batch->jobs[i], number);
            assert_int_equal(batch->jobs[i].deliveries, 2);
        }
    }
    assert_false(more);
    assert_int_equal(number, N - 1);

    /* those in flight were not delivered again */
    assert_int_equal(claim_batch(contract, other, 0)->jobs[4].deliveries, 2);
}

static void recover_begins_after_the_entry_given(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 5, NULL);
    struct weir_batch *all = read_batch(contract, session, 10), *batch = new_batch(contract);
    struct weir_entry_id after = all->jobs[2].entry;
    bool more;
    OK(session->ops->recover(session, &after, 10, false, INT64_MAX, nothing_in_flight, NULL, batch, &more,
                             &last_error));
    expect_numbered(batch, 3, 2);
    assert_int_equal(weir_entry_id_compare(after, all->jobs[4].entry), 0);
    OK(session->ops->recover(session, &after, 10, false, INT64_MAX, nothing_in_flight, NULL, new_batch(contract), &more,
                             &last_error));
    assert_false(more);
    assert_int_equal(contract->batches[contract->n_batches - 1]->n, 0);
}

static void recover_leaves_what_is_idle_for_too_long(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 3, NULL);
    struct weir_batch *all = read_batch(contract, session, 10), *batch = new_batch(contract);
    settle(session, &all->jobs[1], WEIR_VERDICT_RELEASE);
    struct weir_entry_id after = {0, 0};
    bool more;
    OK(session->ops->recover(session, &after, 10, true, HOUR_MS, nothing_in_flight, NULL, batch, &more, &last_error));
    assert_int_equal(batch->n, 2);
    expect_number(&batch->jobs[0], 0);
    expect_number(&batch->jobs[1], 2);
    /* it is still claimable at once */
    expect_numbered(claim_batch(contract, session, HOUR_MS), 1, 1);
}

/* Another thread's ack, at the worst time: recover has seen the entry pending, and has not taken it yet. */
struct meanwhile {
    struct weir_session *other;
    struct weir_batch *acked;
};

static bool ack_and_trim_meanwhile(void *context, struct weir_entry_id entry)
{
    struct meanwhile *meanwhile = context;
    (void)entry;
    if (meanwhile->acked) {
        settle_all(meanwhile->other, meanwhile->acked, WEIR_VERDICT_ACK);
        size_t removed;
        OK(meanwhile->other->ops->trim(meanwhile->other, 0, 1000, &removed, &last_error));
        assert_true(removed > 0);
        meanwhile->acked = NULL;
    }
    return false;
}

static void recover_takes_nothing_for_lost_that_was_acked_meanwhile(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *other = worker(contract, "g", "c");
    add_numbered(session, 0, 3, NULL);
    struct meanwhile meanwhile = {other, read_batch(contract, session, 10)};
    struct weir_batch *batch = new_batch(contract);
    struct weir_entry_id after = {0, 0};
    bool more;
    OK(session->ops->recover(session, &after, 10, true, INT64_MAX, ack_and_trim_meanwhile, &meanwhile, batch, &more,
                             &last_error));
    assert_int_equal(batch->n, 0);
}

static void recover_reports_entries_that_were_deleted(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 3, NULL);
    struct weir_batch *all = read_batch(contract, session, 10);
    contract_factory.delete_entry(contract, all->jobs[1].entry);
    struct weir_batch *batch = recover_batch(contract, session);
    assert_int_equal(batch->n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(batch->jobs[i].payload_lost, i == 1);
    expect_number(&batch->jobs[0], 0);
    expect_number(&batch->jobs[2], 2);

    batch->jobs[1].reason = WEIR_DEAD_PAYLOAD_LOST;
    assert_int_equal(settle(session, &batch->jobs[1], WEIR_VERDICT_BURY), WEIR_SETTLED);
    assert_int_equal(recover_batch(contract, session)->n, 2);
    assert_int_equal(claim_batch(contract, session, 0)->n, 2);
    assert_int_equal(only_letter(session).reason, WEIR_DEAD_PAYLOAD_LOST);
}

/* --- renew --- */

static void a_renewed_lease_is_not_claimed(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, 2, NULL);
    struct weir_batch *batch = read_batch(contract, a, 10);
    settle_all(a, batch, WEIR_VERDICT_RELEASE); /* makes them idle for long, and their count 0 */

    enum weir_lease lease = WEIR_LEASE_LOST;
    OK(a->ops->renew(a, &batch->jobs[0].entry, 1, &lease, &last_error));
    assert_int_equal(lease, WEIR_LEASE_RENEWED);
    batch = claim_batch(contract, b, HOUR_MS);
    expect_numbered(batch, 1, 1);
    assert_int_equal(batch->jobs[0].deliveries, 1);

    batch = claim_batch(contract, b, 0);
    expect_number(&batch->jobs[0], 0);
    assert_int_equal(batch->jobs[0].deliveries, 1); /* renewing is no delivery */
}

static void a_renewal_tells_what_is_still_owned(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, 5, NULL);
    struct weir_batch *batch = read_batch(contract, a, 10), *taken = new_batch(contract);
    struct weir_entry_id cursor = batch->jobs[1].entry;
    OK(b->ops->claim(b, &cursor, 0, 1, taken, &last_error));
    expect_numbered(taken, 1, 1);
    settle(b, &taken->jobs[0], WEIR_VERDICT_RELEASE);
    settle(a, &batch->jobs[3], WEIR_VERDICT_ACK);

    const struct weir_entry_id entries[] = {batch->jobs[4].entry, batch->jobs[3].entry, batch->jobs[2].entry,
                                            batch->jobs[1].entry, batch->jobs[0].entry, {1, 1}};
    static const enum weir_lease expected[] = {WEIR_LEASE_RENEWED, WEIR_LEASE_LOST,    WEIR_LEASE_RENEWED,
                                               WEIR_LEASE_LOST,    WEIR_LEASE_RENEWED, WEIR_LEASE_LOST};
    enum weir_lease leases[COUNT_OF(entries)];
    OK(a->ops->renew(a, entries, COUNT_OF(entries), leases, &last_error));
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        assert_int_equal(leases[i], expected[i]);

    /* the other's entry is as idle as it was */
    expect_numbered(claim_batch(contract, a, HOUR_MS), 1, 1);
}

static void many_leases_are_renewed_in_one_call(void **state)
{
    struct contract *contract = *state;
    enum { N = 2500 };
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, N, NULL);
    struct weir_batch *batch = read_batch(contract, session, N);
    struct weir_entry_id entries[N];
    enum weir_lease leases[N];
    memset(leases, 0, sizeof leases);
    for (size_t i = 0; i < N; i++)
        entries[i] = batch->jobs[i].entry;
    settle(session, &batch->jobs[1234], WEIR_VERDICT_ACK);
    OK(session->ops->renew(session, entries, N, leases, &last_error));
    for (size_t i = 0; i < N; i++)
        assert_int_equal(leases[i], i == 1234 ? WEIR_LEASE_LOST : WEIR_LEASE_RENEWED);
}

/* A job goes on although its entry is gone: it still has its fields, and nobody else can have it. */
static void a_renewal_finds_out_that_the_entry_was_deleted(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    weir_id ids[3];
    add_numbered(a, 0, 3, ids);
    struct weir_batch *batch = read_batch(contract, a, 10);
    struct weir_entry_id entries[3];
    for (size_t i = 0; i < 3; i++)
        entries[i] = batch->jobs[i].entry;
    contract_factory.delete_entry(contract, entries[0]);
    contract_factory.delete_entry(contract, entries[2]);

    static const enum weir_lease expected[] = {WEIR_LEASE_ENTRY_GONE, WEIR_LEASE_RENEWED, WEIR_LEASE_ENTRY_GONE};
    enum weir_lease leases[3];
    OK(a->ops->renew(a, entries, 3, leases, &last_error));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(leases[i], expected[i]);
    expect_numbered(claim_batch(contract, b, 0), 1, 1);

    batch->jobs[0].entry_gone = batch->jobs[2].entry_gone = true;
    retry_now(a, &batch->jobs[0], 1);
    assert_int_equal(settle(a, &batch->jobs[2], WEIR_VERDICT_BURY), WEIR_SETTLED);
    promote_until(a, 1);
    struct weir_job *again = read_one(contract, a);
    expect_number(again, 0);
    assert_string_equal(weir_job_id(again), ids[0].text);
    assert_string_equal(only_letter(a).number, "2");
}

int run_taking_over_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(a_claim_takes_over_and_counts_each_delivery),
        CONTRACT_TEST(a_claim_leaves_what_is_not_idle_for_long_enough),
        CONTRACT_TEST(a_claim_concerns_one_group),
        CONTRACT_TEST(a_claim_goes_on_where_the_last_one_ended),
        CONTRACT_TEST(a_sweep_passes_what_is_not_eligible),
        CONTRACT_TEST(a_claim_reports_entries_that_were_deleted),
        CONTRACT_TEST(a_job_whose_entry_is_deleted_while_it_runs_can_be_acked),
        CONTRACT_TEST(recover_gives_back_what_this_consumer_held),
        CONTRACT_TEST(recover_takes_what_it_gives),
        CONTRACT_TEST(a_lost_reply_is_not_counted_twice),
        CONTRACT_TEST(recover_leaves_what_is_in_flight_and_goes_on_page_by_page),
        CONTRACT_TEST(recover_begins_after_the_entry_given),
        CONTRACT_TEST(recover_leaves_what_is_idle_for_too_long),
        CONTRACT_TEST(recover_takes_nothing_for_lost_that_was_acked_meanwhile),
        CONTRACT_TEST(recover_reports_entries_that_were_deleted),
        CONTRACT_TEST(a_renewed_lease_is_not_claimed),
        CONTRACT_TEST(a_renewal_tells_what_is_still_owned),
        CONTRACT_TEST(many_leases_are_renewed_in_one_call),
        CONTRACT_TEST(a_renewal_finds_out_that_the_entry_was_deleted),
    };
    return cmocka_run_group_tests_name("taking over", tests, NULL, NULL);
}
