/* SPDX-License-Identifier: MIT
 *
 * The structs of odd.h make the round trip, and their defaults are what a C compiler takes them for.
 */
#include "support/test.h"

#include "odd_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

weir_status late_due_encode(const struct when *value, weir_value_sink *sink, weir_error *err)
{
    char text[32];
    (void)err;
    return weir_value_write(sink, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)value->seconds));
}

weir_status late_due_decode(const char *bytes, size_t len, struct when *value, weir_error *err)
{
    (void)err, (void)len;
    value->seconds = strtoll(bytes, NULL, 10);
    return WEIR_OK;
}

void late_due_clear_value(struct when *value)
{
    value->seconds = 0;
}

/* There and back; `fields` lives until the next. */
static weir_fields pass(const weir_codec *codec, const void *in, void *out)
{
    static weir_field_sink *sink;
    weir_fields fields = {NULL, 0};
    weir_error err = {.message = ""};
    weir_sink_free(sink);
    sink = NULL;
    if (!in)
        return fields;
    sink = weir_sink_new();
    if (codec->encode(in, sink, &err) != WEIR_OK || weir_sink_fields(sink, &fields, &err) != WEIR_OK ||
        codec->decode(&fields, out, &err) != WEIR_OK)
        fail_msg("%s", err.message);
    return fields;
}

static void assert_field(const weir_fields *fields, size_t i, const char *name, const char *value)
{
    assert_int_equal(fields->items[i].name_len, strlen(name));
    assert_memory_equal(fields->items[i].name, name, strlen(name));
    assert_string_equal(fields->items[i].value, value);
}

static void enums_of_all_ranges(void **state)
{
    (void)state;
    const struct ranges in = {ALSO_PLUS, MINUS,   WIDE_63, WIDE_63,          WIDEST_64,
                              WIDEST_64, HALF_32, HALF_31, {HALF_31, HALF_0}};
    struct ranges out;
    weir_fields fields = pass(&ranges_codec, &in, &out);
    assert_memory_equal(&in, &out, sizeof in);
    static const char *const texts[] = {
        "PLUS", "-3", "WIDE_63", "9223372036854775807", "WIDEST_64", "18446744073709551615", "HALF_32", "2147483648"};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_string_equal(fields.items[i].value, texts[i]);
    ranges_clear(&out);
}

static void defaults_of_every_kind(void **state)
{
    (void)state;
    struct defaults d;
    assert_int_equal(defaults_decode(&(weir_fields){NULL, 0}, &d, NULL), WEIR_OK);
    assert_true(d.signs == PLUS && d.minus == MINUS && d.widest == WIDEST_64 && d.half == HALF_32);
    assert_true(d.low == LOW && d.hex == 255 && d.octal == 8 && d.conditional == sizeof(int[3]));
    assert_true(d.letter == 'A' && d.comma == ',' && d.quote == '"');
    assert_true(d.least == INT64_MIN && d.most == UINT64_MAX && d.yes);
    assert_true(isinf(d.infinite) && d.infinite < 0 && isnan(d.not_a_number));
    assert_true(d.smallest == 5e-324 && d.largest == DBL_MAX && d.whole == 3 && d.tenth == 0.1f);
    assert_true(d.minus_nought == 0 && signbit(d.minus_nought));
    assert_string_equal(d.text, "quote \" back \\ tab \t, ) } = ; // /* */ ?\?/ %s\n");
    assert_string_equal(d.unicode, "\xc3\xa9 \xc3\xa9 \xff \1"
                                   "23");
    assert_string_equal(d.word, "macroA");
    assert_string_equal(d.empty, "");
    assert_string_equal(d.full, "1234567");
    struct defaults again;
    pass(&defaults_codec, &d, &again);
    assert_true(isnan(again.not_a_number) && again.smallest == 5e-324 && signbit(again.minus_nought));
    assert_string_equal(again.text, d.text);
    assert_string_equal(again.unicode, d.unicode);
}

