/* SPDX-License-Identifier: MIT
 *
 * URLs:
 *   redis://[[user]:password@]host[:port][/db]                              rediss:// likewise
 *   unix://[[user]:password@]/path[?db=N]
 *   redis+sentinel://[[user]:password@]host[:port],…/primary[/db][?option=value&…]   rediss+sentinel:// likewise
 *   redis+cluster://[[user]:password@]host[:port],…                         rediss+cluster:// likewise
 *
 * Pure: bytes in, struct out. No error text contains any part of the URL but its scheme, so that a misplaced password
 * never ends up in a log.
 */
#include "redis/url.h"

#include "base/error.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

enum { PORT = 6379, SENTINEL_PORT = 26379, SOCKET_PATH_MAX = 107 };

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
            explicit_bzero(out, n);
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

/* Adds an endpoint whose host (or path, for port 0) is still percent-encoded. */
static weir_status add_endpoint(struct weir_url *url, const char *host, size_t len, int port, weir_error *err)
{
    if (url->n_endpoints == WEIR_URL_ENDPOINTS_MAX)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: more than %d hosts", WEIR_URL_ENDPOINTS_MAX);
    const char *part = port ? "host" : "path";
    size_t most = port ? WEIR_HOST_SIZE - 1 : SOCKET_PATH_MAX;
    char *decoded;
    weir_status status = decode(host, len, part, &decoded, err);
    if (status != WEIR_OK)
        return status;
    size_t decoded_len = strlen(decoded);
    struct weir_endpoint *grown = NULL;
    if (decoded_len > most)
        status = weir_error_set(err, WEIR_ERR_ARGUMENT, "url: the %s is longer than %zu bytes", part, most);
    else if (!(grown = realloc(url->endpoints, (url->n_endpoints + 1) * sizeof *grown)))
        status = weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the url");
    if (status == WEIR_OK) {
        url->endpoints = grown;
        memcpy(grown[url->n_endpoints].host, decoded, decoded_len + 1);
        grown[url->n_endpoints++].port = port;
    }
    free(decoded);
    return status;
}

static weir_status parse_db(const char *text, size_t len, int *ret, weir_error *err)
{
    uint64_t db;
    if (!weir_parse_u64(text, len, &db) || db > 1000000)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: the database must be a number from 0 to 1000000");
    *ret = (int)db;
    return WEIR_OK;
}

static const char *last_at(const char *text, const char *end)
{
    while (end > text)
        if (*--end == '@')
            return end;
    return NULL;
}

/* [[user]:password@], ending before `end`; *rest is what comes after. */
static weir_status parse_user(const char *text, const char *end, struct weir_url *url, const char **rest,
                              weir_error *err)
{
    const char *at = last_at(text, end); /* so that an unescaped '@' in a password does no harm */
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

/* One host[:port]; *rest is where it ends: at `end` or at a ','. */
static weir_status parse_host(const char *host, const char *end, int port, struct weir_url *url, const char **rest,
                              weir_error *err)
{
    const char *host_end, *after;
    if (host < end && *host == '[') {
        host++;
        host_end = memchr(host, ']', (size_t)(end - host));
        if (!host_end)
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: an IPv6 address must end with ']'");
        after = host_end + 1;
        if (after < end && *after != ':' && *after != ',')
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: only ':port' or '/db' may follow ']'");
    } else {
        for (host_end = host; host_end < end && *host_end != ':' && *host_end != ','; host_end++)
            ;
        after = host_end;
    }
    if (host_end == host)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: the host is missing: write redis://host[:port][/db]");
    if (memchr(host, '?', (size_t)(host_end - host))) /* no name has one; an option may hold a secret, and be shown */
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: no options, after '?', may follow the host");
    for (*rest = after; *rest < end && **rest != ','; ++*rest)
        ;
    if (after < end && *after == ':') {
        uint64_t number;
        if (!weir_parse_u64(after + 1, (size_t)(*rest - after - 1), &number) || number < 1 || number > 65535)
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: the port must be a number from 1 to 65535");
        port = (int)number;
    }
    return add_endpoint(url, host, (size_t)(host_end - host), port, err);
}

/* host[:port][,host[:port]…] */
static weir_status parse_hosts(const char *text, const char *end, struct weir_url *url, weir_error *err)
{
    int port = url->kind == WEIR_URL_SENTINEL ? SENTINEL_PORT : PORT;
    for (;;) {
        weir_status status = parse_host(text, end, port, url, &text, err);
        if (status != WEIR_OK || text == end)
            return status;
        if (url->kind == WEIR_URL_DIRECT)
            return weir_error_set(err, WEIR_ERR_ARGUMENT,
                                  "url: only redis+sentinel:// and redis+cluster:// take several hosts");
        text++;
    }
}

/* What follows the hosts of sentinels, without the '/': primary[/db] */
static weir_status parse_primary(const char *text, const char *end, struct weir_url *url, weir_error *err)
{
    const char *slash = memchr(text, '/', (size_t)(end - text));
    const char *name_end = slash ? slash : end;
    if (name_end == text)
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "url: the primary's name is missing: write redis+sentinel://host[:port],…/name[/db]");
    weir_status status = decode(text, (size_t)(name_end - text), "primary's name", &url->primary, err);
    if (status == WEIR_OK && slash && slash + 1 < end)
        status = parse_db(slash + 1, (size_t)(end - slash - 1), &url->db, err);
    return status;
}

