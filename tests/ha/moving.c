/* SPDX-License-Identifier: MIT
 *
 * What each operation of the broker does in the middle of a slot's move, step by step: keys that are still where they
 * were, keys that have gone over, and scripts whose keys are on both sides.
 */
#include "contract/contract.h"

#include "base/clock.h"
#include "support/fleet.h"

#include <string.h>

static struct cluster cluster;

static int start(void)
{
    cluster_start(&cluster, 3, false);
    return 0;
}

static void stop(void)
{
    cluster_stop(&cluster);
}

static void fresh_url(char *out, size_t size)
{
    snprintf(out, size, "%s", cluster.url);
}

const struct contract_factory contract_factory = {&weir_redis_broker_ops, start, stop, fresh_url, NULL, NULL};

/* --- one move --- */

struct move {
    int slot, from, to;
};

static struct move begin_move(const struct contract *contract)
{
    struct move move = {.slot = cluster_slot(&cluster, contract->stream)};
    move.from = cluster_owner(&cluster, move.slot);
    move.to = (move.from + 1) % cluster.n_primaries;
    cluster_begin_move(&cluster, move.slot, move.from, move.to);
    return move;
}

static void move_key(const struct move *move, const struct contract *contract, const char *suffix)
{
    char key[128];
    snprintf(key, sizeof key, *suffix ? "{%s}%s" : "%s%s", contract->stream, suffix);
    assert_true(cluster_migrate_key(&cluster, key, move->from, move->to));
}

static void end_move(const struct move *move)
{
    cluster_end_move_of_rest(&cluster, move->slot, move->from, move->to);
}

static void flush_scripts(void)
{
    for (int i = 0; i < cluster.n_nodes; i++)
        freeReplyObject(test_server_command(cluster.nodes[i], "SCRIPT FLUSH"));
}

/* A job that has been read. */
static struct weir_job *read_a_job(struct contract *contract, struct weir_session *session, const char *n)
{
    add_job(session, WEIR_FIELDS(weir_field_text("n", n)), NULL);
    return read_one(contract, session);
}

static weir_status settle_status(struct weir_session *session, struct weir_job *job, enum weir_verdict verdict)
{
    job->next = NULL;
    job->verdict = verdict;
    job->settled = WEIR_UNSETTLED;
    return session->ops->settle(session, job, &last_error);
}

/* --- the stream has gone over --- */

/* All that concerns the stream alone goes on, on either side of the move, scripts included. */
static void the_stream_alone(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    struct weir_job *first = read_a_job(contract, session, "1"), *second = read_a_job(contract, session, "2");
    flush_scripts();
    struct move move = begin_move(contract);
    move_key(&move, contract, "");

    for (int round = 0; round < 2; round++) { /* amidst the move, and after it */
        struct weir_entry_id entries[2] = {first->entry, second->entry};
        enum weir_lease leases[2];
        OK(session->ops->renew(session, entries, 2, leases, &last_error));
        assert_int_equal(leases[0], WEIR_LEASE_RENEWED);
        assert_int_equal(leases[1], WEIR_LEASE_RENEWED);
        bool created = true;
        OK(session->ops->create_group(session, "0", &created, &last_error));
        assert_false(created);
        add_numbered(session, 10, 300, NULL);
        struct weir_batch *batch = read_batch(contract, session, 1000);
        expect_numbered(batch, 10, 300);
        settle_all(session, batch, WEIR_VERDICT_ACK);
        assert_int_equal(recover_batch(contract, session)->n, 2);
        assert_int_equal(claim_batch(contract, session, 0)->n, 2);
        assert_int_equal(settle(session, first, WEIR_VERDICT_RELEASE), WEIR_SETTLED);
        size_t removed;
        OK(session->ops->trim(session, 0, 10000, &removed, &last_error));
        OK(session->ops->reap(session, 3600000, &removed, &last_error));
        if (round == 0)
            end_move(&move);
    }
    assert_int_equal(settle(session, first, WEIR_VERDICT_ACK), WEIR_SETTLED);
    assert_int_equal(settle(session, second, WEIR_VERDICT_ACK), WEIR_SETTLED);
    assert_int_equal(recover_batch(contract, session)->n, 0);
}

