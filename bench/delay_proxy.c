/* SPDX-License-Identifier: MIT
 *
 * A link is a client's socket and the server's, and a flow in each direction: a list of chunks, each with the time from
 * which it may go on. One thread polls for what can be read, for what can be written, and until the next chunk is due.
 */
#include "delay_proxy.h"

#include "base.h"
#include "redis/url.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINKS_MAX = 2048, CHUNK = 64 * 1024, QUEUED_MAX = 8 * 1024 * 1024 };

struct chunk {
    struct chunk *next;
    int64_t due_ns;
    size_t len, sent;
    char bytes[];
};

struct flow {
    int from, to;
    struct chunk *first, **last;
    size_t queued;
    bool ended; /* the sender has closed */
};

struct link {
    struct flow flow[2];
};

struct forwarder {
    const struct weir_url *url;
    int listener;
    int64_t delay_ns;
    struct link *links[LINKS_MAX];
    size_t n_links;
};

static void set_up(int fd)
{
    int on = 1;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void accept_link(struct forwarder *forwarder)
{
    int client = accept(forwarder->listener, NULL, NULL);
    if (client < 0)
        return;
    redisContext *context = redisConnect(forwarder->url->endpoints->host, forwarder->url->endpoints->port);
    int server = context && !context->err ? dup(context->fd) : -1;
    if (context)
        redisFree(context);
    if (server < 0 || forwarder->n_links == LINKS_MAX) {
        close(client);
        if (server >= 0)
            close(server);
        return;
    }
    struct link *link = must_alloc(sizeof *link);
    for (int i = 0; i < 2; i++) {
        struct flow *flow = &link->flow[i];
        flow->from = i == 0 ? client : server;
        flow->to = i == 0 ? server : client;
        flow->last = &flow->first;
        set_up(flow->from);
    }
    forwarder->links[forwarder->n_links++] = link;
}

static void receive(struct forwarder *forwarder, struct flow *flow)
{
    static char bytes[CHUNK];
    ssize_t n = recv(flow->from, bytes, sizeof bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        flow->ended = true;
        return;
    }
    struct chunk *chunk = malloc(sizeof *chunk + (size_t)n);
    if (!chunk)
        die("the delay proxy has no memory");
    *chunk = (struct chunk){.due_ns = now_ns() + forwarder->delay_ns, .len = (size_t)n};
    memcpy(chunk->bytes, bytes, (size_t)n);
    *flow->last = chunk;
    flow->last = &chunk->next;
    flow->queued += chunk->len;
}

/* Sends what is due, as much as the socket takes. */
static void forward(struct flow *flow, int64_t now)
{
    while (flow->first && flow->first->due_ns <= now) {
        struct chunk *chunk = flow->first;
        ssize_t n = send(flow->to, chunk->bytes + chunk->sent, chunk->len - chunk->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {
            flow->ended = true; /* nobody is there to take the rest */
            n = (ssize_t)(chunk->len - chunk->sent);
        }
        chunk->sent += (size_t)n;
        if (chunk->sent < chunk->len)
            return;
        flow->queued -= chunk->len;
        flow->first = chunk->next;
        if (!flow->first)
            flow->last = &flow->first;
        free(chunk);
    }
}

/* One end has closed, and what it had sent has arrived. */
static bool is_over(const struct link *link)
{
    return (link->flow[0].ended && !link->flow[0].first) || (link->flow[1].ended && !link->flow[1].first);
}

static void free_link(struct link *link)
{
    for (int i = 0; i < 2; i++) {
        struct flow *flow = &link->flow[i];
        close(flow->from);
        for (struct chunk *chunk = flow->first, *next; chunk; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
    }
    free(link);
}

/* What poll is to wait for; the earlier of *due_ns and the flow's next chunk. */
static short events_of(const struct link *link, int side, int64_t now, int64_t *due_ns)
{
    const struct flow *in = &link->flow[side], *out = &link->flow[!side];
    short events = !in->ended && in->queued < QUEUED_MAX ? POLLIN : 0;
    if (out->first && out->first->due_ns <= now)
        events |= POLLOUT;
    else if (out->first && out->first->due_ns < *due_ns)
        *due_ns = out->first->due_ns;
    return events;
}

static void run(struct forwarder *forwarder)
{
    static struct pollfd fds[1 + 2 * LINKS_MAX];
    for (;;) {
        int64_t now = now_ns(), due_ns = INT64_MAX;
        size_t n_links = forwarder->n_links;
        fds[0] = (struct pollfd){.fd = forwarder->listener, .events = POLLIN};
        for (size_t i = 0; i < 2 * n_links; i++) {
            const struct link *link = forwarder->links[i / 2];
            short events = events_of(link, i % 2, now, &due_ns);
            fds[1 + i] = (struct pollfd){.fd = events ? link->flow[i % 2].from : -1, .events = events};
        }
        int64_t wait_ns = due_ns == INT64_MAX ? 1000000000 : due_ns - now;
        struct timespec timeout = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
        ppoll(fds, 1 + 2 * n_links, &timeout, NULL);

        now = now_ns();
        for (size_t i = 0; i < 2 * n_links; i++)
            if (fds[1 + i].fd >= 0 && fds[1 + i].revents & (POLLIN | POLLHUP | POLLERR))
                receive(forwarder, &forwarder->links[i / 2]->flow[i % 2]);
        for (size_t i = 0; i < 2 * n_links; i++)
            forward(&forwarder->links[i / 2]->flow[i % 2], now);
        if (fds[0].revents)
            accept_link(forwarder);
        for (size_t i = forwarder->n_links; i-- > 0;)
            if (is_over(forwarder->links[i])) {
                free_link(forwarder->links[i]);
                forwarder->links[i] = forwarder->links[--forwarder->n_links];
            }
    }
}

/* url with the proxy's address instead of the server's: user, password and db stay. */
static void rewrite(struct delay_proxy *proxy, const char *url, int db, int port)
{
    const char *rest = strstr(url, "://") + 3, *at = strrchr(rest, '@');
    int len = snprintf(proxy->url, sizeof proxy->url, "redis://%.*s127.0.0.1:%d/%d", at ? (int)(at + 1 - rest) : 0,
                       rest, port, db);
    if (len >= (int)sizeof proxy->url)
        die("--url is too long to go through the proxy");
}

void delay_proxy_start(struct delay_proxy *proxy, const char *text, uint64_t round_trip_us)
{
    struct weir_url url;
    weir_error err;
    if (weir_url_parse(text, &url, &err) != WEIR_OK)
        die("--url: %s", err.message);
    if (url.tls || url.kind != WEIR_URL_DIRECT || url.endpoints->port == 0)
        die("--delay-us goes through a TCP proxy: give a redis:// --url");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 512) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        die("no port for the delay proxy: %s", strerror(errno));
    rewrite(proxy, text, url.db, ntohs(address.sin_port));

    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        die("no process for the delay proxy: %s", strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        prctl(PR_SET_TIMERSLACK, 1000UL);
        if (getppid() != parent)
            _exit(1);
        struct forwarder *forwarder = must_alloc(sizeof *forwarder);
        forwarder->url = &url;
        forwarder->listener = listener;
        forwarder->delay_ns = (int64_t)round_trip_us * 500;
        run(forwarder);
    }
    proxy->pid = pid;
    close(listener);
    weir_url_clear(&url);
}

void delay_proxy_stop(struct delay_proxy *proxy)
{
    if (proxy->pid <= 0)
        return;
    kill(proxy->pid, SIGKILL);
    while (waitpid(proxy->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    proxy->pid = 0;
}
