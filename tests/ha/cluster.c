/* SPDX-License-Identifier: MIT
 *
 * A cluster of six nodes: a queue's slot moves, and its primary hangs, is replaced, or dies, under load. A worker and
 * producers go on by themselves within a second of the new primary being able, and nothing that was accepted is lost,
 * since the replica had to confirm it.
 */
#include "load.h"

#include "support/fleet.h"

#include <stdlib.h>
#include <string.h>

enum { RESUME_MS = 1000, ROUNDS = 3 };

static struct cluster cluster;

static int start_cluster(void **state)
{
    (void)state;
    cluster_start(&cluster, 3, true);
    return 0;
}

static int stop_cluster(void **state)
{
    (void)state;
    cluster_stop(&cluster);
    return 0;
}

static void start(struct load *load, const char *stream, int64_t command_timeout_ms)
{
    load_start(load, &(struct load_options){.url = cluster.url,
                                            .stream = stream,
                                            .wait_replicas = 1,
                                            .command_timeout_ms = command_timeout_ms,
                                            .retry_every = 50,
                                            .reject_every = 70});
}

/* Every accepted job was done, and only what was on its way at the time was done again. */
static void finish(struct load *load, const char *what)
{
    struct load_books books = load_finish(load, what);
    assert_int_equal(books.lost, 0);
    assert_int_equal(books.ran_in_vain, 0);
    assert_true(books.repeated * 4 < books.accepted);
}

/* --- slots that move --- */

/* Another primary than these. */
static int other_primary(int a, int b)
{
    int node = 0;
    while (node == a || node == b)
        node++;
    return node;
}

/* So that the keys of the delayed set exist on the side that the slot is moved from. */
static void enqueue_for_later(const char *stream)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = cluster.url;
    options.stream = stream;
    weir_producer *producer = NULL;
    weir_error err;
    weir_enqueue_options later = WEIR_ENQUEUE_OPTIONS_INIT;
    later.delay_ms = 3600000;
    assert_int_equal(weir_producer_open(&producer, &options, &err), WEIR_OK);
    assert_int_equal(weir_enqueue(producer, WEIR_FIELDS(weir_field_text("i", "0")), &later, NULL, &err), WEIR_OK);
    weir_producer_close(producer);
}

static void a_slot_that_moves(void **state)
{
    (void)state;
    int slot = cluster_slot(&cluster, "moves"), first = cluster_owner(&cluster, slot);
    int second = other_primary(first, first), third = other_primary(first, second);
    struct load load;
    enqueue_for_later("moves");
    start(&load, "moves", 0);

    /* as long as work goes on in the middle of it: the stream is here, its side keys are still there */
    cluster_begin_move(&cluster, slot, first, second);
    load_await_progress(&load, 100);
    assert_true(cluster_migrate_key(&cluster, "moves", first, second));
    load_await_progress(&load, 100);
    cluster_end_move_of_rest(&cluster, slot, first, second);
    load_await_progress(&load, 100);

    for (int i = 0; i < 3; i++) {
        cluster_move(&cluster, slot, second, third);
        load_await_progress(&load, 50);
        cluster_move(&cluster, slot, third, second);
        load_await_progress(&load, 50);
    }
    finish(&load, "slot moved seven times");
}

/* --- primaries that go --- */

/*
 * Takes the primary of the stream's slot away. How long work took to go on, from the moment at which the new one could
 * serve: with a job that was enqueued after the fault, or, where the old one is still there (`graceful`), after that
 * moment.
 */
static int64_t replace_primary(struct load *load, int slot, void (*take_away)(int node), bool graceful)
{
    int primary = cluster_owner(&cluster, slot);
    take_away(primary);
    load_mark(load);
    cluster_await_owner(&cluster, slot, primary);
    int64_t able_ms = test_now_ms();
    if (graceful)
        load_mark(load);
    int64_t took_ms = load_await_run(load, able_ms);
    print_message("    went on %lld ms after the new primary could serve\n", (long long)took_ms);
    return took_ms;
}

/* On a machine that is busy with other things: one of a few rounds must be in time. */
static void replace_primary_within(struct load *load, void (*take_away)(int node), bool graceful,
                                   void (*bring_back)(int node))
{
    int slot = cluster_slot(&cluster, load->options.stream);
    for (int round = 1;; round++) {
        int primary = cluster_owner(&cluster, slot);
        int64_t took_ms = replace_primary(load, slot, take_away, graceful);
        bring_back(primary);
        load_await_progress(load, 100);
        cluster_await_calm(&cluster);
        if (took_ms <= test_scaled_ms(RESUME_MS))
            return;
        if (round == ROUNDS)
            fail_msg("%lld ms", (long long)took_ms);
    }
}

static void hang(int node)
{
    test_server_pause(cluster.nodes[node]);
}

static void go_on(int node)
{
    test_server_resume(cluster.nodes[node]);
}

/* Nobody's timeout would end the waiting for it in time: other nodes are asked. */
static void a_primary_that_hangs(void **state)
{
    (void)state;
    struct load load;
    start(&load, "hangs", 600000);
    replace_primary_within(&load, hang, false, go_on);
    finish(&load, "primary hung");
}

static int partner_of(int node)
{
    return node < cluster.n_primaries ? node + cluster.n_primaries : node - cluster.n_primaries;
}

