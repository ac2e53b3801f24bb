/* SPDX-License-Identifier: MIT */
#include "control/guard.h"

#include "support/test.h"

#include <string.h>

#define TOKEN "0123456789abcdef"

static void tokens_are_long_and_visible(void **state)
{
    (void)state;
    assert_true(control_token_is_good(TOKEN));
    assert_true(control_token_is_good("!~0123456789abcdef"));
    assert_false(control_token_is_good(""));
    assert_false(control_token_is_good("0123456789abcde"));
    assert_false(control_token_is_good("01234567 9abcdef"));
    assert_false(control_token_is_good("01234567\t9abcdef"));
    assert_false(control_token_is_good("01234567\xc3\xa9 9abcdef"));
    char longest[CONTROL_TOKEN_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[CONTROL_TOKEN_MAX] = '\0';
    assert_true(control_token_is_good(longest));
    longest[CONTROL_TOKEN_MAX] = 'x';
    longest[CONTROL_TOKEN_MAX + 1] = '\0';
    assert_false(control_token_is_good(longest));
}

static void only_the_token_itself_matches(void **state)
{
    (void)state;
    static const char *const right[] = {"Bearer " TOKEN, "bearer " TOKEN, "BEARER   " TOKEN, "Bearer " TOKEN " "};
    for (size_t i = 0; i < COUNT_OF(right); i++)
        assert_true(control_token_matches(right[i], TOKEN));
    static const char *const wrong[] = {
        NULL,
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        "Basic " TOKEN,
        "Bearer" TOKEN,
        "Bearer x",
        "Bearer 0123456789abcde",
        "Bearer 0123456789abcdef0",
        "Bearer 0123456789abcdeF",
        "Bearer " TOKEN TOKEN,
        "Bearer 1123456789abcdef",
        " Bearer " TOKEN,
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(control_token_matches(wrong[i], TOKEN));
}

static void hosts_are_literal_or_named(void **state)
{
    (void)state;
    static const char *const hosts[] = {"weir.example.org"};
    static const char *const right[] = {
        "localhost", "LocalHost:8377", "127.0.0.1",        "127.0.0.1:1",          "10.0.0.1:80",
        "[::1]",     "[fe80::1]:8",    "weir.example.org", "WEIR.example.org:443", "localhost:"};
    for (size_t i = 0; i < COUNT_OF(right); i++)
        assert_true(control_host_is_allowed(right[i], hosts, 1));
    static const char *const wrong[] = {
        "",           ":80",        "example.org", "weir.example.org.evil", "evilweir.example.org",
        "::1",        "[::1",       "[::1]x",      "localhost:80:80",       "127.0.0.1.evil",
        "0x7f000001", "localhost/", "a@localhost", "localhost:http",        "[localhost"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(control_host_is_allowed(wrong[i], hosts, 1));
    assert_false(control_host_is_allowed("weir.example.org", NULL, 0));
    char longest[400];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(control_host_is_allowed(longest, hosts, 1));
}

static void origins_are_those_of_the_host(void **state)
{
    (void)state;
    assert_true(control_origin_is_own("http://localhost:8377", "localhost:8377"));
    assert_true(control_origin_is_own("https://Weir.example.org", "weir.example.org"));
    static const char *const wrong[] = {"",
                                        "null",
                                        "localhost:8377",
                                        "http://",
                                        "http://localhost",
                                        "http://localhost:83770",
                                        "http://localhost:8377/",
                                        "http://x@localhost:8377",
                                        "ws://localhost:8377"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(control_origin_is_own(wrong[i], "localhost:8377"));
    assert_false(control_origin_is_own("http://localhost:8377", NULL));
}

static void only_json_is_json(void **state)
{
    (void)state;
    assert_true(control_type_is_json("application/json"));
    assert_true(control_type_is_json("Application/JSON ; charset=utf-8"));
    static const char *const wrong[] = {NULL,
                                        "",
                                        "text/plain",
                                        "application/jsonx",
                                        "application/json+x",
                                        "application/jso",
                                        " application/json",
                                        "text/plain; application/json"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(control_type_is_json(wrong[i]));
}

static void loopback_is_this_host_alone(void **state)
{
    (void)state;
    assert_true(control_address_is_loopback("127.0.0.1"));
    assert_true(control_address_is_loopback("127.255.0.9"));
    assert_true(control_address_is_loopback("::1"));
    static const char *const wrong[] = {"0.0.0.0",   "::", "128.0.0.1",        "10.0.0.1",
                                        "localhost", "",   "::ffff:127.0.0.1", "126.255.255.255"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(control_address_is_loopback(wrong[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_long_and_visible), cmocka_unit_test(only_the_token_itself_matches),
        cmocka_unit_test(hosts_are_literal_or_named),  cmocka_unit_test(origins_are_those_of_the_host),
        cmocka_unit_test(only_json_is_json),           cmocka_unit_test(loopback_is_this_host_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
