/* SPDX-License-Identifier: MIT */
#include "job/entry_id.h"

#include "support/test.h"

#include <string.h>

#define LARGEST "18446744073709551615"

static void ids_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        struct weir_entry_id id;
    } cases[] = {
        {"0-0", true, {0, 0}},
        {"1700000000000-12", true, {UINT64_C(1700000000000), 12}},
        {"1700000000000", true, {UINT64_C(1700000000000), 0}},
        {"0", true, {0, 0}},
        {LARGEST "-" LARGEST, true, {UINT64_MAX, UINT64_MAX}},
        {LARGEST "0-0", false, {0, 0}},
        {"0-" LARGEST "0", false, {0, 0}},
        {"", false, {0, 0}},
        {"-", false, {0, 0}},
        {"1-", false, {0, 0}},
        {"-1", false, {0, 0}},
        {"1--1", false, {0, 0}},
        {"1-2-3", false, {0, 0}},
        {"1-*", false, {0, 0}},
        {"$", false, {0, 0}},
        {">", false, {0, 0}},
        {" 1-1", false, {0, 0}},
        {"1-1 ", false, {0, 0}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct weir_entry_id id = {4, 7};
        assert_int_equal(weir_entry_id_parse(cases[i].text, strlen(cases[i].text), &id), cases[i].ok);
        assert_int_equal(id.ms, cases[i].ok ? cases[i].id.ms : 4); /* untouched on failure */
        assert_int_equal(id.seq, cases[i].ok ? cases[i].id.seq : 7);
    }
    struct weir_entry_id id;
    assert_false(weir_entry_id_parse(NULL, 0, &id));
    assert_true(weir_entry_id_parse("12-345", 4, &id)); /* the length counts */
    assert_int_equal(id.ms, 12);
    assert_int_equal(id.seq, 3);
    assert_true(weir_entry_id_parse("12-345", 2, &id));
    assert_int_equal(id.seq, 0);
}

static void ids_are_written(void **state)
{
    (void)state;
    static const struct {
        struct weir_entry_id id;
        const char *text;
    } cases[] = {
        {{0, 0}, "0-0"},
        {{UINT64_C(1700000000000), 12}, "1700000000000-12"},
        {{UINT64_MAX, UINT64_MAX}, LARGEST "-" LARGEST},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[WEIR_ENTRY_ID_SIZE];
        assert_int_equal(weir_entry_id_format(cases[i].id, out), strlen(cases[i].text));
        assert_string_equal(out, cases[i].text);
    }
}

static void ids_are_ordered_and_followed(void **state)
{
    (void)state;
    static const struct weir_entry_id ascending[] = {
        {0, 0}, {0, 1}, {0, UINT64_MAX}, {1, 0}, {1, 7}, {UINT64_MAX, 0}, {UINT64_MAX, UINT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(ascending); i++)
        for (size_t j = 0; j < COUNT_OF(ascending); j++) {
            int order = weir_entry_id_compare(ascending[i], ascending[j]);
            assert_int_equal(order > 0, i > j);
            assert_int_equal(order < 0, i < j);
        }

    static const struct {
        struct weir_entry_id id, next;
    } cases[] = {
        {{0, 0}, {0, 1}},
        {{5, UINT64_MAX - 1}, {5, UINT64_MAX}},
        {{5, UINT64_MAX}, {6, 0}},
        {{UINT64_MAX, 0}, {UINT64_MAX, 1}},
        {{UINT64_MAX, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(weir_entry_id_compare(weir_entry_id_next(cases[i].id), cases[i].next), 0);
    for (size_t i = 0; i < COUNT_OF(ascending); i++)
        assert_int_equal(weir_entry_id_is_last(ascending[i]), i + 1 == COUNT_OF(ascending));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_read),
        cmocka_unit_test(ids_are_written),
        cmocka_unit_test(ids_are_ordered_and_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
