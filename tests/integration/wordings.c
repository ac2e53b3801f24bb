/* SPDX-License-Identifier: MIT
 *
 * Messages name the thing that is wrong and say how to mend it: what somebody reads who has nothing else.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One sentence, of the right code, that contains all the words (ended by NULL) and no password. */
static void expect_words(weir_status expected, weir_status actual, const char *const *words)
{
    if (actual != expected)
        fail_msg("%s instead of %s: %s (%s)", weir_status_name(actual), weir_status_name(expected), last_error.message,
                 last_error.server);
    assert_int_equal(last_error.code, expected);
    char all[sizeof last_error.message + sizeof last_error.server + 2];
    snprintf(all, sizeof all, "%s|%s", last_error.message, last_error.server);
    for (size_t i = 0; words[i]; i++)
        if (!strstr(all, words[i]))
            fail_msg("\"%s\" doesn't say \"%s\"", all, words[i]);
    assert_null(strstr(all, "s3cret"));
    assert_null(strchr(all, '\n'));
    assert_true(strlen(last_error.message) >= 10);
    assert_true(strlen(last_error.message) < sizeof last_error.message - 1); /* whole */
}

#define SAYS(status, call, ...)                                                                                        \
    (last_error = (weir_error){.code = WEIR_OK}, expect_words(status, call, (const char *const[]){__VA_ARGS__, NULL}))

static weir_status open_at(struct fixture *f, const char *url)
{
    weir_queue_options options = fixture_options(f);
    options.url = url;
    options.connection.connect_timeout_ms = 2000;
    weir_queue *queue = NULL;
    weir_status status = weir_queue_open(&queue, &options, &last_error);
    weir_queue_close(queue);
    return status;
}

static weir_status produce_at(const char *url)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = STREAM;
    options.connection.connect_timeout_ms = 2000;
    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, &last_error);
    weir_producer_close(producer);
    return status;
}

static weir_status open_letters_at(const char *url)
{
    weir_dead_options options = WEIR_DEAD_OPTIONS_INIT;
    options.url = url;
    options.stream = STREAM;
    options.connection.connect_timeout_ms = 2000;
    weir_dead *dead = NULL;
    weir_status status = weir_dead_open(&dead, &options, &last_error);
    weir_dead_close(dead);
    return status;
}

/* --- who can't be reached --- */

static void a_server_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    SAYS(WEIR_ERR_CONNECTION, open_at(f, "unix://user:s3cret@/no/such/socket"), "/no/such/socket", "No such file");
    SAYS(WEIR_ERR_CONNECTION, produce_at("unix:///no/such/socket"), "/no/such/socket", "No such file");
    SAYS(WEIR_ERR_CONNECTION, open_letters_at("unix:///no/such/socket"), "/no/such/socket", "No such file");
    assert_true(last_error.retriable);
    test_server_kill(f->server);
    SAYS(WEIR_ERR_CONNECTION, open_at(f, test_server_url(f->server)), test_server_socket(f->server), "refused");
}

/* A port that was free a moment ago. */
static void a_port_where_nobody_listens(void **state)
{
    struct fixture *f = *state;
    struct test_server *server = test_server_start_tcp(NULL);
    char url[128], port[16];
    snprintf(port, sizeof port, "%d", test_server_tcp_port(server));
    snprintf(url, sizeof url, "redis://user:s3cret@127.0.0.1:%s/0", port);
    test_server_kill(server);
    SAYS(WEIR_ERR_CONNECTION, open_at(f, url), "127.0.0.1", port, "refused");
    SAYS(WEIR_ERR_CONNECTION, produce_at(url), "127.0.0.1", port, "refused");
    test_server_stop(server);
}

static weir_status open_while_paused(struct fixture *f)
{
    weir_queue_options options = fixture_options(f);
    options.connection.connect_timeout_ms = options.connection.command_timeout_ms = 50;
    weir_queue *queue = NULL;
    test_server_pause(f->server);
    weir_status status = weir_queue_open(&queue, &options, &last_error);
    test_server_resume(f->server);
    weir_queue_close(queue);
    return status;
}

static void a_server_that_does_not_answer(void **state)
{
    struct fixture *f = *state;
    SAYS(WEIR_ERR_CONNECTION, open_while_paused(f), test_server_socket(f->server), "no answer");
}

/* --- who may not --- */

static const char *with_user(const struct fixture *f, const char *user)
{
    static char url[256];
    snprintf(url, sizeof url, "unix://%s%s", user, test_server_socket(f->server));
    return url;
}

