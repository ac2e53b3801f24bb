/* SPDX-License-Identifier: MIT
 *
 * One thread polls the listeners, the links and an eventfd. A link is a client's socket, the server's, and a flow in
 * each direction: a list of chunks, each with the time from which it may be forwarded. Holding back is not forwarding:
 * a flow that is held still reads, up to a limit, so that its sender notices nothing at first.
 *
 * A control wakes the thread and waits until it is out of poll, changes the state, and lets it go on: a descriptor that
 * is closed under a poll would stay open until the poll returns.
 */
#include "support/proxy.h"

#include "support/server.h"
#include "support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUESTS, REPLIES, N_FLOWS };
enum { UNIX, TCP, N_LISTENERS };
enum { MAX_LINKS = 512, MAX_QUEUED = 1024 * 1024, CHUNK = 64 * 1024 };

struct chunk {
    struct chunk *next;
    int64_t due_ms;
    size_t len, sent;
    char bytes[];
};

struct flow {
    struct chunk *first, *last;
    size_t queued;
    int64_t next_byte_ms; /* trickling */
    bool ended;           /* the sender has closed; the link goes once the queue is empty */
};

struct link {
    int fd[N_FLOWS]; /* fd[REQUESTS]: the client, which requests come from; fd[REPLIES]: the server, or −1 */
    struct flow flow[N_FLOWS];      /* flow[i] reads from fd[i] and writes to the other */
    struct pollfd *polled[N_FLOWS]; /* where this round's poll has it, or NULL */
    bool muted, forsaken;
};

struct test_proxy {
    char directory[64], path[96], url[160], tcp_url[96], upstream[108];
    int port;
    int wake_fd;
    pthread_t thread;

    pthread_mutex_t mutex;  /* guards everything below */
    pthread_cond_t changed; /* in_poll or n_controls */
    bool in_poll;
    int n_controls; /* that wait or run */
    int listener[N_LISTENERS];
    struct link *links[MAX_LINKS];
    size_t n_links;
    bool stopping, refusing, muting;
    struct {
        bool held;
        int delay_ms;
        int trickle_ms; /* −1: no */
        bool cutting;
        size_t cut_after;
        uint64_t bytes;
    } way[N_FLOWS];
    size_t accepted;
};

static void must(bool ok, const char *what)
{
    if (!ok)
        test_die("proxy: %s: %s", what, strerror(errno));
}

static void set_nonblocking(int fd)
{
    must(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0, "fcntl");
}

/* Listening */

static int bind_unix(const struct test_proxy *proxy)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", proxy->path);
    unlink(proxy->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    return fd;
}

static int bind_tcp(struct test_proxy *proxy)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)proxy->port)};
    socklen_t len = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
             bind(fd, (struct sockaddr *)&address, len) == 0 && getsockname(fd, (struct sockaddr *)&address, &len) == 0,
         "bind to 127.0.0.1");
    proxy->port = ntohs(address.sin_port);
    return fd;
}

/* Bound and not listening, connections to them are refused, and nobody else can take the port. */
static void bind_listeners(struct test_proxy *proxy)
{
    proxy->listener[UNIX] = bind_unix(proxy);
    proxy->listener[TCP] = bind_tcp(proxy);
}

static void start_listening(const struct test_proxy *proxy)
{
    for (int i = 0; i < N_LISTENERS; i++)
        must(listen(proxy->listener[i], 64) == 0, "listen");
}

static void close_listeners(struct test_proxy *proxy)
{
    for (int i = 0; i < N_LISTENERS; i++)
        close(proxy->listener[i]);
}

/* Links */

static void pop_chunk(struct flow *flow)
{
    struct chunk *chunk = flow->first;
    flow->first = chunk->next;
    if (!flow->first)
        flow->last = NULL;
    free(chunk);
}

static void close_link(struct test_proxy *proxy, size_t i)
{
    struct link *link = proxy->links[i];
    for (int f = 0; f < N_FLOWS; f++) {
        while (link->flow[f].first)
            pop_chunk(&link->flow[f]);
        if (link->fd[f] >= 0)
            close(link->fd[f]);
    }
    free(link);
    proxy->links[i] = proxy->links[--proxy->n_links];
}

static void close_links(struct test_proxy *proxy)
{
    while (proxy->n_links > 0)
        close_link(proxy, proxy->n_links - 1);
}

static bool connect_upstream(const struct test_proxy *proxy, struct link *link)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in remote = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool is_path = proxy->upstream[0] == '/';
    if (is_path)
        snprintf(local.sun_path, sizeof local.sun_path, "%s", proxy->upstream);
    else
        remote.sin_port = htons((uint16_t)atoi(proxy->upstream));
    int fd = socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    if (connect(fd, is_path ? (struct sockaddr *)&local : (struct sockaddr *)&remote,
                is_path ? sizeof local : sizeof remote) != 0) {
        close(fd);
        return false;
    }
    set_nonblocking(fd);
    link->fd[REPLIES] = fd;
    return true;
}

