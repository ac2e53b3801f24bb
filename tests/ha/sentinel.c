/* SPDX-License-Identifier: MIT
 *
 * Behind sentinels: the primary hangs, is replaced, or dies, and a worker and producers go on by themselves within a
 * second of the new one being able. Nothing that was accepted is lost, since replicas had to confirm it.
 */
#include "load.h"

#include "support/fleet.h"

#include <stdlib.h>
#include <string.h>

enum { RESUME_MS = 1000, ROUNDS = 3 };

static struct fleet fleet;

static int start_fleet(void **state)
{
    (void)state;
    fleet_start(&fleet, 2, FLEET_SENTINELS);
    return 0;
}

static int stop_fleet(void **state)
{
    (void)state;
    fleet_stop(&fleet);
    return 0;
}

static void start(struct load *load, const char *stream, int64_t command_timeout_ms)
{
    load_start(load, &(struct load_options){.url = fleet.url,
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

/*
 * Takes the primary away. How long work took to go on, from the moment at which the new one could serve: with a job
 * that was enqueued after the fault, or, where the old one is still there (`graceful`), after that moment.
 */
static int64_t replace_primary(struct load *load, void (*take_away)(struct test_server *), bool graceful)
{
    int primary = fleet_primary(&fleet);
    take_away(fleet.nodes[primary]);
    load_mark(load);
    fleet_await_primary(&fleet, primary);
    int64_t able_ms = test_now_ms();
    if (graceful)
        load_mark(load);
    int64_t took_ms = load_await_resumed(load, able_ms);
    print_message("    went on %lld ms after the new primary could serve\n", (long long)took_ms);
    return took_ms;
}

/* On a machine that is busy with other things: one of a few rounds must be in time. */
static void replace_primary_within(struct load *load, void (*take_away)(struct test_server *), bool graceful,
                                   void (*bring_back)(struct test_server *))
{
    for (int round = 1;; round++) {
        int primary = fleet_primary(&fleet);
        int64_t took_ms = replace_primary(load, take_away, graceful);
        load_await_progress(load, 100);
        bring_back(fleet.nodes[primary]);
        load_await_progress(load, 100);
        if (took_ms <= test_scaled_ms(RESUME_MS))
            return;
        if (round == ROUNDS)
            fail_msg("%lld ms", (long long)took_ms);
        fleet_await_calm(&fleet, 2);
    }
}

/* Nobody's timeout would end the waiting for it in time: the sentinels are asked. It comes back as what it was. */
static void a_primary_that_hangs(void **state)
{
    (void)state;
    struct load load;
    start(&load, "hangs", 600000);
    replace_primary_within(&load, test_server_pause, false, test_server_resume);
    finish(&load, "primary hung");
    fleet_await_calm(&fleet, 2);
}

static bool failover_has_begun(void *context)
{
    (void)context;
    redisReply *reply = test_server_command(fleet.sentinels[0], "SENTINEL FAILOVER main");
    bool begun = reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return begun;
}

/* Asks a sentinel for a failover while all is well; the old primary lives on as a replica. */
static void fail_over(struct test_server *primary)
{
    (void)primary;
    if (!wait_for(failover_has_begun, NULL, TEST_TIMEOUT_MS))
        test_die("the sentinel would not fail over");
}

static void leave_it(struct test_server *server)
{
    (void)server;
}

static void a_primary_that_is_replaced(void **state)
{
    (void)state;
    struct load load;
    start(&load, "replaced", 0);
    replace_primary_within(&load, fail_over, true, leave_it);
    finish(&load, "primary replaced");
    fleet_await_calm(&fleet, 2);
}

static void a_primary_that_dies(void **state)
{
    (void)state;
    struct load load;
    start(&load, "dies", 0);
    replace_primary_within(&load, test_server_kill, false, test_server_restart);
    finish(&load, "primary killed");
}

int main(void)
{
    const struct CMUnitTest quick[] = {
        cmocka_unit_test(a_primary_that_hangs),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_primary_that_hangs),
        cmocka_unit_test(a_primary_that_is_replaced),
        cmocka_unit_test(a_primary_that_dies),
    };
    if (getenv("WEIR_TEST_QUICK"))
        return cmocka_run_group_tests(quick, start_fleet, stop_fleet);
    return cmocka_run_group_tests(tests, start_fleet, stop_fleet);
}
