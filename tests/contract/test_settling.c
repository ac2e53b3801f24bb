/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define NUMBERED(text) WEIR_FIELDS(weir_field_text("n", text))

/* --- ack --- */

static void an_acked_job_does_not_come_back(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 3, NULL);
    struct weir_batch *batch = read_batch(contract, session, 10);
    assert_int_equal(settle(session, &batch->jobs[1], WEIR_VERDICT_ACK), WEIR_SETTLED);

    batch = claim_batch(contract, session, 0);
    assert_int_equal(batch->n, 2);
    expect_number(&batch->jobs[0], 0);
    expect_number(&batch->jobs[1], 2);
    settle_all(session, batch, WEIR_VERDICT_ACK);
    assert_int_equal(claim_batch(contract, session, 0)->n, 0);
    assert_int_equal(recover_batch(contract, session)->n, 0);
    assert_int_equal(read_batch(contract, session, 10)->n, 0);
    assert_int_equal(promote(session, NULL), 0);
    assert_int_equal(count_dead(session), 0);
}

/* As after a lost connection. */
static void acking_again_is_harmless(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 2, NULL);
    struct weir_batch *batch = read_batch(contract, session, 10);
    settle(session, &batch->jobs[0], WEIR_VERDICT_ACK);
    assert_int_not_equal(settle(session, &batch->jobs[0], WEIR_VERDICT_ACK), WEIR_UNSETTLED);
    expect_number(claim_one(contract, session), 1);
}

static void a_job_that_is_done_is_done_whoever_holds_it_now(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, 1, NULL);
    struct weir_job *job = read_one(contract, a);
    claim_one(contract, b);
    assert_int_not_equal(settle(a, job, WEIR_VERDICT_ACK), WEIR_UNSETTLED);
    assert_int_equal(claim_batch(contract, b, 0)->n, 0);
}

static void many_jobs_are_acked_in_one_call(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *other = worker(contract, "h", "c");
    add_numbered(session, 0, 2500, NULL);
    settle_all(session, read_batch(contract, session, 2500), WEIR_VERDICT_ACK);
    assert_int_equal(claim_batch(contract, session, 0)->n, 0);
    expect_numbered(read_batch(contract, other, 2500), 0, 2500);
}

static size_t entries_left(struct contract *contract)
{
    static unsigned n;
    char group[32];
    snprintf(group, sizeof group, "count-%u", n++);
    return read_batch(contract, worker(contract, group, "c"), 100000)->n;
}

static void delete_on_ack_leaves_nothing_where_there_is_one_group(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker_that_keeps(contract, "g", "c", WEIR_DELETE_ON_ACK);
    add_numbered(session, 0, 5, NULL);
    struct weir_batch *batch = read_batch(contract, session, 3);
    batch->n = 2;
    settle_all(session, batch, WEIR_VERDICT_ACK);
    batch->n = 3;
    assert_int_equal(entries_left(contract), 3);
    expect_number(claim_one(contract, session), 2);
    expect_numbered(read_batch(contract, session, 10), 3, 2);
}

static void delete_on_ack_waits_for_other_groups(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker_that_keeps(contract, "g", "c", WEIR_DELETE_ON_ACK);
    struct weir_session *other = worker(contract, "h", "c");
    add_numbered(session, 0, 3, NULL);
    settle_all(session, read_batch(contract, session, 10), WEIR_VERDICT_ACK);
    assert_int_equal(claim_batch(contract, session, 0)->n, 0);
    expect_numbered(read_batch(contract, other, 10), 0, 3);
}

static void other_retentions_keep_acked_entries(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker_that_keeps(contract, "g", "c", WEIR_KEEP_UNFINISHED);
    add_numbered(session, 0, 3, NULL);
    settle_all(session, read_batch(contract, session, 10), WEIR_VERDICT_ACK);
    assert_int_equal(entries_left(contract), 3);
}

