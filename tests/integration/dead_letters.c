/* SPDX-License-Identifier: MIT
 *
 * Dead letters from code: listing, requeueing and deleting them, whoever wrote them.
 */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* N jobs, numbered, that were rejected, in order. */
static void make_letters(struct fixture *f, int n)
{
    weir_queue_options options = fixture_options(f);
    options.handler = handle_reject;
    options.concurrency = 1;
    put_numbered(f, 0, n);
    weir_queue *queue = fixture_start(f, &options);
    assert_true(wait_integer(f, n, "XLEN " DEAD));
    fixture_close(f, queue);
    recorder_clear(f->runs);
}

/* What visiting has seen. */
struct visit {
    size_t n, end_after; /* 0: never */
    int first, last;
    bool in_order;
    char ids[8][WEIR_ID_SIZE]; /* of the first ones */
};

static int number_of(const weir_dead_letter *letter)
{
    for (size_t i = 0; i < letter->fields.n; i++)
        if (letter->fields.items[i].name_len == 1 && letter->fields.items[i].name[0] == 'n')
            return atoi(letter->fields.items[i].value);
    return -1;
}

static int note(const weir_dead_letter *letter, void *user_data)
{
    struct visit *visit = user_data;
    int number = number_of(letter);
    if (visit->n == 0) {
        visit->first = number;
        visit->in_order = true;
    } else {
        visit->in_order &= number == visit->last + 1;
    }
    visit->last = number;
    if (visit->n < COUNT_OF(visit->ids))
        snprintf(visit->ids[visit->n], sizeof visit->ids[0], "%s", letter->id);
    visit->n++;
    return visit->n == visit->end_after;
}

static void expect_visit(const struct visit *visit, size_t n, int first)
{
    assert_int_equal(visit->n, n);
    if (n == 0)
        return;
    assert_true(visit->in_order);
    assert_int_equal(visit->first, first);
    assert_int_equal(visit->last, first + (int)n - 1);
}

static struct visit list(struct fixture *f, const char *after, size_t max)
{
    struct visit visit = {0};
    OK(weir_dead_list(fixture_letters(f), after, max, note, &visit, &last_error));
    return visit;
}

static uint64_t count(struct fixture *f)
{
    uint64_t n = 12345;
    OK(weir_dead_count(fixture_letters(f), &n, &last_error));
    return n;
}

/* --- looking --- */

static void letters_are_listed_by_pages(void **state)
{
    struct fixture *f = *state;
    enum { N = 1050 };
    struct visit visit = list(f, NULL, SIZE_MAX); /* there is no such stream yet */
    expect_visit(&visit, 0, 0);
    assert_int_equal(count(f), 0);
    make_letters(f, N);
    assert_int_equal(count(f), N);

    visit = list(f, NULL, SIZE_MAX);
    expect_visit(&visit, N, 0);
    char third[WEIR_ID_SIZE];
    strcpy(third, visit.ids[2]);
    visit = list(f, "", N);
    expect_visit(&visit, N, 0);
    visit = list(f, third, SIZE_MAX);
    expect_visit(&visit, N - 3, 3);
    static const size_t maxima[] = {0, 1, 99, 100, 101, 200, 1000};
    for (size_t i = 0; i < COUNT_OF(maxima); i++) {
        visit = list(f, third, maxima[i]);
        expect_visit(&visit, maxima[i], 3);
    }
    visit = (struct visit){.end_after = 150};
    OK(weir_dead_list(fixture_letters(f), NULL, SIZE_MAX, note, &visit, &last_error));
    expect_visit(&visit, 150, 0);
    visit = list(f, "18446744073709551615-18446744073709551615", 10);
    expect_visit(&visit, 0, 0);
}

static void a_page_goes_on_where_the_last_one_ended(void **state)
{
    struct fixture *f = *state;
    make_letters(f, 20);
    char after[WEIR_ID_SIZE] = "";
    for (int i = 0; i < 20; i += 5) {
        struct visit visit = list(f, after, 5);
        expect_visit(&visit, 5, i);
        strcpy(after, visit.ids[4]);
    }
}

