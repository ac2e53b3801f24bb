/* SPDX-License-Identifier: MIT
 *
 * What the files of a connection share.
 *
 *   connection.c   its life, what goes out and comes back
 *   connect.c      connecting: finding the server, introducing ourselves
 *   redirect.c     in a cluster: following commands to where their keys are
 */
#ifndef WEIR_REDIS_CONNECTION_STATE_H
#define WEIR_REDIS_CONNECTION_STATE_H

#include "redis/connection.h"
#include "redis/link.h"
#include "redis/resolver.h"
#include "redis/topology.h"

/* Where the oldest unanswered command of a cluster's connection is. */
enum weir_whereabouts {
    WEIR_ON_LINK,    /* sent to the slot's node, or to be sent */
    WEIR_REDIRECTED, /* that one said to send it elsewhere */
    WEIR_ASIDE,      /* sent there */
};

struct weir_connection {
    const struct weir_url *url;
    weir_connection_options options; /* texts are copies */
    char *name;                      /* for CLIENT SETNAME */
    struct weir_link_settings settings;
    struct weir_link_traffic traffic;
    struct weir_link link; /* to the server: what commands are appended to */
    struct weir_resolver resolver;
    struct weir_endpoint hint; /* where another one was said to have taken over; port 0: nowhere */

    /* Of a cluster. */
    struct weir_link side;          /* to where commands were redirected; may be closed */
    int64_t side_id;                /* our client id there */
    enum weir_whereabouts oldest;   /* where the oldest command is, */
    struct weir_reply *redirection; /* the reply that sent it elsewhere, */
    struct weir_endpoint target;    /* where that is, */
    bool asking;                    /* and whether by ASK: for this command alone */
    int hops;                       /* how often it was sent elsewhere */
    int unread;                     /* answers to ASKING still to be passed over, */
    struct weir_reply *refused;     /* and one that was an error */
    bool moved;                     /* side is the slot's node now: the link is left once all it got is answered */
    bool stays;                     /* redirections are replies like others until all is answered: one failed */
    bool transaction;               /* or while this is set */
    uint64_t answered_by;           /* the number of the link that the last reply came by */

    uint64_t links;            /* opened so far */
    _Atomic int64_t client_id; /* read by the thread that unblocks this connection, as is */
    _Atomic uint64_t server;   /* a number for the endpoint; 0: not connected */

    int wake_fds[2];
    atomic_bool woken;
};

/* connect.c: a link to a server, introduced: AUTH, SELECT, CLIENT SETNAME, CLIENT ID, and ROLE behind sentinels. */
weir_status weir_connection_open_link(struct weir_connection *connection, struct weir_link *link,
                                      const struct weir_endpoint *endpoint, int64_t *ret_client_id, weir_error *err);

/* Makes known which server, and which of its clients, we are. */
void weir_connection_identify(struct weir_connection *connection, int64_t client_id);

/* connect.c: for weir_link.doubt. */
bool weir_connection_doubt(void *connection);

/* redirect.c: the next reply of a cluster's connection, as weir_connection_reply. */
weir_status weir_redirect_reply(struct weir_connection *connection, struct weir_arena *arena, int64_t extra_wait_ms,
                                struct weir_reply **ret, weir_error *err);
void weir_redirect_reset(struct weir_connection *connection);

#endif
