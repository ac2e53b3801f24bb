/* SPDX-License-Identifier: MIT
 *
 * G6: weir_queue_stop returns within its deadline plus 100 ms in every state, an idle queue stops in under 100 ms, and
 * what was not started is handed back as it was.
 */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

enum { GRACE_MS = 100 };

static int64_t timed_stop(weir_queue *queue, int64_t deadline_ms, weir_status expected)
{
    int64_t from_ms = test_now_ms();
    weir_status status = weir_queue_stop(queue, deadline_ms);
    int64_t took_ms = test_now_ms() - from_ms;
    if (status != expected)
        fail_msg("stop: %s instead of %s", weir_status_name(status), weir_status_name(expected));
    return took_ms;
}

/* A stop that has to wait for its deadline: how long it took, which is no less than that. */
static int64_t timed_deadline(weir_queue *queue, int64_t deadline_ms)
{
    int64_t took_ms = timed_stop(queue, deadline_ms, WEIR_ERR_DEADLINE);
    assert_true(took_ms >= deadline_ms);
    return took_ms;
}

static int64_t timed_close(struct scene *scene)
{
    int64_t from_ms = test_now_ms();
    weir_queue_close(scene->queue);
    scene->queue = NULL;
    return test_now_ms() - from_ms;
}

static void start_and_run_one(struct scene *scene)
{
    scene_start(scene);
    scene_add(scene, "done");
    scene_await_handled(scene, 1);
    scene_await_connected(scene);
}

/* --- idle --- */

static int64_t stop_idle(struct scene *scene)
{
    start_and_run_one(scene);
    scene_await_pending(scene, 0);
    int64_t took_ms = timed_stop(scene->queue, 5000, WEIR_OK);
    scene_close(scene);
    return took_ms;
}

static void an_idle_queue_stops_at_once(void **state)
{
    struct scene *scene = *state;
    assert_within(scene, "idle", stop_idle, GRACE_MS - 1);
    scene->options.block_ms = 60000;
    assert_within(scene, "idle, BLOCK 60 s", stop_idle, GRACE_MS - 1);
    scene_use_proxy(scene, true);
    assert_within(scene, "idle, by TCP", stop_idle, GRACE_MS - 1);
}

/* An ACL without CLIENT UNBLOCK: the reader has to hang up instead. */
static void an_idle_queue_that_may_not_unblock_stops_at_once(void **state)
{
    struct scene *scene = *state;
    freeReplyObject(test_server_command(scene->server, "ACL SETUSER w on >pw allkeys +@all -client"));
    char url[160];
    snprintf(url, sizeof url, "unix://w:pw@%s", test_server_socket(scene->server));
    scene->options.url = url;
    assert_within(scene, "idle, no CLIENT UNBLOCK", stop_idle, GRACE_MS - 1);
}

static int64_t stop_idle_at_once(struct scene *scene)
{
    start_and_run_one(scene);
    int64_t from_ms = test_now_ms();
    weir_queue_stop(scene->queue, 0); /* success or not: it had no time */
    int64_t took_ms = test_now_ms() - from_ms;
    scene_close(scene);
    return took_ms;
}

static void a_stop_without_time_returns_at_once(void **state)
{
    assert_within(*state, "stop(0), idle", stop_idle_at_once, GRACE_MS);
}

/* --- the server is gone --- */

static int64_t stop_killed_idle(struct scene *scene)
{
    start_and_run_one(scene);
    scene_await_pending(scene, 0);
    test_server_kill(scene->server);
    scene_await_event(scene, "disconnected", 1);
    int64_t took_ms = timed_stop(scene->queue, 1000, WEIR_OK);
    test_server_restart(scene->server);
    scene_close(scene);
    return took_ms;
}

static int64_t stop_killed_with_outcome(struct scene *scene)
{
    scene_start(scene);
    scene_add(scene, "heed");
    scene_await_ran(scene, "heed", 1);
    test_server_kill(scene->server);
    int64_t took_ms = timed_deadline(scene->queue, 300);
    assert_int_equal(scene->n_handled, 1);
    test_server_restart(scene->server);
    scene_close(scene);
    return took_ms;
}

