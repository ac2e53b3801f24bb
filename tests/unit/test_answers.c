/* SPDX-License-Identifier: MIT
 *
 * Answers that no server gives: the operations of the Redis broker over a connection of which the test is the other
 * end. Most of these were found by tests/fuzz/fuzz_replies.c.
 */
#include "broker/broker.h"
#include "support/test.h"

#include "../fuzz/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct client {
    struct weir_broker *broker;
    struct weir_session *session;
    struct weir_batch *batch;
    weir_error err;
};

static int set_up(void **state)
{
    static struct client client;
    const struct weir_broker_config config = {.url = WIRE_URL,
                                              .stream = "jobs",
                                              .group = "g",
                                              .consumer = "c",
                                              .start_id = "0",
                                              .connection = WEIR_CONNECTION_OPTIONS_INIT(1000)};
    client = (struct client){.batch = weir_batch_new(0)};
    assert_non_null(client.batch);
    assert_int_equal(weir_broker_open(&client.broker, &config, NULL), WEIR_OK);
    assert_int_equal(client.broker->ops->session_open(&client.session, client.broker, "test", NULL), WEIR_OK);
    *state = &client;
    return 0;
}

static int tear_down(void **state)
{
    struct client *client = *state;
    weir_batch_free(client->batch);
    client->broker->ops->session_close(client->session);
    client->broker->ops->close(client->broker);
    return 0;
}

/* The server is about to say this, on a new connection. */
static void answer(struct client *client, const char *replies)
{
    client->session->ops->disconnect(client->session);
    wire_feed(replies, strlen(replies), SIZE_MAX, true);
    assert_int_equal(client->session->ops->connect(client->session, NULL), WEIR_OK);
    client->err = (weir_error){.code = WEIR_OK};
}

/* Refused, with words, and the connection is not used any more. */
static void expect_surprise(struct client *client, weir_status status)
{
    assert_int_equal(status, WEIR_ERR_PROTOCOL);
    assert_int_equal(client->err.code, WEIR_ERR_PROTOCOL);
    assert_string_not_equal(client->err.message, "");
    assert_false(client->session->ops->connected(client->session));
}

/* --- enqueueing --- */

static struct weir_broker_add add_with(const weir_enqueue_options *options)
{
    static const weir_field field = {"n", 1, "1", 1};
    static const weir_fields fields = {&field, 1};
    return (struct weir_broker_add){.fields = &fields, .options = options, .id = {"rest of another"}};
}

static void a_job_is_accepted_only_with_an_entry_id(void **state)
{
    struct client *client = *state;
    static const char *const answers[] = {"$0\r\n\r\n", "+OK\r\n", "$3\r\n1-x\r\n", ":1\r\n", "$-1\r\n", "*0\r\n"};
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct weir_broker_add job = add_with(NULL);
        answer(client, answers[i]);
        expect_surprise(client, client->session->ops->add(client->session, &job, 1, &client->err));
        assert_string_equal(job.id.text, "");
    }
}

static void a_delayed_job_is_accepted_only_with_the_scripts_word(void **state)
{
    struct client *client = *state;
    static const char *const answers[] = {"+OK\r\n", "$3\r\n1-1\r\n", "$-1\r\n", "*0\r\n"};
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.delay_ms = 1000;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct weir_broker_add job = add_with(&delayed);
        answer(client, answers[i]);
        expect_surprise(client, client->session->ops->add(client->session, &job, 1, &client->err));
        assert_int_equal(job.status, WEIR_ERR_PROTOCOL);
        assert_string_equal(job.id.text, "");
    }
}

static void a_job_that_waited_for_its_script_in_vain_has_no_id(void **state)
{
    struct client *client = *state;
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.delay_ms = 1000;
    struct weir_broker_add jobs[] = {add_with(&delayed), add_with(NULL)};
    answer(client, "-NOSCRIPT No matching script\r\n");
    assert_int_not_equal(client->session->ops->add(client->session, jobs, 2, &client->err), WEIR_OK);
    assert_int_not_equal(jobs[0].status, WEIR_OK);
    assert_string_equal(jobs[0].id.text, "");
    assert_int_equal(jobs[1].status, WEIR_ERR_IN_DOUBT);
}

static void a_script_that_could_not_be_loaded_leaves_no_doubt(void **state)
{
    struct client *client = *state;
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.delay_ms = 1000;
    struct weir_broker_add job = add_with(&delayed);
    answer(client, "-NOSCRIPT No matching script\r\n");
    assert_int_equal(client->session->ops->add(client->session, &job, 1, &client->err), WEIR_ERR_CONNECTION);
    assert_int_equal(client->err.code, WEIR_ERR_CONNECTION);
    assert_int_equal(job.status, WEIR_ERR_CONNECTION);
}

/* --- settling --- */

