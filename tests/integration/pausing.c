/* SPDX-License-Identifier: MIT
 *
 * A paused queue reads nothing, whoever paused it and whatever happens meanwhile, and what was read goes on.
 */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

#define PAUSED "{jobs}:paused"

static void pause_everywhere(struct scene *scene)
{
    freeReplyObject(test_server_command(scene->server, "SET " PAUSED " 1"));
}

static void resume_everywhere(struct scene *scene)
{
    assert_int_equal(test_server_integer(scene->server, "DEL " PAUSED), 1);
}

/* How often a command was executed. */
static long long calls_of(struct scene *scene, const char *command)
{
    redisReply *reply = test_server_command(scene->server, "INFO commandstats");
    char key[64];
    snprintf(key, sizeof key, "cmdstat_%s:calls=", command);
    const char *found = strstr(reply->str, key);
    long long calls = found ? atoll(found + strlen(key)) : 0;
    freeReplyObject(reply);
    return calls;
}

struct expected_calls {
    struct scene *scene;
    const char *command;
    long long n;
};

static bool were_called(void *context)
{
    struct expected_calls *expected = context;
    return calls_of(expected->scene, expected->command) >= expected->n;
}

static void await_more_calls(struct scene *scene, const char *command, long long n)
{
    struct expected_calls expected = {scene, command, calls_of(scene, command) + n};
    if (!wait_for(were_called, &expected, TEST_TIMEOUT_MS))
        test_die("%s was waited for in vain", command);
}

static bool reader_and_claimer_are(void *scene)
{
    return scene_stats(scene).connected >= 2;
}

/* Reader and claimer; the acker connects when there is something to report. */
static void await_connected(struct scene *scene)
{
    if (!wait_for(reader_and_claimer_are, scene, TEST_TIMEOUT_MS))
        test_die("being connected was waited for in vain");
}

/* The workers look often, so that a test needn't wait. */
static void look_often(struct scene *scene)
{
    scene->options.pause_interval_ms = 10;
    scene->options.promote_interval_ms = 10;
    scene->options.claim_interval_ms = 10;
}

/* Whether the group was given nothing: neither delivered nor pending. */
static void expect_unread(struct scene *scene, const char *last_delivered)
{
    redisReply *reply = test_server_command(scene->server, "XINFO GROUPS jobs");
    const redisReply *group = reply->element[0];
    for (size_t i = 0; i < group->elements; i += 2) {
        if (strcmp(group->element[i]->str, "last-delivered-id") == 0)
            assert_string_equal(group->element[i + 1]->str, last_delivered);
        if (strcmp(group->element[i]->str, "pending") == 0)
            assert_int_equal(group->element[i + 1]->integer, 0);
    }
    freeReplyObject(reply);
}

/* --- everywhere --- */

/* With a read that would wait for a minute, and the default interval. */
static int64_t pause_idle(struct scene *scene)
{
    scene_start(scene);
    await_connected(scene);
    await_more_calls(scene, "exists", 1);
    int64_t from_ms = test_now_ms();
    pause_everywhere(scene);
    scene_await_event(scene, "paused", 1);
    int64_t took_ms = test_now_ms() - from_ms;
    assert_int_equal(scene_stats(scene).paused, 1);

    scene_add(scene, "done");
    await_more_calls(scene, "exists", 2);
    expect_unread(scene, "0-0");
    scene_close(scene);
    resume_everywhere(scene);
    freeReplyObject(test_server_command(scene->server, "DEL jobs"));
    return took_ms;
}

static int64_t resume_idle(struct scene *scene)
{
    pause_everywhere(scene);
    scene_start(scene);
    scene_await_event(scene, "paused", 1);
    await_connected(scene);
    await_more_calls(scene, "exists", 1);
    scene_add(scene, "done");
    int64_t from_ms = test_now_ms();
    resume_everywhere(scene);
    scene_await_ran(scene, "done", 1);
    int64_t took_ms = test_now_ms() - from_ms;
    scene_await_event(scene, "resumed", 1);
    assert_int_equal(scene_stats(scene).paused, 0);
    scene_close(scene);
    return took_ms;
}

