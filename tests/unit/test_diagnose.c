/* SPDX-License-Identifier: MIT
 *
 * weir_diagnose: what follows from what was seen of a queue and its server. The words are those of test_findings.c.
 */
#include <weir/diagnose.h>

#include "support/test.h"

#include <stdio.h>
#include <string.h>

struct found {
    char names[512], text[512];
    uint64_t count;
};

static void add(const weir_finding *finding, void *context)
{
    struct found *found = context;
    size_t len = strlen(found->names);
    snprintf(found->names + len, sizeof found->names - len, "%s%s", len ? ", " : "", weir_finding_name(finding->code));
    snprintf(found->text, sizeof found->text, "%s", finding->text);
    found->count = finding->count;
}

static struct found diagnose(weir_queue_info queue, weir_group_info group, const weir_server_info *server)
{
    struct found found = {.names = ""};
    const weir_group_info *groups[] = {&group};
    group.name = "g";
    queue.stream = "jobs";
    queue.now_ms = 1700000000000;
    queue.groups = groups;
    size_t n = weir_diagnose(&queue, server, add, &found), expected = found.names[0] ? 1 : 0;
    for (const char *c = found.names; *c; c++)
        expected += *c == ',';
    assert_int_equal(n, expected);
    assert_int_equal(weir_diagnose(&queue, server, NULL, NULL), n);
    return found;
}

#define QUEUE(...)                                                                                                     \
    (weir_queue_info)                                                                                                  \
    {                                                                                                                  \
        .exists = true, .n_groups = 1, .next_due_ms = -1, __VA_ARGS__                                                  \
    }
#define ALIVE .consumers_alive = 1
#define GROUP(expected, ...)                                                                                           \
    assert_string_equal(diagnose(QUEUE(.length = 9), (weir_group_info){__VA_ARGS__}, NULL).names, expected)

static void groups(void **state)
{
    (void)state;
    GROUP("", .consumers_alive = 0);
    GROUP("", ALIVE, .pending = 5, .oldest_pending_ms = 100000);
    GROUP("no worker", .waiting = 1);
    GROUP("no worker", .waiting = -1, .oldest_waiting_ms = 1, .consumers_idle = 3, .pending = 7);
    GROUP("pending stuck", .consumers_idle = 1, .pending = 1);
    GROUP("", ALIVE, .waiting = 500, .oldest_waiting_ms = 9999, .pending = 1);
    GROUP("slow handler", ALIVE, .waiting = 500, .oldest_waiting_ms = 10000, .pending = 1);
    GROUP("not reading", ALIVE, .waiting = 500, .oldest_waiting_ms = 10000);
    GROUP("", ALIVE, .waiting = 0, .oldest_pending_ms = 100000, .pending = 1, .most_deliveries = 2,
          .most_delivered_id = "1-1");
    GROUP("poison job", ALIVE, .pending = 1, .most_deliveries = 3, .most_delivered_id = "1-1");
    GROUP("poison job, no worker", .waiting = 2, .pending = 1, .most_deliveries = 3, .most_delivered_id = "1-1");
}

static void a_pause_comes_first_and_explains_the_rest(void **state)
{
    (void)state;
    const weir_group_info stuck = {.waiting = 5, .oldest_waiting_ms = 100000, .consumers_idle = 1, .pending = 1};
    struct found found = diagnose(QUEUE(.paused = 1, .paused_since_ms = 1699999940000), stuck, NULL);
    assert_string_equal(found.names, "paused");
    assert_non_null(strstr(found.text, "60 seconds"));
    found = diagnose(QUEUE(.paused = 1), stuck, NULL);
    assert_string_equal(found.text, "The queue is paused: no worker reads anything.");
    const weir_server_info full = {.size = sizeof full, .writes = WEIR_ERR_FULL};
    assert_string_equal(diagnose(QUEUE(.paused = 1), stuck, &full).names, "paused, full");
}

static void queues(void **state)
{
    (void)state;
    const weir_group_info fine = {ALIVE};
    assert_string_equal(diagnose(QUEUE(.delayed = 3, .overdue_ms = 9999), fine, NULL).names, "");
    struct found found = diagnose(QUEUE(.delayed = 3, .overdue_ms = 10000), fine, NULL);
    assert_string_equal(found.names, "overdue");
    assert_int_equal(found.count, 0); /* nobody has counted them */
    found = diagnose(QUEUE(.dead = 3), fine, NULL);
    assert_string_equal(found.names, "dead letters");
    assert_int_equal(found.count, 3);
    weir_queue_info nobody = QUEUE(.length = 2, .delayed = 1);
    nobody.n_groups = 0;
    found = diagnose(nobody, fine, NULL);
    assert_string_equal(found.names, "no group");
    assert_int_equal(found.count, 3);
    const weir_group_info none = {.consumers_idle = 1};
    assert_string_equal(diagnose(QUEUE(.delayed = 1, .overdue_ms = 10000, .dead = 1), none, NULL).names,
                        "overdue, dead letters");
}

#define SERVER(expected, ...)                                                                                          \
    do {                                                                                                               \
        struct found f = {.names = ""};                                                                                \
        weir_diagnose(NULL, &(weir_server_info){.size = sizeof(weir_server_info), __VA_ARGS__}, add, &f);              \
        assert_string_equal(f.names, expected);                                                                        \
    } while (0)

static void servers(void **state)
{
    (void)state;
    SERVER("", .writes = WEIR_OK);
    SERVER("full", .writes = WEIR_ERR_FULL);
    SERVER("full", .writes = WEIR_ERR_PERMISSION, .used_memory = 100, .max_memory = 100);
    SERVER("memory", .used_memory = 95, .max_memory = 100);
    SERVER("memory", .used_memory = 101, .max_memory = 100, .memory_policy = "allkeys-lru");
    SERVER("", .used_memory = 89, .max_memory = 100, .memory_policy = "allkeys-lru"); /* weir_check's business */
    SERVER("replica", .replica = true, .writes = WEIR_ERR_UNAVAILABLE);
    SERVER("writes fail", .writes = WEIR_ERR_UNAVAILABLE);
    SERVER("writes fail", .disk_fails = true);
    assert_int_equal(weir_diagnose(NULL, NULL, add, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups),
        cmocka_unit_test(a_pause_comes_first_and_explains_the_rest),
        cmocka_unit_test(queues),
        cmocka_unit_test(servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
