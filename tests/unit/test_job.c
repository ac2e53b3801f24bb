/* SPDX-License-Identifier: MIT */
#include "job/job.h"

#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static struct weir_batch *batch;

static int set_up(void **state)
{
    (void)state;
    batch = weir_batch_new(0);
    assert_non_null(batch);
    assert_true(weir_batch_reserve(batch, 10));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    weir_batch_free(batch);
    return 0;
}

#define TEXT(name, value)                                                                                              \
    {                                                                                                                  \
        name, sizeof(name) - 1, value, sizeof(value) - 1                                                               \
    }

/* Adds a job of these fields, copied into the arena as a broker does. */
static struct weir_job *add(struct weir_entry_id entry, const weir_field *fields, size_t n)
{
    weir_field *raw = weir_arena_alloc(&batch->arena, n * sizeof *raw);
    assert_non_null(raw);
    for (size_t i = 0; i < n; i++) {
        raw[i] = fields[i];
        raw[i].name = weir_arena_copy(&batch->arena, fields[i].name, fields[i].name_len);
        raw[i].value = weir_arena_copy(&batch->arena, fields[i].value, fields[i].value_len);
    }
    return weir_batch_add(batch, entry, raw, n, 3);
}

static void a_fresh_job_is_its_entry(void **state)
{
    (void)state;
    static const weir_field fields[] = {TEXT("to", "a@b.c"), TEXT("subject", "hi"), TEXT("empty", "")};
    struct weir_job *job = add((struct weir_entry_id){1700000000000, 5}, fields, COUNT_OF(fields));
    assert_ptr_equal(job->batch, batch);
    assert_int_equal(batch->n, 1);
    assert_string_equal(weir_job_id(job), "1700000000000-5");
    assert_string_equal(weir_job_entry_id(job), "1700000000000-5");
    assert_int_equal(weir_job_deliveries(job), 3);
    assert_int_equal(weir_job_enqueued_ms(job), INT64_C(1700000000000));
    assert_int_equal(job->attempts, 0);
    assert_null(job->group);
    assert_null(weir_job_traceparent(job));
    assert_null(job->error);
    assert_false(job->payload_lost);
    assert_int_equal(job->verdict, WEIR_VERDICT_NONE);
    assert_int_equal(job->settled, WEIR_UNSETTLED);
    assert_int_equal(job->asked_retry_ms, -1);

    const weir_fields *all = weir_job_fields(job);
    assert_int_equal(all->n, COUNT_OF(fields));
    for (size_t i = 0; i < all->n; i++) {
        assert_string_equal(all->items[i].name, fields[i].name); /* in their order */
        assert_string_equal(all->items[i].value, fields[i].value);
    }
}

