/* SPDX-License-Identifier: MIT
 *
 * Key names: the one place that makes them.
 *
 * All keys of a queue must lie in one cluster slot. The server hashes what stands between the first '{' and the next
 * '}' if that isn't empty, else the whole name. So a name that has such a tag keeps it ("{t1}:emails" →
 * "{t1}:emails:dead"), and any other becomes the tag itself ("emails" → "{emails}:dead"). That fails for a name without
 * a tag that has a '}' ("a}b" → "{a}b}:dead", whose tag is "a"): such a queue can't be in a cluster.
 */
#include "broker/keys.h"

#include "redis/slot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_hash_tag(const char *name)
{
    const char *open = strchr(name, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    return close && close > open + 1;
}

static bool make(struct weir_key *key, const char *stream, bool tagged, const char *suffix)
{
    size_t stream_len = strlen(stream), suffix_len = strlen(suffix);
    key->bytes = malloc(stream_len + suffix_len + 3);
    if (!key->bytes)
        return false;
    char *end = key->bytes;
    if (!tagged)
        *end++ = '{';
    memcpy(end, stream, stream_len);
    end += stream_len;
    if (!tagged)
        *end++ = '}';
    memcpy(end, suffix, suffix_len + 1);
    key->len = (size_t)(end - key->bytes) + suffix_len;
    return true;
}

bool weir_keys_make(const char *stream, struct weir_keys *ret)
{
    struct weir_keys keys;
    memset(&keys, 0, sizeof keys);
    bool tagged = has_hash_tag(stream);
    if (make(&keys.stream, stream, true, "") && make(&keys.delayed, stream, tagged, ":delayed") &&
        make(&keys.delayed_jobs, stream, tagged, ":delayed:jobs") && make(&keys.dead, stream, tagged, ":dead") &&
        make(&keys.once, stream, tagged, ":once:") && make(&keys.paused, stream, tagged, ":paused")) {
        *ret = keys;
        return true;
    }
    weir_keys_clear(&keys);
    return false;
}

void weir_keys_clear(struct weir_keys *keys)
{
    free(keys->stream.bytes);
    free(keys->delayed.bytes);
    free(keys->delayed_jobs.bytes);
    free(keys->dead.bytes);
    free(keys->once.bytes);
    free(keys->paused.bytes);
    memset(keys, 0, sizeof *keys);
}

bool weir_keys_owner(const char *key, const char *suffix, char ret[WEIR_STREAM_SIZE])
{
    size_t len = strlen(key), suffix_len = strlen(suffix);
    if (len <= suffix_len || strcmp(key + len - suffix_len, suffix) != 0)
        return false;
    len -= suffix_len;
    if (len < WEIR_STREAM_SIZE + 2 && len > 2 && key[0] == '{' && key[len - 1] == '}') {
        memcpy(ret, key + 1, len - 2);
        ret[len - 2] = '\0';
        if (!has_hash_tag(ret)) /* the stream became the tag */
            return true;
    }
    if (len >= WEIR_STREAM_SIZE)
        return false;
    memcpy(ret, key, len);
    ret[len] = '\0';
    return has_hash_tag(ret);
}

size_t weir_keys_once(const struct weir_keys *keys, const char *id, char out[WEIR_ONCE_KEY_SIZE])
{
    int len = snprintf(out, WEIR_ONCE_KEY_SIZE, "%s%s", keys->once.bytes, id);
    return len < WEIR_ONCE_KEY_SIZE ? (size_t)len : WEIR_ONCE_KEY_SIZE - 1;
}

bool weir_keys_slot(const struct weir_keys *keys, unsigned *ret)
{
    const struct weir_key *others[] = {&keys->delayed, &keys->delayed_jobs, &keys->dead, &keys->once, &keys->paused};
    unsigned slot = weir_key_slot(keys->stream.bytes, keys->stream.len);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (weir_key_slot(others[i]->bytes, others[i]->len) != slot)
            return false;
    *ret = slot;
    return true;
}
