/* SPDX-License-Identifier: MIT
 *
 * The test support itself: what a test relies on, and would otherwise blame the library for.
 */
#include "support/process.h"
#include "support/proxy.h"
#include "support/server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct timeval SHORT = {.tv_usec = 100000};

static redisContext *connect_to(const char *path)
{
    redisContext *context = redisConnectUnix(path);
    assert_non_null(context);
    assert_int_equal(context->err, 0);
    return context;
}

static redisContext *through(const struct test_proxy *proxy)
{
    return connect_to(test_proxy_url(proxy) + strlen("unix://" TEST_LOGIN));
}

static bool ping(redisContext *context)
{
    redisReply *reply = redisCommand(context, "PING");
    bool ok = reply && reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "PONG") == 0;
    if (reply)
        freeReplyObject(reply);
    return ok;
}

static void a_server_runs_and_leaves_nothing(void **state)
{
    (void)state;
    struct test_server *server = test_server_start();
    char directory[128];
    snprintf(directory, sizeof directory, "%.*s",
             (int)(strrchr(test_server_socket(server), '/') - test_server_socket(server)), test_server_socket(server));
    assert_int_equal(test_server_integer(server, "INCR %s", "n"), 1);
    size_t lens[] = {4, 1};
    freeReplyObject(test_server_argv(server, 2, (const char *[]){"INCR", "n"}, lens));
    assert_int_equal(test_server_integer(server, "INCR n"), 3);

    pid_t pid = test_server_pid(server);
    struct stat st;
    assert_int_equal(stat(directory, &st), 0);
    test_server_stop(server);
    assert_int_not_equal(stat(directory, &st), 0);
    assert_int_not_equal(kill(pid, 0), 0);
    test_server_stop(NULL);
}

static void a_restart_keeps_the_address_and_what_was_persisted(void **state)
{
    (void)state;
    static const char *const args[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    struct test_server *server = test_server_start_with(args);
    test_server_integer(server, "INCR n");
    pid_t pid = test_server_pid(server);
    test_server_kill(server);
    redisContext *context = redisConnectUnix(test_server_socket(server));
    assert_int_not_equal(context->err, 0);
    redisFree(context);

    test_server_restart(server);
    assert_int_not_equal(test_server_pid(server), pid);
    assert_int_equal(test_server_integer(server, "INCR n"), 2);
    test_server_restart(server);
    assert_int_equal(test_server_integer(server, "INCR n"), 3);
    test_server_stop(server);
}

static void a_tcp_server_keeps_its_port_over_a_restart(void **state)
{
    (void)state;
    static const char *const args[] = {"--requirepass", "secret", NULL};
    struct test_server *server = test_server_start_tcp(args);
    int port = test_server_tcp_port(server);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(test_server_tcp_port(server), port);
        assert_int_equal(test_server_integer(server, "DEL n"), 0);
        redisContext *context = redisConnect("127.0.0.1", port);
        assert_int_equal(context->err, 0);
        assert_false(ping(context)); /* NOAUTH */
        redisFree(context);
        test_server_restart(server);
    }
    test_server_stop(server);
}

static void a_paused_server_accepts_and_does_not_answer(void **state)
{
    (void)state;
    struct test_server *server = test_server_start();
    test_server_pause(server);
    redisContext *context = connect_to(test_server_socket(server));
    redisSetTimeout(context, SHORT);
    assert_false(ping(context));
    redisFree(context);
    test_server_resume(server);
    context = connect_to(test_server_socket(server));
    assert_true(ping(context));
    redisFree(context);
    test_server_pause(server);
    test_server_stop(server);
}

struct fixture {
    struct test_server *server;
    struct test_proxy *proxy;
};

static int set_up_proxy(void **state)
{
    static struct fixture fixture;
    fixture.server = test_server_start();
    fixture.proxy = test_proxy_start(test_server_socket(fixture.server));
    *state = &fixture;
    return 0;
}

