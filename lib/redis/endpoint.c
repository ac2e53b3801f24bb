/* SPDX-License-Identifier: MIT */
#include "redis/endpoint.h"

#include <stdio.h>
#include <string.h>

bool weir_endpoint_set(struct weir_endpoint *endpoint, const char *host, size_t len, int64_t port)
{
    if (len == 0 || len >= WEIR_HOST_SIZE || memchr(host, '\0', len) || port < 1 || port > 65535)
        return false;
    memcpy(endpoint->host, host, len);
    endpoint->host[len] = '\0';
    endpoint->port = (int)port;
    return true;
}

bool weir_endpoint_equal(const struct weir_endpoint *a, const struct weir_endpoint *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

const char *weir_endpoint_words(const struct weir_endpoint *endpoint, char out[WEIR_ENDPOINT_TEXT_SIZE])
{
    if (endpoint->port == 0)
        snprintf(out, WEIR_ENDPOINT_TEXT_SIZE, "unix socket %.120s", endpoint->host);
    else
        snprintf(out, WEIR_ENDPOINT_TEXT_SIZE, "%.120s port %d", endpoint->host, endpoint->port);
    return out;
}

const char *weir_endpoint_brief(const struct weir_endpoint *endpoint, char out[WEIR_ENDPOINT_TEXT_SIZE])
{
    bool brackets = strchr(endpoint->host, ':') != NULL;
    snprintf(out, WEIR_ENDPOINT_TEXT_SIZE, "%s%.120s%s:%d", brackets ? "[" : "", endpoint->host, brackets ? "]" : "",
             endpoint->port);
    return out;
}
