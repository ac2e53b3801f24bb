/* SPDX-License-Identifier: MIT */
#include "redis/url.h"

#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static void urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool tls;
        const char *host, *path, *user, *password;
        int port, db;
    } cases[] = {
        {"redis://localhost", false, "localhost", NULL, NULL, NULL, 6379, 0},
        {"redis://127.0.0.1:6380/3", false, "127.0.0.1", NULL, NULL, NULL, 6380, 3},
        {"redis://h:1/", false, "h", NULL, NULL, NULL, 1, 0},
        {"redis://h:65535", false, "h", NULL, NULL, NULL, 65535, 0},
        {"rediss://h", true, "h", NULL, NULL, NULL, 6379, 0},
        {"redis://[::1]:7000/2", false, "::1", NULL, NULL, NULL, 7000, 2},
        {"redis://[fe80::1%25eth0]", false, "fe80::1%eth0", NULL, NULL, NULL, 6379, 0},
        {"redis://:secret@h", false, "h", NULL, NULL, "secret", 6379, 0},
        {"redis://user:secret@h:1/9", false, "h", NULL, "user", "secret", 1, 9},
        {"redis://u%40x:p%3a%2F%25@h", false, "h", NULL, "u@x", "p:/%", 6379, 0},
        {"redis://user:a@b/c@h/1", false, "h", NULL, "user", "a@b/c", 6379, 1},
        {"redis://user:@h", false, "h", NULL, "user", "", 6379, 0},
        {"unix:///run/redis.sock", false, NULL, "/run/redis.sock", NULL, NULL, 6379, 0},
        {"unix:///a%20b?db=15", false, NULL, "/a b", NULL, NULL, 6379, 15},
        {"unix://u:p@/run/s", false, NULL, "/run/s", "u", "p", 6379, 0},
        {"unix://:p@/run/s?db=1000000", false, NULL, "/run/s", NULL, "p", 6379, 1000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weir_url url;
        weir_error err = {.code = WEIR_OK};
        if (weir_url_parse(cases[i].text, &url, &err) != WEIR_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
#define SAME(part)                                                                                                     \
    do {                                                                                                               \
        assert_int_equal(url.part != NULL, cases[i].part != NULL);                                                     \
        if (url.part)                                                                                                  \
            assert_string_equal(url.part, cases[i].part);                                                              \
    } while (0)
        SAME(host);
        SAME(path);
        SAME(user);
        SAME(password);
        assert_int_equal(url.tls, cases[i].tls);
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.db, cases[i].db);
        weir_url_clear(&url);
    }
}

static void what_is_wrong_is_named_and_nothing_secret_is(void **state)
{
    (void)state;
    static const struct {
        const char *text, *named;
    } cases[] = {
        {"", "redis://"},
        {"http://h", "redis://"},
        {"redis:/h", "redis://"},
        {"REDIS://h", "redis://"},
        {"redis://", "host"},
        {"redis:///1", "host"},
        {"redis://:80", "host"},
        {"redis://h:", "port"},
        {"redis://h:0", "port"},
        {"redis://h:65536", "port"},
        {"redis://h:12x", "port"},
        {"redis://h:-1", "port"},
        {"redis://h/x", "database"},
        {"redis://h/1/2", "database"},
        {"redis://h/1000001", "database"},
        {"redis://canary@h", "user needs a password"},
        {"redis://u:canary%@h", "password"},
        {"redis://u:canary%4@h", "password"},
        {"redis://u:canary%zz@h", "password"},
        {"redis://u:canary%00@h", "password"},
        {"redis://[::1", "IPv6"},
        {"redis://[::1]x", "]"},
        {"unix://run/redis.sock", "absolute"},
        {"unix://", "absolute"},
        {"unix://u:canary@run", "absolute"},
        {"unix:///s?x=1", "?db="},
        {"unix:///s?db=", "database"},
        {"unix:///s?db=1&x", "database"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weir_url url, untouched;
        weir_error err = {.code = WEIR_OK};
        memset(&url, 0x5a, sizeof url);
        memcpy(&untouched, &url, sizeof url);
        if (weir_url_parse(cases[i].text, &url, &err) != WEIR_ERR_ARGUMENT)
            fail_msg("%s was accepted", cases[i].text);
        assert_memory_equal(&url, &untouched, sizeof url);
        if (!strstr(err.message, cases[i].named))
            fail_msg("%s: \"%s\" doesn't name \"%s\"", cases[i].text, err.message, cases[i].named);
        assert_null(strstr(err.message, "canary"));
    }
}

/* Every prefix of a URL is either parsed or refused; a sanitizer build sees to the rest. */
static void no_prefix_is_read_beyond(void **state)
{
    (void)state;
    static const char whole[] = "redis://us%41er:pass%20word@[::1]:6379/12";
    for (size_t n = 0; n < sizeof whole; n++) {
        char *text = strndup(whole, n);
        struct weir_url url;
        if (weir_url_parse(text, &url, NULL) == WEIR_OK)
            weir_url_clear(&url);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(what_is_wrong_is_named_and_nothing_secret_is),
        cmocka_unit_test(no_prefix_is_read_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
