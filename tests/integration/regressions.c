/* SPDX-License-Identifier: MIT
 *
 * Bugs that were found and mended, each with the test that failed first.
 */
#include <weir/weir.h>

#include "support/proxy.h"
#include "support/server.h"
#include "support/test.h"
#include "support/wait.h"

#include <string.h>

static weir_outcome done(weir_job *job, void *user_data)
{
    recorder_add(user_data, weir_job_id(job), (long long)weir_job_deliveries(job));
    return WEIR_DONE;
}

/* 1: opening a queue read one entry and forgot it: XREADGROUP takes the largest id of all for ">". */
static void opening_a_queue_delivers_nothing(void **state)
{
    (void)state;
    struct test_server *server = test_server_start();
    struct recorder *recorder = recorder_new();
    for (int i = 0; i < 3; i++)
        freeReplyObject(test_server_command(server, "XADD jobs * n %d", i));

    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    weir_error err;
    weir_queue *queue = NULL;
    o.url = test_server_url(server);
    o.stream = "jobs";
    o.handler = done;
    o.user_data = recorder;
    assert_int_equal(weir_queue_open(&queue, &o, &err), WEIR_OK);
    redisReply *pending = test_server_command(server, "XPENDING jobs weir");
    assert_int_equal(pending->element[0]->integer, 0);
    freeReplyObject(pending);

    /* and so each of them runs as a first delivery */
    assert_int_equal(weir_queue_start(queue, &err), WEIR_OK);
    assert_true(recorder_wait_count(recorder, 3, TEST_TIMEOUT_MS));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(recorder_get(recorder, i).value, 1);
    weir_queue_close(queue);
    recorder_free(recorder);
    test_server_stop(server);
}

/*
 * 2: after a restart under the same name, entries that were long idle ran twice: the claimer had taken them over, and
 * the reader took what was pending for this consumer, and not delivered yet, for forgotten.
 */
static void what_a_former_life_left_runs_once(void **state)
{
    (void)state;
    enum { ROUNDS = 10, JOBS = 300 };
    struct test_server *server = test_server_start();
    for (int round = 0; round < ROUNDS; round++) {
        struct recorder *recorder = recorder_new();
        weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
        weir_error err;
        weir_queue *queue = NULL;
        o.url = test_server_url(server);
        o.stream = "jobs";
        o.consumer = "phoenix";
        o.handler = done;
        o.user_data = recorder;
        o.min_idle_ms = 20000;
        assert_int_equal(weir_queue_open(&queue, &o, &err), WEIR_OK);
        for (int i = 0; i < JOBS; i++)
            freeReplyObject(test_server_command(server, "XADD jobs * n %d", i));
        freeReplyObject(test_server_command(server, "XREADGROUP GROUP weir phoenix STREAMS jobs >"));
        redisReply *rows = test_server_command(server, "XPENDING jobs weir - + 1000");
        for (size_t i = 0; i < rows->elements; i++)
            freeReplyObject(test_server_command(server, "XCLAIM jobs weir phoenix 0 %s IDLE 100000 RETRYCOUNT 1 JUSTID",
                                                rows->element[i]->element[0]->str));
        freeReplyObject(rows);

        assert_int_equal(weir_queue_start(queue, &err), WEIR_OK);
        assert_true(recorder_wait_count(recorder, JOBS, TEST_TIMEOUT_MS));
        assert_int_equal(weir_queue_stop(queue, TEST_TIMEOUT_MS), WEIR_OK);
        weir_queue_close(queue);
        assert_int_equal(recorder_count(recorder), JOBS);
        for (size_t i = 0; i < JOBS; i++)
            assert_int_equal(recorder_get(recorder, i).value, 2);
        recorder_free(recorder);
    }
    test_server_stop(server);
}

/*
 * A read that would wait for 20 ms has waited for a second: until the end of a CLIENT PAUSE. The server names the last
 * command that it has executed for a client: it can be told from others once the worker's reads have begun.
 */