static void workers_see_it_within_a_second(void **state)
{
    struct scene *scene = *state;
    scene->options.block_ms = 60000;
    scene->options.promote_interval_ms = 60000;
    assert_within(scene, "pause", pause_idle, 1000);
    assert_within(scene, "resume", resume_idle, 1000);
}

/* Under a flood of jobs, too, when reads are outstanding that don't wait. It goes on until the pause is seen. */
static void a_busy_queue_stops_reading(void **state)
{
    enum { JOBS = 2000 };
    struct scene *scene = *state;
    look_often(scene);
    scene_start(scene);
    scene_add_many(scene, "done", JOBS);
    scene_await_ran(scene, "done", 1);
    pause_everywhere(scene);
    size_t added = JOBS;
    for (; recorder_count_key(scene->events, "paused") == 0; added += JOBS)
        scene_add_many(scene, "done", JOBS);
    scene_add_many(scene, "done", JOBS);
    added += JOBS;
    scene_await_pending(scene, 0);
    weir_stats stats = scene_stats(scene);
    await_more_calls(scene, "exists", 5);
    assert_int_equal(scene_stats(scene).delivered, stats.delivered);
    assert_true(stats.delivered <= added - JOBS);
    assert_int_equal(stats.done, stats.delivered);
    resume_everywhere(scene);
    scene_await_ran(scene, "done", added);
}

static void what_was_read_is_finished(void **state)
{
    struct scene *scene = *state;
    look_often(scene);
    scene->options.concurrency = 1;
    scene->options.min_idle_ms = 1000;
    scene->options.backoff_base_ms = 1;
    scene_start(scene);
    scene_add(scene, "hold retry");
    scene_await_ran(scene, "hold retry", 1);
    pause_everywhere(scene);
    scene_await_event(scene, "paused", 1);
    scene_add(scene, "done");

    uint64_t renewed = scene_stats(scene).leases_renewed;
    while (scene_stats(scene).leases_renewed < renewed + 2) /* and what runs stays ours */
        let_pass(1);
    scene_release(scene);
    scene_await_pending(scene, 0);

    /* its retry is stored, becomes due, and waits with the other */
    await_more_calls(scene, "exists", 5);
    assert_int_equal(test_server_integer(scene->server, "ZCARD {jobs}:delayed"), 0);
    assert_int_equal(scene_stats(scene).promoted, 1);
    assert_int_equal(scene_stats(scene).started, 1);
    resume_everywhere(scene);
    scene_await_ran(scene, "hold retry", 2);
    scene_await_ran(scene, "done", 1);
    assert_int_equal(scene_stats(scene).leases_lost, 0);
}

static void nothing_is_claimed(void **state)
{
    struct scene *scene = *state;
    look_often(scene);
    scene->options.min_idle_ms = 20;
    freeReplyObject(test_server_command(scene->server, "XGROUP CREATE jobs weir 0 MKSTREAM"));
    scene_add(scene, "stuck");
    freeReplyObject(test_server_command(scene->server, "XREADGROUP GROUP weir gone STREAMS jobs >"));
    let_pass(50);
    pause_everywhere(scene);
    scene_start(scene);
    scene_await_event(scene, "paused", 1);
    await_more_calls(scene, "xreadgroup", 5); /* where it would claim it shows that it is there */
    for (int i = 0; i < 20; i++) {            /* nor at any start */
        assert_int_equal(weir_queue_stop(scene->queue, TEST_TIMEOUT_MS), WEIR_OK);
        scene_start(scene);
        await_more_calls(scene, "xreadgroup", 1);
    }
    assert_int_equal(calls_of(scene, "xautoclaim"), 1); /* the probe's */
    assert_int_equal(scene_stats(scene).claimed, 0);
    resume_everywhere(scene);
    scene_await_ran(scene, "stuck", 1);
    assert_int_equal(scene_stats(scene).claimed, 1);
}