static weir_status parse_path(const char *text, const char *end, struct weir_url *url, weir_error *err)
{
    if (url->kind == WEIR_URL_SENTINEL)
        return parse_primary(text, end, url, err);
    weir_status status = text < end ? parse_db(text, (size_t)(end - text), &url->db, err) : WEIR_OK;
    if (status == WEIR_OK && url->kind == WEIR_URL_CLUSTER && url->db != 0)
        status = weir_error_set(err, WEIR_ERR_ARGUMENT, "url: a cluster has database 0 alone");
    return status;
}

/* option=value[&option=value…] */
static weir_status parse_sentinel_options(const char *text, struct weir_url *url, weir_error *err)
{
    for (;;) {
        const char *end = strchr(text, '&');
        size_t len = end ? (size_t)(end - text) : strlen(text);
        const char *equals = memchr(text, '=', len);
        size_t name_len = equals ? (size_t)(equals - text) : 0;
        char **value = NULL;
        if (name_len == 13 && memcmp(text, "sentinel_user", 13) == 0)
            value = &url->sentinel_user;
        else if (name_len == 17 && memcmp(text, "sentinel_password", 17) == 0)
            value = &url->sentinel_password;
        if (!value || *value)
            return weir_error_set(err, WEIR_ERR_ARGUMENT,
                                  "url: only sentinel_user=… and sentinel_password=…, each once, may follow '?'");
        weir_status status = decode(equals + 1, len - name_len - 1, "sentinel's user or password", value, err);
        if (status != WEIR_OK)
            return status;
        if (!end)
            break;
        text = end + 1;
    }
    if (url->sentinel_user && !url->sentinel_password)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url: sentinel_user needs sentinel_password");
    return WEIR_OK;
}

static weir_status parse_tcp(const char *text, struct weir_url *url, weir_error *err)
{
    const char *end = text + strlen(text);
    const char *query = url->kind == WEIR_URL_SENTINEL ? strrchr(text, '?') : NULL;
    if (query)
        end = query;
    /* the last '@' ends the user part, wherever the first '/' may be */
    const char *at = last_at(text, end);
    const char *from = at ? at : text;
    const char *slash = memchr(from, '/', (size_t)(end - from));
    const char *hosts_end = slash ? slash : end, *hosts;
    weir_status status = parse_user(text, hosts_end, url, &hosts, err);
    if (status == WEIR_OK)
        status = parse_hosts(hosts, hosts_end, url, err);
    if (status == WEIR_OK)
        status = parse_path(slash ? slash + 1 : end, end, url, err);
    if (status == WEIR_OK && query)
        status = parse_sentinel_options(query + 1, url, err);
    return status;
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
    return add_endpoint(url, path, (size_t)(end - path), 0, err);
}

weir_status weir_url_parse(const char *text, struct weir_url *ret, weir_error *err)
{
    static const struct {
        const char *scheme;
        enum weir_url_kind kind;
        bool tls;
    } schemes[] = {
        {"redis://", WEIR_URL_DIRECT, false},
        {"rediss://", WEIR_URL_DIRECT, true},
        {"redis+sentinel://", WEIR_URL_SENTINEL, false},
        {"rediss+sentinel://", WEIR_URL_SENTINEL, true},
        {"redis+cluster://", WEIR_URL_CLUSTER, false},
        {"rediss+cluster://", WEIR_URL_CLUSTER, true},
    };
    struct weir_url url = {.n_endpoints = 0};
    weir_status status = WEIR_ERR_ARGUMENT;
    size_t i = 0, n = sizeof schemes / sizeof *schemes;
    while (i < n && strncmp(text, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
        i++;
    if (i < n) {
        url.kind = schemes[i].kind;
        url.tls = schemes[i].tls;
        status = parse_tcp(text + strlen(schemes[i].scheme), &url, err);
    } else if (strncmp(text, "unix://", 7) == 0) {
        status = parse_unix(text + 7, &url, err);
    } else {
        weir_error_set(err, status,
                       "url must start with redis://, rediss://, unix://, redis+sentinel://, redis+cluster:// or "
                       "memory:, as in redis://127.0.0.1:6379/0");
    }
    if (status != WEIR_OK) {
        weir_url_clear(&url);
        return status;
    }
    *ret = url;
    return WEIR_OK;
}

static void free_secret(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void weir_url_clear(struct weir_url *url)
{
    free(url->endpoints);
    free(url->user);
    free_secret(url->password);
    free(url->primary);
    free(url->sentinel_user);
    free_secret(url->sentinel_password);
    *url = (struct weir_url){0};
}
