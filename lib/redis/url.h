/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_URL_H
#define WEIR_REDIS_URL_H

#include "redis/endpoint.h"

#include <stdbool.h>
#include <weir/error.h>

enum weir_url_kind {
    WEIR_URL_DIRECT,   /* one server */
    WEIR_URL_SENTINEL, /* sentinels that know where the primary is */
    WEIR_URL_CLUSTER,  /* some nodes of a cluster */
};

enum { WEIR_URL_ENDPOINTS_MAX = 64 };

/* Where a server is, or who knows, and who we are there. Texts are malloc'd; freed by weir_url_clear. */
struct weir_url {
    enum weir_url_kind kind;
    bool tls;
    struct weir_endpoint *endpoints; /* the server, the sentinels, or the nodes */
    size_t n_endpoints;              /* 1 or more; 1 for a direct URL */
    char *user;                      /* NULL: none */
    char *password;
    int db;

    char *primary; /* the name by which the sentinels know it */
    char *sentinel_user;
    char *sentinel_password; /* NULL: the sentinels want none */
};

/* Parses a URL as weir/connection.h describes. Errors name the part, never the password. */
weir_status weir_url_parse(const char *text, struct weir_url *ret, weir_error *err);

void weir_url_clear(struct weir_url *url);

#endif
