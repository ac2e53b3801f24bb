/* SPDX-License-Identifier: MIT
 *
 * What goes wrong is named, and what an enqueue call says is true: wrong passwords, denied commands, keys of other
 * types, servers that can't be reached, and connections that fail while jobs are on their way.
 */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

#define PASSWORD "s3cret-Word"
#define WRONG_PASSWORD "n0t-the-w0rd"

static weir_error last_error;

static const char *url_of(struct scene *scene, const char *credentials)
{
    static char url[192];
    snprintf(url, sizeof url, "unix://%s%s%s", credentials, *credentials ? "@" : "", test_server_socket(scene->server));
    return url;
}

static weir_status open_queue(struct scene *scene, const char *url)
{
    last_error = (weir_error){.code = WEIR_OK};
    weir_queue_options options = scene->options;
    options.url = url;
    weir_queue *queue = NULL;
    weir_status status = weir_queue_open(&queue, &options, &last_error);
    assert_true((status == WEIR_OK) == (queue != NULL));
    assert_true(status == WEIR_OK || last_error.code == status);
    weir_queue_close(queue);
    return status;
}

static weir_producer *new_producer(const char *url, int64_t timeout_ms)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = "jobs";
    options.connection.command_timeout_ms = timeout_ms;
    weir_producer *producer = NULL;
    if (weir_producer_open(&producer, &options, &last_error) != WEIR_OK)
        fail_msg("producer: %s: %s", last_error.message, last_error.server);
    return producer;
}

static weir_status open_producer(const char *url)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = "jobs";
    options.connection.command_timeout_ms = 1000;
    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, &last_error);
    assert_true((status == WEIR_OK) == (producer != NULL));
    weir_producer_close(producer);
    return status;
}

static weir_status open_dead(const char *url)
{
    weir_dead_options options = WEIR_DEAD_OPTIONS_INIT;
    options.url = url;
    options.stream = "jobs";
    options.connection.command_timeout_ms = 1000;
    weir_dead *dead = NULL;
    weir_status status = weir_dead_open(&dead, &options, &last_error);
    assert_true((status == WEIR_OK) == (dead != NULL));
    weir_dead_close(dead);
    return status;
}

static weir_status enqueue(weir_producer *producer, const char *what, int64_t delay_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.delay_ms = delay_ms;
    return weir_enqueue(producer, WEIR_FIELDS(weir_field_text("do", what)), &options, NULL, &last_error);
}

static void says(const char *words)
{
    if (!strstr(last_error.message, words) && !strstr(last_error.server, words))
        fail_msg("neither \"%s\" nor \"%s\" says \"%s\"", last_error.message, last_error.server, words);
}

static void keeps_secret(const char *word)
{
    assert_null(strstr(last_error.message, word));
    assert_null(strstr(last_error.server, word));
}

static void run_command(struct scene *scene, const char *command)
{
    redisReply *reply = test_server_command(scene->server, command);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", command, reply->str);
    freeReplyObject(reply);
}

/* --- passwords --- */

static void a_wrong_password_is_named_and_not_told(void **state)
{
    struct scene *scene = scene_new((const char *const[]){"--requirepass", PASSWORD, NULL});
    *state = scene;
    static const char *const credentials[] = {":" WRONG_PASSWORD, "default:" WRONG_PASSWORD, "nobody:" WRONG_PASSWORD,
                                              ""};
    for (size_t i = 0; i < COUNT_OF(credentials); i++) {
        const char *url = url_of(scene, credentials[i]);
        assert_int_equal(open_queue(scene, url), WEIR_ERR_AUTH);
        says("password");
        keeps_secret(WRONG_PASSWORD);
        assert_false(last_error.retriable);
        assert_int_equal(open_producer(url), WEIR_ERR_AUTH);
        keeps_secret(WRONG_PASSWORD);
        assert_int_equal(open_dead(url), WEIR_ERR_AUTH);
        keeps_secret(WRONG_PASSWORD);
    }
    assert_int_equal(open_queue(scene, url_of(scene, ":" PASSWORD)), WEIR_OK);
    assert_int_equal(open_producer(url_of(scene, "default:" PASSWORD)), WEIR_OK);
    assert_int_equal(recorder_count(scene->log), 0);
}