static int tear_down_proxy(void **state)
{
    struct fixture *fixture = *state;
    test_proxy_stop(fixture->proxy);
    test_server_stop(fixture->server);
    return 0;
}

static void a_proxy_forwards_by_unix_socket_and_tcp(void **state)
{
    struct fixture *f = *state;
    redisContext *context = through(f->proxy);
    assert_true(ping(context));
    redisFree(context);
    context = redisConnect("127.0.0.1", test_proxy_tcp_port(f->proxy));
    static char big[3 * 1024 * 1024];
    memset(big, 'x', sizeof big);
    redisReply *reply = redisCommand(context, "ECHO %b", big, sizeof big);
    assert_non_null(reply);
    assert_int_equal(reply->len, sizeof big);
    assert_memory_equal(reply->str, big, sizeof big);
    freeReplyObject(reply);
    redisFree(context);
    assert_int_equal(test_proxy_accepted(f->proxy), 2);
    assert_true(test_proxy_bytes(f->proxy, TEST_PROXY_REPLIES) > sizeof big);
}

static bool nothing_open(void *proxy)
{
    return test_proxy_open(proxy) == 0;
}

static void a_cut_ends_connections_and_new_ones_work(void **state)
{
    struct fixture *f = *state;
    redisContext *context = through(f->proxy);
    assert_true(ping(context));
    test_proxy_cut(f->proxy);
    assert_int_equal(test_proxy_open(f->proxy), 0);
    assert_false(ping(context));
    redisFree(context);
    context = through(f->proxy);
    assert_true(ping(context));
    redisFree(context);
    assert_true(wait_for(nothing_open, f->proxy, TEST_TIMEOUT_MS));
}

static void refusing_concerns_new_connections(void **state)
{
    struct fixture *f = *state;
    redisContext *old = through(f->proxy);
    assert_true(ping(old));
    for (int i = 0; i < 3; i++) {
        test_proxy_refuse(f->proxy, true);
        redisContext *context = redisConnectUnix(test_proxy_url(f->proxy) + strlen("unix://" TEST_LOGIN));
        assert_int_equal(context->err, REDIS_ERR_IO);
        redisFree(context);
        context = redisConnect("127.0.0.1", test_proxy_tcp_port(f->proxy));
        assert_int_equal(context->err, REDIS_ERR_IO);
        redisFree(context);
        assert_true(ping(old));

        test_proxy_refuse(f->proxy, false);
        context = redisConnect("127.0.0.1", test_proxy_tcp_port(f->proxy));
        assert_true(ping(context));
        redisFree(context);
    }
    redisFree(old);
}

/* Sends INCR n through context, expecting no answer yet. */
static void send_incr(redisContext *context)
{
    assert_int_equal(redisAppendCommand(context, "INCR n"), REDIS_OK);
    int done = 0;
    while (!done)
        assert_int_equal(redisBufferWrite(context, &done), REDIS_OK);
}

static bool n_is_set(void *server)
{
    return test_server_integer(server, "EXISTS n") == 1;
}

static void a_black_hole_holds_what_it_swallows(void **state)
{
    struct fixture *f = *state;
    redisContext *context = through(f->proxy);
    assert_true(ping(context));
    test_proxy_black_hole(f->proxy, TEST_PROXY_REPLIES);
    send_incr(context);
    assert_true(wait_for(n_is_set, f->server, TEST_TIMEOUT_MS)); /* requests pass */
    struct timeval timeout = SHORT;
    redisSetTimeout(context, timeout);
    void *reply = NULL;
    assert_int_not_equal(redisGetReply(context, &reply), REDIS_OK);

    /* a client that goes away isn't seen by the server until the network is back */
    test_proxy_black_hole(f->proxy, TEST_PROXY_BOTH);
    redisFree(context);
    assert_int_equal(test_proxy_open(f->proxy), 1);
    test_proxy_black_hole(f->proxy, 0);
    assert_true(wait_for(nothing_open, f->proxy, TEST_TIMEOUT_MS));

    context = through(f->proxy);
    test_proxy_black_hole(f->proxy, TEST_PROXY_REQUESTS);
    send_incr(context);
    test_proxy_heal(f->proxy);
    redisReply *late = NULL;
    assert_int_equal(redisGetReply(context, (void **)&late), REDIS_OK);
    assert_int_equal(late->integer, 2);
    freeReplyObject(late);
    redisFree(context);
}

