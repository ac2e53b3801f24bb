/* SPDX-License-Identifier: MIT */
#include "redis/topology.h"

#include "base/number.h"
#include "redis/slot.h"

#include <string.h>

bool weir_sentinel_address(const struct weir_reply *reply, struct weir_endpoint *ret)
{
    uint64_t port;
    if (!weir_reply_is_array(reply, 2) || !weir_reply_is_text(&reply->items[0]) ||
        !weir_reply_is_text(&reply->items[1]) || !weir_parse_u64(reply->items[1].text, reply->items[1].len, &port) ||
        port > 65535)
        return false;
    return weir_endpoint_set(ret, reply->items[0].text, reply->items[0].len, (int64_t)port);
}

bool weir_role_is_primary(const struct weir_reply *reply)
{
    return weir_reply_is_array(reply, 1) && weir_reply_is_text(&reply->items[0]) && reply->items[0].len == 6 &&
           memcmp(reply->items[0].text, "master", 6) == 0;
}

/* [host, port, …]; no host, or an empty one: the same as that of who was asked. "?": it is not known. */
static bool read_node(const struct weir_reply *node, const struct weir_endpoint *asked, struct weir_endpoint *ret)
{
    if (!weir_reply_is_array(node, 2) || node->items[1].kind != WEIR_REPLY_INTEGER)
        return false;
    const struct weir_reply *host = &node->items[0];
    int64_t port = node->items[1].integer;
    if (host->kind == WEIR_REPLY_NIL || (weir_reply_is_text(host) && host->len == 0))
        return weir_endpoint_set(ret, asked->host, strlen(asked->host), port);
    if (!weir_reply_is_text(host) || (host->len == 1 && host->text[0] == '?'))
        return false;
    return weir_endpoint_set(ret, host->text, host->len, port);
}

/* [first slot, last slot, primary, replica, …] */
static bool is_range(const struct weir_reply *range)
{
    return weir_reply_is_array(range, 3) && range->items[0].kind == WEIR_REPLY_INTEGER &&
           range->items[1].kind == WEIR_REPLY_INTEGER;
}

bool weir_slots_primary(const struct weir_reply *reply, unsigned slot, const struct weir_endpoint *asked,
                        struct weir_endpoint *ret)
{
    for (size_t i = 0; weir_reply_is_array(reply, 0) && i < reply->len; i++) {
        const struct weir_reply *range = &reply->items[i];
        if (is_range(range) && range->items[0].integer <= (int64_t)slot && (int64_t)slot <= range->items[1].integer)
            return read_node(&range->items[2], asked, ret);
    }
    return false;
}

size_t weir_slots_nodes(const struct weir_reply *reply, const struct weir_endpoint *asked, struct weir_endpoint *nodes,
                        size_t max)
{
    size_t n = 0;
    for (size_t i = 0; weir_reply_is_array(reply, 0) && i < reply->len; i++) {
        const struct weir_reply *range = &reply->items[i];
        for (size_t j = 2; n < max && is_range(range) && j < range->len; j++) {
            size_t known = 0;
            if (!read_node(&range->items[j], asked, &nodes[n]))
                continue;
            while (!weir_endpoint_equal(&nodes[known], &nodes[n]))
                known++;
            n += known == n;
        }
    }
    return n;
}

/* Whether the primary of the range serves a slot before it as well. */
static bool serves_before(const struct weir_reply *reply, const struct weir_reply *range,
                          const struct weir_endpoint *primary, const struct weir_endpoint *asked)
{
    for (size_t i = 0; i < reply->len; i++) {
        const struct weir_reply *other = &reply->items[i];
        struct weir_endpoint node;
        if (is_range(other) && other->items[0].integer < range->items[0].integer &&
            read_node(&other->items[2], asked, &node) && weir_endpoint_equal(&node, primary))
            return true;
    }
    return false;
}

bool weir_slots_next(const struct weir_reply *reply, unsigned slot, const struct weir_endpoint *asked, unsigned *ret)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; weir_reply_is_array(reply, 0) && i < reply->len; i++) {
        const struct weir_reply *range = &reply->items[i];
        struct weir_endpoint primary;
        if (is_range(range) && range->items[0].integer > (int64_t)slot && range->items[0].integer < least &&
            read_node(&range->items[2], asked, &primary) && !serves_before(reply, range, &primary, asked))
            least = range->items[0].integer;
    }
    if (least > WEIR_SLOTS - 1)
        return false;
    *ret = (unsigned)least;
    return true;
}

/* "MOVED 3999 127.0.0.1:6381"; the host may be an IPv6 address, or empty: the same as that of the one who says so. */
enum weir_redirection weir_redirection_of(const struct weir_reply *reply, const struct weir_endpoint *from,
                                          struct weir_endpoint *ret)
{
    if (reply->kind != WEIR_REPLY_ERROR)
        return WEIR_REDIRECTION_NONE;
    enum weir_redirection kind = weir_reply_starts_with(reply, "MOVED ") ? WEIR_REDIRECTION_MOVED
                                 : weir_reply_starts_with(reply, "ASK ") ? WEIR_REDIRECTION_ASK
                                                                         : WEIR_REDIRECTION_NONE;
    if (kind == WEIR_REDIRECTION_NONE)
        return kind;
    const char *end = reply->text + reply->len, *colon = memrchr(reply->text, ':', reply->len);
    const char *space = memrchr(reply->text, ' ', reply->len);
    uint64_t port;
    *ret = (struct weir_endpoint){.port = 0};
    if (!colon || space > colon || !weir_parse_u64(colon + 1, (size_t)(end - colon - 1), &port) || port > 65535)
        return kind;
    const char *host = space + 1;
    size_t len = (size_t)(colon - host);
    if (len == 0)
        weir_endpoint_set(ret, from->host, strlen(from->host), (int64_t)port);
    else if (len != 1 || *host != '?')
        weir_endpoint_set(ret, host, len, (int64_t)port);
    return kind;
}