static int check_letter(const weir_dead_letter *letter, void *user_data)
{
    redisReply *entry = user_data;
    assert_string_equal(letter->id, entry->element[0]->str);
    assert_string_equal(letter->job_id, text_of(entry, "weir.id"));
    assert_string_equal(letter->job_id, "order-7");
    assert_string_equal(letter->entry_id, text_of(entry, "weir.source_id"));
    assert_string_equal(letter->group, GROUP);
    assert_int_equal(letter->reason, WEIR_DEAD_REJECTED);
    assert_string_equal(letter->reason_text, "rejected");
    assert_string_equal(letter->error, "rejected by the test");
    assert_int_equal(letter->attempts, 1);
    assert_int_equal(letter->deliveries, 1);
    assert_true(letter->first_enqueued_ms == atoll(text_of(entry, "weir.first_enqueued_ms")));
    assert_true(letter->first_enqueued_ms > 0);
    assert_int_equal(letter->fields.n, 1);
    assert_string_equal(letter->fields.items[0].name, "n");
    assert_string_equal(letter->fields.items[0].value, "a");
    assert_null(letter->payload);
    return 0;
}

static void a_letter_tells_all_of_its_job(void **state)
{
    struct fixture *f = *state;
    weir_enqueue_options own = WEIR_ENQUEUE_OPTIONS_INIT;
    own.id = "order-7";
    put_with(f, "a", &own);
    weir_queue_options options = fixture_options(f);
    options.handler = handle_reject;
    fixture_start(f, &options);
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    redisReply *entries = entries_of(f, DEAD);
    const char *id = entries->element[0]->element[0]->str;
    OK(weir_dead_get(fixture_letters(f), id, check_letter, entries->element[0], &last_error));
    OK(weir_dead_list(fixture_letters(f), NULL, 1, check_letter, entries->element[0], &last_error));
    freeReplyObject(entries);
}

static void a_letter_that_is_not_there_is_said_to_be(void **state)
{
    struct fixture *f = *state;
    make_letters(f, 3);
    struct visit visit = {0};
    weir_dead *dead = fixture_letters(f);
    EXPECT(WEIR_ERR_NOT_FOUND, weir_dead_get(dead, "1-1", note, &visit, &last_error));
    assert_non_null(strstr(last_error.message, "1-1"));
    EXPECT(WEIR_ERR_NOT_FOUND, weir_dead_requeue(dead, "1-1", &last_error));
    assert_non_null(strstr(last_error.message, "1-1"));
    EXPECT(WEIR_ERR_NOT_FOUND, weir_dead_delete(dead, "1-1", &last_error));
    assert_non_null(strstr(last_error.message, "1-1"));
    assert_int_equal(visit.n, 0);
    assert_int_equal(count(f), 3);
}

/* --- requeueing --- */

static weir_outcome note_attempt_and_id(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->dead, weir_job_id(job), weir_job_enqueued_ms(job));
    return handle_done(job, fixture);
}

static weir_outcome fail_first(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->events, weir_job_id(job), weir_job_enqueued_ms(job));
    return weir_job_attempt(job) == 1 ? WEIR_RETRY : WEIR_REJECT;
}

/* The same job, as if it had never run: for its group only, under the same id. */
static void a_requeued_job_begins_anew(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f), others = fixture_options(f);
    others.group = "others";
    others.retention = options.retention = WEIR_KEEP_ALL;
    weir_queue *other = fixture_start(f, &others);
    weir_id id = put(f, "a");
    options.handler = fail_first;
    options.backoff_base_ms = 0;
    weir_queue *queue = fixture_start(f, &options);
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS)); /* the other group's */
    fixture_close(f, queue);
    struct visit visit = list(f, NULL, 1);
    OK(weir_dead_requeue(fixture_letters(f), visit.ids[0], &last_error));
    assert_int_equal(count(f), 0);
    EXPECT(WEIR_ERR_NOT_FOUND, weir_dead_requeue(fixture_letters(f), visit.ids[0], &last_error));

    options.handler = note_attempt_and_id;
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_get(f->runs, 1).value, 1);
    struct recorded again = recorder_get(f->dead, 0), first = recorder_get_key(f->events, id.text, 0);
    assert_string_equal(again.key, id.text);
    assert_int_equal(again.value, first.value); /* when it was first enqueued */
    assert_true(wait_pending(f, 0));
    assert_true(WAIT_STAT(other, foreign, 2)); /* the retry, and the requeued one */
    assert_int_equal(recorder_count(f->runs), 2);
}

