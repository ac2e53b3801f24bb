/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct timeval connect_timeout = {.tv_sec = 2};
static const struct timeval command_timeout = {.tv_sec = 5};

/* The parts of a URL; texts point into one copy of it. */
struct address {
    char *copy;
    bool is_unix;
    char *user; /* may be empty, as all of these */
    char *password;
    char *host; /* or the socket's path */
    char *port;
    char *database;
};

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    return found == NULL ? -1 : (int)(found - digits);
}

/* Turns %XX into the byte that it stands for, in place. */
static void unescape(char *text)
{
    char *out = text;
    for (const char *in = text; *in != '\0'; in++) {
        if (in[0] == '%' && hex_digit(in[1]) >= 0 && hex_digit(in[2]) >= 0) {
            *out++ = (char)(hex_digit(in[1]) * 16 + hex_digit(in[2]));
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
}

/* Cuts text at the first `mark`; returns what follows it, or "" where there is none. */
static char *cut(char *text, char mark)
{
    char *at = strchr(text, mark);
    if (at == NULL)
        return text + strlen(text);
    *at = '\0';
    return at + 1;
}

/* "name:6379", "name" or "[::1]:6379". */
static void split_host(struct address *address, char *host)
{
    if (host[0] == '[') {
        address->host = host + 1;
        address->port = cut(cut(host, ']'), ':');
    } else {
        address->host = host;
        address->port = cut(host, ':');
    }
}

static bool parse(struct address *address, const char *url)
{
    *address = (struct address){.is_unix = strncmp(url, "unix://", 7) == 0};
    if (!address->is_unix && strncmp(url, "redis://", 8) != 0)
        return false;
    address->copy = strdup(strstr(url, "://") + 3);
    if (address->copy == NULL)
        return false;

    char *text = address->copy;
    size_t login_end = address->is_unix ? strcspn(text, "/") : strlen(text);
    char *at = memrchr(text, '@', login_end);
    address->user = address->password = text + strlen(text);
    if (at != NULL) {
        *at = '\0';
        address->user = text;
        address->password = cut(text, ':');
        text = at + 1;
    }
    if (address->is_unix) {
        address->host = text;
        char *query = cut(text, '?');
        address->database = strncmp(query, "db=", 3) == 0 ? query + 3 : query;
        address->port = address->user + strlen(address->user);
        unescape(address->host);
    } else {
        address->database = cut(text, '/');
        split_host(address, text);
    }
    unescape(address->user);
    unescape(address->password);
    return true;
}

/* Runs a command whose answer only has to be no error. */
static bool accepted(redisContext *context, int argc, const char **argv, char *reason, size_t reason_size)
{
    redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
    bool ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;
    if (!ok)
        snprintf(reason, reason_size, "%s", reply == NULL ? context->errstr : reply->str);
    freeReplyObject(reply);
    return ok;
}

static bool log_in(redisContext *context, const struct address *address, char *reason, size_t reason_size)
{
    const char *auth[] = {"AUTH", address->user, address->password};
    const char *auth_default[] = {"AUTH", address->password};
    const char *select[] = {"SELECT", address->database};

    if (address->user[0] != '\0' && !accepted(context, 3, auth, reason, reason_size))
        return false;
    if (address->user[0] == '\0' && address->password[0] != '\0' &&
        !accepted(context, 2, auth_default, reason, reason_size))
        return false;
    return address->database[0] == '\0' || accepted(context, 2, select, reason, reason_size);
}

redisContext *server_connect(const char *url, char *reason, size_t reason_size)
{
    struct address address;
    if (!parse(&address, url)) {
        snprintf(reason, reason_size, "results are kept in Redis: the URL must begin with redis:// or unix://");
        return NULL;
    }

    int port = address.port[0] == '\0' ? 6379 : atoi(address.port);
    const char *host = address.host[0] == '\0' ? "127.0.0.1" : address.host;
    redisContext *context = address.is_unix ? redisConnectUnixWithTimeout(host, connect_timeout)
                                            : redisConnectWithTimeout(host, port, connect_timeout);
    if (context == NULL) {
        snprintf(reason, reason_size, "no memory");
    } else if (context->err != 0) {
        snprintf(reason, reason_size, "%s", context->errstr);
    } else if (redisSetTimeout(context, command_timeout) != REDIS_OK) {
        snprintf(reason, reason_size, "%s", context->errstr);
    } else if (log_in(context, &address, reason, reason_size)) {
        free(address.copy);
        return context;
    }
    redisFree(context);
    free(address.copy);
    return NULL;
}
