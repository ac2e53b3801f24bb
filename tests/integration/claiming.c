/* SPDX-License-Identifier: MIT
 *
 * Taking over from workers that are gone, coming back as one that was, leaving without a trace; and several queues as
 * one.
 */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A consumer reads up to `count` entries by hand, and is not heard of again. */
static void read_as(struct fixture *f, const char *consumer, int count)
{
    freeReplyObject(test_server_command(f->server, "XGROUP CREATE " STREAM " " GROUP " 0 MKSTREAM"));
    redisReply *reply =
        test_server_command(f->server, "XREADGROUP GROUP " GROUP " %s COUNT %d STREAMS " STREAM " >", consumer, count);
    assert_int_equal(reply->element[0]->element[1]->elements, count);
    freeReplyObject(reply);
}

static weir_outcome note_deliveries(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->runs, name_of(job), weir_job_deliveries(job));
    return WEIR_DONE;
}

/* --- taking over --- */

static void entries_of_dead_consumers_are_taken_over(void **state)
{
    struct fixture *f = *state;
    enum { EACH = 300, NEW = 3000 };
    put_numbered(f, 0, 2 * EACH + NEW);
    read_as(f, "deceased", EACH);
    read_as(f, "late", EACH);
    weir_queue_options options = fixture_options(f);
    options.handler = note_deliveries;
    options.min_idle_ms = 50;
    weir_queue *queue = fixture_start(f, &options); /* while there is enough else to do */
    assert_true(recorder_wait_count(f->runs, 2 * EACH + NEW, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), 2 * EACH + NEW);
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    for (size_t i = 0; i < 2 * EACH + NEW; i++) {
        struct recorded run = recorder_get(f->runs, i);
        assert_int_equal(run.value, atoi(run.key) < 2 * EACH ? 2 : 1);
    }
    weir_stats stats = WEIR_STATS_INIT;
    OK(weir_queue_stats(queue, &stats));
    assert_true(stats.claimed >= 2 * EACH);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD), 0);
}

static atomic_int seen[20000];

static weir_outcome count_each(weir_job *job, void *fixture)
{
    (void)fixture;
    atomic_fetch_add(&seen[atoi(name_of(job))], 1);
    return WEIR_DONE;
}

static void twenty_thousand_are_taken_over(void **state)
{
    struct fixture *f = *state;
    enum { N = COUNT_OF(seen) };
    put_numbered(f, 0, N);
    read_as(f, "deceased", N);
    weir_queue_options options = fixture_options(f);
    options.handler = count_each;
    options.min_idle_ms = 200;
    weir_queue *queue = fixture_start(f, &options);
    assert_true(wait_pending(f, 0));
    fixture_close(f, queue);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 0);
}

/* The server looks at few entries a call: those at the head that aren't due must not hide the others. */
static void entries_behind_many_fresh_ones_are_found(void **state)
{
    struct fixture *f = *state;
    enum { FRESH = 8000, STALE = 10 };
    put_numbered(f, 0, FRESH + STALE);
    read_as(f, "alive", FRESH + STALE);
    redisReply *entries = entries_of(f, STREAM);
    for (size_t i = FRESH; i < FRESH + STALE; i++)
        freeReplyObject(test_server_command(f->server, "XCLAIM " STREAM " " GROUP " alive 0 %s IDLE 7200000 JUSTID",
                                            entries->element[i]->element[0]->str));
    freeReplyObject(entries);
    weir_queue_options options = fixture_options(f);
    options.min_idle_ms = 3600000;
    options.claim_interval_ms = 20;
    options.concurrency = 2;
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, STALE, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, FRESH));
    assert_true(wait_more_calls(f, "xautoclaim", 10));
    assert_int_equal(recorder_count(f->runs), STALE);
    for (size_t i = 0; i < STALE; i++)
        assert_true(atoi(recorder_get(f->runs, i).key) >= FRESH);
}

/* --- coming back --- */