static void a_stop_while_redis_is_gone_keeps_its_deadline(void **state)
{
    assert_within(*state, "killed, idle", stop_killed_idle, 1000 + GRACE_MS);
    assert_within(*state, "killed, with an outcome to report", stop_killed_with_outcome, 300 + GRACE_MS);
}

static int64_t stop_paused(struct scene *scene, bool waited, int64_t deadline_ms)
{
    start_and_run_one(scene);
    test_server_pause(scene->server);
    if (waited) /* until the library has noticed */
        scene_await_event(scene, "disconnected", 2);
    int64_t from_ms = test_now_ms();
    weir_queue_stop(scene->queue, deadline_ms);
    int64_t took_ms = test_now_ms() - from_ms;
    test_server_resume(scene->server);
    scene_close(scene);
    return took_ms;
}

static int64_t stop_paused_at_once(struct scene *scene)
{
    return stop_paused(scene, false, 300);
}

static int64_t stop_paused_later(struct scene *scene)
{
    return stop_paused(scene, true, 300);
}

static int64_t stop_paused_without_time(struct scene *scene)
{
    return stop_paused(scene, false, 0);
}

static int64_t stop_paused_with_outcome(struct scene *scene)
{
    scene_start(scene);
    scene_add(scene, "heed");
    scene_await_ran(scene, "heed", 1);
    test_server_pause(scene->server);
    int64_t took_ms = timed_deadline(scene->queue, 300);
    test_server_resume(scene->server);
    scene_close(scene);
    return took_ms;
}

static void a_stop_while_redis_hangs_keeps_its_deadline(void **state)
{
    assert_within(*state, "SIGSTOP just now", stop_paused_at_once, 300 + GRACE_MS);
    assert_within(*state, "SIGSTOP for some time", stop_paused_later, 300 + GRACE_MS);
    assert_within(*state, "SIGSTOP, stop(0)", stop_paused_without_time, GRACE_MS);
    assert_within(*state, "SIGSTOP, with an outcome to report", stop_paused_with_outcome, 300 + GRACE_MS);
}

static int64_t stop_mute(struct scene *scene)
{
    start_and_run_one(scene);
    scene_add(scene, "hold");
    scene_await_ran(scene, "hold", 1);
    test_proxy_mute(scene->proxy, true);
    test_proxy_cut(scene->proxy);
    scene_release(scene); /* so that the acker has something to say, and notices, too */
    scene_await_event(scene, "disconnected", 3);
    int64_t from_ms = test_now_ms();
    weir_queue_stop(scene->queue, 200);
    int64_t took_ms = test_now_ms() - from_ms;
    test_proxy_heal(scene->proxy);
    scene_close(scene);
    return took_ms;
}

static int64_t stop_black_holed(struct scene *scene)
{
    start_and_run_one(scene);
    test_proxy_black_hole(scene->proxy, TEST_PROXY_BOTH);
    int64_t from_ms = test_now_ms();
    weir_queue_stop(scene->queue, 200);
    int64_t took_ms = test_now_ms() - from_ms;
    test_proxy_heal(scene->proxy);
    scene_close(scene);
    return took_ms;
}

/* The proxy goes, and its port drops whatever comes. */
static int64_t stop_connecting(struct scene *scene)
{
    scene_use_proxy(scene, true);
    scene->options.connection.connect_timeout_ms = 60000;
    start_and_run_one(scene);
    int port = test_proxy_tcp_port(scene->proxy);
    struct dead_port dead;
    test_proxy_stop(scene->proxy);
    scene->proxy = NULL;
    dead_port_open(&dead, port);
    scene_await_event(scene, "disconnected", 2); /* the idle acker notices once it has something to say */
    let_pass(500); /* more than a backoff: all three are connecting, or were refused meanwhile and are now */
    int64_t from_ms = test_now_ms();
    weir_queue_stop(scene->queue, 200);
    int64_t took_ms = test_now_ms() - from_ms;
    dead_port_close(&dead);
    scene_close(scene);
    return took_ms;
}

