/* SPDX-License-Identifier: MIT */
#include "support/fleet.h"

#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of these servers the output is shown where that is waited for in vain. */
static void await(bool (*condition)(void *context), void *context, struct test_server *const *servers, int n,
                  const char *what)
{
    if (wait_for(condition, context, 2 * TEST_TIMEOUT_MS))
        return;
    for (int i = 0; i < n; i++) {
        fprintf(stderr, "--- port %d\n", test_server_tcp_port(servers[i]));
        test_server_show_output(servers[i]);
    }
    test_die("waited in vain until %s", what);
}

static bool runs(const struct test_server *server)
{
    return server && test_server_pid(server) != 0;
}

/* Whether the answer to a command contains the text. */
static bool says(struct test_server *server, const char *text, const char *command)
{
    redisReply *reply = test_server_try(server, command);
    bool found = reply && reply->str && strstr(reply->str, text);
    if (reply)
        freeReplyObject(reply);
    return found;
}

/* A command that must be answered with OK. */
static void ok(redisReply *reply, const char *what)
{
    if (reply->type != REDIS_REPLY_STATUS && reply->type != REDIS_REPLY_INTEGER)
        test_die("%s: %s", what, reply->str ? reply->str : "no status");
    freeReplyObject(reply);
}

static void append_address(char url[FLEET_URL_SIZE], const struct test_server *server)
{
    size_t len = strlen(url);
    snprintf(url + len, FLEET_URL_SIZE - len, "%s127.0.0.1:%d", url[len - 1] == '@' ? "" : ",",
             test_server_tcp_port(server));
}

static bool is_in_step(struct test_server *replica)
{
    return says(replica, "master_link_status:up", "INFO replication");
}

/* --- behind sentinels --- */

static struct test_server *start_node(const struct test_server *primary)
{
    char port[16] = "";
    if (primary)
        snprintf(port, sizeof port, "%d", test_server_tcp_port(primary));
    const char *args[] = {"--repl-diskless-sync-delay",
                          "0",
                          "--repl-ping-replica-period",
                          "1",
                          primary ? "--replicaof" : NULL,
                          "127.0.0.1",
                          port,
                          NULL};
    return test_server_start_tcp(args);
}

/*
 * What makes discovering and electing quicker; a server that lacks it is slower. A sentinel turns a primary that it
 * does not expect into a replica after four publish periods: that must be longer than the second in which the one that
 * has promoted it finds out that it is done.
 */
static void hurry(struct test_server *sentinel)
{
    static const char *const settings[] = {"info-period 100",       "publish-period 500",        "ask-period 50",
                                           "election-timeout 1000", "slave-reconf-timeout 1000", "tilt-trigger 20000",
                                           "tilt-period 1000"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char command[64];
        snprintf(command, sizeof command, "SENTINEL DEBUG %s", settings[i]);
        freeReplyObject(test_server_command(sentinel, command));
    }
}

static struct test_server *start_sentinel(const struct test_server *primary, int quorum)
{
    char configuration[512];
    snprintf(configuration, sizeof configuration,
             "sentinel monitor main 127.0.0.1 %d %d\n"
             "sentinel down-after-milliseconds main %d\n"
             "sentinel failover-timeout main %d\n"
             "sentinel parallel-syncs main 2\n",
             test_server_tcp_port(primary), quorum, test_scaled_ms(500), test_scaled_ms(3000));
    struct test_server *sentinel = test_server_start_sentinel(configuration);
    hurry(sentinel);
    return sentinel;
}

/* The port of the primary that a sentinel names; 0: none. */
static int named_port(struct test_server *sentinel)
{
    redisReply *reply = test_server_command(sentinel, "SENTINEL get-master-addr-by-name main");
    int port = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 ? atoi(reply->element[1]->str) : 0;
    freeReplyObject(reply);
    return port;
}

static int node_by_port(const struct fleet *fleet, int port)
{
    for (int i = 0; i < fleet->n_nodes; i++)
        if (test_server_tcp_port(fleet->nodes[i]) == port)
            return i;
    return -1;
}

static bool is_primary(struct test_server *node)
{
    redisReply *reply = test_server_try(node, "ROLE");
    bool primary = reply && reply->type == REDIS_REPLY_ARRAY && strcmp(reply->element[0]->str, "master") == 0;
    if (reply)
        freeReplyObject(reply);
    return primary;
}

int fleet_primary(struct fleet *fleet)
{
    for (int i = 0; i < fleet->n_sentinels; i++) {
        int node = runs(fleet->sentinels[i]) ? node_by_port(fleet, named_port(fleet->sentinels[i])) : -1;
        if (node >= 0 && runs(fleet->nodes[node]) && is_primary(fleet->nodes[node]))
            return node;
    }
    return -1;
}