static void a_password_that_is_not_wanted_is_named(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(open_queue(scene, url_of(scene, ":" WRONG_PASSWORD)), WEIR_ERR_AUTH);
    says("password");
    keeps_secret(WRONG_PASSWORD);
}

static bool has_complained(void *scene)
{
    return recorder_count(((struct scene *)scene)->log) >= 2;
}

/* The password changes while the worker runs, and changes back. */
static void a_password_that_changes_stops_nothing_for_good(void **state)
{
    struct scene *scene = *state;
    run_command(scene, "ACL SETUSER w on >" PASSWORD " ~* +@all");
    scene->options.url = url_of(scene, "w:" PASSWORD);
    scene_start(scene);
    scene_add(scene, "done");
    scene_await_handled(scene, 1);
    run_command(scene, "ACL SETUSER w resetpass >other");
    run_command(scene, "CLIENT KILL USER w");
    scene_add(scene, "done");
    assert_true(wait_for(has_complained, scene, TEST_TIMEOUT_MS));
    run_command(scene, "ACL SETUSER w >" PASSWORD);
    scene_await_handled(scene, 2);
    scene_await_pending(scene, 0);
    for (size_t i = 0; i < recorder_count(scene->log); i++)
        assert_null(strstr(recorder_get(scene->log, i).key, PASSWORD));
}

/* --- ACLs --- */

static void a_denied_command_is_named(void **state)
{
    static const struct {
        const char *rule, *named;
    } denied[] = {
        {"-xautoclaim", "XAUTOCLAIM"}, {"-xreadgroup", "XREADGROUP"}, {"-xack", "XACK"},   {"-xpending", "XPENDING"},
        {"-xclaim", "XCLAIM"},         {"-xgroup", "XGROUP"},         {"-xinfo", "XINFO"}, {"-xtrim", "XTRIM"},
        {"-evalsha", "renew"},         {"-exists", "EXISTS"},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < COUNT_OF(denied); i++) {
        char command[96];
        snprintf(command, sizeof command, "ACL SETUSER w reset on >pw ~* +@all %s", denied[i].rule);
        run_command(scene, command);
        assert_int_equal(open_queue(scene, url_of(scene, "w:pw")), WEIR_ERR_PERMISSION);
        says(denied[i].named);
        assert_false(last_error.retriable);
    }
    run_command(scene, "ACL SETUSER w reset on >pw ~other +@all");
    assert_int_equal(open_queue(scene, url_of(scene, "w:pw")), WEIR_ERR_PERMISSION);
    says("keys");

    weir_producer *producer = new_producer(url_of(scene, "w:pw"), 1000);
    assert_int_equal(enqueue(producer, "done", 0), WEIR_ERR_PERMISSION);
    weir_producer_close(producer);
}

/* --- keys that hold something else --- */

static void a_key_of_another_type_is_named(void **state)
{
    struct scene *scene = *state;
    run_command(scene, "SET jobs 1");
    assert_int_equal(open_queue(scene, test_server_url(scene->server)), WEIR_ERR_SERVER);
    says("WRONGTYPE");
    says("another stream name");
    weir_producer *producer = new_producer(test_server_url(scene->server), 1000);
    assert_int_equal(enqueue(producer, "done", 0), WEIR_ERR_SERVER);
    says("WRONGTYPE");
    run_command(scene, "SET {jobs}:delayed 1");
    assert_int_equal(enqueue(producer, "done", 1000), WEIR_ERR_SERVER);
    says("WRONGTYPE");
    weir_producer_close(producer);
}

/* --- servers that can't be reached --- */

static void tls_that_is_not_built_in_is_named(void **state)
{
    struct scene *scene = *state;
    weir_status status = open_queue(scene, "rediss://127.0.0.1:1");
    if (status == WEIR_ERR_CONNECTION)
        skip(); /* it is built in */
    assert_int_equal(status, WEIR_ERR_UNSUPPORTED);
    says("TLS");
    assert_int_equal(open_producer("rediss://127.0.0.1:1"), WEIR_ERR_UNSUPPORTED);
}

static int64_t open_nobody(struct scene *scene, const char *url)
{
    int64_t from_ms = test_now_ms();
    assert_int_equal(open_queue(scene, url), WEIR_ERR_CONNECTION);
    int64_t took_ms = test_now_ms() - from_ms;
    assert_true(last_error.retriable);
    assert_int_equal(open_producer(url), WEIR_ERR_CONNECTION);
    assert_int_equal(open_dead(url), WEIR_ERR_CONNECTION);
    return took_ms;
}

