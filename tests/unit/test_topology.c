/* SPDX-License-Identifier: MIT */
#include "redis/topology.h"

#include "support/test.h"

#include <hiredis/hiredis.h>
#include <string.h>

static struct weir_arena arena;

/* A reply as the server writes it. */
static const struct weir_reply *reply_of(const char *bytes)
{
    void *reply = NULL;
    struct redisReader *reader = weir_reply_reader_new();
    reader->privdata = &arena;
    assert_int_equal(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    redisReaderFree(reader);
    assert_non_null(reply);
    return reply;
}

static void expect_endpoint(const struct weir_endpoint *actual, const char *host, int port)
{
    assert_string_equal(actual->host, host);
    assert_int_equal(actual->port, port);
}

static const struct weir_endpoint asked = {"10.0.0.9", 7000};

static void sentinels_name_the_primary(void **state)
{
    (void)state;
    struct weir_endpoint found;
    assert_true(weir_sentinel_address(reply_of("*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6380\r\n"), &found));
    expect_endpoint(&found, "127.0.0.1", 6380);
    assert_true(weir_sentinel_address(reply_of("*2\r\n$3\r\n::1\r\n$5\r\n65535\r\n"), &found));
    expect_endpoint(&found, "::1", 65535);

    static const char *const others[] = {
        "*-1\r\n",
        "$-1\r\n",
        "*0\r\n",
        "*1\r\n$1\r\nh\r\n",
        "*2\r\n$0\r\n\r\n$1\r\n1\r\n",
        "*2\r\n$1\r\nh\r\n$1\r\n0\r\n",
        "*2\r\n$1\r\nh\r\n$5\r\n65536\r\n",
        "*2\r\n$1\r\nh\r\n$20\r\n18446744073709551615\r\n",
        "*2\r\n$1\r\nh\r\n$2\r\n-1\r\n",
        "*2\r\n$1\r\nh\r\n:6379\r\n",
        "*2\r\n:1\r\n$1\r\n1\r\n",
        "*2\r\n-ERR\r\n$1\r\n1\r\n",
        "-ERR no\r\n",
        ":1\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(weir_sentinel_address(reply_of(others[i]), &found));
}

static void only_a_primary_is_one(void **state)
{
    (void)state;
    assert_true(weir_role_is_primary(reply_of("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")));
    static const char *const others[] = {
        "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:1\r\n",
        "*2\r\n$8\r\nsentinel\r\n*0\r\n",
        "*1\r\n$7\r\nmasters\r\n",
        "*1\r\n:1\r\n",
        "*0\r\n",
        "*-1\r\n",
        "-NOPERM\r\n",
        "+master\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(weir_role_is_primary(reply_of(others[i])));
}

#define NODE(host, port) "*3\r\n" host ":" port "\r\n$2\r\nid\r\n"

static void the_primary_of_a_slot_is_found(void **state)
{
    (void)state;
    const struct weir_reply *slots = reply_of(
        "*4\r\n"
        "*4\r\n:0\r\n:5460\r\n" NODE("$8\r\n10.0.0.1\r\n", "7001")
            NODE("$8\r\n10.0.0.2\r\n", "7002") "*3\r\n:5461\r\n:5461\r\n" NODE(
                "$0\r\n\r\n",
                "7003") "*3\r\n:5462\r\n:5463\r\n" NODE("$-1\r\n",
                                                        "7004") "*4\r\n:5464\r\n:16383\r\n" NODE("$1\r\n?\r\n", "7005")
                NODE("$8\r\n10.0.0.1\r\n", "7001"));
    static const struct {
        unsigned slot;
        const char *host;
        int port;
    } cases[] = {{0, "10.0.0.1", 7001}, {5460, "10.0.0.1", 7001}, {5461, "10.0.0.9", 7003}, {5463, "10.0.0.9", 7004}};
    struct weir_endpoint found;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(weir_slots_primary(slots, cases[i].slot, &asked, &found));
        expect_endpoint(&found, cases[i].host, cases[i].port);
    }
    assert_false(weir_slots_primary(slots, 16383, &asked, &found)); /* its host is not known */

    struct weir_endpoint nodes[8];
    assert_int_equal(weir_slots_nodes(slots, &asked, nodes, COUNT_OF(nodes)), 4); /* each once */
    expect_endpoint(&nodes[1], "10.0.0.2", 7002);
    assert_int_equal(weir_slots_nodes(slots, &asked, nodes, 2), 2);
    assert_int_equal(weir_slots_nodes(slots, &asked, nodes, 0), 0);
}

#define RANGE(first, last, node) "*3\r\n:" first "\r\n:" last "\r\n" NODE("$8\r\n10.0.0." node "\r\n", "700" node)

/* Each primary is met once, by the first slot that it serves, whatever ranges it has. */
static void primaries_are_met_one_after_the_other(void **state)
{
    (void)state;
    const struct weir_reply *slots = reply_of("*5\r\n" RANGE("100", "200", "2") RANGE("0", "99", "1") RANGE(
        "300", "400", "3") RANGE("201", "299", "1") RANGE("401", "16383", "2"));
    unsigned slot = 0;
    assert_true(weir_slots_next(slots, slot, &asked, &slot));
    assert_int_equal(slot, 100);
    assert_true(weir_slots_next(slots, slot, &asked, &slot));
    assert_int_equal(slot, 300);
    assert_false(weir_slots_next(slots, slot, &asked, &slot));
    assert_int_equal(slot, 300);
    assert_false(weir_slots_next(reply_of("-ERR no\r\n"), 0, &asked, &slot));
    assert_false(weir_slots_next(reply_of("*0\r\n"), 0, &asked, &slot));
    assert_false(
        weir_slots_next(reply_of("*1\r\n*3\r\n:16384\r\n:16385\r\n" NODE("$1\r\nh\r\n", "1")), 0, &asked, &slot));
}

static void other_answers_about_slots_are_none(void **state)
{
    (void)state;
    static const char *const others[] = {
        "*0\r\n",
        "*-1\r\n",
        "$-1\r\n",
        "-ERR This instance has cluster support disabled\r\n",
        "*1\r\n*0\r\n",
        "*1\r\n*2\r\n:0\r\n:16383\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*0\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\nh\r\n:0\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\nh\r\n:65536\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\nh\r\n$1\r\n1\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n:1\r\n:1\r\n",
        "*1\r\n*3\r\n$1\r\n0\r\n:16383\r\n*2\r\n$1\r\nh\r\n:1\r\n",
        "*1\r\n*3\r\n:1\r\n:16383\r\n*2\r\n$1\r\nh\r\n:1\r\n",
        "*1\r\n*3\r\n:16383\r\n:0\r\n*2\r\n$1\r\nh\r\n:1\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct weir_endpoint found, nodes[4];
        assert_false(weir_slots_primary(reply_of(others[i]), 0, &asked, &found));
        assert_true(weir_slots_nodes(reply_of(others[i]), &asked, nodes, COUNT_OF(nodes)) <= 1);
    }
    char long_host[400];
    snprintf(long_host, sizeof long_host, "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$300\r\n%0300d\r\n:1\r\n", 1);
    struct weir_endpoint found;
    assert_false(weir_slots_primary(reply_of(long_host), 0, &asked, &found));
}

static void redirections_are_told_from_other_replies(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum weir_redirection kind;
        const char *host;
        int port;
    } cases[] = {
        {"-MOVED 3999 127.0.0.1:6381\r\n", WEIR_REDIRECTION_MOVED, "127.0.0.1", 6381},
        {"-ASK 3999 127.0.0.1:6381\r\n", WEIR_REDIRECTION_ASK, "127.0.0.1", 6381},
        {"-MOVED 0 ::1:6381\r\n", WEIR_REDIRECTION_MOVED, "::1", 6381},
        {"-MOVED 0 node-1.example.org:1\r\n", WEIR_REDIRECTION_MOVED, "node-1.example.org", 1},
        {"-MOVED 0 :6381\r\n", WEIR_REDIRECTION_MOVED, "10.0.0.9", 6381},
        {"-MOVED 0 ?:6381\r\n", WEIR_REDIRECTION_MOVED, "", 0},
        {"-MOVED 0 h:0\r\n", WEIR_REDIRECTION_MOVED, "", 0},
        {"-MOVED 0 h:65536\r\n", WEIR_REDIRECTION_MOVED, "", 0},
        {"-MOVED 0 h:1x\r\n", WEIR_REDIRECTION_MOVED, "", 0},
        {"-MOVED 0 h:\r\n", WEIR_REDIRECTION_MOVED, "", 0},
        {"-MOVED 0 h\r\n", WEIR_REDIRECTION_MOVED, "", 0},
        {"-MOVED \r\n", WEIR_REDIRECTION_MOVED, "", 0},
        {"-MOVED a:1 b\r\n", WEIR_REDIRECTION_MOVED, "", 0},
        {"-MOVED\r\n", WEIR_REDIRECTION_NONE, "", 0},
        {"-ASKING no\r\n", WEIR_REDIRECTION_NONE, "", 0},
        {"-TRYAGAIN no\r\n", WEIR_REDIRECTION_NONE, "", 0},
        {"+MOVED 0 h:1\r\n", WEIR_REDIRECTION_NONE, "", 0},
        {"$12\r\nMOVED 0 h:12\r\n", WEIR_REDIRECTION_NONE, "", 0},
        {":1\r\n", WEIR_REDIRECTION_NONE, "", 0},
        {"$-1\r\n", WEIR_REDIRECTION_NONE, "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct weir_endpoint found = {.port = 0};
        assert_int_equal(weir_redirection_of(reply_of(cases[i].text), &asked, &found), cases[i].kind);
        expect_endpoint(&found, cases[i].host, cases[i].port);
    }
}

static void endpoints_are_written_for_people(void **state)
{
    (void)state;
    char out[WEIR_ENDPOINT_TEXT_SIZE];
    struct weir_endpoint v6 = {"::1", 7}, path = {"/run/s", 0};
    assert_string_equal(weir_endpoint_words(&asked, out), "10.0.0.9 port 7000");
    assert_string_equal(weir_endpoint_words(&path, out), "unix socket /run/s");
    assert_string_equal(weir_endpoint_brief(&asked, out), "10.0.0.9:7000");
    assert_string_equal(weir_endpoint_brief(&v6, out), "[::1]:7");
    struct weir_endpoint long_one = {.port = 1};
    memset(long_one.host, 'h', sizeof long_one.host - 1);
    assert_true(strlen(weir_endpoint_words(&long_one, out)) < sizeof out);
    assert_true(strlen(weir_endpoint_brief(&long_one, out)) < sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentinels_name_the_primary),
        cmocka_unit_test(only_a_primary_is_one),
        cmocka_unit_test(the_primary_of_a_slot_is_found),
        cmocka_unit_test(primaries_are_met_one_after_the_other),
        cmocka_unit_test(other_answers_about_slots_are_none),
        cmocka_unit_test(redirections_are_told_from_other_replies),
        cmocka_unit_test(endpoints_are_written_for_people),
    };
    weir_arena_init(&arena, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    weir_arena_free(&arena);
    return failed;
}
