/* SPDX-License-Identifier: MIT
 *
 * weir_admin beside real workers, by its public functions alone. What each of them answers is in the contract tests of
 * the brokers; here is what a program that runs for long relies on.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS 3600000
#define LAST_OF_ALL "18446744073709551615-18446744073709551615"

static weir_admin *admin_open(struct fixture *f)
{
    weir_admin_options options = WEIR_ADMIN_OPTIONS_INIT;
    options.url = test_server_url(f->server);
    options.alive_ms = HOUR_MS;
    weir_admin *admin = NULL;
    OK(weir_admin_open(&admin, &options, &last_error));
    return admin;
}

static weir_queue_info *info_of(weir_admin *admin, const char *stream)
{
    weir_queue_info *info = NULL;
    OK(weir_admin_info(admin, stream, &info, &last_error));
    assert_string_equal(info->stream, stream);
    return info;
}

/* --- looking --- */

static void a_worker_is_seen_with_what_it_has_in_hand(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.concurrency = 2;
    options.prefetch_ms = 0;
    weir_queue *queue = fixture_start(f, &options);
    put_numbered(f, 0, 5);
    put_with(f, "later", &(weir_enqueue_options){.size = sizeof(weir_enqueue_options), .delay_ms = HOUR_MS});
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));

    weir_admin *admin = admin_open(f);
    weir_queue_info *info = info_of(admin, STREAM);
    assert_true(info->exists);
    assert_int_equal(info->n_groups, 1);
    assert_string_equal(info->groups[0]->name, GROUP);
    assert_int_equal(info->groups[0]->pending, 2);
    assert_int_equal(info->groups[0]->waiting, info->added < 0 ? -1 : 3); /* the server counts both since 7.0 */
    assert_int_equal(info->groups[0]->consumers_alive, 1);
    assert_int_equal(info->groups[0]->consumers_idle, 0);
    assert_int_equal(info->groups[0]->most_deliveries, 1);
    assert_int_equal(info->delayed, 1);
    assert_true(info->next_due_ms > (double)info->now_ms);
    weir_queue_info_free(info);
    weir_queue_info_free(NULL);

    gate_open(&f->gate);
    assert_true(wait_pending(f, 0));
    fixture_close(f, queue);
    info = info_of(admin, STREAM);
    assert_int_equal(info->groups[0]->waiting + info->groups[0]->pending, 0);
    assert_int_equal(info->groups[0]->consumers_alive, 0); /* it has left */
    weir_queue_info_free(info);
    weir_admin_close(admin);
}

struct seen_running {
    size_t n, n_cancelled, end_after;
    char ids[4][64];
    int64_t least_ms;
};

static int note_running(const weir_running_job *job, void *user_data)
{
    struct seen_running *seen = user_data;
    if (seen->n < COUNT_OF(seen->ids))
        snprintf(seen->ids[seen->n], sizeof seen->ids[0], "%s", job->entry_id);
    seen->n_cancelled += job->cancelled;
    assert_int_equal(job->attempt, 1);
    assert_true(job->running_ms >= 0);
    seen->least_ms = seen->n == 0 || job->running_ms < seen->least_ms ? job->running_ms : seen->least_ms;
    return ++seen->n == seen->end_after;
}

static bool has_run_for_a_while(void *context)
{
    struct seen_running seen = {0};
    OK(weir_queue_running(context, note_running, &seen, &last_error));
    return seen.n == 2 && seen.least_ms >= 20;
}

static void what_runs_here_is_shown_with_since_when(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.concurrency = 2;
    weir_queue *queue = fixture_start(f, &options);
    struct seen_running seen = {0};
    OK(weir_queue_running(queue, note_running, &seen, &last_error));
    assert_int_equal(seen.n, 0);
    weir_id first = put(f, "0");
    put_numbered(f, 1, 4);
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    OK(weir_queue_running(queue, note_running, &seen, &last_error));
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.n_cancelled, 0);
    assert_true(strcmp(seen.ids[0], first.text) == 0 || strcmp(seen.ids[1], first.text) == 0);
    assert_true(wait_for(has_run_for_a_while, queue, TEST_TIMEOUT_MS));
    seen = (struct seen_running){.end_after = 1};
    OK(weir_queue_running(queue, note_running, &seen, &last_error));
    assert_int_equal(seen.n, 1);
    EXPECT(WEIR_ERR_ARGUMENT, weir_queue_running(NULL, note_running, &seen, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_queue_running(queue, NULL, &seen, &last_error));
    gate_open(&f->gate);
    assert_true(wait_pending(f, 0));
    seen = (struct seen_running){0};
    OK(weir_queue_running(queue, note_running, &seen, &last_error));
    assert_int_equal(seen.n, 0);
}

