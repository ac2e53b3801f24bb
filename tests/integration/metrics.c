/* SPDX-License-Identifier: MIT
 *
 * A queue's numbers: as a struct, as Prometheus' text, and told to a callback.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* --- the text --- */

struct text {
    char *bytes;
    size_t len;
};

static int append(const char *piece, size_t len, void *context)
{
    struct text *text = context;
    char *bytes = realloc(text->bytes, text->len + len + 1);
    if (!bytes)
        return 1;
    memcpy(bytes + text->len, piece, len);
    bytes[text->len += len] = '\0';
    text->bytes = bytes;
    return 0;
}

static struct text text_of_queues(weir_queue *const *queues, size_t n)
{
    struct text text = {0};
    append("", 0, &text);
    OK(weir_metrics_write(queues, n, append, &text, &last_error));
    return text;
}

/* The value of the one sample that begins so, labels included. */
static double sample(const struct text *text, const char *name)
{
    char line[512];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(text->bytes, line);
    if (!found)
        fail_msg("there is no %s in\n%s", name, text->bytes);
    assert_null(strstr(found + 1, line));
    return strtod(found + strlen(line), NULL);
}

/* What promtool, of Prometheus itself, says of it: names, units, help, form, and that nothing is there twice. */
static void expect_accepted(const struct text *text)
{
    int status = system("promtool --version >/dev/null 2>&1");
    if (WEXITSTATUS(status) == 127 && !getenv("WEIR_TEST_NO_SKIP"))
        return; /* there is none */
    FILE *promtool = popen("promtool check metrics 2>&1", "w");
    assert_non_null(promtool);
    fwrite(text->bytes, 1, text->len, promtool);
    if (pclose(promtool) != 0)
        fail_msg("promtool refuses it:\n%s", text->bytes);
}

#define IN_JOBS(metric, more) metric "{queue=\"" STREAM "\",group=\"" GROUP "\"" more "}"
#define SAMPLE(text, metric, more) sample(text, IN_JOBS(metric, more))
#define EXPECT_SAMPLE(text, metric, more, value) assert_int_equal((long long)SAMPLE(text, metric, more), value)

/* Does what its name says, at first. */
static weir_outcome handle_by_name(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    const char *n = name_of(job);
    recorder_add(f->runs, n, weir_job_attempt(job));
    if (strcmp(n, "gate") == 0)
        gate_wait(&f->gate);
    if (strcmp(n, "retry") == 0 && weir_job_attempt(job) == 1)
        return WEIR_RETRY;
    if (strcmp(n, "exhaust") == 0)
        return WEIR_RETRY;
    return strcmp(n, "reject") == 0 ? WEIR_REJECT : WEIR_DONE;
}

/* A number of INFO: what all clients have cost. */
static long long server_info(struct fixture *f, const char *name)
{
    redisReply *reply = test_server_command(f->server, "INFO");
    const char *found = strstr(reply->str, name);
    assert_non_null(found);
    long long n = atoll(found + strlen(name) + 1);
    freeReplyObject(reply);
    return n;
}

static void the_text_says_what_the_struct_does(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_by_name;
    options.max_attempts = 2;
    options.backoff_base_ms = 0;
    options.min_idle_ms = 400;
    weir_queue *queue = fixture_start(f, &options);
    static const char *const jobs[] = {"done", "done", "retry", "reject", "exhaust", "gate"};
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        put(f, jobs[i]);
    assert_true(WAIT_STAT(queue, dead, 2));
    assert_true(WAIT_STAT(queue, done, 3));
    assert_true(WAIT_STAT(queue, unreported, 0));
    uint64_t renewed = 0;
    while (renewed == 0) {
        weir_stats stats = WEIR_STATS_INIT;
        OK(weir_queue_stats(queue, &stats));
        renewed = stats.leases_renewed;
    }

    struct text text = text_of_queues(&queue, 1);
    expect_accepted(&text);
    EXPECT_SAMPLE(&text, "weir_jobs_started_total", "", 8);
    EXPECT_SAMPLE(&text, "weir_jobs_processed_total", ",outcome=\"done\"", 3);
    EXPECT_SAMPLE(&text, "weir_jobs_processed_total", ",outcome=\"retried\"", 2);
    EXPECT_SAMPLE(&text, "weir_jobs_processed_total", ",outcome=\"dead\"", 2);
    EXPECT_SAMPLE(&text, "weir_jobs_dead_total", ",reason=\"rejected\"", 1);
    EXPECT_SAMPLE(&text, "weir_jobs_dead_total", ",reason=\"exhausted\"", 1);
    EXPECT_SAMPLE(&text, "weir_jobs_dead_total", ",reason=\"payload lost\"", 0);
    EXPECT_SAMPLE(&text, "weir_jobs_in_flight", ",state=\"running\"", 1);
    EXPECT_SAMPLE(&text, "weir_slots", "", 10);
    EXPECT_SAMPLE(&text, "weir_connections", "", 3);
    EXPECT_SAMPLE(&text, "weir_connects_total", "", 3);
    EXPECT_SAMPLE(&text, "weir_reconnects_total", "", 0);
    EXPECT_SAMPLE(&text, "weir_paused", "", 0);
    EXPECT_SAMPLE(&text, "weir_handler_seconds_count", "", 7);
    EXPECT_SAMPLE(&text, "weir_handler_seconds_bucket", ",le=\"+Inf\"", 7);
    EXPECT_SAMPLE(&text, "weir_queue_wait_seconds_count", "", 8);
    EXPECT_SAMPLE(&text, "weir_fetch_wait_seconds_count", "", 8);
    assert_true(SAMPLE(&text, "weir_leases_renewed_total", "") > 0);
    assert_true(SAMPLE(&text, "weir_scripts_total", "") >= 4); /* two retries, two burials, renewals, promotions */
    assert_in_range((long long)SAMPLE(&text, "weir_sent_bytes_total", ""), 500,
                    server_info(f, "total_net_input_bytes"));
    assert_in_range((long long)SAMPLE(&text, "weir_received_bytes_total", ""), 500,
                    server_info(f, "total_net_output_bytes"));
    free(text.bytes);
}

