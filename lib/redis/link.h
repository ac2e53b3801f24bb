/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_LINK_H
#define WEIR_REDIS_LINK_H

#include "base/arena.h"
#include "base/buffer.h"
#include "redis/endpoint.h"
#include "redis/reply.h"

#include <stdatomic.h>
#include <weir/connection.h>

/* What went over the links of one connection; without TLS's own. */
struct weir_link_traffic {
    uint64_t sent_bytes, received_bytes;
};

/* What the links of one connection have in common. */
struct weir_link_settings {
    const weir_connection_options *options; /* timeouts, keep-alive, TLS */
    bool tls;
    size_t reply_limit;       /* bytes of memory one reply may take */
    int wake_fd;              /* readable, and */
    const atomic_bool *woken; /* true, while another thread wants waits to end */
    struct weir_link_traffic *traffic;
};

/*
 * One socket to one server, with what is to be sent to it and the parser of what comes back. Replies come in the order
 * of the commands. Used by one thread. Zero-initialized but for the settings is closed.
 */
struct weir_link {
    const struct weir_link_settings *settings;
    struct weir_endpoint endpoint; /* as last opened */
    struct weir_socket *context;   /* NULL: closed */
    struct weir_tls *tls;
    struct redisReader *reader;
    struct weir_buffer out; /* commands; emptied as they are sent, or, where `keeps`, answered */
    size_t out_sent;        /* of out.len */
    uint64_t sent;          /* bytes given to the kernel since the link was opened; kept after a loss */
    uint64_t number;        /* tells the links that a connection has had apart; kept after a loss */

    /* Where commands may have to be sent again, elsewhere: they stay until weir_link_answered. */
    bool keeps;
    size_t out_answered; /* of out.len, at most out_sent: whole commands */
    size_t out_limit;    /* nothing from here on is sent; 0: no limit */

    /*
     * Asked each time a reply has been awaited for 300 ms without a byte: true gives the link up. NULL: nobody has a
     * better idea.
     */
    bool (*doubt)(void *context);
    void *doubt_context;
};

/*
 * Opens a socket, with TLS where the settings want it, within the connect timeout. The error is the reason alone
 * ("Connection refused"). WEIR_ERR_CONNECTION, WEIR_ERR_UNSUPPORTED (TLS), WEIR_ERR_STOPPED, WEIR_ERR_MEMORY.
 */
weir_status weir_link_open(struct weir_link *link, const struct weir_endpoint *endpoint, weir_error *err);

/* Accepts a closed one. What was not sent is forgotten. */
void weir_link_close(struct weir_link *link);

/* Empties the pipe that wake writes to. */
void weir_link_drain(int wake_fd);

/* Closes, and gives the memory back. */
void weir_link_free(struct weir_link *link);

/* Sends what can be sent without waiting. A broken link is found by weir_link_reply, after the server's last words. */
weir_status weir_link_push(struct weir_link *link, weir_error *err);

/*
 * Waits for the next reply, sending meanwhile; it lies in `arena`. Gives up after timeout_ms without a byte, or ten
 * times that (30 s at least) for all of it; extra_wait_ms is added to both. An error reply is a success here.
 *
 * WEIR_ERR_STOPPED keeps the link: the call may be repeated, with the same arena left as it is. All other errors have
 * closed it: WEIR_ERR_IN_DOUBT (lost or timed out after sending, or no memory for the reply),
 * WEIR_ERR_PROTOCOL; WEIR_ERR_MEMORY: a command could not be written, and was not sent.
 */
weir_status weir_link_reply(struct weir_link *link, struct weir_arena *arena, int64_t timeout_ms, int64_t extra_wait_ms,
                            struct weir_reply **ret, weir_error *err);

/* False where the server has closed an idle link, so that a command would be sent into the void. */
bool weir_link_still_open(struct weir_link *link);

/* Where `keeps`: the oldest command that is not answered, and its length. */
const char *weir_link_oldest(const struct weir_link *link, size_t *ret_len);

/* Where `keeps`: the oldest command is answered for good. */
void weir_link_answered(struct weir_link *link);

/* Where `keeps`: sends no command any more that has not been begun. */
void weir_link_halt(struct weir_link *link);

#endif
