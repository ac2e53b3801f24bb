/* SPDX-License-Identifier: MIT
 *
 * weir_check against real servers: each finding where it is due, none on a queue at work, and nothing changed that was
 * not to be.
 */
#include "fixture.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PAUSED "{jobs}:paused"
#define HOUR_MS 3600000

/* What was found last, and the counts by code. */
struct found {
    char names[512];
    weir_finding last;
    char text[512]; /* of the last */
    uint64_t counts[64];
    bool repaired[64];
};

static struct found found;

static void note(const weir_finding *finding, void *context)
{
    struct found *to = context;
    size_t len = strlen(to->names);
    snprintf(to->names + len, sizeof to->names - len, "%s%s", len ? ", " : "", weir_finding_name(finding->code));
    to->last = *finding;
    snprintf(to->text, sizeof to->text, "%s", finding->text);
    to->counts[finding->code] = finding->count;
    to->repaired[finding->code] = finding->repaired;
    assert_true(finding->text[0] && finding->fix[0]);
}

static weir_check_options options_for(struct fixture *f)
{
    weir_check_options options = WEIR_CHECK_OPTIONS_INIT;
    options.url = test_server_url(f->server);
    options.stream = STREAM;
    options.connection.command_timeout_ms = TEST_TIMEOUT_MS;
    options.on_finding = note;
    options.user_data = &found;
    return options;
}

static void expect_with(const weir_check_options *options, const char *names)
{
    size_t n = 99, expected = names[0] ? 1 : 0;
    found = (struct found){.names = ""};
    OK(weir_check(options, &n, &last_error));
    assert_string_equal(found.names, names);
    for (const char *c = names; *c; c++)
        expected += *c == ',';
    assert_int_equal(n, expected);
}

static void expect(struct fixture *f, const char *names)
{
    weir_check_options options = options_for(f);
    expect_with(&options, names);
}

/* As expect, where everybody counts as gone, and everything due as overdue. */
static void expect_impatiently(struct fixture *f, const char *names)
{
    weir_check_options options = options_for(f);
    options.stale_ms = 0;
    expect_with(&options, names);
}

static void command(struct fixture *f, const char *words)
{
    redisReply *reply = test_server_command(f->server, words);
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        test_die("%s: %s", words, reply ? reply->str : "no answer");
    freeReplyObject(reply);
}

