/* SPDX-License-Identifier: MIT
 *
 * G7, the way to the server: connections that are cut, refused, dead without saying so, slow, or answered by nobody.
 * The worker goes on by itself within one second of the way being free again, as in g7_no_stall.c.
 */
#include "outage.h"

#include <stdlib.h>
#include <string.h>

/* --- the way there --- */

static int64_t black_hole(struct scene *scene)
{
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    test_proxy_black_hole(scene->proxy, TEST_PROXY_BOTH);
    let_pass(2000);
    outage_was_cheap(outage);
    test_proxy_heal(scene->proxy);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    scene_close(scene);
    return took_ms;
}

/* Only what the server answers is lost, so that it delivers into the void. */
static int64_t black_hole_of_replies(struct scene *scene)
{
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    test_proxy_black_hole(scene->proxy, TEST_PROXY_REPLIES);
    for (int i = 0; i < 10; i++)
        scene_add(scene, "lost");
    let_pass(2000);
    outage_was_cheap(outage);
    test_proxy_heal(scene->proxy);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    scene_await_ran(scene, "lost", 10);
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    assert_int_equal(recorder_count_key(scene->ran, "lost"), 10);
    scene_close(scene);
    return took_ms;
}

static int64_t mute(struct scene *scene)
{
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    test_proxy_mute(scene->proxy, true);
    test_proxy_cut(scene->proxy);
    let_pass(2000);
    outage_was_cheap(outage);
    test_proxy_heal(scene->proxy);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    scene_close(scene);
    return took_ms;
}

static int64_t refuse(struct scene *scene)
{
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    test_proxy_refuse(scene->proxy, true);
    test_proxy_cut(scene->proxy);
    let_pass(1500);
    outage_was_cheap(outage);
    test_proxy_heal(scene->proxy);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    scene_close(scene);
    return took_ms;
}

/*
 * Connections are accepted and closed at once, as by a balancer without a server behind it. However long that lasts, it
 * is tried again at least every second, and not much more often.
 */
static int64_t gone_for_long(struct scene *scene)
{
    enum { WHOLE_MS = 5500, TAIL_MS = 2500 };
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    test_server_kill(scene->server);
    let_pass(WHOLE_MS - TAIL_MS);
    size_t accepted = test_proxy_accepted(scene->proxy);
    let_pass(TAIL_MS);
    size_t attempts = test_proxy_accepted(scene->proxy) - accepted;
    outage_was_cheap(outage);
    print_message("    %zu attempts in %d ms\n", attempts, TAIL_MS);
    assert_true(attempts >= 2 * TAIL_MS / 500 && attempts <= 3 * TAIL_MS / 50); /* reader and claimer; the acker, too */
    test_server_restart(scene->server);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    scene_close(scene);
    return took_ms;
}

/* The connections that exist are dead from now on, and nobody says so: only the command timeout can tell. */
static int64_t forsaken(struct scene *scene)
{
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    test_proxy_forsake(scene->proxy);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    scene_close(scene);
    return took_ms;
}

/*
 * Nothing is enqueued before the worker is back. The server still has the dead connection's read waiting, and it was
 * there first: what it is given there must not be lost until the lease runs out.
 */
static int64_t forsaken_while_quiet(struct scene *scene)
{
    scene->options.block_ms = 60000;
    outage_prepare(scene);
    size_t connected = recorder_count_key(scene->events, "connected");
    test_proxy_forsake(scene->proxy);
    scene_await_event(scene, "connected", connected + 2); /* reader and claimer */
    scene_await_connected(scene);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    scene_close(scene);
    return took_ms;
}

static void a_network_that_swallows_everything(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, false);
    assert_within(scene, "black hole", black_hole, RESUME_MS);
    assert_within(scene, "black hole for replies", black_hole_of_replies, RESUME_MS);
    assert_within(scene, "connections accepted and never answered", mute, RESUME_MS);
    assert_within(scene, "connections refused", refuse, RESUME_MS);
}

static void a_network_that_swallows_everything_by_tcp(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, true);
    assert_within(scene, "black hole, TCP", black_hole, RESUME_MS);
    assert_within(scene, "nobody behind the proxy, TCP", gone_for_long, RESUME_MS);
}

/* A dead connection is known as such once something was tried on it, and not answered in time. */
static void connections_that_are_dead_for_good(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, false);
    int64_t detection_ms = scene->options.promote_interval_ms + scene->options.connection.command_timeout_ms;
    assert_within(scene, "dead connections", forsaken, detection_ms + RESUME_MS);
    assert_within(scene, "dead connections, and a read that waits", forsaken_while_quiet, RESUME_MS);
    scene->options.connection.command_timeout_ms = 200;
    scene->options.promote_interval_ms = 100;
    assert_within(scene, "dead connections, short timeout", forsaken, RESUME_MS);
}