/* Where it has many other keys, too, and a listing takes many calls. */
static int count_name(const char *stream, void *n)
{
    *(int *)n += strcmp(stream, STREAM) == 0;
    return 0;
}

static void queues_are_found_among_many_keys(void **state)
{
    struct fixture *f = *state;
    const char *populate[] = {"EVAL", "for i = 1, 5000 do redis.call('SET', 'key' .. i, i) end", "0"};
    freeReplyObject(test_server_argv(f->server, 3, populate, NULL));
    put_numbered(f, 0, 1);
    weir_admin *admin = admin_open(f);
    weir_cursor cursor = {""};
    int n = 0, calls = 0;
    do {
        OK(weir_admin_streams(admin, &cursor, count_name, &n, &last_error));
        calls++;
    } while (cursor.text[0]);
    assert_true(n >= 1);
    assert_true(calls > 4);
    weir_admin_close(admin);
}

/* --- pages --- */

struct walk {
    size_t n, end_after;
    char last[128];
};

static int note_pending(const weir_pending_info *pending, void *user_data)
{
    struct walk *walk = user_data;
    snprintf(walk->last, sizeof walk->last, "%s", pending->entry_id);
    return ++walk->n == walk->end_after;
}

static int note_job(const weir_job_info *job, void *user_data)
{
    struct walk *walk = user_data;
    snprintf(walk->last, sizeof walk->last, "%s", job->id);
    return ++walk->n == walk->end_after;
}

/* Longer than a page of the library's, from anywhere, up to any number, and ended by the visitor. */
static void listings_go_over_pages(void **state)
{
    struct fixture *f = *state;
    enum { N = 350 };
    put_numbered(f, 0, N);
    freeReplyObject(test_server_command(f->server, "XGROUP CREATE " STREAM " " GROUP " 0"));
    freeReplyObject(test_server_command(f->server, "XREADGROUP GROUP " GROUP " c COUNT %d STREAMS " STREAM " >", N));
    for (int i = 0; i < N; i++) {
        freeReplyObject(test_server_command(f->server, "ZADD " DELAYED " %d job-%03d", 1000 + i / 10, i));
        freeReplyObject(test_server_command(f->server, "HSET " DELAYED_JOBS " job-%03d x", i));
    }
    weir_admin *admin = admin_open(f);
    static const size_t maxima[] = {0, 1, 99, 100, 101, 200, 349, 350, 351, SIZE_MAX};
    for (size_t i = 0; i < COUNT_OF(maxima); i++) {
        size_t expected = maxima[i] < N ? maxima[i] : N;
        struct walk walk = {0};
        OK(weir_admin_pending(admin, STREAM, GROUP, NULL, NULL, maxima[i], note_pending, &walk, &last_error));
        assert_int_equal(walk.n, expected);
        walk = (struct walk){0};
        OK(weir_admin_delayed(admin, STREAM, NULL, maxima[i], note_job, &walk, &last_error));
        assert_int_equal(walk.n, expected);
        char last[16];
        snprintf(last, sizeof last, "job-%03zu", expected - 1);
        assert_string_equal(walk.last, expected ? last : "");
    }

    struct walk walk = {.end_after = 150}, rest = {0};
    OK(weir_admin_pending(admin, STREAM, GROUP, "c", "", SIZE_MAX, note_pending, &walk, &last_error));
    assert_int_equal(walk.n, 150);
    OK(weir_admin_pending(admin, STREAM, GROUP, NULL, walk.last, SIZE_MAX, note_pending, &rest, &last_error));
    assert_int_equal(rest.n, N - 150);
    rest = (struct walk){0};
    OK(weir_admin_pending(admin, STREAM, GROUP, NULL, LAST_OF_ALL, 10, note_pending, &rest, &last_error));
    assert_int_equal(rest.n, 0);
    walk = (struct walk){.end_after = 150};
    rest = (struct walk){0};
    OK(weir_admin_delayed(admin, STREAM, NULL, SIZE_MAX, note_job, &walk, &last_error));
    const weir_delayed_position after = {1000 + 14, walk.last, strlen(walk.last)};
    OK(weir_admin_delayed(admin, STREAM, &after, SIZE_MAX, note_job, &rest, &last_error));
    assert_int_equal(rest.n, N - 150);
    assert_string_equal(rest.last, "job-349");
    weir_admin_close(admin);
}

