/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_URL_H
#define WEIR_REDIS_URL_H

#include <stdbool.h>
#include <weir/error.h>

/* Where a server is and who we are there. Texts are malloc'd; freed by weir_url_clear. */
struct weir_url {
    bool tls;
    char *host; /* NULL for a unix socket */
    int port;
    char *path; /* of a unix socket, else NULL */
    char *user; /* NULL: none */
    char *password;
    int db;
};

/* Parses redis://, rediss:// and unix:// as weir/connection.h describes. Errors name the part, never the password. */
weir_status weir_url_parse(const char *text, struct weir_url *ret, weir_error *err);

void weir_url_clear(struct weir_url *url);

#endif
