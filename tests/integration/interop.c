/* SPDX-License-Identifier: MIT
 *
 * Other programs at the same stream: they need no library, and weir's jobs are plain entries to them.
 */
#include "fixture.h"

#include "support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_field(const weir_job *job, const char *name, const char *value)
{
    size_t len = 0;
    const char *found = weir_job_field(job, name, &len);
    return found && len == strlen(value) && memcmp(found, value, len) == 0;
}

static weir_outcome send_email(weir_job *job, void *fixture)
{
    bool right = has_field(job, "to", "a@b.c") && has_field(job, "subject", "hi") && weir_job_fields(job)->n == 2;
    recorder_add(((struct fixture *)fixture)->runs, weir_job_id(job), right);
    return WEIR_DONE;
}

static weir_queue_options emails(struct fixture *f)
{
    weir_queue_options options = fixture_options(f);
    options.stream = "emails";
    options.handler = send_email;
    return options;
}

/* The id of the entry that the command adds, to be compared with what the handler saw. */
static void expect_email(struct fixture *f, const char *id, size_t n)
{
    assert_true(recorder_wait_count(f->runs, n, TEST_TIMEOUT_MS));
    assert_string_equal(recorder_get(f->runs, n - 1).key, id);
    assert_int_equal(recorder_get(f->runs, n - 1).value, 1);
}

static void an_entry_of_anybody_is_a_job(void **state)
{
    struct fixture *f = *state;
    redisReply *added = test_server_command(f->server, "XADD emails * to a@b.c subject hi");
    weir_queue_options options = emails(f);
    fixture_start(f, &options);
    expect_email(f, added->str, 1);
    freeReplyObject(added);

    added = test_server_command(f->server, "XADD emails 9999999999999-7 to a@b.c subject hi");
    expect_email(f, "9999999999999-7", 2);
    freeReplyObject(added);
}

static int run_redis_cli(void *socket)
{
    if (!freopen("/dev/null", "w", stdout))
        return 1;
    execlp("redis-cli", "redis-cli", "-s", (const char *)socket, "XADD", "emails", "*", "to", "a@b.c", "subject", "hi",
           (char *)NULL);
    return 127;
}

static void so_is_what_redis_cli_adds(void **state)
{
    struct fixture *f = *state;
    int status = child_wait(child_run(run_redis_cli, (void *)test_server_socket(f->server)), TEST_TIMEOUT_MS);
    if (status == 127 && !getenv("WEIR_TEST_NO_SKIP"))
        skip(); /* there is none */
    assert_int_equal(status, 0);
    weir_queue_options options = emails(f);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_get(f->runs, 0).value, 1);
}

static void a_job_is_a_plain_entry(void **state)
{
    struct fixture *f = *state;
    weir_id id;
    OK(weir_enqueue(fixture_producer(f), WEIR_FIELDS(weir_field_text("to", "a@b.c"), weir_field_text("subject", "hi")),
                    NULL, &id, &last_error));
    redisReply *entries = entries_of(f, STREAM);
    assert_int_equal(entries->elements, 1);
    assert_string_equal(entries->element[0]->element[0]->str, id.text);
    const redisReply *fields = entries->element[0]->element[1];
    static const char *const expected[] = {"to", "a@b.c", "subject", "hi"};
    assert_int_equal(fields->elements, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_string_equal(fields->element[i]->str, expected[i]);
    freeReplyObject(entries);
}

/* What the library adds, where it must. */
static void own_fields_are_written_only_when_needed(void **state)
{
    struct fixture *f = *state;
    weir_enqueue_options own = WEIR_ENQUEUE_OPTIONS_INIT;
    own.id = "order-7";
    put_with(f, "named", &own);
    weir_queue_options options = fixture_options(f);
    options.handler = handle_retry;
    options.max_attempts = 2;
    options.backoff_base_ms = 0;
    options.retention = WEIR_KEEP_ALL;
    fixture_start(f, &options);
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    redisReply *entries = entries_of(f, STREAM);
    assert_int_equal(entries->elements, 2);
    static const char *const expected[][10] = {
        {"n", "named", "weir.id", "order-7"},
        {"n", "named", "weir.id", "order-7", "weir.attempts", "1", "weir.group", GROUP, "weir.first_enqueued_ms", ""},
    };
    for (size_t i = 0; i < 2; i++) {
        const redisReply *fields = entries->element[i]->element[1];
        assert_int_equal(fields->elements, i == 0 ? 4 : 10);
        for (size_t j = 0; j < fields->elements; j += 2)
            if (expected[i][j + 1][0])
                assert_string_equal(text_of(entries->element[i], expected[i][j]), expected[i][j + 1]);
            else
                assert_non_null(field_of(entries->element[i], expected[i][j]));
    }
    freeReplyObject(entries);
}

/* --- a foreign consumer in the same group --- */

static void a_foreign_consumer_shares_the_work(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.concurrency = 4;
    options.claim_interval_ms = 10;
    weir_queue *queue = fixture_start(f, &options);
    put_numbered(f, 0, 20);
    assert_true(recorder_wait_count(f->runs, 4, TEST_TIMEOUT_MS));

    /* it takes ten, acks nine, and keeps one for longer than the queue runs here */
    redisReply *reply =
        test_server_command(f->server, "XREADGROUP GROUP " GROUP " foreigner COUNT 10 STREAMS " STREAM " >");
    const redisReply *entries = reply->element[0]->element[1];
    assert_int_equal(entries->elements, 10);
    for (size_t i = 1; i < 10; i++)
        assert_int_equal(
            test_server_integer(f->server, "XACK " STREAM " " GROUP " %s", entries->element[i]->element[0]->str), 1);
    gate_open(&f->gate);
    assert_true(recorder_wait_count(f->runs, 10, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 1));
    assert_true(wait_more_calls(f, "xautoclaim", 5)); /* the foreigner's lease is respected */
    assert_int_equal(pending_of(f, STREAM, GROUP, "foreigner"), 1);
    assert_int_equal(recorder_count(f->runs), 10);
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(recorder_count_key(f->runs, text_of(entries->element[i], "n")), 0);
    fixture_close(f, queue);

    /* until it runs out */
    options.handler = handle_done;
    options.min_idle_ms = 50;
    fixture_start(f, &options);
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count_key(f->runs, text_of(entries->element[0], "n")), 1);
    assert_int_equal(recorder_count(f->runs), 11);
    freeReplyObject(reply);
}