/* --- acting --- */

static void a_paused_queue_stops_and_goes_on(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.pause_interval_ms = 10;
    weir_queue *queue = fixture_start(f, &options);
    weir_admin *admin = admin_open(f);
    bool changed = false;
    OK(weir_admin_pause(admin, STREAM, &changed, &last_error));
    assert_true(changed);
    OK(weir_admin_pause(admin, STREAM, &changed, &last_error));
    assert_false(changed);
    assert_true(WAIT_STAT(queue, paused, 1));
    put_numbered(f, 0, 1);
    weir_queue_info *info = info_of(admin, STREAM);
    assert_int_equal(info->paused, 1);
    assert_in_range(info->paused_since_ms, 1, info->now_ms);
    weir_queue_info_free(info);

    assert_int_equal(recorder_count(f->runs), 0);
    OK(weir_admin_resume(admin, STREAM, NULL, &last_error));
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    OK(weir_admin_resume(admin, STREAM, &changed, &last_error));
    assert_false(changed);
    weir_admin_close(admin);
}

static void a_delayed_job_is_run_by_a_worker_now(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    fixture_start(f, &options);
    weir_enqueue_options later = WEIR_ENQUEUE_OPTIONS_INIT;
    later.delay_ms = HOUR_MS;
    later.id = "mine";
    put_with(f, "now", &later);
    later.id = "other";
    put_with(f, "never", &later);
    weir_admin *admin = admin_open(f);
    OK(weir_admin_delayed_run(admin, STREAM, "mine", &last_error));
    assert_true(recorder_wait_count_key(f->runs, "now", 1, TEST_TIMEOUT_MS));
    EXPECT(WEIR_ERR_NOT_FOUND, weir_admin_delayed_run(admin, STREAM, "mine", &last_error));
    OK(weir_admin_delayed_delete(admin, STREAM, "other", &last_error));
    EXPECT(WEIR_ERR_NOT_FOUND, weir_admin_delayed_delete(admin, STREAM, "other", &last_error));
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DELAYED_JOBS), 0);
    assert_int_equal(recorder_count_key(f->runs, "never"), 0);
    weir_admin_close(admin);
}

static void a_dead_consumer_is_reaped(void **state)
{
    struct fixture *f = *state;
    put_numbered(f, 0, 1);
    freeReplyObject(test_server_command(f->server, "XGROUP CREATE " STREAM " " GROUP " 0"));
    freeReplyObject(test_server_command(f->server, "XREADGROUP GROUP " GROUP " busy STREAMS " STREAM " >"));
    freeReplyObject(test_server_command(f->server, "XGROUP CREATECONSUMER " STREAM " " GROUP " idle"));
    weir_admin *admin = admin_open(f);
    uint64_t n = 7;
    OK(weir_admin_reap(admin, STREAM, GROUP, HOUR_MS, &n, &last_error));
    assert_int_equal(n, 0);
    OK(weir_admin_reap(admin, STREAM, GROUP, 0, &n, &last_error));
    assert_int_equal(n, 1);
    assert_int_equal(pending_of(f, STREAM, GROUP, "busy"), 1);
    EXPECT(WEIR_ERR_NO_GROUP, weir_admin_reap(admin, STREAM, "none", 0, &n, &last_error));
    weir_admin_close(admin);
}

/* --- over time --- */

/* The server was restarted while nothing was asked: one call more, that is all. */
static void what_only_looks_outlives_a_lost_connection(void **state)
{
    struct fixture *f = *state;
    weir_admin *admin = admin_open(f);
    weir_queue_info_free(info_of(admin, STREAM));
    struct walk walk = {0};
    weir_cursor cursor = {""};
    int n = 0;
    test_server_restart(f->server);
    weir_queue_info_free(info_of(admin, STREAM));
    test_server_restart(f->server);
    OK(weir_admin_streams(admin, &cursor, count_name, &n, &last_error));
    test_server_restart(f->server);
    OK(weir_admin_delayed(admin, STREAM, NULL, 10, note_job, &walk, &last_error));
    test_server_restart(f->server);
    OK(weir_admin_pause(admin, STREAM, NULL, &last_error)); /* which may be said twice */

    put_numbered(f, 0, 1);
    freeReplyObject(test_server_command(f->server, "ZADD " DELAYED " 1 a"));
    test_server_kill(f->server);
    weir_queue_info *info = NULL;
    EXPECT(WEIR_ERR_CONNECTION, weir_admin_info(admin, STREAM, &info, &last_error));
    assert_null(info);
    test_server_restart(f->server);
    weir_queue_info_free(info_of(admin, STREAM));
    weir_admin_close(admin);
}

