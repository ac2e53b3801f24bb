/* SPDX-License-Identifier: MIT
 *
 * Producers: what they answer is what happened, for every job.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* N jobs with one field "n". */
struct bulk {
    size_t n;
    weir_enqueue_job *jobs;
    weir_enqueue_result *results;
    weir_enqueue_options *options;
    struct bulk_row {
        char text[24], id[24];
        weir_field field;
        weir_fields fields;
    } * rows;
};

static struct bulk make_bulk(size_t n)
{
    struct bulk bulk = {
        n,
        calloc(n, sizeof *bulk.jobs),
        calloc(n, sizeof *bulk.results),
        calloc(n, sizeof *bulk.options),
        calloc(n, sizeof *bulk.rows),
    };
    assert_true(bulk.jobs && bulk.results && bulk.options && bulk.rows);
    for (size_t i = 0; i < n; i++) {
        struct bulk_row *row = &bulk.rows[i];
        snprintf(row->text, sizeof row->text, "%zu", i);
        row->field = weir_field_text("n", row->text);
        row->fields = (weir_fields){&row->field, 1};
        bulk.options[i] = (weir_enqueue_options)WEIR_ENQUEUE_OPTIONS_INIT;
        bulk.jobs[i] = (weir_enqueue_job){&row->fields, &bulk.options[i]};
    }
    return bulk;
}

static void free_bulk(struct bulk *bulk)
{
    free(bulk->jobs);
    free(bulk->results);
    free(bulk->options);
    free(bulk->rows);
}

/* --- bulks --- */

static void an_empty_bulk_is_success(void **state)
{
    struct fixture *f = *state;
    OK(weir_enqueue_bulk(fixture_producer(f), NULL, 0, NULL, &last_error));
    weir_enqueue_job job = {NULL, NULL};
    weir_enqueue_result result = {WEIR_ERR_SYSTEM, {"untouched"}, false};
    OK(weir_enqueue_bulk(fixture_producer(f), &job, 0, &result, &last_error));
    assert_string_equal(result.id.text, "untouched");
    assert_int_equal(test_server_integer(f->server, "DBSIZE"), 0);
}

/* Every job is in the stream, under the id that its result says, in the order of the bulk. */
static void expect_bulk(struct fixture *f, size_t n)
{
    struct bulk bulk = make_bulk(n);
    OK(weir_enqueue_bulk(fixture_producer(f), bulk.jobs, n, bulk.results, &last_error));
    redisReply *entries = entries_of(f, STREAM);
    assert_int_equal(entries->elements, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(bulk.results[i].status, WEIR_OK);
        assert_string_equal(entries->element[i]->element[0]->str, bulk.results[i].id.text);
        assert_string_equal(text_of(entries->element[i], "n"), bulk.rows[i].text);
    }
    freeReplyObject(entries);
    free_bulk(&bulk);
}

static void a_bulk_of_one(void **state)
{
    expect_bulk(*state, 1);
}

static void a_bulk_of_fifty_thousand(void **state)
{
    expect_bulk(*state, 50000);
}

static void results_need_not_be_asked_for(void **state)
{
    struct fixture *f = *state;
    struct bulk bulk = make_bulk(3);
    for (size_t i = 0; i < 3; i++)
        bulk.jobs[i].options = NULL;
    OK(weir_enqueue_bulk(fixture_producer(f), bulk.jobs, 3, NULL, NULL));
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 3);
    free_bulk(&bulk);
}

static void a_bulk_may_mix_delays_ids_and_refusals(void **state)
{
    struct fixture *f = *state;
    enum { N = 3000 };
    struct bulk bulk = make_bulk(N);
    for (size_t i = 0; i < N; i++) {
        snprintf(bulk.rows[i].id, sizeof bulk.rows[i].id, "job-%zu", i);
        bulk.options[i].id = i % 3 == 0 ? bulk.rows[i].id : NULL;
        bulk.options[i].delay_ms = i % 2 ? 3600000 : 0;
    }
    bulk.options[1500 + 9].id = "job-3"; /* delayed already: the server refuses it, and it alone */
    EXPECT(WEIR_ERR_EXISTS, weir_enqueue_bulk(fixture_producer(f), bulk.jobs, N, bulk.results, &last_error));
    assert_int_equal(last_error.code, WEIR_ERR_EXISTS);
    assert_non_null(strstr(last_error.message, "job 1509"));
    assert_non_null(strstr(last_error.message, "\"job-3\""));
    for (size_t i = 0; i < N; i++) {
        bool refused = i == 1509;
        assert_int_equal(bulk.results[i].status, refused ? WEIR_ERR_EXISTS : WEIR_OK);
        if (refused)
            assert_string_equal(bulk.results[i].id.text, "");
        else if (bulk.options[i].id)
            assert_string_equal(bulk.results[i].id.text, bulk.rows[i].id);
        else
            assert_true(strlen(bulk.results[i].id.text) > 0);
    }
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), N / 2 - 1);
    redisReply *entries = entries_of(f, STREAM);
    assert_int_equal(entries->elements, N / 2);
    for (size_t i = 0; i < N / 2; i++)
        assert_string_equal(text_of(entries->element[i], "n"), bulk.rows[2 * i].text);
    freeReplyObject(entries);
    free_bulk(&bulk);
}

