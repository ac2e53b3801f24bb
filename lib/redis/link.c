/* SPDX-License-Identifier: MIT
 *
 * A link: a socket, a hiredis reader, and an output buffer.
 *
 * hiredis parses; the waiting is ours, with poll, because three things must end it: the socket, a deadline, and another
 * thread that wants this one to stop (a pipe that wake writes to).
 *
 * What must stay true:
 *   - every wait has a deadline: the timeout without a byte, and ten times that (30 s at least) for one whole reply, so
 *     that a server that trickles bytes can't hold a thread for ever;
 *   - after a failure the socket is closed: a late answer can never be taken for the answer to a later command.
 */
#include "redis/link.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/watch.h"
#include "redis/command.h"
#include "redis/socket.h"
#include "redis/tls.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* hiredis' reader moves what is left of a chunk after each reply: keep it small; but a TLS record has to fit, since
       poll doesn't tell of what is left of one */
    READ_CHUNK = 16 * 1024,
    OUT_KEPT = 256 * 1024, /* capacity of the output buffer that outlives a flush */
    MIN_REPLY_BUDGET_MS = 30000,
    DOUBT_MS = 300,
};

void weir_link_close(struct weir_link *link)
{
    if (link->reader)
        redisReaderFree(link->reader);
    link->reader = NULL;
    weir_tls_free(link->tls);
    link->tls = NULL;
    if (link->context)
        weir_socket_free(link->context);
    link->context = NULL;
    link->out_sent = link->out_answered = link->out_limit = 0;
    weir_buffer_clear(&link->out, OUT_KEPT);
}

void weir_link_free(struct weir_link *link)
{
    weir_link_close(link);
    weir_buffer_free(&link->out);
}

static weir_status lost(struct weir_link *link, weir_error *err, const char *why)
{
    char where[WEIR_ENDPOINT_TEXT_SIZE];
    weir_error_set(err, WEIR_ERR_IN_DOUBT, "the connection to %s was lost: %s",
                   weir_endpoint_words(&link->endpoint, where), why);
    weir_link_close(link);
    return WEIR_ERR_IN_DOUBT;
}

void weir_link_drain(int wake_fd)
{
    char bytes[16];
    ssize_t n;
    do
        n = read(wake_fd, bytes, sizeof bytes);
    while (n > 0 || (n < 0 && errno == EINTR));
}

/* Waits for events on the socket. 1: there are some; 0: the deadline passed; −1: woken; −2: it can't wait, see errno.
 */
static int wait_for_socket(struct weir_link *link, short events, int64_t deadline_ms)
{
    for (;;) {
        if (atomic_load(link->settings->woken))
            return -1;
        int64_t left_ms = deadline_ms - weir_now_ms();
        if (left_ms < 0)
            left_ms = 0;
        struct pollfd fds[2] = {{.fd = link->context->fd, .events = events},
                                {.fd = link->settings->wake_fd, .events = POLLIN}};
        if (left_ms > WEIR_WATCH_SLICE_MS)
            left_ms = WEIR_WATCH_SLICE_MS;
        weir_watch_wait_until(weir_now_us() + left_ms * 1000);
        int n = poll(fds, 2, (int)left_ms);
        weir_watch_go_on();
        if (n < 0 && errno != EINTR)
            return -2;
        if (n > 0 && fds[0].revents)
            return 1;
        if (n > 0 && atomic_load(link->settings->woken))
            return -1;
        if (n > 0)
            weir_link_drain(link->settings->wake_fd); /* of a wake that unwake overtook: readable for ever, else */
        if (n == 0 && weir_now_ms() >= deadline_ms)
            return 0;
    }
}

/* --- opening --- */

