/* SPDX-License-Identifier: MIT */
#include "support/test.h"

#include "job/text.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void assert_double(double value, const char *expected)
{
    char text[WEIR_TEXT_SIZE];
    size_t len = weir_text_write_double(text, value);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, len);
    double back = 0;
    assert_int_equal(weir_text_read_double(text, len, &back), WEIR_TEXT_OK);
    assert_true(memcmp(&back, &value, sizeof value) == 0 || (isnan(back) && isnan(value)));
}

static void doubles_have_the_fewest_digits(void **state)
{
    (void)state;
    assert_double(0, "0");
    assert_double(-0.0, "-0");
    assert_double(1, "1");
    assert_double(-1.5, "-1.5");
    assert_double(0.1, "0.1");
    assert_double(0.1 + 0.2, "0.30000000000000004");
    assert_double(1.0 / 3, "0.3333333333333333");
    assert_double(123456789.125, "123456789.125");
    assert_double(1e20, "100000000000000000000");
    assert_double(1e21, "1e21");
    assert_double(1.5e-7, "0.00000015");
    assert_double(1.5e-8, "1.5e-8");
    assert_double(DBL_MAX, "1.7976931348623157e308");
    assert_double(DBL_MIN, "2.2250738585072014e-308");
    assert_double(5e-324, "5e-324");
    assert_double(0x1p-44, "5.684341886080802e-14"); /* not ...8015e-14, which rounding alone finds */
    assert_double(9007199254740992.0, "9007199254740992");
    assert_double((double)INFINITY, "inf");
    assert_double(-(double)INFINITY, "-inf");
    assert_double((double)NAN, "nan");
}

static void floats_have_the_fewest_digits(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *text;
    } cases[] = {{0.1f, "0.1"},       {16777216.0f, "16777216"}, {1e-45f, "1e-45"},
                 {3.4e38f, "3.4e38"}, {FLT_MAX, "3.4028235e38"}, {0.3f, "0.3"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[WEIR_TEXT_SIZE + 1] = "";
        text[weir_text_write_float(text, cases[i].value)] = '\0';
        assert_string_equal(text, cases[i].text);
        float back = 0;
        assert_int_equal(weir_text_read_float(text, strlen(text), &back), WEIR_TEXT_OK);
        assert_memory_equal(&back, &cases[i].value, sizeof back);
    }
}

/* Where the neighbours are at unequal distances. */
static void every_power_of_two_reads_back(void **state)
{
    (void)state;
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        double value = ldexp(1, exponent), back = 0;
        char text[WEIR_TEXT_SIZE];
        size_t len = weir_text_write_double(text, value);
        assert_int_equal(weir_text_read_double(text, len, &back), WEIR_TEXT_OK);
        assert_true(back == value);
    }
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",        "-",      "+",     ".",   "e5",  "1e",    "1e+",
                                            "0x10",    " 1",     "1 ",    "1,5", "--1", "1.2.3", "in",
                                            "infinit", "nan(1)", "1_000", "1f",  "٣"};
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        double value;
        int64_t number;
        assert_int_equal(weir_text_read_double(malformed[i], strlen(malformed[i]), &value), WEIR_TEXT_MALFORMED);
        assert_int_equal(weir_text_read_int(malformed[i], strlen(malformed[i]), 8, &number), WEIR_TEXT_MALFORMED);
    }
    double value;
    float narrow;
    assert_int_equal(weir_text_read_double("1e309", 5, &value), WEIR_TEXT_RANGE);
    assert_int_equal(weir_text_read_float("1e39", 4, &narrow), WEIR_TEXT_RANGE);
    assert_int_equal(weir_text_read_double("1e-999", 6, &value), WEIR_TEXT_OK);
    assert_true(value == 0);
    /* what Rust writes for large values */
    char ones[310];
    memset(ones, '0', sizeof ones);
    ones[0] = '1';
    assert_int_equal(weir_text_read_double(ones, 301, &value), WEIR_TEXT_OK);
    assert_true(value == 1e300);
    char endless[2000];
    memset(endless, '1', sizeof endless);
    assert_int_equal(weir_text_read_double(endless, sizeof endless, &value), WEIR_TEXT_MALFORMED);
}

static void integers_of_each_size(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        enum weir_text as_int, as_uint;
    } cases[] = {
        {"127", 1, WEIR_TEXT_OK, WEIR_TEXT_OK},
        {"128", 1, WEIR_TEXT_RANGE, WEIR_TEXT_OK},
        {"255", 1, WEIR_TEXT_RANGE, WEIR_TEXT_OK},
        {"256", 1, WEIR_TEXT_RANGE, WEIR_TEXT_RANGE},
        {"-128", 1, WEIR_TEXT_OK, WEIR_TEXT_MALFORMED},
        {"-129", 1, WEIR_TEXT_RANGE, WEIR_TEXT_MALFORMED},
        {"65535", 2, WEIR_TEXT_RANGE, WEIR_TEXT_OK},
        {"65536", 2, WEIR_TEXT_RANGE, WEIR_TEXT_RANGE},
        {"4294967295", 4, WEIR_TEXT_RANGE, WEIR_TEXT_OK},
        {"4294967296", 4, WEIR_TEXT_RANGE, WEIR_TEXT_RANGE},
        {"9223372036854775807", 8, WEIR_TEXT_OK, WEIR_TEXT_OK},
        {"9223372036854775808", 8, WEIR_TEXT_RANGE, WEIR_TEXT_OK},
        {"-9223372036854775808", 8, WEIR_TEXT_OK, WEIR_TEXT_MALFORMED},
        {"18446744073709551615", 8, WEIR_TEXT_RANGE, WEIR_TEXT_OK},
        {"18446744073709551616", 8, WEIR_TEXT_RANGE, WEIR_TEXT_RANGE},
        {"+5", 4, WEIR_TEXT_OK, WEIR_TEXT_OK},
        {"+-5", 4, WEIR_TEXT_MALFORMED, WEIR_TEXT_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t number = 42;
        uint64_t natural = 42;
        size_t len = strlen(cases[i].text);
        assert_int_equal(weir_text_read_int(cases[i].text, len, cases[i].size, &number), cases[i].as_int);
        assert_int_equal(weir_text_read_uint(cases[i].text, len, cases[i].size, &natural), cases[i].as_uint);
        if (cases[i].as_int != WEIR_TEXT_OK)
            assert_int_equal(number, 42);
        if (cases[i].as_uint != WEIR_TEXT_OK)
            assert_int_equal(natural, 42);
    }
}

static void bools(void **state)
{
    (void)state;
    static const char *const no[] = {"True", "TRUE", "yes", "2", "", "t", "10", "truee"};
    bool value;
    for (size_t i = 0; i < COUNT_OF(no); i++)
        assert_int_equal(weir_text_read_bool(no[i], strlen(no[i]), &value), WEIR_TEXT_MALFORMED);
    assert_true(weir_text_read_bool("true", 4, &value) == WEIR_TEXT_OK && value);
    assert_true(weir_text_read_bool("false", 5, &value) == WEIR_TEXT_OK && !value);
    assert_true(weir_text_read_bool("1", 1, &value) == WEIR_TEXT_OK && value);
    assert_true(weir_text_read_bool("0", 1, &value) == WEIR_TEXT_OK && !value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_have_the_fewest_digits), cmocka_unit_test(floats_have_the_fewest_digits),
        cmocka_unit_test(every_power_of_two_reads_back),  cmocka_unit_test(numbers_that_are_none),
        cmocka_unit_test(integers_of_each_size),          cmocka_unit_test(bools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
