/* SPDX-License-Identifier: MIT
 *
 * What Redis holds once all workers have ended, as lines of the history:
 *
 *     left waiting NAME ENTRY                     not delivered
 *     left pending NAME ENTRY CONSUMER DELIVERIES
 *     left delayed NAME DUE_MS                    from now
 *     left dead NAME ATTEMPTS DELIVERIES REASON
 *     left spoiled WHAT                           half of a delayed job
 *     left key KEY                                that is none of the queue's
 *     left consumer NAME                          that has nothing pending and isn't alive
 */
#ifndef CHAOS_SNAPSHOT_H
#define CHAOS_SNAPSHOT_H

#include "children.h"
#include "support/server.h"

void snapshot_write(struct test_server *server);

/* How many the group has. */
size_t snapshot_consumers(struct test_server *server);

/* Whether all that was due has been worked off: nothing waiting, pending or due, and no consumer but the live ones. */
bool snapshot_is_quiet(struct test_server *server, const struct children *children);

#endif
