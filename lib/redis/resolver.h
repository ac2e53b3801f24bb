/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_RESOLVER_H
#define WEIR_REDIS_RESOLVER_H

#include "redis/link.h"
#include "redis/url.h"

enum { WEIR_NODES_LEARNT = 16 };

/*
 * Who knows where the server is: the sentinels, or the nodes of a cluster, one after the other. A direct URL needs
 * none. Used by one thread.
 */
struct weir_resolver {
    const struct weir_url *url;
    const struct weir_link_settings *settings;
    unsigned slot; /* of a cluster: whose primary is looked for */
    size_t next;   /* who is asked next: the one that answered last, or the one after the one that didn't */

    struct weir_endpoint learnt[WEIR_NODES_LEARNT]; /* of a cluster: nodes that another node told of */
    size_t n_learnt;
};

/* Borrows both. */
void weir_resolver_init(struct weir_resolver *resolver, const struct weir_url *url,
                        const struct weir_link_settings *settings, unsigned slot);

/* How many can be asked. */
size_t weir_resolver_sources(const struct weir_resolver *resolver);

/* Who is asked next. */
const struct weir_endpoint *weir_resolver_source(const struct weir_resolver *resolver);

/*
 * Asks who is next where the server is, on a link of its own, which is closed again; each step is bounded by the
 * connect timeout. The error says what was wrong, not who was asked. Errors: WEIR_ERR_CONNECTION, WEIR_ERR_AUTH,
 * _PERMISSION, _UNAVAILABLE, _UNSUPPORTED, _STOPPED, _MEMORY.
 */
weir_status weir_resolver_ask(struct weir_resolver *resolver, struct weir_endpoint *ret, weir_error *err);

/* What was said was of no use: somebody else is asked next. */
void weir_resolver_distrust(struct weir_resolver *resolver);

#endif
