/* SPDX-License-Identifier: MIT
 *
 * A proxy between a client and a test server that misbehaves on demand. It is one thread of the test program, listening
 * on a unix socket in a temporary directory and on a port of 127.0.0.1.
 *
 * Each control has taken effect when it returns, and stays until it is undone or test_proxy_heal. Controls combine. Any
 * thread may call them.
 */
#ifndef TEST_SUPPORT_PROXY_H
#define TEST_SUPPORT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct test_proxy;

enum test_proxy_direction {
    TEST_PROXY_REQUESTS = 1, /* from client to server */
    TEST_PROXY_REPLIES = 2,  /* from server to client */
    TEST_PROXY_BOTH = 3,
};

/*
 * Forwards to upstream, the path of a unix socket or the number of a port of 127.0.0.1, which is connected to anew for
 * every client; need not exist yet.
 */
struct test_proxy *test_proxy_start(const char *upstream);

/* Cuts all connections, ends the thread, frees. Accepts NULL. */
void test_proxy_stop(struct test_proxy *proxy);

const char *test_proxy_url(const struct test_proxy *proxy);     /* "unix://user:password@/tmp/…/proxy.sock" */
const char *test_proxy_tcp_url(const struct test_proxy *proxy); /* "redis://user:password@127.0.0.1:port" */
int test_proxy_tcp_port(const struct test_proxy *proxy);

/* Closes all connections, dropping what is on its way. New ones are welcome. */
void test_proxy_cut(struct test_proxy *proxy);

/* New connections are refused (ECONNREFUSED); those that exist go on. */
void test_proxy_refuse(struct test_proxy *proxy, bool on);

/*
 * Forwards nothing in these directions (a set of test_proxy_direction; 0: none any more), not even the end of a
 * connection. Connections stay open and new ones are accepted. What was held goes on its way when it ends, as on a
 * network that comes back.
 */
void test_proxy_black_hole(struct test_proxy *proxy, int directions);

/*
 * The connections that exist now are dead for good: nothing goes through them any more, not even their end, and healing
 * does not bring them back. New ones work. As after a failover that took the old host off the network.
 */
void test_proxy_forsake(struct test_proxy *proxy);

/* New connections are accepted and never answered; the server hears of them when it ends. */
void test_proxy_mute(struct test_proxy *proxy, bool on);

/* Everything is forwarded ms later, in these directions. 0 ms: at once. */
void test_proxy_delay(struct test_proxy *proxy, int directions, int ms);

/* One byte at a time, every interval_ms; for what is forwarded from now on. −1: no more. */
void test_proxy_trickle(struct test_proxy *proxy, int directions, int interval_ms);

/*
 * Once n more bytes have gone in that direction (counted over all connections), cuts the connection that carried the
 * last one; for n = 0 the first that has something to carry. Happens once.
 */
void test_proxy_cut_after(struct test_proxy *proxy, enum test_proxy_direction direction, size_t n);

/* Forwards as if nothing had been. */
void test_proxy_heal(struct test_proxy *proxy);

/* Connections accepted so far; those open now; bytes forwarded so far. */
size_t test_proxy_accepted(struct test_proxy *proxy);
size_t test_proxy_open(struct test_proxy *proxy);
uint64_t test_proxy_bytes(struct test_proxy *proxy, enum test_proxy_direction direction);

#endif
