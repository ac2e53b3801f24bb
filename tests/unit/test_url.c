/* SPDX-License-Identifier: MIT */
#include "redis/url.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_text(const char *actual, const char *expected)
{
    assert_int_equal(actual != NULL, expected != NULL);
    if (actual)
        assert_string_equal(actual, expected);
}

static void urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool tls;
        const char *host, *user, *password;
        int port, db;
    } cases[] = {
        {"redis://localhost", false, "localhost", NULL, NULL, 6379, 0},
        {"redis://127.0.0.1:6380/3", false, "127.0.0.1", NULL, NULL, 6380, 3},
        {"redis://h:1/", false, "h", NULL, NULL, 1, 0},
        {"redis://h:65535", false, "h", NULL, NULL, 65535, 0},
        {"rediss://h", true, "h", NULL, NULL, 6379, 0},
        {"redis://[::1]:7000/2", false, "::1", NULL, NULL, 7000, 2},
        {"redis://[fe80::1%25eth0]", false, "fe80::1%eth0", NULL, NULL, 6379, 0},
        {"redis://:secret@h", false, "h", NULL, "secret", 6379, 0},
        {"redis://user:secret@h:1/9", false, "h", "user", "secret", 1, 9},
        {"redis://u%40x:p%3a%2F%25@h", false, "h", "u@x", "p:/%", 6379, 0},
        {"redis://user:a@b/c@h/1", false, "h", "user", "a@b/c", 6379, 1},
        {"redis://user:@h", false, "h", "user", "", 6379, 0},
        {"unix:///run/redis.sock", false, "/run/redis.sock", NULL, NULL, 0, 0},
        {"unix:///a%20b?db=15", false, "/a b", NULL, NULL, 0, 15},
        {"unix://u:p@/run/s", false, "/run/s", "u", "p", 0, 0},
        {"unix://:p@/run/s?db=1000000", false, "/run/s", NULL, "p", 0, 1000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weir_url url;
        weir_error err = {.code = WEIR_OK};
        if (weir_url_parse(cases[i].text, &url, &err) != WEIR_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
        assert_int_equal(url.kind, WEIR_URL_DIRECT);
        assert_int_equal(url.n_endpoints, 1);
        assert_string_equal(url.endpoints[0].host, cases[i].host);
        assert_int_equal(url.endpoints[0].port, cases[i].port);
        expect_text(url.user, cases[i].user);
        expect_text(url.password, cases[i].password);
        assert_int_equal(url.tls, cases[i].tls);
        assert_int_equal(url.db, cases[i].db);
        weir_url_clear(&url);
    }
}

/* Several hosts: what each case expects, the hosts as "host port host port …". */
static void lists_of_hosts_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum weir_url_kind kind;
        bool tls;
        const char *hosts, *primary, *user, *password, *sentinel_user, *sentinel_password;
        int db;
    } cases[] = {
        {"redis+sentinel://a/main", WEIR_URL_SENTINEL, false, "a 26379 ", "main", NULL, NULL, NULL, NULL, 0},
        {"redis+sentinel://a:1,b,[::1]:2,[fe80::1]/m%2Fx/", WEIR_URL_SENTINEL, false,
         "a 1 b 26379 ::1 2 fe80::1 26379 ", "m/x", NULL, NULL, NULL, NULL, 0},
        {"rediss+sentinel://u:p,w@a:1,b:2/main/7", WEIR_URL_SENTINEL, true, "a 1 b 2 ", "main", "u", "p,w", NULL, NULL,
         7},
        {"redis+sentinel://:p/@a/main?sentinel_password=x%40y%3f", WEIR_URL_SENTINEL, false, "a 26379 ", "main", NULL,
         "p/", NULL, "x@y?", 0},
        {"redis+sentinel://a/m/1?sentinel_user=su&sentinel_password=", WEIR_URL_SENTINEL, false, "a 26379 ", "m", NULL,
         NULL, "su", "", 1},
        {"redis+cluster://a", WEIR_URL_CLUSTER, false, "a 6379 ", NULL, NULL, NULL, NULL, NULL, 0},
        {"redis+cluster://u:p?@a:1,[::1]:2,b/0", WEIR_URL_CLUSTER, false, "a 1 ::1 2 b 6379 ", NULL, "u", "p?", NULL,
         NULL, 0},
        {"rediss+cluster://a:1,b:2/", WEIR_URL_CLUSTER, true, "a 1 b 2 ", NULL, NULL, NULL, NULL, NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct weir_url url;
        weir_error err = {.code = WEIR_OK};
        if (weir_url_parse(cases[i].text, &url, &err) != WEIR_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
        assert_int_equal(url.kind, cases[i].kind);
        assert_int_equal(url.tls, cases[i].tls);
        assert_int_equal(url.db, cases[i].db);
        char hosts[2000] = "";
        for (size_t j = 0; j < url.n_endpoints; j++)
            sprintf(hosts + strlen(hosts), "%s %d ", url.endpoints[j].host, url.endpoints[j].port);
        assert_string_equal(hosts, cases[i].hosts);
        expect_text(url.primary, cases[i].primary);
        expect_text(url.user, cases[i].user);
        expect_text(url.password, cases[i].password);
        expect_text(url.sentinel_user, cases[i].sentinel_user);
        expect_text(url.sentinel_password, cases[i].sentinel_password);
        weir_url_clear(&url);
    }
}

static void lists_end_somewhere(void **state)
{
    (void)state;
    for (int n = WEIR_URL_ENDPOINTS_MAX; n <= WEIR_URL_ENDPOINTS_MAX + 1; n++) {
        char text[1000] = "redis+cluster://h";
        for (int i = 1; i < n; i++)
            strcat(text, ",h");
        struct weir_url url;
        bool fits = n == WEIR_URL_ENDPOINTS_MAX;
        assert_int_equal(weir_url_parse(text, &url, NULL), fits ? WEIR_OK : WEIR_ERR_ARGUMENT);
        if (fits)
            weir_url_clear(&url);
    }
    for (size_t len = WEIR_HOST_SIZE - 1; len <= WEIR_HOST_SIZE; len++) {
        char text[400] = "redis://";
        memset(text + 8, 'h', len);
        struct weir_url url;
        bool fits = len < WEIR_HOST_SIZE;
        assert_int_equal(weir_url_parse(text, &url, NULL), fits ? WEIR_OK : WEIR_ERR_ARGUMENT);
        if (fits)
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
        {"unix:///234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
         "12345678",
         "longer"},
        {"redis://h?password=canary", "'?'"},
        {"redis+cluster://h?password=canary", "'?'"},
        {"redis://a,b", "several hosts"},
        {"redis+sentinel://", "host"},
        {"redis+sentinel://a", "name is missing"},
        {"redis+sentinel://a/", "name is missing"},
        {"redis+sentinel://a//1", "name is missing"},
        {"redis+sentinel:///m", "host"},
        {"redis+sentinel://a,/m", "host"},
        {"redis+sentinel://,a/m", "host"},
        {"redis+sentinel://a,,b/m", "host"},
        {"redis+sentinel://a:1:2/m", "port"},
        {"redis+sentinel://a:,b/m", "port"},
        {"redis+sentinel://[::1,b/m", "IPv6"},
        {"redis+sentinel://[::1]x,b/m", "]"},
        {"redis+sentinel://[]/m", "host"},
        {"redis+sentinel://a/m/x", "database"},
        {"redis+sentinel://a/m/1/2", "database"},
        {"redis+sentinel://a/m%0", "primary's name"},
        {"redis+sentinel://canary@a/m", "user needs a password"},
        {"redis+sentinel://a/m?", "sentinel_user"},
        {"redis+sentinel://a/m?canary", "sentinel_user"},
        {"redis+sentinel://a/m?sentinel_password", "sentinel_user"},
        {"redis+sentinel://a/m?sentinel_passwor=canary", "sentinel_user"},
        {"redis+sentinel://a/m?sentinel_password=canary&", "sentinel_user"},
        {"redis+sentinel://a/m?sentinel_password=canary&sentinel_password=canary", "each once"},
        {"redis+sentinel://a/m?sentinel_password=canary%4", "sentinel's"},
        {"redis+sentinel://a/m?sentinel_user=canary", "needs sentinel_password"},
        {"redis+sentinel://u:canary?@a/m", "port"}, /* '?' is to be written %3f */
        {"redis+cluster://", "host"},
        {"redis+cluster://a/1", "database 0"},
        {"redis+cluster://a/0/0", "database"},
        {"redis+cluster://a:1,b:65536", "port"},
        {"redis+clusters://a", "redis+cluster://"},
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
    static const char *const wholes[] = {
        "redis://us%41er:pass%20word@[::1]:6379/12",
        "redis+cluster://us%41er:pass%20word@[::1]:6379,h,[::2]:1/0",
        "rediss+sentinel://u:p@[::1]:6379,h:1/na%20me/3?sentinel_user=%41&sentinel_password=p%20w",
    };
    for (size_t i = 0; i < COUNT_OF(wholes); i++)
        for (size_t n = 0; n <= strlen(wholes[i]); n++) {
            char *text = strndup(wholes[i], n);
            struct weir_url url;
            if (weir_url_parse(text, &url, NULL) == WEIR_OK)
                weir_url_clear(&url);
            free(text);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),     cmocka_unit_test(lists_of_hosts_are_taken_apart),
        cmocka_unit_test(lists_end_somewhere),      cmocka_unit_test(what_is_wrong_is_named_and_nothing_secret_is),
        cmocka_unit_test(no_prefix_is_read_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