static void all_letters_can_be_requeued(void **state)
{
    struct fixture *f = *state;
    enum { N = 1050 };
    make_letters(f, N);
    uint64_t requeued = 12345;
    OK(weir_dead_requeue_all(fixture_letters(f), &requeued, &last_error));
    assert_int_equal(requeued, N);
    assert_int_equal(count(f), 0);
    OK(weir_dead_requeue_all(fixture_letters(f), &requeued, &last_error));
    assert_int_equal(requeued, 0);
    OK(weir_dead_requeue_all(fixture_letters(f), NULL, &last_error));

    weir_queue_options options = fixture_options(f);
    options.concurrency = 1;
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    for (int i = 0; i < N; i++)
        assert_int_equal(atoi(recorder_get(f->runs, (size_t)i).key), i); /* oldest first */
}

/* A worker that rejects them again at once: each goes back once, or this would never end. */
static void requeueing_all_ends(void **state)
{
    struct fixture *f = *state;
    enum { N = 500 };
    make_letters(f, N);
    weir_queue_options options = fixture_options(f);
    options.handler = handle_reject;
    fixture_start(f, &options);
    uint64_t requeued = 0;
    OK(weir_dead_requeue_all(fixture_letters(f), &requeued, &last_error));
    assert_int_equal(requeued, N);
    assert_true(wait_integer(f, N, "XLEN " DEAD));
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_count(f->runs), N);
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
}

static void *requeue_all(void *context)
{
    weir_dead *dead = context;
    uint64_t requeued = 0;
    if (weir_dead_requeue_all(dead, &requeued, NULL) != WEIR_OK)
        return (void *)(intptr_t)-1000000;
    return (void *)(intptr_t)requeued;
}

static void threads_share_the_letters(void **state)
{
    struct fixture *f = *state;
    enum { N = 400, THREADS = 4 };
    make_letters(f, N);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, requeue_all, fixture_letters(f)), 0);
    intptr_t all = 0;
    for (size_t i = 0; i < THREADS; i++) {
        void *requeued;
        pthread_join(threads[i], &requeued);
        all += (intptr_t)requeued;
    }
    assert_int_equal(all, N);
    assert_int_equal(count(f), 0);
    weir_queue_options options = fixture_options(f);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, N, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count(f->runs), N);
}

/* --- deleting --- */

static void letters_can_be_deleted(void **state)
{
    struct fixture *f = *state;
    make_letters(f, 5);
    struct visit visit = list(f, NULL, 5);
    OK(weir_dead_delete(fixture_letters(f), visit.ids[0], &last_error));
    OK(weir_dead_delete(fixture_letters(f), visit.ids[4], &last_error));
    EXPECT(WEIR_ERR_NOT_FOUND, weir_dead_delete(fixture_letters(f), visit.ids[0], &last_error));
    visit = list(f, NULL, SIZE_MAX);
    expect_visit(&visit, 3, 1);
}

static void all_letters_can_be_purged(void **state)
{
    struct fixture *f = *state;
    uint64_t purged = 12345;
    OK(weir_dead_purge(fixture_letters(f), &purged, &last_error));
    assert_int_equal(purged, 0);
    make_letters(f, 250);
    OK(weir_dead_purge(fixture_letters(f), &purged, &last_error));
    assert_int_equal(purged, 250);
    assert_int_equal(count(f), 0);
    OK(weir_dead_purge(fixture_letters(f), NULL, &last_error));
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 0); /* the queue itself is as it was */
}

/* --- newest first, and ranges --- */

