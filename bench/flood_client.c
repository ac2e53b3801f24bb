/* SPDX-License-Identifier: MIT */
#include "flood_client.h"

#include "base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ASKING = 8, /* connections that ask and ask */
    RAVING = 2, /* and that speak no HTTP, and so are closed each time */
    FAST = ASKING + RAVING,
    EVENTS = 256,
    DRIP_US = 10000,   /* between two rounds of bytes */
    DRIP_AT_ONCE = 64, /* slow connections that get theirs in a round */
    ANSWER = 65536,
};

struct client {
    int fd;
    bool slow, raves;
    unsigned turn;    /* which request is next */
    bool closes;      /* what was sent is no HTTP: the end of the connection is the answer */
    size_t n, wanted; /* bytes of the answer so far, and in all; 0: not known yet */
    char answer[ANSWER];
};

struct crowd {
    struct flood *flood;
    int epoll;
    struct sockaddr_in to;
    struct client *clients;
    size_t n_clients, next_drip;
};

static void connect_client(struct crowd *crowd, struct client *client)
{
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        die("no socket: %s", strerror(errno));
    client->n = client->wanted = 0;
    client->closes = false;
    connect(client->fd, (struct sockaddr *)&crowd->to, sizeof crowd->to); /* in progress */
    struct epoll_event event = {.events = client->slow ? EPOLLIN | EPOLLRDHUP : EPOLLOUT, .data.ptr = client};
    epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, client->fd, &event);
    crowd->flood->made += client->slow;
}

static void reconnect(struct crowd *crowd, struct client *client)
{
    close(client->fd);
    connect_client(crowd, client);
}

/* --- requests --- */

static size_t write_request(const struct flood *flood, struct client *client, char *out, size_t size)
{
    static const char *const paths[] = {"/health", "/api/queues", "/ready", "/metrics", "/", "/api/server"};
    unsigned turn = client->turn++ % 9;
    int n;
    client->closes = client->raves;
    if (client->raves)
        n = snprintf(out, size, "\x16\x03 no HTTP at all \xff\r\n\r\n");
    else if (turn == 8)
        n = snprintf(out, size,
                     "POST /api/queues/%s/pause HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
                     "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                     flood->stream);
    else if (turn >= 6)
        n = snprintf(out, size, "GET /api/queues/%s%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n",
                     flood->stream, turn == 6 ? "" : "/pending?count=10&group=bench", flood->token);
    else
        n = snprintf(out, size, "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", paths[turn],
                     flood->token);
    return (size_t)n;
}

static void ask(struct crowd *crowd, struct client *client)
{
    char request[512];
    size_t len = write_request(crowd->flood, client, request, sizeof request);
    crowd->flood->nonsense += client->closes;
    client->n = client->wanted = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(crowd->epoll, EPOLL_CTL_MOD, client->fd, &event);
    if (send(client->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        reconnect(crowd, client);
}

/* How long the whole answer is; 0: its head isn't complete. */
static size_t length_of(struct client *client)
{
    client->answer[client->n < ANSWER ? client->n : ANSWER - 1] = '\0';
    const char *end = strstr(client->answer, "\r\n\r\n"), *length = strcasestr(client->answer, "\r\nContent-Length:");
    if (!end)
        return 0;
    return (size_t)(end + 4 - client->answer) + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static void hear(struct crowd *crowd, struct client *client)
{
    char rest[ANSWER];
    for (;;) {
        bool kept = client->n < ANSWER - 1;
        ssize_t n =
            recv(client->fd, kept ? client->answer + client->n : rest, kept ? ANSWER - 1 - client->n : sizeof rest, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            crowd->flood->answered += client->closes;
            reconnect(crowd, client);
            return;
        }
        client->n += (size_t)n;
        if (client->wanted == 0)
            client->wanted = length_of(client);
        if (!client->closes && client->wanted > 0 && client->n >= client->wanted) {
            crowd->flood->answered++;
            ask(crowd, client);
            return;
        }
    }
}

/* --- slow connections --- */

static void drip(struct crowd *crowd)
{
    static const char head[] = "GET /api/queues HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    for (int i = 0; i < DRIP_AT_ONCE && crowd->n_clients > FAST; i++) {
        struct client *client = &crowd->clients[FAST + crowd->next_drip++ % (crowd->n_clients - FAST)];
        char c = client->n < sizeof head - 1 ? head[client->n] : 'x';
        if (send(client->fd, &c, 1, MSG_NOSIGNAL) == 1)
            client->n++;
    }
}

static void be_cut_off(struct crowd *crowd, struct client *client)
{
    char bytes[512];
    ssize_t n = recv(client->fd, bytes, sizeof bytes, 0);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    crowd->flood->cut++;
    reconnect(crowd, client);
}

/* --- all of them --- */

static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void handle(struct crowd *crowd, const struct epoll_event *event)
{
    struct client *client = event->data.ptr;
    if (client->slow)
        be_cut_off(crowd, client);
    else if (event->events & EPOLLOUT && !(event->events & (EPOLLERR | EPOLLHUP)))
        ask(crowd, client);
    else
        hear(crowd, client);
}

void flood_run(struct flood *flood)
{
    struct crowd crowd = {.flood = flood, .epoll = epoll_create1(EPOLL_CLOEXEC), .n_clients = FAST + flood->slow};
    crowd.to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)flood->port)};
    inet_pton(AF_INET, flood->address, &crowd.to.sin_addr);
    raise_limit();
    crowd.clients = must_alloc(crowd.n_clients * sizeof *crowd.clients);
    for (size_t i = 0; i < crowd.n_clients; i++) {
        crowd.clients[i] = (struct client){.slow = i >= FAST, .raves = i >= ASKING && i < FAST, .turn = (unsigned)i};
        connect_client(&crowd, &crowd.clients[i]);
    }
    struct epoll_event events[EVENTS];
    int64_t drip_us = now_us();
    while (!atomic_load(&flood->stop)) {
        int n = epoll_wait(crowd.epoll, events, EVENTS, DRIP_US / 1000);
        for (int i = 0; i < n; i++)
            handle(&crowd, &events[i]);
        if (now_us() >= drip_us) {
            drip(&crowd);
            drip_us = now_us() + DRIP_US;
        }
    }
    for (size_t i = 0; i < crowd.n_clients; i++)
        close(crowd.clients[i].fd);
    close(crowd.epoll);
    free(crowd.clients);
}
