/* SPDX-License-Identifier: MIT */
#include "control/msgpack_text.h"

#include "base/random.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* What it is as text; NULL: it is no msgpack. Valid until the next call. */
static const char *text_of(const char *bytes, size_t len)
{
    static struct weir_buffer text;
    weir_buffer_clear(&text, SIZE_MAX);
    if (!control_msgpack_write(&text, bytes, len))
        return NULL;
    weir_buffer_append(&text, "", 1);
    return text.bytes;
}

#define TEXT_OF(bytes) text_of(bytes, sizeof(bytes) - 1)

static void every_kind_has_its_text(void **state)
{
    (void)state;
    assert_string_equal(TEXT_OF("\x90"), "[]");
    assert_string_equal(TEXT_OF("\x80"), "{}");
    assert_string_equal(TEXT_OF("\x94\x01\xff\xe0\x7f"), "[1,-1,-32,127]");
    assert_string_equal(TEXT_OF("\x93\xc0\xc2\xc3"), "[null,false,true]");
    assert_string_equal(TEXT_OF("\x94\xcc\xff\xcd\xff\xff\xce\xff\xff\xff\xff\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
                        "[255,65535,4294967295,18446744073709551615]");
    assert_string_equal(TEXT_OF("\x94\xd0\x80\xd1\x80\x00\xd2\x80\x00\x00\x00\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
                        "[-128,-32768,-2147483648,-9223372036854775808]");
    assert_string_equal(TEXT_OF("\x92\xca\x3f\xc0\x00\x00\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "[1.5,0.1]");
    assert_string_equal(TEXT_OF("\x93\xca\x7f\x80\x00\x00\xca\xff\x80\x00\x00\xca\x7f\xc0\x00\x00"),
                        "[\"Infinity\",\"-Infinity\",\"NaN\"]");
    assert_string_equal(TEXT_OF("\x94\xa1"
                                "a\xd9\x01"
                                "b\xda\x00\x01"
                                "c\xdb\x00\x00\x00\x01"
                                "d"),
                        "[\"a\",\"b\",\"c\",\"d\"]");
    assert_string_equal(TEXT_OF("\x91\xa6\"\\\x01\x7f\xc3\xa9"), "[\"\\\"\\\\\\u0001\\u007f\xc3\xa9\"]");
    assert_string_equal(TEXT_OF("\x91\xa1\xff"), "[{\"base64\":\"/w==\"}]");
    assert_string_equal(TEXT_OF("\x93\xc4\x00\xc5\x00\x01"
                                "a\xc6\x00\x00\x00\x02"
                                "ab"),
                        "[{\"base64\":\"\"},{\"base64\":\"YQ==\"},{\"base64\":\"YWI=\"}]");
    assert_string_equal(
        TEXT_OF("\x93\xd4\x05"
                "a\xd5\xff"
                "ab\xc7\x03\x01"
                "abc"),
        "[{\"ext\":5,\"base64\":\"YQ==\"},{\"ext\":-1,\"base64\":\"YWI=\"},{\"ext\":1,\"base64\":\"YWJj\"}]");
    assert_string_equal(TEXT_OF("\xdc\x00\x01\x01"), "[1]");
    assert_string_equal(TEXT_OF("\xdd\x00\x00\x00\x01\x01"), "[1]");
    assert_string_equal(TEXT_OF("\xde\x00\x01\xa1"
                                "a\x01"),
                        "{\"a\":1}");
    assert_string_equal(TEXT_OF("\xdf\x00\x00\x00\x01\xa1"
                                "a\x01"),
                        "{\"a\":1}");
}

static void maps_are_objects_where_all_keys_are_text(void **state)
{
    (void)state;
    assert_string_equal(TEXT_OF("\x82\xa1"
                                "a\x01\xa1"
                                "b\x81\xa1"
                                "c\x90"),
                        "{\"a\":1,\"b\":{\"c\":[]}}");
    assert_string_equal(TEXT_OF("\x82\xa1"
                                "a\x01\x02\x81\xa1"
                                "c\x90"),
                        "[[\"a\",1],[2,{\"c\":[]}]]");
    assert_string_equal(TEXT_OF("\x81\xa1\xff\x01"), "[[{\"base64\":\"/w==\"},1]]");
    assert_string_equal(TEXT_OF("\x81\x81\x01\x02\x03"), "[[[[1,2]],3]]");
}

static void other_bytes_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"", 0},
        {"a", 1},
        {"\x01", 1},
        {"\xa1"
         "a",
         2},
        {"\x91", 1},
        {"\x92\x01", 2},
        {"\x90\x90", 2},
        {"\x91\xc1", 2},
        {"\x91\xa2"
         "a",
         3},
        {"\x81\x01", 2},
        {"\xdd\xff\xff\xff\xff", 5},
        {"\xdf\xff\xff\xff\xff\x01", 6},
        {"\x91\xdb\xff\xff\xff\xff"
         "a",
         7},
        {"\x91\xc6\xff\xff\xff\xff", 6},
        {"\x91\xc9\xff\xff\xff\xff\x01", 7},
        {"\x91\xcf\x01", 3},
        {"\x91\xcb\x01", 3},
        {"\xdc\x00", 2},
        {"\x91\xd8\x01", 3},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_null(text_of(cases[i].bytes, cases[i].len));
}

/* Neither depth nor length nor a map in a map in a map costs more than a bound. */
static void hostile_bytes_cost_little(void **state)
{
    (void)state;
    enum { LEN = 60000 };
    char *bytes = malloc(LEN);
    memset(bytes, 0x91, LEN); /* arrays in arrays */
    assert_null(text_of(bytes, LEN));
    memset(bytes, 0xa0, LEN); /* 59,997 empty texts: longer than what is written */
    memcpy(bytes, "\xdc\xea\x5d", 3);
    assert_null(text_of(bytes, LEN));

    /* maps whose last key is no text, 30 deep, which is found at the end of each */
    size_t n = 0, depth = 30;
    for (size_t i = 0; i < depth; i++, n += 3)
        memcpy(bytes + n,
               "\x82\xa1"
               "a",
               3);
    bytes[n++] = 1;
    for (size_t i = 0; i < depth; i++, n += 2)
        memcpy(bytes + n, "\x01\x01", 2);
    assert_non_null(text_of(bytes, n));

    struct weir_random random;
    weir_random_seed(&random);
    for (int i = 0; i < 20000; i++) {
        size_t len = (size_t)(weir_random_unit(&random) * 64);
        bytes[0] = (char)(0x80 + (int)(weir_random_unit(&random) * 32));
        for (size_t j = 1; j < len; j++)
            bytes[j] = (char)(int)(weir_random_unit(&random) * 256);
        text_of(bytes, len); /* only that it ends, and reads nothing else */
    }
    free(bytes);
}

static void base64_is_that_of_everybody(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                           {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct weir_buffer text = {0};
        control_base64_write(&text, cases[i][0], strlen(cases[i][0]));
        weir_buffer_append(&text, "", 1);
        assert_string_equal(text.bytes, cases[i][1]);
        weir_buffer_free(&text);
    }
}

static void whole_characters_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len, good;
    } cases[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"a\0b", 3, 3},
        {"\xc3\xa9", 2, 2},
        {"a\xc3", 2, 1},
        {"\xe2\x82\xac", 3, 3},
        {"\xe2\x82", 2, 0},
        {"\xf0\x9f\x90\x87", 4, 4},
        {"\xf0\x9f\x90", 3, 0},
        {"\x80", 1, 0},
        {"\xc0\x80", 2, 0},
        {"\xe0\x80\x80", 3, 0},
        {"\xed\xa0\x80", 3, 0},
        {"\xf0\x80\x80\x80", 4, 0},
        {"\xf4\x90\x80\x80", 4, 0},
        {"\xf5\x80\x80\x80", 4, 0},
        {"ab\xff", 3, 2},
        {"\xc3\x28", 2, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(control_utf8_len(cases[i].text, cases[i].len), cases[i].good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_its_text),     cmocka_unit_test(maps_are_objects_where_all_keys_are_text),
        cmocka_unit_test(other_bytes_are_none),        cmocka_unit_test(hostile_bytes_cost_little),
        cmocka_unit_test(base64_is_that_of_everybody), cmocka_unit_test(whole_characters_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
