/* SPDX-License-Identifier: MIT
 *
 * What another writer may leave in a queue's keys: values of any form in the delayed set, keys of another type, one
 * half of a delayed job without the other. None of it stops other jobs, loses one, or makes a worker spin.
 */
#include "fixture.h"

#include "support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void command(struct fixture *f, const char *words)
{
    redisReply *reply = test_server_command(f->server, words);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

static void add_delayed(struct fixture *f, const char *member, size_t member_len, const char *packed, size_t len)
{
    test_server_integer(f->server, "ZADD " DELAYED " 1 %b", member, member_len);
    test_server_integer(f->server, "HSET " DELAYED_JOBS " %b %b", member, member_len, packed, len);
}

static weir_id put_soon(struct fixture *f, const char *n, const char *id)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.delay_ms = 1;
    options.id = id;
    return put_with(f, n, &options);
}

static weir_queue_options fast(struct fixture *f)
{
    weir_queue_options options = fixture_options(f);
    options.promote_interval_ms = options.trim_interval_ms = 10;
    options.backoff_base_ms = 1;
    return options;
}

/* The process does next to nothing while the queue's claimer looks for delayed jobs n more times. */
static void expect_calm(struct fixture *f, long long n)
{
    int64_t began_ms = test_now_ms(), cpu_ms = process_cpu_ms();
    assert_true(wait_more_calls(f, "exists", n));
    int64_t took_ms = test_now_ms() - began_ms;
    assert_true(process_cpu_ms() - cpu_ms <= took_ms / 2 + 20);
}

/* --- values --- */

#define BYTES(literal) literal, sizeof(literal) - 1

/* What a form comes to: it runs, or is a dead letter with its bytes. */
enum end { RUNS, DIES };

/* Beyond those of g9_bad_jobs.c. Those that run have the field n with their own name. */
static const struct form {
    const char *name, *packed;
    size_t len;
    enum end end;
} forms[] = {
    {"bytes-after-the-end", BYTES("\x95\x00\x01\xa0\xa1n\xa1v\xc1"), DIES},
    {"values-after-the-end",
     BYTES("\x95\x00\x01\xa0\xa1n\xb4"
           "values-after-the-end\x01\xc0"),
     RUNS},
    {"attempts-a-half",
     BYTES("\x95\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00\x01\xa0\xa1n\xaf"
           "attempts-a-half"),
     RUNS},
    {"attempts-infinite",
     BYTES("\x95\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00\x01\xa0\xa1n\xb1"
           "attempts-infinite"),
     RUNS},
    {"attempts-no-number",
     BYTES("\x95\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x01\xa0\xa1n\xb2"
           "attempts-no-number"),
     RUNS},
    {"attempts-2-to-the-63",
     BYTES("\x95\xcf\x80\x00\x00\x00\x00\x00\x00\x00\x01\xa0\xa1n\xb4"
           "attempts-2-to-the-63"),
     RUNS},
    {"time-negative",
     BYTES("\x95\x00\xff\xa0\xa1n\xad"
           "time-negative"),
     RUNS},
    {"time-infinite",
     BYTES("\x95\x00\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00\xa0\xa1n\xad"
           "time-infinite"),
     RUNS},
    {"time-huge",
     BYTES("\x95\x00\xcb\x7e\x37\xe4\x3c\x88\x00\x75\x9c\xa0\xa1n\xa9"
           "time-huge"),
     RUNS},
    {"our-names-twice",
     BYTES("\x9f\x00\x01\xa0\xad"
           "weir.attempts\xa1"
           "2\xad"
           "weir.attempts\xa2-7\xaa"
           "weir.group\xa0\xa7"
           "weir.id\xa0\xa7"
           "weir.id\xa3"
           "a\0b\xa1n\xaf"
           "our-names-twice"),
     RUNS},
    {"bytes-of-all-kinds",
     BYTES("\x97\x00\x01\xa0\xa4\xff\x00\n\x80\xa3\xc3\x28\x00\xa1n\xb2"
           "bytes-of-all-kinds"),
     RUNS},
    {"an-empty-name",
     BYTES("\x97\x00\x01\xa0\xa0\xa0\xa1n\xad"
           "an-empty-name"),
     RUNS},
    {"bin-as-value", BYTES("\x95\x00\x01\xa0\xa1n\xc4\x01v"), DIES},
    {"ext", BYTES("\xd4\x05x"), DIES},
    {"claims-a-billion", BYTES("\xdd\x40\x00\x00\x00\x00"), DIES},
    {"claims-a-long-text", BYTES("\x95\x00\x01\xa0\xa1n\xdb\x7f\xff\xff\xffv"), DIES},
    {"a-map-of-numbers", BYTES("\x85\x01\x00\x02\x01\x03\xa0\x04\xa1n\x05\xc0"), DIES},
    {"nil-for-a-value", BYTES("\x95\x00\x01\xa0\xa1n\xc0"), DIES},
    {"nil-for-a-name", BYTES("\x95\x00\x01\xa0\xc0\xa1v"), DIES},
    {"true", BYTES("\xc3"), DIES},
    {"a-text", BYTES("\xa4text"), DIES},
};

