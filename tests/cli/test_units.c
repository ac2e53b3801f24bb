/* SPDX-License-Identifier: MIT
 *
 * Numbers, spans and times, as people read and write them.
 */
#include "cli/units.h"

#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

static void counts(void **state)
{
    (void)state;
    static const struct {
        int64_t n;
        const char *text;
    } cases[] = {{-1, "?"},
                 {0, "0"},
                 {999, "999"},
                 {1000, "1,000"},
                 {1204, "1,204"},
                 {999999, "999,999"},
                 {1000001, "1,000,001"},
                 {9999999, "9,999,999"},
                 {10000000, "10.0M"},
                 {12399999, "12.3M"},
                 {9999999999, "9999.9M"},
                 {10000000000, "10.0G"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(show_count(cases[i].n).text, cases[i].text);
}

static void spans_and_bytes_and_rates(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } spans[] = {{-1, "?"},
                 {0, "0ms"},
                 {999, "999ms"},
                 {1000, "1.0s"},
                 {9999, "9.9s"},
                 {10000, "10s"},
                 {59999, "59s"},
                 {60000, "1m 0s"},
                 {252000, "4m 12s"},
                 {3600000, "1h 0m"},
                 {7500000, "2h 5m"},
                 {86400000, "1d 0h"},
                 {1000LL * 86400 * 400, "400d 0h"}};
    for (size_t i = 0; i < COUNT_OF(spans); i++)
        assert_string_equal(show_span(spans[i].ms).text, spans[i].text);
    assert_string_equal(show_bytes(512).text, "512 B");
    assert_string_equal(show_bytes(1536).text, "1.5 KiB");
    assert_string_equal(show_bytes(5e15).text, "4547.5 TiB");
    assert_string_equal(show_rate(0).text, "0");
    assert_string_equal(show_rate(0.25).text, "0.2");
    assert_string_equal(show_rate(99.94).text, "99.9");
    assert_string_equal(show_rate(1203.6).text, "1,204");
}

static void times(void **state)
{
    (void)state;
    assert_string_equal(show_time(0).text, "1970-01-01T00:00:00.000Z");
    assert_string_equal(show_time(1700000000123).text, "2023-11-14T22:13:20.123Z");
    assert_string_equal(show_time(253402300799999.0).text, "9999-12-31T23:59:59.999Z");
    assert_string_equal(show_time(253402300800000.0).text, "never");
    assert_string_equal(show_time(-1).text, "never");
    assert_string_equal(show_time(INFINITY).text, "never");
    assert_string_equal(show_time(NAN).text, "never");
}

static void spans_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"0s", 0},          {"250ms", 250},    {"1s", 1000},       {"1.5s", 1500},         {"5m", 300000},
                {"1h30m", 5400000}, {"2d", 172800000}, {"1m1s1ms", 61001}, {"9999d", 863913600000}};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        int64_t ms = -1;
        assert_true(parse_span(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {"",     "5",    "m",    "-5s", "5 s",   "5x",     "s5",
                                      "1h30", "0x5s", "1e3s", ".",   "1..5s", "10000d", "99999999999999999999d",
                                      "5S",   "nans", "infs", "+5s"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t ms = -1;
        if (parse_span(bad[i], &ms))
            fail_msg("\"%s\" was taken for %lld ms", bad[i], (long long)ms);
        assert_int_equal(ms, -1);
    }
}

static void times_are_read(void **state)
{
    (void)state;
    setenv("TZ", "America/New_York", 1);
    tzset();
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"2023-11-14T22:13:20Z", 1700000000000},      {"2023-11-14T22:13:20.5Z", 1700000000500},
                {"2023-11-14T23:13:20+01:00", 1700000000000}, {"2023-11-14T16:43:20-05:30", 1700000000000},
                {"2023-11-14 22:13Z", 1699999980000},         {"2024-02-29T00:00:00z", 1709164800000}};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        int64_t ms = -1;
        if (!parse_time(good[i].text, &ms))
            fail_msg("\"%s\" was not understood", good[i].text);
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {"",
                                      "tomorrow",
                                      "2023-11-14",
                                      "2023-11-14T",
                                      "2023-02-30T00:00:00Z",
                                      "2023-11-14T25:00:00Z",
                                      "2023-11-14T22:13:20X",
                                      "2023-11-14T22:13:20+1",
                                      "2023-11-14T22:13:20+24:00",
                                      "2023-11-14T22:13:20.Z",
                                      "1969-01-01T00:00:00Z"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t ms = -1;
        if (parse_time(bad[i], &ms))
            fail_msg("\"%s\" was taken for %lld", bad[i], (long long)ms);
    }
}

/* Where the system knows no such place it is UTC. */
static void times_without_a_zone_are_local(void **state)
{
    (void)state;
    setenv("TZ", "EST5", 1);
    tzset();
    int64_t ms = -1;
    assert_true(parse_time("2023-11-14T17:13:20", &ms));
    assert_int_equal(ms, 1700000000000);
}

static void numbers_are_read(void **state)
{
    (void)state;
    uint64_t n = 7;
    assert_true(parse_count("18446744073709551615", &n) && n == UINT64_MAX);
    assert_true(parse_count("0", &n) && n == 0);
    static const char *const bad[] = {"", "-1", "+1", "1 ", " 1", "x", "1x", "18446744073709551616"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(parse_count(bad[i], &n));
    assert_int_equal(n, 0);
}

static void ids_of_entries(void **state)
{
    (void)state;
    static const char *const good[] = {"0", "5", "5-0", "1700000000000-12",
                                       "18446744073709551615-18446744073709551615"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(is_entry_id(good[i]));
    static const char *const bad[] = {"",
                                      "x",
                                      "-",
                                      "5-",
                                      "-5",
                                      "5--0",
                                      "5-0-0",
                                      "5-x",
                                      "x-5",
                                      "+5",
                                      " 5",
                                      "5 ",
                                      "5- 0",
                                      "0x5",
                                      "18446744073709551616",
                                      "5-18446744073709551616"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (is_entry_id(bad[i]))
            fail_msg("\"%s\" was taken for an id", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(spans_and_bytes_and_rates),
        cmocka_unit_test(times),
        cmocka_unit_test(spans_are_read),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(times_without_a_zone_are_local),
        cmocka_unit_test(numbers_are_read),
        cmocka_unit_test(ids_of_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
