/* SPDX-License-Identifier: MIT
 *
 * What weir_check says of a server, a group and a queue, from facts alone.
 */
#include "broker/check.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* What was found: names in order, and all texts. */
struct found {
    char names[512], texts[4096];
    weir_finding last;
};

static void add(const weir_finding *finding, void *context)
{
    struct found *found = context;
    size_t len = strlen(found->names);
    snprintf(found->names + len, sizeof found->names - len, "%s%s", len ? ", " : "", weir_finding_name(finding->code));
    len = strlen(found->texts);
    snprintf(found->texts + len, sizeof found->texts - len, "%s %s|", finding->text, finding->fix);
    found->last = *finding;
    assert_null(strchr(finding->text, '\n'));
    assert_int_equal(finding->text[strlen(finding->text) - 1], '.');
    assert_int_equal(finding->fix[strlen(finding->fix) - 1], '.');
    assert_in_range(finding->severity, WEIR_NOTICE, WEIR_ERROR);
}

static struct found server(struct weir_server_facts facts)
{
    struct found found = {.names = ""};
    struct weir_findings findings = {.on_finding = add, .user_data = &found};
    weir_judge_server(&facts, &findings);
    return found;
}

/* A server of which nothing bad can be said. */
static struct weir_server_facts good(void)
{
    return (struct weir_server_facts){
        .version = 70015,
        .version_text = "7.0.15",
        .policy = "noeviction",
        .aof = true,
        .fsync = "always",
        .snapshots = 1,
        .min_replicas = 0,
        .used_memory = 1000000,
    };
}

#define EXPECT(expected, words, actual)                                                                                \
    do {                                                                                                               \
        struct found f = actual;                                                                                       \
        assert_string_equal(f.names, expected);                                                                        \
        if (!strstr(f.texts, words))                                                                                   \
            fail_msg("\"%s\" does not say \"%s\"", f.texts, words);                                                    \
    } while (0)

static void a_good_server_is_good(void **state)
{
    (void)state;
    EXPECT("", "", server(good()));
    struct weir_findings uncounted = {.on_finding = NULL};
    struct weir_server_facts facts = good();
    facts.replica = true;
    weir_judge_server(&facts, &uncounted);
    assert_int_equal(uncounted.n, 1);
}

#define WITH(expected, words, ...)                                                                                     \
    do {                                                                                                               \
        struct weir_server_facts facts = good();                                                                       \
        __VA_ARGS__;                                                                                                   \
        EXPECT(expected, words, server(facts));                                                                        \
    } while (0)

