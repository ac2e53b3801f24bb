/* SPDX-License-Identifier: MIT
 *
 * Connecting: finding the server, and introducing ourselves to it.
 *
 * A direct URL says where it is. Behind sentinels and in a cluster somebody has to be asked first, each time: what was
 * true at the last connect may be why it was lost. Each of them is asked in turn until one names a server that lets
 * itself be connected to and, behind sentinels, says itself that it is a primary. If none does, the error tells in one
 * line what was tried and why each failed.
 *
 * What must stay true: one call is one attempt, each of its steps bounded by the connect timeout and ended by wake; no
 * error text contains a password.
 */
#include "base/error.h"
#include "redis/command.h"
#include "redis/connection_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ASK_MAX = 5, DOUBT_ASK_MAX = 3 }; /* of one attempt; the next goes on with others */

/* --- one server --- */

static size_t append_introduction(const struct weir_connection *connection, struct weir_buffer *out,
                                  const char *commands[5])
{
    const struct weir_url *url = connection->url;
    size_t n = 0;
    if (url->password) {
        weir_command_begin(out, url->user ? 3 : 2);
        weir_command_text(out, "AUTH");
        if (url->user)
            weir_command_text(out, url->user);
        weir_command_text(out, url->password);
        commands[n++] = "AUTH";
    }
    if (url->db != 0) {
        weir_command_begin(out, 2);
        weir_command_text(out, "SELECT");
        weir_command_i64(out, url->db);
        commands[n++] = "SELECT";
    }
    weir_command_begin(out, 3);
    weir_command_text(out, "CLIENT");
    weir_command_text(out, "SETNAME");
    weir_command_text(out, connection->name);
    commands[n++] = "CLIENT SETNAME";
    weir_command_begin(out, 2);
    weir_command_text(out, "CLIENT");
    weir_command_text(out, "ID");
    commands[n++] = "CLIENT ID";
    if (url->kind == WEIR_URL_SENTINEL) {
        weir_command_begin(out, 1);
        weir_command_text(out, "ROLE");
        commands[n++] = "ROLE";
    }
    return n;
}

/* What one answer to the introduction means. That the two CLIENTs are refused fails no connection. */
static weir_status heed(const struct weir_reply *reply, const char *command, int64_t *client_id, weir_error *err)
{
    if (reply->kind == WEIR_REPLY_INTEGER)
        *client_id = reply->integer;
    weir_status status = weir_reply_status(reply, command, err);
    if (status != WEIR_ERR_AUTH && status != WEIR_ERR_UNAVAILABLE && command[0] == 'C')
        return WEIR_OK;
    if (status == WEIR_OK && strcmp(command, "ROLE") == 0 && !weir_role_is_primary(reply))
        return weir_error_set(err, WEIR_ERR_UNAVAILABLE, "it is no primary");
    return status;
}

/* All in one round trip. */
static weir_status introduce(struct weir_connection *connection, struct weir_link *link, int64_t *ret_client_id,
                             weir_error *err)
{
    const char *commands[5];
    size_t n = append_introduction(connection, &link->out, commands);
    struct weir_arena arena;
    weir_arena_init(&arena, connection->settings.reply_limit);
    weir_status first = WEIR_OK;
    *ret_client_id = 0;
    link->number = ++connection->links;
    for (size_t i = 0; i < n && link->context; i++) {
        struct weir_reply *reply;
        weir_error failure;
        weir_status status = weir_link_reply(link, &arena, connection->options.connect_timeout_ms, 0, &reply, &failure);
        if (status == WEIR_OK && link->keeps)
            weir_link_answered(link);
        if (status == WEIR_OK)
            status = heed(reply, commands[i], ret_client_id, &failure);
        status = weir_error_nothing_sent(status, &failure);
        if (status == WEIR_OK || first != WEIR_OK)
            continue;
        first = status;
        if (err)
            *err = failure;
    }
    weir_arena_free(&arena);
    if (first != WEIR_OK)
        weir_link_close(link);
    return first;
}

weir_status weir_connection_open_link(struct weir_connection *connection, struct weir_link *link,
                                      const struct weir_endpoint *endpoint, int64_t *ret_client_id, weir_error *err)
{
    weir_status status = weir_link_open(link, endpoint, err);
    return status == WEIR_OK ? introduce(connection, link, ret_client_id, err) : status;
}

static weir_status connect_directly(struct weir_connection *connection, weir_error *err)
{
    const struct weir_endpoint *endpoint = connection->url->endpoints;
    weir_error why;
    int64_t client_id;
    weir_status status = weir_link_open(&connection->link, endpoint, &why);
    char where[WEIR_ENDPOINT_TEXT_SIZE];
    if (status == WEIR_ERR_CONNECTION)
        return weir_error_set(err, status, "can't connect to %s: %s", weir_endpoint_words(endpoint, where),
                              why.message);
    if (status == WEIR_OK)
        status = introduce(connection, &connection->link, &client_id, &why);
    if (status == WEIR_OK)
        weir_connection_identify(connection, client_id);
    else if (err)
        *err = why;
    return status;
}

/* --- finding it --- */

/* What was tried, and why each failed. */
struct trail {
    char text[280];
    size_t len;
    weir_status status; /* of the first failure that will not go away by itself */
    weir_error why;     /* and its words */
};

static void note(struct trail *trail, const weir_error *why, const char *format, ...) WEIR_PRINTF(3, 4);

