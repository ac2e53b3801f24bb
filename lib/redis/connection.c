/* SPDX-License-Identifier: MIT
 *
 * A connection: a link to the server, and what it takes to get and to keep one.
 *
 * What must stay true:
 *   - nothing here retries. Reconnecting is the caller's, who knows the backoff and when to stop;
 *   - no error text contains the password.
 */
#include "base/error.h"
#include "redis/connection_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

static char *connection_name(const char *client_name, const char *role)
{
    if (!client_name)
        client_name = "weir";
    size_t size = strlen(client_name) + 1 + strlen(role) + 1;
    char *name = malloc(size);
    if (name)
        snprintf(name, size, "%s-%s", client_name, role);
    return name;
}

weir_status weir_connection_new(struct weir_connection **ret, const struct weir_url *url, unsigned slot,
                                const weir_connection_options *options, const char *role, size_t reply_limit,
                                weir_error *err)
{
    struct weir_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a connection");
    connection->url = url;
    connection->options = *options;
    connection->options.client_name = NULL;
    connection->options.tls_ca_file = copy_text(options->tls_ca_file);
    connection->options.tls_cert_file = copy_text(options->tls_cert_file);
    connection->options.tls_key_file = copy_text(options->tls_key_file);
    connection->options.tls_server_name = copy_text(options->tls_server_name);
    connection->name = connection_name(options->client_name, role);
    connection->settings = (struct weir_link_settings){
        .options = &connection->options,
        .tls = url->tls,
        .reply_limit = reply_limit,
        .woken = &connection->woken,
        .traffic = &connection->traffic,
    };
    connection->link.settings = connection->side.settings = &connection->settings;
    connection->link.keeps = url->kind == WEIR_URL_CLUSTER;
    if (url->kind != WEIR_URL_DIRECT) {
        connection->link.doubt = weir_connection_doubt;
        connection->link.doubt_context = connection;
    }
    weir_resolver_init(&connection->resolver, url, &connection->settings, slot);
    connection->wake_fds[0] = connection->wake_fds[1] = -1;
    atomic_init(&connection->woken, false);
    if (!connection->name || (options->tls_ca_file && !connection->options.tls_ca_file) ||
        (options->tls_cert_file && !connection->options.tls_cert_file) ||
        (options->tls_key_file && !connection->options.tls_key_file) ||
        (options->tls_server_name && !connection->options.tls_server_name)) {
        weir_connection_free(connection);
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a connection");
    }
    if (pipe2(connection->wake_fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        weir_status status = weir_error_set(err, WEIR_ERR_SYSTEM, "no pipe for a connection: %s", strerror(errno));
        connection->wake_fds[0] = connection->wake_fds[1] = -1;
        weir_connection_free(connection);
        return status;
    }
    connection->settings.wake_fd = connection->wake_fds[0];
    *ret = connection;
    return WEIR_OK;
}

void weir_connection_free(struct weir_connection *connection)
{
    if (!connection)
        return;
    weir_connection_disconnect(connection);
    weir_link_free(&connection->link);
    weir_link_free(&connection->side);
    for (int i = 0; i < 2; i++)
        if (connection->wake_fds[i] >= 0)
            close(connection->wake_fds[i]);
    free(connection->name);
    free((char *)connection->options.tls_ca_file);
    free((char *)connection->options.tls_cert_file);
    free((char *)connection->options.tls_key_file);
    free((char *)connection->options.tls_server_name);
    free(connection);
}

void weir_connection_disconnect(struct weir_connection *connection)
{
    weir_link_close(&connection->link);
    weir_redirect_reset(connection);
    connection->client_id = 0;
    connection->server = 0;
}

void weir_connection_leave(struct weir_connection *connection)
{
    weir_connection_disconnect(connection);
    if (connection->url->kind != WEIR_URL_DIRECT)
        weir_resolver_distrust(&connection->resolver);
}

bool weir_connection_is_up(const struct weir_connection *connection)
{
    return connection->link.context != NULL;
}

bool weir_connection_in_cluster(const struct weir_connection *connection)
{
    return connection->url->kind == WEIR_URL_CLUSTER;
}

void weir_connection_set_slot(struct weir_connection *connection, unsigned slot)
{
    if (weir_connection_in_cluster(connection) && slot != connection->resolver.slot)
        weir_connection_disconnect(connection);
    connection->resolver.slot = slot;
}

const struct weir_endpoint *weir_connection_endpoint(const struct weir_connection *connection)
{
    return &connection->link.endpoint;
}

/* FNV-1a. */
static uint64_t number_of(const struct weir_endpoint *endpoint)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)endpoint->port;
    for (const char *c = endpoint->host; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

void weir_connection_identify(struct weir_connection *connection, int64_t client_id)
{
    connection->server = number_of(&connection->link.endpoint);
    connection->client_id = client_id;
}

int64_t weir_connection_client_id(const struct weir_connection *connection)
{
    return connection->client_id;
}

uint64_t weir_connection_server(const struct weir_connection *connection)
{
    return connection->server;
}

void weir_connection_wake(struct weir_connection *connection)
{
    if (atomic_exchange(&connection->woken, true))
        return;
    while (write(connection->wake_fds[1], "!", 1) < 0 && errno == EINTR)
        ; /* a full pipe wakes as well */
}

void weir_connection_unwake(struct weir_connection *connection)
{
    atomic_store(&connection->woken, false);
    weir_link_drain(connection->wake_fds[0]);
}

struct weir_buffer *weir_connection_out(struct weir_connection *connection)
{
    return &connection->link.out;
}

uint64_t weir_connection_sent(const struct weir_connection *connection)
{
    return connection->link.sent;
}

uint64_t weir_connection_appended(const struct weir_connection *connection)
{
    const struct weir_link *link = &connection->link;
    return link->sent + (link->out.len - link->out_sent);
}

void weir_connection_traffic(const struct weir_connection *connection, uint64_t *ret_sent_bytes,
                             uint64_t *ret_received_bytes)
{
    *ret_sent_bytes = connection->traffic.sent_bytes;
    *ret_received_bytes = connection->traffic.received_bytes;
}

weir_status weir_connection_push(struct weir_connection *connection, weir_error *err)
{
    weir_status status = weir_link_push(&connection->link, err);
    if (status != WEIR_OK)
        weir_connection_disconnect(connection);
    return status;
}

weir_status weir_connection_reply(struct weir_connection *connection, struct weir_arena *arena, int64_t extra_wait_ms,
                                  struct weir_reply **ret, weir_error *err)
{
    if (connection->url->kind == WEIR_URL_CLUSTER)
        return weir_redirect_reply(connection, arena, extra_wait_ms, ret, err);
    weir_status status =
        weir_link_reply(&connection->link, arena, connection->options.command_timeout_ms, extra_wait_ms, ret, err);
    if (status != WEIR_OK && status != WEIR_ERR_STOPPED)
        weir_connection_disconnect(connection);
    connection->answered_by = connection->link.number;
    return status;
}

bool weir_connection_still_open(struct weir_connection *connection)
{
    return weir_link_still_open(&connection->link);
}

uint64_t weir_connection_answered_by(const struct weir_connection *connection)
{
    return connection->answered_by;
}

void weir_connection_transaction(struct weir_connection *connection, bool on)
{
    connection->transaction = on;
}

struct weir_buffer *weir_connection_side_out(struct weir_connection *connection)
{
    if (!weir_link_still_open(&connection->side))
        return NULL;
    return &connection->side.out;
}

weir_status weir_connection_side_reply(struct weir_connection *connection, struct weir_arena *arena,
                                       int64_t extra_wait_ms, struct weir_reply **ret, weir_error *err)
{
    weir_status status =
        weir_link_reply(&connection->side, arena, connection->options.command_timeout_ms, extra_wait_ms, ret, err);
    if (status != WEIR_OK)
        weir_connection_disconnect(connection);
    connection->answered_by = connection->side.number;
    return status;
}