static void a_restarted_worker_runs_its_own_first(void **state)
{
    struct fixture *f = *state;
    enum { OWN = 20, NEW = 20 };
    put_numbered(f, 0, OWN + NEW);
    read_as(f, "worker-1", OWN);
    weir_queue_options options = fixture_options(f);
    options.handler = note_deliveries;
    options.consumer = "worker-1";
    options.concurrency = 1;
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, OWN + NEW, TEST_TIMEOUT_MS));
    for (int i = 0; i < OWN + NEW; i++) {
        struct recorded run = recorder_get(f->runs, (size_t)i);
        assert_int_equal(atoi(run.key), i);
        assert_int_equal(run.value, i < OWN ? 2 : 1);
    }
    assert_true(wait_pending(f, 0));
    assert_true(WAIT_STAT(queue, recovered, OWN));
}

static void a_queue_may_be_started_again(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    weir_queue *queue = fixture_start(f, &options);
    for (int i = 0; i < 5; i++) {
        EXPECT(WEIR_ERR_STATE, weir_queue_start(queue, &last_error));
        put_numbered(f, i * 10, 10);
        assert_true(recorder_wait_count(f->runs, (size_t)i * 10 + 10, TEST_TIMEOUT_MS));
        EXPECT(WEIR_OK, weir_queue_stop(queue, TEST_TIMEOUT_MS));
        EXPECT(WEIR_OK, weir_queue_stop(queue, 0)); /* it is stopped */
        OK(weir_queue_start(queue, &last_error));
    }
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), 50);
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
}

/* --- consumers --- */

static long long consumers(struct fixture *f)
{
    redisReply *reply = test_server_command(f->server, "XINFO CONSUMERS " STREAM " " GROUP);
    long long n = (long long)reply->elements;
    freeReplyObject(reply);
    return n;
}

static bool has_consumer(struct fixture *f, const char *name)
{
    redisReply *reply = test_server_command(f->server, "XINFO CONSUMERS " STREAM " " GROUP);
    bool found = false;
    for (size_t i = 0; i < reply->elements; i++)
        found |= strcmp(reply->element[i]->element[1]->str, name) == 0;
    freeReplyObject(reply);
    return found;
}

static bool dead_ones_are_gone(void *fixture)
{
    redisReply *reply = test_server_command(((struct fixture *)fixture)->server, "XINFO CONSUMERS " STREAM " " GROUP);
    bool gone = true;
    for (size_t i = 0; i < reply->elements; i++)
        gone &= strncmp(reply->element[i]->element[1]->str, "dead-", 5) != 0;
    freeReplyObject(reply);
    return gone;
}

static weir_outcome hold_the_first(weir_job *job, void *fixture)
{
    return strcmp(name_of(job), "held") == 0 ? handle_at_gate(job, fixture) : handle_done(job, fixture);
}

/* What has something pending is never deleted, and who is alive doesn't notice it. */
static void dead_consumers_are_reaped(void **state)
{
    struct fixture *f = *state;
    enum { DEAD_ONES = 20, REAP_IDLE_MS = 200 };
    put(f, "pending");
    read_as(f, "pending", 1);
    for (int i = 0; i < DEAD_ONES; i++)
        assert_int_equal(test_server_integer(f->server, "XGROUP CREATECONSUMER " STREAM " " GROUP " dead-%d", i), 1);
    weir_queue_options options = fixture_options(f);
    options.handler = hold_the_first;
    options.reap_idle_ms = REAP_IDLE_MS;
    options.claim_interval_ms = 50;
    options.consumer = "holding";
    put(f, "held");
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    options.consumer = "idle";
    fixture_start(f, &options);
    assert_true(wait_for(dead_ones_are_gone, f, TEST_TIMEOUT_MS));
    assert_true(calls_of(f, "xgroup|delconsumer") >= DEAD_ONES);

    assert_true(wait_more_calls(f, "xautoclaim", 20)); /* two more reaps, at least */
    assert_true(has_consumer(f, "pending") && has_consumer(f, "holding"));
    assert_int_equal(pending_of(f, STREAM, GROUP, "pending"), 1);
    assert_int_equal(pending_of(f, STREAM, GROUP, "holding"), 1);
    put_numbered(f, 0, 100);
    assert_true(recorder_wait_count(f->runs, 101, TEST_TIMEOUT_MS));
    gate_open(&f->gate);
    assert_true(wait_pending(f, 1));
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
}

