/* SPDX-License-Identifier: MIT
 *
 * What sentinels and cluster nodes say about where things are. Pure: replies in, endpoints out. A reply of any other
 * form, from a hostile server say, is "nothing found".
 */
#ifndef WEIR_REDIS_TOPOLOGY_H
#define WEIR_REDIS_TOPOLOGY_H

#include "redis/endpoint.h"
#include "redis/reply.h"

/* The answer to SENTINEL get-master-addr-by-name. False: it has none. */
bool weir_sentinel_address(const struct weir_reply *reply, struct weir_endpoint *ret);

/* Whether the answer to ROLE is a primary's. */
bool weir_role_is_primary(const struct weir_reply *reply);

/*
 * The answer to CLUSTER SLOTS by `asked`, whose host stands for the ones that are left empty: the primary of a slot.
 * False: nobody serves it.
 */
bool weir_slots_primary(const struct weir_reply *reply, unsigned slot, const struct weir_endpoint *asked,
                        struct weir_endpoint *ret);

/* All nodes in that answer, each once, at most `max` of them. Returns how many. */
size_t weir_slots_nodes(const struct weir_reply *reply, const struct weir_endpoint *asked, struct weir_endpoint *nodes,
                        size_t max);

/*
 * The nodes in that answer by the first slot that each serves as a primary: the least that is greater than `slot`.
 * False: there is none. So all primaries are met one after the other, by a slot that leads to each.
 */
bool weir_slots_next(const struct weir_reply *reply, unsigned slot, const struct weir_endpoint *asked, unsigned *ret);

enum weir_redirection {
    WEIR_REDIRECTION_NONE,  /* any other reply */
    WEIR_REDIRECTION_MOVED, /* the slot is served there: now, and for later commands */
    WEIR_REDIRECTION_ASK,   /* the slot is being moved, and these keys are there: for this command alone */
};

/* Whether a reply by `from` sends the command elsewhere: *ret is where; its port is 0 where that isn't said. */
enum weir_redirection weir_redirection_of(const struct weir_reply *reply, const struct weir_endpoint *from,
                                          struct weir_endpoint *ret);

#endif