static void forsaken_connections_stay_dead_and_new_ones_work(void **state)
{
    struct fixture *f = *state;
    redisContext *old = through(f->proxy);
    assert_true(ping(old));
    test_proxy_forsake(f->proxy);
    redisContext *context = through(f->proxy);
    assert_true(ping(context));
    redisFree(context);
    test_proxy_heal(f->proxy);
    struct timeval timeout = SHORT;
    redisSetTimeout(old, timeout);
    assert_false(ping(old));
    redisFree(old);
    assert_true(test_server_integer(f->server, "CLIENT KILL TYPE normal SKIPME yes") >=
                1); /* which never heard of it */
}

static void a_mute_proxy_answers_old_connections_only(void **state)
{
    struct fixture *f = *state;
    redisContext *old = through(f->proxy);
    assert_true(ping(old));
    test_proxy_mute(f->proxy, true);
    redisContext *context = through(f->proxy);
    redisSetTimeout(context, SHORT);
    assert_false(ping(context));
    assert_true(ping(old));
    redisFree(context);
    context = through(f->proxy);
    send_incr(context);
    test_proxy_mute(f->proxy, false);
    redisReply *late = NULL;
    assert_int_equal(redisGetReply(context, (void **)&late), REDIS_OK);
    freeReplyObject(late);
    redisFree(context);
    redisFree(old);
}

static void delay_and_trickle_slow_down(void **state)
{
    struct fixture *f = *state;
    redisContext *context = through(f->proxy);
    assert_true(ping(context));
    test_proxy_delay(f->proxy, TEST_PROXY_BOTH, 30);
    int64_t start_ms = test_now_ms();
    assert_true(ping(context));
    assert_true(test_now_ms() - start_ms >= 60);
    test_proxy_heal(f->proxy);

    test_proxy_trickle(f->proxy, TEST_PROXY_REPLIES, 10);
    start_ms = test_now_ms();
    assert_true(ping(context)); /* +PONG\r\n: seven bytes */
    assert_true(test_now_ms() - start_ms >= 60);
    test_proxy_trickle(f->proxy, TEST_PROXY_BOTH, 0);
    assert_true(ping(context));
    redisFree(context);
}

static void a_connection_is_cut_at_the_very_byte(void **state)
{
    struct fixture *f = *state;
    for (size_t n = 0; n < 7; n++) {
        redisContext *context = through(f->proxy);
        uint64_t before = test_proxy_bytes(f->proxy, TEST_PROXY_REPLIES);
        test_proxy_cut_after(f->proxy, TEST_PROXY_REPLIES, n);
        assert_false(ping(context));
        assert_int_equal(test_proxy_bytes(f->proxy, TEST_PROXY_REPLIES) - before, n);
        redisFree(context);
        context = through(f->proxy); /* once */
        assert_true(ping(context));
        redisFree(context);
    }
    redisContext *context = through(f->proxy);
    test_proxy_cut_after(f->proxy, TEST_PROXY_REQUESTS, 3);
    assert_false(ping(context));
    redisFree(context);
}

static void *add_ten(void *recorder)
{
    for (int i = 0; i < 10; i++)
        recorder_add(recorder, i % 2 ? "odd" : "even", i);
    return NULL;
}