static bool a_read_is_postponed(void *server)
{
    redisReply *clients = test_server_command(server, "CLIENT LIST");
    bool postponed = false;
    for (const char *line = clients->str; line && *line && !postponed;
         line = strchr(line, '\n'), line += line != NULL) {
        const char *idle = strstr(line, " idle="), *command = strstr(line, " cmd=");
        postponed = idle && idle[6] != '0' && command && strncmp(command, " cmd=xreadgroup", 15) == 0;
    }
    freeReplyObject(clients);
    return postponed;
}

/* Pauses writes under a worker that has read one job, and waits until its next read is one of them. */
static void pause_writes(struct test_server *server, struct recorder *recorder)
{
    freeReplyObject(test_server_command(server, "XADD jobs * n 0"));
    assert_true(recorder_wait_count(recorder, 1, TEST_TIMEOUT_MS));
    freeReplyObject(test_server_command(server, "CLIENT PAUSE 100000 WRITE"));
    assert_true(wait_for(a_read_is_postponed, server, TEST_TIMEOUT_MS));
}

/*
 * 3: a stop during a CLIENT PAUSE WRITE killed the server: Redis 7.0 panics at a CLIENT UNBLOCK of a client whose
 * command is postponed.
 */
static void a_stop_while_writes_are_paused_harms_no_server(void **state)
{
    (void)state;
    struct test_server *server = test_server_start();
    struct recorder *recorder = recorder_new();
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = test_server_url(server);
    o.stream = "jobs";
    o.handler = done;
    o.user_data = recorder;
    o.block_ms = 20;
    o.connection.command_timeout_ms = 5000;
    weir_queue *queue = NULL;
    assert_int_equal(weir_queue_open(&queue, &o, NULL), WEIR_OK);
    assert_int_equal(weir_queue_start(queue, NULL), WEIR_OK);
    pause_writes(server, recorder);
    weir_queue_stop(queue, 200);
    freeReplyObject(test_server_command(server, "CLIENT UNPAUSE"));
    weir_queue_close(queue);
    recorder_free(recorder);
    test_server_stop(server);
}

struct accepted {
    struct test_proxy *proxy;
    size_t n;
};

static bool has_accepted(void *context)
{
    struct accepted *accepted = context;
    return test_proxy_accepted(accepted->proxy) >= accepted->n;
}

/* And so did a worker that came back and ended the read of its former connection, which it could not close. */
static void coming_back_while_writes_are_paused_harms_no_server(void **state)
{
    (void)state;
    struct test_server *server = test_server_start();
    struct test_proxy *proxy = test_proxy_start(test_server_socket(server));
    struct recorder *recorder = recorder_new();
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = test_proxy_url(proxy);
    o.stream = "jobs";
    o.handler = done;
    o.user_data = recorder;
    o.block_ms = 20;
    o.connection.command_timeout_ms = 2000;
    weir_queue *queue = NULL;
    assert_int_equal(weir_queue_open(&queue, &o, NULL), WEIR_OK);
    assert_int_equal(weir_queue_start(queue, NULL), WEIR_OK);
    pause_writes(server, recorder);
    size_t accepted = test_proxy_accepted(proxy);
    test_proxy_forsake(proxy);
    struct accepted again = {proxy, accepted + 2}; /* reader and claimer */
    assert_true(wait_for(has_accepted, &again, TEST_TIMEOUT_MS));
    freeReplyObject(test_server_command(server, "CLIENT UNPAUSE"));
    freeReplyObject(test_server_command(server, "XADD jobs * n 1"));
    assert_true(recorder_wait_count(recorder, 2, TEST_TIMEOUT_MS));
    weir_queue_close(queue);
    recorder_free(recorder);
    test_proxy_stop(proxy);
    test_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_a_queue_delivers_nothing),
        cmocka_unit_test(what_a_former_life_left_runs_once),
        cmocka_unit_test(a_stop_while_writes_are_paused_harms_no_server),
        cmocka_unit_test(coming_back_while_writes_are_paused_harms_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