static void none_is_reaped_where_none_shall_be(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.reap_idle_ms = 0;
    options.claim_interval_ms = 10;
    weir_queue *queue = fixture_open(f, &options);
    assert_int_equal(test_server_integer(f->server, "XGROUP CREATECONSUMER " STREAM " " GROUP " dead"), 1);
    OK(weir_queue_start(queue, &last_error));
    assert_true(wait_more_calls(f, "xautoclaim", 20));
    assert_true(has_consumer(f, "dead"));
}

static void a_graceful_stop_removes_the_consumer(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    put_numbered(f, 0, 10);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 10, TEST_TIMEOUT_MS));
    assert_true(has_consumer(f, weir_queue_consumer(queue)));
    fixture_close(f, queue);
    assert_int_equal(consumers(f), 0);
    assert_int_equal(pending_of(f, STREAM, GROUP, NULL), 0);
}

/* Deleting a consumer deletes what is pending for it: one that left something stays. */
static void a_consumer_with_something_pending_stays(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    put(f, "a");
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    weir_log_set(WEIR_LOG_OFF, NULL, NULL); /* it warns of the handler that it leaves behind */
    EXPECT(WEIR_ERR_DEADLINE, weir_queue_stop(queue, 0));
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
    assert_true(has_consumer(f, weir_queue_consumer(queue)));
    assert_int_equal(pending_of(f, STREAM, GROUP, weir_queue_consumer(queue)), 1);
    gate_open(&f->gate);
    assert_true(WAIT_STAT(queue, running, 0));
}

static void names_differ_where_none_is_given(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    weir_queue *first = fixture_open(f, &options), *second = fixture_open(f, &options);
    assert_string_not_equal(weir_queue_consumer(first), weir_queue_consumer(second));
    assert_true(strlen(weir_queue_consumer(first)) > 0);
    options.consumer = "mine";
    assert_string_equal(weir_queue_consumer(fixture_open(f, &options)), "mine");
}

/* --- several queues as one --- */

struct letter {
    char to[32];
};

static weir_status decode_letter(const weir_fields *fields, void *value, weir_error *err)
{
    (void)err;
    snprintf(((struct letter *)value)->to, sizeof(struct letter), "%s", fields->items[0].value);
    return WEIR_OK;
}

static const weir_codec letter_codec = {
    .size = sizeof letter_codec, .name = "letter", .struct_size = sizeof(struct letter), .decode = decode_letter};

static weir_outcome handle_letter(weir_job *job, void *fixture)
{
    const struct letter *letter = weir_job_payload(job);
    recorder_add(((struct fixture *)fixture)->runs, letter ? letter->to : "no payload", 0);
    return WEIR_DONE;
}

/* "letters" with a payload, "plain" without, "slow" whose handlers wait at the gate. */
static void make_options(struct fixture *f, weir_queue_options options[3])
{
    for (size_t i = 0; i < 3; i++)
        options[i] = fixture_options(f);
    options[0].stream = "letters";
    options[0].codec = &letter_codec;
    options[0].handler = handle_letter;
    options[1].stream = "plain";
    options[2].stream = "slow";
    options[2].handler = handle_at_gate;
}

static void add_to_each(struct fixture *f)
{
    freeReplyObject(test_server_command(f->server, "XADD letters * to someone"));
    freeReplyObject(test_server_command(f->server, "XADD plain * n plain"));
}

