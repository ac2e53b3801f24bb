/* SPDX-License-Identifier: MIT
 *
 * The access lists of docs/security.md, read from there: each is enough for the whole life of a job, everything in it
 * is used, and what is taken away is missed, by name.
 *
 *     access PAGE
 */
#include "access_lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a worker --- */

static bool old_server(struct scene *scene)
{
    redisReply *reply = test_server_command(scene->server, "INFO server");
    const char *version = strstr(reply->str, "redis_version:");
    bool old = version && atoi(version + strlen("redis_version:")) < 7;
    freeReplyObject(reply);
    return old;
}

static struct list worker_list(struct scene *scene)
{
    struct list list = {.n = 0};
    add_block(&list, "worker");
    if (old_server(scene))
        add_block(&list, "worker redis-6.2");
    return list;
}

/* Entries pending for a consumer that is gone: one to be claimed, and one whose payload is lost. */
static void leave_behind(struct scene *scene)
{
    command(scene, "XADD " EMAILS " 1-1 do deleted");
    command(scene, "XADD " EMAILS " * do stuck");
    command(scene, "XREADGROUP GROUP weir gone COUNT 10 STREAMS " EMAILS " >");
    command(scene, "XDEL " EMAILS " 1-1");
}

/* As another writer could: more fields than a script can pass on. */
static void add_giant(struct scene *scene)
{
    enum { FIELDS = 4000 };
    const char **argv = calloc(3 + 2 * FIELDS, sizeof *argv);
    assert_non_null(argv);
    argv[0] = "XADD", argv[1] = EMAILS, argv[2] = "*";
    for (size_t i = 0; i < FIELDS; i++) {
        argv[3 + 2 * i] = i ? "f" : "do";
        argv[4 + 2 * i] = i ? "v" : "reject";
    }
    freeReplyObject(test_server_argv(scene->server, 3 + 2 * FIELDS, argv, NULL));
    free(argv);
}

static bool gone_is_reaped(void *scene)
{
    redisReply *reply = test_server_command(((struct scene *)scene)->server, "XINFO CONSUMERS " EMAILS " weir");
    bool alone = reply->elements == 1;
    freeReplyObject(reply);
    return alone;
}

static bool all_is_trimmed(void *scene)
{
    return test_server_integer(((struct scene *)scene)->server, "XLEN " EMAILS) == 0;
}

static bool all_is_dead(void *scene)
{
    return test_server_integer(((struct scene *)scene)->server, "XLEN {" EMAILS "}:dead") == 4;
}

/* Everything that a worker does with jobs of other programs. */
static void work(struct scene *scene)
{
    command(scene, "DEL " EMAILS " {" EMAILS "}:dead");
    command(scene, "XGROUP CREATE " EMAILS " weir 0 MKSTREAM");
    leave_behind(scene);
    add_giant(scene);
    static const char *const jobs[] = {"done", "retry", "reject", "hold"};
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        redisReply *reply = test_server_command(scene->server, "XADD " EMAILS " * do %s", jobs[i]);
        assert_int_equal(reply->type, REDIS_REPLY_STRING);
        freeReplyObject(reply);
    }
    scene_hold(scene);
    scene->options.url = user_url(scene);
    scene->options.stream = EMAILS;
    scene->options.min_idle_ms = 200; /* so that leases are renewed, and what is stuck is claimed */
    scene->options.backoff_base_ms = 10;
    scene->options.max_attempts = 2;
    scene->options.trim_interval_ms = 10;
    scene->options.reap_idle_ms = 1;
    scene_start(scene);
    scene_await_ran(scene, "hold", 1);
    scene_await_ran(scene, "stuck", 1);
    scene_await_ran(scene, "retry", 2);
    scene_await_ran(scene, "done", 1);
    assert_true(wait_for(all_is_dead, scene, TEST_TIMEOUT_MS)); /* retry, reject, the giant, and what was deleted */
    assert_true(wait_for(gone_is_reaped, scene, TEST_TIMEOUT_MS));
    while (scene_stats(scene).leases_renewed == 0)
        let_pass(5);
    scene_release(scene);
    assert_true(wait_for(all_is_trimmed, scene, TEST_TIMEOUT_MS));
    command(scene, "XGROUP DESTROY " EMAILS " weir"); /* and it is made anew */
    scene_await_event(scene, "group created", 1);
    assert_int_equal(weir_queue_stop(scene->queue, TEST_TIMEOUT_MS), WEIR_OK);
    scene_close(scene);
}

static weir_status open_worker(struct scene *scene)
{
    weir_queue_options options = scene->options;
    options.url = user_url(scene);
    options.stream = EMAILS;
    weir_queue *queue = NULL;
    weir_status status = weir_queue_open(&queue, &options, &last_error);
    weir_queue_close(queue);
    return status;
}

static void a_workers_list_suffices_and_is_used(void **state)
{
    struct scene *scene = *state;
    struct list list = worker_list(scene);
    struct list comfortable = list;
    add_block(&comfortable, "comfort");
    allow(scene->server, &comfortable, NULL);
    command(scene, "ACL LOG RESET");
    command(scene, "SCRIPT FLUSH");
    for (int with_scripts = 0; with_scripts < 2; with_scripts++)
        work(scene);
    expect_nothing_denied(scene);
    for (size_t i = 0; i < recorder_count(scene->log); i++)
        assert_null(strstr(recorder_get(scene->log, i).key, "ACL"));

    /* without the comfort everything works, too; and what is not needed to open a queue is needed afterwards */
    allow(scene->server, &list, NULL);
    assert_int_equal(open_worker(scene), WEIR_OK);
    command(scene, "CONFIG RESETSTAT");
    command(scene, "SCRIPT FLUSH");
    work(scene);
    expect_all_used(scene, &list);
}