static void a_refusal_of_all_is_told_for_each(void **state)
{
    struct fixture *f = *state;
    freeReplyObject(test_server_command(f->server, "SET " STREAM " x"));
    struct bulk bulk = make_bulk(100);
    EXPECT(WEIR_ERR_SERVER, weir_enqueue_bulk(fixture_producer(f), bulk.jobs, 100, bulk.results, &last_error));
    assert_non_null(strstr(last_error.message, "job 0"));
    assert_non_null(strstr(last_error.server, "WRONGTYPE"));
    assert_false(last_error.retriable);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(bulk.results[i].status, WEIR_ERR_SERVER);
    freeReplyObject(test_server_command(f->server, "DEL " STREAM));
    OK(weir_enqueue_bulk(fixture_producer(f), bulk.jobs, 100, bulk.results, &last_error));
    free_bulk(&bulk);
}

/* --- one by one --- */

static void ids_ascend(void **state)
{
    struct fixture *f = *state;
    enum { N = 200 };
    weir_id ids[N];
    for (size_t i = 0; i < N; i++)
        ids[i] = put(f, "x");
    redisReply *entries = entries_of(f, STREAM);
    for (size_t i = 0; i < N; i++)
        assert_string_equal(entries->element[i]->element[0]->str, ids[i].text);
    freeReplyObject(entries);
}

/* Nobody needs to care whether the server closed an idle connection. */
static void an_idle_connection_that_was_closed_is_made_again(void **state)
{
    struct fixture *f = *state;
    put(f, "a");
    assert_int_equal(test_server_integer(f->server, "CLIENT KILL TYPE normal SKIPME yes"), 1);
    put(f, "b");
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 2);
}

static void a_producer_survives_its_server(void **state)
{
    struct fixture *f = *state;
    put(f, "a");
    test_server_kill(f->server);
    EXPECT(WEIR_ERR_CONNECTION,
           weir_enqueue(f->producer, WEIR_FIELDS(weir_field_text("n", "b")), NULL, NULL, &last_error));
    assert_true(last_error.retriable);
    struct bulk bulk = make_bulk(5);
    EXPECT(WEIR_ERR_CONNECTION, weir_enqueue_bulk(f->producer, bulk.jobs, 5, bulk.results, &last_error));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(bulk.results[i].status, WEIR_ERR_CONNECTION);
    test_server_restart(f->server);
    OK(weir_enqueue_bulk(f->producer, bulk.jobs, 5, bulk.results, &last_error));
    free_bulk(&bulk);
}

/* --- servers that hang up; again and again, since it is a race with what is being sent --- */

enum { HANG_UPS = 20 };

/* It says why it will not read a job: that is no outage, and trying again would not help. */
static void what_the_server_will_not_read_is_refused(void **state)
{
    enum { LEN = 2000000 };
    struct fixture *f = *state;
    put(f, "a");
    freeReplyObject(test_server_command(f->server, "CONFIG SET proto-max-bulk-len 1048576"));
    char *value = calloc(1, LEN);
    assert_non_null(value);
    for (int i = 0; i < HANG_UPS; i++) {
        EXPECT(WEIR_ERR_SERVER,
               weir_enqueue(f->producer, WEIR_FIELDS(weir_field_bytes("n", value, LEN)), NULL, NULL, &last_error));
        assert_false(last_error.retriable);
        assert_non_null(strstr(last_error.server, "invalid bulk length"));
    }
    free(value);
    put(f, "b");
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 2);
}