/* --- retry --- */

static void a_retried_job_comes_back_as_itself(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    const weir_fields *fields =
        WEIR_FIELDS(weir_field_text("b", "2"), weir_field_text("a", "1"), weir_field_text("b", ""));
    weir_enqueue_options own_id = WEIR_ENQUEUE_OPTIONS_INIT;
    own_id.id = "mine";

    for (int has_own_id = 0; has_own_id < 2; has_own_id++) {
        weir_id id = add_job(session, fields, has_own_id ? &own_id : NULL);
        struct weir_job *job = read_one(contract, session);
        int64_t enqueued_ms = job->enqueued_ms;
        pass_time_since_enqueued(job);
        for (uint32_t attempts = 1; attempts <= 3; attempts++) {
            struct weir_entry_id entry = job->entry;
            retry_now(session, job, attempts);
            assert_int_equal(claim_batch(contract, session, 0)->n, 0);
            assert_int_equal(read_batch(contract, session, 10)->n, 0);
            promote_until(session, 1);

            job = read_one(contract, session);
            assert_true(weir_entry_id_compare(job->entry, entry) > 0);
            assert_string_equal(weir_job_id(job), id.text);
            assert_int_equal(job->attempts, attempts);
            assert_int_equal(job->deliveries, 1);
            assert_int_equal(job->enqueued_ms, enqueued_ms);
            assert_int_equal(job->group_len, 1);
            assert_memory_equal(job->group, "g", 1);
            expect_fields(&job->fields, fields);
        }
        settle(session, job, WEIR_VERDICT_ACK);
    }
}

static void a_retry_waits_for_its_delay(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 1, NULL);
    struct weir_job *job = read_one(contract, session);
    job->retry_delay_ms = HOUR_MS;
    job->attempts = 1;
    assert_int_equal(settle(session, job, WEIR_VERDICT_RETRY), WEIR_SETTLED);
    int64_t next_ms;
    assert_int_equal(promote(session, &next_ms), 0);
    assert_in_range(next_ms, HOUR_MS - LONG_MS, HOUR_MS);
}

/* A job that came back without a failure, as after a lost connection, has no attempts to tell of. */
static void a_retry_without_attempts_has_none(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 1, NULL);
    retry_now(session, read_one(contract, session), 0);
    promote_until(session, 1);
    assert_int_equal(read_one(contract, session)->attempts, 0);
}

/* The other groups get to see it, and acknowledge it unseen. */
static void a_retry_tells_whom_it_concerns(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "failing group", "c"), *b = worker(contract, "h", "c");
    add_numbered(a, 0, 1, NULL);
    read_one(contract, b);
    retry_now(a, read_one(contract, a), 1);
    promote_until(b, 1);
    struct weir_job *seen_by_b = read_one(contract, b);
    assert_int_equal(seen_by_b->group_len, strlen("failing group"));
    assert_memory_equal(seen_by_b->group, "failing group", seen_by_b->group_len);
    assert_int_equal(read_one(contract, a)->group_len, strlen("failing group"));
}