static int64_t open_mute(struct scene *scene)
{
    test_proxy_mute(scene->proxy, true);
    int64_t took_ms = open_nobody(scene, test_proxy_url(scene->proxy));
    assert_true(took_ms >= scene->options.connection.connect_timeout_ms);
    says("answer");
    return took_ms;
}

static int64_t open_dead_port(struct scene *scene)
{
    struct dead_port dead;
    dead_port_open(&dead, 0);
    char url[64];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", dead.port);
    int64_t took_ms = open_nobody(scene, url);
    dead_port_close(&dead);
    assert_true(took_ms >= scene->options.connection.connect_timeout_ms);
    says("127.0.0.1");
    return took_ms;
}

static int64_t open_refused(struct scene *scene)
{
    test_proxy_refuse(scene->proxy, true);
    int64_t took_ms = open_nobody(scene, test_proxy_tcp_url(scene->proxy));
    says("refused");
    return took_ms;
}

/* A name that no resolver would ask anybody for: a label of more than 63 bytes. */
static int64_t open_unknown(struct scene *scene)
{
    char url[128];
    snprintf(url, sizeof url, "redis://%070d.example:6379", 0);
    int64_t took_ms = open_nobody(scene, url);
    says("000.example");
    return took_ms;
}

static void nobody_answers_within_the_timeouts(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, false);
    scene->options.connection.connect_timeout_ms = 300;
    assert_within(scene, "open, nobody answers", open_mute, 300 + 1000 + 100);
    assert_within(scene, "open, nobody accepts", open_dead_port, 300 + 100);
    assert_within(scene, "open, refused", open_refused, 100);
    assert_within(scene, "open, unknown host", open_unknown, 1000);
    assert_int_equal(open_nobody(scene, "unix:///nowhere/at/all.sock") < 1000, true);
}

/* --- a connection fails while a job is on its way --- */

static void a_job_without_an_answer_is_in_doubt(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, false);
    weir_producer *producer = new_producer(test_proxy_url(scene->proxy), 300);

    test_proxy_cut_after(scene->proxy, TEST_PROXY_REPLIES, 0); /* done, but nobody hears of it */
    assert_int_equal(enqueue(producer, "done", 0), WEIR_ERR_IN_DOUBT);
    assert_true(last_error.retriable);
    assert_int_equal(scene_length(scene), 1);
    assert_int_equal(enqueue(producer, "done", 0), WEIR_OK); /* on a new connection */

    test_proxy_cut_after(scene->proxy, TEST_PROXY_REQUESTS, 9); /* not done, but nobody can know */
    assert_int_equal(enqueue(producer, "done", 0), WEIR_ERR_IN_DOUBT);
    assert_int_equal(scene_length(scene), 2);
    assert_int_equal(enqueue(producer, "done", 0), WEIR_OK);

    test_proxy_black_hole(scene->proxy, TEST_PROXY_REPLIES); /* a timeout, */
    assert_int_equal(enqueue(producer, "done", 0), WEIR_ERR_IN_DOUBT);
    assert_int_equal(enqueue(producer, "done", 0), WEIR_ERR_CONNECTION); /* and one before anything was sent */
    test_proxy_heal(scene->proxy);
    assert_int_equal(enqueue(producer, "done", 0), WEIR_OK);
    assert_int_equal(scene_length(scene), 5);
    weir_producer_close(producer);
}

