/* SPDX-License-Identifier: MIT
 *
 * G5: nothing unread or unacked by any group is ever trimmed; what every group has finished with doesn't stay for ever.
 */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1000 };

static weir_queue_options trimming(struct fixture *f, const char *group)
{
    weir_queue_options options = fixture_options(f);
    options.group = group;
    options.trim_interval_ms = 20;
    options.claim_interval_ms = 20;
    return options;
}

static long long length(struct fixture *f)
{
    return test_server_integer(f->server, "XLEN " STREAM);
}

/* Until the claimer has come round several times, trimming included; `poke` gives it a reason to. */
static void wait_for_trims(struct fixture *f, bool poke)
{
    for (int i = 0; i < 3; i++) {
        size_t runs = recorder_count(f->runs);
        if (poke) {
            put(f, "poke");
            assert_true(recorder_wait_count(f->runs, runs + 1, TEST_TIMEOUT_MS));
        }
        assert_true(wait_more_calls(f, "xautoclaim", 3));
    }
}

/* A group without a worker. */
static void make_group(struct fixture *f, const char *group)
{
    redisReply *reply = test_server_command(f->server, "XGROUP CREATE " STREAM " %s 0 MKSTREAM", group);
    assert_int_equal(reply->type, REDIS_REPLY_STATUS);
    freeReplyObject(reply);
}

/* The n of the first and last entry. */
static void expect_range(struct fixture *f, const char *first, const char *last)
{
    redisReply *entries = entries_of(f, STREAM);
    assert_true(entries->elements > 0);
    assert_string_equal(text_of(entries->element[0], "n"), first);
    assert_string_equal(text_of(entries->element[entries->elements - 1], "n"), last);
    freeReplyObject(entries);
}

/* --- one group --- */

static void a_finished_stream_is_empty(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = trimming(f, GROUP);
    put_numbered(f, 0, N);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, 0, "XLEN " STREAM));
    assert_true(WAIT_STAT(queue, trimmed, N));
}

/* The low-water mark is the oldest job that isn't finished. */
static weir_outcome stop_at_700(weir_job *job, void *fixture)
{
    if (strcmp(name_of(job), "700") == 0)
        return handle_at_gate(job, fixture);
    return handle_done(job, fixture);
}

static void a_running_job_and_all_after_it_stay(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = trimming(f, GROUP);
    options.handler = stop_at_700;
    put_numbered(f, 0, N);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, N - 700, "XLEN " STREAM));
    wait_for_trims(f, true);
    assert_true(length(f) >= N - 700);
    expect_range(f, "700", "poke");
    gate_open(&f->gate);
    assert_true(wait_integer(f, 0, "XLEN " STREAM));
}

/* --- two groups --- */

static void what_another_group_has_not_read_stays(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = trimming(f, GROUP);
    make_group(f, "laggard");
    put_numbered(f, 0, N);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    wait_for_trims(f, true);
    assert_int_equal(length(f), N + 3);

    recorder_clear(f->runs);
    options.group = "laggard";
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N + 3, TEST_TIMEOUT_MS)); /* it misses none */
    assert_true(wait_integer(f, 0, "XLEN " STREAM));
    assert_int_equal(recorder_distinct_keys(f->runs), N + 1);
}

/* Reads `count` entries for the group by hand, and acks all but the i-th. Its id is written to ret. */
static void ack_all_but(struct fixture *f, const char *group, size_t count, size_t i, char ret[64])
{
    redisReply *reply = test_server_command(f->server, "XREADGROUP GROUP %s foreigner COUNT %d STREAMS " STREAM " >",
                                            group, (int)count);
    const redisReply *entries = reply->element[0]->element[1];
    assert_int_equal(entries->elements, count);
    for (size_t j = 0; j < count; j++) {
        const char *id = entries->element[j]->element[0]->str;
        if (j == i)
            snprintf(ret, 64, "%s", id);
        else
            assert_int_equal(test_server_integer(f->server, "XACK " STREAM " %s %s", group, id), 1);
    }
    freeReplyObject(reply);
}

static void what_another_group_has_not_acked_stays(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = trimming(f, GROUP);
    make_group(f, "laggard");
    put_numbered(f, 0, N);
    char unacked[64];
    ack_all_but(f, "laggard", 600, 300, unacked);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, N - 300, "XLEN " STREAM));
    wait_for_trims(f, true);
    assert_int_equal(length(f), N - 300 + 3);
    expect_range(f, "300", "poke");

    /* then up to what it hasn't read */
    assert_int_equal(test_server_integer(f->server, "XACK " STREAM " laggard %s", unacked), 1);
    put(f, "poke");
    assert_true(wait_integer(f, N - 600 + 4, "XLEN " STREAM));
    expect_range(f, "600", "poke");
    assert_int_equal(test_server_integer(f->server, "XGROUP DESTROY " STREAM " laggard"), 1);
    put(f, "poke");
    assert_true(wait_integer(f, 0, "XLEN " STREAM));
}