/* A new worker asks before it reads; so does one that comes back under its name, with jobs of its own pending. */
static void it_survives_restarts(void **state)
{
    struct scene *scene = *state;
    look_often(scene);
    scene->options.consumer = "me";
    freeReplyObject(test_server_command(scene->server, "XGROUP CREATE jobs weir 0 MKSTREAM"));
    scene_add(scene, "mine");
    freeReplyObject(test_server_command(scene->server, "XREADGROUP GROUP weir me STREAMS jobs >"));
    pause_everywhere(scene);
    for (int i = 0; i < 3; i++) {
        scene_add(scene, "new");
        scene_start(scene);
        scene_await_event(scene, "paused", 1);
        await_more_calls(scene, "exists", 5);
        assert_int_equal(scene_stats(scene).delivered, 0);
        assert_int_equal(scene_stats(scene).recovered, 0);
        assert_int_equal(scene_pending(scene), 1);
        scene_close(scene);
    }
    resume_everywhere(scene);
    scene_start(scene);
    scene_await_ran(scene, "mine", 1);
    scene_await_ran(scene, "new", 3);
    assert_int_equal(recorder_count_key(scene->events, "paused"), 0);
}

/* Whoever was cut off while the queue was paused reads nothing when it is back. */
static void it_is_seen_after_an_outage(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, false);
    scene_start(scene);
    await_connected(scene);
    test_proxy_refuse(scene->proxy, true);
    test_proxy_cut(scene->proxy);
    scene_await_event(scene, "disconnected", 2);
    pause_everywhere(scene);
    scene_add(scene, "done");
    test_proxy_heal(scene->proxy);
    scene_await_event(scene, "paused", 1);
    await_connected(scene);
    await_more_calls(scene, "exists", 2);
    expect_unread(scene, "0-0");
    resume_everywhere(scene);
    scene_await_ran(scene, "done", 1);
}

/* Where CLIENT UNBLOCK is denied the reader has to hang up. */
static void it_needs_no_unblocking(void **state)
{
    struct scene *scene = *state;
    look_often(scene);
    freeReplyObject(test_server_command(scene->server, "ACL SETUSER w on >pw allkeys +@all -client"));
    char url[160];
    snprintf(url, sizeof url, "unix://w:pw@%s", test_server_socket(scene->server));
    scene->options.url = url;
    scene->options.block_ms = 60000;
    scene_start(scene);
    await_connected(scene);
    pause_everywhere(scene);
    scene_await_event(scene, "paused", 1);
    scene_add(scene, "done");
    await_more_calls(scene, "exists", 5);
    expect_unread(scene, "0-0");
    resume_everywhere(scene);
    scene_await_ran(scene, "done", 1);
}

struct idle_since {
    struct scene *scene;
    int64_t at_ms;
};

static bool was_seen_since(void *context)
{
    const struct idle_since *since = context;
    redisReply *reply = test_server_command(since->scene->server, "XINFO CONSUMERS jobs weir");
    int64_t idle_ms = INT64_MAX;
    if (reply->elements == 1)
        for (size_t i = 0; i < reply->element[0]->elements; i += 2)
            if (strcmp(reply->element[0]->element[i]->str, "idle") == 0)
                idle_ms = reply->element[0]->element[i + 1]->integer;
    freeReplyObject(reply);
    return idle_ms < test_now_ms() - since->at_ms;
}

static void expect_seen_again_and_again(struct scene *scene)
{
    for (int i = 0; i < 3; i++) {
        struct idle_since since = {scene, test_now_ms()};
        assert_true(wait_for(was_seen_since, &since, TEST_TIMEOUT_MS));
    }
}

/* Or it would be taken for dead, and shown as such, when the queue is paused for long. */
static void a_paused_worker_is_still_seen(void **state)
{
    struct scene *scene = *state;
    look_often(scene);
    pause_everywhere(scene);
    scene_start(scene);
    scene_await_event(scene, "paused", 1);
    expect_seen_again_and_again(scene);
}

/* Nor when there is nothing to do: before Redis 7.2 a read that gets nothing is not seen. */
static void an_idle_worker_is_still_seen(void **state)
{
    struct scene *scene = *state;
    scene->options.claim_interval_ms = 20;
    scene_start(scene);
    expect_seen_again_and_again(scene);
}

