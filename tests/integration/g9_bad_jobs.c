/* SPDX-License-Identifier: MIT
 *
 * G9: a job that can't be decoded, or whose entry was deleted under it, harms no other job, and ends in the dead
 * letters with its raw fields and the reason.
 */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The letter whose field has that value. */
static const redisReply *letter_with(const redisReply *letters, const char *name, const char *value)
{
    for (size_t i = 0; i < letters->elements; i++)
        if (strcmp(text_of(letters->element[i], name), value) == 0)
            return letters->element[i];
    fail_msg("no letter whose %s is \"%s\"", name, value);
    return NULL;
}

/* --- undecodable --- */

struct number {
    long n;
    char *owned;
};

static atomic_int n_decoded, n_cleared, n_starved;

static const char *find(const weir_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->n; i++)
        if (fields->items[i].name_len == strlen(name) && memcmp(fields->items[i].name, name, strlen(name)) == 0)
            return fields->items[i].value;
    return NULL;
}

static weir_status decode_number(const weir_fields *fields, void *value, weir_error *err)
{
    struct number *number = value;
    const char *text = find(fields, "n");
    char *end = "x";
    if (text)
        number->n = strtol(text, &end, 10);
    if (text && strcmp(text, "speechless") == 0)
        return WEIR_ERR_DECODE;
    if (text && strcmp(text, "starved") == 0 && atomic_fetch_add(&n_starved, 1) == 0)
        return WEIR_ERR_MEMORY;
    if (text && strcmp(text, "starved") != 0 && (*text == '\0' || *end != '\0')) {
        snprintf(err->message, sizeof err->message, "field \"n\": \"%s\" is no number", text);
        return WEIR_ERR_DECODE;
    }
    number->owned = strdup("something to clear");
    atomic_fetch_add(&n_decoded, 1);
    return WEIR_OK;
}

static void clear_number(void *value)
{
    free(((struct number *)value)->owned);
    atomic_fetch_add(&n_cleared, 1);
}

static const weir_codec number_codec = {
    .size = sizeof number_codec,
    .name = "number",
    .struct_size = sizeof(struct number),
    .decode = decode_number,
    .clear = clear_number,
};

static weir_outcome handle_number(weir_job *job, void *fixture)
{
    const struct number *number = weir_job_payload(job);
    recorder_add(((struct fixture *)fixture)->runs, name_of(job), number ? number->n : -1);
    return WEIR_DONE;
}

static weir_queue_options decoding(struct fixture *f)
{
    n_decoded = n_cleared = n_starved = 0;
    weir_queue_options options = fixture_options(f);
    options.codec = &number_codec;
    options.handler = handle_number;
    options.on_dead = record_dead;
    options.backoff_base_ms = 0;
    return options;
}

static void an_undecodable_job_is_dead_with_its_raw_fields(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = decoding(f);
    static const char bytes[] = {'\0', '\n', '\xff', '\xfe', 'x'};
    put_numbered(f, 0, 20);
    weir_id id;
    const weir_fields *bad =
        WEIR_FIELDS(weir_field_text("n", "seven"), weir_field_bytes("raw \xff", bytes, sizeof bytes),
                    weir_field_text("twice", "1"), weir_field_text("twice", "2"));
    OK(weir_enqueue(fixture_producer(f), bad, NULL, &id, &last_error));
    put_numbered(f, 20, 20);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 40, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    assert_true(wait_pending(f, 0));

    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(recorder_get(f->runs, i).value, atoi(recorder_get(f->runs, i).key));
    assert_int_equal(recorder_count(f->dead), 1);
    assert_int_equal(recorder_get(f->dead, 0).value, 0);

    redisReply *dead = entries_of(f, DEAD);
    const redisReply *letter = dead->element[0], *fields = letter->element[1];
    static const char *const expected[] = {"n", "seven", "raw \xff", NULL, "twice", "1", "twice", "2"};
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        if (expected[i])
            assert_string_equal(fields->element[i]->str, expected[i]);
    assert_int_equal(fields->element[3]->len, sizeof bytes);
    assert_memory_equal(fields->element[3]->str, bytes, sizeof bytes);
    assert_string_equal(text_of(letter, "weir.reason"), "undecodable");
    assert_string_equal(text_of(letter, "weir.error"), "field \"n\": \"seven\" is no number");
    assert_string_equal(text_of(letter, "weir.source_id"), id.text);
    assert_string_equal(text_of(letter, "weir.attempts"), "0");
    assert_string_equal(text_of(letter, "weir.deliveries"), "1");
    freeReplyObject(dead);

    fixture_close(f, queue);
    assert_int_equal(n_decoded, 40);
    assert_int_equal(n_cleared, 40);
}