static void connections_that_are_dead_for_good_by_tcp(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, true);
    scene->options.connection.command_timeout_ms = 200;
    scene->options.promote_interval_ms = 100;
    assert_within(scene, "dead connections, TCP", forsaken, RESUME_MS);
}

/* Slow is not dead: jobs run on the same connections, and at full speed once it is over. */
static int64_t trickle(struct scene *scene)
{
    outage_prepare(scene);
    size_t accepted = test_proxy_accepted(scene->proxy);
    struct outage outage = outage_begin(scene);
    test_proxy_trickle(scene->proxy, TEST_PROXY_REPLIES, 10);
    latency_of_a_job(scene, 0);
    latency_of_a_job(scene, 0);
    outage_was_cheap(outage);
    test_proxy_heal(scene->proxy);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    outage_log_was_short(scene, outage, 0);
    assert_int_equal(test_proxy_accepted(scene->proxy), accepted);
    scene_close(scene);
    return took_ms;
}

static void a_network_that_trickles(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, true);
    assert_within(scene, "a byte every 10 ms", trickle, RESUME_MS);
}

/* Cuts after every number of bytes: whatever half of a command or an answer is lost, no job is, and nothing stalls. */
static int64_t cut_after(struct scene *scene, enum test_proxy_direction direction, size_t most, size_t step)
{
    int64_t worst_ms = 0;
    outage_prepare(scene);
    for (size_t n = 0; n < most; n += step) {
        test_proxy_cut_after(scene->proxy, direction, n);
        int64_t took_ms = latency_of_a_job(scene, test_now_ms());
        worst_ms = took_ms > worst_ms ? took_ms : worst_ms;
    }
    test_proxy_heal(scene->proxy);
    outage_is_over(scene);
    scene_close(scene);
    return worst_ms;
}

static int64_t cut_replies(struct scene *scene)
{
    return cut_after(scene, TEST_PROXY_REPLIES, 400, 5);
}

static int64_t cut_requests(struct scene *scene)
{
    return cut_after(scene, TEST_PROXY_REQUESTS, 800, 11);
}

static void connections_that_are_cut_in_the_middle(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, false);
    assert_within(scene, "cut in a reply", cut_replies, RESUME_MS);
    assert_within(scene, "cut in a request", cut_requests, RESUME_MS);
}

/* --- an answer is lost --- */

/* Entries of a consumer that died, which the worker claims; the answer is cut off. Nobody else knows that it owns them.
 */
static int64_t claim_in_doubt(struct scene *scene)
{
    scene->options.block_ms = 60000;
    scene->options.claim_interval_ms = 300;
    scene->options.promote_interval_ms = scene->options.trim_interval_ms = 3600000;
    outage_prepare(scene);
    freeReplyObject(test_server_command(scene->server, "XGROUP CREATE other weir 0 MKSTREAM"));
    int64_t worst_ms = 0;
    for (size_t n = 1; n < 60; n += 7) { /* an empty answer has 20 bytes and more */
        size_t accepted = test_proxy_accepted(scene->proxy);
        char name[32];
        snprintf(name, sizeof name, "claimed %zu %lld", n, (long long)test_now_ms());
        redisReply *reply = test_server_command(
            scene->server, "EVAL %s 1 jobs %s",
            "local id = redis.call('XADD', KEYS[1], '*', 'do', ARGV[1])\n"
            "redis.call('XGROUP', 'SETID', KEYS[1], 'weir', id)\n"
            "redis.call('XCLAIM', KEYS[1], 'weir', 'dead', 0, id, 'FORCE', 'IDLE', 100000000, 'JUSTID')\n"
            "return id",
            name);
        assert_int_equal(reply->type, REDIS_REPLY_STRING);
        freeReplyObject(reply);
        test_proxy_cut_after(scene->proxy, TEST_PROXY_REPLIES, n);
        int64_t from_ms = test_now_ms();
        scene_await_ran(scene, name, 1);
        int64_t took_ms = test_now_ms() - from_ms;
        worst_ms = took_ms > worst_ms ? took_ms : worst_ms;
        test_proxy_heal(scene->proxy);
        assert_true(test_proxy_accepted(scene->proxy) > accepted);
    }
    outage_is_over(scene);
    scene_close(scene);
    return worst_ms - scene->options.claim_interval_ms;
}

static void the_answer_to_a_claim_is_lost(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, false);
    assert_within(scene, "a claim without an answer", claim_in_doubt, RESUME_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_network_that_swallows_everything),
        SCENE_TEST(a_network_that_swallows_everything_by_tcp),
        SCENE_TEST(connections_that_are_dead_for_good),
        SCENE_TEST(connections_that_are_dead_for_good_by_tcp),
        SCENE_TEST(a_network_that_trickles),
        SCENE_TEST(connections_that_are_cut_in_the_middle),
        SCENE_TEST(the_answer_to_a_claim_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
