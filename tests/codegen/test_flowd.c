/* SPDX-License-Identifier: MIT
 *
 * What flowd 0.3.0 (flowd_derive 0.3.0, redis 1.8.1) was seen to write to a Redis server is read, and what is written
 * here is what it was seen to read as the same values.
 */
#include "support/test.h"

#include "flowd_job.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define TEXT(name, value) weir_field_text(name, value)

/* Rust writes real numbers without an exponent: "5" with 323 zeros before it, or 300 behind. */
static const char *digits(char *out, const char *before, int zeros, const char *after)
{
    char *at = stpcpy(out, before);
    memset(at, '0', (size_t)zeros);
    strcpy(at + zeros, after);
    return out;
}

static void assert_written(const weir_codec *codec, const void *value, const weir_field *expected, size_t n)
{
    weir_field_sink *sink = weir_sink_new();
    weir_fields fields;
    assert_int_equal(codec->encode(value, sink, NULL), WEIR_OK);
    assert_int_equal(weir_sink_fields(sink, &fields, NULL), WEIR_OK);
    assert_int_equal(fields.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(fields.items[i].name_len, expected[i].name_len);
        assert_memory_equal(fields.items[i].name, expected[i].name, expected[i].name_len);
        assert_int_equal(fields.items[i].value_len, expected[i].value_len);
        assert_memory_equal(fields.items[i].value, expected[i].value, expected[i].value_len);
    }
    weir_sink_free(sink);
}

static void assert_read(const weir_codec *codec, const weir_field *items, size_t n, void *value)
{
    weir_error err = {.message = ""};
    if (codec->decode(&(weir_fields){items, n}, value, &err) != WEIR_OK)
        fail_msg("%s", err.message);
}

static void texts(void **state)
{
    (void)state;
    const weir_field both[] = {TEXT("empty", ""), TEXT("plain", "hi"), TEXT("unicode", "n\xc3\xa9 \xe2\x82\xac\n"),
                               weir_field_bytes("nul", "a\0b", 3)};
    struct flowd_texts value;
    assert_read(&flowd_texts_codec, both, COUNT_OF(both), &value);
    assert_string_equal(value.empty, "");
    assert_string_equal(value.unicode, "n\xc3\xa9 \xe2\x82\xac\n");
    assert_int_equal(value.nul_len, 3);
    assert_memory_equal(value.nul, "a\0b", 3);
    assert_written(&flowd_texts_codec, &value, both, COUNT_OF(both));
}

static void integers(void **state)
{
    (void)state;
    const weir_field both[] = {TEXT("i8", "-128"),
                               TEXT("i16", "-32768"),
                               TEXT("i32", "-2147483648"),
                               TEXT("i64", "-9223372036854775808"),
                               TEXT("u8", "255"),
                               TEXT("u16", "65535"),
                               TEXT("u32", "4294967295"),
                               TEXT("u64", "18446744073709551615"),
                               TEXT("usize", "18446744073709551615"),
                               TEXT("isize", "-1")};
    struct flowd_integers value;
    assert_read(&flowd_integers_codec, both, COUNT_OF(both), &value);
    assert_true(value.i8 == INT8_MIN && value.i16 == INT16_MIN && value.i32 == INT32_MIN && value.i64 == INT64_MIN);
    assert_true(value.u8 == UINT8_MAX && value.u16 == UINT16_MAX && value.u32 == UINT32_MAX && value.u64 == UINT64_MAX);
    assert_true(value.usize == SIZE_MAX && value.isize == -1);
    assert_written(&flowd_integers_codec, &value, both, COUNT_OF(both));

    /* an i128 that is too large for anything here */
    weir_field wide[COUNT_OF(both)];
    weir_error err;
    memcpy(wide, both, sizeof both);
    wide[3] = TEXT("i64", "-170141183460469231731687303715884105728");
    assert_int_equal(flowd_integers_decode(&(weir_fields){wide, COUNT_OF(wide)}, &value, &err), WEIR_ERR_DECODE);
    assert_string_equal(err.message, "field \"i64\": \"-170141183460469231731687303715884105728\" is out of range "
                                     "(int64_t: -9223372036854775808 … 9223372036854775807)");
}