static void note(struct trail *trail, const weir_error *why, const char *format, ...)
{
    size_t room = sizeof trail->text - trail->len;
    int len = snprintf(trail->text + trail->len, room, "%s", trail->len ? "; " : "");
    if ((size_t)len < room) {
        va_list args;
        va_start(args, format);
        len += vsnprintf(trail->text + trail->len + len, room - (size_t)len, format, args);
        va_end(args);
    }
    trail->len += (size_t)len < room ? (size_t)len : room - 1;
    bool lasting = why->code == WEIR_ERR_AUTH || why->code == WEIR_ERR_PERMISSION || why->code == WEIR_ERR_UNSUPPORTED;
    if (lasting && trail->status == WEIR_OK) {
        trail->status = why->code;
        trail->why = *why;
    }
}

static weir_status tell(const struct weir_connection *connection, const struct trail *trail, weir_error *err)
{
    weir_status status = trail->status != WEIR_OK ? trail->status : WEIR_ERR_CONNECTION;
    if (connection->url->kind == WEIR_URL_SENTINEL)
        weir_error_set(err, status, "no primary \"%.40s\" found: %s", connection->url->primary, trail->text);
    else
        weir_error_set(err, status, "no node for slot %u found: %s", connection->resolver.slot, trail->text);
    if (trail->status != WEIR_OK && trail->why.server[0])
        weir_error_server_words(err, trail->why.server, strlen(trail->why.server));
    return status;
}

static weir_status connect_to(struct weir_connection *connection, const struct weir_endpoint *endpoint, weir_error *why)
{
    int64_t client_id;
    weir_status status = weir_connection_open_link(connection, &connection->link, endpoint, &client_id, why);
    if (status == WEIR_OK)
        weir_connection_identify(connection, client_id);
    return status;
}

/* Nobody else needs to be asked: it worked, or trying on makes no sense. */
static bool is_final(weir_status status)
{
    return status == WEIR_OK || status == WEIR_ERR_STOPPED || status == WEIR_ERR_MEMORY;
}

/* Asks one, and goes where it says, unless that was tried in vain. */
static weir_status try_source(struct weir_connection *connection, struct weir_endpoint *tried, size_t *n_tried,
                              struct trail *trail, weir_error *why)
{
    char who[WEIR_ENDPOINT_TEXT_SIZE], where[WEIR_ENDPOINT_TEXT_SIZE];
    weir_endpoint_brief(weir_resolver_source(&connection->resolver), who);
    struct weir_endpoint *found = &tried[*n_tried];
    weir_status status = weir_resolver_ask(&connection->resolver, found, why);
    if (is_final(status) && status != WEIR_OK)
        return status;
    if (status != WEIR_OK) {
        note(trail, why, "%s: %s", who, why->message);
        return status;
    }
    size_t i = 0;
    while (!weir_endpoint_equal(&tried[i], found))
        i++;
    weir_endpoint_brief(found, where);
    if (i < *n_tried) {
        *why = (weir_error){.code = WEIR_ERR_CONNECTION};
        note(trail, why, "%s says the same", who);
        return why->code;
    }
    ++*n_tried;
    status = connect_to(connection, found, why);
    if (!is_final(status))
        note(trail, why, "%s says %s: %s", who, where, why->message);
    return status;
}

static weir_status connect_by_asking(struct weir_connection *connection, weir_error *err)
{
    struct weir_resolver *resolver = &connection->resolver;
    struct trail trail = {.status = WEIR_OK};
    struct weir_endpoint tried[1 + ASK_MAX];
    size_t n_tried = 0;
    weir_error why;
    if (connection->hint.port != 0) {
        tried[n_tried++] = connection->hint;
        connection->hint.port = 0;
        weir_status status = connect_to(connection, &tried[0], &why);
        if (is_final(status)) {
            if (status != WEIR_OK && err)
                *err = why;
            return status;
        }
        char where[WEIR_ENDPOINT_TEXT_SIZE];
        note(&trail, &why, "%s: %s", weir_endpoint_brief(&tried[0], where), why.message);
    }
    size_t n = weir_resolver_sources(resolver);
    for (size_t i = 0; i < n && i < ASK_MAX; i++) {
        weir_status status = try_source(connection, tried, &n_tried, &trail, &why);
        if (is_final(status)) {
            if (status != WEIR_OK && err)
                *err = why;
            return status;
        }
        weir_resolver_distrust(resolver);
    }
    return tell(connection, &trail, err);
}

weir_status weir_connection_connect(struct weir_connection *connection, weir_error *err)
{
    if (connection->link.context)
        return WEIR_OK;
    return connection->url->kind == WEIR_URL_DIRECT ? connect_directly(connection, err)
                                                    : connect_by_asking(connection, err);
}

/* Whether that server can be reached, and behind sentinels takes itself for a primary: not all who are asked know. */
static bool has_taken_over(struct weir_connection *connection, const struct weir_endpoint *endpoint)
{
    struct weir_link link = {.settings = &connection->settings};
    int64_t client_id;
    bool so = weir_connection_open_link(connection, &link, endpoint, &client_id, NULL) == WEIR_OK;
    weir_link_free(&link);
    return so;
}

/*
 * A server that doesn't answer may have been replaced: a few that should know are asked, others each time, since not
 * all hear of it at once.
 */
bool weir_connection_doubt(void *context)
{
    struct weir_connection *connection = context;
    struct weir_resolver *resolver = &connection->resolver;
    const struct weir_endpoint *here = &connection->link.endpoint;
    for (int i = 0; i < DOUBT_ASK_MAX && !atomic_load(&connection->woken); i++) {
        if (weir_endpoint_equal(weir_resolver_source(resolver), here))
            weir_resolver_distrust(resolver);
        struct weir_endpoint found;
        bool known = weir_resolver_ask(resolver, &found, NULL) == WEIR_OK;
        if (known && !weir_endpoint_equal(&found, here) && has_taken_over(connection, &found)) {
            connection->hint = found;
            return true;
        }
        weir_resolver_distrust(resolver);
    }
    return false;
}