static void a_decoder_that_says_nothing_is_not_misquoted(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = decoding(f);
    put(f, "speechless");
    fixture_start(f, &options);
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    redisReply *dead = entries_of(f, DEAD);
    assert_string_equal(text_of(dead->element[0], "weir.reason"), "undecodable");
    assert_null(strstr(text_of(dead->element[0], "weir.error"), "memory"));
    freeReplyObject(dead);
}

static void a_decoder_without_memory_is_tried_again(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = decoding(f);
    put(f, "starved");
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(n_starved, 2);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD), 0);
}

/* --- entries that are deleted --- */

/* A consumer reads all there is and is never heard of again. */
static void let_a_consumer_die(struct fixture *f)
{
    freeReplyObject(test_server_command(f->server, "XGROUP CREATE " STREAM " " GROUP " 0 MKSTREAM"));
    freeReplyObject(
        test_server_command(f->server, "XREADGROUP GROUP " GROUP " deceased COUNT 10000 STREAMS " STREAM " >"));
}

static void delete_numbered(struct fixture *f, int n)
{
    redisReply *entries = entries_of(f, STREAM);
    char text[16];
    snprintf(text, sizeof text, "%d", n);
    const char *id = letter_with(entries, "n", text)->element[0]->str;
    assert_int_equal(test_server_integer(f->server, "XDEL " STREAM " %s", id), 1);
    freeReplyObject(entries);
}

static void expect_lost(struct fixture *f, const redisReply *letter)
{
    assert_string_equal(text_of(letter, "weir.reason"), "payload lost");
    assert_true(strlen(text_of(letter, "weir.error")) > 0);
    assert_string_equal(text_of(letter, "weir.group"), GROUP);
    const redisReply *fields = letter->element[1];
    for (size_t i = 0; i < fields->elements; i += 2)
        assert_memory_equal(fields->element[i]->str, "weir.", 5); /* there are no others */
    char key[128];
    snprintf(key, sizeof key, "payload lost %s", text_of(letter, "weir.source_id"));
    assert_true(recorder_wait_count_key(f->events, key, 1, TEST_TIMEOUT_MS));
}

