/* SPDX-License-Identifier: MIT
 *
 * msgpack of fields as text, and nothing else taken for it; and base64, which JSON has in its place.
 */
#include "cli/json.h"
#include "cli/msgpack_text.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect(const char *bytes, size_t len, const char *expected)
{
    char *text = msgpack_text(bytes, len);
    if (!expected)
        assert_null(text);
    else if (!text || strcmp(text, expected) != 0)
        fail_msg("%s instead of %s", text ? text : "nothing", expected);
    free(text);
}
#define TEXT(bytes, expected) expect(bytes, sizeof(bytes) - 1, expected)

static void arrays_and_maps(void **state)
{
    (void)state;
    TEXT("\x90", "[]");
    TEXT("\x80", "{}");
    TEXT("\x93\x01\xa2hi\xc0", "[1, \"hi\", null]");
    TEXT("\x82\xa1"
         "a\xc3\xa1"
         "b\xc2",
         "{\"a\": true, \"b\": false}");
    TEXT("\x91\x81\x01\x91\x90", "[{1: [[]]}]");
    TEXT("\xdc\x00\x01\x07", "[7]");
    TEXT("\xdd\x00\x00\x00\x01\x07", "[7]");
    TEXT("\xde\x00\x01\x07\x08", "{7: 8}");
    TEXT("\xdf\x00\x00\x00\x01\x07\x08", "{7: 8}");
}

static void numbers(void **state)
{
    (void)state;
    TEXT("\x94\x7f\xff\xe0\x00", "[127, -1, -32, 0]");
    TEXT("\x94\xcc\xff\xcd\xff\xff\xce\xff\xff\xff\xff\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
         "[255, 65535, 4294967295, 18446744073709551615]");
    TEXT("\x94\xd0\x80\xd1\x80\x00\xd2\x80\x00\x00\x00\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
         "[-128, -32768, -2147483648, -9223372036854775808]");
    TEXT("\x92\xca\x3f\xc0\x00\x00\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "[1.5, 1.5]");
}

static void texts_and_binary(void **state)
{
    (void)state;
    TEXT("\x92\xd9\x02hi\xda\x00\x02ho", "[\"hi\", \"ho\"]");
    TEXT("\x91\xdb\x00\x00\x00\x01!", "[\"!\"]");
    TEXT("\x91\xa3\"\x1b\n", "[\"\\\"\\x1b\\n\"]");
    TEXT("\x93\xc4\x01\xff\xc5\x00\x01\xff\xc6\x00\x00\x00\x01\xff", "[\"\\xff\", \"\\xff\", \"\\xff\"]");
    TEXT("\x92\xd4\x01\x02\xc7\x01\x05x", "[\"\\x01\\x02\", \"\\x05x\"]");
}

static void what_is_something_else_is_left_alone(void **state)
{
    (void)state;
    TEXT("", NULL);
    TEXT("\x07", NULL);
    TEXT("\xa2hi", NULL);
    TEXT("\xff\xfe", NULL);
    TEXT("\x91", NULL);     /* its end is missing */
    TEXT("\x90\x90", NULL); /* there is more */
    TEXT("\x91\xc1", NULL); /* nothing begins so */
    TEXT("\x91\xa5hi", NULL);
    TEXT("\xdd\xff\xff\xff\xff", NULL);
    TEXT("\x91\xdb\xff\xff\xff\xff!", NULL);
    char deep[64];
    memset(deep, 0x91, sizeof deep);
    deep[20] = deep[sizeof deep - 1] = (char)0x90;
    expect(deep, 21, "[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]");
    deep[20] = (char)0x91;
    expect(deep, sizeof deep, NULL); /* deeper than anybody nests */
}

/* Any bytes: nothing is read that isn't there. */
static void no_bytes_do_harm(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (int round = 0; round < 50000; round++) {
        size_t len = (size_t)round % 20 + 1;
        unsigned char *bytes = malloc(len); /* so that a sanitizer sees its end */
        for (size_t i = 0; i < len; i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (unsigned char)(random >> 16);
        }
        bytes[0] = (unsigned char)(0x80 | (bytes[0] & 0x1f));
        free(msgpack_text(bytes, len));
        free(bytes);
    }
}

static void base64(void **state)
{
    (void)state;
    static const char *const good[][2] = {{"", ""},           {"AA==", "\0"},        {"/w==", "\xff"},
                                          {"AP8=", "\0\xff"}, {"aGVsbG8=", "hello"}, {"+/+/", "\xfb\xff\xbf"}};
    static const size_t lengths[] = {0, 1, 1, 2, 5, 3};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        size_t len = 99;
        void *bytes = base64_decode(good[i][0], strlen(good[i][0]), &len);
        assert_non_null(bytes);
        assert_int_equal(len, lengths[i]);
        assert_memory_equal(bytes, good[i][1], len);
        free(bytes);
    }
    static const char *const bad[] = {"A",    "AA",       "AAA",  "A===", "====",   "A=AA",
                                      "AA=A", "AA==AAAA", "A-AA", "AA A", "\xffXXX"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        size_t len;
        if (base64_decode(bad[i], strlen(bad[i]), &len))
            fail_msg("%s was taken for base64", bad[i]);
    }
    size_t len;
    assert_null(base64_decode("AA\0=", 4, &len));

    json_t *object = json_bytes("\xff\0", 2);
    assert_string_equal(json_string_value(json_object_get(object, "base64")), "/wA=");
    json_decref(object);
    object = json_bytes("a\0\x1b", 3);
    assert_int_equal(json_string_length(object), 3);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_and_maps),  cmocka_unit_test(numbers),
        cmocka_unit_test(texts_and_binary), cmocka_unit_test(what_is_something_else_is_left_alone),
        cmocka_unit_test(no_bytes_do_harm), cmocka_unit_test(base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
