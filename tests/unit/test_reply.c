/* SPDX-License-Identifier: MIT */
#include "redis/reply.h"

#include "support/test.h"

#include <hiredis/hiredis.h>
#include <stdint.h>
#include <string.h>

/* Feeds bytes, in pieces of `step`, and gives the first whole reply; NULL where there is none. */
static struct weir_reply *parse(struct redisReader *reader, struct weir_arena *arena, const char *bytes, size_t len,
                                size_t step)
{
    void *reply = NULL;
    reader->privdata = arena;
    for (size_t at = 0; at < len && !reply; at += step) {
        size_t n = len - at < step ? len - at : step;
        if (redisReaderFeed(reader, bytes + at, n) != REDIS_OK || redisReaderGetReply(reader, &reply) != REDIS_OK)
            return NULL;
    }
    return reply;
}

static void replies_lie_in_the_arena_however_they_arrive(void **state)
{
    (void)state;
    static const char bytes[] = "*5\r\n$5\r\na\0b\r\n\r\n:-42\r\n$-1\r\n*2\r\n+OK\r\n-ERR no\r\n*0\r\n";
    for (size_t step = 1; step <= sizeof bytes; step++) {
        struct redisReader *reader = weir_reply_reader_new();
        struct weir_arena arena;
        weir_arena_init(&arena, 0);
        const struct weir_reply *reply = parse(reader, &arena, bytes, sizeof bytes - 1, step);
        assert_non_null(reply);
        assert_true(weir_reply_is_array(reply, 5));
        assert_false(weir_reply_is_array(reply, 6));
        assert_int_equal(reply->items[0].kind, WEIR_REPLY_STRING);
        assert_int_equal(reply->items[0].len, 5);
        assert_memory_equal(reply->items[0].text, "a\0b\r\n", 6); /* the NUL beyond it, too */
        assert_int_equal(reply->items[1].kind, WEIR_REPLY_INTEGER);
        assert_int_equal(reply->items[1].integer, -42);
        assert_int_equal(reply->items[2].kind, WEIR_REPLY_NIL);
        assert_true(weir_reply_is_text(&reply->items[3].items[0]));
        assert_true(weir_reply_starts_with(&reply->items[3].items[0], "O"));
        assert_false(weir_reply_starts_with(&reply->items[3].items[0], "OKAY"));
        assert_int_equal(reply->items[3].items[1].kind, WEIR_REPLY_ERROR);
        assert_int_equal(reply->items[4].len, 0);
        redisReaderFree(reader);
        weir_arena_free(&arena);
    }
}

/* What a hostile server sends ends in an error or in waiting for more, never in memory that isn't there. */
static void hostile_replies_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "*2147483647\r\n",  "*-2\r\n",
        "*-2147483648\r\n", "*1000000\r\n*1000000\r\n",
        "$536870912\r\n",   "$-2\r\n",
        "?what\r\n",        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
        ":12x\r\n",         "\r\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct redisReader *reader = weir_reply_reader_new();
        struct weir_arena arena;
        weir_arena_init(&arena, 1 << 20);
        parse(reader, &arena, cases[i], strlen(cases[i]), SIZE_MAX / 2);
        assert_true(arena.used <= 1 << 20);
        redisReaderFree(reader);
        weir_arena_free(&arena);
    }
}

static void the_limit_of_the_arena_ends_a_reply(void **state)
{
    (void)state;
    struct redisReader *reader = weir_reply_reader_new();
    struct weir_arena arena;
    weir_arena_init(&arena, 4096);
    assert_null(parse(reader, &arena, "*1000\r\n", 7, 7));
    assert_int_equal(reader->err, REDIS_ERR_OOM);
    redisReaderFree(reader);
    weir_arena_free(&arena);
}