/* A server of which nothing bad can be said. */
static int set_up(void **state)
{
    static const char *const arguments[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    return fixture_set_up_with(state, test_server_start_with(arguments));
}
#define WITH_GOOD_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)

/* --- the server --- */

static void nothing_is_wrong_with_nothing(void **state)
{
    struct fixture *f = *state;
    expect(f, "");
    assert_int_equal(test_server_integer(f->server, "DBSIZE"), 0);
}

static void what_endangers_jobs_is_told(void **state)
{
    struct fixture *f = *state;
    command(f, "CONFIG SET maxmemory-policy allkeys-lru");
    expect(f, "eviction");
    assert_int_equal(found.last.severity, WEIR_ERROR);
    command(f, "CONFIG SET maxmemory-policy volatile-lru");
    expect(f, "window eviction");
    command(f, "CONFIG SET maxmemory-policy noeviction");
    command(f, "CONFIG SET maxmemory 100");
    expect(f, "full");
    command(f, "CONFIG SET maxmemory 0");
    command(f, "CONFIG SET appendfsync everysec");
    expect(f, "fsync");
    command(f, "CONFIG SET appendonly no");
    expect(f, "no persistence");
    redisReply *reply = test_server_argv(f->server, 4, (const char *[]){"CONFIG", "SET", "save", "3600 1"}, NULL);
    freeReplyObject(reply);
    expect(f, "no aof");
}

static bool save_has_failed(void *context)
{
    redisReply *reply = test_server_command(((struct fixture *)context)->server, "INFO persistence");
    bool failed = strstr(reply->str, "rdb_last_bgsave_status:err") != NULL;
    freeReplyObject(reply);
    return failed;
}

static void a_disk_that_fails_is_told(void **state)
{
    struct fixture *f = *state;
    char socket[128], path[192];
    snprintf(socket, sizeof socket, "%s", test_server_socket(f->server));
    snprintf(path, sizeof path, "%s/dump.rdb", dirname(socket));
    assert_int_equal(mkdir(path, 0700), 0); /* where the snapshot is to be written */
    command(f, "BGSAVE");
    assert_true(wait_for(save_has_failed, f, TEST_TIMEOUT_MS));
    expect(f, "writes fail");
}

static bool has_replica(void *context)
{
    redisReply *reply = test_server_command(((struct fixture *)context)->server, "INFO replication");
    bool has = strstr(reply->str, "connected_slaves:1") != NULL;
    freeReplyObject(reply);
    return has;
}

static void replication_is_told(void **state)
{
    struct fixture *f = *state;
    test_server_stop(f->server);
    f->server = test_server_start_tcp((const char *const[]){"--appendonly", "yes", "--appendfsync", "always", NULL});
    char port[16];
    snprintf(port, sizeof port, "%d", test_server_tcp_port(f->server));
    struct test_server *replica = test_server_start_with((const char *const[]){
        "--replicaof", "127.0.0.1", port, "--appendonly", "yes", "--appendfsync", "always", NULL});
    assert_true(wait_for(has_replica, f, TEST_TIMEOUT_MS));
    expect(f, "failover");
    command(f, "CONFIG SET min-replicas-to-write 1");
    expect(f, "");

    weir_check_options options = options_for(f);
    options.url = test_server_url(replica);
    expect_with(&options, "replica");
    test_server_stop(replica);
}

static void what_may_not_be_asked_is_told(void **state)
{
    struct fixture *f = *state;
    char url[192];
    command(f, "ACL SETUSER u on >secret ~* +@all -config");
    snprintf(url, sizeof url, "unix://u:secret@%s", test_server_socket(f->server));
    weir_check_options options = options_for(f);
    options.url = url;
    expect_with(&options, "unseen");
}

/* --- the queue --- */

static void keys_of_another_type_are_told(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {STREAM, DELAYED, DELAYED_JOBS, DEAD};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        freeReplyObject(test_server_command(f->server, "SET %s x", keys[i]));
        expect(f, "wrong type");
        freeReplyObject(test_server_command(f->server, "DEL %s", keys[i]));
    }
    expect(f, "");
}

static void groups_that_nobody_serves_are_told(void **state)
{
    struct fixture *f = *state;
    command(f, "XADD " STREAM " * n 1");
    expect(f, "no group");
    assert_int_equal(found.counts[WEIR_FINDING_NO_GROUP], 1);
    command(f, "XGROUP CREATE " STREAM " empty $");
    expect(f, "");
    command(f, "XGROUP CREATE " STREAM " " GROUP " 0");
    expect(f, "no worker"); /* the other one has nothing to read */
    command(f, "XREADGROUP GROUP " GROUP " gone COUNT 1 STREAMS " STREAM " >");
    expect(f, ""); /* it was here just now */
    expect_impatiently(f, "pending stuck");
    assert_int_equal(found.counts[WEIR_FINDING_PENDING_STUCK], 1);
    command(f, "XADD " STREAM " * n 2");
    expect_impatiently(f, "no worker, no worker, pending stuck");
}

/* Entries of 1970: what waits has waited for long. */
static void slow_groups_and_poison_are_told(void **state)
{
    struct fixture *f = *state;
    command(f, "XADD " STREAM " 1000-0 n 1");
    command(f, "XADD " STREAM " 1000-1 n 2");
    command(f, "XGROUP CREATE " STREAM " " GROUP " 0");
    command(f, "XGROUP CREATECONSUMER " STREAM " " GROUP " here");
    expect(f, "not reading");
    command(f, "XREADGROUP GROUP " GROUP " here COUNT 1 STREAMS " STREAM " >");
    expect(f, "slow handler");
    command(f, "SET " PAUSED " 1");
    expect(f, "paused");
    command(f, "DEL " PAUSED);
    command(f, "XREADGROUP GROUP " GROUP " here COUNT 1 STREAMS " STREAM " >");
    expect(f, "");
    command(f, "XCLAIM " STREAM " " GROUP " here 0 1000-1 RETRYCOUNT 2");
    expect(f, "");
    command(f, "XCLAIM " STREAM " " GROUP " here 0 1000-1 RETRYCOUNT 3");
    expect(f, "poison job");
    assert_non_null(strstr(found.text, "the job 1000-1 was handed out 3 times"));
}

