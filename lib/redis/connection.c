/* SPDX-License-Identifier: MIT
 *
 * A connection: a socket, a hiredis reader, and an output buffer.
 *
 * hiredis opens the socket and parses; the waiting is ours, with poll, because three things must end it: the socket,
 * a deadline, and another thread that wants this one to stop (a pipe that wake writes to).
 *
 * What must stay true:
 *   - every wait has a deadline: `command_timeout_ms` without a byte, and ten times that (30 s at least) for one whole
 *     reply, so that a server that trickles bytes can't hold a thread for ever;
 *   - after a failure the socket is closed: a late answer can never be taken for the answer to a later command;
 *   - nothing here retries. Reconnecting is the caller's, who knows the backoff and when to stop;
 *   - no error text contains the password.
 */
#include "redis/connection.h"

#include "base/clock.h"
#include "base/error.h"
#include "redis/command.h"
#include "redis/tls.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_CHUNK = 16 * 1024, /* hiredis' reader moves what is left of a chunk after each reply: keep it small */
    OUT_KEPT = 256 * 1024,  /* capacity of the output buffer that outlives a flush */
    MIN_REPLY_BUDGET_MS = 30000,
};

struct weir_connection {
    const struct weir_url *url;
    weir_connection_options options; /* texts are copies */
    char *name;                      /* for CLIENT SETNAME */
    size_t reply_limit;

    redisContext *context; /* NULL: not connected */
    struct weir_tls *tls;
    redisReader *reader;
    struct weir_buffer out;
    size_t out_sent; /* of out.len */
    uint64_t sent;   /* bytes given to the kernel since connecting, introduction included; kept after a loss */
    _Atomic int64_t client_id; /* read by the thread that unblocks this connection */

    int wake_fds[2];
    atomic_bool woken;
};

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

weir_status weir_connection_new(struct weir_connection **ret, const struct weir_url *url,
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
    connection->reply_limit = reply_limit;
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
    *ret = connection;
    return WEIR_OK;
}

void weir_connection_free(struct weir_connection *connection)
{
    if (!connection)
        return;
    weir_connection_disconnect(connection);
    weir_buffer_free(&connection->out);
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
    if (connection->reader)
        redisReaderFree(connection->reader);
    connection->reader = NULL;
    weir_tls_free(connection->tls);
    connection->tls = NULL;
    if (connection->context)
        redisFree(connection->context);
    connection->context = NULL;
    connection->client_id = 0;
    connection->out_sent = 0;
    weir_buffer_clear(&connection->out, OUT_KEPT);
}

bool weir_connection_is_up(const struct weir_connection *connection)
{
    return connection->context != NULL;
}

int64_t weir_connection_client_id(const struct weir_connection *connection)
{
    return connection->client_id;
}

void weir_connection_wake(struct weir_connection *connection)
{
    if (atomic_exchange(&connection->woken, true))
        return;
    ssize_t written = write(connection->wake_fds[1], "!", 1);
    (void)written; /* a full pipe wakes as well */
}

void weir_connection_unwake(struct weir_connection *connection)
{
    char bytes[16];
    atomic_store(&connection->woken, false);
    while (read(connection->wake_fds[0], bytes, sizeof bytes) > 0)
        ;
}

struct weir_buffer *weir_connection_out(struct weir_connection *connection)
{
    return &connection->out;
}

uint64_t weir_connection_sent(const struct weir_connection *connection)
{
    return connection->sent;
}

uint64_t weir_connection_appended(const struct weir_connection *connection)
{
    return connection->sent + (connection->out.len - connection->out_sent);
}

/* Where it goes, for error texts: without user and password. */
static const char *address(const struct weir_connection *connection, char out[160])
{
    if (connection->url->path)
        snprintf(out, 160, "unix socket %.120s", connection->url->path);
    else
        snprintf(out, 160, "%.120s port %d", connection->url->host, connection->url->port);
    return out;
}

static weir_status lost(struct weir_connection *connection, weir_error *err, const char *why)
{
    char where[160];
    weir_error_set(err, WEIR_ERR_IN_DOUBT, "the connection to %s was lost: %s", address(connection, where), why);
    weir_connection_disconnect(connection);
    return WEIR_ERR_IN_DOUBT;
}

/* Waits for events on the socket. 1: there are some; 0: the deadline passed; −1: woken. Other errors look like events.
 */
static int wait_for_socket(struct weir_connection *connection, short events, int64_t deadline_ms)
{
    for (;;) {
        if (atomic_load(&connection->woken))
            return -1;
        int64_t left_ms = deadline_ms - weir_now_ms();
        if (left_ms < 0)
            left_ms = 0;
        struct pollfd fds[2] = {{.fd = connection->context->fd, .events = events},
                                {.fd = connection->wake_fds[0], .events = POLLIN}};
        int n = poll(fds, 2, left_ms > 60000 ? 60000 : (int)left_ms);
        if (n < 0 && errno != EINTR)
            return 1;
        if (n > 0 && fds[0].revents)
            return 1;
        if (n > 0 && atomic_load(&connection->woken))
            return -1;
        if (n == 0 && weir_now_ms() >= deadline_ms)
            return 0;
    }
}

