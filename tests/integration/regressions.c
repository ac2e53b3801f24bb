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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_a_queue_delivers_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
