/* SPDX-License-Identifier: MIT
 *
 * Idempotent enqueues against a real server: a call whose answer was lost finds out what happened, refusals leave no
 * window behind, windows end by themselves, and a bulk stays one pipeline.
 */
#include "fixture.h"

#include "support/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS 3600000
#define ONCE(id) "{jobs}:once:" id

static weir_enqueue_options once(const char *id, int64_t delay_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = id;
    options.idempotency_ms = HOUR_MS;
    options.delay_ms = delay_ms;
    return options;
}

/* A bulk of one, which says whether it was a duplicate. */
static weir_enqueue_result put_once(weir_producer *producer, const weir_enqueue_options *options)
{
    weir_enqueue_result result = {WEIR_ERR_STATE, {"untouched"}, true};
    weir_enqueue_job job = {WEIR_FIELDS(weir_field_text("n", "1")), options};
    last_error = (weir_error){.code = WEIR_OK};
    weir_status status = weir_enqueue_bulk(producer, &job, 1, &result, &last_error);
    assert_int_equal(status, result.status);
    assert_string_equal(result.id.text, status == WEIR_OK ? options->id : "");
    return result;
}

static void expect_added(weir_producer *producer, weir_enqueue_options options)
{
    weir_enqueue_result result = put_once(producer, &options);
    assert_int_equal(result.status, WEIR_OK);
    assert_false(result.duplicate);
}

static void expect_duplicate(weir_producer *producer, weir_enqueue_options options)
{
    weir_enqueue_result result = put_once(producer, &options);
    assert_int_equal(result.status, WEIR_OK);
    assert_true(result.duplicate);
}

static void command(struct fixture *f, const char *words)
{
    redisReply *reply = test_server_command(f->server, words);
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        test_die("%s: %s", words, reply ? reply->str : "no answer");
    freeReplyObject(reply);
}

/* --- doubts --- */

static weir_producer *producer_through(struct test_proxy *proxy, int64_t timeout_ms)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = test_proxy_url(proxy);
    options.stream = STREAM;
    options.connection.command_timeout_ms = timeout_ms;
    weir_producer *producer = NULL;
    OK(weir_producer_open(&producer, &options, &last_error));
    return producer;
}

/* The server has carried the command out, and the answer is lost: sent again, it is not taken for another's. */
static void a_lost_answer_is_asked_for_again(void **state)
{
    struct fixture *f = *state;
    struct test_proxy *proxy = test_proxy_start(test_server_socket(f->server));
    weir_producer *producer = producer_through(proxy, TEST_TIMEOUT_MS);
    static const int64_t delays_ms[] = {0, HOUR_MS};
    for (size_t i = 0; i < COUNT_OF(delays_ms); i++) {
        weir_enqueue_options options = once(i ? "delayed" : "now", delays_ms[i]);
        expect_added(producer, once(i ? "delayed first" : "first", delays_ms[i])); /* the script is there */
        size_t accepted = test_proxy_accepted(proxy);
        test_proxy_cut_after(proxy, TEST_PROXY_REPLIES, 0);
        weir_id id;
        OK(weir_enqueue(producer, WEIR_FIELDS(weir_field_text("n", "1")), &options, &id, &last_error));
        assert_string_equal(id.text, options.id);
        assert_true(test_proxy_accepted(proxy) > accepted);
        expect_duplicate(producer, options);

        options = once(i ? "delayed too" : "now too", delays_ms[i]);
        test_proxy_cut_after(proxy, TEST_PROXY_REPLIES, 0);
        expect_added(producer, options);
    }
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 3);
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), 3);
    assert_int_equal(test_server_integer(f->server, "HLEN " DELAYED_JOBS), 3);
    weir_producer_close(producer);
    test_proxy_stop(proxy);
}

