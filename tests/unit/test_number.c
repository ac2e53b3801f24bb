/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include "support/test.h"

#include <string.h>

static void decimal_numbers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool u64_ok, i64_ok;
        uint64_t u64;
        int64_t i64;
    } cases[] = {
        {"0", true, true, 0, 0},
        {"7", true, true, 7, 7},
        {"007", true, true, 7, 7},
        {"1700000000000", true, true, UINT64_C(1700000000000), INT64_C(1700000000000)},
        {"-1", false, true, 0, -1},
        {"-0", false, true, 0, 0},
        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", true, false, UINT64_C(9223372036854775808), 0},
        {"-9223372036854775807", false, true, 0, -INT64_MAX},
        {"-9223372036854775808", false, true, 0, INT64_MIN},
        {"-9223372036854775809", false, false, 0, 0},
        {"18446744073709551609", true, false, UINT64_MAX - 6, 0},
        {"18446744073709551610", true, false, UINT64_MAX - 5, 0},
        {"18446744073709551615", true, false, UINT64_MAX, 0},
        {"18446744073709551616", false, false, 0, 0},
        {"18446744073709551620", false, false, 0, 0},
        {"-18446744073709551615", false, false, 0, 0},
        {"99999999999999999999", false, false, 0, 0},
        {"100000000000000000000", false, false, 0, 0},
        {"000000000000000000000000000000000001", true, true, 1, 1},
        {"", false, false, 0, 0},
        {"-", false, false, 0, 0},
        {"--1", false, false, 0, 0},
        {"+1", false, false, 0, 0},
        {" 1", false, false, 0, 0},
        {"1 ", false, false, 0, 0},
        {"1\n", false, false, 0, 0},
        {"1.0", false, false, 0, 0},
        {"1e3", false, false, 0, 0},
        {"0x10", false, false, 0, 0},
        {"/", false, false, 0, 0}, /* the neighbours of '0' and '9' */
        {":", false, false, 0, 0},
        {"\xb1", false, false, 0, 0}, /* '1' with the high bit set */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t u64 = 4711;
        int64_t i64 = 4711;
        size_t len = strlen(cases[i].text);
        assert_int_equal(weir_parse_u64(cases[i].text, len, &u64), cases[i].u64_ok);
        assert_int_equal(weir_parse_i64(cases[i].text, len, &i64), cases[i].i64_ok);
        assert_int_equal(u64, cases[i].u64_ok ? cases[i].u64 : 4711); /* untouched on failure */
        assert_int_equal(i64, cases[i].i64_ok ? cases[i].i64 : 4711);
    }
}

static void the_length_counts_not_a_nul(void **state)
{
    (void)state;
    uint64_t u64;
    int64_t i64;
    assert_true(weir_parse_u64("12345", 2, &u64));
    assert_int_equal(u64, 12);
    assert_true(weir_parse_i64("-12345", 3, &i64));
    assert_int_equal(i64, -12);
    assert_false(weir_parse_u64("1\0002", 3, &u64));
    assert_false(weir_parse_u64(NULL, 0, &u64));
    assert_false(weir_parse_i64(NULL, 0, &i64));
}

static void numbers_are_written_in_decimal(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {9, "9"},
        {10, "10"},
        {1700000000000, "1700000000000"},
        {UINT64_C(10000000000000000000), "10000000000000000000"},
        {UINT64_MAX, "18446744073709551615"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char out[WEIR_U64_DIGITS + 1];
        memset(out, '#', sizeof out);
        size_t len = weir_format_u64(out, cases[i].value);
        assert_int_equal(len, strlen(cases[i].text));
        assert_memory_equal(out, cases[i].text, len);
        assert_int_equal(out[len], '#'); /* nothing beyond */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_numbers_are_read),
        cmocka_unit_test(the_length_counts_not_a_nul),
        cmocka_unit_test(numbers_are_written_in_decimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