static void servers_are_judged_by_their_settings(void **state)
{
    (void)state;
    WITH("old server", "6.0.9", facts.version = 60009, strcpy(facts.version_text, "6.0.9"));
    WITH("old server", "(unknown)", facts.version = 0, facts.version_text[0] = '\0');
    WITH("", "", facts.version = 60200);
    WITH("replica", "takes no writes", facts.replica = true);
    WITH("eviction", "allkeys-lru", strcpy(facts.policy, "allkeys-lru"), facts.max_memory = 1 << 30);
    WITH("eviction", "there is no maxmemory now", strcpy(facts.policy, "allkeys-random"));
    WITH("window eviction", "volatile-ttl", strcpy(facts.policy, "volatile-ttl"));
    WITH("memory", "95 % of its maxmemory: soon it refuses", facts.used_memory = 950000000,
         facts.max_memory = 1000000000);
    WITH("memory", "90 %", facts.used_memory = 901000000, facts.max_memory = 1000000000);
    WITH("", "", facts.used_memory = 899000000, facts.max_memory = 1000000000);
    WITH("", "", facts.used_memory = UINT64_MAX);
    WITH("full", "out of memory", facts.used_memory = UINT64_MAX, facts.max_memory = UINT64_MAX);
    WITH("full", "refuses new jobs", facts.used_memory = 1000000000, facts.max_memory = 1000000000);
    WITH("full", "out of memory", facts.refuses = true); /* as it said itself */
    WITH("memory", "99 %", facts.used_memory = 990000000, facts.max_memory = 1000000000);
    WITH("eviction, memory", "deletes keys", strcpy(facts.policy, "allkeys-lfu"), facts.used_memory = 99,
         facts.max_memory = 100);
    WITH("eviction, memory", "deletes keys", strcpy(facts.policy, "allkeys-lfu"), facts.used_memory = 101,
         facts.max_memory = 100);
    WITH("writes fail", "the last time: jobs are not safe, and it may refuse writes", facts.writes_fail = true);
    WITH("writes fail", "or is not ready: jobs are not safe, and it refuses writes", facts.unavailable = true);
    WITH("replica", "takes no writes", facts.replica = true, facts.unavailable = true);
    WITH("no persistence", "loses all jobs", facts.aof = false, facts.snapshots = 0);
    WITH("no aof", "since the last snapshot", facts.aof = false);
    WITH("no aof", "append-only", facts.aof = false, facts.snapshots = -1);
    WITH("fsync", "last second", strcpy(facts.fsync, "everysec"));
    WITH("fsync", "not yet written", strcpy(facts.fsync, "no"));
    WITH("", "", facts.fsync[0] = '\0');
    WITH("failover", "1 replica, and does not wait for it", facts.replicas = 1);
    WITH("failover", "2 replicas, and does not wait for any of them", facts.replicas = 2, facts.min_replicas = -1);
    WITH("", "", facts.replicas = 2, facts.min_replicas = 1);
    WITH("unseen", "+config|get", facts.config_denied = true);
}

static struct found group(struct weir_group_facts facts)
{
    struct found found = {.names = ""};
    struct weir_findings findings = {.on_finding = add, .user_data = &found};
    facts.name = "senders";
    weir_judge_group(&facts, &findings);
    return found;
}

static void groups_are_judged_by_who_is_alive(void **state)
{
    (void)state;
#define GROUP(expected, words, ...) EXPECT(expected, words, group((struct weir_group_facts){__VA_ARGS__}))
    GROUP("", "", .live = 1, .consumers = 1, .unread = true, .patience_ms = 1);
    GROUP("", "", .consumers = 0);
    GROUP("", "", .live = 1, .consumers = 3, .pending = 7);
    GROUP("no worker", "In the group senders jobs wait to be read, and there is no live consumer.", .unread = true);
    GROUP("no worker", "1 job waits to be read", .unread = true, .lag = 1);
    GROUP("no worker", "12 jobs wait to be read, and there is no live consumer, though there were some", .unread = true,
          .lag = 12, .consumers = 2);
    GROUP("pending stuck", "1 job is pending for consumers that are not seen for 2 minutes.", .consumers = 1,
          .pending = 1, .abandoned = 1, .abandoned_since_ms = 120000);
    GROUP("pending stuck", "2 jobs are pending for consumers that are gone.", .consumers = 1, .pending = 2,
          .abandoned = 2, .abandoned_since_ms = -1);
    GROUP("pending stuck", "90 seconds; its live consumers should have taken them over", .consumers = 2, .live = 1,
          .pending = 5, .abandoned = 3, .abandoned_since_ms = 90000);
    GROUP("no worker, pending stuck", "3 days", .unread = true, .consumers = 1, .abandoned = 1,
          .abandoned_since_ms = 3 * 86400000LL);
    GROUP("", "", .unread = true, .consumers = 1, .abandoned = 1, .paused = true); /* that is why */
}