static void passwords(void **state)
{
    struct fixture *f = *state;
    freeReplyObject(test_server_command(f->server, "ACL SETUSER default >s3cret on"));
    freeReplyObject(test_server_command(f->server, "ACL SETUSER worker >s3cret on ~* +@all"));
    SAYS(WEIR_ERR_AUTH, open_at(f, with_user(f, "")), "password", "url", "NOAUTH");
    SAYS(WEIR_ERR_AUTH, produce_at(with_user(f, "")), "password", "url", "NOAUTH");
    SAYS(WEIR_ERR_AUTH, open_letters_at(with_user(f, "")), "password", "url", "NOAUTH");
    SAYS(WEIR_ERR_AUTH, open_at(f, with_user(f, ":no-s3cret@")), "password", "url", "WRONGPASS");
    SAYS(WEIR_ERR_AUTH, open_at(f, with_user(f, "nobody:s3cret@")), "password", "url", "WRONGPASS");
    assert_false(last_error.retriable);
    assert_int_equal(open_at(f, with_user(f, ":s3cret@")), WEIR_OK);
    assert_int_equal(open_at(f, with_user(f, "worker:%733cret@")), WEIR_OK);
}

static void commands_that_an_acl_denies(void **state)
{
    struct fixture *f = *state;
    const char *create = test_server_version() < 70000 ? "xgroup" : "xgroup|create"; /* denied as a whole before 7.0 */
    const char *const commands[] = {create, "xreadgroup", "xack", "xautoclaim", "xpending", "xclaim", "evalsha"};
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        freeReplyObject(
            test_server_command(f->server, "ACL SETUSER worker reset on >s3cret ~* +@all -%s", commands[i]));
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(commands[i], "|"), commands[i]);
        SAYS(WEIR_ERR_PERMISSION, open_at(f, with_user(f, "worker:s3cret@")), "ACL", "NOPERM", name);
    }
    freeReplyObject(test_server_command(f->server, "ACL SETUSER worker reset on >s3cret ~other +@all"));
    SAYS(WEIR_ERR_PERMISSION, open_at(f, with_user(f, "worker:s3cret@")), "ACL", "NOPERM", "key");
    assert_int_equal(test_server_integer(f->server, "DBSIZE"), 1); /* the stream that was made while it was allowed */
}

/* --- what is in the way --- */

static void a_key_of_another_type(void **state)
{
    struct fixture *f = *state;
    freeReplyObject(test_server_command(f->server, "SET " STREAM " x"));
    SAYS(WEIR_ERR_SERVER, open_at(f, test_server_url(f->server)), "XGROUP", "WRONGTYPE");
    SAYS(WEIR_ERR_SERVER,
         weir_enqueue(fixture_producer(f), WEIR_FIELDS(weir_field_text("n", "x")), NULL, NULL, &last_error), "XADD",
         "WRONGTYPE");
}

static void a_database_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    char url[256];
    snprintf(url, sizeof url, "%s?db=99", test_server_url(f->server));
    SAYS(WEIR_ERR_SERVER, open_at(f, url), "SELECT", "DB index");
}

static void tls_without_tls(void **state)
{
    struct fixture *f = *state;
    weir_status status = open_at(f, "rediss://127.0.0.1:1");
    if (status == WEIR_ERR_CONNECTION)
        skip(); /* it is built in */
    SAYS(WEIR_ERR_UNSUPPORTED, open_at(f, "rediss://127.0.0.1:1"), "rediss://", "TLS");
}

/* It is told at once, and then hung up on: what was said counts. */
static void a_server_without_room_for_another_client(void **state)
{
    struct fixture *f = *state;
    freeReplyObject(test_server_command(f->server, "CONFIG SET maxclients 1"));
    for (int i = 0; i < 20; i++) {
        SAYS(WEIR_ERR_UNAVAILABLE, produce_at(test_server_url(f->server)), "maxclients", "max number of clients");
        assert_true(last_error.retriable);
    }
    freeReplyObject(test_server_command(f->server, "CONFIG SET maxclients 100"));
    OK(produce_at(test_server_url(f->server)));
}

static void a_server_without_memory(void **state)
{
    struct fixture *f = *state;
    fixture_producer(f);
    freeReplyObject(test_server_command(f->server, "CONFIG SET maxmemory 1"));
    SAYS(WEIR_ERR_FULL, weir_enqueue(f->producer, WEIR_FIELDS(weir_field_text("n", "x")), NULL, NULL, &last_error),
         "memory", "OOM");
    assert_true(last_error.retriable);
}

