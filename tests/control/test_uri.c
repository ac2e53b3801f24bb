/* SPDX-License-Identifier: MIT */
#include "control/uri.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_segments(const char *path, size_t n, const char *const *expected)
{
    struct control_uri uri;
    assert_null(control_uri_parse(&uri, path, NULL));
    assert_int_equal(uri.n_segments, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(uri.segments[i].bytes, expected[i]);
        assert_int_equal(uri.segments[i].len, strlen(expected[i]));
    }
    assert_int_equal(uri.n_parameters, 0);
    control_uri_free(&uri);
}

static void paths_have_segments(void **state)
{
    (void)state;
    expect_segments("/", 0, NULL);
    expect_segments("/a", 1, (const char *[]){"a"});
    expect_segments("/a/", 2, (const char *[]){"a", ""});
    expect_segments("//a", 2, (const char *[]){"", "a"});
    expect_segments("/api/queues/a%2Fb%20+c/%ff%C3%A9", 4, (const char *[]){"api", "queues", "a/b +c", "\xff\xc3\xa9"});
    expect_segments("/1/2/3/4/5/6/7/8", 8, (const char *[]){"1", "2", "3", "4", "5", "6", "7", "8"});
}

static void queries_have_parameters(void **state)
{
    (void)state;
    struct control_uri uri;
    assert_null(control_uri_parse(&uri, "/a", "count=10&after=1-2&a%20b=c+d%2B&empty=&none&count=20&&=x"));
    assert_string_equal(control_uri_parameter(&uri, "count")->bytes, "10");
    assert_string_equal(control_uri_parameter(&uri, "after")->bytes, "1-2");
    assert_string_equal(control_uri_parameter(&uri, "a b")->bytes, "c d+");
    assert_int_equal(control_uri_parameter(&uri, "empty")->len, 0);
    assert_int_equal(control_uri_parameter(&uri, "none")->len, 0);
    assert_null(control_uri_parameter(&uri, "missing"));
    control_uri_free(&uri);
}

static void what_is_malformed_is_said_to_be(void **state)
{
    (void)state;
    static const char *const paths[] = {"", "a", "/%", "/%1", "/%g0", "/%0g", "/%00", "/a%", "/1/2/3/4/5/6/7/8/9"};
    static const char *const queries[] = {"%",     "a=%",      "a%=b",
                                          "a=%00", "a=b&c=%f", "1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17"};
    struct control_uri uri;
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        assert_non_null(control_uri_parse(&uri, paths[i], NULL));
    for (size_t i = 0; i < COUNT_OF(queries); i++)
        assert_non_null(control_uri_parse(&uri, "/a", queries[i]));
}

static void what_is_encoded_is_decoded_again(void **state)
{
    (void)state;
    char bytes[256], encoded[CONTROL_ENCODED_SIZE(255)], path[CONTROL_ENCODED_SIZE(255) + 1];
    for (int i = 1; i < 256; i++)
        bytes[i - 1] = (char)i;
    size_t len = control_uri_encode(encoded, bytes, 255);
    assert_int_equal(len, strlen(encoded));
    assert_null(strpbrk(encoded, "/?&#+ \"<>="));
    snprintf(path, sizeof path, "/%s", encoded);
    struct control_uri uri;
    assert_null(control_uri_parse(&uri, path, NULL));
    assert_int_equal(uri.segments[0].len, 255);
    assert_memory_equal(uri.segments[0].bytes, bytes, 255);
    control_uri_free(&uri);
    assert_int_equal(control_uri_encode(encoded, "az.-_~09", 8), 8);
    assert_string_equal(encoded, "az.-_~09");
    control_uri_encode(encoded, "\0", 1);
    assert_string_equal(encoded, "%00");
}

static void what_was_encoded_is_decoded(void **state)
{
    (void)state;
    char bytes[256], encoded[CONTROL_ENCODED_SIZE(256)], decoded[CONTROL_ENCODED_SIZE(256)];
    size_t len;
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    control_uri_encode(encoded, bytes, 256);
    assert_true(control_uri_decode(encoded, decoded, &len));
    assert_int_equal(len, 256);
    assert_memory_equal(decoded, bytes, 256);
    assert_int_equal(decoded[256], '\0');
    assert_true(control_uri_decode("", decoded, &len));
    assert_int_equal(len, 0);
    static const char *const malformed[] = {"%", "%4", "%zz", "%4z", "a%", "a/b", "/"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_false(control_uri_decode(malformed[i], decoded, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_have_segments),
        cmocka_unit_test(queries_have_parameters),
        cmocka_unit_test(what_is_malformed_is_said_to_be),
        cmocka_unit_test(what_is_encoded_is_decoded_again),
        cmocka_unit_test(what_was_encoded_is_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