static void groups_are_judged_by_their_progress(void **state)
{
    (void)state;
#define LIVE .unread = true, .live = 2, .consumers = 2, .patience_ms = 10000
    GROUP("", "", LIVE, .unread_for_ms = 9999, .pending = 9);
    GROUP(
        "slow handler",
        "7 jobs wait to be read, the first one for 3 minutes, while 2 live consumers have 9 in hand: handlers are too "
        "slow, or too few.",
        LIVE, .lag = 7, .unread_for_ms = 180000, .pending = 9);
    GROUP("slow handler", "1 live consumer has 1 in hand", .unread = true, .live = 1, .pending = 1, .lag = -1);
    GROUP("not reading",
          "jobs wait to be read, the first one for 10 seconds, and 2 live consumers have nothing in hand", LIVE,
          .lag = -1, .unread_for_ms = 10000);
    GROUP("pending stuck, not reading", "nothing in hand", LIVE, .unread_for_ms = 10000, .pending = 3, .abandoned = 3,
          .abandoned_since_ms = 60000);
    GROUP("", "", LIVE, .unread_for_ms = 180000, .pending = 9, .paused = true);
    GROUP("", "", .live = 1, .pending = 9);
}

static void a_job_that_is_handed_out_again_and_again_is_suspect(void **state)
{
    (void)state;
    GROUP("", "", .live = 1, .pending = 1, .most_deliveries = 2, .most_delivered_id = "17-4");
    GROUP("poison job", "the job 17-4 was handed out 3 times and never answered for", .live = 1, .pending = 1,
          .most_deliveries = 3, .most_delivered_id = "17-4");
    GROUP("poison job", "17-4", .pending = 1, .most_deliveries = 3, .most_delivered_id = "17-4", .paused = true);
    GROUP("poison job, no worker", "17-4", .pending = 1, .most_deliveries = 3, .most_delivered_id = "17-4",
          .unread = true, .consumers = 3);
}

/* They can be any bytes, and are cut: a text is one line of printable UTF-8 all the same. */
static void names_of_groups_are_made_printable(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"a\nb\x1b[2Jc", "In the group a?b?[2Jc jobs"},
                                           {"\xc3\xa9\xff\xe2\x82", "In the group \u00e9??? jobs"},
                                           {"\xf0\x9f\x98\x80\x7f\x80\xc0\xaf", "In the group \U0001f600???? jobs"}};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct found found = {.names = ""};
        struct weir_findings findings = {.on_finding = add, .user_data = &found};
        weir_judge_group(&(struct weir_group_facts){.name = names[i][0], .unread = true}, &findings);
        assert_non_null(strstr(found.texts, names[i][1]));
    }
}

static struct found queue(struct weir_queue_facts facts)
{
    struct found found = {.names = ""};
    struct weir_findings findings = {.on_finding = add, .user_data = &found};
    weir_judge_pause(&facts, &findings);
    weir_judge_queue(&facts, &findings);
    return found;
}

static void queues_are_judged_by_what_is_left_lying(void **state)
{
    (void)state;
#define QUEUE(expected, words, ...) EXPECT(expected, words, queue((struct weir_queue_facts){__VA_ARGS__}))
    QUEUE("", "", .paused_for_ms = -1);
    QUEUE("", "", .paused_for_ms = -1, .groups = 1, .entries = 7, .delayed = 9);
    QUEUE("no group", "1 job and no group", .paused_for_ms = -1, .entries = 1);
    QUEUE("no group", "3 jobs and no group", .paused_for_ms = -1, .entries = 1, .delayed = 2);
    QUEUE("paused", "for 999 milliseconds", .paused_for_ms = 999);
    QUEUE("paused", "for 2 hours", .paused_for_ms = 7200000);
    QUEUE("paused", "The queue is paused: no worker", .paused_for_ms = 0);
    QUEUE("overdue", "Some delayed jobs are overdue, the first one by 2 minutes", .paused_for_ms = -1, .groups = 1,
          .delayed = 1, .overdue_uncounted = true, .overdue_by_ms = 120000);
    QUEUE("overdue", "1 delayed job is overdue, the first one by 2 minutes", .paused_for_ms = -1, .groups = 1,
          .delayed = 1, .overdue = 1, .overdue_by_ms = 120000);
    QUEUE("orphans",
          "2 delayed jobs have lost the time when to run, and will never be run. Check with "
          "repair set",
          .paused_for_ms = -1, .orphans = 2);
    QUEUE("orphans", "moved to the dead letters. Look at", .paused_for_ms = -1, .orphans = 2, .repaired = 2);
    QUEUE("no payload", "1 delayed job has lost what to run", .paused_for_ms = -1, .no_payload = 1);
    QUEUE("dead letters", "There is 1 dead letter:", .paused_for_ms = -1, .dead = 1);
    QUEUE("dead letters", "There are 5 dead letters:", .paused_for_ms = -1, .dead = 5);
    assert_true(queue((struct weir_queue_facts){.paused_for_ms = -1, .orphans = 2, .repaired = 2}).last.repaired);
    assert_false(queue((struct weir_queue_facts){.paused_for_ms = -1, .orphans = 2}).last.repaired);
    assert_int_equal(queue((struct weir_queue_facts){.paused_for_ms = -1, .dead = 5}).last.count, 5);
}