static void groups_that_retry_the_same_entry_both_get_it_back(void **state)
{
    struct contract *contract = *state;
    const char *const groups[] = {"g0", "g1", "g2"};
    struct weir_session *sessions[3];
    for (size_t i = 0; i < 3; i++)
        sessions[i] = worker(contract, groups[i], "c");
    weir_id id;
    add_numbered(sessions[0], 7, 1, &id);
    for (size_t i = 0; i < 3; i++)
        retry_now(sessions[i], read_one(contract, sessions[i]), (uint32_t)i + 1);
    promote_until(sessions[0], 3);

    bool seen[3] = {false};
    struct weir_batch *batch = read_batch(contract, sessions[0], 10);
    assert_int_equal(batch->n, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct weir_job *job = &batch->jobs[i];
        assert_string_equal(weir_job_id(job), id.text);
        expect_number(job, 7);
        assert_int_equal(job->group_len, 2);
        size_t group = (size_t)(job->group[1] - '0');
        assert_int_equal(job->attempts, group + 1);
        seen[group] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
}

static void jobs_with_the_same_id_both_survive_a_retry(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = "same";
    add_job(session, NUMBERED("0"), &options);
    add_job(session, NUMBERED("1"), &options);
    struct weir_batch *batch = read_batch(contract, session, 10);
    assert_int_equal(batch->n, 2);
    for (size_t i = 0; i < 2; i++)
        retry_now(session, &batch->jobs[i], 1);
    promote_until(session, 2);

    batch = read_batch(contract, session, 10);
    assert_int_equal(batch->n, 2);
    bool seen[2] = {false};
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(weir_job_id(&batch->jobs[i]), "same");
        seen[weir_job_field(&batch->jobs[i], "n", NULL)[0] - '0'] = true;
    }
    assert_true(seen[0] && seen[1]);
}

static void a_retry_does_not_reserve_its_id(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = "x";
    add_job(session, NUMBERED("0"), &options);
    retry_now(session, read_one(contract, session), 1);
    options.run_at_ms = 1;
    add_job(session, NUMBERED("1"), &options);
    promote_until(session, 2);
    assert_int_equal(read_batch(contract, session, 10)->n, 2);
}

/* --- bury --- */

static void a_buried_job_keeps_its_story(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "the group", "c");
    weir_enqueue_options own_id = WEIR_ENQUEUE_OPTIONS_INIT;
    own_id.id = "mine";
    static const struct {
        weir_dead_reason reason;
        const char *reason_text, *error, *stored_error;
    } deaths[] = {
        {WEIR_DEAD_EXHAUSTED, "exhausted", "it said: 100 %s", "it said: 100 %s"},
        {WEIR_DEAD_CRASHED, "crashed", NULL, ""},
        {WEIR_DEAD_REJECTED, "rejected", "line\nline", "line\nline"},
        {WEIR_DEAD_UNDECODABLE, "undecodable", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(deaths); i++) {
        weir_id id = add_job(session, NUMBERED("5"), i % 2 ? &own_id : NULL);
        read_batch(contract, session, 10);
        struct weir_job *job = claim_one(contract, session);
        job->attempts = 3;
        job->reason = deaths[i].reason;
        if (deaths[i].error)
            weir_job_set_error(job, deaths[i].error);
        assert_int_equal(settle(session, job, WEIR_VERDICT_BURY), WEIR_SETTLED);
        assert_int_equal(claim_batch(contract, session, 0)->n, 0);
        assert_int_equal(promote(session, NULL), 0);

        struct letter letter = only_letter(session);
        assert_string_equal(letter.job_id, id.text);
        assert_string_equal(letter.entry_id, weir_job_entry_id(job));
        assert_string_equal(letter.group, "the group");
        assert_int_equal(letter.reason, deaths[i].reason);
        assert_string_equal(letter.reason_text, deaths[i].reason_text);
        assert_string_equal(letter.error, deaths[i].stored_error);
        assert_int_equal(letter.attempts, 3);
        assert_int_equal(letter.deliveries, 2);
        assert_int_equal(letter.first_enqueued_ms, job->enqueued_ms);
        assert_int_equal(letter.n_fields, 1);
        assert_string_equal(letter.number, "5");
        OK(session->ops->dead_delete(session, letter.id, &last_error));
    }
}

static void a_job_that_died_after_a_retry_has_its_first_id(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_id id;
    add_numbered(session, 0, 1, &id);
    struct weir_job *job = read_one(contract, session);
    int64_t enqueued_ms = job->enqueued_ms;
    pass_time_since_enqueued(job);
    retry_now(session, job, 1);
    promote_until(session, 1);
    job = read_one(contract, session);
    assert_int_equal(settle(session, job, WEIR_VERDICT_BURY), WEIR_SETTLED);

    struct letter letter = only_letter(session);
    assert_string_equal(letter.job_id, id.text);
    assert_string_equal(letter.entry_id, weir_job_entry_id(job));
    assert_string_not_equal(letter.entry_id, id.text);
    assert_int_equal(letter.attempts, 1);
    assert_int_equal(letter.first_enqueued_ms, enqueued_ms);
}