/* The command itself is cut: part of a bulk was carried out, part was not; all of it is there in the end, once. */
static void a_bulk_that_was_cut_is_completed(void **state)
{
    struct fixture *f = *state;
    enum { N = 2000 };
    struct test_proxy *proxy = test_proxy_start(test_server_socket(f->server));
    weir_producer *producer = producer_through(proxy, TEST_TIMEOUT_MS);
    expect_added(producer, once("first", 0));
    expect_added(producer, once("first delayed", HOUR_MS));
    struct row {
        char id[16];
        weir_enqueue_options options;
    } *rows = calloc(N, sizeof *rows);
    weir_enqueue_job *jobs = calloc(N, sizeof *jobs);
    weir_enqueue_result *results = calloc(N, sizeof *results);
    assert_true(rows && jobs && results);
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("n", "1"));
    for (size_t i = 0; i < N; i++) {
        snprintf(rows[i].id, sizeof rows[i].id, "job-%zu", i);
        rows[i].options = once(rows[i].id, i % 3 ? 0 : HOUR_MS);
        if (i % 5 == 4)
            rows[i].options.idempotency_ms = 0;
        jobs[i] = (weir_enqueue_job){fields, &rows[i].options};
    }
    test_proxy_cut_after(proxy, TEST_PROXY_REPLIES, 4000);
    weir_status status = weir_enqueue_bulk(producer, jobs, N, results, &last_error);
    assert_int_equal(status, WEIR_ERR_IN_DOUBT); /* of those without a window */
    assert_int_equal(last_error.code, WEIR_ERR_IN_DOUBT);
    size_t unsent = 0, in_doubt = 0;
    for (size_t i = 0; i < N; i++) {
        assert_false(results[i].duplicate);
        unsent += results[i].status == WEIR_ERR_CONNECTION;
        in_doubt += results[i].status == WEIR_ERR_IN_DOUBT;
        if (i % 5 != 4 && results[i].status != WEIR_OK)
            assert_int_equal(results[i].status, WEIR_ERR_CONNECTION);
    }
    assert_true(in_doubt > 0);
    for (size_t i = 0; i < N; i++) { /* the rest, and every one of them */
        rows[i].options.idempotency_ms = HOUR_MS;
        if (results[i].status != WEIR_OK || i % 5 != 4)
            assert_int_equal(put_once(producer, &rows[i].options).duplicate,
                             results[i].status == WEIR_OK && i % 5 != 4);
    }
    assert_true(unsent < N);
    free(rows);
    free(jobs);
    free(results);
    weir_producer_close(producer);
    test_proxy_stop(proxy);
}

/* Nobody to ask: the doubt is told, and the caller's own repeat resolves it. */
static void a_doubt_that_cannot_be_resolved_is_told(void **state)
{
    struct fixture *f = *state;
    struct test_proxy *proxy = test_proxy_start(test_server_socket(f->server));
    weir_producer *producer = producer_through(proxy, 50);
    expect_added(producer, once("first", 0));
    test_proxy_refuse(proxy, true);
    test_proxy_cut_after(proxy, TEST_PROXY_REPLIES, 0);
    weir_enqueue_options options = once("x", 0);
    assert_int_equal(put_once(producer, &options).status, WEIR_ERR_IN_DOUBT);
    assert_int_equal(last_error.code, WEIR_ERR_IN_DOUBT);
    test_proxy_heal(proxy);
    expect_duplicate(fixture_producer(f), options);
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 2);
    weir_producer_close(producer);
    test_proxy_stop(proxy);
}

/* So late that the first one may have expired: sending it again could add it twice. */
static void nothing_is_sent_again_late_in_the_window(void **state)
{
    struct fixture *f = *state;
    struct test_proxy *proxy = test_proxy_start(test_server_socket(f->server));
    weir_producer *producer = producer_through(proxy, TEST_TIMEOUT_MS);
    expect_added(producer, once("first", 0));
    weir_enqueue_options options = once("x", 0);
    options.idempotency_ms = 1;
    test_proxy_cut_after(proxy, TEST_PROXY_REPLIES, 0);
    assert_int_equal(put_once(producer, &options).status, WEIR_ERR_IN_DOUBT);
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 2);
    weir_producer_close(producer);
    test_proxy_stop(proxy);
}

/* --- windows --- */

static void windows_end_by_themselves(void **state)
{
    struct fixture *f = *state;
    expect_added(fixture_producer(f), once("long", 0));
    long long left_ms = test_server_integer(f->server, "PTTL " ONCE("long"));
    assert_in_range(left_ms, 1, HOUR_MS);
    weir_enqueue_options options = once("short", 0);
    options.idempotency_ms = 1;
    expect_added(fixture_producer(f), options);
    assert_true(wait_integer(f, 0, "EXISTS " ONCE("short")));
    assert_int_equal(test_server_integer(f->server, "EXISTS " ONCE("long")), 1);
    /* the window is counted from the first enqueue, not from the last */
    options = once("long", 0);
    options.idempotency_ms *= 2;
    expect_duplicate(fixture_producer(f), options);
    assert_true(test_server_integer(f->server, "PTTL " ONCE("long")) <= left_ms);
}

