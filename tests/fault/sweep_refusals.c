/* SPDX-License-Identifier: MIT
 *
 * A job's whole life with a server that refuses one command, in all the words that servers have: each command of it
 * once with each of them. Alone, in a cluster, and with a sentinel that refuses.
 */
#include "life.h"
#include "refuser.h"
#include "sweep.h"

#include "support/fleet.h"
#include "support/test.h"

#include <stdio.h>

static int port; /* the refuser's */

static void sweep_refusals(const char *title, struct life *life, size_t quick, size_t full)
{
    size_t points = 0, hits = 0;
    for (size_t i = 0; refuser_words(i); i++) {
        struct fault fault = {.kind = FAULT_REFUSAL, .words = refuser_words(i)};
        hits += sweep_quietly(title, life_with_fault, life, &fault, sweep_most(quick, full), &points);
    }
    assert_true(hits > 0);
    print_message("%s, refusals: %zu points, %zu faults\n", title, points, hits);
}

static void by_a_server(void **state)
{
    (void)state;
    struct test_server *server = test_server_start_tcp(NULL);
    char url[128];
    snprintf(url, sizeof url, "redis://" TEST_LOGIN "127.0.0.1:%d", port);
    refuser_aim(test_server_tcp_port(server));
    struct life life = {.url = url, .server = server};
    sweep_refusals("a life", &life, 5, 40);
    life.retention = WEIR_DELETE_ON_ACK;
    sweep_refusals("a life, deleting on ack", &life, 2, 20);
    test_server_stop(server);
}

static void by_a_sentinel(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_start(&fleet, 0, 1);
    char url[128];
    snprintf(url, sizeof url, "redis+sentinel://" TEST_LOGIN "127.0.0.1:%d/main", port);
    refuser_aim(test_server_tcp_port(fleet.sentinels[0]));
    sweep_refusals("a life behind a sentinel", &(struct life){.url = url, .server = fleet.nodes[0]}, 3, 20);
    fleet_stop(&fleet);
}

static void by_a_cluster(void **state)
{
    (void)state;
    struct cluster cluster;
    cluster_start(&cluster, 1, false);
    char url[128], command[64];
    snprintf(url, sizeof url, "redis+cluster://" TEST_LOGIN "127.0.0.1:%d", port);
    snprintf(command, sizeof command, "CONFIG SET cluster-announce-port %d", port);
    freeReplyObject(test_server_command(cluster.nodes[0], command));
    refuser_aim(test_server_tcp_port(cluster.nodes[0]));
    struct life life = {.url = url, .server = cluster.nodes[0]};
    sweep_refusals("a life in a cluster", &life, 5, 40);

    /* redirections that lead back to where they come from */
    static const char *const kinds[] = {"MOVED", "ASK"};
    size_t points = 0, hits = 0;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        char words[64];
        snprintf(words, sizeof words, "%s 9631 127.0.0.1:%d", kinds[i], port);
        struct fault fault = {.kind = FAULT_REFUSAL, .words = words};
        hits += sweep_quietly("a life in a cluster", life_with_fault, &life, &fault, sweep_most(10, 1000), &points);
    }
    assert_true(hits > 0);
    print_message("a life in a cluster, redirections: %zu points, %zu faults\n", points, hits);
    cluster_stop(&cluster);
}

int main(void)
{
    port = refuser_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_a_server),
        cmocka_unit_test(by_a_sentinel),
        cmocka_unit_test(by_a_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
