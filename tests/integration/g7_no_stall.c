/* SPDX-License-Identifier: MIT
 *
 * G7, the server's part: whatever happens to Redis, the worker goes on by itself within one second of Redis being able
 * again, uses next to no processor time meanwhile, and logs a bounded number of lines. (g7_network.c has the way
 * there.)
 *
 * Each disturbance is a function that returns how long the worst of a few jobs took that were enqueued from the moment
 * on at which the server could serve again; assert_within compares it with the second of the contract.
 */
#include "outage.h"

#include <stdlib.h>
#include <string.h>

/* --- the server goes and comes back --- */

static int64_t restart(struct scene *scene)
{
    outage_prepare(scene);
    for (int i = 0; i < 5; i++)
        scene_add(scene, "hold");
    scene_await_ran(scene, "hold", 5);
    struct outage outage = outage_begin(scene);
    test_server_kill(scene->server);
    scene_release(scene); /* five outcomes to be kept */
    let_pass(1000);
    outage_was_cheap(outage);
    test_server_restart(scene->server);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    assert_int_equal(recorder_count_key(scene->ran, "hold"), 5); /* none was run twice */
    assert_true(recorder_count_key(scene->events, "disconnected") >= 3);
    scene_await_event(scene, "connected", 6);
    scene_close(scene);
    return took_ms;
}

static void a_restart_with_aof(void **state)
{
    struct scene *scene = scene_new((const char *const[]){"--appendonly", "yes", "--appendfsync", "always", NULL});
    *state = scene;
    assert_within(scene, "restart", restart, RESUME_MS);
    scene_close(scene);
    scene_use_proxy(scene, true);
    assert_within(scene, "restart, by TCP", restart, RESUME_MS);
}

/* A restart that takes long to load: the server answers, but nothing useful. */
static int64_t loading(struct scene *scene)
{
    outage_prepare(scene);
    for (int i = 0; i < 1500; i++)
        freeReplyObject(test_server_command(scene->server, "SET key:%d %d", i, i));
    freeReplyObject(test_server_command(scene->server, "SAVE"));
    test_server_kill(scene->server);
    struct outage outage = outage_begin(scene);
    test_server_restart(scene->server); /* until it has loaded */
    int64_t moment_ms = test_now_ms();
    outage_was_cheap(outage);
    int64_t took_ms = outage_resume(scene, moment_ms);
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    scene_close(scene);
    return took_ms;
}

static void a_server_that_is_loading(void **state)
{
    struct scene *scene = scene_new(
        (const char *const[]){"--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024", NULL});
    *state = scene;
    assert_within(scene, "loading", loading, RESUME_MS);
}

static int64_t sigstop(struct scene *scene)
{
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    test_server_pause(scene->server);
    let_pass(getenv("WEIR_TEST_QUICK") ? 3000 : 10000);
    outage_was_cheap(outage);
    test_server_resume(scene->server);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    assert_true(recorder_count_key(scene->events, "disconnected") >= 2);
    scene_close(scene);
    return took_ms;
}

/* The only slot is taken, so that the reader has nothing to ask for when the server hangs. */
static int64_t sigstop_while_busy(struct scene *scene)
{
    scene->options.concurrency = 1;
    outage_prepare(scene);
    scene_add(scene, "hold");
    scene_await_ran(scene, "hold", 1);
    scene_add(scene, "done");
    struct outage outage = outage_begin(scene);
    test_server_pause(scene->server);
    let_pass(2000);
    outage_was_cheap(outage);
    test_server_resume(scene->server);
    int64_t moment_ms = test_now_ms();
    scene_release(scene);
    int64_t took_ms = outage_resume(scene, moment_ms);
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    assert_int_equal(recorder_count_key(scene->ran, "hold"), 1);
    scene_close(scene);
    return took_ms;
}

static void a_server_that_hangs(void **state)
{
    assert_within(*state, "SIGSTOP for 10 s", sigstop, RESUME_MS);
    assert_within(*state, "SIGSTOP, no slot free", sigstop_while_busy, RESUME_MS);
}

static int64_t client_pause(struct scene *scene)
{
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    freeReplyObject(test_server_command(scene->server, "CLIENT PAUSE 1500 ALL"));
    freeReplyObject(test_server_command(scene->server, "PING")); /* answered when it is over */
    int64_t moment_ms = test_now_ms();
    outage_was_cheap(outage);
    int64_t took_ms = outage_resume(scene, moment_ms);
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    scene_close(scene);
    return took_ms;
}

static int64_t debug_sleep(struct scene *scene)
{
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    freeReplyObject(test_server_command(scene->server, "DEBUG SLEEP 1.5"));
    int64_t moment_ms = test_now_ms();
    outage_was_cheap(outage);
    int64_t took_ms = outage_resume(scene, moment_ms);
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    scene_close(scene);
    return took_ms;
}

static void a_server_that_pauses(void **state)
{
    struct scene *scene = scene_new((const char *const[]){"--enable-debug-command", "yes", NULL});
    *state = scene;
    assert_within(scene, "CLIENT PAUSE 1.5 s", client_pause, RESUME_MS);
    assert_within(scene, "DEBUG SLEEP 1.5", debug_sleep, RESUME_MS);
}

