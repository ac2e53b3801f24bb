/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_ENDPOINT_H
#define WEIR_REDIS_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEIR_HOST_SIZE = 256, WEIR_ENDPOINT_TEXT_SIZE = 160 };

/* Where one server listens. */
struct weir_endpoint {
    char host[WEIR_HOST_SIZE]; /* a name or an address; the path of a unix socket where port is 0 */
    int port;
};

/* Sets it to a host of len bytes. False, and nothing is written, where that or the port can't be. */
bool weir_endpoint_set(struct weir_endpoint *endpoint, const char *host, size_t len, int64_t port);

bool weir_endpoint_equal(const struct weir_endpoint *a, const struct weir_endpoint *b);

/* "127.0.0.1 port 6379", "unix socket /run/redis.sock": for sentences. Returns out. */
const char *weir_endpoint_words(const struct weir_endpoint *endpoint, char out[WEIR_ENDPOINT_TEXT_SIZE]);

/* "127.0.0.1:6379", "[::1]:6379": for lists. Returns out. */
const char *weir_endpoint_brief(const struct weir_endpoint *endpoint, char out[WEIR_ENDPOINT_TEXT_SIZE]);

#endif