static void a_paused_queue_stops_and_closes(void **state)
{
    struct scene *scene = *state;
    pause_everywhere(scene);
    scene_add(scene, "done");
    for (int i = 0; i < 2; i++) {
        scene_start(scene);
        await_more_calls(scene, "exists", 3);
        assert_int_equal(weir_queue_stop(scene->queue, TEST_TIMEOUT_MS), WEIR_OK);
    }
    assert_int_equal(recorder_count_key(scene->events, "paused"), 1); /* told where it changes, not at every start */
    scene_close(scene);
    expect_unread(scene, "0-0");
}

/* --- in this process --- */

static void a_process_pauses_for_itself(void **state)
{
    struct scene *scene = *state;
    scene->options.block_ms = scene->options.pause_interval_ms = scene->options.promote_interval_ms = 60000;
    scene_start(scene);
    scene_add(scene, "done");
    scene_await_ran(scene, "done", 1);
    assert_int_equal(weir_queue_pause(scene->queue), WEIR_OK);
    scene_await_event(scene, "paused", 1);
    assert_int_equal(weir_queue_pause(scene->queue), WEIR_OK);
    assert_int_equal(scene_stats(scene).paused, 1);
    scene_add(scene, "done");
    assert_int_equal(test_server_integer(scene->server, "EXISTS " PAUSED), 0);

    /* others go on */
    struct scene *here = scene;
    weir_queue *paused = here->queue, *other = NULL;
    weir_error err;
    assert_int_equal(weir_queue_open(&other, &scene->options, &err), WEIR_OK);
    assert_int_equal(weir_queue_start(other, &err), WEIR_OK);
    scene_await_ran(scene, "done", 2);
    assert_int_equal(weir_queue_stop(other, TEST_TIMEOUT_MS), WEIR_OK);
    weir_queue_close(other);

    /* over a stop and a start */
    assert_int_equal(weir_queue_stop(paused, TEST_TIMEOUT_MS), WEIR_OK);
    scene_add(scene, "done");
    scene_start(scene);
    await_connected(scene);
    assert_int_equal(scene_stats(scene).paused, 1);
    assert_int_equal(recorder_count_key(scene->ran, "done"), 2);
    assert_int_equal(weir_queue_resume(paused), WEIR_OK);
    assert_int_equal(weir_queue_resume(paused), WEIR_OK);
    scene_await_ran(scene, "done", 3);
    scene_await_event(scene, "resumed", 1);
    assert_int_equal(scene_stats(scene).paused, 0);
    assert_int_equal(recorder_count_key(scene->events, "paused"), 1);
}

static void either_pause_is_enough(void **state)
{
    struct scene *scene = *state;
    look_often(scene);
    scene_start(scene);
    assert_int_equal(weir_queue_pause(scene->queue), WEIR_OK);
    scene_await_event(scene, "paused", 1);
    pause_everywhere(scene);
    await_more_calls(scene, "exists", 3);
    scene_add(scene, "done");
    assert_int_equal(weir_queue_resume(scene->queue), WEIR_OK);
    await_more_calls(scene, "exists", 3);
    assert_int_equal(scene_stats(scene).paused, 1);
    assert_int_equal(weir_queue_pause(scene->queue), WEIR_OK);
    resume_everywhere(scene);
    await_more_calls(scene, "exists", 3);
    assert_int_equal(scene_stats(scene).started, 0);
    assert_int_equal(weir_queue_resume(scene->queue), WEIR_OK);
    scene_await_ran(scene, "done", 1);
    assert_int_equal(recorder_count_key(scene->events, "paused"), 1);
}

static weir_outcome pause_own_queue(weir_job *job, void *context)
{
    struct scene *scene = context;
    (void)job;
    recorder_add(scene->ran, "paused it", weir_queue_pause(scene->queue));
    return WEIR_DONE;
}