/* --- secrets --- */

static void record_log(weir_log_level level, const char *message, void *user_data)
{
    recorder_add(user_data, message, level); /* which ends the program where it is told the password */
}

static void expect_untold(const char *text)
{
    if (strstr(text, TEST_PASSWORD))
        fail_msg("the password is told in \"%s\"", text);
}

static bool has_connections(void *context)
{
    struct fixture *f = context;
    redisReply *clients = test_server_command(f->server, "CLIENT LIST");
    size_t n = 0;
    expect_untold(clients->str);
    for (const char *found = clients->str; (found = strstr(found, " user=" TEST_USER " ")); found++)
        n++;
    freeReplyObject(clients);
    return n >= 5; /* reader, acker and claimer; the producer; dead letters */
}

/* Everybody logs in by it, through an outage as well; no log line of any level, event, name or title has it. */
static void a_password_is_used_and_told_nowhere(void **state)
{
    struct fixture *f = *state;
    weir_log_set(WEIR_LOG_DEBUG, record_log, f->dead);
    weir_queue_options options = fixture_options(f);
    options.handler = handle_reject;
    weir_queue *queue = fixture_start(f, &options);
    put(f, "1");
    assert_true(wait_events(f, WEIR_EVENT_JOB_DEAD, 1));
    weir_dead *letters = fixture_letters(f);
    uint64_t n;
    OK(weir_dead_count(letters, &n, &last_error));
    assert_true(wait_for(has_connections, f, TEST_TIMEOUT_MS));

    size_t lost = events_of(f, WEIR_EVENT_DISCONNECTED);
    test_server_kill(f->server);
    assert_true(wait_events(f, WEIR_EVENT_DISCONNECTED, lost + 2));
    EXPECT(WEIR_ERR_CONNECTION,
           weir_enqueue(f->producer, WEIR_FIELDS(weir_field_text("n", "2")), NULL, NULL, &last_error));
    expect_untold(last_error.message);
    test_server_restart(f->server);
    OK(weir_enqueue(f->producer, WEIR_FIELDS(weir_field_text("n", "3")), NULL, NULL, &last_error));
    assert_true(wait_events(f, WEIR_EVENT_JOB_DEAD, 2));
    assert_true(recorder_count(f->dead) > 0); /* the log */
    fixture_close(f, queue);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);

    char title[4096] = "";
    FILE *file = fopen("/proc/self/cmdline", "re");
    assert_non_null(file);
    size_t len = fread(title, 1, sizeof title - 1, file);
    fclose(file);
    for (size_t i = 0; i < len; i++)
        title[i] = title[i] ? title[i] : ' ';
    expect_untold(title);
}

/* --- mistakes of the programmer --- */

static void mistakes_are_explained(void **state)
{
    struct fixture *f = *state;
    weir_queue *queue = NULL;
    weir_queue_options options = {0};
    SAYS(WEIR_ERR_ARGUMENT, weir_queue_open(&queue, &options, &last_error), "size", "WEIR_QUEUE_OPTIONS_INIT");
    options = fixture_options(f);
    options.concurrency = 0;
    SAYS(WEIR_ERR_ARGUMENT, weir_queue_open(&queue, &options, &last_error), "concurrency is 0", "from 1 to 10000");
    options = fixture_options(f);
    options.min_idle_ms = 5;
    SAYS(WEIR_ERR_ARGUMENT, weir_queue_open(&queue, &options, &last_error), "min_idle_ms is 5", "from 10 to");
    options = fixture_options(f);
    options.backoff_cap_ms = 10;
    SAYS(WEIR_ERR_ARGUMENT, weir_queue_open(&queue, &options, &last_error), "backoff_cap_ms is 10", "backoff_base_ms",
         "raise");
    options = fixture_options(f);
    options.start_id = "yesterday";
    SAYS(WEIR_ERR_ARGUMENT, weir_queue_open(&queue, &options, &last_error), "start_id", "\"0\"", "\"$\"");
    options = fixture_options(f);
    SAYS(WEIR_ERR_STATE, weir_queue_start(fixture_start(f, &options), &last_error), "running");

    weir_producer *producer = fixture_producer(f);
    SAYS(WEIR_ERR_ARGUMENT,
         weir_enqueue(producer, WEIR_FIELDS(weir_field_text("n", "x"), weir_field_text("weir.n", "x")), NULL, NULL,
                      &last_error),
         "field 1", "\"weir.n\"", "reserved", "rename");
    SAYS(WEIR_ERR_ARGUMENT, weir_enqueue(producer, &(weir_fields){NULL, 0}, NULL, NULL, &last_error),
         "at least one field");
    char long_name[100] = "weir.";
    memset(long_name + 5, 'x', 94);
    SAYS(WEIR_ERR_ARGUMENT,
         weir_enqueue(producer, WEIR_FIELDS(weir_field_text(long_name, "x")), NULL, NULL, &last_error), "\"weir.xxx",
         "...\"");
    SAYS(WEIR_ERR_ARGUMENT, weir_dead_delete(fixture_letters(f), "the oldest", &last_error), "\"the oldest\"",
         "1700000000000-0");
}