static void entries_deleted_while_pending_are_reported(void **state)
{
    struct fixture *f = *state;
    enum { N = 200, EVERY = 20 };
    put_numbered(f, 0, N);
    let_a_consumer_die(f);
    for (int i = EVERY / 2; i < N; i += EVERY)
        delete_numbered(f, i);
    put_numbered(f, N, 10);
    weir_queue_options options = fixture_options(f);
    options.min_idle_ms = 50;
    options.on_dead = record_dead;
    weir_queue *queue = fixture_start(f, &options);
    assert_true(wait_integer(f, N / EVERY, "XLEN " DEAD));
    assert_true(recorder_wait_count(f->runs, N - N / EVERY + 10, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    assert_int_equal(recorder_count(f->runs), N - N / EVERY + 10);
    assert_int_equal(recorder_count(f->dead), N / EVERY);
    redisReply *dead = entries_of(f, DEAD);
    for (size_t i = 0; i < dead->elements; i++)
        expect_lost(f, dead->element[i]);
    freeReplyObject(dead);
    assert_true(WAIT_STAT(queue, payloads_lost, N / EVERY));
    assert_int_equal(events_of(f, WEIR_EVENT_PAYLOAD_LOST), N / EVERY);
}

static void a_trim_under_pending_entries_is_reported(void **state)
{
    struct fixture *f = *state;
    put_numbered(f, 0, 30);
    let_a_consumer_die(f);
    assert_int_equal(test_server_integer(f->server, "XTRIM " STREAM " MAXLEN 10"), 20);
    weir_queue_options options = fixture_options(f);
    options.min_idle_ms = 50;
    fixture_start(f, &options);
    assert_true(wait_integer(f, 20, "XLEN " DEAD));
    assert_true(recorder_wait_count(f->runs, 10, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    redisReply *dead = entries_of(f, DEAD);
    for (size_t i = 0; i < dead->elements; i++)
        expect_lost(f, dead->element[i]);
    freeReplyObject(dead);
}

/* A worker that comes back under its old name finds its own. */
static void own_entries_deleted_meanwhile_are_reported(void **state)
{
    struct fixture *f = *state;
    put_numbered(f, 0, 5);
    let_a_consumer_die(f);
    delete_numbered(f, 2);
    weir_queue_options options = fixture_options(f);
    options.consumer = "deceased";
    fixture_start(f, &options);
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    assert_true(recorder_wait_count(f->runs, 4, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    redisReply *dead = entries_of(f, DEAD);
    expect_lost(f, dead->element[0]);
    freeReplyObject(dead);
}

static void entries_deleted_before_they_are_read_are_nobodys(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    put_numbered(f, 0, 10);
    delete_numbered(f, 3);
    assert_int_equal(test_server_integer(f->server, "XTRIM " STREAM " MAXLEN 5"), 4);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 5, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), 5);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD), 0);
}

/* --- deleted under a running job: what it says counts --- */

static weir_outcome answer_with_its_name(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    recorder_add(f->runs, name_of(job), weir_job_attempt(job));
    if (weir_job_attempt(job) > 1)
        return WEIR_DONE;
    gate_wait(&f->gate);
    return (weir_outcome)atoi(name_of(job));
}

static void expect_answers_to_count(struct fixture *f, weir_queue_options *options, bool renew)
{
    options->handler = answer_with_its_name;
    options->backoff_base_ms = 0;
    options->min_idle_ms = renew ? 100 : 3600000;
    put_numbered(f, WEIR_DONE, 3); /* and WEIR_RETRY and WEIR_REJECT */
    weir_queue *queue = fixture_start(f, options);
    assert_true(recorder_wait_count(f->runs, 3, TEST_TIMEOUT_MS));
    assert_int_equal(test_server_integer(f->server, "XTRIM " STREAM " MAXLEN 0"), 3);
    if (renew) {
        assert_true(wait_pending(f, 0));                  /* XCLAIM drops what was deleted */
        assert_true(wait_more_calls(f, "xautoclaim", 1)); /* the next thing that the same thread does */
    }
    gate_open(&f->gate);
    assert_true(recorder_wait_count(f->runs, 4, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_get(f->runs, 3).value, 2);
    assert_int_equal(atoi(recorder_get(f->runs, 3).key), WEIR_RETRY);
    redisReply *dead = entries_of(f, DEAD);
    assert_string_equal(text_of(dead->element[0], "weir.reason"), "rejected");
    assert_int_equal(atoi(text_of(dead->element[0], "n")), WEIR_REJECT);
    freeReplyObject(dead);
    fixture_close(f, queue);
    assert_int_equal(recorder_count(f->runs), 4);
    assert_int_equal(events_of(f, WEIR_EVENT_PAYLOAD_LOST), 0);
    assert_int_equal(events_of(f, WEIR_EVENT_LEASE_LOST), 0);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DELAYED " " DELAYED_JOBS), 0);
}

static void a_running_job_outlives_its_entry(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    expect_answers_to_count(f, &options, false);
}

static void so_it_does_where_its_lease_is_renewed(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    expect_answers_to_count(f, &options, true);
}

static void so_it_does_without_backoff(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.backoff = WEIR_BACKOFF_NONE;
    expect_answers_to_count(f, &options, true);
}

static weir_outcome stop_at_gatekeeper(weir_job *job, void *fixture)
{
    return strcmp(name_of(job), "gatekeeper") == 0 ? handle_at_gate(job, fixture) : handle_done(job, fixture);
}

static void jobs_fetched_ahead_outlive_their_entries(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = stop_at_gatekeeper;
    options.concurrency = 1;
    options.prefetch_ms = 60000; /* as many as were finished before */
    options.min_idle_ms = 200;
    put_numbered(f, 0, 50);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 50, TEST_TIMEOUT_MS));
    put(f, "gatekeeper");
    put_numbered(f, 50, 20);
    assert_true(WAIT_STAT(queue, waiting, 20));
    assert_true(recorder_wait_count_key(f->runs, "gatekeeper", 1, TEST_TIMEOUT_MS));
    for (int i = 50; i < 60; i++)
        delete_numbered(f, i);
    assert_true(wait_pending(f, 11)); /* the renewal drops what was deleted */
    assert_true(wait_more_calls(f, "xautoclaim", 1));
    gate_open(&f->gate);
    assert_true(recorder_wait_count(f->runs, 71, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    fixture_close(f, queue);
    assert_int_equal(recorder_count(f->runs), 71);
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD), 0);
}

static void *stop_queue(void *queue)
{
    weir_queue_stop(queue, TEST_TIMEOUT_MS);
    return NULL;
}