static void a_handler_may_pause_its_queue(void **state)
{
    struct scene *scene = *state;
    scene->options.handler = pause_own_queue;
    scene->options.concurrency = 1;
    scene->options.prefetch_ms = 0;
    scene_open(scene);
    scene_add_many(scene, "done", 100);
    scene_start(scene);
    scene_await_ran(scene, "paused it", 1);
    scene_await_event(scene, "paused", 1);
    assert_int_equal(recorder_get(scene->ran, 0).value, WEIR_OK);
    scene_await_pending(scene, 0);
    assert_true(scene_stats(scene).started < 100);
}

static void a_queue_may_start_paused(void **state)
{
    struct scene *scene = *state;
    scene_open(scene);
    assert_int_equal(weir_queue_pause(scene->queue), WEIR_OK);
    scene_add(scene, "done");
    scene_start(scene);
    scene_await_event(scene, "paused", 1);
    expect_unread(scene, "0-0");
    assert_int_equal(weir_queue_resume(scene->queue), WEIR_OK);
    scene_await_ran(scene, "done", 1);
    assert_int_equal(weir_queue_pause(NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_queue_resume(NULL), WEIR_ERR_ARGUMENT);
}

static void the_in_process_broker_pauses_too(void **state)
{
    struct scene *scene = *state;
    scene->options.url = "memory:pausing";
    scene_start(scene);
    await_connected(scene);
    assert_int_equal(weir_queue_pause(scene->queue), WEIR_OK);
    scene_await_event(scene, "paused", 1);

    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = scene->options.url;
    options.stream = scene->options.stream;
    weir_error err;
    assert_int_equal(weir_producer_open(&scene->producer, &options, &err), WEIR_OK);
    scene_add_many(scene, "done", 3);
    assert_int_equal(scene_stats(scene).delivered, 0);
    assert_int_equal(weir_queue_resume(scene->queue), WEIR_OK);
    scene_await_ran(scene, "done", 3);
}

/* --- what it costs --- */

/* Commands that the server has executed, by all. */
static long long commands(struct scene *scene)
{
    redisReply *reply = test_server_command(scene->server, "INFO stats");
    const char *found = strstr(reply->str, "total_commands_processed:");
    assert_non_null(found);
    long long n = atoll(found + strlen("total_commands_processed:"));
    freeReplyObject(reply);
    return n;
}

/* Of a queue with the default options. A busy machine can only make them fewer. */
static void expect_few_commands(struct scene *scene, const char *what)
{
    int64_t from_ms = test_now_ms();
    long long before = commands(scene);
    let_pass(4000);
    long long n = commands(scene) - before - 1; /* the first question itself */
    int64_t took_ms = test_now_ms() - from_ms;
    print_message("    %s: %.2f commands a second\n", what, (double)n * 1000 / (double)took_ms);
    assert_true(n * 1000 < 3 * took_ms + 1000); /* one may fall on either side */
}

static void an_idle_queue_costs_less_than_three_commands_a_second(void **state)
{
    struct scene *scene = *state;
    scene_start(scene);
    await_connected(scene);
    let_pass(200);
    expect_few_commands(scene, "idle");
    pause_everywhere(scene);
    scene_await_event(scene, "paused", 1);
    expect_few_commands(scene, "paused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(workers_see_it_within_a_second),
        SCENE_TEST(a_busy_queue_stops_reading),
        SCENE_TEST(what_was_read_is_finished),
        SCENE_TEST(nothing_is_claimed),
        SCENE_TEST(it_survives_restarts),
        SCENE_TEST(it_is_seen_after_an_outage),
        SCENE_TEST(it_needs_no_unblocking),
        SCENE_TEST(a_paused_worker_is_still_seen),
        SCENE_TEST(an_idle_worker_is_still_seen),
        SCENE_TEST(a_paused_queue_stops_and_closes),
        SCENE_TEST(a_process_pauses_for_itself),
        SCENE_TEST(either_pause_is_enough),
        SCENE_TEST(a_handler_may_pause_its_queue),
        SCENE_TEST(a_queue_may_start_paused),
        SCENE_TEST(the_in_process_broker_pauses_too),
        SCENE_TEST(an_idle_queue_costs_less_than_three_commands_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
