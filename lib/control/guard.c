/* SPDX-License-Identifier: MIT */
#include "control/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

bool control_token_is_good(const char *token)
{
    size_t len = strlen(token);
    for (size_t i = 0; i < len; i++)
        if (token[i] <= ' ' || token[i] >= 0x7f)
            return false;
    return len >= CONTROL_TOKEN_MIN && len <= CONTROL_TOKEN_MAX;
}

/* Looks at every byte of what was given, and no sooner ends. */
static bool is_same(const char *given, size_t given_len, const char *token)
{
    size_t len = strlen(token);
    volatile unsigned difference = given_len != len;
    for (size_t i = 0; i < given_len; i++)
        difference |= (unsigned char)given[i] ^ (unsigned char)token[i % len];
    return difference == 0;
}

bool control_token_matches(const char *authorization, const char *token)
{
    static const char scheme[] = "Bearer ";
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *given = authorization + sizeof scheme - 1;
    given += strspn(given, " ");
    return is_same(given, strcspn(given, " \t"), token);
}

/* The host of "host", "host:port", "[::1]:port"; false where it has another form. */
static bool host_of(const char *text, char *out, size_t size)
{
    bool bracket = *text == '[';
    size_t len = strcspn(text + bracket, bracket ? "]" : ":");
    const char *rest = text + bracket + len;
    if (bracket && *rest++ != ']')
        return false;
    if (len == 0 || len >= size || (*rest && *rest != ':') ||
        (*rest == ':' && strspn(rest + 1, "0123456789") != strlen(rest + 1)))
        return false;
    memcpy(out, text + bracket, len);
    out[len] = '\0';
    return true;
}

static bool is_literal(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

bool control_host_is_allowed(const char *host, const char *const *hosts, size_t n)
{
    char name[256];
    if (!host_of(host, name, sizeof name))
        return false;
    if (is_literal(name) || strcasecmp(name, "localhost") == 0)
        return true;
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(name, hosts[i]) == 0)
            return true;
    return false;
}

bool control_origin_is_own(const char *origin, const char *host)
{
    static const char *const schemes[] = {"http://", "https://"}; /* the latter before a proxy that ends TLS */
    for (size_t i = 0; host && i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);
        if (strncasecmp(origin, schemes[i], len) == 0 && strcasecmp(origin + len, host) == 0)
            return true;
    }
    return false;
}

bool control_type_is_json(const char *content_type)
{
    static const char json[] = "application/json";
    if (!content_type || strncasecmp(content_type, json, sizeof json - 1) != 0)
        return false;
    const char *rest = content_type + sizeof json - 1;
    rest += strspn(rest, " \t");
    return *rest == '\0' || *rest == ';';
}

bool control_address_is_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}