/* A script whose keys are apart is not run anywhere; it is once they are together again. */
static void scripts_with_keys_on_both_sides(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    struct weir_job *retried = read_a_job(contract, session, "1"), *buried = read_a_job(contract, session, "2");
    struct move move = begin_move(contract);
    move_key(&move, contract, "");
    for (int i = 0; i < 2; i++) {
        FAILS(WEIR_ERR_UNAVAILABLE, settle_status(session, retried, WEIR_VERDICT_RETRY));
        assert_non_null(strstr(last_error.server, "TRYAGAIN"));
        assert_int_equal(retried->settled, WEIR_UNSETTLED);
        FAILS(WEIR_ERR_UNAVAILABLE, settle_status(session, buried, WEIR_VERDICT_BURY));
        assert_int_equal(buried->settled, WEIR_UNSETTLED);
        assert_true(session->ops->connected(session));
    }
    assert_int_equal(recover_batch(contract, session)->n, 2); /* still there, and ours */
    end_move(&move);
    assert_int_equal(settle(session, retried, WEIR_VERDICT_RETRY), WEIR_SETTLED);
    assert_int_equal(settle(session, buried, WEIR_VERDICT_BURY), WEIR_SETTLED);
    promote_until(session, 1);
    expect_number(read_one(contract, session), 1);
    assert_int_equal(count_dead(session), 1);
}

/* Those that work and those that don't, in one round trip: each gets its own answer. */
static void verdicts_of_all_kinds_at_once(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 40, NULL);
    struct weir_batch *batch = read_batch(contract, session, 100);
    struct move move = begin_move(contract);
    move_key(&move, contract, "");
    static const enum weir_verdict verdicts[] = {WEIR_VERDICT_ACK, WEIR_VERDICT_RETRY, WEIR_VERDICT_BURY,
                                                 WEIR_VERDICT_RELEASE};
    for (size_t i = 0; i < batch->n; i++) {
        batch->jobs[i].verdict = verdicts[i % 4];
        batch->jobs[i].settled = WEIR_UNSETTLED;
        batch->jobs[i].next = i + 1 < batch->n ? &batch->jobs[i + 1] : NULL;
    }
    FAILS(WEIR_ERR_UNAVAILABLE, session->ops->settle(session, batch->jobs, &last_error));
    for (size_t i = 0; i < batch->n; i++)
        assert_int_equal(batch->jobs[i].settled, i % 4 == 0 || i % 4 == 3 ? WEIR_SETTLED : WEIR_UNSETTLED);
    end_move(&move);
    OK(session->ops->settle(session, batch->jobs, &last_error));
    for (size_t i = 0; i < batch->n; i++)
        assert_int_equal(batch->jobs[i].settled, WEIR_SETTLED);
    assert_int_equal(count_dead(session), 10);
    promote_until(session, 10);
    assert_int_equal(read_batch(contract, session, 100)->n, 10);
}

/* --- the side keys have not --- */

/* What asks for a key that is still where it was must not be told that there is none. */
static void side_keys_that_are_still_there(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    settle(session, read_a_job(contract, session, "1"), WEIR_VERDICT_BURY);
    retry_now(session, read_a_job(contract, session, "2"), 1);
    bool changed, paused = false, any_delayed = false;
    OK(session->ops->set_paused(session, true, &changed, &last_error));
    struct move move = begin_move(contract);
    move_key(&move, contract, "");
    assert_int_equal(count_dead(session), 1);
    struct letter letter = only_letter(session);
    assert_string_equal(letter.number, "1");

    /* the delayed set takes more, since both of its keys are there */
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.run_at_ms = 1;
    add_job(session, WEIR_FIELDS(weir_field_text("n", "3")), &delayed);
    size_t moved = 0;
    int64_t next_ms;
    FAILS(WEIR_ERR_UNAVAILABLE, session->ops->promote(session, 10, &moved, &next_ms, &last_error));
    assert_int_equal(moved, 0);

    for (int round = 0; round < 2; round++) {
        OK(session->ops->look(session, &paused, &any_delayed, &last_error));
        assert_true(paused && any_delayed);
        if (round == 0)
            move_key(&move, contract, ":paused");
    }
    OK(session->ops->set_paused(session, false, &changed, &last_error));
    OK(session->ops->look(session, &paused, &any_delayed, &last_error));
    assert_true(any_delayed && !paused);

    /* the dead stream follows, and is found there */
    move_key(&move, contract, ":dead");
    assert_int_equal(count_dead(session), 1);
    OK(session->ops->dead_requeue(session, letter.id, &last_error));
    assert_int_equal(count_dead(session), 0);
    end_move(&move);
    promote_until(session, 2);
    assert_int_equal(read_batch(contract, session, 10)->n, 3);
}