/* What a job waited in the stream, before there was a worker, too. */
static void the_wait_begins_in_the_stream(void **state)
{
    struct fixture *f = *state;
    weir_id id = put(f, "early");
    int64_t put_ms = atoll(id.text);
    while (server_now_ms(f) < put_ms + 300)
        ;
    weir_queue_options options = fixture_options(f);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(WAIT_STAT(queue, done, 1));
    weir_stats stats = WEIR_STATS_INIT;
    OK(weir_queue_stats(queue, &stats));
    assert_int_equal(stats.queue_wait.count, 1);
    assert_in_range(stats.queue_wait.max_us, 300000, (uint64_t)TEST_TIMEOUT_MS * 1000);
    assert_true(stats.wait.max_us < stats.queue_wait.max_us);
}

static void jobs_that_crash_or_cannot_be_run_are_counted_by_reason(void **state)
{
    struct fixture *f = *state;
    freeReplyObject(test_server_command(f->server, "XGROUP CREATE " STREAM " " GROUP " 0 MKSTREAM"));
    weir_id lost = put(f, "lost"), killer = put(f, "killer");
    freeReplyObject(test_server_command(f->server, "XREADGROUP GROUP " GROUP " gone STREAMS " STREAM " >"));
    freeReplyObject(test_server_command(f->server, "XDEL " STREAM " %s", lost.text));
    freeReplyObject(
        test_server_command(f->server, "XCLAIM " STREAM " " GROUP " gone 0 %s RETRYCOUNT 9 JUSTID", killer.text));
    weir_queue_options options = fixture_options(f);
    options.min_idle_ms = 10;
    weir_queue *queue = fixture_start(f, &options);
    assert_true(WAIT_STAT(queue, dead, 2));
    struct text text = text_of_queues(&queue, 1);
    EXPECT_SAMPLE(&text, "weir_jobs_dead_total", ",reason=\"crashed\"", 1);
    EXPECT_SAMPLE(&text, "weir_jobs_dead_total", ",reason=\"payload lost\"", 1);
    EXPECT_SAMPLE(&text, "weir_payloads_lost_total", "", 1);
    EXPECT_SAMPLE(&text, "weir_jobs_started_total", "", 0);
    EXPECT_SAMPLE(&text, "weir_queue_wait_seconds_count", "", 0);
    EXPECT_SAMPLE(&text, "weir_jobs_processed_total", ",outcome=\"dead\"", 0);
    free(text.bytes);
}

/* Whatever the names are, and if they are the same. */
static void any_queues_make_one_text(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"a\"b\\c\nd", "\xff\xfe", "gr\xc3\xbc\xc3\237e", "{t}:\xef\xbf\xbd",
                                        "\r\t\x01"};
    weir_queue *queues[2 * COUNT_OF(names)];
    weir_queue_options options = fixture_options(f);
    options.url = "memory:metrics";
    for (size_t i = 0; i < COUNT_OF(queues); i++) {
        options.stream = names[i % COUNT_OF(names)];
        options.group = i % COUNT_OF(names) < COUNT_OF(names) - 1 ? names[i % COUNT_OF(names)] : GROUP;
        options.concurrency = (uint32_t)i + 1;
        queues[i] = fixture_open(f, &options);
    }
    OK(weir_queue_pause(queues[4]));
    OK(weir_queue_pause(queues[9]));
    struct text text = text_of_queues(queues, COUNT_OF(queues));
    expect_accepted(&text);
    assert_int_equal(sample(&text, "weir_slots{queue=\"a\\\"b\\\\c\\nd\",group=\"a\\\"b\\\\c\\nd\"}"), 1 + 6);
    assert_int_equal(sample(&text, "weir_slots{queue=\"\r\t\x01\",group=\"" GROUP "\"}"), 5 + 10);
    assert_int_equal(sample(&text, "weir_paused{queue=\"\r\t\x01\",group=\"" GROUP "\"}"), 1);
    free(text.bytes);

    text = text_of_queues(queues, 0);
    expect_accepted(&text);
    free(text.bytes);
}