static weir_status open_socket(struct weir_link *link, weir_error *err)
{
    const struct weir_endpoint *endpoint = &link->endpoint;
    struct weir_socket *context = endpoint->port == 0 ? weir_socket_connect_unix(endpoint->host)
                                                      : weir_socket_connect_tcp(endpoint->host, endpoint->port);
    if (!context)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a connection");
    link->context = context;
    if (context->err)
        return weir_error_set(err, WEIR_ERR_CONNECTION, "%s", context->errstr);

    int ready = wait_for_socket(link, POLLOUT, weir_now_ms() + link->settings->options->connect_timeout_ms);
    int failure = 0;
    socklen_t size = sizeof failure;
    if (ready == -2 || (ready == 1 && getsockopt(context->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0))
        failure = errno;
    if (ready == -1)
        return weir_error_set(err, WEIR_ERR_STOPPED, "interrupted while connecting");
    if (ready == 0 || failure != 0)
        return weir_error_set(err, WEIR_ERR_CONNECTION, "%s",
                              ready == 0 ? "no answer within the connect timeout" : strerror(failure));
    return WEIR_OK;
}

static void tune_socket(const struct weir_link *link)
{
    if (link->endpoint.port == 0)
        return;
    int fd = link->context->fd, on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int64_t keepalive_s = link->settings->options->keepalive_s;
    int idle_s = keepalive_s > 32767 ? 32767 : (int)keepalive_s;
    if (idle_s > 0) {
        int interval_s = idle_s / 3 > 0 ? idle_s / 3 : 1, count = 3;
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    }
}

weir_status weir_link_open(struct weir_link *link, const struct weir_endpoint *endpoint, weir_error *err)
{
    assert(!link->context);
    const struct weir_link_settings *settings = link->settings;
#ifndef WEIR_HAVE_TLS
    if (settings->tls)
        return weir_tls_start(NULL, -1, NULL, NULL, -1, err);
#endif
    if (&link->endpoint != endpoint)
        link->endpoint = *endpoint;
    link->sent = 0;
    weir_status status = open_socket(link, err);
    if (status == WEIR_OK) {
        tune_socket(link);
        link->reader = weir_reply_reader_new();
        if (!link->reader)
            status = weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a connection");
    }
    if (status == WEIR_OK && settings->tls)
        status = weir_tls_start(&link->tls, link->context->fd, link->endpoint.host, settings->options,
                                settings->wake_fd, err);
    if (status != WEIR_OK)
        weir_link_close(link);
    return status;
}

bool weir_link_still_open(struct weir_link *link)
{
    if (!link->context)
        return false;
    if (link->tls)
        return weir_tls_still_open(link->tls);
    char byte;
    ssize_t n = recv(link->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT); /* data: nobody asked for it */
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* --- sending and receiving --- */

static size_t sendable(const struct weir_link *link)
{
    return link->out_limit != 0 ? link->out_limit : link->out.len;
}

/* Why reading or writing failed just now. */
static const char *broken(const struct weir_link *link)
{
    return link->tls ? weir_tls_why(link->tls) : strerror(errno);
}

/* As much as the kernel takes now. False: broken. */
static bool send_some(struct weir_link *link)
{
    struct weir_buffer *out = &link->out;
    size_t end = sendable(link);
    if (link->out_sent == end)
        return true;
    while (link->out_sent < end) {
        ssize_t n;
        if (link->tls)
            n = weir_tls_write(link->tls, out->bytes + link->out_sent, end - link->out_sent);
        else
            n = send(link->context->fd, out->bytes + link->out_sent, end - link->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        link->out_sent += (size_t)n;
        link->sent += (uint64_t)n;
        link->settings->traffic->sent_bytes += (uint64_t)n;
    }
    if (!link->keeps) {
        link->out_sent = 0;
        weir_buffer_clear(out, OUT_KEPT);
    }
    return true;
}

/* Feeds what has arrived to the reader. 1: some; 0: nothing yet; −1: broken, *why says how. */
static int receive_some(struct weir_link *link, const char **why)
{
    char chunk[READ_CHUNK];
    ssize_t n;
    do {
        if (link->tls)
            n = weir_tls_read(link->tls, chunk, sizeof chunk);
        else
            n = recv(link->context->fd, chunk, sizeof chunk, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (n <= 0) {
        *why = n == 0 ? "the server closed it" : broken(link);
        return -1;
    }
    link->settings->traffic->received_bytes += (uint64_t)n;
    if (!weir_reply_reader_feed(link->reader, chunk, (size_t)n)) {
        *why = "out of memory";
        return -1;
    }
    return 1;
}

/* Whether commands can be sent: open, and all of them written. */
static weir_status check_ready(struct weir_link *link, weir_error *err)
{
    if (!link->context)
        return weir_error_set(err, WEIR_ERR_CONNECTION, "not connected");
    if (!link->out.failed)
        return WEIR_OK;
    weir_link_close(link);
    return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a command");
}

weir_status weir_link_push(struct weir_link *link, weir_error *err)
{
    weir_status status = check_ready(link, err);
    if (status == WEIR_OK)
        send_some(link);
    return status;
}

static weir_status unreadable(struct weir_link *link, weir_error *err)
{
    weir_status status;
    if (link->reader->err == REDIS_ERR_OOM) /* the command was executed, and nobody knows with what result */
        status = weir_error_set(err, WEIR_ERR_IN_DOUBT, "a reply needs more memory than there is, or than %zu bytes",
                                link->settings->reply_limit);
    else
        status = weir_error_set(err, WEIR_ERR_PROTOCOL, "the reply is malformed: %s", link->reader->errstr);
    weir_link_close(link);
    return status;
}

/* When to lose patience, and when to ask somebody else; set once there is something to wait for. */
struct patience {
    int64_t quiet_until_ms, give_up_ms, doubt_ms;
};

/* Waits for the socket. NULL, or why the link is to be given up; *woken: another thread wants this to end. */
static const char *wait_patiently(struct weir_link *link, struct patience *patience, bool *woken)
{
    short events = link->out_sent < sendable(link) ? POLLIN | POLLOUT : POLLIN;
    for (;;) {
        bool may_doubt = link->doubt && patience->doubt_ms < patience->quiet_until_ms;
        int rc = wait_for_socket(link, events, may_doubt ? patience->doubt_ms : patience->quiet_until_ms);
        *woken = rc == -1;
        if (rc == -2)
            return strerror(errno);
        if (rc != 0)
            return NULL;
        if (!may_doubt)
            return "no answer in time";
        if (link->doubt(link->doubt_context))
            return "it doesn't answer, and another server has taken over";
        patience->doubt_ms = weir_now_ms() + DOUBT_MS;
    }
}

weir_status weir_link_reply(struct weir_link *link, struct weir_arena *arena, int64_t timeout_ms, int64_t extra_wait_ms,
                            struct weir_reply **ret, weir_error *err)
{
    weir_status status = check_ready(link, err);
    if (status != WEIR_OK)
        return status;
    int64_t budget_ms = 10 * timeout_ms > MIN_REPLY_BUDGET_MS ? 10 * timeout_ms : MIN_REPLY_BUDGET_MS;
    struct patience patience = {0};
    bool writable = true;
    arena->limit = link->settings->reply_limit;
    link->reader->privdata = arena;
    for (;;) {
        /* what has arrived already costs no system call */
        void *reply = NULL;
        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
            return unreadable(link, err);
        if (reply) {
            *ret = reply;
            return WEIR_OK;
        }

        uint64_t sent = link->sent;
        writable = writable && send_some(link);
        const char *why = writable ? NULL : broken(link);
        bool progress = link->sent != sent;
        int received = writable && progress ? 0 : receive_some(link, &why);
        if (received < 0 || (received == 0 && !writable)) /* what was said before the end is read all the same */
            return lost(link, err, why);

        int64_t now_ms = weir_now_ms();
        if (patience.give_up_ms == 0) {
            patience.quiet_until_ms = weir_time_add(now_ms, timeout_ms + extra_wait_ms);
            patience.give_up_ms = weir_time_add(now_ms, budget_ms + extra_wait_ms);
            patience.doubt_ms = weir_time_add(now_ms, DOUBT_MS + extra_wait_ms);
        } else if (received > 0 || progress) {
            patience.quiet_until_ms = now_ms + timeout_ms;
            patience.doubt_ms = now_ms + DOUBT_MS;
        }
        if (now_ms >= patience.give_up_ms)
            return lost(link, err, "the reply comes too slowly");
        if (received > 0)
            continue;

        bool woken;
        why = wait_patiently(link, &patience, &woken);
        if (why)
            return lost(link, err, why);
        if (woken)
            return weir_error_set(err, WEIR_ERR_STOPPED, "interrupted");
    }
}

/* --- commands that may have to go elsewhere --- */

const char *weir_link_oldest(const struct weir_link *link, size_t *ret_len)
{
    const char *oldest = link->out.bytes + link->out_answered;
    *ret_len = weir_command_length(oldest, link->out.len - link->out_answered);
    return oldest;
}

void weir_link_answered(struct weir_link *link)
{
    size_t len;
    weir_link_oldest(link, &len);
    link->out_answered += len;
    if (link->out_answered == link->out.len) {
        link->out_answered = link->out_sent = link->out_limit = 0;
        weir_buffer_clear(&link->out, OUT_KEPT);
    } else if (link->out_answered >= OUT_KEPT && link->out_limit == 0) {
        weir_buffer_drop(&link->out, link->out_answered);
        link->out_sent -= link->out_answered;
        link->out_answered = 0;
    }
}

void weir_link_halt(struct weir_link *link)
{
    size_t limit = link->out_answered, len = 1;
    while (limit < link->out_sent && len > 0) {
        len = weir_command_length(link->out.bytes + limit, link->out.len - limit);
        limit += len;
    }
    link->out_limit = limit;
}