static void a_foreign_consumer_may_hand_over(void **state)
{
    struct fixture *f = *state;
    put_numbered(f, 0, 2);
    weir_queue_options options = fixture_options(f);
    options.consumer = "heir";
    options.min_idle_ms = 50;
    freeReplyObject(test_server_command(f->server, "XGROUP CREATE " STREAM " " GROUP " 0"));
    redisReply *reply =
        test_server_command(f->server, "XREADGROUP GROUP " GROUP " foreigner COUNT 10 STREAMS " STREAM " >");
    for (size_t i = 0; i < 2; i++)
        freeReplyObject(test_server_command(f->server, "XCLAIM " STREAM " " GROUP " heir 0 %s",
                                            reply->element[0]->element[1]->element[i]->element[0]->str));
    freeReplyObject(reply);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
}

/* --- several groups --- */

static weir_outcome handle_quietly(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->dead, name_of(job), weir_job_attempt(job));
    return WEIR_DONE;
}

static weir_outcome fail_twice(weir_job *job, void *fixture)
{
    handle_retry(job, fixture);
    return weir_job_attempt(job) < 3 ? WEIR_RETRY : WEIR_DONE;
}

/* Whether the other group's workers were there already, or come when all is over. */
static void expect_retries_to_be_unseen(struct fixture *f, bool together)
{
    weir_queue_options options = fixture_options(f), others = fixture_options(f);
    options.handler = fail_twice;
    options.backoff_base_ms = 0;
    options.retention = WEIR_KEEP_ALL;
    others.group = "others";
    others.handler = handle_quietly;
    others.retention = WEIR_KEEP_ALL;
    weir_queue *other = together ? fixture_start(f, &others) : NULL;
    put_numbered(f, 0, 10);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 30, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    if (!other)
        other = fixture_start(f, &others);
    assert_true(recorder_wait_count(f->dead, 10, TEST_TIMEOUT_MS));
    assert_true(WAIT_STAT(other, foreign, 20)); /* acked unseen */
    assert_true(WAIT_STAT(other, acked, 30));
    assert_int_equal(pending_of(f, STREAM, "others", NULL), 0);
    assert_int_equal(recorder_count(f->dead), 10);
    assert_int_equal(recorder_most_of_a_key(f->dead), 1);
    assert_int_equal(recorder_most_of_a_key(f->runs), 3);
}

static void a_retry_is_not_seen_by_another_group(void **state)
{
    expect_retries_to_be_unseen(*state, true);
}

static void nor_by_one_that_comes_later(void **state)
{
    expect_retries_to_be_unseen(*state, false);
}

static void expect_start(struct fixture *f, const char *start_id, const char *first)
{
    recorder_clear(f->runs);
    weir_queue_options options = fixture_options(f);
    char group[64];
    snprintf(group, sizeof group, "from %s", start_id);
    options.group = group;
    options.start_id = start_id;
    options.concurrency = 1; /* in order */
    options.retention = WEIR_KEEP_ALL;
    weir_queue *queue = fixture_start(f, &options);
    put(f, "new");
    assert_true(recorder_wait_count_key(f->runs, "new", 1, TEST_TIMEOUT_MS));
    assert_string_equal(recorder_get(f->runs, 0).key, first);
    fixture_close(f, queue);
}

static void a_group_begins_where_it_is_told(void **state)
{
    struct fixture *f = *state;
    put(f, "first");
    weir_id second = put(f, "second");
    put(f, "third");
    expect_start(f, "0", "first");
    expect_start(f, "$", "new");
    expect_start(f, second.text, "third"); /* what comes after it */
    expect_start(f, "1-1", "first");
}

/* A group that exists goes on where it was, whatever the options say. */
static void an_existing_group_goes_on(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    put_numbered(f, 0, 3);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 3, TEST_TIMEOUT_MS));
    fixture_close(f, queue);
    put_numbered(f, 3, 2);
    options.start_id = "$";
    queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 5, TEST_TIMEOUT_MS));
    fixture_close(f, queue);
    assert_int_equal(recorder_distinct_keys(f->runs), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_entry_of_anybody_is_a_job),
        WITH_FIXTURE(so_is_what_redis_cli_adds),
        WITH_FIXTURE(a_job_is_a_plain_entry),
        WITH_FIXTURE(own_fields_are_written_only_when_needed),
        WITH_FIXTURE(a_foreign_consumer_shares_the_work),
        WITH_FIXTURE(a_foreign_consumer_may_hand_over),
        WITH_FIXTURE(a_retry_is_not_seen_by_another_group),
        WITH_FIXTURE(nor_by_one_that_comes_later),
        WITH_FIXTURE(a_group_begins_where_it_is_told),
        WITH_FIXTURE(an_existing_group_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