static void pauses_and_dead_letters_are_told(void **state)
{
    struct fixture *f = *state;
    command(f, "SET " PAUSED " 1");
    command(f, "XADD " DEAD " * n 1");
    command(f, "XADD " DEAD " * n 2");
    expect(f, "paused, dead letters");
    assert_int_equal(found.counts[WEIR_FINDING_DEAD_LETTERS], 2);
    assert_int_equal(found.last.severity, WEIR_NOTICE);
}

static void delay(struct fixture *f, const char *id, int64_t delay_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = id;
    options.delay_ms = delay_ms;
    put_with(f, id, &options);
}

static void overdue_jobs_are_told(void **state)
{
    struct fixture *f = *state;
    command(f, "XGROUP CREATE " STREAM " " GROUP " 0 MKSTREAM");
    delay(f, "late", 1);
    delay(f, "later", HOUR_MS);
    expect(f, "");
    while (test_server_integer(f->server, "ZCOUNT " DELAYED " -inf (%lld", (long long)server_now_ms(f)) == 0)
        ;
    expect_impatiently(f, "overdue");
    assert_int_equal(found.counts[WEIR_FINDING_OVERDUE], 1);
}

/* --- strays --- */

enum { MANY = 1500 }; /* more than a script looks at in one go */

static void make_strays(struct fixture *f)
{
    command(f, "XGROUP CREATE " STREAM " " GROUP " 0 MKSTREAM");
    for (int i = 0; i < MANY; i++) {
        char id[16];
        snprintf(id, sizeof id, "job-%d", i);
        delay(f, id, HOUR_MS);
        if (i % 10 == 0)
            freeReplyObject(test_server_command(f->server, "ZREM " DELAYED " %s", id));
        else if (i % 10 == 1)
            freeReplyObject(test_server_command(f->server, "HDEL " DELAYED_JOBS " %s", id));
    }
    command(f, "HSET " DELAYED_JOBS " spoilt x");
}

static void halves_of_delayed_jobs_are_told_and_left_alone(void **state)
{
    struct fixture *f = *state;
    make_strays(f);
    long long jobs = test_server_integer(f->server, "HLEN " DELAYED_JOBS);
    for (int i = 0; i < 2; i++) {
        expect(f, "orphans, no payload");
        assert_int_equal(found.counts[WEIR_FINDING_ORPHANS], MANY / 10 + 1);
        assert_int_equal(found.counts[WEIR_FINDING_NO_PAYLOAD], MANY / 10);
        assert_false(found.repaired[WEIR_FINDING_ORPHANS]);
    }
    assert_int_equal(test_server_integer(f->server, "HLEN " DELAYED_JOBS), jobs);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD), 0);
}

/* Nothing is lost by it: each is a dead letter with its fields, and can be requeued. */
static void orphans_are_repaired_when_asked(void **state)
{
    struct fixture *f = *state;
    make_strays(f);
    weir_check_options options = options_for(f);
    options.repair = true;
    expect_with(&options, "orphans, no payload, dead letters");
    assert_true(found.repaired[WEIR_FINDING_ORPHANS]);
    assert_int_equal(found.counts[WEIR_FINDING_ORPHANS], MANY / 10 + 1);
    assert_int_equal(test_server_integer(f->server, "XLEN " DEAD), MANY / 10 + 1);
    assert_int_equal(test_server_integer(f->server, "HLEN " DELAYED_JOBS), MANY - 2 * MANY / 10);
    expect_with(&options, "no payload, dead letters");

    redisReply *letters = entries_of(f, DEAD);
    size_t spoilt = 0;
    for (size_t i = 0; i < letters->elements; i++) {
        const redisReply *letter = letters->element[i];
        assert_string_equal(text_of(letter, "weir.reason"), "orphaned");
        if (strcmp(text_of(letter, "weir.id"), "spoilt") == 0) {
            assert_string_equal(text_of(letter, "packed"), "x");
            spoilt++;
            continue;
        }
        assert_string_equal(text_of(letter, "n"), text_of(letter, "weir.id"));
        assert_string_equal(text_of(letter, "weir.attempts"), "0");
        assert_int_equal(strlen(text_of(letter, "weir.first_enqueued_ms")), 13);
        OK(weir_dead_requeue(fixture_letters(f), letter->element[0]->str, &last_error));
    }
    assert_int_equal(spoilt, 1);
    freeReplyObject(letters);
    weir_queue_options queue = fixture_options(f);
    fixture_start(f, &queue);
    assert_true(recorder_wait_count(f->runs, MANY / 10, TEST_TIMEOUT_MS));
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
}