static void a_refusal_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    weir_producer *producer = fixture_producer(f);
    static const struct {
        const char *spoil, *mend;
        int64_t delay_ms;
    } cases[] = {
        {"SET " STREAM " x", "DEL " STREAM, 0},
        {"SET " DELAYED_JOBS " x", "DEL " DELAYED_JOBS, HOUR_MS},
        {"SET " DELAYED " x", "DEL " DELAYED, HOUR_MS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        command(f, cases[i].spoil);
        weir_enqueue_options options = once("x", cases[i].delay_ms);
        assert_int_equal(put_once(producer, &options).status, WEIR_ERR_SERVER);
        assert_non_null(strstr(last_error.server, "WRONGTYPE"));
        command(f, cases[i].mend);
        assert_int_equal(test_server_integer(f->server, "EXISTS " ONCE("x") " " STREAM " " DELAYED " " DELAYED_JOBS),
                         0);
        expect_added(producer, options);
        command(f, "FLUSHDB");
    }
}

static void a_full_server_still_knows_what_it_has(void **state)
{
    struct fixture *f = *state;
    weir_producer *producer = fixture_producer(f);
    weir_enqueue_options now = once("now", 0), delayed = once("delayed", HOUR_MS);
    expect_added(producer, now);
    expect_added(producer, delayed);
    command(f, "CONFIG SET maxmemory 1");
    expect_duplicate(producer, now);
    expect_duplicate(producer, delayed);
    now.id = "new", delayed.id = "new delayed";
    assert_int_equal(put_once(producer, &now).status, WEIR_ERR_FULL);
    assert_int_equal(put_once(producer, &delayed).status, WEIR_ERR_FULL);
    command(f, "CONFIG SET maxmemory 0");
    expect_added(producer, now);
    expect_added(producer, delayed);
}

/* --- bulks --- */

/* The scripts are loaded once and what was refused is sent again, all in a few round trips. */
static void a_bulk_that_finds_no_scripts_stays_a_pipeline(void **state)
{
    struct fixture *f = *state;
    enum { N = 6000 };
    char(*ids)[16] = calloc(N, sizeof *ids);
    weir_enqueue_options *options = calloc(N, sizeof *options);
    weir_enqueue_job *jobs = calloc(N, sizeof *jobs);
    weir_enqueue_result *results = calloc(N, sizeof *results);
    assert_true(ids && options && jobs && results);
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("n", "1"));
    for (size_t i = 0; i < N; i++) {
        snprintf(ids[i], sizeof ids[i], "job-%zu", i);
        options[i] = once(ids[i], i % 2 ? 0 : HOUR_MS);
        jobs[i] = (weir_enqueue_job){fields, &options[i]};
    }
    fixture_producer(f);
    command(f, "SCRIPT FLUSH");
    command(f, "CONFIG RESETSTAT");
    OK(weir_enqueue_bulk(f->producer, jobs, N, results, &last_error));
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(results[i].status, WEIR_OK);
        assert_string_equal(results[i].id.text, ids[i]);
        assert_false(results[i].duplicate);
    }
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), N / 2);
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), N / 2);
    assert_true(calls_of(f, "evalsha") <= 2 * N);

    /* the first answer to each of them says what was received in one go: one by one it would be as many as jobs */
    redisReply *info = test_server_command(f->server, "INFO stats");
    const char *reads = strstr(info->str, "total_reads_processed:");
    assert_non_null(reads);
    assert_true(atoll(strchr(reads, ':') + 1) < N / 4);
    freeReplyObject(info);
    free(ids);
    free(options);
    free(jobs);
    free(results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_lost_answer_is_asked_for_again),
        WITH_FIXTURE(a_bulk_that_was_cut_is_completed),
        WITH_FIXTURE(a_doubt_that_cannot_be_resolved_is_told),
        WITH_FIXTURE(nothing_is_sent_again_late_in_the_window),
        WITH_FIXTURE(windows_end_by_themselves),
        WITH_FIXTURE(a_refusal_leaves_nothing_behind),
        WITH_FIXTURE(a_full_server_still_knows_what_it_has),
        WITH_FIXTURE(a_bulk_that_finds_no_scripts_stays_a_pipeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
