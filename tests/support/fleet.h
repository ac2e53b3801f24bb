/* SPDX-License-Identifier: MIT
 *
 * Several private servers that belong together: a primary and replicas behind sentinels, and a cluster. All listen on
 * free ports of 127.0.0.1; what goes wrong ends the test program, as in server.h.
 */
#ifndef TEST_SUPPORT_FLEET_H
#define TEST_SUPPORT_FLEET_H

#include "support/server.h"

#include <stdbool.h>

enum { FLEET_SENTINELS = 3, FLEET_NODES_MAX = 6, FLEET_SLOTS = 16384, FLEET_URL_SIZE = 512 };

/* --- behind sentinels --- */

struct fleet {
    struct test_server *nodes[FLEET_NODES_MAX]; /* the first one is the primary at the start */
    struct test_server *sentinels[FLEET_SENTINELS];
    int n_nodes, n_sentinels;
    char url[FLEET_URL_SIZE]; /* "redis+sentinel://127.0.0.1:1,127.0.0.1:2,127.0.0.1:3/main" */
};

/* Returns once the sentinels, if any, know all nodes and each other, and the replicas are in step. */
void fleet_start(struct fleet *fleet, int replicas, int sentinels);
void fleet_stop(struct fleet *fleet);

/* The node that a sentinel names as the primary, and that says so itself; −1: no sentinel names such a one. */
int fleet_primary(struct fleet *fleet);

/* Waits until that is another node than `not_this`, and returns it. Looks every few milliseconds. */
int fleet_await_primary(struct fleet *fleet, int not_this);

/* Waits until all sentinels agree on the primary, and so many replicas are in step with it. */
void fleet_await_calm(struct fleet *fleet, int replicas);

/* --- a cluster --- */

struct cluster {
    struct test_server *nodes[FLEET_NODES_MAX]; /* primaries first, then a replica of each, in the same order */
    char ids[FLEET_NODES_MAX][48];
    int n_nodes, n_primaries;
    char url[FLEET_URL_SIZE]; /* "redis+cluster://127.0.0.1:1,…", all nodes */
};

/* Returns once all slots are served, and each replica is in step. replicas: none, or one of each primary. */
void cluster_start(struct cluster *cluster, int primaries, bool replicas);
void cluster_stop(struct cluster *cluster);

int cluster_slot(struct cluster *cluster, const char *key);

/* The node that says that it serves the slot as a primary; −1: nobody that runs does. */
int cluster_owner(struct cluster *cluster, int slot);

/* Waits until that is another node than `not_this`, and returns it. Looks every few milliseconds. */
int cluster_await_owner(struct cluster *cluster, int slot, int not_this);

/* Waits until every running node calls the cluster's state ok, and every replica that runs is in step. */
void cluster_await_calm(struct cluster *cluster);

/*
 * Moving a slot as redis-cli does, in steps: both sides are told, keys go over one by one, and all are told that it is
 * done. cluster_migrate_key: false where the source has no such key.
 */
void cluster_begin_move(struct cluster *cluster, int slot, int from, int to);
bool cluster_migrate_key(struct cluster *cluster, const char *key, int from, int to);
void cluster_end_move(struct cluster *cluster, int slot, int from, int to);

/* All that is left to be done once it has begun; and all of it. */
void cluster_end_move_of_rest(struct cluster *cluster, int slot, int from, int to);
void cluster_move(struct cluster *cluster, int slot, int from, int to);

#endif