static void names_with_any_bytes(void **state)
{
    (void)state;
    const struct names in = {1, 2, 3, 4, 5};
    struct names out;
    weir_fields fields = pass(&names_codec, &in, &out);
    assert_memory_equal(&in, &out, sizeof in);
    assert_field(&fields, 0, "with \"quotes\", a comma, = and \xc3\xa9\n", "1");
    assert_field(&fields, 1, "%s%n", "2");
    assert_field(&fields, 2, "\\", "3");
    assert_field(&fields, 3, "\xff", "4");
    assert_field(&fields, 4, "weir", "5");
}

static void packed_and_aligned_structs(void **state)
{
    (void)state;
    int64_t maybe = INT64_MIN, list[] = {1, -1};
    char *strings[] = {"", "two", "three"};
    struct packed packed = {'c', INT32_MIN, 0.1, "text", &maybe, 2, list, strings, 3}, back;
    pass(&packed_codec, &packed, &back);
    assert_true(back.c == 'c' && back.i == INT32_MIN && back.d == 0.1 && *back.maybe == INT64_MIN && back.n == 2);
    assert_true(back.list[0] == 1 && back.list[1] == -1 && back.n_strings == 3);
    assert_string_equal(back.strings[2], "three");
    packed_clear(&back);

    struct aligned many[] = {{'a'}, {'b'}, {'c'}};
    struct packed two[] = {packed, packed};
    struct aligned_parts parts = {"odd", &many[1], strings, 3, many, two, 2}, parts_back;
    pass(&aligned_parts_codec, &parts, &parts_back);
    assert_true((uintptr_t)parts_back.one % 16 == 0 && (uintptr_t)parts_back.many % 16 == 0);
    assert_true(parts_back.one->c == 'b' && parts_back.many[2].c == 'c');
    assert_string_equal(parts_back.words[1], "two");
    assert_string_equal(parts_back.packed[1].s, "text");
    assert_true(*parts_back.packed[1].maybe == INT64_MIN && parts_back.packed[1].list[1] == -1);
    aligned_parts_clear(&parts_back);
}

static void arrays_of_arrays(void **state)
{
    (void)state;
    const struct dimensions in = {
        .vla = {1, 2, 3},
        .texts = {{"abc", "", "x"}, {"y"}},
        .bytes = {"\1\0\2", {255}},
        .flags = {{true, false}, {false, true}},
        .strings = {{"a", ""}, {"c", "d"}},
    };
    struct dimensions out;
    pass(&dimensions_codec, &in, &out);
    assert_memory_equal(&in, &out, offsetof(struct dimensions, strings));
    assert_string_equal(out.strings[1][1], "d");
    dimensions_clear(&out);
}

static void structs_in_structs_and_names_that_are_taken(void **state)
{
    (void)state;
    struct pointed pointed = {7};
    const struct outer in = {{1, {"inmost"}, {2}}, &pointed, INNER_B, {3}};
    struct outer out;
    pass(&outer_codec, &in, &out);
    assert_true(out.in.x == 1 && out.in.nameless.y == 2 && out.pointed->x == 7 && out.e == INNER_B);
    assert_string_equal(out.in.inmost.s, "inmost");
    assert_int_equal(out.inner_job.x, 3);
    outer_clear(&out);
    struct inner_job inner_back;
    pass(&inner_job_codec, &in.inner_job, &inner_back);
    assert_int_equal(inner_back.x, 3);

    struct after after_in = {{5}}, after_out;
    pass(&after_codec, &after_in, &after_out);
    assert_int_equal(after_out.before.x, 5);
    pass(&before_codec, &after_in.before, &after_out.before);

    struct late late_in = {{-9}}, late_out;
    pass(&late_codec, &late_in, &late_out);
    assert_int_equal(late_out.due.seconds, -9);
    late_clear(&late_out);
    pass(NULL, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enums_of_all_ranges),  cmocka_unit_test(defaults_of_every_kind),
        cmocka_unit_test(names_with_any_bytes), cmocka_unit_test(packed_and_aligned_structs),
        cmocka_unit_test(arrays_of_arrays),     cmocka_unit_test(structs_in_structs_and_names_that_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