static void info_is_read_line_by_line(void **state)
{
    (void)state;
    static const char info[] =
        "# Server\r\nredis_version:6.2.14\r\nnot_role:slave\r\nrole:slave\r\nconnected_slaves:2\r\n"
        "used_memory:123\r\nused_memory_human:9M\r\nmaxmemory:456\r\nmaxmemory_policy:volatile-lru\r\n"
        "aof_enabled:1\r\nrdb_last_bgsave_status:ok\r\naof_last_write_status:err";
    struct weir_server_facts facts = {.snapshots = -1};
    weir_read_info(info, &facts);
    assert_int_equal(facts.version, 60214);
    assert_string_equal(facts.version_text, "6.2.14");
    assert_true(facts.replica);
    assert_int_equal(facts.replicas, 2);
    assert_int_equal(facts.used_memory, 123);
    assert_int_equal(facts.max_memory, 456);
    assert_string_equal(facts.policy, "volatile-lru");
    assert_true(facts.aof);
    assert_true(facts.writes_fail);
    assert_int_equal(facts.snapshots, -1);

    char text[4];
    assert_string_equal(weir_info_text(info, "redis_version", text, sizeof text), "6.2");
    assert_string_equal(weir_info_text("", "x", text, sizeof text), "");
    assert_string_equal(weir_info_text("x", "x", text, sizeof text), "");
    assert_string_equal(weir_info_text("x:", "x", text, sizeof text), "");
    assert_int_equal(weir_info_number("x:12a", "x"), 0);
    struct weir_server_facts nothing = {.version = 1};
    weir_read_info("", &nothing);
    assert_int_equal(nothing.version, 1);
}

static void names_are_those_of_the_table(void **state)
{
    (void)state;
    assert_string_equal(weir_finding_name(WEIR_FINDING_OLD_SERVER), "old server");
    assert_string_equal(weir_finding_name(WEIR_FINDING_DEAD_LETTERS), "dead letters");
    assert_string_equal(weir_finding_name((weir_finding_code)999), "unknown");
    assert_string_equal(weir_finding_name((weir_finding_code)-1), "unknown");
    assert_string_equal(weir_severity_name(WEIR_NOTICE), "notice");
    assert_string_equal(weir_severity_name(WEIR_ERROR), "error");
    assert_string_equal(weir_severity_name((weir_severity)3), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_server_is_good),
        cmocka_unit_test(servers_are_judged_by_their_settings),
        cmocka_unit_test(groups_are_judged_by_who_is_alive),
        cmocka_unit_test(groups_are_judged_by_their_progress),
        cmocka_unit_test(a_job_that_is_handed_out_again_and_again_is_suspect),
        cmocka_unit_test(names_of_groups_are_made_printable),
        cmocka_unit_test(queues_are_judged_by_what_is_left_lying),
        cmocka_unit_test(info_is_read_line_by_line),
        cmocka_unit_test(names_are_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
