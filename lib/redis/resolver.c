/* SPDX-License-Identifier: MIT
 *
 * Asking sentinels and cluster nodes where the server is.
 *
 * Who answered last is asked first the next time, so that one that is gone costs its timeout once. What they say may be
 * old: whoever connects there finds out, says so by weir_resolver_distrust, and asks the next one.
 *
 * What must stay true: nothing that is asked here changes anything, and a hostile answer is an error like any other.
 */
#include "redis/resolver.h"

#include "base/error.h"
#include "redis/command.h"
#include "redis/topology.h"

#include <string.h>

void weir_resolver_init(struct weir_resolver *resolver, const struct weir_url *url,
                        const struct weir_link_settings *settings, unsigned slot)
{
    *resolver = (struct weir_resolver){.url = url, .settings = settings, .slot = slot};
}

size_t weir_resolver_sources(const struct weir_resolver *resolver)
{
    return resolver->url->n_endpoints + resolver->n_learnt;
}

const struct weir_endpoint *weir_resolver_source(const struct weir_resolver *resolver)
{
    size_t i = resolver->next % weir_resolver_sources(resolver);
    size_t n = resolver->url->n_endpoints;
    return i < n ? &resolver->url->endpoints[i] : &resolver->learnt[i - n];
}

void weir_resolver_distrust(struct weir_resolver *resolver)
{
    resolver->next = (resolver->next + 1) % weir_resolver_sources(resolver);
}

/* The answer to AUTH, where there was one, and to the question. */
static weir_status read_answers(struct weir_link *link, struct weir_arena *arena, bool auth, const char *question,
                                struct weir_reply **ret, weir_error *err)
{
    weir_status first = WEIR_OK;
    for (int i = auth ? 0 : 1; i < 2; i++) {
        weir_error failure;
        weir_status status =
            weir_link_reply(link, arena, link->settings->options->connect_timeout_ms, 0, ret, &failure);
        if (status == WEIR_OK)
            status = weir_reply_status(*ret, i == 0 ? "AUTH" : question, &failure);
        if (status == WEIR_OK || first != WEIR_OK)
            continue;
        first = status;
        if (err)
            *err = failure;
        if (!link->context)
            break;
    }
    return weir_error_nothing_sent(first, err);
}

static void append_auth(struct weir_buffer *out, const char *user, const char *password)
{
    weir_command_begin(out, user ? 3 : 2);
    weir_command_text(out, "AUTH");
    if (user)
        weir_command_text(out, user);
    weir_command_text(out, password);
}

static weir_status ask_sentinel(struct weir_resolver *resolver, struct weir_link *link, struct weir_arena *arena,
                                struct weir_endpoint *ret, weir_error *err)
{
    const struct weir_url *url = resolver->url;
    struct weir_buffer *out = &link->out;
    if (url->sentinel_password)
        append_auth(out, url->sentinel_user, url->sentinel_password);
    weir_command_begin(out, 3);
    weir_command_text(out, "SENTINEL");
    weir_command_text(out, "get-master-addr-by-name");
    weir_command_text(out, url->primary);
    struct weir_reply *reply;
    weir_status status = read_answers(link, arena, url->sentinel_password != NULL, "SENTINEL", &reply, err);
    if (status == WEIR_ERR_AUTH)
        return weir_error_set(err, status, "sentinel_user or sentinel_password of the url is missing or wrong");
    if (status == WEIR_ERR_UNSUPPORTED)
        return weir_error_set(err, status, "not a sentinel");
    if (status != WEIR_OK)
        return status;
    if (reply->kind == WEIR_REPLY_NIL)
        return weir_error_set(err, WEIR_ERR_UNAVAILABLE, "doesn't know that name");
    if (!weir_sentinel_address(reply, ret))
        return weir_error_set(err, WEIR_ERR_CONNECTION, "its answer has an unexpected form");
    return WEIR_OK;
}

/* Remembers the nodes that the URL doesn't name: once its own are gone, one of them is asked. */
static void learn(struct weir_resolver *resolver, const struct weir_reply *slots)
{
    struct weir_endpoint nodes[WEIR_NODES_LEARNT];
    const struct weir_url *url = resolver->url;
    const struct weir_endpoint asked = *weir_resolver_source(resolver);
    size_t n = weir_slots_nodes(slots, &asked, nodes, WEIR_NODES_LEARNT);
    resolver->n_learnt = 0;
    for (size_t i = 0; i < n; i++) {
        size_t named = 0;
        while (named < url->n_endpoints && !weir_endpoint_equal(&url->endpoints[named], &nodes[i]))
            named++;
        if (named == url->n_endpoints)
            resolver->learnt[resolver->n_learnt++] = nodes[i];
    }
    /* the list may be another now: still the same one first */
    for (resolver->next = 0; resolver->next + 1 < weir_resolver_sources(resolver); resolver->next++)
        if (weir_endpoint_equal(weir_resolver_source(resolver), &asked))
            break;
}

static weir_status ask_node(struct weir_resolver *resolver, struct weir_link *link, struct weir_arena *arena,
                            struct weir_endpoint *ret, weir_error *err)
{
    const struct weir_url *url = resolver->url;
    struct weir_buffer *out = &link->out;
    if (url->password)
        append_auth(out, url->user, url->password);
    weir_command_begin(out, 2);
    weir_command_text(out, "CLUSTER");
    weir_command_text(out, "SLOTS");
    struct weir_reply *reply;
    weir_status status = read_answers(link, arena, url->password != NULL, "CLUSTER SLOTS", &reply, err);
    if (status == WEIR_ERR_SERVER)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "not a cluster node");
    if (status != WEIR_OK)
        return status;
    const struct weir_endpoint asked = *weir_resolver_source(resolver);
    if (!weir_slots_primary(reply, resolver->slot, &asked, ret))
        return weir_error_set(err, WEIR_ERR_UNAVAILABLE, "knows nobody who serves slot %u", resolver->slot);
    learn(resolver, reply);
    return WEIR_OK;
}

weir_status weir_resolver_ask(struct weir_resolver *resolver, struct weir_endpoint *ret, weir_error *err)
{
    struct weir_link link = {.settings = resolver->settings};
    struct weir_arena arena;
    weir_arena_init(&arena, 0);
    weir_status status = weir_link_open(&link, weir_resolver_source(resolver), err);
    if (status == WEIR_OK)
        status = resolver->url->kind == WEIR_URL_SENTINEL ? ask_sentinel(resolver, &link, &arena, ret, err)
                                                          : ask_node(resolver, &link, &arena, ret, err);
    weir_link_free(&link);
    weir_arena_free(&arena);
    return status;
}
