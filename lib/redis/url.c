/* SPDX-License-Identifier: MIT
 *
 * URLs: redis://[[user]:password@]host[:port][/db], rediss:// likewise, unix://[[user]:password@]/path[?db=N].
 *
 * Pure: bytes in, struct out. No error text contains any part of the URL but its scheme, so that a misplaced password
 * never ends up in a log.
 */
#include "redis/url.h"

#include "base/error.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A malloc'd, percent-decoded copy. */
static weir_status decode(const char *text, size_t len, const char *part, char **ret, weir_error *err)
{
    char *out = malloc(len + 1);
    if (!out)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the url");
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%') {
            out[n++] = text[i];
            continue;
        }
        bool complete = len - i > 2;
        int high = complete ? hex_digit(text[i + 1]) : -1;
        int low = complete ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            free(out);
            return weir_error_set(err, WEIR_ERR_ARGUMENT,
                                  "url: '%%' in the %s must be followed by two hex digits, not 00", part);
        }
        out[n++] = (char)(high * 16 + low);
        i += 2;
    }
    out[n] = '\0';
    *ret = out;
    return WEIR_OK;
}

static weir_status parse_db(const char *text, size_t len, int *ret, weir_error *err)
{
    uint64_t db;
    if (!weir_parse_u64(text, len, &db) || db > 1000000)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: the database must be a number from 0 to 1000000");
    *ret = (int)db;
    return WEIR_OK;
}

/* [[user]:password@], ending before `end`; *rest is what comes after. */
static weir_status parse_user(const char *text, const char *end, struct weir_url *url, const char **rest,
                              weir_error *err)
{
    const char *at = NULL; /* the last one, so that an unescaped '@' in a password does no harm */
    for (const char *p = text; p < end; p++)
        if (*p == '@')
            at = p;
    *rest = text;
    if (!at)
        return WEIR_OK;
    *rest = at + 1;

    const char *colon = memchr(text, ':', (size_t)(at - text));
    if (!colon)
        return weir_error_set(
            err, WEIR_ERR_ARGUMENT,
            "url: a user needs a password: write user:password@ (or :password@ for the default user)");
    if (colon > text) {
        weir_status status = decode(text, (size_t)(colon - text), "user", &url->user, err);
        if (status != WEIR_OK)
            return status;
    }
    return decode(colon + 1, (size_t)(at - colon - 1), "password", &url->password, err);
}

static weir_status parse_tcp(const char *text, struct weir_url *url, weir_error *err)
{
    /* the last '@' ends the user part, wherever the first '/' may be */
    const char *at = strrchr(text, '@');
    const char *slash = strchr(at ? at : text, '/');
    const char *end = slash ? slash : text + strlen(text);
    const char *host;
    weir_status status = parse_user(text, end, url, &host, err);
    if (status != WEIR_OK)
        return status;

    const char *host_end, *port = NULL;
    if (*host == '[') {
        host++;
        host_end = memchr(host, ']', (size_t)(end - host));
        if (!host_end)
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: an IPv6 address must end with ']'");
        if (host_end + 1 < end && host_end[1] != ':')
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: only ':port' or '/db' may follow ']'");
        port = host_end + 1 < end ? host_end + 2 : NULL;
    } else {
        const char *colon = memchr(host, ':', (size_t)(end - host));
        host_end = colon ? colon : end;
        port = colon ? colon + 1 : NULL;
    }
    if (host_end == host)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: the host is missing: write redis://host[:port][/db]");
    if (port) {
        uint64_t number;
        if (!weir_parse_u64(port, (size_t)(end - port), &number) || number < 1 || number > 65535)
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: the port must be a number from 1 to 65535");
        url->port = (int)number;
    }
    if (slash && slash[1] != '\0') {
        status = parse_db(slash + 1, strlen(slash + 1), &url->db, err);
        if (status != WEIR_OK)
            return status;
    }
    return decode(host, (size_t)(host_end - host), "host", &url->host, err);
}

static weir_status parse_unix(const char *text, struct weir_url *url, weir_error *err)
{
    const char *query = strchr(text, '?');
    const char *end = query ? query : text + strlen(text);
    const char *slash = memchr(text, '/', (size_t)(end - text));
    const char *path = text;
    if (slash != text) {
        weir_status status = parse_user(text, slash ? slash : end, url, &path, err);
        if (status != WEIR_OK)
            return status;
    }
    if (path == end || *path != '/')
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "url: the path of a unix socket must be absolute: write unix:///path/to/socket[?db=N]");
    if (query) {
        if (strncmp(query, "?db=", 4) != 0)
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: only ?db=N may follow the path of a unix socket");
        weir_status status = parse_db(query + 4, strlen(query + 4), &url->db, err);
        if (status != WEIR_OK)
            return status;
    }
    return decode(path, (size_t)(end - path), "path", &url->path, err);
}

weir_status weir_url_parse(const char *text, struct weir_url *ret, weir_error *err)
{
    struct weir_url url = {.port = 6379};
    weir_status status;
    if (strncmp(text, "redis://", 8) == 0) {
        status = parse_tcp(text + 8, &url, err);
    } else if (strncmp(text, "rediss://", 9) == 0) {
        url.tls = true;
        status = parse_tcp(text + 9, &url, err);
    } else if (strncmp(text, "unix://", 7) == 0) {
        status = parse_unix(text + 7, &url, err);
    } else {
        status = weir_error_set(
            err, WEIR_ERR_ARGUMENT,
            "url must start with redis://, rediss://, unix:// or memory:, as in redis://127.0.0.1:6379/0");
    }
    if (status != WEIR_OK) {
        weir_url_clear(&url);
        return status;
    }
    *ret = url;
    return WEIR_OK;
}

void weir_url_clear(struct weir_url *url)
{
    free(url->host);
    free(url->path);
    free(url->user);
    if (url->password)
        explicit_bzero(url->password, strlen(url->password));
    free(url->password);
    *url = (struct weir_url){0};
}