/* Arrays in arrays in arrays. */
static void add_nested(struct fixture *f, size_t depth)
{
    char *packed = malloc(depth);
    assert_non_null(packed);
    memset(packed, 0x91, depth);
    packed[depth - 1] = 0x01;
    add_delayed(f, BYTES("nested"), packed, depth);
    free(packed);
}

static void a_delayed_job_of_any_form_runs_or_is_dead(void **state)
{
    struct fixture *f = *state;
    size_t n_run = 0;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        add_delayed(f, forms[i].name, strlen(forms[i].name), forms[i].packed, forms[i].len);
        n_run += forms[i].end == RUNS;
    }
    add_nested(f, 1000);
    char member[4000]; /* beyond any id */
    memset(member, '\xfe', sizeof member);
    member[7] = '\0';
    add_delayed(f, member, sizeof member,
                BYTES("\x95\x00\x01\xa0\xa1n\xa6"
                      "member"));
    for (int i = 0; i < 10; i++)
        put_soon(f, "good", NULL);
    weir_queue_options options = fast(f);
    options.retention = WEIR_KEEP_ALL;
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, n_run + 11, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, (long long)(COUNT_OF(forms) - n_run + 1), "XLEN " DEAD));
    assert_true(wait_pending(f, 0));
    fixture_close(f, queue);

    assert_int_equal(recorder_count(f->runs), n_run + 11);
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        assert_int_equal(recorder_count_key(f->runs, forms[i].name), forms[i].end == RUNS);
    assert_int_equal(recorder_count_key(f->runs, "good"), 10);
    assert_int_equal(recorder_count_key(f->runs, "member"), 1);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DELAYED_JOBS), 0);
    redisReply *dead = entries_of(f, DEAD);
    for (size_t i = 0; i < dead->elements; i++)
        assert_non_null(field_of(dead->element[i], "packed"));
    freeReplyObject(dead);
}

/* A job that failed carries what was odd about it along, and is tried as often as any other. */
static void an_odd_job_is_retried_like_any_other(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        if (forms[i].end == RUNS)
            add_delayed(f, forms[i].name, strlen(forms[i].name), forms[i].packed, forms[i].len);
    weir_queue_options options = fast(f);
    options.handler = handle_retry;
    options.max_attempts = 4;
    weir_queue *queue = fixture_start(f, &options);
    long long n = 0;
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        n += forms[i].end == RUNS;
    assert_true(wait_integer(f, n, "XLEN " DEAD));
    fixture_close(f, queue);
    /* 2^63 attempts can't be: they count as none; those of "our names twice" as the two that can be read */
    assert_int_equal(recorder_count_key(f->runs, "attempts-2-to-the-63"), 4);
    assert_int_equal(recorder_count_key(f->runs, "our-names-twice"), 2);
    assert_int_equal(recorder_count_key(f->runs, "time-infinite"), 4);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DELAYED_JOBS), 0);
}

/* --- scores --- */

static void times_beyond_all_times_wait_and_cost_nothing(void **state)
{
    struct fixture *f = *state;
    command(f, "ZADD " DELAYED " +inf never 1e300 later");
    command(f, "HSET " DELAYED_JOBS " never x later x");
    weir_queue_options options = fast(f);
    weir_queue *queue = fixture_start(f, &options);
    expect_calm(f, 20);
    put_soon(f, "good", NULL);
    assert_true(recorder_wait_count_key(f->runs, "good", 1, TEST_TIMEOUT_MS));
    expect_calm(f, 20);
    assert_int_equal(events_of(f, WEIR_EVENT_DISCONNECTED), 0); /* no answer was one too many */
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), 2);

    command(f, "ZREM " DELAYED " later");
    expect_calm(f, 20);
    assert_int_equal(events_of(f, WEIR_EVENT_DISCONNECTED), 0);
    command(f, "ZADD " DELAYED " -inf never"); /* its time comes: it is no job */
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    fixture_close(f, queue);
}