/* A server that answers nothing, twice: that is not success. */
static void a_server_that_hangs_is_no_answer(void **state)
{
    struct fixture *f = *state;
    weir_admin_options options = WEIR_ADMIN_OPTIONS_INIT;
    options.url = test_server_url(f->server);
    options.connection.command_timeout_ms = options.connection.connect_timeout_ms = 200;
    weir_admin *admin = NULL;
    OK(weir_admin_open(&admin, &options, &last_error));
    weir_queue_info *info = NULL;
    bool changed = true;
    test_server_pause(f->server);
    weir_status looked = weir_admin_info(admin, STREAM, &info, &last_error);
    weir_status paused = weir_admin_pause(admin, STREAM, &changed, &last_error);
    weir_status deleted = weir_admin_delayed_delete(admin, STREAM, "a", &last_error);
    test_server_resume(f->server);
    assert_true(looked == WEIR_ERR_CONNECTION || looked == WEIR_ERR_IN_DOUBT);
    assert_true(paused == WEIR_ERR_CONNECTION || paused == WEIR_ERR_IN_DOUBT);
    assert_true(deleted == WEIR_ERR_CONNECTION || deleted == WEIR_ERR_IN_DOUBT);
    assert_null(info);
    weir_admin_close(admin);
}

static void a_key_of_another_type_is_said_to_be(void **state)
{
    struct fixture *f = *state;
    freeReplyObject(test_server_command(f->server, "SET " STREAM " x"));
    freeReplyObject(test_server_command(f->server, "SET " DELAYED " x"));
    weir_admin *admin = admin_open(f);
    weir_queue_info *info = NULL;
    struct walk walk = {0};
    EXPECT(WEIR_ERR_SERVER, weir_admin_info(admin, STREAM, &info, &last_error));
    EXPECT(WEIR_ERR_SERVER, weir_admin_delayed(admin, STREAM, NULL, 10, note_job, &walk, &last_error));
    EXPECT(WEIR_ERR_SERVER, weir_admin_delayed_run(admin, STREAM, "a", &last_error));
    EXPECT(WEIR_ERR_SERVER, weir_admin_job(admin, STREAM, "1-1", note_job, &walk, &last_error));
    EXPECT(WEIR_ERR_SERVER, weir_admin_pending(admin, STREAM, GROUP, NULL, NULL, 1, note_pending, &walk, &last_error));
    freeReplyObject(test_server_command(f->server, "DEL " STREAM " " DELAYED));
    weir_queue_info_free(info_of(admin, STREAM)); /* and the connection has not suffered */
    weir_admin_close(admin);
}

/* --- metrics --- */

struct text {
    char *bytes;
    size_t len;
};

static int keep(const char *piece, size_t len, void *user_data)
{
    struct text *text = user_data;
    text->bytes = realloc(text->bytes, text->len + len + 1);
    memcpy(text->bytes + text->len, piece, len);
    text->len += len;
    text->bytes[text->len] = '\0';
    return 0;
}

static void expect_line(const struct text *text, const char *line)
{
    const char *found = strstr(text->bytes, line);
    if (!found || (found > text->bytes && found[-1] != '\n') || found[strlen(line)] != '\n')
        fail_msg("\"%s\" is not in\n%s", line, text->bytes);
}

/* promtool, of Prometheus itself, checks names, types, help, form, and that nothing is there twice. */
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