struct search {
    void *fleet;
    int slot, not_this, found;
};

static bool has_other_primary(void *context)
{
    struct search *search = context;
    struct fleet *fleet = search->fleet;
    for (int i = 0; i < fleet->n_sentinels; i++) {
        int node = runs(fleet->sentinels[i]) ? node_by_port(fleet, named_port(fleet->sentinels[i])) : -1;
        if (node < 0 || node == search->not_this || !runs(fleet->nodes[node]) || !is_primary(fleet->nodes[node]))
            continue;
        search->found = node;
        return true;
    }
    return false;
}

int fleet_await_primary(struct fleet *fleet, int not_this)
{
    struct search search = {.fleet = fleet, .not_this = not_this, .found = -1};
    await(has_other_primary, &search, fleet->sentinels, fleet->n_sentinels, "there is another primary");
    return search.found;
}

struct calm {
    struct fleet *fleet;
    int replicas;
};

static bool is_calm(void *context)
{
    struct calm *calm = context;
    struct fleet *fleet = calm->fleet;
    int primary = fleet_primary(fleet), in_step = 0;
    char others[32], replicas[32];
    snprintf(others, sizeof others, "sentinels=%d", fleet->n_sentinels);
    snprintf(replicas, sizeof replicas, "slaves=%d,", fleet->n_nodes - 1);
    if (primary < 0)
        return false;
    for (int i = 0; i < fleet->n_sentinels; i++)
        if (named_port(fleet->sentinels[i]) != test_server_tcp_port(fleet->nodes[primary]) ||
            !says(fleet->sentinels[i], "status=ok", "INFO sentinel") ||
            !says(fleet->sentinels[i], others, "INFO sentinel") ||
            !says(fleet->sentinels[i], replicas, "INFO sentinel"))
            return false;
    for (int i = 0; i < fleet->n_nodes; i++)
        in_step += i != primary && runs(fleet->nodes[i]) && is_in_step(fleet->nodes[i]);
    return in_step >= calm->replicas;
}

void fleet_await_calm(struct fleet *fleet, int replicas)
{
    struct calm calm = {fleet, replicas};
    await(is_calm, &calm, fleet->sentinels, fleet->n_sentinels, "the sentinels agree and the replicas are in step");
}

static bool all_in_step(void *context)
{
    struct fleet *fleet = context;
    for (int i = 1; i < fleet->n_nodes; i++)
        if (!is_in_step(fleet->nodes[i]))
            return false;
    return true;
}

void fleet_start(struct fleet *fleet, int replicas, int sentinels)
{
    *fleet = (struct fleet){.url = "redis+sentinel://" TEST_LOGIN};
    for (; fleet->n_nodes <= replicas; fleet->n_nodes++)
        fleet->nodes[fleet->n_nodes] = start_node(fleet->nodes[0]);
    await(all_in_step, fleet, fleet->nodes, fleet->n_nodes, "the replicas are in step");
    for (; fleet->n_sentinels < sentinels; fleet->n_sentinels++) {
        struct test_server *sentinel = start_sentinel(fleet->nodes[0], sentinels / 2 + 1);
        fleet->sentinels[fleet->n_sentinels] = sentinel;
        append_address(fleet->url, sentinel);
    }
    strcat(fleet->url, "/main");
    if (sentinels > 0)
        fleet_await_calm(fleet, replicas);
}

void fleet_stop(struct fleet *fleet)
{
    for (int i = 0; i < fleet->n_sentinels; i++)
        test_server_stop(fleet->sentinels[i]);
    for (int i = 0; i < fleet->n_nodes; i++)
        test_server_stop(fleet->nodes[i]);
    *fleet = (struct fleet){.n_nodes = 0};
}

/* --- a cluster --- */

static struct test_server *start_cluster_node(void)
{
    char timeout_ms[16];
    snprintf(timeout_ms, sizeof timeout_ms, "%d", test_scaled_ms(800));
    const char *const args[] = {"--cluster-enabled",
                                "yes",
                                "--cluster-node-timeout",
                                timeout_ms,
                                "--cluster-allow-replica-migration",
                                "no",
                                "--repl-diskless-sync-delay",
                                "0",
                                "--repl-ping-replica-period",
                                "1",
                                "--cluster-port", /* since 7.0; before, it is 10000 above the other one */
                                TEST_SERVER_FREE_PORT,
                                NULL};
    return test_server_start_tcp(args);
}

static int bus_port(const struct test_server *node)
{
    return test_server_version() < 70000 ? test_server_tcp_port(node) + 10000 : test_server_second_port(node);
}