/* It doesn't say why: then at least how the connection ended is told, in doubt or not. */
static void how_a_connection_was_lost_is_told(void **state)
{
    enum { LEN = 4000000 };
    struct fixture *f = *state;
    put(f, "a");
    freeReplyObject(test_server_command(f->server, "CONFIG SET client-query-buffer-limit 1048576"));
    char *value = calloc(1, LEN);
    assert_non_null(value);
    for (int i = 0; i < HANG_UPS; i++) {
        weir_status status =
            weir_enqueue(f->producer, WEIR_FIELDS(weir_field_bytes("n", value, LEN)), NULL, NULL, &last_error);
        assert_true(status == WEIR_ERR_CONNECTION || status == WEIR_ERR_IN_DOUBT);
        assert_int_equal(last_error.code, status);
        assert_true(last_error.retriable);
        assert_non_null(strstr(last_error.message, "was lost"));
    }
    free(value);
}

/* --- many threads --- */

enum { THREADS = 16, EACH = 200 };

struct sharer {
    weir_producer *producer;
    int number;
    weir_id ids[EACH];
    int failures;
};

static void *enqueue_one_by_one(void *context)
{
    struct sharer *sharer = context;
    for (int i = 0; i < EACH; i++) {
        char n[32];
        snprintf(n, sizeof n, "%d:%d", sharer->number, i);
        weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
        options.id = i % 4 == 3 ? n : NULL;
        options.delay_ms = i % 8 == 7 ? 3600000 : 0;
        sharer->failures += weir_enqueue(sharer->producer, WEIR_FIELDS(weir_field_text("n", n)), &options,
                                         &sharer->ids[i], NULL) != WEIR_OK;
    }
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void threads_share_a_producer(void **state)
{
    struct fixture *f = *state;
    struct sharer *sharers = calloc(THREADS, sizeof *sharers);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        sharers[i] = (struct sharer){.producer = fixture_producer(f), .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, enqueue_one_by_one, &sharers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), THREADS * EACH * 7 / 8);
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), THREADS * EACH / 8);

    /* each got the id of its own job, all differ, and each thread's jobs are in its order */
    weir_id *all = calloc(THREADS * EACH, sizeof *all);
    int next[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(sharers[i].failures, 0);
        memcpy(&all[i * EACH], sharers[i].ids, sizeof sharers[i].ids);
    }
    qsort(all, THREADS * EACH, sizeof *all, compare_ids);
    for (int i = 1; i < THREADS * EACH; i++)
        assert_string_not_equal(all[i - 1].text, all[i].text);
    redisReply *entries = entries_of(f, STREAM);
    for (size_t i = 0; i < entries->elements; i++) {
        int thread = -1, number = -1;
        assert_int_equal(sscanf(text_of(entries->element[i], "n"), "%d:%d", &thread, &number), 2);
        if (next[thread] % 8 == 7)
            next[thread]++; /* that one is delayed */
        assert_int_equal(number, next[thread]++);
        const char *own = text_of(entries->element[i], "weir.id");
        assert_string_equal(sharers[thread].ids[number].text, own[0] ? own : entries->element[i]->element[0]->str);
    }
    freeReplyObject(entries);
    free(all);
    free(sharers);
}

struct bulker {
    weir_producer *producer;
    struct bulk bulk;
    weir_status status;
};

static void *enqueue_bulk(void *context)
{
    struct bulker *bulker = context;
    bulker->status = weir_enqueue_bulk(bulker->producer, bulker->bulk.jobs, bulker->bulk.n, bulker->bulk.results, NULL);
    return NULL;
}

static void bulks_of_several_threads_are_each_in_order(void **state)
{
    struct fixture *f = *state;
    enum { BULKS = 6, N = 2000 };
    struct bulker bulkers[BULKS];
    pthread_t threads[BULKS];
    for (int i = 0; i < BULKS; i++) {
        bulkers[i] = (struct bulker){fixture_producer(f), make_bulk(N), WEIR_ERR_SYSTEM};
        assert_int_equal(pthread_create(&threads[i], NULL, enqueue_bulk, &bulkers[i]), 0);
    }
    for (int i = 0; i < BULKS; i++)
        pthread_join(threads[i], NULL);
    redisReply *entries = entries_of(f, STREAM);
    assert_int_equal(entries->elements, BULKS * N);
    for (int i = 0; i < BULKS; i++) {
        assert_int_equal(bulkers[i].status, WEIR_OK);
        size_t at = 0;
        for (size_t j = 0; j < N; j++, at++) {
            while (at < entries->elements &&
                   strcmp(entries->element[at]->element[0]->str, bulkers[i].bulk.results[j].id.text) != 0)
                at++;
            assert_true(at < entries->elements);
            assert_string_equal(text_of(entries->element[at], "n"), bulkers[i].bulk.rows[j].text);
        }
        free_bulk(&bulkers[i].bulk);
    }
    freeReplyObject(entries);
}

