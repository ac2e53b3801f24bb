/* SPDX-License-Identifier: MIT
 *
 * What an outage costs, and how soon it is over: what the tests of G7 measure.
 */
#ifndef TEST_INTEGRATION_OUTAGE_H
#define TEST_INTEGRATION_OUTAGE_H

#include "scene.h"

enum {
    RESUME_MS = 1000,
    CPU_PERCENT = 5,
    LINES = 8, /* of one outage: a complaint and a relief of each connection, and the group's */
};

struct outage {
    int64_t from_ms, cpu_ms;
    size_t lines;
};

/* The queue runs, has done a job on each of its three connections, and is idle. */
void outage_prepare(struct scene *scene);

struct outage outage_begin(struct scene *scene);

/* Called while the server can't serve yet: the worker must have been quiet. */
void outage_was_cheap(struct outage outage);

/* Called while the server can't serve yet: nobody has logged that it works again. */
void outage_nothing_works_yet(struct scene *scene, struct outage outage);

/* Called when all is over: at most so many lines of log. */
void outage_log_was_short(struct scene *scene, struct outage outage, size_t most);

/* Adds a job now and returns when it ran, measured from since_ms. */
int64_t latency_of_a_job(struct scene *scene, int64_t since_ms);

/* The server can serve since moment_ms: the worst latency of a few jobs from now on. */
int64_t outage_resume(struct scene *scene, int64_t moment_ms);

/* Everything that was delivered is acked in the end, and all three connections are up. */
void outage_is_over(struct scene *scene);

#endif