/* --- at work --- */

/* With everything going on at once, none of it is a finding. */
static void a_queue_at_work_is_well(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_retry;
    options.max_attempts = 3;
    options.backoff_base_ms = 1;
    options.dead_mode = WEIR_DEAD_CALLBACK_ONLY;
    options.on_dead = record_dead;
    weir_queue *queue = fixture_start(f, &options);
    enum { ROUNDS = 30, EACH = 50 };
    put(f, "first"); /* before it has read for the first time nobody knows that it lives */
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    for (int i = 0; i < ROUNDS; i++) {
        put_numbered(f, i * EACH, EACH);
        char id[16];
        snprintf(id, sizeof id, "delayed-%d", i);
        delay(f, id, i % 20);
        expect(f, "");
    }
    assert_true(recorder_wait_count(f->dead, ROUNDS * (EACH + 1) + 1, TEST_TIMEOUT_MS));
    fixture_close(f, queue);
    expect(f, "");
}

/* --- arguments --- */

static void what_makes_no_sense_is_refused(void **state)
{
    struct fixture *f = *state;
    size_t n = 99;
    EXPECT(WEIR_ERR_ARGUMENT, weir_check(NULL, &n, &last_error));
    weir_check_options options = options_for(f);
    options.size--;
    EXPECT(WEIR_ERR_ARGUMENT, weir_check(&options, &n, &last_error));
    assert_non_null(strstr(last_error.message, "WEIR_CHECK_OPTIONS_INIT"));
    options = options_for(f);
    options.url = NULL;
    EXPECT(WEIR_ERR_ARGUMENT, weir_check(&options, &n, &last_error));
    options = options_for(f);
    options.stream = "";
    EXPECT(WEIR_ERR_ARGUMENT, weir_check(&options, &n, &last_error));
    options = options_for(f);
    options.stale_ms = -1;
    EXPECT(WEIR_ERR_ARGUMENT, weir_check(&options, &n, &last_error));
    options = options_for(f);
    options.connection.connect_timeout_ms = 0;
    EXPECT(WEIR_ERR_ARGUMENT, weir_check(&options, &n, &last_error));
    options = options_for(f);
    options.url = "memory:check";
    EXPECT(WEIR_ERR_UNSUPPORTED, weir_check(&options, &n, &last_error));
    assert_non_null(strstr(last_error.message, "memory:"));
    options.url = "unix:///no/such/socket";
    EXPECT(WEIR_ERR_CONNECTION, weir_check(&options, &n, NULL));
    assert_int_equal(n, 99);
    options = options_for(f);
    options.on_finding = NULL;
    command(f, "XADD " STREAM " * n 1");
    OK(weir_check(&options, NULL, &last_error));
    OK(weir_check(&options, &n, &last_error));
    assert_int_equal(n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GOOD_SERVER(nothing_is_wrong_with_nothing),
        WITH_GOOD_SERVER(what_endangers_jobs_is_told),
        WITH_GOOD_SERVER(a_disk_that_fails_is_told),
        WITH_GOOD_SERVER(replication_is_told),
        WITH_GOOD_SERVER(what_may_not_be_asked_is_told),
        WITH_GOOD_SERVER(keys_of_another_type_are_told),
        WITH_GOOD_SERVER(groups_that_nobody_serves_are_told),
        WITH_GOOD_SERVER(slow_groups_and_poison_are_told),
        WITH_GOOD_SERVER(pauses_and_dead_letters_are_told),
        WITH_GOOD_SERVER(overdue_jobs_are_told),
        WITH_GOOD_SERVER(halves_of_delayed_jobs_are_told_and_left_alone),
        WITH_GOOD_SERVER(orphans_are_repaired_when_asked),
        WITH_GOOD_SERVER(a_queue_at_work_is_well),
        WITH_GOOD_SERVER(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