static void accept_all(struct test_proxy *proxy, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        proxy->accepted++;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* has no effect on a unix socket */
        struct link *link = calloc(1, sizeof *link);
        must(link && proxy->n_links < MAX_LINKS, "no room for another connection");
        *link = (struct link){.fd = {fd, -1}, .muted = proxy->muting};
        proxy->links[proxy->n_links++] = link;
        if (!link->muted && !connect_upstream(proxy, link))
            close_link(proxy, proxy->n_links - 1);
    }
}

/* Reads what is there into the flow's queue. */
static void read_flow(const struct test_proxy *proxy, struct link *link, int f)
{
    struct flow *flow = &link->flow[f];
    struct chunk *chunk = malloc(sizeof *chunk + CHUNK);
    must(chunk != NULL, "out of memory");
    ssize_t n = read(link->fd[f], chunk->bytes, CHUNK);
    if (n <= 0) {
        free(chunk);
        flow->ended = n == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    *chunk = (struct chunk){.due_ms = test_now_ms() + proxy->way[f].delay_ms, .len = (size_t)n};
    if (flow->last)
        flow->last->next = chunk;
    else
        flow->first = chunk;
    flow->last = chunk;
    flow->queued += chunk->len;
}

static bool is_held(const struct test_proxy *proxy, const struct link *link, int f)
{
    return proxy->way[f].held || link->muted || link->forsaken;
}

/* From when on the flow may write; INT64_MAX: not for now. */
static int64_t may_write_ms(const struct test_proxy *proxy, const struct link *link, int f)
{
    const struct flow *flow = &link->flow[f];
    if (is_held(proxy, link, f) || !flow->first)
        return INT64_MAX;
    bool trickling = proxy->way[f].trickle_ms >= 0;
    return trickling && flow->next_byte_ms > flow->first->due_ms ? flow->next_byte_ms : flow->first->due_ms;
}

/* Writes what may be written. False where the link is to be closed. */
static bool write_flow(struct test_proxy *proxy, struct link *link, int f)
{
    struct flow *flow = &link->flow[f];
    while (may_write_ms(proxy, link, f) <= test_now_ms()) {
        struct chunk *chunk = flow->first;
        size_t len = chunk->len - chunk->sent;
        if (proxy->way[f].trickle_ms >= 0)
            len = 1;
        if (proxy->way[f].cutting && len > proxy->way[f].cut_after)
            len = proxy->way[f].cut_after;
        ssize_t n = len ? send(link->fd[!f], chunk->bytes + chunk->sent, len, MSG_NOSIGNAL) : 0;
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        proxy->way[f].bytes += (uint64_t)n;
        flow->queued -= (size_t)n;
        chunk->sent += (size_t)n;
        if (chunk->sent == chunk->len)
            pop_chunk(flow);
        if (proxy->way[f].trickle_ms >= 0)
            flow->next_byte_ms = test_now_ms() + proxy->way[f].trickle_ms;
        if (proxy->way[f].cutting) {
            proxy->way[f].cut_after -= (size_t)n;
            if (proxy->way[f].cut_after == 0) {
                proxy->way[f].cutting = false;
                return false;
            }
        }
    }
    return true;
}

/* The thread */

/* Fills the set; returns how long to wait. A descriptor without events is left out: it may have hung up for good. */
static int prepare(struct test_proxy *proxy, struct pollfd *set, nfds_t *ret_n)
{
    nfds_t n = 0;
    set[n++] = (struct pollfd){.fd = proxy->wake_fd, .events = POLLIN};
    for (int i = 0; i < N_LISTENERS; i++)
        set[n++] = (struct pollfd){.fd = proxy->refusing ? -1 : proxy->listener[i], .events = POLLIN};

    int64_t now_ms = test_now_ms(), next_ms = INT64_MAX;
    for (size_t i = 0; i < proxy->n_links; i++) {
        struct link *link = proxy->links[i];
        for (int f = 0; f < N_FLOWS; f++) {
            short events = 0;
            if (!link->flow[f].ended && link->flow[f].queued < MAX_QUEUED)
                events |= POLLIN;
            int64_t at_ms = may_write_ms(proxy, link, !f); /* the other flow writes to this descriptor */
            if (at_ms <= now_ms)
                events |= POLLOUT;
            else if (at_ms < next_ms)
                next_ms = at_ms;
            link->polled[f] = NULL;
            if (events && link->fd[f] >= 0) {
                link->polled[f] = &set[n];
                set[n++] = (struct pollfd){.fd = link->fd[f], .events = events};
            }
        }
    }
    *ret_n = n;
    return next_ms == INT64_MAX ? -1 : (int)(next_ms - now_ms);
}

/* Reads, writes. False where the link is to be closed. */
static bool serve_link(struct test_proxy *proxy, struct link *link)
{
    for (int f = 0; f < N_FLOWS; f++)
        if (link->polled[f] && (link->polled[f]->revents & (POLLIN | POLLHUP | POLLERR)) && !link->flow[f].ended &&
            link->flow[f].queued < MAX_QUEUED)
            read_flow(proxy, link, f);
    for (int f = 0; f < N_FLOWS; f++) {
        if (!write_flow(proxy, link, f))
            return false;
        if (link->flow[f].ended && !link->flow[f].first && !is_held(proxy, link, f))
            return false;
    }
    return true;
}

/* Waits for events or a control, with the mutex released. */
static void wait_for_events(struct test_proxy *proxy, struct pollfd *set)
{
    nfds_t n;
    int wait_ms = prepare(proxy, set, &n);
    proxy->in_poll = true;
    pthread_mutex_unlock(&proxy->mutex);
    int rc = poll(set, n, wait_ms);
    must(rc >= 0 || errno == EINTR, "poll");
    pthread_mutex_lock(&proxy->mutex);
    for (nfds_t i = 0; rc < 0 && i < n; i++)
        set[i].revents = 0;
    proxy->in_poll = false;
    pthread_cond_broadcast(&proxy->changed);
    while (proxy->n_controls > 0)
        pthread_cond_wait(&proxy->changed, &proxy->mutex);
}

static void *run(void *argument)
{
    struct test_proxy *proxy = argument;
    struct pollfd set[1 + N_LISTENERS + N_FLOWS * MAX_LINKS];
    pthread_mutex_lock(&proxy->mutex);
    while (!proxy->stopping) {
        wait_for_events(proxy, set);
        if (set[0].revents) {
            uint64_t count;
            must(read(proxy->wake_fd, &count, sizeof count) > 0, "eventfd");
        }
        for (size_t i = proxy->n_links; i-- > 0;)
            if (!serve_link(proxy, proxy->links[i]))
                close_link(proxy, i);
        for (int i = 0; i < N_LISTENERS; i++)
            if (!proxy->refusing && set[1 + i].revents)
                accept_all(proxy, proxy->listener[i]);
    }
    pthread_mutex_unlock(&proxy->mutex);
    return NULL;
}

/* A control is what happens between these two. */
static void begin_control(struct test_proxy *proxy)
{
    pthread_mutex_lock(&proxy->mutex);
    proxy->n_controls++;
    must(write(proxy->wake_fd, &(uint64_t){1}, sizeof(uint64_t)) == sizeof(uint64_t), "eventfd");
    while (proxy->in_poll)
        pthread_cond_wait(&proxy->changed, &proxy->mutex);
}

static void end_control(struct test_proxy *proxy)
{
    proxy->n_controls--;
    pthread_cond_broadcast(&proxy->changed);
    pthread_mutex_unlock(&proxy->mutex);
}

struct test_proxy *test_proxy_start(const char *upstream)
{
    struct test_proxy *proxy = calloc(1, sizeof *proxy);
    if (!proxy || pthread_mutex_init(&proxy->mutex, NULL) != 0 || pthread_cond_init(&proxy->changed, NULL) != 0)
        test_die("out of memory");
    snprintf(proxy->directory, sizeof proxy->directory, "/tmp/weir-proxy-XXXXXX");
    must(mkdtemp(proxy->directory) != NULL, "mkdtemp");
    snprintf(proxy->path, sizeof proxy->path, "%s/proxy.sock", proxy->directory);
    snprintf(proxy->url, sizeof proxy->url, "unix://" TEST_LOGIN "%s", proxy->path);
    snprintf(proxy->upstream, sizeof proxy->upstream, "%s", upstream);
    proxy->way[REQUESTS].trickle_ms = proxy->way[REPLIES].trickle_ms = -1;
    bind_listeners(proxy);
    start_listening(proxy);
    snprintf(proxy->tcp_url, sizeof proxy->tcp_url, "redis://" TEST_LOGIN "127.0.0.1:%d", proxy->port);
    proxy->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(proxy->wake_fd >= 0 && pthread_create(&proxy->thread, NULL, run, proxy) == 0, "start");
    return proxy;
}

void test_proxy_stop(struct test_proxy *proxy)
{
    if (!proxy)
        return;
    begin_control(proxy);
    proxy->stopping = true;
    end_control(proxy);
    pthread_join(proxy->thread, NULL);
    close_links(proxy);
    close_listeners(proxy);
    close(proxy->wake_fd);
    unlink(proxy->path);
    rmdir(proxy->directory);
    pthread_cond_destroy(&proxy->changed);
    pthread_mutex_destroy(&proxy->mutex);
    free(proxy);
}

const char *test_proxy_url(const struct test_proxy *proxy)
{
    return proxy->url;
}

const char *test_proxy_tcp_url(const struct test_proxy *proxy)
{
    return proxy->tcp_url;
}

int test_proxy_tcp_port(const struct test_proxy *proxy)
{
    return proxy->port;
}

/* With the mutex held, as all that follow. */
static void set_refusing(struct test_proxy *proxy, bool on)
{
    if (on == proxy->refusing)
        return;
    proxy->refusing = on;
    if (on) {
        close_listeners(proxy);
        bind_listeners(proxy);
    } else {
        start_listening(proxy);
    }
}

static void set_muting(struct test_proxy *proxy, bool on)
{
    proxy->muting = on;
    if (on)
        return;
    for (size_t i = proxy->n_links; i-- > 0;) {
        struct link *link = proxy->links[i];
        if (!link->muted)
            continue;
        link->muted = false;
        if (!connect_upstream(proxy, link))
            close_link(proxy, i);
    }
}

static void set_held(struct test_proxy *proxy, int directions)
{
    proxy->way[REQUESTS].held = directions & TEST_PROXY_REQUESTS;
    proxy->way[REPLIES].held = directions & TEST_PROXY_REPLIES;
}

void test_proxy_cut(struct test_proxy *proxy)
{
    begin_control(proxy);
    close_links(proxy);
    end_control(proxy);
}

void test_proxy_refuse(struct test_proxy *proxy, bool on)
{
    begin_control(proxy);
    set_refusing(proxy, on);
    end_control(proxy);
}

void test_proxy_black_hole(struct test_proxy *proxy, int directions)
{
    begin_control(proxy);
    set_held(proxy, directions);
    end_control(proxy);
}

void test_proxy_forsake(struct test_proxy *proxy)
{
    begin_control(proxy);
    for (size_t i = 0; i < proxy->n_links; i++)
        proxy->links[i]->forsaken = true;
    end_control(proxy);
}

void test_proxy_mute(struct test_proxy *proxy, bool on)
{
    begin_control(proxy);
    set_muting(proxy, on);
    end_control(proxy);
}

void test_proxy_delay(struct test_proxy *proxy, int directions, int ms)
{
    begin_control(proxy);
    for (int f = 0; f < N_FLOWS; f++)
        if (directions & 1 << f)
            proxy->way[f].delay_ms = ms;
    end_control(proxy);
}

void test_proxy_trickle(struct test_proxy *proxy, int directions, int interval_ms)
{
    begin_control(proxy);
    for (int f = 0; f < N_FLOWS; f++)
        if (directions & 1 << f)
            proxy->way[f].trickle_ms = interval_ms;
    end_control(proxy);
}

void test_proxy_cut_after(struct test_proxy *proxy, enum test_proxy_direction direction, size_t n)
{
    begin_control(proxy);
    int f = direction == TEST_PROXY_REQUESTS ? REQUESTS : REPLIES;
    proxy->way[f].cutting = true;
    proxy->way[f].cut_after = n;
    end_control(proxy);
}

void test_proxy_heal(struct test_proxy *proxy)
{
    begin_control(proxy);
    for (int f = 0; f < N_FLOWS; f++) {
        proxy->way[f].delay_ms = 0;
        proxy->way[f].trickle_ms = -1;
        proxy->way[f].cutting = false;
    }
    set_held(proxy, 0);
    set_muting(proxy, false);
    set_refusing(proxy, false);
    end_control(proxy);
}

size_t test_proxy_accepted(struct test_proxy *proxy)
{
    pthread_mutex_lock(&proxy->mutex);
    size_t n = proxy->accepted;
    pthread_mutex_unlock(&proxy->mutex);
    return n;
}

size_t test_proxy_open(struct test_proxy *proxy)
{
    pthread_mutex_lock(&proxy->mutex);
    size_t n = proxy->n_links;
    pthread_mutex_unlock(&proxy->mutex);
    return n;
}

uint64_t test_proxy_bytes(struct test_proxy *proxy, enum test_proxy_direction direction)
{
    pthread_mutex_lock(&proxy->mutex);
    uint64_t n = proxy->way[direction == TEST_PROXY_REQUESTS ? REQUESTS : REPLIES].bytes;
    pthread_mutex_unlock(&proxy->mutex);
    return n;
}
