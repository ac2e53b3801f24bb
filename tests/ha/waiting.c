/* SPDX-License-Identifier: MIT
 *
 * wait_replicas: what is accepted, what is in doubt, and what it costs. A primary and two replicas, which the test
 * stops as it likes.
 */
#include "load.h"

#include "support/fleet.h"

#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 100 };

static struct fleet fleet;
static weir_error last_error;

static int start_fleet(void **state)
{
    (void)state;
    fleet_start(&fleet, 2, 0);
    return 0;
}

static int stop_fleet(void **state)
{
    (void)state;
    fleet_stop(&fleet);
    return 0;
}

static struct test_server *primary(void)
{
    return fleet.nodes[0];
}

static struct test_server *replica(void)
{
    return fleet.nodes[2];
}

static long long command_calls(const char *name)
{
    redisReply *reply = test_server_command(primary(), "INFO commandstats");
    char key[64];
    snprintf(key, sizeof key, "cmdstat_%s:calls=", name);
    const char *found = strstr(reply->str, key);
    long long calls = found ? atoll(found + strlen(key)) : 0;
    freeReplyObject(reply);
    return calls;
}

static weir_producer_options options_for(const char *stream, uint32_t replicas)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = test_server_url(primary());
    options.stream = stream;
    options.wait_replicas = replicas;
    options.wait_ms = WAIT_MS;
    return options;
}

static weir_producer *open_with(const weir_producer_options *options)
{
    weir_producer *producer = NULL;
    if (weir_producer_open(&producer, options, &last_error) != WEIR_OK)
        fail_msg("%s %s", last_error.message, last_error.server);
    return producer;
}

static weir_producer *open_waiting(const char *stream, uint32_t replicas)
{
    weir_producer_options options = options_for(stream, replicas);
    options.wait_ms = replicas ? 60000 : WAIT_MS; /* for what is to succeed */
    return open_with(&options);
}

static weir_status enqueue(weir_producer *producer, const weir_enqueue_options *options)
{
    last_error = (weir_error){.code = WEIR_OK};
    return weir_enqueue(producer, WEIR_FIELDS(weir_field_text("a", "b")), options, NULL, &last_error);
}

/* While all replicas answer. */
static void what_replicas_have_is_accepted(void **state)
{
    (void)state;
    weir_producer *producer = open_waiting("accepted", 2);
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.delay_ms = 3600000;
    assert_int_equal(enqueue(producer, NULL), WEIR_OK);
    assert_int_equal(enqueue(producer, &delayed), WEIR_OK);
    for (int i = 1; i < 3; i++) { /* by now, not soon */
        assert_int_equal(test_server_integer(fleet.nodes[i], "XLEN accepted"), 1);
        assert_int_equal(test_server_integer(fleet.nodes[i], "ZCARD {accepted}:delayed"), 1);
    }
    weir_producer_close(producer);
}

/* The primary has them; nobody else does, or too few. */
static void what_too_few_replicas_have_is_in_doubt(void **state)
{
    (void)state;
    weir_producer_options options = options_for("doubted", 2);
    weir_producer *producer = open_with(&options);
    test_server_pause(replica());
    assert_int_equal(enqueue(producer, NULL), WEIR_ERR_IN_DOUBT);
    assert_true(last_error.retriable);
    assert_non_null(strstr(last_error.message, "1 of the 2 replicas"));
    assert_non_null(strstr(last_error.message, "100 ms"));

    enum { N = 10 };
    weir_enqueue_job jobs[N];
    weir_enqueue_result results[N];
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("a", "b"));
    for (int i = 0; i < N; i++)
        jobs[i] = (weir_enqueue_job){fields, NULL};
    assert_int_equal(weir_enqueue_bulk(producer, jobs, N, results, &last_error), WEIR_ERR_IN_DOUBT);
    for (int i = 0; i < N; i++) {
        assert_int_equal(results[i].status, WEIR_ERR_IN_DOUBT);
        assert_string_equal(results[i].id.text, "");
    }
    assert_int_equal(test_server_integer(primary(), "XLEN doubted"), 1 + N);

    test_server_resume(replica());
    weir_producer_close(producer);
    producer = open_waiting("doubted", 2);
    assert_int_equal(enqueue(producer, NULL), WEIR_OK);
    weir_producer_close(producer);
}

/* One wait for all the jobs of a round trip, scripts that had to be loaded aside. */
static void a_bulk_waits_once(void **state)
{
    (void)state;
    enum { N = 2000 };
    static weir_enqueue_job jobs[N];
    static weir_enqueue_result results[N];
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.delay_ms = 3600000;
    delayed.id = "same";
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("a", "b"));
    for (int i = 0; i < N; i++)
        jobs[i] = (weir_enqueue_job){fields, i % 100 == 99 ? &delayed : NULL};
    weir_producer *producer = open_waiting("bulk", 2);
    assert_int_equal(weir_enqueue_bulk(producer, &jobs[99], 1, results, &last_error), WEIR_OK); /* loads the script */
    long long before = command_calls("wait");
    assert_int_equal(weir_enqueue_bulk(producer, jobs, N, results, &last_error), WEIR_ERR_EXISTS);
    assert_int_equal(command_calls("wait") - before, 1);
    for (int i = 0; i < N; i++) /* what was refused is no less refused */
        assert_int_equal(results[i].status, i % 100 == 99 ? WEIR_ERR_EXISTS : WEIR_OK);
    weir_producer_close(producer);
}