static void what_the_server_knows_is_written_for_prometheus(void **state)
{
    struct fixture *f = *state;
    weir_admin *admin = admin_open(f);
    put_numbered(f, 0, 3);
    freeReplyObject(test_server_command(f->server, "XGROUP CREATE " STREAM " a 0"));
    freeReplyObject(test_server_command(f->server, "XGROUP CREATE " STREAM " b 0"));
    freeReplyObject(test_server_command(f->server, "XREADGROUP GROUP b c COUNT 1 STREAMS " STREAM " >"));
    freeReplyObject(test_server_command(f->server, "XADD {other}:dead * n 1"));
    const weir_queue_info *infos[] = {info_of(admin, STREAM), info_of(admin, "other")};
    struct text text = {NULL, 0};
    OK(weir_metrics_write_info(infos, 2, keep, &text, &last_error));
    expect_accepted(&text);
    expect_line(&text, "weir_queue_length{queue=\"jobs\"} 3");
    expect_line(&text, "weir_queue_length{queue=\"other\"} 0");
    expect_line(&text, "weir_queue_dead_letters{queue=\"other\"} 1");
    expect_line(&text, "weir_queue_waiting{queue=\"jobs\",group=\"a\"} 3");
    expect_line(&text, "weir_queue_pending{queue=\"jobs\",group=\"b\"} 1");
    expect_line(&text, "weir_queue_consumers{queue=\"jobs\",group=\"b\",state=\"alive\"} 1");
    expect_line(&text, "weir_queue_consumers{queue=\"jobs\",group=\"b\",state=\"idle\"} 0");
    expect_line(&text, "# TYPE weir_queue_consumers gauge");
    expect_line(&text, "# TYPE weir_queue_added_total counter");
    if (infos[0]->added >= 0) {
        expect_line(&text, "weir_queue_added_total{queue=\"jobs\"} 3");
        expect_line(&text, "weir_queue_waiting{queue=\"jobs\",group=\"b\"} 2");
    } else { /* not known is not 0 */
        assert_null(strstr(text.bytes, "weir_queue_added_total{queue=\"jobs\""));
        assert_null(strstr(text.bytes, "weir_queue_waiting{queue=\"jobs\",group=\"b\"}"));
    }
    free(text.bytes);

    text = (struct text){NULL, 0};
    OK(weir_metrics_write_info(NULL, 0, keep, &text, &last_error));
    assert_non_null(strstr(text.bytes, "# HELP weir_queue_paused "));
    free(text.bytes);
    EXPECT(WEIR_ERR_ARGUMENT, weir_metrics_write_info(infos, 2, NULL, NULL, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_metrics_write_info(NULL, 2, keep, &text, &last_error));
    const weir_queue_info *none[] = {NULL};
    EXPECT(WEIR_ERR_ARGUMENT, weir_metrics_write_info(none, 1, keep, &text, &last_error));
    weir_queue_info_free((weir_queue_info *)infos[0]);
    weir_queue_info_free((weir_queue_info *)infos[1]);
    weir_admin_close(admin);
}

/* --- in process --- */

static void queues_in_process_are_administered_too(void **state)
{
    (void)state;
    weir_admin_options options = WEIR_ADMIN_OPTIONS_INIT;
    options.url = "memory:admin";
    weir_admin *admin = NULL;
    OK(weir_admin_open(&admin, &options, &last_error));
    bool changed = false;
    OK(weir_admin_pause(admin, "a", &changed, &last_error));
    assert_true(changed);
    weir_queue_info *info = info_of(admin, "a");
    assert_int_equal(info->paused, 1);
    assert_false(info->exists);
    weir_queue_info_free(info);
    weir_admin_close(admin);
}

/* --- what makes no sense --- */

#define REFUSED(word, call)                                                                                            \
    do {                                                                                                               \
        EXPECT(WEIR_ERR_ARGUMENT, call);                                                                               \
        if (!strstr(last_error.message, word))                                                                         \
            fail_msg("\"%s\" doesn't say %s", last_error.message, word);                                               \
    } while (0)

static void refuse_options(const weir_admin_options *options, const char *word)
{
    weir_admin *admin = NULL;
    REFUSED(word, weir_admin_open(&admin, options, &last_error));
    assert_null(admin);
    assert_int_equal(weir_admin_open(&admin, options, NULL), WEIR_ERR_ARGUMENT);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    struct fixture *f = *state;
    weir_admin_options good = WEIR_ADMIN_OPTIONS_INIT;
    good.url = test_server_url(f->server);
    REFUSED("ret", weir_admin_open(NULL, &good, &last_error));
    refuse_options(NULL, "options");
    weir_admin_options bad = good;
    bad.size = 8;
    refuse_options(&bad, "size");
    bad = good, bad.url = NULL;
    refuse_options(&bad, "url");
    bad = good, bad.alive_ms = 0;
    refuse_options(&bad, "alive_ms");
    bad = good, bad.connection.command_timeout_ms = 0;
    refuse_options(&bad, "command_timeout_ms");
    weir_admin_close(NULL);
}

static void arguments_that_make_no_sense_are_refused(void **state)
{
    struct fixture *f = *state;
    weir_admin *admin = admin_open(f);
    weir_cursor cursor = {""}, endless, foreign = {"9:9:9"};
    memset(endless.text, 'x', sizeof endless.text);
    weir_queue_info *info = NULL;
    uint64_t n = 7;
    const weir_delayed_position nowhere = {0, NULL, 0};
    REFUSED("admin", weir_admin_streams(NULL, &cursor, count_name, &n, &last_error));
    REFUSED("cursor", weir_admin_streams(admin, NULL, count_name, &n, &last_error));
    REFUSED("visit", weir_admin_streams(admin, &cursor, NULL, &n, &last_error));
    REFUSED("cursor", weir_admin_streams(admin, &endless, count_name, &n, &last_error));
    REFUSED("cursor", weir_admin_streams(admin, &foreign, count_name, &n, &last_error));
    REFUSED("admin", weir_admin_info(NULL, STREAM, &info, &last_error));
    REFUSED("stream", weir_admin_info(admin, NULL, &info, &last_error));
    REFUSED("stream", weir_admin_info(admin, "", &info, &last_error));
    REFUSED("ret", weir_admin_info(admin, STREAM, NULL, &last_error));
    REFUSED("group", weir_admin_consumers(admin, STREAM, NULL, NULL, NULL, &last_error));
    REFUSED("visit", weir_admin_consumers(admin, STREAM, GROUP, NULL, NULL, &last_error));
    REFUSED("admin", weir_admin_pending(NULL, STREAM, GROUP, NULL, NULL, 1, note_pending, NULL, &last_error));
    REFUSED("group", weir_admin_pending(admin, STREAM, "", NULL, NULL, 1, note_pending, NULL, &last_error));
    REFUSED("consumer", weir_admin_pending(admin, STREAM, GROUP, "", NULL, 1, note_pending, NULL, &last_error));
    REFUSED("\"x\"", weir_admin_pending(admin, STREAM, GROUP, NULL, "x", 1, note_pending, NULL, &last_error));
    REFUSED("visit", weir_admin_pending(admin, STREAM, GROUP, NULL, NULL, 1, NULL, NULL, &last_error));
    REFUSED("\"x\"", weir_admin_job(admin, STREAM, "x", note_job, NULL, &last_error));
    REFUSED("NULL", weir_admin_job(admin, STREAM, NULL, note_job, NULL, &last_error));
    REFUSED("visit", weir_admin_job(admin, STREAM, "1-1", NULL, NULL, &last_error));
    REFUSED("visit", weir_admin_delayed(admin, STREAM, NULL, 1, NULL, NULL, &last_error));
    REFUSED("after", weir_admin_delayed(admin, STREAM, &nowhere, 1, note_job, NULL, &last_error));
    REFUSED("id", weir_admin_delayed_run(admin, STREAM, NULL, &last_error));
    REFUSED("id", weir_admin_delayed_delete(admin, STREAM, NULL, &last_error));
    REFUSED("admin", weir_admin_pause(NULL, STREAM, NULL, &last_error));
    REFUSED("stream", weir_admin_resume(admin, NULL, NULL, &last_error));
    REFUSED("idle_ms", weir_admin_reap(admin, STREAM, GROUP, -1, &n, &last_error));
    REFUSED("group", weir_admin_reap(admin, STREAM, NULL, 0, &n, &last_error));
    assert_int_equal(n, 7);
    assert_null(info);
    weir_admin_close(admin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_worker_is_seen_with_what_it_has_in_hand),
        WITH_FIXTURE(what_runs_here_is_shown_with_since_when),
        WITH_FIXTURE(queues_are_found_among_many_keys),
        WITH_FIXTURE(listings_go_over_pages),
        WITH_FIXTURE(a_paused_queue_stops_and_goes_on),
        WITH_FIXTURE(a_delayed_job_is_run_by_a_worker_now),
        WITH_FIXTURE(a_dead_consumer_is_reaped),
        WITH_FIXTURE(what_only_looks_outlives_a_lost_connection),
        WITH_FIXTURE(a_server_that_hangs_is_no_answer),
        WITH_FIXTURE(a_key_of_another_type_is_said_to_be),
        WITH_FIXTURE(what_the_server_knows_is_written_for_prometheus),
        WITH_FIXTURE(queues_in_process_are_administered_too),
        WITH_FIXTURE(options_that_make_no_sense_are_refused),
        WITH_FIXTURE(arguments_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