/* Jobs that were fetched ahead lose their entries, and are handed back by a stop. */
static void expect_letters_of_what_cannot_be_handed_back(struct fixture *f, bool renewed)
{
    weir_queue_options options = fixture_options(f);
    options.handler = stop_at_gatekeeper;
    options.on_dead = record_dead;
    options.concurrency = 1;
    options.prefetch_ms = 60000;
    options.min_idle_ms = renewed ? 200 : 100000;
    put_numbered(f, 0, 50);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 50, TEST_TIMEOUT_MS));
    put(f, "gatekeeper");
    put_numbered(f, 50, 20);
    assert_true(WAIT_STAT(queue, waiting, 20));
    assert_true(recorder_wait_count_key(f->runs, "gatekeeper", 1, TEST_TIMEOUT_MS));
    for (int i = 50; i < 60; i++)
        delete_numbered(f, i);
    if (renewed)
        assert_true(wait_pending(f, 11));

    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_queue, queue), 0);
    bool waited = WAIT_STAT(queue, waiting, 0);
    gate_open(&f->gate);
    pthread_join(stopper, NULL);
    assert_true(waited);
    fixture_close(f, queue);
    fixture_start(f, &options);
    assert_true(wait_integer(f, 10, "XLEN " DEAD));
    assert_true(recorder_wait_count(f->runs, 61, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->dead), 10);
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    redisReply *dead = entries_of(f, DEAD);
    for (size_t i = 0; i < dead->elements; i++)
        assert_string_equal(text_of(dead->element[i], "weir.reason"), "payload lost");
    freeReplyObject(dead);
}

static void what_cannot_be_handed_back_is_dead(void **state)
{
    expect_letters_of_what_cannot_be_handed_back(*state, false);
}

static void so_it_is_where_a_renewal_has_found_out(void **state)
{
    expect_letters_of_what_cannot_be_handed_back(*state, true);
}

/* --- what others do to the delayed set --- */

static void add_delayed(struct fixture *f, const char *member, const char *packed, size_t len)
{
    assert_int_equal(test_server_integer(f->server, "ZADD " DELAYED " 1 %s", member), 1);
    if (packed)
        assert_int_equal(test_server_integer(f->server, "HSET " DELAYED_JOBS " %s %b", member, packed, len), 1);
}

#define PACKED(literal) literal, sizeof(literal) - 1

static void a_spoiled_delayed_job_is_dead_with_its_bytes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *member, *packed;
        size_t len;
    } spoiled[] = {
        {"empty", PACKED("")},
        {"no msgpack", PACKED("\xc1\xc1\xc1")},
        {"cut", PACKED("\x95\x00\x01\xa0\xa1n")},
        {"a number", PACKED("\x07")},
        {"a map", PACKED("\x81\xa1n\xa1v")},
        {"no fields", PACKED("\x93\x00\x01\xa0")},
        {"half a field", PACKED("\x94\x00\x01\xa0\xa1n")},
        {"attempts are text", PACKED("\x95\xa1x\x01\xa0\xa1n\xa1v")},
        {"no time", PACKED("\x95\x00\xc0\xa0\xa1n\xa1v")},
        {"no group", PACKED("\x95\x00\x01\xc0\xa1n\xa1v")},
        {"a nested value", PACKED("\x95\x00\x01\xa0\xa1n\x91\x01")},
    };
    /* odd, and can be run: numbers for text, attempts beyond sense, a foreign group */
    add_delayed(f, "a number as value", PACKED("\x95\x00\x01\xa0\xa1n\x07"));
    add_delayed(f, "negative attempts", PACKED("\x95\xff\x01\xa0\xa1n\xa8negative"));
    add_delayed(f, "many attempts", PACKED("\x95\xcb\x7e\x37\xe4\x3c\x88\x00\x75\x9c\x01\xa0\xa1n\xa4many"));
    add_delayed(f, "another group", PACKED("\x95\x00\x01\xa5other\xa1n\xa5never"));
    for (size_t i = 0; i < COUNT_OF(spoiled); i++)
        add_delayed(f, spoiled[i].member, spoiled[i].packed, spoiled[i].len);
    add_delayed(f, "no data", NULL, 0);
    freeReplyObject(test_server_command(f->server, "HSET " DELAYED_JOBS " nobody x"));
    freeReplyObject(test_server_command(f->server, "ZADD " DELAYED " 9e15 far-away -inf overdue"));
    weir_enqueue_options in = WEIR_ENQUEUE_OPTIONS_INIT;
    in.delay_ms = 1;
    for (int i = 0; i < 20; i++) {
        char n[16];
        snprintf(n, sizeof n, "good %d", i);
        put_with(f, n, &in);
    }

    weir_queue_options options = fixture_options(f);
    fixture_start(f, &options);
    assert_true(wait_integer(f, (long long)COUNT_OF(spoiled) + 2, "XLEN " DEAD));
    assert_true(recorder_wait_count(f->runs, 23, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), 23);
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    assert_int_equal(recorder_count_key(f->runs, "never"), 0);
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), 1);
    assert_int_equal(test_server_integer(f->server, "HLEN " DELAYED_JOBS), 1);

    redisReply *dead = entries_of(f, DEAD);
    for (size_t i = 0; i < COUNT_OF(spoiled); i++) {
        const redisReply *letter = letter_with(dead, "weir.id", spoiled[i].member);
        assert_string_equal(text_of(letter, "weir.reason"), "undecodable");
        assert_true(strlen(text_of(letter, "weir.error")) > 0);
        const redisReply *packed = field_of(letter, "packed");
        assert_int_equal(packed->len, spoiled[i].len);
        assert_memory_equal(packed->str, spoiled[i].packed, spoiled[i].len);
    }
    assert_string_equal(text_of(letter_with(dead, "weir.id", "no data"), "weir.reason"), "payload lost");
    assert_string_equal(text_of(letter_with(dead, "weir.id", "overdue"), "weir.reason"), "payload lost");
    freeReplyObject(dead);
}