static void a_stop_while_the_network_drops_everything_keeps_its_deadline(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, false);
    assert_within(scene, "connections accepted and never answered", stop_mute, 200 + GRACE_MS);
    assert_within(scene, "connections black-holed", stop_black_holed, 200 + GRACE_MS);
    test_proxy_stop(scene->proxy);
    assert_within(scene, "connecting to nowhere", stop_connecting, 200 + GRACE_MS);
}

/* --- handlers that don't return --- */

static int64_t stop_hung(struct scene *scene)
{
    scene_start(scene);
    for (int i = 0; i < 3; i++)
        scene_add(scene, "hold");
    scene_await_ran(scene, "hold", 3);
    int64_t took_ms = timed_deadline(scene->queue, 300);
    int64_t again_ms = timed_stop(scene->queue, 0, WEIR_ERR_DEADLINE);
    weir_error err;
    assert_int_equal(weir_queue_start(scene->queue, &err), WEIR_ERR_STATE);
    scene_close(scene);
    return took_ms > 300 + again_ms ? took_ms : 300 + again_ms;
}

static int64_t stop_hung_without_time(struct scene *scene)
{
    scene_start(scene);
    scene_add(scene, "hold");
    scene_await_ran(scene, "hold", 1);
    int64_t took_ms = timed_deadline(scene->queue, 0);
    scene_close(scene);
    return took_ms;
}

static int64_t stop_later(struct scene *scene)
{
    scene_start(scene);
    scene_add(scene, "later");
    scene_await_ran(scene, "later", 1);
    int64_t took_ms = timed_deadline(scene->queue, 300);
    scene_close(scene);
    return took_ms;
}

static void a_stop_while_handlers_hang_keeps_its_deadline(void **state)
{
    assert_within(*state, "three hung handlers", stop_hung, 300 + GRACE_MS);
    assert_within(*state, "a hung handler, stop(0)", stop_hung_without_time, GRACE_MS);
    assert_within(*state, "an asynchronous job that is never finished", stop_later, 300 + GRACE_MS);
}

/* What a stop left behind can be waited for by another one, and then the queue can be started again. */
static void a_stop_after_a_stop_waits_for_what_was_left_behind(void **state)
{
    struct scene *scene = *state;
    weir_error err;
    scene_start(scene);
    scene_add(scene, "hold");
    scene_await_ran(scene, "hold", 1);
    assert_int_equal(weir_queue_stop(scene->queue, 0), WEIR_ERR_DEADLINE);
    assert_int_equal(weir_queue_start(scene->queue, &err), WEIR_ERR_STATE);
    assert_int_equal(weir_queue_stop(scene->queue, 0), WEIR_ERR_DEADLINE);
    scene_release(scene);
    assert_int_equal(weir_queue_stop(scene->queue, 20000), WEIR_OK);
    scene_start(scene);
    scene_add(scene, "done");
    scene_await_ran(scene, "done", 1);
    assert_int_equal(weir_queue_stop(scene->queue, 20000), WEIR_OK);
    assert_int_equal(scene_pending(scene), 0); /* the other one was this consumer's own, and ran again */
    assert_int_equal(recorder_count_key(scene->done, "hold"), 2);
}

/* A handler in time is waited for, and its outcome is reported. */
static void a_stop_waits_for_handlers_and_reports_them(void **state)
{
    struct scene *scene = *state;
    scene_start(scene);
    scene_add(scene, "heed");
    scene_add(scene, "later");
    scene_await_ran(scene, "heed", 1);
    scene_await_ran(scene, "later", 1);
    scene_add(scene, "retry");
    scene_await_ran(scene, "retry", 1);
    scene_finish_later(scene, WEIR_DONE);
    assert_int_equal(weir_queue_stop(scene->queue, 20000), WEIR_OK);
    assert_int_equal(scene->n_handled, 2);
    assert_int_equal(scene_pending(scene), 0);
    assert_int_equal(test_server_integer(scene->server, "ZCARD {jobs}:delayed"), 1);
    assert_int_equal(scene_stats(scene).unreported, 0);
}

/* --- what was not started --- */