static void a_lost_payload_is_buried_though_nothing_is_pending(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 1, NULL);
    contract_factory.delete_entry(contract, read_one(contract, session)->entry);
    struct weir_job *job = claim_one(contract, session);
    assert_true(job->payload_lost);
    job->reason = WEIR_DEAD_PAYLOAD_LOST;
    assert_int_equal(settle(session, job, WEIR_VERDICT_BURY), WEIR_SETTLED);
    assert_int_equal(claim_batch(contract, session, 0)->n, 0);
    assert_int_equal(recover_batch(contract, session)->n, 0);

    struct letter letter = only_letter(session);
    assert_int_equal(letter.reason, WEIR_DEAD_PAYLOAD_LOST);
    assert_int_equal(letter.n_fields, 0);
    assert_string_equal(letter.entry_id, weir_job_entry_id(job));
    assert_string_equal(letter.job_id, weir_job_entry_id(job));
    assert_string_equal(letter.group, "g");
}

/* --- release --- */

static void a_released_job_is_claimable_at_once_and_was_not_delivered(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    add_numbered(a, 0, 2, NULL);
    struct weir_batch *batch = read_batch(contract, a, 10);
    assert_int_equal(claim_batch(contract, b, HOUR_MS)->n, 0);
    assert_int_equal(settle(a, &batch->jobs[1], WEIR_VERDICT_RELEASE), WEIR_SETTLED);

    struct weir_session *sessions[] = {b, a, b};
    for (size_t i = 0; i < COUNT_OF(sessions); i++) {
        batch = claim_batch(contract, sessions[i], HOUR_MS);
        expect_numbered(batch, 1, 1);
        assert_int_equal(batch->jobs[0].deliveries, 1);
        assert_int_equal(batch->jobs[0].attempts, 0);
        assert_int_equal(settle(sessions[i], &batch->jobs[0], WEIR_VERDICT_RELEASE), WEIR_SETTLED);
    }
    assert_int_equal(read_batch(contract, b, 10)->n, 0);
}

static void a_release_takes_back_its_own_delivery_only(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 1, NULL);
    read_one(contract, session);
    for (uint32_t deliveries = 2; deliveries < 5; deliveries++)
        assert_int_equal(claim_one(contract, session)->deliveries, deliveries);
    struct weir_job *job = claim_one(contract, session);
    assert_int_equal(job->deliveries, 5);
    settle(session, job, WEIR_VERDICT_RELEASE);
    job = claim_one(contract, session);
    assert_int_equal(job->deliveries, 5);

    /* releasing without end never goes below nothing */
    for (int i = 0; i < 8; i++)
        settle(session, job, WEIR_VERDICT_RELEASE);
    assert_int_equal(claim_one(contract, session)->deliveries, 1);
}

/* --- ownership --- */