static struct weir_job *job_with(struct client *client, enum weir_verdict verdict, size_t n_fields)
{
    weir_batch_reset(client->batch, 0);
    assert_true(weir_batch_reserve(client->batch, 1));
    weir_field *fields = weir_arena_alloc(&client->batch->arena, n_fields * sizeof *fields);
    for (size_t i = 0; i < n_fields; i++)
        fields[i] = weir_field_text("n", "1");
    struct weir_job *job = weir_batch_add(client->batch, (struct weir_entry_id){1, 1}, fields, n_fields, 1);
    job->verdict = verdict;
    return job;
}

static void a_job_is_settled_only_by_a_count(void **state)
{
    struct client *client = *state;
    static const struct {
        enum weir_verdict verdict;
        const char *answer;
    } cases[] = {
        {WEIR_VERDICT_ACK, "+OK\r\n"},           {WEIR_VERDICT_ACK, "$-1\r\n"},    {WEIR_VERDICT_ACK, "*0\r\n"},
        {WEIR_VERDICT_RETRY, "+OK\r\n"},         {WEIR_VERDICT_RETRY, "$-1\r\n"},  {WEIR_VERDICT_BURY, "+OK\r\n"},
        {WEIR_VERDICT_BURY, "*0\r\n"},           {WEIR_VERDICT_RELEASE, ":1\r\n"}, {WEIR_VERDICT_RELEASE, "*0\r\n"},
        {WEIR_VERDICT_RELEASE, "*1\r\n$-1\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct weir_job *job = job_with(client, cases[i].verdict, 1);
        answer(client, cases[i].answer);
        expect_surprise(client, client->session->ops->settle(client->session, job, &client->err));
        assert_int_equal(job->settled, WEIR_UNSETTLED);
    }
}

/* Refused in the first round, and so found to be missing in the second only: it is carried out all the same. */
static void scripts_that_are_missed_one_after_the_other(void **state)
{
    struct client *client = *state;
    struct weir_job *retried = job_with(client, WEIR_VERDICT_RETRY, 1);
    struct weir_job buried = *retried;
    buried.verdict = WEIR_VERDICT_BURY;
    retried->next = &buried;
    answer(client, "-NOSCRIPT\r\n-BUSY \r\n$3\r\nsha\r\n"
                   ":1\r\n-NOSCRIPT\r\n$3\r\nsha\r\n"
                   ":1\r\n");
    assert_int_equal(client->session->ops->settle(client->session, retried, &client->err), WEIR_OK);
    assert_int_equal(retried->settled, WEIR_SETTLED);
    assert_int_equal(buried.settled, WEIR_SETTLED);
}

/* Such a server is not asked again at once, for ever. */
static void a_server_that_keeps_no_script_is_a_failure(void **state)
{
    struct client *client = *state;
    struct weir_job *job = job_with(client, WEIR_VERDICT_RETRY, 1);
    char replies[512] = "";
    for (int i = 0; i < 5; i++)
        strcat(replies, "-NOSCRIPT\r\n$3\r\nsha\r\n");
    answer(client, replies);
    assert_int_equal(client->session->ops->settle(client->session, job, &client->err), WEIR_ERR_UNAVAILABLE);
    assert_non_null(strstr(client->err.message, "scripts"));
    assert_int_equal(job->settled, WEIR_UNSETTLED);
    assert_true(client->session->ops->connected(client->session));
}

static void a_refusal_and_then_a_lost_connection_have_the_losses_words(void **state)
{
    struct client *client = *state;
    struct weir_job *large = job_with(client, WEIR_VERDICT_BURY, 4000);
    struct weir_job ack = *large;
    ack.verdict = WEIR_VERDICT_ACK;
    ack.next = large;
    memset(&client->err, 'U', sizeof client->err);
    answer(client, "-CLUSTERDOWN\r\n");
    assert_int_equal(client->session->ops->settle(client->session, &ack, &client->err), WEIR_ERR_IN_DOUBT);
    assert_int_equal(client->err.code, WEIR_ERR_IN_DOUBT);
    assert_non_null(strstr(client->err.message, "lost"));
    assert_int_equal(ack.settled, WEIR_UNSETTLED);
    assert_int_equal(large->settled, WEIR_UNSETTLED);
}

/* --- what keeps a queue healthy --- */

static void times_that_cannot_be_are_refused(void **state)
{
    struct client *client = *state;
    static const char *const answers[] = {
        "*2\r\n:0\r\n:-9223372036854775808\r\n",
        "*2\r\n:0\r\n:9223372036854775807\r\n",
        "*2\r\n:-1\r\n:0\r\n",
        "*2\r\n:0\r\n:-2\r\n",
        "*1\r\n:0\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        char replies[160];
        size_t moved;
        int64_t next_ms;
        snprintf(replies, sizeof replies, "*2\r\n$1\r\nx\r\n$3\r\ninf\r\n%s", answers[i]);
        answer(client, replies);
        weir_status status = client->session->ops->promote(client->session, 10, &moved, &next_ms, &client->err);
        expect_surprise(client, status);
    }
}

/* What failed once is still due: nothing else may come before it that would remind of it. */
static void a_promotion_that_failed_is_tried_again(void **state)
{
    struct client *client = *state;
    size_t moved = 7;
    int64_t next_ms;
    answer(client, "*2\r\n$1\r\na\r\n$13\r\n9999999999999\r\n*2\r\n:0\r\n:3600000\r\n"
                   "*2\r\n$1\r\nb\r\n$1\r\n5\r\n-OOM no\r\n"
                   "*2\r\n$1\r\nb\r\n$1\r\n5\r\n*2\r\n:1\r\n:3600000\r\n");
    const struct weir_broker_ops *ops = client->session->ops;
    assert_int_equal(ops->promote(client->session, 10, &moved, &next_ms, &client->err), WEIR_OK);
    assert_int_equal(moved, 0);
    assert_int_equal(ops->promote(client->session, 10, &moved, &next_ms, &client->err), WEIR_ERR_FULL);
    assert_int_equal(ops->promote(client->session, 10, &moved, &next_ms, &client->err), WEIR_OK);
    assert_int_equal(moved, 1);
}

/* --- reading --- */

/* Connecting again ends the read that the server may still think it has to answer: that can fail, too. */
static void a_connection_lost_while_it_ends_a_stale_read_was_never_made(void **state)
{
    struct client *client = *state;
    answer(client, "");
    assert_int_equal(client->session->ops->read_submit(client->session, 10, 1000, NULL), WEIR_OK);
    client->session->ops->disconnect(client->session);
    static const char greeting[] = "+OK\r\n:8\r\n";
    wire_feed(greeting, sizeof greeting - 1, SIZE_MAX, false);
    assert_int_equal(client->session->ops->connect(client->session, &client->err), WEIR_ERR_CONNECTION);
    assert_int_equal(client->err.code, WEIR_ERR_CONNECTION);
}

static void an_entry_is_not_read_twice_nor_out_of_order(void **state)
{
    struct client *client = *state;
    static const char *const entries[] = {"1-1", "1-1", "2-1", "1-9"};
    for (size_t i = 0; i < COUNT_OF(entries); i += 2) {
        char replies[256];
        snprintf(replies, sizeof replies,
                 "*1\r\n*2\r\n$4\r\njobs\r\n*2\r\n*2\r\n$3\r\n%s\r\n*2\r\n$1\r\nn\r\n$1\r\n1\r\n"
                 "*2\r\n$3\r\n%s\r\n*2\r\n$1\r\nn\r\n$1\r\n2\r\n",
                 entries[i], entries[i + 1]);
        answer(client, replies);
        weir_batch_reset(client->batch, 0);
        assert_int_equal(client->session->ops->read_submit(client->session, 10, 0, NULL), WEIR_OK);
        expect_surprise(client, client->session->ops->read_collect(client->session, client->batch, &client->err));
        assert_int_equal(client->batch->n, 0);
    }
}

static void an_entry_is_not_claimed_twice(void **state)
{
    struct client *client = *state;
    struct weir_entry_id cursor = {0, 0};
    answer(client, "*3\r\n$3\r\n0-0\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nn\r\n$1\r\n1\r\n*1\r\n$3\r\n1-1\r\n");
    weir_batch_reset(client->batch, 0);
    expect_surprise(client,
                    client->session->ops->claim(client->session, &cursor, 1000, 10, client->batch, &client->err));
    assert_int_equal(client->batch->n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_accepted_only_with_an_entry_id),
        cmocka_unit_test(a_delayed_job_is_accepted_only_with_the_scripts_word),
        cmocka_unit_test(a_job_that_waited_for_its_script_in_vain_has_no_id),
        cmocka_unit_test(a_script_that_could_not_be_loaded_leaves_no_doubt),
        cmocka_unit_test(a_job_is_settled_only_by_a_count),
        cmocka_unit_test(scripts_that_are_missed_one_after_the_other),
        cmocka_unit_test(a_server_that_keeps_no_script_is_a_failure),
        cmocka_unit_test(a_refusal_and_then_a_lost_connection_have_the_losses_words),
        cmocka_unit_test(times_that_cannot_be_are_refused),
        cmocka_unit_test(a_promotion_that_failed_is_tried_again),
        cmocka_unit_test(a_connection_lost_while_it_ends_a_stale_read_was_never_made),
        cmocka_unit_test(an_entry_is_not_read_twice_nor_out_of_order),
        cmocka_unit_test(an_entry_is_not_claimed_twice),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
