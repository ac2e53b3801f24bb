/* SPDX-License-Identifier: MIT
 *
 * Following redirections in a cluster.
 *
 * A connection's commands go to one node, the primary of its queue's slot, and their bytes are kept until they are
 * answered. A reply that is MOVED or ASK says that this command was not executed and where it belongs. It is then sent
 * there, over a second link, and the reply from there stands in for the first one, so that the caller sees replies in
 * the order of its commands and knows nothing of all this.
 *
 * After MOVED the node is another one: nothing that was not begun is sent to the old one any more, and once all that
 * was sent to it is answered the second link takes the place of the first. After ASK, a slot on its way, only this
 * command goes aside: others of its keys may still be where they were, and writing them elsewhere would tear them
 * apart.
 *
 * What must stay true:
 *   - a command is sent a second time only if the server said that it had not executed it;
 *   - TRYAGAIN and CLUSTERDOWN are not followed: they are replies, for callers to come again later;
 *   - where following fails, the redirection itself is the reply, which still says that nothing was executed; no other
 *     is followed then until all is answered, so that a node that can't be reached costs its timeout once.
 */
#include "base/error.h"
#include "redis/command.h"
#include "redis/connection_state.h"

#include <string.h>

enum { HOPS_MAX = 5 };

void weir_redirect_reset(struct weir_connection *connection)
{
    weir_link_close(&connection->side);
    connection->oldest = WEIR_ON_LINK;
    connection->unread = 0;
    connection->refused = NULL;
    connection->moved = connection->stays = connection->transaction = false;
}

/* Gives up both links: what is outstanding on either can't be told apart from what was executed. */
static weir_status fail(struct weir_connection *connection, weir_status status)
{
    weir_connection_disconnect(connection);
    return status;
}

/* The second link takes the place of the first, with what was not sent yet. */
static void switch_over(struct weir_connection *connection)
{
    struct weir_link *link = &connection->link, *side = &connection->side;
    struct weir_link old = *link;
    weir_buffer_drop(&old.out, old.out_sent);

    link->endpoint = side->endpoint;
    link->context = side->context;
    link->tls = side->tls;
    link->reader = side->reader;
    link->number = side->number;
    link->out = old.out;
    link->out_sent = link->out_answered = link->out_limit = 0;

    side->context = old.context;
    side->tls = old.tls;
    side->reader = old.reader;
    weir_link_close(side);
    connection->moved = false;
    weir_connection_identify(connection, connection->side_id);
}

/* The oldest command has its reply. */
static void answered(struct weir_connection *connection)
{
    struct weir_link *link = &connection->link;
    connection->answered_by = connection->oldest == WEIR_ASIDE ? connection->side.number : link->number;
    connection->oldest = WEIR_ON_LINK;
    weir_link_answered(link);
    if (link->out_answered < link->out_sent)
        return;
    connection->stays = false;
    if (connection->moved && connection->side.context)
        switch_over(connection);
    else
        link->out_limit = 0;
}

/* Notes where a reply sends the oldest command. False: it is a reply for the caller. */
static bool note_redirection(struct weir_connection *connection, struct weir_reply *reply,
                             const struct weir_endpoint *from)
{
    struct weir_endpoint target;
    enum weir_redirection kind = weir_redirection_of(reply, from, &target);
    if (kind == WEIR_REDIRECTION_NONE || target.port == 0 || connection->stays || connection->transaction ||
        connection->hops == HOPS_MAX)
        return false;
    connection->oldest = WEIR_REDIRECTED;
    connection->redirection = reply;
    connection->target = target;
    connection->asking = kind == WEIR_REDIRECTION_ASK;
    connection->hops++;
    return true;
}

/* Sends the oldest command to where it belongs. Errors other than WEIR_ERR_STOPPED: it was not sent. */
static weir_status send_aside(struct weir_connection *connection, weir_error *err)
{
    struct weir_link *side = &connection->side;
    if (side->context && !(weir_endpoint_equal(&side->endpoint, &connection->target) && weir_link_still_open(side))) {
        weir_link_close(side);
        connection->moved = false;
    }
    if (!side->context) {
        weir_status status =
            weir_connection_open_link(connection, side, &connection->target, &connection->side_id, err);
        if (status != WEIR_OK)
            return status;
    }
    size_t len;
    const char *oldest = weir_link_oldest(&connection->link, &len);
    if (connection->asking) {
        weir_command_begin(&side->out, 1);
        weir_command_text(&side->out, "ASKING");
    }
    weir_buffer_append(&side->out, oldest, len);
    connection->unread = connection->asking;
    connection->refused = NULL;
    connection->moved = !connection->asking;
    if (connection->moved)
        weir_link_halt(&connection->link);
    else
        connection->link.out_limit = 0;
    connection->oldest = WEIR_ASIDE;
    return WEIR_OK;
}

/* The reply to what was sent aside; where that was sent back because ASKING was refused, the refusal. */
static weir_status reply_from_aside(struct weir_connection *connection, struct weir_arena *arena, int64_t extra_wait_ms,
                                    struct weir_reply **ret, weir_error *err)
{
    for (;;) {
        weir_status status =
            weir_link_reply(&connection->side, arena, connection->options.command_timeout_ms, extra_wait_ms, ret, err);
        if (status != WEIR_OK)
            return status;
        if (connection->unread == 0)
            break;
        connection->unread--;
        if ((*ret)->kind == WEIR_REPLY_ERROR)
            connection->refused = *ret;
    }
    struct weir_endpoint target;
    if (connection->refused && weir_redirection_of(*ret, &connection->side.endpoint, &target) != WEIR_REDIRECTION_NONE)
        *ret = connection->refused;
    return WEIR_OK;
}

weir_status weir_redirect_reply(struct weir_connection *connection, struct weir_arena *arena, int64_t extra_wait_ms,
                                struct weir_reply **ret, weir_error *err)
{
    for (;;) {
        weir_status status;
        if (connection->oldest == WEIR_ON_LINK) {
            connection->hops = 0;
            status = weir_link_reply(&connection->link, arena, connection->options.command_timeout_ms, extra_wait_ms,
                                     ret, err);
            if (status != WEIR_OK)
                return status == WEIR_ERR_STOPPED ? status : fail(connection, status);
            if (!note_redirection(connection, *ret, &connection->link.endpoint))
                break;
        }
        if (connection->oldest == WEIR_REDIRECTED) {
            status = send_aside(connection, err);
            if (status == WEIR_ERR_STOPPED)
                return status;
            if (status != WEIR_OK) {
                *ret = connection->redirection;
                connection->stays = true;
                break;
            }
        }
        status = reply_from_aside(connection, arena, extra_wait_ms, ret, err);
        if (status != WEIR_OK)
            return status == WEIR_ERR_STOPPED ? status : fail(connection, status);
        if (!note_redirection(connection, *ret, &connection->side.endpoint))
            break;
    }
    answered(connection);
    return WEIR_OK;
}
