/* SPDX-License-Identifier: MIT
 *
 * A job's whole life on Redis and in process: each allocation fails, each system call with each errno, each connection
 * ends after each byte. Where servers have to be found, or spoken to by TLS: sweep_servers.c.
 */
#include "life.h"
#include "sweep.h"

#include "support/test.h"

#include <stdlib.h>

static struct test_server *server;

static void allocations(void **state)
{
    (void)state;
    struct life lives[] = {{.url = "memory:sweep"},
                           {.url = test_server_url(server), .server = server},
                           {.url = test_server_tcp_url(server), .server = server, .retention = WEIR_DELETE_ON_ACK}};
    static const char *const titles[] = {"a life in process", "a life on Redis", "a life on Redis by TCP"};
    for (size_t i = 0; i < COUNT_OF(lives); i++)
        sweep(titles[i], life_with_fault, &lives[i], &(struct fault){.kind = FAULT_ALLOCATION}, sweep_most(60, 400));
}

static void calls(void **state)
{
    (void)state;
    struct life here = {.url = test_server_url(server), .server = server};
    struct life tcp = {.url = test_server_tcp_url(server), .server = server, .retention = WEIR_DELETE_ON_ACK};
    sweep_calls("a life on Redis", life_with_fault, &here, false, sweep_most(4, 25));
    sweep_calls("a life on Redis by TCP", life_with_fault, &tcp, false, sweep_most(2, 12));
}

static void bytes(void **state)
{
    (void)state;
    struct life life = {.url = test_server_url(server), .server = server};
    sweep("a life on Redis", life_with_fault, &life, &(struct fault){.kind = FAULT_REPLY_BYTE}, sweep_most(100, 800));
    sweep("a life on Redis", life_with_fault, &life, &(struct fault){.kind = FAULT_REQUEST_BYTE}, sweep_most(60, 500));
}

/* --- waking --- */

static struct weir_session *woken;

static void unwake(void)
{
    woken->ops->unwake(woken);
}

/* A thread that wakes another is overtaken by the one that has noticed already, and tidies up: then nothing is left. */
static void a_wake_that_comes_too_late_does_not_spin(void **state)
{
    (void)state;
    struct life life = {.url = test_server_url(server), .server = server};
    size_t polls;
    bool created;
    life_open(&life);
    const struct weir_broker_ops *ops = life.session->ops;
    assert_int_equal(ops->connect(life.session, NULL), WEIR_OK);
    assert_int_equal(ops->create_group(life.session, "0", &created, NULL), WEIR_OK);
    woken = life.session;
    fault_before_write = unwake;
    ops->wake(life.session);
    fault_before_write = NULL;

    struct weir_batch *batch = weir_batch_new(0);
    fault_arm(&(struct fault){.kind = FAULT_POLL}, SIZE_MAX);
    assert_int_equal(ops->read_submit(life.session, 1, 100, NULL), WEIR_OK);
    assert_int_equal(ops->read_collect(life.session, batch, NULL), WEIR_OK);
    fault_off(&polls);
    assert_in_range(polls, 1, 5);
    weir_batch_free(batch);
    life_close(&life);
}

int main(void)
{
    server = test_server_start_tcp(NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations),
        cmocka_unit_test(calls),
        cmocka_unit_test(bytes),
        cmocka_unit_test(a_wake_that_comes_too_late_does_not_spin),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_server_stop(server);
    return failed;
}