static void a_recorder_is_waited_for(void **state)
{
    (void)state;
    struct recorder *recorder = recorder_new();
    assert_false(recorder_wait_count(recorder, 1, 1));
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_ten, recorder), 0);
    assert_true(recorder_wait_count(recorder, 40, TEST_TIMEOUT_MS));
    assert_true(recorder_wait_count_key(recorder, "odd", 20, TEST_TIMEOUT_MS));
    assert_false(recorder_wait_count_key(recorder, "odd", 21, 1));
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    recorder_add(recorder, "last", 7);
    assert_int_equal(recorder_count(recorder), 41);
    assert_int_equal(recorder_count_key(recorder, "even"), 20);
    assert_int_equal(recorder_distinct_keys(recorder), 3);
    assert_int_equal(recorder_most_of_a_key(recorder), 20);
    assert_int_equal(recorder_get(recorder, 40).value, 7);
    assert_true(recorder_get(recorder, 40).at_ms >= recorder_get(recorder, 0).at_ms);
    assert_int_equal(recorder_get_key(recorder, "odd", 19).value % 2, 1);
    recorder_clear(recorder);
    assert_int_equal(recorder_count(recorder), 0);
    recorder_free(recorder);
    recorder_free(NULL);
}

static int return_42(void *context)
{
    (void)context;
    return 42;
}

static int hang(void *context)
{
    (void)context;
    while (pause() < 0)
        ;
    return 0;
}

static void children_end_as_they_are_told(void **state)
{
    (void)state;
    assert_int_equal(child_wait(child_run(return_42, NULL), TEST_TIMEOUT_MS), 42);
    pid_t pid = child_run(hang, NULL);
    child_signal(pid, SIGSTOP);
    assert_int_equal(child_wait(pid, 1), -1);
    child_signal(pid, SIGCONT);
    child_signal(pid, SIGTERM);
    assert_int_equal(child_wait(pid, TEST_TIMEOUT_MS), 128 + SIGTERM);
    child_kill(child_run(hang, NULL));
}

static void *wait_for_byte(void *fd)
{
    char byte;
    assert_int_equal(read(*(int *)fd, &byte, 1), 1);
    return NULL;
}

static void threads_and_descriptors_are_counted(void **state)
{
    (void)state;
    int fds = process_fds(), threads = process_threads();
    int ends[2];
    pthread_t thread;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_byte, &ends[0]), 0);
    assert_int_equal(process_fds(), fds + 2);
    assert_int_equal(process_threads(), threads + 1);
    assert_int_equal(write(ends[1], "", 1), 1);
    pthread_join(thread, NULL);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(process_fds(), fds);
    assert_true(process_resident_kb() > 100);
    assert_true(process_cpu_ms() >= 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* hiredis writes to connections that were cut */
#define WITH_PROXY(test) cmocka_unit_test_setup_teardown(test, set_up_proxy, tear_down_proxy)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_runs_and_leaves_nothing),
        cmocka_unit_test(a_restart_keeps_the_address_and_what_was_persisted),
        cmocka_unit_test(a_tcp_server_keeps_its_port_over_a_restart),
        cmocka_unit_test(a_paused_server_accepts_and_does_not_answer),
        WITH_PROXY(a_proxy_forwards_by_unix_socket_and_tcp),
        WITH_PROXY(a_cut_ends_connections_and_new_ones_work),
        WITH_PROXY(refusing_concerns_new_connections),
        WITH_PROXY(a_black_hole_holds_what_it_swallows),
        WITH_PROXY(forsaken_connections_stay_dead_and_new_ones_work),
        WITH_PROXY(a_mute_proxy_answers_old_connections_only),
        WITH_PROXY(delay_and_trickle_slow_down),
        WITH_PROXY(a_connection_is_cut_at_the_very_byte),
        cmocka_unit_test(a_recorder_is_waited_for),
        cmocka_unit_test(children_end_as_they_are_told),
        cmocka_unit_test(threads_and_descriptors_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