/* The delivery counts of all that is pending in the group: least and most. */
static void delivery_counts(struct scene *scene, long long *ret_least, long long *ret_most)
{
    redisReply *rows = test_server_command(scene->server, "XPENDING jobs weir - + 100000");
    *ret_least = rows->elements ? rows->element[0]->element[3]->integer : 0;
    *ret_most = 0;
    for (size_t i = 0; i < rows->elements; i++) {
        long long count = rows->element[i]->element[3]->integer;
        *ret_least = count < *ret_least ? count : *ret_least;
        *ret_most = count > *ret_most ? count : *ret_most;
    }
    freeReplyObject(rows);
}

struct other {
    struct recorder *deliveries; /* by job: key "1 1": attempt and deliveries */
};

static weir_outcome note_counts(weir_job *job, void *context)
{
    char text[32];
    snprintf(text, sizeof text, "%u %u", weir_job_attempt(job), weir_job_deliveries(job));
    recorder_add(((struct other *)context)->deliveries, text, 0);
    return WEIR_DONE;
}

/* Whether another worker, whose leases are longer than any test, gets n jobs, each as its first delivery. */
static void another_worker_gets(struct scene *scene, size_t n)
{
    struct other other = {recorder_new()};
    weir_queue_options options = scene->options;
    options.handler = note_counts;
    options.on_event = NULL;
    options.user_data = &other;
    options.min_idle_ms = 3600000;
    weir_queue *queue = NULL;
    assert_int_equal(weir_queue_open(&queue, &options, NULL), WEIR_OK);
    assert_int_equal(weir_queue_start(queue, NULL), WEIR_OK);
    if (!recorder_wait_count(other.deliveries, n, TEST_TIMEOUT_MS))
        fail_msg("of %zu jobs another worker got %zu", n, recorder_count(other.deliveries));
    weir_queue_close(queue);
    assert_int_equal(recorder_count(other.deliveries), n);
    assert_int_equal(recorder_count_key(other.deliveries, "1 1"), n);
    recorder_free(other.deliveries);
}

static bool much_is_waiting(void *scene)
{
    return scene_stats(scene).waiting >= 500;
}

/* 10,000 jobs wait; many are fetched because they were quick, and then all handlers are stuck. */
static void fill_backlog(struct scene *scene)
{
    scene->options.concurrency = 4;
    scene->options.prefetch_ms = 60000;
    scene->options.fetch_max_jobs = 4096;
    scene_add_many(scene, "done", 2000);
    scene_add_many(scene, "heed", 10000);
    scene_start(scene);
    scene_await_ran(scene, "heed", 4);
    assert_true(wait_for(much_is_waiting, scene, TEST_TIMEOUT_MS));
}

static void empty_stream(struct scene *scene)
{
    scene_close(scene);
    freeReplyObject(test_server_command(scene->server, "DEL jobs"));
}

static int64_t stop_backlog(struct scene *scene)
{
    fill_backlog(scene);
    size_t waiting = (size_t)scene_stats(scene).waiting;
    int64_t took_ms = timed_stop(scene->queue, 2000, WEIR_OK);
    size_t ran = scene->n_handled - 2000;
    size_t released = (size_t)scene_stats(scene).released;
    print_message("    %zu were waiting, %zu ran, %zu were handed back\n", waiting, ran, released);
    assert_true(ran == 4 && released >= waiting - 4);

    /* what was fetched is as it was before: pending, but never delivered */
    long long least, most;
    delivery_counts(scene, &least, &most);
    assert_int_equal(most, 0);
    assert_int_equal(scene_pending(scene), released);
    another_worker_gets(scene, 10000 - ran);
    empty_stream(scene);
    return took_ms;
}

static int64_t stop_backlog_without_time(struct scene *scene)
{
    fill_backlog(scene);
    int64_t from_ms = test_now_ms();
    weir_queue_stop(scene->queue, 0);
    int64_t took_ms = test_now_ms() - from_ms;
    empty_stream(scene);
    return took_ms;
}

static int64_t stop_backlog_paused(struct scene *scene)
{
    fill_backlog(scene);
    test_server_pause(scene->server);
    int64_t took_ms = timed_deadline(scene->queue, 200);
    test_server_resume(scene->server);
    empty_stream(scene);
    return took_ms;
}

