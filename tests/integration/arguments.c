/* SPDX-License-Identifier: MIT
 *
 * Wrong arguments to every public function: an error code and a message that names what is wrong, never a crash, with
 * and without a place for the error; and out-parameters that stay as they were.
 */
#include "fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The call fails with the status and with words that contain `words`. */
#define REFUSED(status, words, call)                                                                                   \
    do {                                                                                                               \
        memset(&last_error, 0x55, sizeof last_error);                                                                  \
        expect_refusal(status, call, words, #call, __LINE__);                                                          \
    } while (0)

static void expect_refusal(weir_status expected, weir_status actual, const char *words, const char *call, int line)
{
    if (actual != expected)
        fail_msg("line %d: %s: %s instead of %s", line, call, weir_status_name(actual), weir_status_name(expected));
    if (last_error.code != expected)
        fail_msg("line %d: %s: err->code is %d", line, call, (int)last_error.code);
    if (memchr(last_error.message, '\0', sizeof last_error.message) == NULL || !strstr(last_error.message, words))
        fail_msg("line %d: %s: \"%.320s\" doesn't say \"%s\"", line, call, last_error.message, words);
    if (last_error.server[0] != '\0')
        fail_msg("line %d: %s: the server said \"%.160s\"?", line, call, last_error.server);
    if (last_error.retriable)
        fail_msg("line %d: %s is said to be retriable", line, call);
}

#define UNTOUCHED(type) ((type *)(intptr_t)0x5a5a)

/* --- queues --- */

static void refuse_options(const weir_queue_options *options, const char *words)
{
    weir_queue *queue = UNTOUCHED(weir_queue);
    weir_queue_group *group = UNTOUCHED(weir_queue_group);
    REFUSED(WEIR_ERR_ARGUMENT, words, weir_queue_open(&queue, options, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, words, weir_queue_group_open(&group, options, 1, &last_error));
    assert_int_equal(weir_queue_open(&queue, options, NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_queue_group_open(&group, options, 1, NULL), WEIR_ERR_ARGUMENT);
    assert_ptr_equal(queue, UNTOUCHED(weir_queue));
    assert_ptr_equal(group, UNTOUCHED(weir_queue_group));
}

#define BAD(option, bad)                                                                                               \
    do {                                                                                                               \
        weir_queue_options options = fixture_options(f);                                                               \
        options.option = bad;                                                                                          \
        refuse_options(&options, #option);                                                                             \
    } while (0)

#define YEAR_MS INT64_C(31536000000)

static void options_out_of_range_are_named(void **state)
{
    struct fixture *f = *state;
    char long_name[600];
    memset(long_name, 'x', sizeof long_name);
    long_name[513] = '\0';
    BAD(size, 0);
    BAD(size, sizeof(weir_queue_options) - 1);
    BAD(size, sizeof(weir_queue_options) + 8);
    BAD(size, SIZE_MAX);
    BAD(url, NULL);
    BAD(stream, NULL);
    BAD(stream, "");
    BAD(stream, long_name);
    BAD(group, NULL);
    BAD(group, "");
    BAD(group, long_name);
    BAD(consumer, "");
    BAD(consumer, long_name);
    BAD(start_id, NULL);
    BAD(start_id, "");
    BAD(start_id, "newest");
    BAD(start_id, "1-2-3");
    BAD(start_id, ">");
    BAD(start_id, "-1");
    BAD(start_id, "99999999999999999999-0");
    BAD(handler, NULL);
    BAD(concurrency, 0);
    BAD(concurrency, 10001);
    BAD(concurrency, UINT32_MAX);
    BAD(max_attempts, 0);
    BAD(max_deliveries, 0);
    BAD(max_run_ms, -1);
    BAD(max_run_ms, INT64_MAX);
    BAD(max_run_ms, INT64_MIN);
    BAD(min_idle_ms, 9);
    BAD(min_idle_ms, 0);
    BAD(min_idle_ms, -1);
    BAD(min_idle_ms, INT64_MAX);
    BAD(backoff, (weir_backoff_kind)4);
    BAD(backoff, (weir_backoff_kind)-1);
    BAD(backoff_base_ms, -1);
    BAD(backoff_base_ms, INT64_MAX);
    BAD(backoff_cap_ms, -1);
    BAD(backoff_cap_ms, 999); /* less than the base */
    BAD(backoff_cap_ms, INT64_MAX);
    BAD(backoff_factor, 0.99);
    BAD(backoff_factor, 1000.1);
    BAD(backoff_factor, (double)NAN);
    BAD(backoff_factor, (double)INFINITY);
    BAD(backoff_jitter, -0.01);
    BAD(backoff_jitter, 1.01);
    BAD(backoff_jitter, (double)NAN);
    BAD(prefetch_ms, -1);
    BAD(prefetch_ms, 60001);
    BAD(fetch_max_jobs, 0);
    BAD(fetch_max_bytes, 65535);
    BAD(fetch_max_bytes, 0);
    BAD(fetch_max_bytes, SIZE_MAX);
    BAD(block_ms, 9);
    BAD(block_ms, 60001);
    BAD(claim_interval_ms, -1);
    BAD(claim_interval_ms, YEAR_MS);
    BAD(promote_interval_ms, 4);
    BAD(promote_interval_ms, YEAR_MS);
    BAD(trim_interval_ms, 9);
    BAD(trim_interval_ms, YEAR_MS);
    BAD(reap_idle_ms, -1);
    BAD(reap_idle_ms, INT64_MAX);
    BAD(retention, (weir_retention)4);
    BAD(retention, (weir_retention)-1);
    BAD(retention, WEIR_KEEP_LAST); /* without a retention_count */
    BAD(dead_mode, (weir_dead_mode)2);
    BAD(connection.connect_timeout_ms, 0);
    BAD(connection.connect_timeout_ms, -1);
    BAD(connection.connect_timeout_ms, 600001);
    BAD(connection.command_timeout_ms, 0);
    BAD(connection.command_timeout_ms, INT64_MAX);
    BAD(connection.keepalive_s, -1);
    BAD(connection.keepalive_s, 32768);
    BAD(connection.client_name, "two words");
    BAD(connection.client_name, "line\n");
    BAD(connection.client_name, "\xff");
    BAD(connection.tls_cert_file, "/no/key.pem");
    BAD(connection.tls_key_file, "/no/cert.pem");
}

static weir_status decode_nothing(const weir_fields *fields, void *value, weir_error *err)
{
    (void)fields, (void)value, (void)err;
    return WEIR_OK;
}

static void codecs_that_cannot_be_are_named(void **state)
{
    struct fixture *f = *state;
    weir_codec codec = {.size = sizeof codec, .name = "x", .struct_size = 8, .decode = decode_nothing};
    weir_queue_options options = fixture_options(f);
    options.codec = &codec;
    codec.size--;
    refuse_options(&options, "codec->size");
    codec.size++;
    codec.struct_size = 0;
    refuse_options(&options, "struct_size");
    codec.struct_size = 8;
    codec.decode = NULL;
    refuse_options(&options, "decode");
}

/* What is right at the edges. */
static void options_in_range_are_accepted(void **state)
{
    struct fixture *f = *state;
    weir_queue_options least = fixture_options(f), most = fixture_options(f);
    least.concurrency = least.max_attempts = least.max_deliveries = least.fetch_max_jobs = 1;
    least.max_run_ms = least.backoff_base_ms = least.backoff_cap_ms = least.prefetch_ms = least.claim_interval_ms = 0;
    least.min_idle_ms = least.block_ms = least.trim_interval_ms = 10;
    least.backoff_factor = 1;
    least.fetch_max_bytes = 65536;
    least.promote_interval_ms = 5;
    least.reap_idle_ms = 0;
    least.connection.connect_timeout_ms = least.connection.command_timeout_ms = 1000;
    least.connection.keepalive_s = 0;
    least.start_id = "0-1";
    weir_queue_close(NULL);
    fixture_open(f, &least);
    most.concurrency = 10000;
    most.max_attempts = most.max_deliveries = UINT32_MAX - 1;
    most.max_run_ms = most.min_idle_ms = most.backoff_base_ms = most.backoff_cap_ms = most.reap_idle_ms = YEAR_MS;
    most.backoff_factor = 1000;
    most.backoff_jitter = 1;
    most.prefetch_ms = most.block_ms = 60000;
    most.fetch_max_bytes = INT64_MAX;
    most.fetch_max_jobs = 1; /* raised */
    most.claim_interval_ms = most.promote_interval_ms = most.trim_interval_ms = 3600000;
    most.connection.connect_timeout_ms = most.connection.command_timeout_ms = 600000;
    most.connection.keepalive_s = 32767;
    most.connection.client_name = "~!printable!~";
    most.retention = WEIR_KEEP_LAST;
    most.retention_count = UINT64_MAX;
    most.start_id = "18446744073709551615-18446744073709551615";
    weir_queue *queue = fixture_start(f, &most);
    put(f, "a");
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    fixture_close(f, queue);
}

static void queue_calls_refuse_what_makes_no_sense(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    weir_queue *queue = UNTOUCHED(weir_queue);
    REFUSED(WEIR_ERR_ARGUMENT, "ret", weir_queue_open(NULL, &options, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "options", weir_queue_open(&queue, NULL, &last_error));
    assert_ptr_equal(queue, UNTOUCHED(weir_queue));
    assert_int_equal(weir_queue_open(NULL, NULL, NULL), WEIR_ERR_ARGUMENT);
    REFUSED(WEIR_ERR_ARGUMENT, "queue", weir_queue_start(NULL, &last_error));
    assert_int_equal(weir_queue_start(NULL, NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_queue_stop(NULL, 1000), WEIR_ERR_ARGUMENT);
    weir_queue_close(NULL);
    assert_string_equal(weir_queue_consumer(NULL), "");

    queue = fixture_start(f, &options);
    REFUSED(WEIR_ERR_STATE, "running", weir_queue_start(queue, &last_error));
    assert_int_equal(weir_queue_stop(queue, -1), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_queue_stop(queue, INT64_MIN), WEIR_ERR_ARGUMENT);
    put(f, "still running");
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_int_equal(weir_queue_stop(queue, INT64_MAX), WEIR_OK);

    weir_stats stats = WEIR_STATS_INIT, before = stats;
    assert_int_equal(weir_queue_stats(NULL, &stats), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_queue_stats(queue, NULL), WEIR_ERR_ARGUMENT);
    static const size_t sizes[] = {0, 1, sizeof(size_t) - 1, SIZE_MAX};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        stats.size = before.size = sizes[i];
        assert_int_equal(weir_queue_stats(queue, &stats), WEIR_ERR_ARGUMENT);
        assert_memory_equal(&stats, &before, sizeof stats);
    }
    /* a caller of an older version asks for less, and gets no more */
    stats.size = offsetof(weir_stats, done);
    stats.done = 12345;
    assert_int_equal(weir_queue_stats(queue, &stats), WEIR_OK);
    assert_int_equal(stats.started, 1);
    assert_int_equal(stats.done, 12345);
    assert_int_equal(stats.size, offsetof(weir_stats, done));
}

static void group_calls_refuse_what_makes_no_sense(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options[2] = {fixture_options(f), fixture_options(f)};
    weir_queue_group *group = UNTOUCHED(weir_queue_group);
    REFUSED(WEIR_ERR_ARGUMENT, "group", weir_queue_group_open(NULL, options, 2, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "group", weir_queue_group_open(&group, NULL, 2, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "group", weir_queue_group_open(&group, options, 0, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "10000", weir_queue_group_open(&group, options, SIZE_MAX, &last_error));
    options[1].handler = NULL;
    REFUSED(WEIR_ERR_ARGUMENT, "queue 1: handler", weir_queue_group_open(&group, options, 2, &last_error));
    assert_ptr_equal(group, UNTOUCHED(weir_queue_group));
    REFUSED(WEIR_ERR_ARGUMENT, "group", weir_queue_group_start(NULL, &last_error));
    assert_int_equal(weir_queue_group_start(NULL, NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_queue_group_stop(NULL, 0), WEIR_ERR_ARGUMENT);
    weir_queue_group_close(NULL);
    assert_null(weir_queue_group_get(NULL, 0));

    OK(weir_queue_group_open(&group, options, 1, &last_error));
    assert_int_equal(weir_queue_group_stop(group, -1), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_queue_group_stop(group, 0), WEIR_OK); /* it isn't running */
    assert_null(weir_queue_group_get(group, 1));
    assert_null(weir_queue_group_get(group, SIZE_MAX));
    weir_queue_group_close(group);
}

/* --- URLs --- */

static void refuse_url(struct fixture *f, const char *url, const char *words)
{
    weir_queue_options queue_options = fixture_options(f);
    weir_producer_options producer_options = WEIR_PRODUCER_OPTIONS_INIT;
    weir_dead_options dead_options = WEIR_DEAD_OPTIONS_INIT;
    queue_options.url = producer_options.url = dead_options.url = url;
    producer_options.stream = dead_options.stream = STREAM;
    weir_queue *queue = UNTOUCHED(weir_queue);
    weir_producer *producer = UNTOUCHED(weir_producer);
    weir_dead *dead = UNTOUCHED(weir_dead);
    REFUSED(WEIR_ERR_ARGUMENT, words, weir_queue_open(&queue, &queue_options, &last_error));
    assert_null(strstr(last_error.message, "s3cret"));
    REFUSED(WEIR_ERR_ARGUMENT, words, weir_producer_open(&producer, &producer_options, &last_error));
    assert_null(strstr(last_error.message, "s3cret"));
    REFUSED(WEIR_ERR_ARGUMENT, words, weir_dead_open(&dead, &dead_options, &last_error));
    assert_null(strstr(last_error.message, "s3cret"));
    assert_ptr_equal(queue, UNTOUCHED(weir_queue));
    assert_ptr_equal(producer, UNTOUCHED(weir_producer));
    assert_ptr_equal(dead, UNTOUCHED(weir_dead));
}

static void urls_that_make_no_sense_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {NULL, "url"},
        {"", "url"},
        {"127.0.0.1", "redis://"},
        {"http://127.0.0.1", "redis://"},
        {"redis:/127.0.0.1", "redis://"},
        {"REDIS://127.0.0.1", "redis://"},
        {"s3cret", "redis://"},
        {"redis://", "host"},
        {"redis://:6379", "host"},
        {"redis:///0", "host"},
        {"redis://h:", "port"},
        {"redis://h:0", "port"},
        {"redis://h:65536", "port"},
        {"redis://h:s3cret", "port"},
        {"redis://h:-1", "port"},
        {"redis://h: 6379", "port"},
        {"redis://h:63790000000000000000000", "port"},
        {"redis://h/x", "database"},
        {"redis://h/-1", "database"},
        {"redis://h/0/1", "database"},
        {"redis://h/99999999999999999999", "database"},
        {"redis://s3cret@h", "password"},
        {"redis://user:s3cret@", "host"},
        {"redis://user:s3cret@:1", "host"},
        {"redis://:s3cret%zz@h", "%"},
        {"redis://:s3cret%4@h", "%"},
        {"redis://:s3cret%00@h", "%"},
        {"redis://s3cret%:x@h", "%"},
        {"redis://:s3cret@h:0", "port"},
        {"redis://:s3cret@h/x", "database"},
        {"redis://[::1", "]"},
        {"redis://[::1]x", "]"},
        {"redis://[::1]:0", "port"},
        {"rediss://", "host"},
        {"unix://", "path"},
        {"unix://relative", "path"},
        {"unix://:s3cret@relative", "path"},
        {"unix:///s?x=1", "?db="},
        {"unix:///s?db=", "database"},
        {"unix:///s?db=x", "database"},
        {"unix:///s?db=1&x=1", "database"},
        {"unix://s3cret@/s", "password"},
        {"unix:///s%", "%"},
        {"memory:", "memory:"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        refuse_url(f, rows[i][0], rows[i][1]);
}

/* --- producers --- */

static void refuse_producer(const weir_producer_options *options, const char *words)
{
    weir_producer *producer = UNTOUCHED(weir_producer);
    REFUSED(WEIR_ERR_ARGUMENT, words, weir_producer_open(&producer, options, &last_error));
    assert_int_equal(weir_producer_open(&producer, options, NULL), WEIR_ERR_ARGUMENT);
    assert_ptr_equal(producer, UNTOUCHED(weir_producer));
}

#define BAD_PRODUCER(option, bad)                                                                                      \
    do {                                                                                                               \
        weir_producer_options options = good;                                                                          \
        options.option = bad;                                                                                          \
        refuse_producer(&options, #option);                                                                            \
    } while (0)

static void producer_calls_refuse_what_makes_no_sense(void **state)
{
    struct fixture *f = *state;
    weir_producer_options good = WEIR_PRODUCER_OPTIONS_INIT;
    good.url = test_server_url(f->server);
    good.stream = STREAM;
    REFUSED(WEIR_ERR_ARGUMENT, "ret", weir_producer_open(NULL, &good, &last_error));
    refuse_producer(NULL, "options");
    BAD_PRODUCER(size, 0);
    BAD_PRODUCER(size, sizeof good + 1);
    BAD_PRODUCER(url, NULL);
    BAD_PRODUCER(stream, NULL);
    BAD_PRODUCER(stream, "");
    BAD_PRODUCER(connection.connect_timeout_ms, 0);
    BAD_PRODUCER(connection.command_timeout_ms, -1);
    BAD_PRODUCER(connection.keepalive_s, 40000);
    BAD_PRODUCER(connection.client_name, "two words");
    weir_producer_close(NULL);

    const weir_fields *fields = WEIR_FIELDS(weir_field_text("n", "x"));
    weir_producer *producer = fixture_producer(f);
    weir_id id = {"untouched"};
    weir_enqueue_job job = {fields, NULL}, without_fields = {NULL, NULL};
    weir_enqueue_result result;
    REFUSED(WEIR_ERR_ARGUMENT, "producer", weir_enqueue(NULL, fields, NULL, &id, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "fields", weir_enqueue(producer, NULL, NULL, &id, &last_error));
    assert_int_equal(weir_enqueue(NULL, NULL, NULL, NULL, NULL), WEIR_ERR_ARGUMENT);
    REFUSED(WEIR_ERR_ARGUMENT, "producer", weir_enqueue_bulk(NULL, &job, 1, &result, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "jobs", weir_enqueue_bulk(producer, NULL, 1, NULL, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "job 0: fields", weir_enqueue_bulk(producer, &without_fields, 1, &result, &last_error));
    assert_int_equal(weir_enqueue_bulk(NULL, NULL, 0, NULL, NULL), WEIR_ERR_ARGUMENT);
    assert_string_equal(id.text, "untouched");
    assert_int_equal(test_server_integer(f->server, "DBSIZE"), 0);
}

static void refuse_enqueue_options(weir_producer *producer, const weir_enqueue_options *options, const char *words)
{
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("n", "x"));
    weir_id id = {"untouched"};
    weir_enqueue_job job = {fields, options};
    REFUSED(WEIR_ERR_ARGUMENT, words, weir_enqueue(producer, fields, options, &id, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, words, weir_enqueue_bulk(producer, &job, 1, NULL, &last_error));
    assert_int_equal(weir_enqueue(producer, fields, options, &id, NULL), WEIR_ERR_ARGUMENT);
    assert_string_equal(id.text, "untouched");
}

static void enqueue_options_are_checked(void **state)
{
    struct fixture *f = *state;
    weir_producer *producer = fixture_producer(f);
    const weir_enqueue_options good = WEIR_ENQUEUE_OPTIONS_INIT;
    const size_t size = sizeof good;
    char long_id[81];
    memset(long_id, 'x', 80);
    long_id[80] = '\0';
    const struct {
        weir_enqueue_options options;
        const char *words;
    } rows[] = {
        {{.size = 0}, "size"},
        {{.size = size - 1}, "WEIR_ENQUEUE_OPTIONS_INIT"},
        {{.size = size, .id = ""}, "id"},
        {{.size = size, .id = long_id}, "79"},
        {{.size = size, .delay_ms = -1}, "delay_ms"},
        {{.size = size, .delay_ms = INT64_MIN}, "delay_ms"},
        {{.size = size, .delay_ms = INT64_MAX}, "delay_ms"},
        {{.size = size, .run_at_ms = -1}, "run_at_ms"},
        {{.size = size, .run_at_ms = INT64_MAX}, "run_at_ms"},
        {{.size = size, .delay_ms = 1, .run_at_ms = 1}, "both"},
        {{.size = size, .traceparent = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01"}, "traceparent"},
        {{.size = size, .id = "x", .idempotency_ms = -1}, "idempotency_ms"},
        {{.size = size, .id = "x", .idempotency_ms = INT64_MAX}, "idempotency_ms"},
        {{.size = size, .idempotency_ms = 1}, "idempotency_ms needs an id"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        refuse_enqueue_options(producer, &rows[i].options, rows[i].words);
    assert_int_equal(test_server_integer(f->server, "DBSIZE"), 0);
}

static weir_status encode_badly(const void *value, weir_field_sink *sink, weir_error *err)
{
    (void)err;
    const int *which = value;
    weir_status status = WEIR_OK;
    if (*which == 0)
        status = weir_sink_add(NULL, "n", 1, "x", 1);
    if (*which == 1)
        status = weir_sink_add(sink, NULL, 1, "x", 1);
    if (*which == 2)
        status = weir_sink_add(sink, "n", 1, NULL, 1);
    return status == WEIR_ERR_ARGUMENT ? WEIR_ERR_DECODE : WEIR_OK; /* without words of its own */
}

static void payload_calls_refuse_what_makes_no_sense(void **state)
{
    struct fixture *f = *state;
    weir_codec codec = {.size = sizeof codec, .name = "x", .struct_size = sizeof(int), .encode = encode_badly};
    weir_producer *producer = fixture_producer(f);
    weir_id id = {"untouched"};
    int payload = 0;
    REFUSED(WEIR_ERR_ARGUMENT, "producer", weir_enqueue_payload(NULL, &codec, &payload, NULL, &id, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "codec", weir_enqueue_payload(producer, NULL, &payload, NULL, &id, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "payload", weir_enqueue_payload(producer, &codec, NULL, NULL, &id, &last_error));
    for (payload = 0; payload < 3; payload++)
        REFUSED(WEIR_ERR_DECODE, "encoded", weir_enqueue_payload(producer, &codec, &payload, NULL, &id, &last_error));
    weir_enqueue_options options = {0};
    REFUSED(WEIR_ERR_ARGUMENT, "field", weir_enqueue_payload(producer, &codec, &payload, &options, &id, &last_error));
    codec.size--;
    REFUSED(WEIR_ERR_ARGUMENT, "codec", weir_enqueue_payload(producer, &codec, &payload, NULL, &id, &last_error));
    codec.size++;
    codec.encode = NULL;
    REFUSED(WEIR_ERR_ARGUMENT, "encode", weir_enqueue_payload(producer, &codec, &payload, NULL, &id, &last_error));
    assert_int_equal(weir_enqueue_payload(NULL, NULL, NULL, NULL, NULL, NULL), WEIR_ERR_ARGUMENT);
    assert_string_equal(id.text, "untouched");
    assert_int_equal(test_server_integer(f->server, "DBSIZE"), 0);
}

/* --- dead letters --- */

static int visit_nothing(const weir_dead_letter *letter, void *user_data)
{
    (void)letter, (void)user_data;
    return 0;
}

static void refuse_letters(const weir_dead_options *options, const char *words)
{
    weir_dead *dead = UNTOUCHED(weir_dead);
    REFUSED(WEIR_ERR_ARGUMENT, words, weir_dead_open(&dead, options, &last_error));
    assert_int_equal(weir_dead_open(&dead, options, NULL), WEIR_ERR_ARGUMENT);
    assert_ptr_equal(dead, UNTOUCHED(weir_dead));
}

#define BAD_LETTERS(option, bad)                                                                                       \
    do {                                                                                                               \
        weir_dead_options options = good;                                                                              \
        options.option = bad;                                                                                          \
        refuse_letters(&options, #option);                                                                             \
    } while (0)

static void dead_letter_calls_refuse_what_makes_no_sense(void **state)
{
    struct fixture *f = *state;
    weir_dead_options good = WEIR_DEAD_OPTIONS_INIT;
    good.url = test_server_url(f->server);
    good.stream = STREAM;
    REFUSED(WEIR_ERR_ARGUMENT, "ret", weir_dead_open(NULL, &good, &last_error));
    refuse_letters(NULL, "options");
    BAD_LETTERS(size, 0);
    BAD_LETTERS(size, sizeof good - 1);
    BAD_LETTERS(url, NULL);
    BAD_LETTERS(stream, NULL);
    BAD_LETTERS(stream, "");
    BAD_LETTERS(connection.connect_timeout_ms, 0);
    BAD_LETTERS(connection.command_timeout_ms, 700000);
    weir_dead_close(NULL);

    weir_dead *dead = fixture_letters(f);
    uint64_t n = 12345;
    REFUSED(WEIR_ERR_ARGUMENT, "dead", weir_dead_list(NULL, NULL, 1, visit_nothing, NULL, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "visit", weir_dead_list(dead, NULL, 1, NULL, NULL, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "dead", weir_dead_get(NULL, "1-1", visit_nothing, NULL, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "visit", weir_dead_get(dead, "1-1", NULL, NULL, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "dead", weir_dead_count(NULL, &n, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "ret_count", weir_dead_count(dead, NULL, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "dead", weir_dead_requeue(NULL, "1-1", &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "dead", weir_dead_requeue_all(NULL, &n, &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "dead", weir_dead_delete(NULL, "1-1", &last_error));
    REFUSED(WEIR_ERR_ARGUMENT, "dead", weir_dead_purge(NULL, &n, &last_error));
    assert_int_equal(n, 12345);
    static const char *const ids[] = {NULL, "", "x", "1-", "-1", "1-1-1", "1 - 1", "+", "99999999999999999999-0"};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        const char *shown = ids[i] ? ids[i] : "NULL";
        REFUSED(WEIR_ERR_ARGUMENT, shown, weir_dead_get(dead, ids[i], visit_nothing, NULL, &last_error));
        REFUSED(WEIR_ERR_ARGUMENT, shown, weir_dead_requeue(dead, ids[i], &last_error));
        REFUSED(WEIR_ERR_ARGUMENT, shown, weir_dead_delete(dead, ids[i], &last_error));
        if (ids[i] && ids[i][0])
            REFUSED(WEIR_ERR_ARGUMENT, shown, weir_dead_list(dead, ids[i], 1, visit_nothing, NULL, &last_error));
    }
    assert_int_equal(weir_dead_list(NULL, NULL, 0, NULL, NULL, NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_dead_get(NULL, NULL, NULL, NULL, NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_dead_count(NULL, NULL, NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_dead_requeue(NULL, NULL, NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_dead_requeue_all(NULL, NULL, NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_dead_delete(NULL, NULL, NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_dead_purge(NULL, NULL, NULL), WEIR_ERR_ARGUMENT);
}

/* --- jobs --- */

static weir_outcome ask_nonsense(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    size_t len = 12345;
    bool right = weir_job_field(job, NULL, &len) == NULL && weir_job_field(job, "absent", &len) == NULL &&
                 weir_job_field(job, "", &len) == NULL && len == 12345 &&
                 strcmp(weir_job_field(job, "n", NULL), "a") == 0 && weir_job_payload(job) == NULL;
    weir_job_error(job, NULL);
    weir_job_retry_in(job, INT64_MIN);
    weir_job_retry_in(job, INT64_MAX); /* cut to what can be stored; unused, since the job is done */
    right &= weir_job_finish(job, WEIR_LATER) == WEIR_ERR_ARGUMENT;
    right &= weir_job_finish(job, (weir_outcome)77) == WEIR_ERR_ARGUMENT;
    right &= weir_job_finish(job, (weir_outcome)-1) == WEIR_ERR_ARGUMENT;
    recorder_add(f->runs, "right", right);
    return WEIR_DONE;
}

static void job_calls_take_nonsense(void **state)
{
    struct fixture *f = *state;
    size_t len = 12345;
    assert_string_equal(weir_job_id(NULL), "");
    assert_string_equal(weir_job_entry_id(NULL), "");
    assert_int_equal(weir_job_attempt(NULL), 0);
    assert_int_equal(weir_job_deliveries(NULL), 0);
    assert_null(weir_job_field(NULL, "n", &len));
    assert_null(weir_job_field(NULL, NULL, NULL));
    assert_int_equal(len, 12345);
    assert_int_equal(weir_job_fields(NULL)->n, 0);
    assert_null(weir_job_payload(NULL));
    assert_int_equal(weir_job_enqueued_ms(NULL), 0);
    assert_true(weir_job_deadline(NULL) == INT64_MAX);
    assert_false(weir_job_cancelled(NULL));
    weir_job_error(NULL, "x");
    weir_job_retry_in(NULL, 1);
    assert_int_equal(weir_job_finish(NULL, WEIR_DONE), WEIR_ERR_ARGUMENT);

    weir_queue_options options = fixture_options(f);
    options.handler = ask_nonsense;
    put(f, "a");
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_get(f->runs, 0).value, 1);
    assert_true(wait_pending(f, 0));
}

static weir_outcome retry_in_ages(weir_job *job, void *fixture)
{
    handle_done(job, fixture);
    weir_job_retry_in(job, INT64_MAX);
    return WEIR_RETRY;
}

static void a_retry_in_ages_is_kept(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = retry_in_ages;
    put(f, "a");
    weir_queue *queue = fixture_start(f, &options);
    assert_true(wait_integer(f, 1, "ZCARD " DELAYED));
    assert_true(wait_pending(f, 0));
    fixture_close(f, queue);
    assert_int_equal(recorder_count(f->runs), 1);
}

/* --- the rest --- */

static void texts_and_numbers_of_nonsense_are_harmless(void **state)
{
    (void)state;
    assert_string_equal(weir_status_name((weir_status)77), "unknown status");
    assert_string_equal(weir_status_name((weir_status)-1), "unknown status");
    assert_string_equal(weir_status_text((weir_status)77), "unknown status");
    assert_string_equal(weir_dead_reason_text((weir_dead_reason)77), "unknown");
    assert_string_equal(weir_dead_reason_text((weir_dead_reason)-1), "unknown");
    assert_string_equal(weir_event_kind_text((weir_event_kind)77), "unknown");
    assert_string_equal(weir_event_kind_text((weir_event_kind)-1), "unknown");
    assert_string_equal(weir_log_level_name((weir_log_level)77), "unknown");
    assert_string_equal(weir_log_level_name((weir_log_level)-1), "unknown");
    weir_log_set((weir_log_level)77, NULL, NULL);
    weir_log_set((weir_log_level)-1, NULL, NULL);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
    assert_true(weir_histogram_bound_us(SIZE_MAX) == UINT64_MAX);
    assert_int_equal(weir_histogram_quantile_us(NULL, 0.5), 0);
    weir_histogram histogram = {.count = 1, .sum_us = 3, .max_us = 3, .buckets = {[3] = 1}};
    static const double shares[] = {-1, 0, 0.5, 1, 2, (double)NAN, (double)INFINITY, -(double)INFINITY};
    for (size_t i = 0; i < COUNT_OF(shares); i++)
        assert_true(weir_histogram_quantile_us(&histogram, shares[i]) <= 3);
    weir_histogram spoiled = {.count = 10, .max_us = 7}; /* says ten, has none */
    assert_int_equal(weir_histogram_quantile_us(&spoiled, 0.5), 7);
    assert_string_equal(weir_version(), WEIR_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(options_out_of_range_are_named),
        WITH_FIXTURE(codecs_that_cannot_be_are_named),
        WITH_FIXTURE(options_in_range_are_accepted),
        WITH_FIXTURE(queue_calls_refuse_what_makes_no_sense),
        WITH_FIXTURE(group_calls_refuse_what_makes_no_sense),
        WITH_FIXTURE(urls_that_make_no_sense_are_refused),
        WITH_FIXTURE(producer_calls_refuse_what_makes_no_sense),
        WITH_FIXTURE(enqueue_options_are_checked),
        WITH_FIXTURE(payload_calls_refuse_what_makes_no_sense),
        WITH_FIXTURE(dead_letter_calls_refuse_what_makes_no_sense),
        WITH_FIXTURE(job_calls_take_nonsense),
        WITH_FIXTURE(a_retry_in_ages_is_kept),
        cmocka_unit_test(texts_and_numbers_of_nonsense_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