static int have_enough(const char *text, size_t len, void *context)
{
    (void)text;
    (void)len;
    ++*(int *)context;
    return 1;
}

static void wrong_calls_are_refused(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    weir_queue *queues[] = {fixture_open(f, &options), NULL};
    int n = 0;
    EXPECT(WEIR_ERR_ARGUMENT, weir_metrics_write(queues, 2, have_enough, &n, &last_error));
    assert_non_null(strstr(last_error.message, "queue 1"));
    EXPECT(WEIR_ERR_ARGUMENT, weir_metrics_write(NULL, 1, have_enough, &n, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_metrics_write(queues, 1, NULL, &n, &last_error));
    assert_int_equal(n, 0);
    OK(weir_metrics_write(NULL, 0, have_enough, &n, NULL));
    n = 0;
    OK(weir_metrics_write(queues, 1, have_enough, &n, NULL));
    assert_int_equal(n, 1);
    assert_string_equal(weir_queue_stream(queues[0]), STREAM);
    assert_string_equal(weir_queue_group_name(queues[0]), GROUP);
    assert_string_equal(weir_queue_stream(NULL), "");
    assert_string_equal(weir_queue_group_name(NULL), "");
}

/* A program that was compiled when there were fewer numbers gets those, and nothing beyond. */
static void an_older_struct_gets_what_it_knows(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    weir_queue *queue = fixture_start(f, &options);
    put(f, "a");
    assert_true(WAIT_STAT(queue, acked, 1));
    weir_stats stats;
    memset(&stats, 0x5a, sizeof stats);
    stats.size = offsetof(weir_stats, paused);
    OK(weir_queue_stats(queue, &stats));
    assert_int_equal(stats.done, 1);
    assert_int_equal(stats.handler.count, 1);
    assert_int_equal(stats.size, offsetof(weir_stats, paused));
    for (size_t i = stats.size; i < sizeof stats; i++)
        assert_int_equal(((unsigned char *)&stats)[i], 0x5a);
}

/* --- the callback --- */

static void record_stats(const weir_stats *stats, void *fixture)
{
    if (stats->size != sizeof *stats)
        test_die("on_stats got a struct of %zu bytes", stats->size);
    recorder_add(((struct fixture *)fixture)->events, "stats", (long long)stats->done);
}

static bool done_was_told(void *fixture)
{
    struct recorder *events = ((struct fixture *)fixture)->events;
    size_t n = recorder_count_key(events, "stats");
    return n > 0 && recorder_get_key(events, "stats", n - 1).value == 3;
}

static void a_callback_is_told_now_and_then(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.on_stats = record_stats;
    options.stats_interval_ms = 10;
    weir_queue *queue = fixture_start(f, &options);
    put_numbered(f, 0, 3);
    assert_true(wait_for(done_was_told, f, TEST_TIMEOUT_MS));
    EXPECT(WEIR_OK, weir_queue_stop(queue, TEST_TIMEOUT_MS));
    size_t n = recorder_count_key(f->events, "stats");
    assert_true(n > 0);
    OK(weir_queue_start(queue, &last_error));
    assert_true(recorder_wait_count_key(f->events, "stats", n + 2, TEST_TIMEOUT_MS));
}

/* That is when somebody will want to know. */
static void it_is_told_while_the_server_is_away(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.on_stats = record_stats;
    options.stats_interval_ms = 10;
    options.connection.connect_timeout_ms = options.connection.command_timeout_ms = 200;
    weir_log_set(WEIR_LOG_ERROR, NULL, NULL);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count_key(f->events, "stats", 1, TEST_TIMEOUT_MS));
    test_server_kill(f->server);
    assert_true(wait_events(f, WEIR_EVENT_DISCONNECTED, 2));
    size_t n = recorder_count_key(f->events, "stats");
    assert_true(recorder_wait_count_key(f->events, "stats", n + 3, TEST_TIMEOUT_MS));
    test_server_restart(f->server);
    assert_true(WAIT_STAT(queue, reconnects, 2));
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(the_text_says_what_the_struct_does),
        WITH_FIXTURE(the_wait_begins_in_the_stream),
        WITH_FIXTURE(jobs_that_crash_or_cannot_be_run_are_counted_by_reason),
        WITH_FIXTURE(any_queues_make_one_text),
        WITH_FIXTURE(wrong_calls_are_refused),
        WITH_FIXTURE(an_older_struct_gets_what_it_knows),
        WITH_FIXTURE(a_callback_is_told_now_and_then),
        WITH_FIXTURE(it_is_told_while_the_server_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
