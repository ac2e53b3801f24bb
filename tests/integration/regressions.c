/* SPDX-License-Identifier: MIT
 *
 * Bugs that were found and mended, each with the test that failed first.
 */
#include <weir/weir.h>

#include "support/server.h"
#include "support/test.h"
#include "support/wait.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_a_queue_delivers_nothing),
        cmocka_unit_test(what_a_former_life_left_runs_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