static void a_stop_with_a_full_backlog_hands_back_what_was_not_started(void **state)
{
    assert_within(*state, "backlog full", stop_backlog, 2000 + GRACE_MS);
    assert_within(*state, "backlog full, stop(0)", stop_backlog_without_time, GRACE_MS);
    assert_within(*state, "backlog full, SIGSTOP", stop_backlog_paused, 200 + GRACE_MS);
}

/* 5,000 entries of a consumer that died, delivered once, and a worker that is claiming them. */
static int64_t stop_claim_storm(struct scene *scene)
{
    enum { JOBS = 5000 };
    scene->options.concurrency = 16;
    scene->options.min_idle_ms = 10;
    scene->options.claim_interval_ms = 10;
    scene->options.prefetch_ms = 60000;
    scene_add_many(scene, "done", JOBS);
    freeReplyObject(test_server_command(scene->server, "XGROUP CREATE jobs weir 0"));
    freeReplyObject(test_server_command(scene->server, "XREADGROUP GROUP weir dead COUNT %d STREAMS jobs >", JOBS));
    scene_start(scene);
    scene_await_handled(scene, 500);
    int64_t took_ms = timed_stop(scene->queue, 2000, WEIR_OK);

    size_t left = JOBS - scene->n_handled;
    long long least, most;
    delivery_counts(scene, &least, &most);
    print_message("    of %d claimable jobs %zu are left\n", JOBS, left);
    assert_int_equal(scene_pending(scene), left);
    if (left > 0)
        assert_true(least == 1 && most == 1); /* the dead consumer's delivery, and no other */
    empty_stream(scene);
    return took_ms;
}

static void a_stop_during_a_claim_storm_hands_everything_back(void **state)
{
    assert_within(*state, "claim storm", stop_claim_storm, 2000 + GRACE_MS);
}

/* --- who calls it, and how often --- */

static void stopping_twice_and_starting_again_works(void **state)
{
    struct scene *scene = *state;
    scene_open(scene);
    assert_int_equal(weir_queue_stop(scene->queue, 0), WEIR_OK); /* which was never started */
    assert_int_equal(weir_queue_stop(scene->queue, -1), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_queue_stop(NULL, 0), WEIR_ERR_ARGUMENT);
    for (size_t i = 1; i <= 5; i++) {
        weir_error err;
        scene_start(scene);
        assert_int_equal(weir_queue_start(scene->queue, &err), WEIR_ERR_STATE);
        scene_add(scene, "done");
        scene_await_handled(scene, i);
        assert_int_equal(weir_queue_stop(scene->queue, 20000), WEIR_OK);
        assert_int_equal(weir_queue_stop(scene->queue, 20000), WEIR_OK);
        assert_int_equal(recorder_count_key(scene->events, "stopped"), i);
        assert_int_equal(scene_pending(scene), 0);
    }
}

struct stopper {
    pthread_t thread;
    weir_queue *queue;
    int64_t deadline_ms, took_ms;
    weir_status status;
};

static void *stop_main(void *argument)
{
    struct stopper *stopper = argument;
    int64_t from_ms = test_now_ms();
    stopper->status = weir_queue_stop(stopper->queue, stopper->deadline_ms);
    stopper->took_ms = test_now_ms() - from_ms;
    return NULL;
}