/* --- other retentions --- */

static void keep_all_keeps_all(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = trimming(f, GROUP);
    options.retention = WEIR_KEEP_ALL;
    put_numbered(f, 0, N);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    wait_for_trims(f, true);
    fixture_close(f, queue);
    assert_int_equal(length(f), N + 3);
}

struct awaited_length {
    struct fixture *f;
    long long most;
};

static bool is_short(void *context)
{
    struct awaited_length *awaited = context;
    return length(awaited->f) <= awaited->most;
}

static void keep_last_keeps_the_last(void **state)
{
    struct fixture *f = *state;
    enum { KEPT = 250, NODE = 100 }; /* the server trims by whole nodes of a hundred */
    weir_queue_options options = trimming(f, GROUP);
    options.retention = WEIR_KEEP_LAST;
    options.retention_count = KEPT;
    put_numbered(f, 0, N);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    struct awaited_length awaited = {f, KEPT + NODE};
    assert_true(wait_for(is_short, &awaited, TEST_TIMEOUT_MS));
    wait_for_trims(f, true);
    assert_in_range(length(f), KEPT, KEPT + NODE);
    redisReply *entries = entries_of(f, STREAM);
    char expected[16];
    snprintf(expected, sizeof expected, "%d", N - 1);
    assert_string_equal(text_of(entries->element[entries->elements - 4], "n"), expected);
    freeReplyObject(entries);
}

static void keep_last_keeps_what_is_unread(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = trimming(f, GROUP);
    options.retention = WEIR_KEEP_LAST;
    options.retention_count = 1;
    make_group(f, "laggard");
    put_numbered(f, 0, N);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    wait_for_trims(f, true);
    assert_int_equal(length(f), N + 3);
}

static weir_outcome hold_odd_ones(weir_job *job, void *fixture)
{
    return atoi(name_of(job)) % 2 ? handle_at_gate(job, fixture) : handle_done(job, fixture);
}

static void delete_on_ack_leaves_holes(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = trimming(f, GROUP);
    options.retention = WEIR_DELETE_ON_ACK;
    options.trim_interval_ms = 3600000;
    options.handler = hold_odd_ones;
    options.concurrency = 10;
    put_numbered(f, 0, 10);
    fixture_start(f, &options);
    assert_true(wait_integer(f, 5, "XLEN " STREAM));
    assert_int_equal(pending_of(f, STREAM, GROUP, NULL), 5);
    redisReply *entries = entries_of(f, STREAM);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(atoi(text_of(entries->element[i], "n")) % 2, 1);
    freeReplyObject(entries);
    gate_open(&f->gate);
    assert_true(wait_integer(f, 0, "XLEN " STREAM));
    assert_int_equal(recorder_count(f->runs), 10);
}

/* With a second group it falls back to trimming what both have finished with. */
static void delete_on_ack_spares_what_another_group_needs(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = trimming(f, GROUP);
    options.retention = WEIR_DELETE_ON_ACK;
    make_group(f, "laggard");
    put_numbered(f, 0, N);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    wait_for_trims(f, true);
    assert_int_equal(length(f), N + 3);
    recorder_clear(f->runs);
    options.group = "laggard";
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N + 3, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, 0, "XLEN " STREAM));
}

static void failures_leave_nothing_behind_either(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = trimming(f, GROUP);
    options.retention = WEIR_DELETE_ON_ACK;
    options.handler = handle_retry;
    options.backoff_base_ms = 0;
    options.max_attempts = 2;
    put_numbered(f, 0, 50);
    fixture_start(f, &options);
    assert_true(wait_integer(f, 50, "XLEN " DEAD));
    assert_true(wait_integer(f, 0, "XLEN " STREAM));
    assert_int_equal(recorder_count(f->runs), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_finished_stream_is_empty),
        WITH_FIXTURE(a_running_job_and_all_after_it_stay),
        WITH_FIXTURE(what_another_group_has_not_read_stays),
        WITH_FIXTURE(what_another_group_has_not_acked_stays),
        WITH_FIXTURE(keep_all_keeps_all),
        WITH_FIXTURE(keep_last_keeps_the_last),
        WITH_FIXTURE(keep_last_keeps_what_is_unread),
        WITH_FIXTURE(delete_on_ack_leaves_holes),
        WITH_FIXTURE(delete_on_ack_spares_what_another_group_needs),
        WITH_FIXTURE(failures_leave_nothing_behind_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