static void introduce_nodes(struct cluster *cluster)
{
    for (int i = 0; i < cluster->n_nodes; i++)
        for (int j = 0; j < i; j++)
            ok(test_server_command(cluster->nodes[i], "CLUSTER MEET 127.0.0.1 %d %d",
                                   test_server_tcp_port(cluster->nodes[j]), bus_port(cluster->nodes[j])),
               "CLUSTER MEET");
}

static bool all_known(void *context)
{
    struct cluster *cluster = context;
    char known[32];
    snprintf(known, sizeof known, "cluster_known_nodes:%d\r", cluster->n_nodes);
    for (int i = 0; i < cluster->n_nodes; i++)
        if (!says(cluster->nodes[i], known, "CLUSTER INFO") || says(cluster->nodes[i], "handshake", "CLUSTER NODES"))
            return false;
    return true;
}

static bool is_calm_cluster(void *context)
{
    struct cluster *cluster = context;
    for (int i = 0; i < cluster->n_nodes; i++) {
        if (!runs(cluster->nodes[i]))
            continue;
        if (!says(cluster->nodes[i], "cluster_state:ok", "CLUSTER INFO"))
            return false;
        if (!is_primary(cluster->nodes[i]) && !is_in_step(cluster->nodes[i]))
            return false;
    }
    return true;
}

void cluster_await_calm(struct cluster *cluster)
{
    await(is_calm_cluster, cluster, cluster->nodes, cluster->n_nodes, "the cluster is calm");
}

/* The last primary's replica is known to everybody as such: the others came before. */
static bool replicas_known(void *context)
{
    struct cluster *cluster = context;
    for (int i = 0; i < cluster->n_nodes; i++) {
        redisReply *reply = test_server_command(cluster->nodes[i], "CLUSTER SLOTS");
        bool complete = reply->type == REDIS_REPLY_ARRAY && reply->elements == (size_t)cluster->n_primaries;
        for (size_t j = 0; complete && j < reply->elements; j++)
            complete = reply->element[j]->elements == (cluster->n_nodes > cluster->n_primaries ? 4 : 3);
        freeReplyObject(reply);
        if (!complete)
            return false;
    }
    return true;
}

/* One by one in one command: ranges can be given since 7.0. */
static void add_slots(struct test_server *node, int from, int to)
{
    static char texts[FLEET_SLOTS][8];
    static const char *argv[FLEET_SLOTS + 2] = {"CLUSTER", "ADDSLOTS"};
    for (int i = from; i < to; i++) {
        snprintf(texts[i - from], sizeof texts[0], "%d", i);
        argv[2 + i - from] = texts[i - from];
    }
    ok(test_server_argv(node, 2 + to - from, argv, NULL), "CLUSTER ADDSLOTS");
}

void cluster_start(struct cluster *cluster, int primaries, bool replicas)
{
    *cluster = (struct cluster){.n_primaries = primaries, .url = "redis+cluster://" TEST_LOGIN};
    for (int n = replicas ? 2 * primaries : primaries; cluster->n_nodes < n; cluster->n_nodes++) {
        struct test_server *node = start_cluster_node();
        int i = cluster->n_nodes;
        cluster->nodes[i] = node;
        append_address(cluster->url, node);
        ok(test_server_command(node, "CLUSTER SET-CONFIG-EPOCH %d", i + 1), "CLUSTER SET-CONFIG-EPOCH");
        redisReply *id = test_server_command(node, "CLUSTER MYID");
        snprintf(cluster->ids[i], sizeof cluster->ids[i], "%s", id->str);
        freeReplyObject(id);
        if (i < primaries)
            add_slots(node, FLEET_SLOTS * i / primaries, FLEET_SLOTS * (i + 1) / primaries);
    }
    introduce_nodes(cluster);
    await(all_known, cluster, cluster->nodes, cluster->n_nodes, "the nodes know each other");
    for (int i = primaries; i < cluster->n_nodes; i++)
        ok(test_server_command(cluster->nodes[i], "CLUSTER REPLICATE %s", cluster->ids[i - primaries]),
           "CLUSTER REPLICATE");
    cluster_await_calm(cluster);
    await(replicas_known, cluster, cluster->nodes, cluster->n_nodes, "everybody knows the replicas");
}

void cluster_stop(struct cluster *cluster)
{
    for (int i = 0; i < cluster->n_nodes; i++)
        test_server_stop(cluster->nodes[i]);
    *cluster = (struct cluster){.n_nodes = 0};
}

int cluster_slot(struct cluster *cluster, const char *key)
{
    return (int)test_server_integer(cluster->nodes[0], "CLUSTER KEYSLOT %s", key);
}

/*
 * What a node's line in CLUSTER NODES says, in the words of another: whether it is a primary that serves the slot, and
 * its epoch. `who` is in the line: an id, or "myself".
 */