/* As much as the kernel takes now. False: broken, errno says why. */
static bool send_some(struct weir_connection *connection)
{
    struct weir_buffer *out = &connection->out;
    if (out->len == 0)
        return true;
    while (connection->out_sent < out->len) {
        ssize_t n;
        if (connection->tls)
            n = weir_tls_write(connection->tls, out->bytes + connection->out_sent, out->len - connection->out_sent);
        else
            n = send(connection->context->fd, out->bytes + connection->out_sent, out->len - connection->out_sent,
                     MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        connection->out_sent += (size_t)n;
        connection->sent += (uint64_t)n;
    }
    connection->out_sent = 0;
    weir_buffer_clear(out, OUT_KEPT);
    return true;
}

/* Feeds what has arrived to the reader. 1: some; 0: nothing yet; −1: broken, *why says how. */
static int receive_some(struct weir_connection *connection, const char **why)
{
    char chunk[READ_CHUNK];
    ssize_t n;
    do {
        if (connection->tls)
            n = weir_tls_read(connection->tls, chunk, sizeof chunk);
        else
            n = recv(connection->context->fd, chunk, sizeof chunk, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n <= 0) {
        *why = n == 0 ? "the server closed it" : strerror(errno);
        return -1;
    }
    if (redisReaderFeed(connection->reader, chunk, (size_t)n) != REDIS_OK) {
        *why = "out of memory";
        return -1;
    }
    return 1;
}

/* A command could not be written whole: what is in the buffer can't be sent. */
static weir_status out_of_memory(struct weir_connection *connection, weir_error *err)
{
    weir_connection_disconnect(connection);
    return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a command");
}

weir_status weir_connection_push(struct weir_connection *connection, weir_error *err)
{
    if (!connection->context)
        return weir_error_set(err, WEIR_ERR_CONNECTION, "not connected");
    if (connection->out.failed)
        return out_of_memory(connection, err);
    if (!send_some(connection))
        return lost(connection, err, strerror(errno));
    return WEIR_OK;
}

static weir_status unreadable(struct weir_connection *connection, weir_error *err)
{
    weir_status status;
    if (connection->reader->err == REDIS_ERR_OOM)
        status = weir_error_set(err, WEIR_ERR_MEMORY, "a reply needs more memory than there is, or than %zu bytes",
                                connection->reply_limit);
    else
        status = weir_error_set(err, WEIR_ERR_PROTOCOL, "the reply is malformed: %s", connection->reader->errstr);
    weir_connection_disconnect(connection);
    return status;
}

static weir_status await_reply(struct weir_connection *connection, struct weir_arena *arena, int64_t timeout_ms,
                               int64_t extra_wait_ms, struct weir_reply **ret, weir_error *err)
{
    if (!connection->context)
        return weir_error_set(err, WEIR_ERR_CONNECTION, "not connected");
    if (connection->out.failed)
        return out_of_memory(connection, err);

    int64_t budget_ms = 10 * timeout_ms > MIN_REPLY_BUDGET_MS ? 10 * timeout_ms : MIN_REPLY_BUDGET_MS;
    int64_t quiet_until_ms = 0, give_up_ms = 0; /* set once there is something to wait for */
    arena->limit = connection->reply_limit;
    connection->reader->privdata = arena;
    for (;;) {
        /* what has arrived already costs no system call */
        void *reply = NULL;
        if (redisReaderGetReply(connection->reader, &reply) != REDIS_OK)
            return unreadable(connection, err);
        if (reply) {
            *ret = reply;
            return WEIR_OK;
        }

        uint64_t sent = connection->sent;
        if (!send_some(connection))
            return lost(connection, err, strerror(errno));
        bool progress = connection->sent != sent;
        const char *why;
        int received = progress ? 0 : receive_some(connection, &why);
        if (received < 0)
            return lost(connection, err, why);

        int64_t now_ms = weir_now_ms();
        if (give_up_ms == 0) {
            quiet_until_ms = weir_time_add(now_ms, timeout_ms + extra_wait_ms);
            give_up_ms = weir_time_add(now_ms, budget_ms + extra_wait_ms);
        } else if (received > 0 || progress) {
            quiet_until_ms = now_ms + timeout_ms;
        }
        if (now_ms >= give_up_ms)
            return lost(connection, err, "the reply comes too slowly");
        if (received > 0)
            continue;

        short events = connection->out_sent < connection->out.len ? POLLIN | POLLOUT : POLLIN;
        switch (wait_for_socket(connection, events, quiet_until_ms)) {
        case 0:
            return lost(connection, err, "no answer in time");
        case -1:
            return weir_error_set(err, WEIR_ERR_STOPPED, "interrupted");
        }
    }
}

weir_status weir_connection_reply(struct weir_connection *connection, struct weir_arena *arena, int64_t extra_wait_ms,
                                  struct weir_reply **ret, weir_error *err)
{
    return await_reply(connection, arena, connection->options.command_timeout_ms, extra_wait_ms, ret, err);
}

bool weir_connection_still_open(struct weir_connection *connection)
{
    if (!connection->context)
        return false;
    char byte;
    ssize_t n = recv(connection->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0)
        return connection->tls != NULL; /* under TLS a session ticket, say; else an answer that nobody asked for */
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* --- connecting --- */

static weir_status open_socket(struct weir_connection *connection, weir_error *err)
{
    const struct weir_url *url = connection->url;
    char where[160];
    redisContext *context =
        url->path ? redisConnectUnixNonBlock(url->path) : redisConnectNonBlock(url->host, url->port);
    if (!context)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a connection");
    connection->context = context;
    connection->sent = 0;
    if (context->fd >= 0)
        fcntl(context->fd, F_SETFD, FD_CLOEXEC); /* a program that is started must not hold the connection open */
    if (context->err) {
        weir_status status = weir_error_set(err, WEIR_ERR_CONNECTION, "can't connect to %s: %s",
                                            address(connection, where), context->errstr);
        weir_connection_disconnect(connection);
        return status;
    }

    int64_t deadline_ms = weir_now_ms() + connection->options.connect_timeout_ms;
    int ready = wait_for_socket(connection, POLLOUT, deadline_ms);
    int failure = 0;
    socklen_t size = sizeof failure;
    if (ready == 1 && getsockopt(context->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
        failure = errno;
    if (ready == 1 && failure == 0)
        return WEIR_OK;

    weir_status status =
        ready < 0 ? weir_error_set(err, WEIR_ERR_STOPPED, "interrupted while connecting")
                  : weir_error_set(err, WEIR_ERR_CONNECTION, "can't connect to %s: %s", address(connection, where),
                                   ready == 0 ? "no answer within the connect timeout" : strerror(failure));
    weir_connection_disconnect(connection);
    return status;
}

static void tune_socket(const struct weir_connection *connection)
{
    if (connection->url->path)
        return;
    int fd = connection->context->fd, on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int idle_s = connection->options.keepalive_s > 32767 ? 32767 : (int)connection->options.keepalive_s;
    if (idle_s > 0) {
        int interval_s = idle_s / 3 > 0 ? idle_s / 3 : 1, count = 3;
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    }
}

/* AUTH, SELECT, CLIENT SETNAME, CLIENT ID, in one round trip. What the two CLIENTs answer never fails a connection. */
static weir_status introduce(struct weir_connection *connection, struct weir_arena *arena, weir_error *err)
{
    const struct weir_url *url = connection->url;
    struct weir_buffer *out = &connection->out;
    const char *commands[4];
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

    weir_status first = WEIR_OK;
    for (size_t i = 0; i < n; i++) {
        struct weir_reply *reply;
        weir_error failure;
        weir_status status =
            await_reply(connection, arena, connection->options.connect_timeout_ms, 0, &reply, &failure);
        if (status == WEIR_OK) {
            if (reply->kind == WEIR_REPLY_INTEGER)
                connection->client_id = reply->integer;
            status = weir_reply_status(reply, commands[i], &failure);
            bool needed = status == WEIR_ERR_AUTH || commands[i][0] != 'C';
            if (status == WEIR_OK || !needed || first != WEIR_OK)
                continue;
        }
        first = status;
        if (err)
            *err = failure;
        if (!connection->context)
            break;
    }
    return first;
}

weir_status weir_connection_connect(struct weir_connection *connection, weir_error *err)
{
    if (connection->context)
        return WEIR_OK;
#ifndef WEIR_HAVE_TLS
    if (connection->url->tls)
        return weir_tls_start(NULL, -1, NULL, NULL, -1, err);
#endif
    weir_status status = open_socket(connection, err);
    if (status != WEIR_OK)
        return status;
    tune_socket(connection);

    connection->reader = weir_reply_reader_new();
    if (!connection->reader) {
        weir_connection_disconnect(connection);
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a connection");
    }
    if (connection->url->tls)
        status = weir_tls_start(&connection->tls, connection->context->fd, connection->url->host, &connection->options,
                                connection->wake_fds[0], err);

    struct weir_arena arena;
    weir_arena_init(&arena, connection->reply_limit);
    if (status == WEIR_OK)
        status = introduce(connection, &arena, err);
    weir_arena_free(&arena);
    if (status != WEIR_OK) {
        weir_connection_disconnect(connection);
        status = weir_error_nothing_sent(status, err);
    }
    return status;
}