/* --- with idempotency the call asks until it knows --- */

struct call {
    weir_producer *producer;
    const weir_enqueue_options *options;
    weir_status status;
};

static void *run_call(void *context)
{
    struct call *call = context;
    call->status = weir_enqueue(call->producer, WEIR_FIELDS(weir_field_text("a", "b")), call->options, NULL, NULL);
    return NULL;
}

static bool was_repeated(void *context)
{
    return command_calls("wait") >= *(long long *)context;
}

static void an_idempotent_call_waits_for_longer(void **state)
{
    (void)state;
    weir_producer_options options = options_for("repeated", 2);
    options.connection.command_timeout_ms = 600000;
    weir_enqueue_options once = WEIR_ENQUEUE_OPTIONS_INIT;
    once.id = "one";
    once.idempotency_ms = 3600000;
    struct call call = {.producer = open_with(&options), .options = &once, .status = WEIR_ERR_STATE};
    long long enough = command_calls("wait") + 4;
    test_server_pause(replica());
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_call, &call), 0);
    assert_true(wait_for(was_repeated, &enough, TEST_TIMEOUT_MS));
    test_server_resume(replica());
    pthread_join(thread, NULL);
    assert_int_equal(call.status, WEIR_OK);
    assert_int_equal(test_server_integer(primary(), "XLEN repeated"), 1);
    weir_producer_close(call.producer);
}

/* A duplicate adds nothing, and is accepted only once the replicas have what it is a duplicate of. */
static void a_duplicate_waits_as_well(void **state)
{
    (void)state;
    weir_enqueue_options once = WEIR_ENQUEUE_OPTIONS_INIT;
    once.id = "one";
    once.idempotency_ms = 3600000;
    weir_producer_options options = options_for("duplicates", 2);
    options.connection.command_timeout_ms = 300;
    weir_producer *careless = open_waiting("duplicates", 0), *careful = open_with(&options);
    test_server_pause(replica());
    assert_int_equal(enqueue(careless, &once), WEIR_OK);
    assert_int_equal(enqueue(careful, &once), WEIR_ERR_IN_DOUBT);
    test_server_resume(replica());
    weir_producer_close(careful);
    careful = open_waiting("duplicates", 2);
    assert_int_equal(enqueue(careful, &once), WEIR_OK);
    assert_int_equal(test_server_integer(primary(), "XLEN duplicates"), 1);
    weir_producer_close(careful);
    weir_producer_close(careless);
}

/* --- what can't be --- */

static void what_can_not_be_is_said_when_it_is_opened(void **state)
{
    (void)state;
    weir_producer *producer = NULL;
    weir_producer_options options = options_for("refused", 1001);
    assert_int_equal(weir_producer_open(&producer, &options, &last_error), WEIR_ERR_ARGUMENT);
    assert_non_null(strstr(last_error.message, "wait_replicas is 1001"));
    options.wait_replicas = 1;
    for (int i = 0; i < 2; i++) {
        options.wait_ms = i ? 600001 : 0;
        assert_int_equal(weir_producer_open(&producer, &options, &last_error), WEIR_ERR_ARGUMENT);
        assert_non_null(strstr(last_error.message, "wait_ms is"));
    }
    options.wait_ms = 1;
    options.url = "memory:no-replicas";
    assert_int_equal(weir_producer_open(&producer, &options, &last_error), WEIR_ERR_ARGUMENT);
    assert_non_null(strstr(last_error.message, "memory: has no replicas"));

    freeReplyObject(test_server_command(primary(), "ACL SETUSER u reset on >secret ~* +@all -wait"));
    char url[256];
    snprintf(url, sizeof url, "unix://u:secret@%s", test_server_socket(primary()));
    options.url = url;
    assert_int_equal(weir_producer_open(&producer, &options, &last_error), WEIR_ERR_PERMISSION);
    assert_non_null(strstr(last_error.message, "WAIT"));
    assert_null(producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_replicas_have_is_accepted),
        cmocka_unit_test(what_too_few_replicas_have_is_in_doubt),
        cmocka_unit_test(a_bulk_waits_once),
        cmocka_unit_test(an_idempotent_call_waits_for_longer),
        cmocka_unit_test(a_duplicate_waits_as_well),
        cmocka_unit_test(what_can_not_be_is_said_when_it_is_opened),
    };
    return cmocka_run_group_tests(tests, start_fleet, stop_fleet);
}