static void nobody_settles_what_another_consumer_took_over(void **state)
{
    struct contract *contract = *state;
    struct weir_session *a = worker(contract, "g", "a"), *b = worker(contract, "g", "b");
    static const enum weir_verdict verdicts[] = {WEIR_VERDICT_RETRY, WEIR_VERDICT_BURY, WEIR_VERDICT_RELEASE};
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        add_numbered(a, 0, 1, NULL);
        struct weir_job *lost = read_one(contract, a);
        struct weir_job *owned = claim_one(contract, b);
        assert_int_equal(settle(a, lost, verdicts[i]), WEIR_SETTLED_NOT_OWNED);

        /* nothing was done: it is where it was, as idle and as often delivered as before */
        assert_int_equal(promote(a, NULL), 0);
        assert_int_equal(count_dead(a), 0);
        assert_int_equal(claim_batch(contract, a, HOUR_MS)->n, 0);
        assert_int_equal(recover_batch(contract, a)->n, 0);
        struct weir_batch *batch = claim_batch(contract, b, 0);
        assert_int_equal(batch->n, 1);
        assert_int_equal(batch->jobs[0].deliveries, owned->deliveries + 1);

        assert_int_equal(settle(b, owned, WEIR_VERDICT_ACK), WEIR_SETTLED);
        assert_int_equal(claim_batch(contract, b, 0)->n, 0);
    }
}

static void nothing_is_settled_twice(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    static const enum weir_verdict verdicts[] = {WEIR_VERDICT_RETRY, WEIR_VERDICT_BURY, WEIR_VERDICT_RELEASE};
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        add_numbered(session, 0, 1, NULL);
        struct weir_job *job = read_one(contract, session);
        settle(session, job, WEIR_VERDICT_ACK);
        assert_int_equal(settle(session, job, verdicts[i]), WEIR_SETTLED_NOT_OWNED);
    }
    assert_int_equal(promote(session, NULL), 0);
    assert_int_equal(count_dead(session), 0);

    add_numbered(session, 0, 1, NULL);
    struct weir_job *job = read_one(contract, session);
    assert_int_equal(settle(session, job, WEIR_VERDICT_BURY), WEIR_SETTLED);
    assert_int_equal(settle(session, job, WEIR_VERDICT_BURY), WEIR_SETTLED_NOT_OWNED);
    assert_int_equal(settle(session, job, WEIR_VERDICT_RETRY), WEIR_SETTLED_NOT_OWNED);
    assert_int_equal(count_dead(session), 1);
    assert_int_equal(promote(session, NULL), 0);
}

static void what_is_settled_is_left_alone(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 2, NULL);
    struct weir_batch *batch = read_batch(contract, session, 10);
    settle(session, &batch->jobs[0], WEIR_VERDICT_BURY);

    /* the list again, as after a failure half-way */
    batch->jobs[0].next = &batch->jobs[1];
    batch->jobs[1].verdict = WEIR_VERDICT_BURY;
    OK(session->ops->settle(session, &batch->jobs[0], &last_error));
    assert_int_equal(batch->jobs[0].settled, WEIR_SETTLED);
    assert_int_equal(batch->jobs[1].settled, WEIR_SETTLED);
    assert_int_equal(count_dead(session), 2);
}

/* As after FLUSHALL: what was pending is so no more, and outcomes must not be kept for ever. */
static void what_no_group_holds_is_not_owned(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    struct weir_broker_config config = config_of(contract, "missing", "c");
    struct weir_session *without_group = open_session(contract, &config);
    OK(without_group->ops->connect(without_group, &last_error));
    add_numbered(session, 0, 1, NULL);
    struct weir_job *job = read_one(contract, session);
    assert_int_equal(settle(without_group, job, WEIR_VERDICT_ACK), WEIR_SETTLED);
    assert_int_equal(settle(without_group, job, WEIR_VERDICT_RETRY), WEIR_SETTLED_NOT_OWNED);
    assert_int_equal(settle(without_group, job, WEIR_VERDICT_RELEASE), WEIR_SETTLED_NOT_OWNED);
    assert_int_equal(settle(without_group, job, WEIR_VERDICT_BURY), WEIR_SETTLED_NOT_OWNED);
    assert_int_equal(count_dead(session), 0);
    assert_int_equal(promote(session, NULL), 0);
    expect_number(claim_one(contract, session), 0);
}