/* Eight threads with deadlines of step, 2 × step, …; how far the worst of them is beyond its own. */
static int64_t stop_from_eight_threads(struct scene *scene, int64_t step_ms, weir_status expected)
{
    struct stopper stoppers[8];
    int64_t worst_ms = INT64_MIN;
    for (size_t i = 0; i < COUNT_OF(stoppers); i++) {
        stoppers[i] = (struct stopper){.queue = scene->queue, .deadline_ms = step_ms * (int64_t)(i + 1)};
        assert_int_equal(pthread_create(&stoppers[i].thread, NULL, stop_main, &stoppers[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(stoppers); i++) {
        pthread_join(stoppers[i].thread, NULL);
        int64_t over_ms = stoppers[i].took_ms - (expected == WEIR_OK ? 0 : stoppers[i].deadline_ms);
        worst_ms = over_ms > worst_ms ? over_ms : worst_ms;
    }
    for (size_t i = 0; i < COUNT_OF(stoppers); i++)
        assert_int_equal(stoppers[i].status, expected);
    scene_close(scene);
    return worst_ms;
}

static int64_t stop_idle_from_threads(struct scene *scene)
{
    start_and_run_one(scene);
    return stop_from_eight_threads(scene, 5000, WEIR_OK);
}

static int64_t stop_hung_from_threads(struct scene *scene)
{
    scene_start(scene);
    scene_add(scene, "hold");
    scene_await_ran(scene, "hold", 1);
    return stop_from_eight_threads(scene, 100, WEIR_ERR_DEADLINE);
}

static void several_threads_can_stop_at_once(void **state)
{
    assert_within(*state, "idle, eight threads", stop_idle_from_threads, GRACE_MS);
    assert_within(*state, "hung, eight threads, beyond the deadline", stop_hung_from_threads, GRACE_MS);
}

static int stop_in_on_dead(const weir_dead_letter *letter, void *context)
{
    struct scene *scene = context;
    (void)letter;
    recorder_add(scene->events, "stop in on_dead", weir_queue_stop(scene->queue, 1000));
    return 0;
}

/* Events of the queue's own threads, and the last one, which comes from weir_queue_stop itself. */
static void stop_in_on_event(const weir_event *event, void *context)
{
    struct scene *scene = context;
    if (scene->queue)
        recorder_add(scene->events, "stop in on_event", weir_queue_stop(scene->queue, 1000));
    scene_on_event(event, scene);
}

static void a_stop_from_a_callback_is_refused(void **state)
{
    struct scene *scene = *state;
    scene->options.on_dead = stop_in_on_dead;
    scene->options.on_event = stop_in_on_event;
    scene_open(scene);
    scene_start(scene);
    scene_add(scene, "stop");
    scene_add(scene, "reject");
    scene_await_handled(scene, 2);
    scene_await_event(scene, "job dead", 1);
    scene_await_event(scene, "connected", 3);
    assert_int_equal(weir_queue_stop(scene->queue, 20000), WEIR_OK);
    scene_await_event(scene, "stopped", 1);

    size_t n = recorder_count_key(scene->events, "stop in on_event");
    assert_true(n >= 5); /* three connections, a dead job, the stop */
    for (size_t i = 0; i < n; i++)
        assert_int_equal(recorder_get_key(scene->events, "stop in on_event", i).value, WEIR_ERR_STATE);
    assert_int_equal(recorder_get_key(scene->events, "stop in handler", 0).value, WEIR_ERR_STATE);
    assert_int_equal(recorder_get_key(scene->events, "stop in on_dead", 0).value, WEIR_ERR_STATE);
}

static void a_close_from_a_handler_does_nothing_but_complain(void **state)
{
    struct scene *scene = *state;
    scene_start(scene);
    scene_add(scene, "close");
    scene_add(scene, "done");
    scene_await_handled(scene, 2);
    scene_await_pending(scene, 0);
    assert_int_equal(recorder_count(scene->log), 1);
    assert_int_equal(recorder_get(scene->log, 0).value, WEIR_LOG_ERROR);
    assert_non_null(strstr(recorder_get(scene->log, 0).key, "weir_queue_close"));
    assert_int_equal(weir_queue_stop(scene->queue, 20000), WEIR_OK);
}

/* --- closing --- */

static int64_t close_idle(struct scene *scene)
{
    start_and_run_one(scene);
    int64_t took_ms = timed_close(scene);
    scene_close(scene);
    return took_ms;
}

static void a_close_without_a_stop_stops(void **state)
{
    assert_within(*state, "close, idle", close_idle, GRACE_MS - 1);
    weir_queue_close(NULL);
}

static bool as_few_threads(void *threads)
{
    return process_threads() <= *(int *)threads;
}

static void cycles_leave_nothing_behind(void **state)
{
    struct scene *scene = *state;
    scene_add(scene, "done"); /* what is made once is made now */
    scene_start(scene);
    scene_await_handled(scene, 1);
    scene_close(scene);

    enum { CYCLES = 1000 };
    int threads = process_threads(), fds = process_fds();
    int64_t from_ms = test_now_ms();
    for (size_t i = 0; i < CYCLES; i++) {
        scene_open(scene);
        if (i % 10 != 0)
            scene_start(scene);
        if (i % 3 == 0)
            scene_add(scene, "done");
        if (i % 2 == 0)
            assert_int_equal(weir_queue_stop(scene->queue, 20000), WEIR_OK);
        if (i % 4 == 0 && i % 10 != 0) {
            scene_start(scene);
            assert_int_equal(weir_queue_stop(scene->queue, 20000), WEIR_OK);
        }
        weir_queue_close(scene->queue);
        scene->queue = NULL;
    }
    print_message("    %d cycles: %lld ms\n", CYCLES, (long long)(test_now_ms() - from_ms));
    assert_true(wait_for(as_few_threads, &threads, TEST_TIMEOUT_MS)); /* joined, but not yet out of /proc */
    assert_int_equal(process_fds(), fds);
    assert_true(test_server_integer(scene->server, "EXISTS jobs") == 1);
}

/* --- a group of queues --- */

enum { QUEUES = 8 };

/* Queues of the streams s0 to s7, all with the scene's handler. */
static weir_queue_group *start_group(struct scene *scene)
{
    static const char *const streams[QUEUES] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"};
    weir_queue_options options[QUEUES];
    for (size_t i = 0; i < QUEUES; i++) {
        options[i] = scene->options;
        options[i].stream = streams[i];
    }
    weir_queue_group *group = NULL;
    weir_error err;
    if (weir_queue_group_open(&group, options, QUEUES, &err) != WEIR_OK ||
        weir_queue_group_start(group, &err) != WEIR_OK)
        fail_msg("group: %s", err.message);
    return group;
}

static void add_to_each(struct scene *scene, const char *what)
{
    for (int i = 0; i < QUEUES; i++)
        freeReplyObject(test_server_command(scene->server, "XADD s%d * do %s", i, what));
}

static int64_t stop_group_idle(struct scene *scene)
{
    weir_queue_group *group = start_group(scene);
    add_to_each(scene, "done");
    scene_await_handled(scene, QUEUES);
    int64_t from_ms = test_now_ms();
    assert_int_equal(weir_queue_group_stop(group, 5000), WEIR_OK);
    int64_t took_ms = test_now_ms() - from_ms;
    weir_queue_group_close(group);
    scene_close(scene);
    return took_ms;
}

static int64_t stop_group_hung(struct scene *scene)
{
    weir_queue_group *group = start_group(scene);
    add_to_each(scene, "hold");
    scene_await_ran(scene, "hold", QUEUES);
    int64_t from_ms = test_now_ms();
    assert_int_equal(weir_queue_group_stop(group, 300), WEIR_ERR_DEADLINE);
    int64_t took_ms = test_now_ms() - from_ms;
    assert_true(took_ms >= 300);
    scene_release(scene);
    scene_await_handled(scene, QUEUES);
    weir_queue_group_close(group);
    scene_close(scene);
    return took_ms;
}

static int64_t stop_group_paused(struct scene *scene)
{
    weir_queue_group *group = start_group(scene);
    add_to_each(scene, "done");
    scene_await_handled(scene, QUEUES);
    test_server_pause(scene->server);
    int64_t from_ms = test_now_ms();
    weir_queue_group_stop(group, 300);
    int64_t took_ms = test_now_ms() - from_ms;
    test_server_resume(scene->server);
    weir_queue_group_close(group);
    scene_close(scene);
    return took_ms;
}

static void *close_main(void *scene)
{
    int64_t took_ms = timed_close(scene);
    recorder_add(((struct scene *)scene)->events, "close took", took_ms);
    return NULL;
}

/* Eight queues as a group, and one by itself, are closed without a stop: all of them wait at the same time. */
static int64_t close_hung(struct scene *scene)
{
    weir_queue_group *group = start_group(scene);
    scene_start(scene);
    add_to_each(scene, "hold");
    scene_add(scene, "hold");
    scene_await_ran(scene, "hold", QUEUES + 1);

    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, close_main, scene), 0);
    int64_t from_ms = test_now_ms();
    weir_queue_group_close(group);
    int64_t took_ms = test_now_ms() - from_ms;
    pthread_join(thread, NULL);
    int64_t single_ms = recorder_get_key(scene->events, "close took", 0).value;
    assert_true(took_ms >= 10000 && single_ms >= 10000);
    scene_release(scene);
    scene_await_handled(scene, QUEUES + 1);
    scene_close(scene);
    return took_ms > single_ms ? took_ms : single_ms;
}

static void a_close_without_a_stop_waits_ten_seconds_at_most(void **state)
{
    if (getenv("WEIR_TEST_QUICK"))
        skip();
    assert_within(*state, "close, hung", close_hung, 10000 + GRACE_MS);
}

static void a_group_stops_with_one_deadline(void **state)
{
    assert_within(*state, "eight queues, idle", stop_group_idle, GRACE_MS);
    assert_within(*state, "eight queues, all hung", stop_group_hung, 300 + GRACE_MS);
    assert_within(*state, "eight queues, SIGSTOP", stop_group_paused, 300 + GRACE_MS);
}

struct group_holder {
    weir_queue_group *group;
    struct recorder *answers;
};

static weir_outcome stop_own_group(weir_job *job, void *context)
{
    struct group_holder *holder = context;
    (void)job;
    recorder_add(holder->answers, "stop", weir_queue_group_stop(holder->group, 1000));
    weir_queue_group_close(holder->group);
    recorder_add(holder->answers, "close", 0);
    return WEIR_DONE;
}

static void a_group_is_neither_stopped_nor_closed_by_its_own_handlers(void **state)
{
    struct scene *scene = *state;
    struct group_holder holder = {.answers = recorder_new()};
    scene->options.handler = stop_own_group;
    scene->options.on_event = NULL;
    scene->options.user_data = &holder;
    holder.group = start_group(scene);
    add_to_each(scene, "done");
    assert_true(recorder_wait_count_key(holder.answers, "close", QUEUES, TEST_TIMEOUT_MS));
    for (size_t i = 0; i < QUEUES; i++)
        assert_int_equal(recorder_get_key(holder.answers, "stop", i).value, WEIR_ERR_STATE);
    add_to_each(scene, "done"); /* all eight go on */
    assert_true(recorder_wait_count_key(holder.answers, "close", 2 * QUEUES, TEST_TIMEOUT_MS));
    weir_queue_group_close(holder.group);
    recorder_free(holder.answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(an_idle_queue_stops_at_once),
        SCENE_TEST(an_idle_queue_that_may_not_unblock_stops_at_once),
        SCENE_TEST(a_stop_without_time_returns_at_once),
        SCENE_TEST(a_stop_while_redis_is_gone_keeps_its_deadline),
        SCENE_TEST(a_stop_while_redis_hangs_keeps_its_deadline),
        SCENE_TEST(a_stop_while_the_network_drops_everything_keeps_its_deadline),
        SCENE_TEST(a_stop_while_handlers_hang_keeps_its_deadline),
        SCENE_TEST(a_stop_after_a_stop_waits_for_what_was_left_behind),
        SCENE_TEST(a_stop_waits_for_handlers_and_reports_them),
        SCENE_TEST(a_stop_with_a_full_backlog_hands_back_what_was_not_started),
        SCENE_TEST(a_stop_during_a_claim_storm_hands_everything_back),
        SCENE_TEST(stopping_twice_and_starting_again_works),
        SCENE_TEST(several_threads_can_stop_at_once),
        SCENE_TEST(a_stop_from_a_callback_is_refused),
        SCENE_TEST(a_close_from_a_handler_does_nothing_but_complain),
        SCENE_TEST(a_close_without_a_stop_stops),
        SCENE_TEST(cycles_leave_nothing_behind),
        SCENE_TEST(a_group_stops_with_one_deadline),
        SCENE_TEST(a_close_without_a_stop_waits_ten_seconds_at_most),
        SCENE_TEST(a_group_is_neither_stopped_nor_closed_by_its_own_handlers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
