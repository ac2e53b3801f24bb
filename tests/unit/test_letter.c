/* SPDX-License-Identifier: MIT */
#include "broker/letter.h"

#include "support/test.h"

#include <string.h>

static struct weir_arena arena;

static int set_up(void **state)
{
    (void)state;
    weir_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    weir_arena_free(&arena);
    return 0;
}

#define TEXT(name, value)                                                                                              \
    {                                                                                                                  \
        name, sizeof(name) - 1, value, sizeof(value) - 1                                                               \
    }

static weir_dead_letter read_letter(weir_field *raw, size_t n)
{
    weir_dead_letter letter;
    assert_true(weir_letter_read(&arena, (struct weir_entry_id){1700000000001, 2}, raw, n, &letter));
    return letter;
}

static void a_letter_is_read_whole(void **state)
{
    (void)state;
    weir_field raw[] = {
        TEXT("to", "a@b.c"),
        TEXT("weir.reason", "rejected"),
        TEXT("weir.error", "no such user"),
        TEXT("weir.attempts", "3"),
        TEXT("subject", "hi"),
        TEXT("weir.deliveries", "4294967295"),
        TEXT("weir.source_id", "1700000000000-0"),
        TEXT("weir.group", "senders"),
        TEXT("weir.first_enqueued_ms", "1600000000000"),
        TEXT("weir.id", "order-17"),
        TEXT("weir.traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        TEXT("weir.other", "stays"),
    };
    weir_dead_letter letter = read_letter(raw, COUNT_OF(raw));
    assert_string_equal(letter.id, "1700000000001-2");
    assert_string_equal(letter.job_id, "order-17");
    assert_string_equal(letter.entry_id, "1700000000000-0");
    assert_string_equal(letter.group, "senders");
    assert_int_equal(letter.reason, WEIR_DEAD_REJECTED);
    assert_string_equal(letter.reason_text, "rejected");
    assert_string_equal(letter.error, "no such user");
    assert_int_equal(letter.attempts, 3);
    assert_int_equal(letter.deliveries, UINT32_MAX);
    assert_int_equal(letter.first_enqueued_ms, INT64_C(1600000000000));
    assert_null(letter.payload);
    assert_string_equal(letter.traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_int_equal(letter.fields.n, 3);
    assert_string_equal(letter.fields.items[0].name, "to");
    assert_string_equal(letter.fields.items[1].name, "subject");
    assert_string_equal(letter.fields.items[2].name, "weir.other");
}

static void without_fields_all_is_empty(void **state)
{
    (void)state;
    weir_dead_letter letter = read_letter(NULL, 0);
    assert_string_equal(letter.id, "1700000000001-2");
    assert_string_equal(letter.job_id, "");
    assert_string_equal(letter.entry_id, "");
    assert_string_equal(letter.group, "");
    assert_int_equal(letter.reason, WEIR_DEAD_OTHER);
    assert_string_equal(letter.reason_text, "");
    assert_string_equal(letter.error, "");
    assert_string_equal(letter.traceparent, "");
    assert_int_equal(letter.attempts, 0);
    assert_int_equal(letter.deliveries, 0);
    assert_int_equal(letter.first_enqueued_ms, 0);
    assert_int_equal(letter.fields.n, 0);
}

static void a_job_without_an_id_of_its_own_has_its_entrys(void **state)
{
    (void)state;
    static char too_long[] = "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
    weir_field cases[][2] = {
        {TEXT("weir.source_id", "17-0"), TEXT("to", "x")},
        {TEXT("to", "x"), TEXT("weir.source_id", "17-0")},
        /* what a job doesn't take for its id, its letter doesn't either */
        {TEXT("weir.source_id", "17-0"), TEXT("weir.id", "")},
        {TEXT("weir.source_id", "17-0"), TEXT("weir.id", "a\0b")},
        {TEXT("weir.source_id", "17-0"), {"weir.id", 7, too_long, sizeof too_long - 1}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        weir_dead_letter letter = read_letter(cases[i], 2);
        assert_string_equal(letter.job_id, "17-0");
        assert_int_equal(letter.fields.n, 1);
    }
}

static void every_reason_is_known_by_its_text(void **state)
{
    (void)state;
    for (int reason = 0; reason <= WEIR_DEAD_OTHER; reason++) {
        weir_field raw[] = {weir_field_text("weir.reason", weir_dead_reason_text((weir_dead_reason)reason))};
        assert_int_equal(read_letter(raw, 1).reason, reason);
    }
    static const char *const unknown[] = {"", "Exhausted", "exhausted ", "unknown", "bored"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        weir_field raw[] = {weir_field_text("weir.reason", unknown[i])};
        weir_dead_letter letter = read_letter(raw, 1);
        assert_int_equal(letter.reason, WEIR_DEAD_OTHER);
        assert_string_equal(letter.reason_text, unknown[i]);
    }
}

static void spoiled_numbers_are_zero(void **state)
{
    (void)state;
    static const char *const spoiled[] = {"", "x", "-1x", "1 ", "99999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(spoiled); i++) {
        weir_field raw[] = {
            weir_field_text("weir.attempts", spoiled[i]),
            weir_field_text("weir.deliveries", spoiled[i]),
            weir_field_text("weir.first_enqueued_ms", spoiled[i]),
        };
        weir_dead_letter letter = read_letter(raw, COUNT_OF(raw));
        assert_int_equal(letter.attempts, 0);
        assert_int_equal(letter.deliveries, 0);
        assert_int_equal(letter.first_enqueued_ms, 0);
        assert_int_equal(letter.fields.n, 0);
    }
    weir_field raw[] = {weir_field_text("weir.attempts", "4294967297"), weir_field_text("weir.deliveries", "-1")};
    weir_dead_letter letter = read_letter(raw, COUNT_OF(raw));
    assert_int_equal(letter.attempts, 0);
    assert_int_equal(letter.deliveries, 0);
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    weir_arena_init(&arena, 1);
    weir_dead_letter letter;
    assert_false(weir_letter_read(&arena, (struct weir_entry_id){1, 2}, NULL, 0, &letter));
}

int main(void)
{
#define CLEAN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLEAN(a_letter_is_read_whole),
        CLEAN(without_fields_all_is_empty),
        CLEAN(a_job_without_an_id_of_its_own_has_its_entrys),
        CLEAN(every_reason_is_known_by_its_text),
        CLEAN(spoiled_numbers_are_zero),
        CLEAN(without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