static void a_workers_list_is_minimal(void **state)
{
    struct scene *scene = *state;
    struct list list = worker_list(scene);
    expect_each_missed(scene, &list, open_worker);
    scene->options.retention = WEIR_DELETE_ON_ACK;
    assert_int_equal(open_worker(scene), WEIR_ERR_PERMISSION);
    expect_missed(&list, "+xdel", WEIR_ERR_PERMISSION);
    add_block(&list, "worker delete-on-ack");
    expect_each_missed(scene, &list, open_worker);
}

static void retentions_need_what_is_said(void **state)
{
    struct scene *scene = *state;
    struct list list = worker_list(scene);
    allow(scene->server, &list, NULL);
    scene->options.retention = WEIR_KEEP_LAST;
    scene->options.retention_count = 1;
    assert_int_equal(open_worker(scene), WEIR_OK);
    scene->options.retention = WEIR_DELETE_ON_ACK;
    add_block(&list, "worker delete-on-ack");
    allow(scene->server, &list, NULL);
    command(scene, "ACL LOG RESET");
    command(scene, "CONFIG RESETSTAT");
    scene->options.url = user_url(scene);
    scene->options.stream = EMAILS;
    scene_start(scene);
    command(scene, "XADD " EMAILS " * do done");
    scene_await_ran(scene, "done", 1);
    assert_true(wait_for(all_is_trimmed, scene, TEST_TIMEOUT_MS));
    assert_true(executed(scene, "xdel") > 1);
    assert_int_equal(weir_queue_stop(scene->queue, TEST_TIMEOUT_MS), WEIR_OK);
}

/* --- a producer --- */

static int64_t producer_delay_ms, producer_window_ms; /* what produce does besides */

/* A delayed job that can't be stored leaves no half behind: that takes a permission, too. */
static weir_status enqueue_into_a_spoilt_hash(struct scene *scene, weir_producer *producer)
{
    command(scene, "SET {" EMAILS "}:delayed:jobs x");
    weir_status status = enqueue(producer, "spoilt", producer_delay_ms, producer_window_ms);
    command(scene, "DEL {" EMAILS "}:delayed:jobs");
    return status == WEIR_ERR_SERVER ? WEIR_OK : status;
}

static weir_status produce(struct scene *scene)
{
    command(scene, "FLUSHDB");
    command(scene, "SCRIPT FLUSH");
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = user_url(scene);
    options.stream = EMAILS;
    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, &last_error);
    for (int i = 0; status == WEIR_OK && i < 2; i++) { /* without scripts, and with them */
        status = enqueue(producer, "now", 0, 0);
        if (status == WEIR_OK && producer_delay_ms > 0)
            status = enqueue(producer, i ? "later too" : "later", producer_delay_ms, 0);
        if (status == WEIR_OK && producer_window_ms > 0)
            status = enqueue(producer, "once", 0, producer_window_ms);
        if (status == WEIR_OK && producer_delay_ms > 0 && producer_window_ms > 0)
            status = enqueue(producer, "once later", producer_delay_ms, producer_window_ms);
        if (status == WEIR_OK && producer_delay_ms > 0)
            status = enqueue_into_a_spoilt_hash(scene, producer);
    }
    weir_producer_close(producer);
    return status;
}

static void a_producers_lists_suffice_and_are_minimal(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 4; i++) {
        producer_delay_ms = i & 1 ? 3600000 : 0;
        producer_window_ms = i & 2 ? 3600000 : 0;
        struct list list = {.n = 0};
        add_block(&list, "producer");
        if (producer_delay_ms > 0)
            add_block(&list, "producer delays");
        if (producer_window_ms > 0)
            add_block(&list, "producer idempotency");
        expect_each_missed(scene, &list, produce);

        add_block(&list, "comfort");
        allow(scene->server, &list, NULL);
        command(scene, "ACL LOG RESET");
        assert_int_equal(produce(scene), WEIR_OK);
        expect_nothing_denied(scene);
    }
}

/* A denial in a script is of the whole of it: nothing was enqueued, and nothing is left. */
static void a_denied_enqueue_leaves_nothing(void **state)
{
    struct scene *scene = *state;
    struct list list = {.n = 0};
    add_block(&list, "producer");
    add_block(&list, "producer delays");
    add_block(&list, "producer idempotency");
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = user_url(scene);
    options.stream = EMAILS;
    allow(scene->server, &list, NULL);
    weir_producer *producer = NULL;
    assert_int_equal(weir_producer_open(&producer, &options, &last_error), WEIR_OK);
    for (size_t i = 0; i < list.n; i++) {
        allow(scene->server, &list, list.tokens[i]);
        for (int delayed = 0; delayed < 2; delayed++) {
            command(scene, "FLUSHDB");
            weir_status status = enqueue(producer, "x", delayed ? 3600000 : 0, 3600000);
            redisReply *left = test_server_command(scene->server, "KEYS *"); /* DBSIZE counts what has expired */
            if (status != WEIR_OK && left->elements > 0)
                fail_msg("without %s: %s is left", list.tokens[i], left->element[0]->str);
            freeReplyObject(left);
        }
    }
    weir_producer_close(producer);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_workers_list_suffices_and_is_used), SCENE_TEST(a_workers_list_is_minimal),
        SCENE_TEST(retentions_need_what_is_said),        SCENE_TEST(a_producers_lists_suffice_and_are_minimal),
        SCENE_TEST(a_denied_enqueue_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return access_run(argc, argv, run_all);
}