static bool is_replica(void *context)
{
    redisReply *reply = test_server_command(cluster.nodes[*(int *)context], "ROLE");
    bool replica = strcmp(reply->element[0]->str, "slave") == 0;
    freeReplyObject(reply);
    return replica;
}

/* The replica asks for it, and may be refused for the time being; it gives up by itself after 5 s of the server's. */
static void fail_over(int node)
{
    int attempts = 0;
    do {
        if (++attempts == 20)
            test_die("the replica can't take over");
        freeReplyObject(test_server_command(cluster.nodes[partner_of(node)], "CLUSTER FAILOVER"));
    } while (!wait_for(is_replica, &node, 6000));
}

static void leave_it(int node)
{
    (void)node;
}

static void a_primary_that_is_replaced(void **state)
{
    (void)state;
    struct load load;
    start(&load, "replaced", 0);
    replace_primary_within(&load, fail_over, true, leave_it);
    finish(&load, "primary replaced");
}

static void kill_node(int node)
{
    test_server_kill(cluster.nodes[node]);
}

static void restart_node(int node)
{
    test_server_restart(cluster.nodes[node]);
}

static void a_primary_that_dies(void **state)
{
    (void)state;
    struct load load;
    start(&load, "dies", 0);
    replace_primary_within(&load, kill_node, false, restart_node);
    finish(&load, "primary killed");
}

/* --- all the rest --- */

static bool is_down(void *context)
{
    redisReply *reply = test_server_command(cluster.nodes[*(int *)context], "CLUSTER INFO");
    bool down = strstr(reply->str, "cluster_state:fail") != NULL;
    freeReplyObject(reply);
    return down;
}

/* Nodes of other slots are gone, and with them, by the cluster's own rule, the whole. */
static void a_cluster_that_is_down(void **state)
{
    (void)state;
    int slot = cluster_slot(&cluster, "down"), owner = cluster_owner(&cluster, slot);
    int gone = other_primary(owner % cluster.n_primaries, owner % cluster.n_primaries);
    struct load load;
    start(&load, "down", 0);
    kill_node(partner_of(gone));
    kill_node(gone);
    if (!wait_for(is_down, &owner, TEST_TIMEOUT_MS))
        test_die("the cluster does not notice");
    load_mark(&load);
    restart_node(gone);
    restart_node(partner_of(gone));
    cluster_await_calm(&cluster);
    int64_t took_ms = load_await_resumed(&load, test_now_ms());
    print_message("    went on %lld ms after the cluster was up\n", (long long)took_ms);
    load_await_progress(&load, 100);
    finish(&load, "cluster down");
}

/* A stop is bounded although the blocking read is at a node that the acker has no connection to. */
static weir_outcome done(weir_job *job, void *context)
{
    (void)job;
    atomic_fetch_add((atomic_size_t *)context, 1);
    return WEIR_DONE;
}

static bool has_run(void *context)
{
    return atomic_load((atomic_size_t *)context) > 0;
}

static void a_stop_amidst_a_move(void **state)
{
    (void)state;
    int slot = cluster_slot(&cluster, "stops"), from = cluster_owner(&cluster, slot);
    int to = cluster_owner(&cluster, (slot + FLEET_SLOTS / 2) % FLEET_SLOTS);
    atomic_size_t n = 0;
    weir_queue_options options = WEIR_QUEUE_OPTIONS_INIT;
    options.url = cluster.url;
    options.stream = "stops";
    options.handler = done;
    options.user_data = &n;
    options.block_ms = 60000;
    weir_queue *queue = NULL;
    weir_error err;
    assert_int_equal(weir_queue_open(&queue, &options, &err), WEIR_OK);
    cluster_begin_move(&cluster, slot, from, to);
    assert_true(cluster_migrate_key(&cluster, "stops", from, to));
    assert_int_equal(weir_queue_start(queue, &err), WEIR_OK);
    redisReply *asking = test_server_command(cluster.nodes[to], "ASKING");
    freeReplyObject(asking);
    freeReplyObject(test_server_command(cluster.nodes[to], "XADD stops * a b"));
    assert_true(wait_for(has_run, &n, TEST_TIMEOUT_MS));
    int64_t from_ms = test_now_ms();
    assert_int_equal(weir_queue_stop(queue, test_scaled_ms(10000)), WEIR_OK);
    assert_true(test_now_ms() - from_ms < test_scaled_ms(10000));
    weir_queue_close(queue);
    cluster_end_move_of_rest(&cluster, slot, from, to);
}

int main(void)
{
    const struct CMUnitTest quick[] = {
        cmocka_unit_test(a_slot_that_moves),
        cmocka_unit_test(a_stop_amidst_a_move),
        cmocka_unit_test(a_primary_that_dies),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_that_moves),    cmocka_unit_test(a_stop_amidst_a_move),
        cmocka_unit_test(a_primary_that_hangs), cmocka_unit_test(a_primary_that_is_replaced),
        cmocka_unit_test(a_primary_that_dies),  cmocka_unit_test(a_cluster_that_is_down),
    };
    if (getenv("WEIR_TEST_QUICK"))
        return cmocka_run_group_tests(quick, start_cluster, stop_cluster);
    return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