/* Even where the keys themselves are another program's, what is in the stream runs. */
static void keys_of_another_type_stop_nothing_else(void **state)
{
    struct fixture *f = *state;
    freeReplyObject(test_server_command(f->server, "SET " DELAYED " x"));
    weir_log_set(WEIR_LOG_OFF, NULL, NULL); /* it complains, rightly */
    weir_queue_options options = fixture_options(f);
    weir_queue *queue = fixture_start(f, &options);
    put_numbered(f, 0, 100);
    assert_true(recorder_wait_count(f->runs, 100, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_true(wait_integer(f, 0, "XLEN " STREAM)); /* trimming, too */
    assert_int_equal(test_server_integer(f->server, "DEL " DELAYED), 1);
    weir_enqueue_options in = WEIR_ENQUEUE_OPTIONS_INIT;
    in.delay_ms = 1;
    put_with(f, "delayed", &in);
    assert_true(recorder_wait_count_key(f->runs, "delayed", 1, TEST_TIMEOUT_MS));
    fixture_close(f, queue);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
}

/* --- what others write into the stream --- */

static weir_outcome count_fields(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->runs, name_of(job), (long long)weir_job_fields(job)->n);
    return WEIR_DONE;
}

static void fields_that_only_look_like_ours_do_no_harm(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *field, *value;
        int seen; /* fields that the handler sees, "n" included */
    } rows[] = {
        {"weir.attempts", "many", 2},
        {"weir.attempts", "-1", 2},
        {"weir.attempts", "99999999999999999999", 2},
        {"weir.attempts", "3", 1},
        {"weir.first_enqueued_ms", "yesterday", 2},
        {"weir.first_enqueued_ms", "12", 1},
        {"weir.unknown", "x", 2},
        {"weir.", "x", 2},
        {"weir", "x", 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char n[16];
        snprintf(n, sizeof n, "%zu", i);
        freeReplyObject(
            test_server_command(f->server, "XADD " STREAM " * n %s %s %s", n, rows[i].field, rows[i].value));
    }
    weir_queue_options options = fixture_options(f);
    options.handler = count_fields;
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, COUNT_OF(rows), TEST_TIMEOUT_MS));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char n[16];
        snprintf(n, sizeof n, "%zu", i);
        assert_int_equal(recorder_get_key(f->runs, n, 0).value, rows[i].seen);
    }
    assert_true(wait_pending(f, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_undecodable_job_is_dead_with_its_raw_fields),
        WITH_FIXTURE(a_decoder_that_says_nothing_is_not_misquoted),
        WITH_FIXTURE(a_decoder_without_memory_is_tried_again),
        WITH_FIXTURE(entries_deleted_while_pending_are_reported),
        WITH_FIXTURE(a_trim_under_pending_entries_is_reported),
        WITH_FIXTURE(own_entries_deleted_meanwhile_are_reported),
        WITH_FIXTURE(entries_deleted_before_they_are_read_are_nobodys),
        WITH_FIXTURE(a_running_job_outlives_its_entry),
        WITH_FIXTURE(so_it_does_where_its_lease_is_renewed),
        WITH_FIXTURE(so_it_does_without_backoff),
        WITH_FIXTURE(jobs_fetched_ahead_outlive_their_entries),
        WITH_FIXTURE(what_cannot_be_handed_back_is_dead),
        WITH_FIXTURE(so_it_is_where_a_renewal_has_found_out),
        WITH_FIXTURE(a_spoiled_delayed_job_is_dead_with_its_bytes),
        WITH_FIXTURE(keys_of_another_type_stop_nothing_else),
        WITH_FIXTURE(fields_that_only_look_like_ours_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
