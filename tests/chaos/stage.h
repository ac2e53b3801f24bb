/* SPDX-License-Identifier: MIT
 *
 * What the controller has in its hands: a server, a proxy before it for each worker and one for the producers, the
 * children, and the faults that it inflicts on all of these.
 */
#ifndef CHAOS_STAGE_H
#define CHAOS_STAGE_H

#include "children.h"
#include "feeder.h"
#include "plan.h"
#include "role.h"
#include "support/proxy.h"
#include "support/server.h"

struct stage {
    struct chaos_config config;
    char directory[64];
    bool verbose;
    int64_t began_us; /* of the load */
    struct test_server *server;
    struct test_proxy *worker_paths[CHAOS_WORKERS_MAX], *producer_path;
    struct chaos_page *page;
    struct children children;
    struct feeder *feeder;
    redisContext *sleeping; /* the connection whose DEBUG SLEEP is under way */
};

/* Begins the fault, and says so in the history first. True where it lasts: to be ended after fault->length_ms. */
bool fault_begin(struct stage *stage, const struct fault *fault);

/* Returns when everything can go on again, and says so in the history then. */
void fault_end(struct stage *stage, const struct fault *fault);

/* Inflicts the faults at their times, until the load is over; tends the children meanwhile. */
void faults_play(struct stage *stage, const struct fault *faults, size_t n);

#endif