static void own_fields_are_taken_out(void **state)
{
    (void)state;
    static const weir_field fields[] = {
        TEXT("weir.attempts", "2"),
        TEXT("a", "1"),
        TEXT("weir.id", "order-17"),
        TEXT("b", "2"),
        TEXT("weir.group", "gr\0up"),
        TEXT("weir.first_enqueued_ms", "1600000000000"),
        TEXT("weir.traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        TEXT("c", "3"),
    };
    struct weir_job *job = add((struct weir_entry_id){1700000000000, 0}, fields, COUNT_OF(fields));
    assert_string_equal(weir_job_id(job), "order-17");
    assert_string_equal(weir_job_entry_id(job), "1700000000000-0");
    assert_int_equal(job->attempts, 2);
    assert_int_equal(job->group_len, 5);
    assert_memory_equal(job->group, "gr\0up", 5);
    assert_int_equal(weir_job_enqueued_ms(job), INT64_C(1600000000000));
    assert_string_equal(weir_job_traceparent(job), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_int_equal(job->fields.n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(job->fields.items[i].name[0], "abc"[i]);
}

static void own_fields_that_make_no_sense_stay(void **state)
{
    (void)state;
    static const char long_id[] = "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
    assert_int_equal(sizeof long_id - 1, WEIR_ID_SIZE); /* one too long */
    static const weir_field cases[] = {
        TEXT("weir.attempts", ""),
        TEXT("weir.attempts", "many"),
        TEXT("weir.attempts", "-1"),
        TEXT("weir.attempts", "1 "),
        TEXT("weir.attempts", "4294967295"), /* one more attempt would overflow */
        TEXT("weir.attempts", "18446744073709551616"),
        TEXT("weir.first_enqueued_ms", ""),
        TEXT("weir.first_enqueued_ms", "soon"),
        TEXT("weir.first_enqueued_ms", "-1"),
        TEXT("weir.first_enqueued_ms", "9223372036854775808"),
        TEXT("weir.id", ""),
        TEXT("weir.id", "a\0b"),
        TEXT("weir.id", "12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
        TEXT("weir.traceparent", ""),
        TEXT("weir.traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        TEXT("weir.", "x"),
        TEXT("weir.i", "x"),
        TEXT("weir.idx", "x"),
        TEXT("weir.unknown", "x"),
        TEXT("weir.reason", "x"),
        TEXT("WEIR.ID", "x"),
        TEXT("weir", "x"),
        TEXT("", "x"),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        weir_batch_reset(batch, SIZE_MAX);
        assert_true(weir_batch_reserve(batch, 1));
        const weir_field fields[] = {cases[i], TEXT("to", "x")};
        struct weir_job *job = add((struct weir_entry_id){77, 0}, fields, 2);
        assert_int_equal(job->fields.n, 2);
        assert_int_equal(job->fields.items[0].name_len, cases[i].name_len);
        assert_memory_equal(job->fields.items[0].name, cases[i].name, cases[i].name_len);
        assert_int_equal(job->attempts, 0);
        assert_string_equal(weir_job_id(job), "77-0");
        assert_int_equal(weir_job_enqueued_ms(job), 77);
    }
}

static void own_fields_at_their_limits_are_taken(void **state)
{
    (void)state;
    static const weir_field fields[] = {
        TEXT("weir.attempts", "4294967294"), TEXT("weir.first_enqueued_ms", "9223372036854775807"),
        TEXT("weir.id", "1234567890123456789012345678901234567890123456789012345678901234567890123456789"),
        TEXT("weir.group", ""), /* every group's */
    };
    struct weir_job *job = add((struct weir_entry_id){UINT64_MAX, 0}, fields, COUNT_OF(fields));
    assert_int_equal(job->fields.n, 0);
    assert_int_equal(job->attempts, UINT32_MAX - 1);
    assert_int_equal(job->enqueued_ms, INT64_MAX);
    assert_int_equal(strlen(weir_job_id(job)), WEIR_ID_SIZE - 1);
    assert_null(job->group);

    job = add((struct weir_entry_id){UINT64_MAX, 1}, NULL, 0); /* an entry id of the far future */
    assert_int_equal(weir_job_enqueued_ms(job), INT64_MAX);
}

static void the_last_field_of_a_name_wins(void **state)
{
    (void)state;
    static const weir_field fields[] = {
        TEXT("k", "first"),       TEXT("weir.id", "one"),   TEXT("other", "x"),         TEXT("k", "la\0st"),
        TEXT("weir.id", "two"),   TEXT("weir.id", ""),      TEXT("weir.attempts", "1"), TEXT("weir.attempts", "2"),
        TEXT("weir.group", "g1"), TEXT("weir.group", "g2"),
    };
    struct weir_job *job = add((struct weir_entry_id){1, 0}, fields, COUNT_OF(fields));
    size_t len = 0;
    assert_memory_equal(weir_job_field(job, "k", &len), "la\0st", 6);
    assert_int_equal(len, 5);
    assert_string_equal(weir_job_field(job, "other", NULL), "x");
    assert_string_equal(weir_job_id(job), "two");
    assert_int_equal(job->attempts, 2);
    assert_memory_equal(job->group, "g2", 2);
}

static void fields_are_found_by_their_whole_name(void **state)
{
    (void)state;
    static const weir_field fields[] = {TEXT("name", "1"), TEXT("nam", "2"), TEXT("na\0me", "3"), TEXT("", "4")};
    struct weir_job *job = add((struct weir_entry_id){1, 0}, fields, COUNT_OF(fields));
    assert_string_equal(weir_job_field(job, "name", NULL), "1");
    assert_string_equal(weir_job_field(job, "nam", NULL), "2");
    assert_string_equal(weir_job_field(job, "", NULL), "4");
    size_t len = 99;
    assert_null(weir_job_field(job, "na", &len));
    assert_null(weir_job_field(job, "names", &len));
    assert_null(weir_job_field(job, NULL, &len));
    assert_int_equal(len, 99);
}

static void jobs_are_found_by_entry(void **state)
{
    (void)state;
    static const struct weir_entry_id entries[] = {{1, 0}, {1, 1}, {2, 0}, {5, UINT64_MAX}, {6, 0}, {UINT64_MAX, 9}};
    assert_null(weir_batch_find(batch, entries[0]));
    for (size_t n = 1; n <= COUNT_OF(entries); n++) {
        assert_ptr_equal(add(entries[n - 1], NULL, 0), &batch->jobs[n - 1]);
        for (size_t i = 0; i < COUNT_OF(entries); i++)
            assert_ptr_equal(weir_batch_find(batch, entries[i]), i < n ? &batch->jobs[i] : NULL);
    }
    static const struct weir_entry_id absent[] = {{0, 0}, {1, 2}, {5, 0}, {6, 1}, {UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < COUNT_OF(absent); i++)
        assert_null(weir_batch_find(batch, absent[i]));
}

static void error_texts_are_copied_and_cut(void **state)
{
    (void)state;
    struct weir_job *job = add((struct weir_entry_id){1, 0}, NULL, 0);
    char text[WEIR_JOB_ERROR_SIZE + 100];
    for (size_t len = WEIR_JOB_ERROR_SIZE - 2; len < sizeof text; len++) {
        memset(text, 'e', len);
        text[len] = '\0';
        weir_job_set_error(job, text);
        text[0] = 'x';
        size_t kept = len < WEIR_JOB_ERROR_SIZE ? len : WEIR_JOB_ERROR_SIZE - 1;
        assert_int_equal(strlen(job->error), kept);
        assert_int_equal(job->error[0], 'e');
    }
    weir_job_set_error(job, "the last");
    assert_string_equal(job->error, "the last");
    weir_job_set_error(job, "");
    assert_string_equal(job->error, "");
}

static void a_reset_batch_starts_anew(void **state)
{
    (void)state;
    static const weir_field fields[] = {TEXT("k", "v")};
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 10; i++)
            weir_job_set_error(add((struct weir_entry_id){i, 0}, fields, 1), "freed with the batch");
        batch->started = batch->live = batch->bytes = 5;
        batch->claimed = true;
        size_t held = batch->arena.held;
        weir_batch_reset(batch, SIZE_MAX);
        assert_int_equal(batch->n, 0);
        assert_int_equal(batch->capacity, 0);
        assert_int_equal(batch->started + batch->live + batch->bytes, 0);
        assert_false(batch->claimed);
        assert_int_equal(batch->arena.used, 0);
        assert_int_equal(batch->arena.held, held);
        assert_true(weir_batch_reserve(batch, 10));
        assert_int_equal(batch->capacity, 10);
    }
}

static void a_batch_stays_within_its_limit(void **state)
{
    (void)state;
    struct weir_batch *small = weir_batch_new(10 * sizeof(struct weir_job));
    assert_non_null(small);
    assert_false(weir_batch_reserve(small, 11));
    assert_int_equal(small->capacity, 0);
    assert_true(weir_batch_reserve(small, 10));
    assert_int_equal(small->capacity, 10);
    assert_null(weir_arena_alloc(&small->arena, 1));
    weir_batch_free(small);
    assert_false(weir_batch_reserve(batch, SIZE_MAX / sizeof(struct weir_job) + 1));
    assert_false(weir_batch_reserve(batch, SIZE_MAX));
    weir_batch_free(NULL);
}

static void without_a_job_the_answers_are_empty(void **state)
{
    (void)state;
    size_t len;
    assert_string_equal(weir_job_id(NULL), "");
    assert_string_equal(weir_job_entry_id(NULL), "");
    assert_int_equal(weir_job_deliveries(NULL), 0);
    assert_null(weir_job_field(NULL, "x", &len));
    assert_int_equal(weir_job_fields(NULL)->n, 0);
    assert_int_equal(weir_job_enqueued_ms(NULL), 0);
}

static void reasons_have_texts(void **state)
{
    (void)state;
    static const struct {
        weir_dead_reason reason;
        const char *text;
    } cases[] = {
        {WEIR_DEAD_EXHAUSTED, "exhausted"},
        {WEIR_DEAD_CRASHED, "crashed"},
        {WEIR_DEAD_REJECTED, "rejected"},
        {WEIR_DEAD_UNDECODABLE, "undecodable"},
        {WEIR_DEAD_PAYLOAD_LOST, "payload lost"},
        {WEIR_DEAD_OTHER, "other"},
        {(weir_dead_reason)(WEIR_DEAD_OTHER + 1), "unknown"},
        {(weir_dead_reason)-1, "unknown"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(weir_dead_reason_text(cases[i].reason), cases[i].text);
}

int main(void)
{
#define CLEAN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLEAN(a_fresh_job_is_its_entry),
        CLEAN(own_fields_are_taken_out),
        CLEAN(own_fields_that_make_no_sense_stay),
        CLEAN(own_fields_at_their_limits_are_taken),
        CLEAN(the_last_field_of_a_name_wins),
        CLEAN(fields_are_found_by_their_whole_name),
        CLEAN(jobs_are_found_by_entry),
        CLEAN(error_texts_are_copied_and_cut),
        CLEAN(a_reset_batch_starts_anew),
        CLEAN(a_batch_stays_within_its_limit),
        CLEAN(without_a_job_the_answers_are_empty),
        CLEAN(reasons_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