static void a_group_runs_different_queues(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options[3];
    make_options(f, options);
    weir_queue_group *group = NULL;
    OK(weir_queue_group_open(&group, options, 3, &last_error));
    assert_non_null(weir_queue_group_get(group, 2));
    assert_null(weir_queue_group_get(group, 3));
    add_to_each(f);
    assert_int_equal(recorder_count(f->runs), 0);
    for (size_t i = 1; i <= 3; i++) {
        OK(weir_queue_group_start(group, &last_error));
        assert_true(recorder_wait_count_key(f->runs, "someone", i, TEST_TIMEOUT_MS));
        assert_true(recorder_wait_count_key(f->runs, "plain", i, TEST_TIMEOUT_MS));
        EXPECT(WEIR_OK, weir_queue_group_stop(group, TEST_TIMEOUT_MS));
        add_to_each(f);
    }
    assert_int_equal(recorder_count(f->runs), 6);

    /* one that doesn't end: the others do, and the first error is told */
    freeReplyObject(test_server_command(f->server, "XADD slow * n slow"));
    OK(weir_queue_group_start(group, &last_error));
    assert_true(recorder_wait_count(f->runs, 9, TEST_TIMEOUT_MS));
    weir_log_set(WEIR_LOG_OFF, NULL, NULL);
    EXPECT(WEIR_ERR_DEADLINE, weir_queue_group_stop(group, 50));
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
    OK(weir_queue_start(weir_queue_group_get(group, 0), &last_error));
    EXPECT(WEIR_ERR_STATE, weir_queue_start(weir_queue_group_get(group, 2), &last_error));
    gate_open(&f->gate);
    assert_true(WAIT_STAT(weir_queue_group_get(group, 2), running, 0));
    weir_queue_group_close(group);
    weir_queue_group_close(NULL);
}

static bool only_the_control_is_connected(void *fixture)
{
    redisReply *reply = test_server_command(((struct fixture *)fixture)->server, "CLIENT LIST");
    size_t lines = 0;
    for (const char *c = reply->str; *c; c++)
        lines += *c == '\n';
    freeReplyObject(reply);
    return lines == 1;
}

static void a_group_that_cannot_open_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options[3];
    make_options(f, options);
    freeReplyObject(test_server_command(f->server, "SET slow x"));
    weir_queue_group *group = (weir_queue_group *)&options;
    EXPECT(WEIR_ERR_SERVER, weir_queue_group_open(&group, options, 3, &last_error));
    assert_ptr_equal(group, &options);
    assert_non_null(strstr(last_error.message, "queue 2"));
    assert_non_null(strstr(last_error.server, "WRONGTYPE"));
    options[1].concurrency = 0;
    EXPECT(WEIR_ERR_ARGUMENT, weir_queue_group_open(&group, options, 3, &last_error));
    assert_non_null(strstr(last_error.message, "queue 1"));
    assert_non_null(strstr(last_error.message, "concurrency"));
    assert_ptr_equal(group, &options);
    assert_true(wait_for(only_the_control_is_connected, f, TEST_TIMEOUT_MS));
}

static void a_group_that_cannot_start_is_stopped(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options[3];
    make_options(f, options);
    weir_queue_group *group = NULL;
    OK(weir_queue_group_open(&group, options, 3, &last_error));
    OK(weir_queue_start(weir_queue_group_get(group, 2), &last_error));
    EXPECT(WEIR_ERR_STATE, weir_queue_group_start(group, &last_error)); /* that one runs already */
    OK(weir_queue_start(weir_queue_group_get(group, 0), &last_error));
    OK(weir_queue_start(weir_queue_group_get(group, 1), &last_error));
    weir_queue_group_close(group);
    assert_true(wait_for(only_the_control_is_connected, f, TEST_TIMEOUT_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(entries_of_dead_consumers_are_taken_over),
        WITH_FIXTURE(twenty_thousand_are_taken_over),
        WITH_FIXTURE(entries_behind_many_fresh_ones_are_found),
        WITH_FIXTURE(a_restarted_worker_runs_its_own_first),
        WITH_FIXTURE(a_queue_may_be_started_again),
        WITH_FIXTURE(dead_consumers_are_reaped),
        WITH_FIXTURE(none_is_reaped_where_none_shall_be),
        WITH_FIXTURE(a_graceful_stop_removes_the_consumer),
        WITH_FIXTURE(a_consumer_with_something_pending_stays),
        WITH_FIXTURE(names_differ_where_none_is_given),
        WITH_FIXTURE(a_group_runs_different_queues),
        WITH_FIXTURE(a_group_that_cannot_open_leaves_nothing),
        WITH_FIXTURE(a_group_that_cannot_start_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