static void a_job_that_was_not_sent_is_not_there(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, false);
    weir_producer *producer = new_producer(test_proxy_url(scene->proxy), 300);
    for (int i = 0; i < 3; i++) {
        test_proxy_refuse(scene->proxy, true);
        test_proxy_cut(scene->proxy);
        assert_int_equal(enqueue(producer, "done", 0), WEIR_ERR_CONNECTION);
        assert_int_equal(enqueue(producer, "done", 1000), WEIR_ERR_CONNECTION);
        assert_true(last_error.retriable);
        test_proxy_refuse(scene->proxy, false);
        test_proxy_mute(scene->proxy, true); /* accepted, but the introduction isn't answered */
        assert_int_equal(enqueue(producer, "done", 0), WEIR_ERR_CONNECTION);
        test_proxy_cut(scene->proxy);
        test_proxy_heal(scene->proxy);
        assert_int_equal(scene_length(scene), i);
        assert_int_equal(enqueue(producer, "done", 0), WEIR_OK);
    }
    weir_producer_close(producer);

    producer = new_producer(test_server_url(scene->server), 300);
    test_server_kill(scene->server);
    assert_int_equal(enqueue(producer, "done", 0), WEIR_ERR_CONNECTION);
    test_server_restart(scene->server);
    assert_int_equal(enqueue(producer, "done", 0), WEIR_OK);
    assert_int_equal(scene_length(scene), 1); /* of the new server */
    assert_int_equal(test_server_integer(scene->server, "EXISTS {jobs}:delayed"), 0);
    weir_producer_close(producer);
}

enum { BULK = 3000, PADDING = 500 };

struct bulk {
    char numbers[BULK][16];
    char padding[PADDING + 1];
    weir_field items[BULK][2];
    weir_fields fields[BULK];
    weir_enqueue_job jobs[BULK];
    weir_enqueue_result results[BULK];
    bool stored[BULK];
    char ids[BULK][WEIR_ID_SIZE];
};

static struct bulk *new_bulk(void)
{
    struct bulk *bulk = calloc(1, sizeof *bulk);
    assert_non_null(bulk);
    memset(bulk->padding, 'x', PADDING);
    for (int i = 0; i < BULK; i++) {
        snprintf(bulk->numbers[i], sizeof bulk->numbers[i], "%d", i);
        bulk->items[i][0] = weir_field_text("n", bulk->numbers[i]);
        bulk->items[i][1] = weir_field_text("padding", bulk->padding);
        bulk->fields[i] = (weir_fields){bulk->items[i], 2};
        bulk->jobs[i] = (weir_enqueue_job){.fields = &bulk->fields[i]};
    }
    return bulk;
}

/* Whether the server has read, and seen the end of, all connections but the control connection. */
static bool nobody_is_connected(void *scene)
{
    redisReply *reply = test_server_command(((struct scene *)scene)->server, "CLIENT LIST TYPE normal");
    bool alone = strchr(reply->str, '\n') == strrchr(reply->str, '\n');
    freeReplyObject(reply);
    return alone;
}

/* What really lies in the stream. */
static void look_at_stream(struct scene *scene, struct bulk *bulk)
{
    assert_true(wait_for(nobody_is_connected, scene, TEST_TIMEOUT_MS));
    memset(bulk->stored, 0, sizeof bulk->stored);
    redisReply *entries = test_server_command(scene->server, "XRANGE jobs - +");
    for (size_t i = 0; i < entries->elements; i++) {
        redisReply *entry = entries->element[i];
        int n = atoi(entry->element[1]->element[1]->str);
        assert_true(n >= 0 && n < BULK && !bulk->stored[n]); /* and nothing twice */
        bulk->stored[n] = true;
        snprintf(bulk->ids[n], WEIR_ID_SIZE, "%s", entry->element[0]->str);
    }
    freeReplyObject(entries);
}

struct tally {
    size_t ok, in_doubt, unsent, done_in_doubt;
};

/* Cuts after n bytes in one direction, and compares the results with the stream. */
static void cut_a_bulk(struct scene *scene, struct bulk *bulk, enum test_proxy_direction direction, size_t n,
                       struct tally *tally)
{
    run_command(scene, "DEL jobs");
    weir_producer *producer = new_producer(test_proxy_url(scene->proxy), 1000);
    test_proxy_cut_after(scene->proxy, direction, n);
    weir_status status = weir_enqueue_bulk(producer, bulk->jobs, BULK, bulk->results, &last_error);
    test_proxy_heal(scene->proxy);
    weir_producer_close(producer);
    assert_true(status == WEIR_ERR_IN_DOUBT || status == WEIR_ERR_CONNECTION);
    assert_int_equal(last_error.code, status);
    look_at_stream(scene, bulk);
    for (int i = 0; i < BULK; i++) {
        switch (bulk->results[i].status) {
        case WEIR_OK:
            assert_true(bulk->stored[i]);
            assert_string_equal(bulk->results[i].id.text, bulk->ids[i]);
            tally->ok++;
            break;
        case WEIR_ERR_CONNECTION:
            assert_false(bulk->stored[i]);
            tally->unsent++;
            break;
        case WEIR_ERR_IN_DOUBT:
            tally->in_doubt++;
            tally->done_in_doubt += bulk->stored[i];
            break;
        default:
            fail_msg("job %d: %s", i, weir_status_name(bulk->results[i].status));
        }
        assert_true(bulk->results[i].status == WEIR_OK || bulk->results[i].id.text[0] == '\0');
    }
}