/* --- halves --- */

/* What is in the hash alone would never run: it does not stand in the way of a job that can. */
static void the_hash_alone_is_no_job(void **state)
{
    struct fixture *f = *state;
    command(f, "HSET " DELAYED_JOBS " order-7 x");
    weir_queue_options options = fast(f);
    weir_queue *queue = fixture_start(f, &options);
    put_soon(f, "good", "order-7");
    assert_true(recorder_wait_count_key(f->runs, "good", 1, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DELAYED_JOBS), 0);
    fixture_close(f, queue);
}

/* The set alone is one that has its time, and is kept for the dead letters. */
static void the_set_alone_is_a_lost_job(void **state)
{
    struct fixture *f = *state;
    command(f, "ZADD " DELAYED " 9e15 order-7");
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.id = "order-7";
    delayed.delay_ms = 1;
    weir_id id = {"untouched"};
    EXPECT(WEIR_ERR_EXISTS,
           weir_enqueue(fixture_producer(f), WEIR_FIELDS(weir_field_text("n", "1")), &delayed, &id, &last_error));
    assert_string_equal(id.text, "untouched");
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED_JOBS), 0);
}

/* --- keys of another type --- */

/* A retry that can't be stored leaves nothing behind, however often it is tried; and is made once it can be. */
static void a_retry_waits_until_it_can_be_stored(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {DELAYED, DELAYED_JOBS};
    weir_log_set(WEIR_LOG_OFF, NULL, NULL); /* it complains, rightly */
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        recorder_clear(f->runs);
        assert_string_equal(test_server_integer(f->server, "EXISTS %s", keys[i]) ? "there" : "", "");
        freeReplyObject(test_server_command(f->server, "SET %s x", keys[i]));
        weir_queue_options options = fast(f);
        options.handler = handle_retry;
        options.max_attempts = 2;
        weir_queue *queue = fixture_start(f, &options);
        put(f, "fails");
        assert_true(recorder_wait_count_key(f->runs, "fails", 1, TEST_TIMEOUT_MS));
        long long tried = calls_of(f, "evalsha");
        while (calls_of(f, "evalsha") < tried + 6) /* refused again and again */
            expect_calm(f, 2);
        assert_int_equal(recorder_count(f->runs), 1);
        assert_true(wait_pending(f, 1));
        assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DELAYED_JOBS), 1);
        assert_int_equal(test_server_integer(f->server, "DEL %s", keys[i]), 1);
        assert_true(wait_integer(f, (long long)i + 1, "XLEN " DEAD));
        assert_int_equal(recorder_count(f->runs), 2);
        fixture_close(f, queue);
    }
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
}

/* Also where its entry is deleted meanwhile, which the server notices once the lease is renewed: it is still ours. */
static void a_retry_outlives_its_entry_until_it_can_be_stored(void **state)
{
    struct fixture *f = *state;
    weir_log_set(WEIR_LOG_OFF, NULL, NULL);
    freeReplyObject(test_server_command(f->server, "SET " DELAYED_JOBS " x"));
    weir_queue_options options = fast(f);
    options.handler = handle_retry;
    options.max_attempts = 2;
    options.min_idle_ms = 200;
    options.claim_interval_ms = 3600000; /* which would notice it, too */
    weir_queue *queue = fixture_start(f, &options);
    weir_id id = put(f, "fails");
    assert_true(recorder_wait_count_key(f->runs, "fails", 1, TEST_TIMEOUT_MS));
    assert_int_equal(test_server_integer(f->server, "XDEL " STREAM " %s", id.text), 1);
    assert_true(wait_pending(f, 0));
    assert_true(WAIT_STAT(queue, unreported, 1));
    assert_int_equal(test_server_integer(f->server, "DEL " DELAYED_JOBS), 1);
    assert_true(recorder_wait_count_key(f->runs, "fails", 2, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    fixture_close(f, queue);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
}

/* One that could not be stored is refused, and leaves nothing behind. */
static void a_delayed_job_that_cannot_be_stored_is_refused_whole(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {DELAYED, DELAYED_JOBS};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        freeReplyObject(test_server_command(f->server, "SET %s x", keys[i]));
        weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
        delayed.id = "order-7";
        delayed.delay_ms = 1;
        const weir_fields *fields = WEIR_FIELDS(weir_field_text("n", "1"));
        EXPECT(WEIR_ERR_SERVER, weir_enqueue(fixture_producer(f), fields, &delayed, NULL, &last_error));
        assert_non_null(strstr(last_error.server, "WRONGTYPE"));
        assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DELAYED_JOBS), 1);
        assert_int_equal(test_server_integer(f->server, "DEL %s", keys[i]), 1);
        OK(weir_enqueue(fixture_producer(f), fields, &delayed, NULL, &last_error));
        assert_int_equal(test_server_integer(f->server, "DEL " DELAYED " " DELAYED_JOBS), 2);
    }
}