/* --- connections are killed, again and again, under load --- */

static void add_numbered(weir_producer *producer, int first, int n)
{
    enum { MOST = 64 };
    char names[MOST][32];
    weir_field items[MOST];
    weir_fields fields[MOST];
    weir_enqueue_job jobs[MOST];
    for (int i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "job %d", first + i);
        items[i] = weir_field_text("do", names[i]);
        fields[i] = (weir_fields){&items[i], 1};
        jobs[i] = (weir_enqueue_job){.fields = &fields[i]};
    }
    weir_error err;
    if (weir_enqueue_bulk(producer, jobs, (size_t)n, NULL, &err) != WEIR_OK)
        fail_msg("the producer did not reconnect by itself: %s", err.message);
}

static int64_t client_kill(struct scene *scene)
{
    enum { EVERY_MS = 200, JOBS = 50 };
    const int rounds = getenv("WEIR_TEST_QUICK") ? 20 : 100; /* 20 s, or 4 */
    outage_prepare(scene);
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = test_server_url(scene->server);
    options.stream = "jobs";
    weir_producer *producer = NULL;
    assert_int_equal(weir_producer_open(&producer, &options, NULL), WEIR_OK);
    struct outage outage = outage_begin(scene);
    size_t before = recorder_distinct_keys(scene->ran);
    for (int round = 0; round < rounds; round++) {
        int64_t next_ms = test_now_ms() + EVERY_MS;
        add_numbered(producer, round * JOBS, JOBS);
        freeReplyObject(test_server_command(scene->server, "CLIENT KILL TYPE normal SKIPME yes"));
        let_pass((int)(next_ms - test_now_ms()));
    }
    int64_t took_ms = outage_resume(scene, test_now_ms());
    weir_producer_close(producer);
    outage_is_over(scene);
    outage_log_was_short(scene, outage, (size_t)(6 * (rounds * EVERY_MS / 1000 + 1)));
    enum { PROBES = 5 };
    assert_int_equal(recorder_distinct_keys(scene->ran) - before, (size_t)(rounds * JOBS + PROBES));
    print_message("    %zu runs of %d jobs\n", recorder_count(scene->ran), rounds * JOBS);
    assert_true(recorder_count_key(scene->events, "connected") > (size_t)rounds);
    scene_close(scene);
    return took_ms;
}

static void connections_that_are_killed_all_the_time(void **state)
{
    assert_within(*state, "CLIENT KILL", client_kill, RESUME_MS);
}

/* --- what is in the server goes --- */

static int64_t flushall(struct scene *scene)
{
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    freeReplyObject(test_server_command(scene->server, "FLUSHALL"));
    int64_t took_ms = outage_resume(scene, test_now_ms());
    scene_await_event(scene, "group created", 1);
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    scene_close(scene);
    return took_ms;
}

/* Nobody enqueues for a while after the flush, and the stream is not there meanwhile. */
static int64_t flushall_quiet(struct scene *scene)
{
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    freeReplyObject(test_server_command(scene->server, "FLUSHALL"));
    let_pass(1000);
    outage_was_cheap(outage);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    scene_close(scene);
    return took_ms;
}

/*
 * With a job running, and jobs waiting that nobody has read. What is acked in the moment between the two groups can be
 * pending in the new one: it runs again when its lease has run out.
 */
static int64_t group_destroyed(struct scene *scene)
{
    scene->options.concurrency = 1;
    scene->options.min_idle_ms = 2000;
    outage_prepare(scene);
    scene_add(scene, "hold");
    scene_await_ran(scene, "hold", 1);
    scene_add_many(scene, "done", 50);
    struct outage outage = outage_begin(scene);
    assert_int_equal(test_server_integer(scene->server, "XGROUP DESTROY jobs weir"), 1);
    int64_t moment_ms = test_now_ms();
    scene_release(scene);
    int64_t took_ms = outage_resume(scene, moment_ms);
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    assert_true(recorder_count_key(scene->ran, "done") >= 50);
    assert_int_equal(recorder_count_key(scene->events, "group created"), 1);
    scene_close(scene);
    return took_ms;
}

static bool all_are_dead(void *scene)
{
    return test_server_integer(((struct scene *)scene)->server, "XLEN {jobs}:dead") == 100;
}

static int64_t script_flush(struct scene *scene)
{
    scene->options.backoff = WEIR_BACKOFF_FIXED;
    scene->options.backoff_base_ms = 10;
    scene->options.max_attempts = 3;
    outage_prepare(scene);
    struct outage outage = outage_begin(scene);
    for (int i = 0; i < 50; i++) {
        scene_add(scene, "retry");
        scene_add(scene, "reject");
        freeReplyObject(test_server_command(scene->server, "SCRIPT FLUSH"));
        let_pass(10);
    }
    int64_t took_ms = outage_resume(scene, test_now_ms());
    assert_true(wait_for(all_are_dead, scene, TEST_TIMEOUT_MS));
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    assert_int_equal(recorder_count_key(scene->ran, "retry"), 150);
    freeReplyObject(test_server_command(scene->server, "DEL {jobs}:dead"));
    scene_close(scene);
    return took_ms;
}