static void errors_become_statuses_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        weir_status status;
        bool retriable;
    } cases[] = {
        {"OOM command not allowed when used memory > 'maxmemory'.", WEIR_ERR_FULL, true},
        {"LOADING Redis is loading the dataset in memory", WEIR_ERR_UNAVAILABLE, true},
        {"READONLY You can't write against a read only replica.", WEIR_ERR_UNAVAILABLE, true},
        {"MISCONF Redis is configured to save RDB snapshots", WEIR_ERR_UNAVAILABLE, true},
        {"BUSY Redis is busy running a script.", WEIR_ERR_UNAVAILABLE, true},
        {"ERR max number of clients reached", WEIR_ERR_UNAVAILABLE, true},
        {"NOAUTH Authentication required.", WEIR_ERR_AUTH, false},
        {"WRONGPASS invalid username-password pair or user is disabled.", WEIR_ERR_AUTH, false},
        {"ERR AUTH <password> called without any password configured", WEIR_ERR_AUTH, false},
        {"NOPERM this user has no permissions to run the 'xautoclaim' command", WEIR_ERR_PERMISSION, false},
        {"ERR ACL failure in script: User u has no permissions to run the 'zadd' command", WEIR_ERR_PERMISSION, false},
        {"@user_script: 12: -OOM command not allowed when used memory > 'maxmemory'.", WEIR_ERR_FULL, true},
        {"ERR Error running script (call to f_0a9f): @user_script:1: @user_script: 1: -NOREPLICAS Not enough good "
         "replicas",
         WEIR_ERR_UNAVAILABLE, true},
        {"@user_script: ", WEIR_ERR_SERVER, false},
        {"EXECABORT Transaction discarded because of: NOPERM this user has no permissions to run the 'exec' command",
         WEIR_ERR_PERMISSION, false},
        {"ERR The user executing the script can't run this command or subcommand script: abc, on @user_script:1.",
         WEIR_ERR_PERMISSION, false},
        {"ERR Error running script (call to f_abc): @user_script:1: The user executing the script can't access at "
         "least "
         "one of the keys mentioned in the command arguments",
         WEIR_ERR_PERMISSION, false},
        {"NOGROUP No such key 'x' or consumer group 'g'", WEIR_ERR_NO_GROUP, true},
        {"UNBLOCKED the stream key no longer exists", WEIR_ERR_NO_GROUP, true},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", WEIR_ERR_SERVER, false},
        {"BUSYGROUP Consumer Group name already exists", WEIR_ERR_SERVER, false},
        {"MOVED 3999 127.0.0.1:6381", WEIR_ERR_UNSUPPORTED, false},
        {"ASK 3999 127.0.0.1:6381", WEIR_ERR_UNSUPPORTED, false},
        {"TRYAGAIN Multiple keys request during rehashing of slot", WEIR_ERR_UNAVAILABLE, true},
        {"CLUSTERDOWN The cluster is down", WEIR_ERR_UNAVAILABLE, true},
        {"ERR unknown command 'XAUTOCLAIM', with args beginning with:", WEIR_ERR_UNSUPPORTED, false},
        {"", WEIR_ERR_SERVER, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weir_reply reply = {.kind = WEIR_REPLY_ERROR, .len = strlen(cases[i].text), .text = cases[i].text};
        weir_error err = {.code = WEIR_OK};
        assert_int_equal(weir_reply_status(&reply, "XTEST", &err), cases[i].status);
        assert_int_equal(err.code, cases[i].status);
        assert_int_equal(err.retriable, cases[i].retriable);
        assert_true(strncmp(err.message, "XTEST: ", 7) == 0);
        assert_memory_equal(err.server, cases[i].text, strnlen(cases[i].text, sizeof err.server - 1));
    }
    struct weir_reply fine = {.kind = WEIR_REPLY_STATUS, .len = 2, .text = "OK"};
    assert_int_equal(weir_reply_status(&fine, "XTEST", NULL), WEIR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_lie_in_the_arena_however_they_arrive),
        cmocka_unit_test(hostile_replies_are_refused),
        cmocka_unit_test(the_limit_of_the_arena_ends_a_reply),
        cmocka_unit_test(errors_become_statuses_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