/* --- payloads --- */

struct order {
    const char *item;
    int count;
};

static weir_status encode_order(const void *value, weir_field_sink *sink, weir_error *err)
{
    const struct order *order = value;
    if (order->count < 0) {
        snprintf(err->message, sizeof err->message, "field \"count\": %d is negative", order->count);
        return WEIR_ERR_DECODE;
    }
    if (order->count == 0)
        return WEIR_OK; /* not a field */
    char count[16];
    int len = snprintf(count, sizeof count, "%d", order->count);
    weir_status status = weir_sink_add(sink, "item", 4, order->item, strlen(order->item));
    if (status == WEIR_OK)
        status = weir_sink_add(sink, order->count == 666 ? "weir.id" : "count", order->count == 666 ? 7 : 5, count,
                               (size_t)len);
    return status == WEIR_OK ? weir_sink_add(sink, "empty", 5, NULL, 0) : status;
}

static const weir_codec order_codec = {
    .size = sizeof order_codec, .name = "order", .struct_size = sizeof(struct order), .encode = encode_order};

static void a_payload_is_enqueued_by_its_codec(void **state)
{
    struct fixture *f = *state;
    struct order order = {"tea\xff", 3};
    weir_id id, delayed;
    OK(weir_enqueue_payload(fixture_producer(f), &order_codec, &order, NULL, &id, &last_error));
    weir_enqueue_options in = WEIR_ENQUEUE_OPTIONS_INIT;
    in.id = "order-7";
    in.delay_ms = 3600000;
    OK(weir_enqueue_payload(fixture_producer(f), &order_codec, &order, &in, &delayed, &last_error));
    assert_string_equal(delayed.text, "order-7");
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), 1);
    redisReply *entries = entries_of(f, STREAM);
    assert_int_equal(entries->elements, 1);
    assert_string_equal(entries->element[0]->element[0]->str, id.text);
    assert_int_equal(entries->element[0]->element[1]->elements, 6);
    assert_string_equal(text_of(entries->element[0], "item"), "tea\xff");
    assert_string_equal(text_of(entries->element[0], "count"), "3");
    assert_string_equal(text_of(entries->element[0], "empty"), "");
    freeReplyObject(entries);
}

static void a_payload_that_cannot_be_encoded_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int count;
        weir_status status;
        const char *words;
    } rows[] = {
        {-1, WEIR_ERR_DECODE, "\"count\": -1 is negative"},
        {0, WEIR_ERR_ARGUMENT, "at least one field"},
        {666, WEIR_ERR_ARGUMENT, "\"weir.id\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct order order = {"tea", rows[i].count};
        weir_id id = {"untouched"};
        EXPECT(rows[i].status, weir_enqueue_payload(fixture_producer(f), &order_codec, &order, NULL, &id, &last_error));
        assert_int_equal(last_error.code, rows[i].status);
        assert_non_null(strstr(last_error.message, rows[i].words));
        assert_string_equal(id.text, "untouched");
    }
    assert_int_equal(test_server_integer(f->server, "DBSIZE"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_empty_bulk_is_success),
        WITH_FIXTURE(a_bulk_of_one),
        WITH_FIXTURE(a_bulk_of_fifty_thousand),
        WITH_FIXTURE(results_need_not_be_asked_for),
        WITH_FIXTURE(a_bulk_may_mix_delays_ids_and_refusals),
        WITH_FIXTURE(a_refusal_of_all_is_told_for_each),
        WITH_FIXTURE(ids_ascend),
        WITH_FIXTURE(an_idle_connection_that_was_closed_is_made_again),
        WITH_FIXTURE(a_producer_survives_its_server),
        WITH_FIXTURE(what_the_server_will_not_read_is_refused),
        WITH_FIXTURE(how_a_connection_was_lost_is_told),
        WITH_FIXTURE(threads_share_a_producer),
        WITH_FIXTURE(bulks_of_several_threads_are_each_in_order),
        WITH_FIXTURE(a_payload_is_enqueued_by_its_codec),
        WITH_FIXTURE(a_payload_that_cannot_be_encoded_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