static void floats(void **state)
{
    (void)state;
    char text[8][400];
    const weir_field theirs[] = {
        TEXT("tenth", "0.1"),
        TEXT("large", digits(text[0], "1", 300, "")),
        TEXT("smallest", digits(text[1], "0.", 323, "5")),
        TEXT("largest", digits(text[2], "17976931348623157", 292, "")),
        TEXT("least", digits(text[3], "0.", 307, "22250738585072014")),
        TEXT("e21", "1000000000000000000000"),
        TEXT("whole", "123456789"),
        TEXT("infinite", "inf"),
        TEXT("minus_infinite", "-inf"),
        TEXT("nan", "NaN"),
        TEXT("minus_nought", "-0"),
        TEXT("third", "0.3333333333333333"),
        TEXT("tenth_f", "0.1"),
        TEXT("largest_f", "340282350000000000000000000000000000000"),
        TEXT("smallest_f", digits(text[4], "0.", 44, "1")),
    };
    const weir_field ours[] = {
        TEXT("tenth", "0.1"),
        TEXT("large", "1e300"),
        TEXT("smallest", "5e-324"),
        TEXT("largest", "1.7976931348623157e308"),
        TEXT("least", "2.2250738585072014e-308"),
        TEXT("e21", "1e21"),
        TEXT("whole", "123456789"),
        TEXT("infinite", "inf"),
        TEXT("minus_infinite", "-inf"),
        TEXT("nan", "nan"),
        TEXT("minus_nought", "-0"),
        TEXT("third", "0.3333333333333333"),
        TEXT("tenth_f", "0.1"),
        TEXT("largest_f", "3.4028235e38"),
        TEXT("smallest_f", "1e-45"),
    };
    struct flowd_floats value;
    assert_read(&flowd_floats_codec, theirs, COUNT_OF(theirs), &value);
    assert_true(value.tenth == 0.1 && value.large == 1e300 && value.smallest == 5e-324 && value.largest == DBL_MAX);
    assert_true(value.least == DBL_MIN && value.e21 == 1e21 && value.whole == 123456789 && value.third == 1.0 / 3);
    assert_true(isinf(value.infinite) && value.minus_infinite == -value.infinite && isnan(value.nan));
    assert_true(value.minus_nought == 0 && signbit(value.minus_nought));
    assert_true(value.tenth_f == 0.1f && value.largest_f == FLT_MAX && value.smallest_f == 1e-45f);
    assert_written(&flowd_floats_codec, &value, ours, COUNT_OF(ours));
}

static void options(void **state)
{
    (void)state;
    const weir_field both[] = {TEXT("text", "x"), TEXT("integer", "-7"), TEXT("real", "0.5"), TEXT("empty", "")};
    struct flowd_options value;
    assert_read(&flowd_options_codec, both, COUNT_OF(both), &value);
    assert_true(*value.integer == -7 && *value.real == 0.5 && value.none == NULL);
    assert_string_equal(value.text, "x");
    assert_string_equal(value.empty, ""); /* Some("") is not None */
    assert_written(&flowd_options_codec, &value, both, COUNT_OF(both));
    flowd_options_clear(&value);
}

static void bools_and_raw_names(void **state)
{
    (void)state;
    const weir_field theirs[] = {TEXT("yes", "true"), TEXT("no", "false"), TEXT("yes_for_flowd", "1"),
                                 TEXT("no_for_flowd", "0"), TEXT("r#type", "3")};
    struct flowd_bools value;
    assert_read(&flowd_bools_codec, theirs, COUNT_OF(theirs), &value);
    assert_true(value.yes && !value.no && value.yes_for_flowd == 1 && value.no_for_flowd == 0 && value.type == 3);
    assert_written(&flowd_bools_codec, &value, theirs, COUNT_OF(theirs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(integers),
        cmocka_unit_test(floats),
        cmocka_unit_test(options),
        cmocka_unit_test(bools_and_raw_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