/* --- the log --- */

static void note_line(weir_log_level level, const char *line, void *recorder)
{
    recorder_add(recorder, line, level);
}

static bool said(struct recorder *lines, const char *const *words)
{
    for (size_t i = 0; i < recorder_count(lines); i++) {
        const char *line = recorder_get(lines, i).key;
        size_t j = 0;
        while (words[j] && strstr(line, words[j]))
            j++;
        if (!words[j])
            return true;
    }
    return false;
}

struct awaited_line {
    struct recorder *lines;
    const char *words[4];
};

static bool was_said(void *context)
{
    struct awaited_line *awaited = context;
    return said(awaited->lines, awaited->words);
}

static void the_log_tells_of_trouble_and_its_end(void **state)
{
    struct fixture *f = *state;
    struct recorder *lines = recorder_new();
    weir_log_set(WEIR_LOG_WARNING, note_line, lines);
    weir_queue_options options = fixture_options(f);
    weir_queue *queue = fixture_start(f, &options);
    put(f, "a");
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_count(lines), 0); /* nothing for what is as it should be */

    test_server_kill(f->server);
    struct awaited_line lost = {lines, {"queue " STREAM, "reader", "trying again", NULL}};
    assert_true(wait_for(was_said, &lost, TEST_TIMEOUT_MS));
    assert_true(recorder_wait_count_key(f->events, "disconnected ", 1, TEST_TIMEOUT_MS));
    test_server_restart(f->server);
    struct awaited_line back = {lines, {"queue " STREAM, "reader", "works again", NULL}};
    assert_true(wait_for(was_said, &back, TEST_TIMEOUT_MS));
    struct awaited_line group = {lines, {"queue " STREAM, GROUP, "created again", NULL}}; /* the server lost all */
    assert_true(wait_for(was_said, &group, TEST_TIMEOUT_MS));
    assert_true(wait_events(f, WEIR_EVENT_GROUP_CREATED, 1));
    fixture_close(f, queue);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
    assert_true(recorder_count(lines) < 20);
    recorder_free(lines);
}

static void the_log_tells_of_handlers_left_behind(void **state)
{
    struct fixture *f = *state;
    struct recorder *lines = recorder_new();
    weir_log_set(WEIR_LOG_WARNING, note_line, lines);
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    put(f, "a");
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_int_equal(weir_queue_stop(queue, 0), WEIR_ERR_DEADLINE);
    assert_true(said(lines, (const char *const[]){"queue " STREAM, "1 handler", "run again", NULL}));
    SAYS(WEIR_ERR_STATE, weir_queue_start(queue, &last_error), "handlers", "open a new one");
    gate_open(&f->gate);
    assert_true(WAIT_STAT(queue, running, 0));
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
    recorder_free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_server_that_is_not_there),
        WITH_FIXTURE(a_port_where_nobody_listens),
        WITH_FIXTURE(a_server_that_does_not_answer),
        WITH_FIXTURE(passwords),
        WITH_FIXTURE(commands_that_an_acl_denies),
        WITH_FIXTURE(a_key_of_another_type),
        WITH_FIXTURE(a_database_that_is_not_there),
        WITH_FIXTURE(tls_without_tls),
        WITH_FIXTURE(a_server_without_room_for_another_client),
        WITH_FIXTURE(a_server_without_memory),
        WITH_FIXTURE(a_password_is_used_and_told_nowhere),
        WITH_FIXTURE(mistakes_are_explained),
        WITH_FIXTURE(the_log_tells_of_trouble_and_its_end),
        WITH_FIXTURE(the_log_tells_of_handlers_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