/* Without dead letters nothing can be buried; everything else goes on, delayed jobs among it. */
static void what_cannot_be_buried_holds_nothing_up(void **state)
{
    struct fixture *f = *state;
    weir_log_set(WEIR_LOG_OFF, NULL, NULL);
    command(f, "SET " DEAD " x");
    for (int i = 0; i < 3; i++)
        add_delayed(f, (const char *[]){"bad 1", "bad 2", "bad 3"}[i], 5, BYTES("\xc1"));
    command(f, "ZADD " DELAYED " 0 nothing");
    weir_queue_options options = fast(f);
    weir_queue *queue = fixture_start(f, &options);
    put_soon(f, "delayed", NULL);
    put(f, "at once");
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    expect_calm(f, 10);
    put_soon(f, "delayed again", NULL);
    assert_true(recorder_wait_count(f->runs, 3, TEST_TIMEOUT_MS));
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), 4);
    assert_int_equal(test_server_integer(f->server, "DEL " DEAD), 1);
    assert_true(wait_integer(f, 4, "XLEN " DEAD));
    fixture_close(f, queue);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
}

static void a_rejected_job_waits_until_it_can_be_buried(void **state)
{
    struct fixture *f = *state;
    weir_log_set(WEIR_LOG_OFF, NULL, NULL);
    command(f, "SET " DEAD " x");
    weir_queue_options options = fast(f);
    options.handler = handle_reject;
    weir_queue *queue = fixture_start(f, &options);
    put(f, "bad");
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    expect_calm(f, 40);
    assert_true(wait_pending(f, 1));
    assert_int_equal(test_server_integer(f->server, "DEL " DEAD), 1);
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), 1);
    fixture_close(f, queue);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
}

/* The stream itself becomes something else, and a stream again. */
static void a_stream_that_is_none_for_a_while(void **state)
{
    struct fixture *f = *state;
    weir_log_set(WEIR_LOG_OFF, NULL, NULL);
    weir_queue_options options = fast(f);
    options.block_ms = 50;
    weir_queue *queue = fixture_start(f, &options);
    put(f, "before");
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    command(f, "SET " STREAM " x");
    put_soon(f, "delayed", NULL);
    expect_calm(f, 10);
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), 1);
    weir_id id = {"untouched"};
    EXPECT(WEIR_ERR_SERVER,
           weir_enqueue(fixture_producer(f), WEIR_FIELDS(weir_field_text("n", "1")), NULL, &id, &last_error));
    assert_string_equal(id.text, "untouched");
    assert_int_equal(test_server_integer(f->server, "DEL " STREAM), 1);
    put(f, "after");
    assert_true(recorder_wait_count(f->runs, 3, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    fixture_close(f, queue);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_delayed_job_of_any_form_runs_or_is_dead),
        WITH_FIXTURE(an_odd_job_is_retried_like_any_other),
        WITH_FIXTURE(times_beyond_all_times_wait_and_cost_nothing),
        WITH_FIXTURE(the_hash_alone_is_no_job),
        WITH_FIXTURE(the_set_alone_is_a_lost_job),
        WITH_FIXTURE(a_retry_waits_until_it_can_be_stored),
        WITH_FIXTURE(a_retry_outlives_its_entry_until_it_can_be_stored),
        WITH_FIXTURE(a_delayed_job_that_cannot_be_stored_is_refused_whole),
        WITH_FIXTURE(what_cannot_be_buried_holds_nothing_up),
        WITH_FIXTURE(a_rejected_job_waits_until_it_can_be_buried),
        WITH_FIXTURE(a_stream_that_is_none_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