static void letters_are_listed_from_the_youngest_on(void **state)
{
    struct fixture *f = *state;
    enum { N = 230 };
    make_letters(f, N);
    weir_dead *dead = fixture_letters(f);
    struct visit newest = {0}, all = {0}, rest = {0};
    OK(weir_dead_list_newest(dead, NULL, 3, note, &newest, &last_error));
    assert_int_equal(newest.n, 3);
    assert_int_equal(newest.first, N - 1);
    assert_int_equal(newest.last, N - 3);
    OK(weir_dead_list_newest(dead, "", SIZE_MAX, note, &all, &last_error));
    assert_int_equal(all.n, N);
    assert_int_equal(all.last, 0);
    OK(weir_dead_list_newest(dead, newest.ids[2], SIZE_MAX, note, &rest, &last_error));
    assert_int_equal(rest.n, N - 3);
    assert_int_equal(rest.first, N - 4);
    OK(weir_dead_list_newest(dead, "0-0", SIZE_MAX, note, &rest, &last_error));
    assert_int_equal(rest.n, N - 3);
    EXPECT(WEIR_ERR_ARGUMENT, weir_dead_list_newest(dead, "x", 1, note, &rest, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_dead_list_newest(dead, NULL, 1, NULL, &rest, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_dead_list_newest(NULL, NULL, 1, note, &rest, &last_error));
}

static void ranges_are_requeued_and_deleted(void **state)
{
    struct fixture *f = *state;
    enum { N = 350 };
    make_letters(f, N);
    weir_dead *dead = fixture_letters(f);
    struct visit visit = list(f, NULL, 8);
    weir_dead_range range = {.after = visit.ids[1], .max = 150};
    weir_dead_progress progress;
    OK(weir_dead_requeue_range(dead, &range, NULL, NULL, &progress, &last_error));
    assert_int_equal(progress.done, 150);
    range.after = progress.next;
    char next[sizeof progress.next];
    strcpy(next, progress.next);
    range.after = next;
    range.max = 0;
    OK(weir_dead_delete_range(dead, &range, &progress, &last_error));
    assert_int_equal(progress.done, N - 152);
    assert_string_equal(progress.next, ""); /* that was all */
    visit = list(f, NULL, SIZE_MAX);
    expect_visit(&visit, 2, 0);
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 150);

    range = (weir_dead_range){.up_to = visit.ids[0]};
    OK(weir_dead_delete_range(dead, &range, NULL, &last_error));
    visit = list(f, NULL, SIZE_MAX);
    expect_visit(&visit, 1, 1);
    freeReplyObject(test_server_command(f->server, "XADD " DEAD " 18446744073709551615-18446744073709551615 n x"));
    OK(weir_dead_delete_range(dead, &(weir_dead_range){0}, &progress, &last_error));
    assert_int_equal(progress.done, 2);
    range = (weir_dead_range){.after = "18446744073709551615-18446744073709551615"};
    OK(weir_dead_requeue_range(dead, &range, NULL, NULL, &progress, &last_error)); /* after which nothing comes */
    assert_int_equal(progress.done, 0);
    assert_string_equal(progress.next, "");
    range = (weir_dead_range){.after = "x"};
    EXPECT(WEIR_ERR_ARGUMENT, weir_dead_requeue_range(dead, &range, NULL, NULL, &progress, &last_error));
    assert_int_equal(progress.done, 0);
    range = (weir_dead_range){.up_to = "x"};
    EXPECT(WEIR_ERR_ARGUMENT, weir_dead_delete_range(dead, &range, &progress, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_dead_delete_range(dead, NULL, NULL, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_dead_requeue_range(NULL, &range, NULL, NULL, NULL, &last_error));
}

/* --- letters of other writers --- */

struct summary {
    size_t n;
    struct {
        weir_dead_reason reason;
        char reason_text[32], job_id[32], group[32], error[32];
        uint32_t attempts;
        int64_t first_enqueued_ms;
        size_t n_fields;
    } rows[8];
};

static int summarize(const weir_dead_letter *letter, void *user_data)
{
    struct summary *summary = user_data;
    if (summary->n == COUNT_OF(summary->rows))
        return 1;
    size_t i = summary->n++;
    summary->rows[i].reason = letter->reason;
    snprintf(summary->rows[i].reason_text, sizeof summary->rows[i].reason_text, "%s", letter->reason_text);
    snprintf(summary->rows[i].job_id, sizeof summary->rows[i].job_id, "%s", letter->job_id);
    snprintf(summary->rows[i].group, sizeof summary->rows[i].group, "%s", letter->group);
    snprintf(summary->rows[i].error, sizeof summary->rows[i].error, "%s", letter->error);
    summary->rows[i].attempts = letter->attempts;
    summary->rows[i].first_enqueued_ms = letter->first_enqueued_ms;
    summary->rows[i].n_fields = letter->fields.n;
    return 0;
}

static void letters_of_other_writers_are_listed(void **state)
{
    struct fixture *f = *state;
    static const char *const commands[] = {
        "XADD " DEAD " * n 1",
        "XADD " DEAD " * n 2 weir.reason burnt weir.error why weir.group " GROUP " weir.id order-7 weir.attempts 3",
        "XADD " DEAD " * n 3 weir.attempts many weir.deliveries -1 weir.first_enqueued_ms x weir.reason crashed",
        "XADD " DEAD " * n 4 weir.attempts 99999999999999999999 weir.reason lost weir.reason exhausted",
        "XADD " DEAD " * weir.reason other weir.source_id 7-7",
    };
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        freeReplyObject(test_server_command(f->server, commands[i]));
    struct summary summary = {0};
    OK(weir_dead_list(fixture_letters(f), NULL, SIZE_MAX, summarize, &summary, &last_error));
    assert_int_equal(summary.n, COUNT_OF(commands));
    static const weir_dead_reason reasons[] = {WEIR_DEAD_OTHER, WEIR_DEAD_OTHER, WEIR_DEAD_CRASHED, WEIR_DEAD_EXHAUSTED,
                                               WEIR_DEAD_OTHER};
    static const char *const texts[] = {"", "burnt", "crashed", "exhausted", "other"};
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        assert_int_equal(summary.rows[i].reason, reasons[i]);
        assert_string_equal(summary.rows[i].reason_text, texts[i]);
        assert_int_equal(summary.rows[i].n_fields, i == 4 ? 0 : 1);
        assert_int_equal(summary.rows[i].attempts, i == 1 ? 3 : 0);
        assert_int_equal(summary.rows[i].first_enqueued_ms, 0);
    }
    assert_string_equal(summary.rows[1].job_id, "order-7");
    assert_string_equal(summary.rows[1].error, "why");
    assert_string_equal(summary.rows[1].group, GROUP);
    assert_string_equal(summary.rows[4].job_id, "7-7");

    /* those with something to run can be run; the other stays */
    weir_queue_options options = fixture_options(f);
    fixture_start(f, &options);
    uint64_t requeued = 0;
    OK(weir_dead_requeue_all(fixture_letters(f), &requeued, &last_error));
    assert_int_equal(requeued, 4);
    assert_true(recorder_wait_count(f->runs, 4, TEST_TIMEOUT_MS));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(recorder_get(f->runs, i).value, 1);
    assert_int_equal(count(f), 1);
    struct visit visit = list(f, NULL, 1);
    EXPECT(WEIR_ERR_STATE, weir_dead_requeue(fixture_letters(f), visit.ids[0], &last_error));
    assert_non_null(strstr(last_error.message, visit.ids[0]));
    assert_int_equal(count(f), 1);
}

static void a_key_of_another_type_is_said_to_be(void **state)
{
    struct fixture *f = *state;
    freeReplyObject(test_server_command(f->server, "SET " DEAD " x"));
    struct visit visit = {0};
    uint64_t n = 7;
    weir_dead *dead = fixture_letters(f);
    EXPECT(WEIR_ERR_SERVER, weir_dead_list(dead, NULL, 10, note, &visit, &last_error));
    assert_non_null(strstr(last_error.server, "WRONGTYPE"));
    EXPECT(WEIR_ERR_SERVER, weir_dead_count(dead, &n, &last_error));
    EXPECT(WEIR_ERR_SERVER, weir_dead_requeue(dead, "1-1", &last_error));
    assert_int_equal(n, 7);
    EXPECT(WEIR_ERR_SERVER, weir_dead_purge(dead, &n, &last_error));
    assert_int_equal(n, 0); /* how many were deleted, on failure too */
    n = 7;
    EXPECT(WEIR_ERR_SERVER, weir_dead_requeue_all(dead, &n, &last_error));
    assert_int_equal(n, 0); /* how many went back, on failure too */
}

static void an_idle_connection_that_was_closed_is_made_again(void **state)
{
    struct fixture *f = *state;
    make_letters(f, 3);
    fixture_letters(f);
    for (int i = 0; i < 2; i++) {
        freeReplyObject(test_server_command(f->server, "CLIENT KILL TYPE normal SKIPME yes"));
        assert_int_equal(count(f), 3);
        freeReplyObject(test_server_command(f->server, "CLIENT KILL TYPE normal SKIPME yes"));
        struct visit visit = list(f, NULL, SIZE_MAX);
        expect_visit(&visit, 3, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(letters_are_listed_by_pages),
        WITH_FIXTURE(a_page_goes_on_where_the_last_one_ended),
        WITH_FIXTURE(a_letter_tells_all_of_its_job),
        WITH_FIXTURE(a_letter_that_is_not_there_is_said_to_be),
        WITH_FIXTURE(a_requeued_job_begins_anew),
        WITH_FIXTURE(all_letters_can_be_requeued),
        WITH_FIXTURE(requeueing_all_ends),
        WITH_FIXTURE(threads_share_the_letters),
        WITH_FIXTURE(letters_can_be_deleted),
        WITH_FIXTURE(all_letters_can_be_purged),
        WITH_FIXTURE(letters_are_listed_from_the_youngest_on),
        WITH_FIXTURE(ranges_are_requeued_and_deleted),
        WITH_FIXTURE(letters_of_other_writers_are_listed),
        WITH_FIXTURE(a_key_of_another_type_is_said_to_be),
        WITH_FIXTURE(an_idle_connection_that_was_closed_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