static void the_results_of_a_bulk_that_is_cut_are_true(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, false);
    struct bulk *bulk = new_bulk();
    struct tally tally = {0};
    for (size_t n = 0; n < 1200000; n = n * 3 + 1)
        cut_a_bulk(scene, bulk, TEST_PROXY_REQUESTS, n, &tally);
    for (size_t n = 0; n < 60000; n = n * 3 + 1)
        cut_a_bulk(scene, bulk, TEST_PROXY_REPLIES, n, &tally);
    print_message("    %zu accepted, %zu in doubt (%zu of them done), %zu not sent\n", tally.ok, tally.in_doubt,
                  tally.done_in_doubt, tally.unsent);
    assert_true(tally.ok > 0 && tally.unsent > 0);
    assert_true(tally.done_in_doubt > 0 && tally.done_in_doubt < tally.in_doubt);
    free(bulk);
}

/* --- what a producer gets over by itself --- */

static void a_producer_outlives_a_closed_connection(void **state)
{
    struct scene *scene = *state;
    weir_producer *producer = new_producer(test_server_url(scene->server), 1000);
    for (int i = 1; i <= 20; i++) {
        run_command(scene, "CLIENT KILL TYPE normal SKIPME yes");
        assert_int_equal(enqueue(producer, "done", i % 2 ? 0 : 60000), WEIR_OK);
    }
    assert_int_equal(scene_length(scene), 10);
    assert_int_equal(test_server_integer(scene->server, "ZCARD {jobs}:delayed"), 10);
    test_server_restart(scene->server);
    assert_int_equal(enqueue(producer, "done", 0), WEIR_OK);
    weir_producer_close(producer);
}

static void a_producer_outlives_a_script_flush(void **state)
{
    struct scene *scene = *state;
    weir_producer *producer = new_producer(test_server_url(scene->server), 1000);
    for (int i = 1; i <= 3; i++) {
        run_command(scene, "SCRIPT FLUSH");
        assert_int_equal(enqueue(producer, "done", 60000), WEIR_OK);
        run_command(scene, "SCRIPT FLUSH");
        weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
        delayed.delay_ms = 60000;
        const weir_fields *fields = WEIR_FIELDS(weir_field_text("do", "done"));
        const weir_enqueue_job jobs[] = {{fields, &delayed}, {fields, NULL}, {fields, &delayed}, {fields, &delayed}};
        weir_enqueue_result results[COUNT_OF(jobs)];
        assert_int_equal(weir_enqueue_bulk(producer, jobs, COUNT_OF(jobs), results, &last_error), WEIR_OK);
        for (size_t j = 0; j < COUNT_OF(jobs); j++)
            assert_int_equal(results[j].status, WEIR_OK);
        assert_int_equal(test_server_integer(scene->server, "ZCARD {jobs}:delayed"), 4 * i);
        assert_int_equal(test_server_integer(scene->server, "HLEN {jobs}:delayed:jobs"), 4 * i);
        assert_int_equal(scene_length(scene), i);
    }
    weir_producer_close(producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_wrong_password_is_named_and_not_told, scene_tear_down),
        SCENE_TEST(a_password_that_is_not_wanted_is_named),
        SCENE_TEST(a_password_that_changes_stops_nothing_for_good),
        SCENE_TEST(a_denied_command_is_named),
        SCENE_TEST(a_key_of_another_type_is_named),
        SCENE_TEST(tls_that_is_not_built_in_is_named),
        SCENE_TEST(nobody_answers_within_the_timeouts),
        SCENE_TEST(a_job_without_an_answer_is_in_doubt),
        SCENE_TEST(a_job_that_was_not_sent_is_not_there),
        SCENE_TEST(the_results_of_a_bulk_that_is_cut_are_true),
        SCENE_TEST(a_producer_outlives_a_closed_connection),
        SCENE_TEST(a_producer_outlives_a_script_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