static void what_the_server_held_is_gone(void **state)
{
    assert_within(*state, "FLUSHALL", flushall, RESUME_MS);
    assert_within(*state, "FLUSHALL, and silence", flushall_quiet, RESUME_MS);
    assert_within(*state, "XGROUP DESTROY", group_destroyed, RESUME_MS);
    assert_within(*state, "SCRIPT FLUSH", script_flush, RESUME_MS);
}

/* --- the server refuses writes --- */

static int64_t read_only(struct scene *scene)
{
    outage_prepare(scene);
    scene_add(scene, "hold");
    scene_await_ran(scene, "hold", 1);
    struct outage outage = outage_begin(scene);
    freeReplyObject(test_server_command(scene->server, "REPLICAOF 127.0.0.1 1"));
    scene_release(scene); /* an ack that must wait */
    let_pass(2500);
    outage_was_cheap(outage);
    outage_nothing_works_yet(scene, outage); /* what only reads is served, and means nothing */
    freeReplyObject(test_server_command(scene->server, "REPLICAOF NO ONE"));
    int64_t took_ms = outage_resume(scene, test_now_ms());
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    assert_int_equal(recorder_count_key(scene->ran, "hold"), 1);
    scene_close(scene);
    return took_ms;
}

static void a_server_that_is_read_only(void **state)
{
    assert_within(*state, "read-only for 2.5 s", read_only, RESUME_MS);
}

static bool three_are_dead(void *scene)
{
    return test_server_integer(((struct scene *)scene)->server, "XLEN {jobs}:dead") == 3;
}

static void set_maxmemory(struct scene *scene, int bytes)
{
    freeReplyObject(test_server_command(scene->server, "CONFIG SET maxmemory %d", bytes));
}

static int64_t out_of_memory(struct scene *scene)
{
    scene->options.backoff = WEIR_BACKOFF_FIXED;
    scene->options.backoff_base_ms = 50;
    scene->options.max_attempts = 2;
    scene->options.concurrency = 20;
    outage_prepare(scene);
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = test_server_url(scene->server);
    options.stream = "jobs";
    weir_producer *producer = NULL;
    weir_error err;
    assert_int_equal(weir_producer_open(&producer, &options, &err), WEIR_OK);

    for (int i = 0; i < 10; i++)
        scene_add(scene, "hold");
    scene_add(scene, "hold retry");
    scene_add(scene, "hold retry");
    scene_add(scene, "hold reject");
    scene_await_ran(scene, "hold", 10);
    scene_await_ran(scene, "hold retry", 2);
    scene_await_ran(scene, "hold reject", 1);
    struct outage outage = outage_begin(scene);
    set_maxmemory(scene, 1);
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("do", "done"));
    assert_int_equal(weir_enqueue(producer, fields, NULL, NULL, &err), WEIR_ERR_FULL);
    assert_true(err.retriable);
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.delay_ms = 10;
    assert_int_equal(weir_enqueue(producer, fields, &delayed, NULL, &err), WEIR_ERR_FULL);

    /* ten acks, which go on, and three jobs that can't be moved for now */
    scene_release(scene);
    scene_await_pending(scene, 3);
    let_pass(1000);
    outage_was_cheap(outage);
    outage_nothing_works_yet(scene, outage);
    assert_int_equal(scene_pending(scene), 3);
    assert_int_equal(scene_stats(scene).unreported, 3);
    assert_int_equal(test_server_integer(scene->server, "EXISTS {jobs}:dead {jobs}:delayed jobs"), 1);

    set_maxmemory(scene, 0);
    int64_t took_ms = outage_resume(scene, test_now_ms());
    scene_await_ran(scene, "hold retry", 4);
    assert_true(wait_for(three_are_dead, scene, TEST_TIMEOUT_MS));
    outage_is_over(scene);
    outage_log_was_short(scene, outage, LINES);
    assert_int_equal(recorder_count_key(scene->ran, "hold"), 10);
    freeReplyObject(test_server_command(scene->server, "DEL {jobs}:dead"));
    weir_producer_close(producer);
    scene_close(scene);
    return took_ms;
}

static void a_server_that_is_out_of_memory(void **state)
{
    assert_within(*state, "maxmemory", out_of_memory, RESUME_MS);
}

int main(void)
{
#define OWN_SCENE_TEST(test) cmocka_unit_test_teardown(test, scene_tear_down)
    const struct CMUnitTest tests[] = {
        OWN_SCENE_TEST(a_restart_with_aof),
        OWN_SCENE_TEST(a_server_that_is_loading),
        SCENE_TEST(a_server_that_hangs),
        OWN_SCENE_TEST(a_server_that_pauses),
        SCENE_TEST(connections_that_are_killed_all_the_time),
        SCENE_TEST(what_the_server_held_is_gone),
        SCENE_TEST(a_server_that_is_read_only),
        SCENE_TEST(a_server_that_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