static bool serves(struct test_server *teller, const char *who, int slot, long *ret_epoch)
{
    redisReply *reply = test_server_command(teller, "CLUSTER NODES");
    bool found = false;
    char *rest = reply->str, *line;
    while (!found && (line = strsep(&rest, "\n"))) {
        if (!strstr(line, who) || !strstr(line, "master "))
            continue;
        int column = 0;
        for (char *word; (word = strsep(&line, " ")); column++) {
            int first, last, n = column >= 8 ? sscanf(word, "%d-%d", &first, &last) : 0;
            found |= (n == 1 && first == slot) || (n == 2 && first <= slot && slot <= last);
            *ret_epoch = column == 6 ? atol(word) : *ret_epoch;
        }
    }
    freeReplyObject(reply);
    return found;
}

static bool has_other_owner(void *context)
{
    struct search *search = context;
    struct cluster *cluster = search->fleet;
    long epoch;
    for (int i = 0; i < cluster->n_nodes; i++)
        if (i != search->not_this && runs(cluster->nodes[i]) &&
            serves(cluster->nodes[i], "myself", search->slot, &epoch) &&
            says(cluster->nodes[i], "cluster_state:ok", "CLUSTER INFO")) {
            search->found = i;
            return true;
        }
    return false;
}

int cluster_owner(struct cluster *cluster, int slot)
{
    struct search search = {.fleet = cluster, .slot = slot, .not_this = -1, .found = -1};
    has_other_owner(&search);
    return search.found;
}

int cluster_await_owner(struct cluster *cluster, int slot, int not_this)
{
    struct search search = {.fleet = cluster, .slot = slot, .not_this = not_this, .found = -1};
    await(has_other_owner, &search, cluster->nodes, cluster->n_nodes, "another node serves the slot");
    return search.found;
}

void cluster_begin_move(struct cluster *cluster, int slot, int from, int to)
{
    ok(test_server_command(cluster->nodes[to], "CLUSTER SETSLOT %d IMPORTING %s", slot, cluster->ids[from]),
       "IMPORTING");
    ok(test_server_command(cluster->nodes[from], "CLUSTER SETSLOT %d MIGRATING %s", slot, cluster->ids[to]),
       "MIGRATING");
}

bool cluster_migrate_key(struct cluster *cluster, const char *key, int from, int to)
{
    redisReply *reply = test_server_command(cluster->nodes[from], "MIGRATE 127.0.0.1 %d %s 0 %d",
                                            test_server_tcp_port(cluster->nodes[to]), key, TEST_TIMEOUT_MS);
    bool moved = reply->str && strcmp(reply->str, "OK") == 0;
    if (!moved && !(reply->str && strcmp(reply->str, "NOKEY") == 0))
        test_die("MIGRATE %s: %s", key, reply->str ? reply->str : "?");
    freeReplyObject(reply);
    return moved;
}

/* All know the new owner as such, with its epoch: what is told of an older one counts no more. */
static bool agree_on_owner(void *context)
{
    struct search *search = context;
    struct cluster *cluster = search->fleet;
    long epoch = -1, seen = -2;
    if (!serves(cluster->nodes[search->found], "myself", search->slot, &epoch))
        return false;
    for (int i = 0; i < cluster->n_nodes; i++)
        if (runs(cluster->nodes[i]) &&
            (!serves(cluster->nodes[i], cluster->ids[search->found], search->slot, &seen) || seen != epoch))
            return false;
    return true;
}

void cluster_end_move(struct cluster *cluster, int slot, int from, int to)
{
    ok(test_server_command(cluster->nodes[to], "CLUSTER SETSLOT %d NODE %s", slot, cluster->ids[to]), "NODE");
    ok(test_server_command(cluster->nodes[from], "CLUSTER SETSLOT %d NODE %s", slot, cluster->ids[to]), "NODE");
    struct search search = {.fleet = cluster, .slot = slot, .found = to};
    await(agree_on_owner, &search, cluster->nodes, cluster->n_nodes, "all nodes agree on who has the slot");
}

void cluster_end_move_of_rest(struct cluster *cluster, int slot, int from, int to)
{
    for (bool more = true; more;) {
        redisReply *keys = test_server_command(cluster->nodes[from], "CLUSTER GETKEYSINSLOT %d 10", slot);
        more = keys->elements > 0;
        for (size_t i = 0; i < keys->elements; i++)
            cluster_migrate_key(cluster, keys->element[i]->str, from, to);
        freeReplyObject(keys);
    }
    cluster_end_move(cluster, slot, from, to);
}

void cluster_move(struct cluster *cluster, int slot, int from, int to)
{
    cluster_begin_move(cluster, slot, from, to);
    cluster_end_move_of_rest(cluster, slot, from, to);
}
