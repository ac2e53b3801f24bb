/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_CONNECTION_H
#define WEIR_REDIS_CONNECTION_H

#include "base/arena.h"
#include "base/buffer.h"
#include "redis/reply.h"
#include "redis/url.h"

#include <stdbool.h>
#include <stdint.h>
#include <weir/connection.h>

/*
 * One connection to a Redis server, used by one thread; only wake may be called by others.
 *
 * Which server that is, is found out at each connect: it is the URL's, or the primary that sentinels name, or the
 * cluster's primary of one slot. In a cluster a command that the node redirects (MOVED, ASK) is sent on to where it
 * belongs, and the reply is the one from there.
 *
 * Commands are appended to weir_connection_out and go out while replies are waited for, so that a long pipeline is
 * written and read at the same time. Replies come in the order of the commands.
 */
struct weir_connection;

/*
 * Borrows url, copies the rest. slot: of all keys, in a cluster. reply_limit: bytes of memory one reply may take. No
 * input or output yet.
 */
weir_status weir_connection_new(struct weir_connection **ret, const struct weir_url *url, unsigned slot,
                                const weir_connection_options *options, const char *role, size_t reply_limit,
                                weir_error *err);
void weir_connection_free(struct weir_connection *connection); /* accepts NULL */

/*
 * Connects and introduces itself (AUTH, SELECT, CLIENT SETNAME, CLIENT ID; ROLE behind sentinels). Success at once
 * where connected. One attempt; where several servers had to be asked, the error tells what each said. Errors:
 * WEIR_ERR_CONNECTION, WEIR_ERR_AUTH, WEIR_ERR_UNAVAILABLE, WEIR_ERR_UNSUPPORTED (TLS), WEIR_ERR_STOPPED, …
 */
weir_status weir_connection_connect(struct weir_connection *connection, weir_error *err);
void weir_connection_disconnect(struct weir_connection *connection);

/* Disconnects from a server that is not who it should be: the next connect asks somebody else where that is. */
void weir_connection_leave(struct weir_connection *connection);
bool weir_connection_is_up(const struct weir_connection *connection);
bool weir_connection_in_cluster(const struct weir_connection *connection);

/* The slot of all keys from now on: in a cluster it disconnects, unless it is the same. */
void weir_connection_set_slot(struct weir_connection *connection, unsigned slot);

/* Where it is connected to, or was last. Borrowed. */
const struct weir_endpoint *weir_connection_endpoint(const struct weir_connection *connection);

/* The server's id of this connection, for CLIENT UNBLOCK; 0 where it is not known. */
int64_t weir_connection_client_id(const struct weir_connection *connection);

/* A number for the server that it is connected to, equal for equal addresses; 0: none. Thread: any, as the id. */
uint64_t weir_connection_server(const struct weir_connection *connection);

/* Any thread: makes waiting calls, and later ones, return WEIR_ERR_STOPPED, until unwake. */
void weir_connection_wake(struct weir_connection *connection);
void weir_connection_unwake(struct weir_connection *connection);

/* Where to append commands to; emptied as they are sent. */
struct weir_buffer *weir_connection_out(struct weir_connection *connection);

/*
 * Bytes of output since the connection was made: given to the kernel, and appended. A command that ends beyond what was
 * sent can't have been executed. `sent` still tells after the connection was lost, until the next connect.
 */
uint64_t weir_connection_sent(const struct weir_connection *connection);
uint64_t weir_connection_appended(const struct weir_connection *connection);

/* Bytes since the connection object was made, over all reconnects, without those of TLS itself. */
void weir_connection_traffic(const struct weir_connection *connection, uint64_t *ret_sent_bytes,
                             uint64_t *ret_received_bytes);

/* Sends what can be sent without waiting. A broken connection is found by weir_connection_reply. */
weir_status weir_connection_push(struct weir_connection *connection, weir_error *err);

/*
 * Waits for the next reply, sending meanwhile; it lies in `arena` (reset by the caller). extra_wait_ms is added to the
 * command timeout for a command that blocks on the server. An error reply is a success here.
 *
 * WEIR_ERR_STOPPED keeps the connection: the call may be repeated, with the same arena left as it is. All other errors
 * have disconnected: WEIR_ERR_IN_DOUBT (lost or timed out after sending, or no memory for the reply),
 * WEIR_ERR_PROTOCOL; WEIR_ERR_MEMORY: a command could not be written, and was not sent.
 */
weir_status weir_connection_reply(struct weir_connection *connection, struct weir_arena *arena, int64_t extra_wait_ms,
                                  struct weir_reply **ret, weir_error *err);

/* False where the server has closed an idle connection, so that a command would be sent into the void. */
bool weir_connection_still_open(struct weir_connection *connection);

/*
 * A number for the way that the last reply came: the same for all that the server sees as one client. In a cluster a
 * redirected command has another one.
 */
uint64_t weir_connection_answered_by(const struct weir_connection *connection);

/* While on, redirections are replies like others: what stands between MULTI and EXEC can't be sent on one by one. */
void weir_connection_transaction(struct weir_connection *connection, bool on);

/*
 * The node that commands were redirected to lately: what has no key that would lead it there (a script's text, WAIT) is
 * to be said there as well. Where to append to, NULL if there is none; and the reply, as weir_connection_reply, by
 * which it came included.
 */
struct weir_buffer *weir_connection_side_out(struct weir_connection *connection);
weir_status weir_connection_side_reply(struct weir_connection *connection, struct weir_arena *arena,
                                       int64_t extra_wait_ms, struct weir_reply **ret, weir_error *err);

#endif