/* A restarted process with the same name is the same consumer. */
static void a_consumer_is_its_name(void **state)
{
    struct contract *contract = *state;
    struct weir_session *before = worker(contract, "g", "c"), *after = worker(contract, "g", "c");
    add_numbered(before, 0, 1, NULL);
    struct weir_job *job = read_one(contract, before);
    assert_int_equal(settle(after, job, WEIR_VERDICT_BURY), WEIR_SETTLED);
}

static void a_list_of_all_verdicts_is_carried_out_one_by_one(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *other = worker(contract, "g", "d");
    add_numbered(session, 0, 10, NULL);
    struct weir_batch *batch = read_batch(contract, session, 10);
    struct weir_entry_id cursor = batch->jobs[8].entry;
    struct weir_batch *taken = new_batch(contract);
    OK(other->ops->claim(other, &cursor, 0, 10, taken, &last_error));
    expect_numbered(taken, 8, 2);

    static const enum weir_verdict verdicts[] = {WEIR_VERDICT_RETRY, WEIR_VERDICT_ACK, WEIR_VERDICT_BURY,
                                                 WEIR_VERDICT_RELEASE};
    for (size_t i = 0; i < 10; i++) {
        batch->jobs[i].verdict = i < 8 ? verdicts[i % 4] : WEIR_VERDICT_RETRY;
        batch->jobs[i].next = i < 9 ? &batch->jobs[i + 1] : NULL;
    }
    OK(session->ops->settle(session, &batch->jobs[0], &last_error));
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(batch->jobs[i].settled, i < 8 ? WEIR_SETTLED : WEIR_SETTLED_NOT_OWNED);

    assert_int_equal(count_dead(session), 2);
    promote_until(session, 2);
    assert_int_equal(read_batch(contract, session, 10)->n, 2);
    struct weir_batch *released = claim_batch(contract, other, HOUR_MS);
    assert_int_equal(released->n, 2);
    expect_number(&released->jobs[0], 3);
    expect_number(&released->jobs[1], 7);
}

int run_settling_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(an_acked_job_does_not_come_back),
        CONTRACT_TEST(acking_again_is_harmless),
        CONTRACT_TEST(a_job_that_is_done_is_done_whoever_holds_it_now),
        CONTRACT_TEST(many_jobs_are_acked_in_one_call),
        CONTRACT_TEST(delete_on_ack_leaves_nothing_where_there_is_one_group),
        CONTRACT_TEST(delete_on_ack_waits_for_other_groups),
        CONTRACT_TEST(other_retentions_keep_acked_entries),
        CONTRACT_TEST(a_retried_job_comes_back_as_itself),
        CONTRACT_TEST(a_retry_waits_for_its_delay),
        CONTRACT_TEST(a_retry_without_attempts_has_none),
        CONTRACT_TEST(a_retry_tells_whom_it_concerns),
        CONTRACT_TEST(groups_that_retry_the_same_entry_both_get_it_back),
        CONTRACT_TEST(jobs_with_the_same_id_both_survive_a_retry),
        CONTRACT_TEST(a_retry_does_not_reserve_its_id),
        CONTRACT_TEST(a_buried_job_keeps_its_story),
        CONTRACT_TEST(a_job_that_died_after_a_retry_has_its_first_id),
        CONTRACT_TEST(a_lost_payload_is_buried_though_nothing_is_pending),
        CONTRACT_TEST(a_released_job_is_claimable_at_once_and_was_not_delivered),
        CONTRACT_TEST(a_release_takes_back_its_own_delivery_only),
        CONTRACT_TEST(nobody_settles_what_another_consumer_took_over),
        CONTRACT_TEST(nothing_is_settled_twice),
        CONTRACT_TEST(what_is_settled_is_left_alone),
        CONTRACT_TEST(what_no_group_holds_is_not_owned),
        CONTRACT_TEST(a_consumer_is_its_name),
        CONTRACT_TEST(a_list_of_all_verdicts_is_carried_out_one_by_one),
    };
    return cmocka_run_group_tests_name("settling", tests, NULL, NULL);
}