/* Refused for now, not added, and marked so that the producer tries again. */
static void a_delayed_job_without_its_keys(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = producer(contract);
    struct move move = begin_move(contract);
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.run_at_ms = 1;
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("n", "1"));
    struct weir_broker_add adds[2] = {{.fields = fields, .options = &delayed}, {.fields = fields}};
    FAILS(WEIR_ERR_UNAVAILABLE, session->ops->add(session, adds, 2, &last_error));
    assert_int_equal(adds[0].status, WEIR_ERR_UNAVAILABLE);
    assert_true(adds[0].later);
    assert_int_equal(adds[1].status, WEIR_OK);
    assert_false(adds[1].later);
    end_move(&move);
    OK(session->ops->add(session, adds, 1, &last_error));
    struct weir_session *other = worker(contract, "g", "c");
    promote_until(other, 1);
    assert_int_equal(read_batch(contract, other, 10)->n, 2);
}

/* --- waiting meanwhile --- */

/* A read that waits on the server while the stream leaves it ends, and the next one waits where the stream is. */
static void a_blocking_read(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *adder = producer(contract);
    struct weir_batch *batch = new_batch(contract);
    OK(session->ops->read_submit(session, 10, LONG_MS, &last_error));
    struct move move = begin_move(contract);
    move_key(&move, contract, "");
    weir_status status = session->ops->read_collect(session, batch, &last_error);
    assert_true(status == WEIR_OK || status == WEIR_ERR_NO_GROUP);
    assert_int_equal(batch->n, 0);
    bool created = true;
    OK(session->ops->create_group(session, "0", &created, &last_error));
    assert_false(created);

    for (int round = 0; round < 2; round++) {
        OK(session->ops->read_submit(session, 10, LONG_MS, &last_error));
        add_numbered(adder, 1, 1, NULL);
        weir_batch_reset(batch, 0);
        OK(session->ops->read_collect(session, batch, &last_error));
        expect_numbered(batch, 1, 1);
        if (round == 0)
            end_move(&move);
    }
}

static void wake(void *context)
{
    struct weir_session *session = context;
    session->ops->wake(session);
}

/* One that waits aside can be woken, and goes on waiting for the same answer. */
static void a_blocking_read_that_is_woken(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *adder = producer(contract);
    struct weir_batch *batch = new_batch(contract);
    struct move move = begin_move(contract);
    move_key(&move, contract, "");
    OK(session->ops->read_submit(session, 10, LONG_MS, &last_error));
    struct side_thread *thread = run_beside(wake, session);
    FAILS(WEIR_ERR_STOPPED, session->ops->read_collect(session, batch, &last_error));
    side_thread_join(thread);
    session->ops->unwake(session);
    add_numbered(adder, 1, 1, NULL);
    OK(session->ops->read_collect(session, batch, &last_error));
    expect_numbered(batch, 1, 1);
    end_move(&move);
}

/* Many commands on their way when the slot goes: each is answered once, in its order. */
static void a_pipeline_that_is_overtaken(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *adder = producer(contract);
    add_numbered(adder, 0, 1, NULL);
    struct move move = begin_move(contract);
    end_move(&move); /* the adder is connected to the old node */
    add_numbered(adder, 1, 5000, NULL);
    add_numbered(adder, 5001, 5000, NULL);
    size_t n = 0;
    for (struct weir_batch *batch; n < 10001; n += batch->n) {
        batch = read_batch(contract, session, 1000);
        expect_numbered(batch, n, batch->n);
        settle_all(session, batch, WEIR_VERDICT_ACK);
    }
    assert_int_equal(n, 10001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(the_stream_alone),
        CONTRACT_TEST(scripts_with_keys_on_both_sides),
        CONTRACT_TEST(verdicts_of_all_kinds_at_once),
        CONTRACT_TEST(side_keys_that_are_still_there),
        CONTRACT_TEST(a_delayed_job_without_its_keys),
        CONTRACT_TEST(a_blocking_read),
        CONTRACT_TEST(a_blocking_read_that_is_woken),
        CONTRACT_TEST(a_pipeline_that_is_overtaken),
    };
    start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop();
    return failed;
}
