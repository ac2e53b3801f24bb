/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include "config.h"
#include "support/wait.h"
#include "writer.h"

#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000 };

/* The value after a name in a flat array; NULL where there is none. The last one: weir's own fields come last in a dead
 * letter, after any of the same name that the job had. */
static const redisReply *value_of(const redisReply *flat, const char *name)
{
    const redisReply *found = NULL;
    for (size_t i = 0; i + 1 < flat->elements; i += 2)
        if (flat->element[i]->str && strcmp(flat->element[i]->str, name) == 0)
            found = flat->element[i + 1];
    return found;
}

static const char *text_of(const redisReply *flat, const char *name)
{
    const redisReply *value = value_of(flat, name);
    return value && value->str && value->str[0] ? value->str : "?";
}

static long long integer_of(const redisReply *flat, const char *name)
{
    const redisReply *value = value_of(flat, name);
    return value ? value->integer : -1;
}

/* [entry id, its fields], for each entry that comes after one. */
static void each_entry(struct test_server *server, const char *stream, const char *after,
                       void (*visit)(const redisReply *entry))
{
    char from[64];
    snprintf(from, sizeof from, "(%s", after);
    size_t n = PAGE;
    while (n == PAGE) {
        redisReply *reply = test_server_command(server, "XRANGE %s %s + COUNT %d", stream, from, PAGE);
        n = reply->elements;
        for (size_t i = 0; i < n; i++) {
            visit(reply->element[i]);
            snprintf(from, sizeof from, "(%s", reply->element[i]->element[0]->str);
        }
        freeReplyObject(reply);
    }
}

/* XINFO of the one group; NULL where there is none. To be freed: *ret_all. */
static const redisReply *group_info(struct test_server *server, redisReply **ret_all)
{
    *ret_all = test_server_command(server, "XINFO GROUPS %s", CHAOS_STREAM);
    return (*ret_all)->type == REDIS_REPLY_ARRAY && (*ret_all)->elements == 1 ? (*ret_all)->element[0] : NULL;
}

static void say_waiting(const redisReply *entry)
{
    history_say("left waiting %s %s", text_of(entry->element[1], "n"), entry->element[0]->str);
}

static void write_waiting(struct test_server *server)
{
    redisReply *all;
    const redisReply *group = group_info(server, &all);
    each_entry(server, CHAOS_STREAM, group ? text_of(group, "last-delivered-id") : "0-0", say_waiting);
    freeReplyObject(all);
}

static void write_pending(struct test_server *server)
{
    redisReply *pending = test_server_command(server, "XPENDING %s %s - + 100000", CHAOS_STREAM, CHAOS_GROUP);
    for (size_t i = 0; pending->type == REDIS_REPLY_ARRAY && i < pending->elements; i++) {
        redisReply **row = pending->element[i]->element;
        redisReply *entry = test_server_command(server, "XRANGE %s %s %s", CHAOS_STREAM, row[0]->str, row[0]->str);
        const char *name = entry->elements == 1 ? text_of(entry->element[0]->element[1], "n") : "?";
        history_say("left pending %s %s %s %lld", name, row[0]->str, row[1]->str, row[3]->integer);
        freeReplyObject(entry);
    }
    freeReplyObject(pending);
}

static void say_dead(const redisReply *entry)
{
    const redisReply *fields = entry->element[1];
    history_say("left dead %s %s %s %s", text_of(fields, "n"), text_of(fields, "weir.attempts"),
                text_of(fields, "weir.deliveries"), text_of(fields, "weir.reason"));
}

/* The value of the field "n" of a packed job. */
static void name_of_packed(const char *bytes, size_t len, char name[static 64])
{
    snprintf(name, 64, "?");
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    if (msgpack_unpack_next(&unpacked, bytes, len, &offset) == MSGPACK_UNPACK_SUCCESS &&
        unpacked.data.type == MSGPACK_OBJECT_ARRAY) {
        const msgpack_object_array *array = &unpacked.data.via.array;
        for (uint32_t i = 3; i + 1 < array->size; i += 2) {
            const msgpack_object_str *field = &array->ptr[i].via.str, *value = &array->ptr[i + 1].via.str;
            if (field->size == 1 && field->ptr[0] == 'n')
                snprintf(name, 64, "%.*s", (int)value->size, value->ptr);
        }
    }
    msgpack_unpacked_destroy(&unpacked);
}

static int64_t server_now_ms(struct test_server *server)
{
    redisReply *time = test_server_command(server, "TIME");
    int64_t now_ms = strtoll(time->element[0]->str, NULL, 10) * 1000 + strtoll(time->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(time);
    return now_ms;
}

static void write_delayed(struct test_server *server)
{
    int64_t now_ms = server_now_ms(server);
    redisReply *due = test_server_command(server, "ZRANGE %s 0 -1 WITHSCORES", CHAOS_DELAYED);
    for (size_t i = 0; i + 1 < due->elements; i += 2) {
        const redisReply *member = due->element[i];
        redisReply *packed = test_server_command(server, "HGET %s %b", CHAOS_DELAYED_JOBS, member->str, member->len);
        char name[64];
        if (packed->type == REDIS_REPLY_STRING) {
            name_of_packed(packed->str, packed->len, name);
            history_say("left delayed %s %lld", name, strtoll(due->element[i + 1]->str, NULL, 10) - (long long)now_ms);
        } else {
            history_say("left spoiled %s is delayed and has no payload", member->str);
        }
        freeReplyObject(packed);
    }
    long long payloads = test_server_integer(server, "HLEN %s", CHAOS_DELAYED_JOBS);
    if (payloads > (long long)due->elements / 2)
        history_say("left spoiled %lld payloads of delayed jobs that are due at no time",
                    payloads - (long long)due->elements / 2);
    freeReplyObject(due);
}

/* The window of an idempotent enqueue, which must be over some time. */
static bool is_window(struct test_server *server, const char *key)
{
    return strncmp(key, CHAOS_ONCE, strlen(CHAOS_ONCE)) == 0 && test_server_integer(server, "PTTL %s", key) != -1;
}

static void write_keys(struct test_server *server)
{
    static const char *const ours[] = {CHAOS_STREAM, CHAOS_DELAYED, CHAOS_DELAYED_JOBS, CHAOS_DEAD};
    redisReply *keys = test_server_command(server, "KEYS *");
    for (size_t i = 0; i < keys->elements; i++) {
        bool known = is_window(server, keys->element[i]->str);
        for (size_t k = 0; k < sizeof ours / sizeof *ours; k++)
            known |= strcmp(keys->element[i]->str, ours[k]) == 0;
        if (!known)
            history_say("left key %s", keys->element[i]->str);
    }
    freeReplyObject(keys);
    redisReply *consumers = test_server_command(server, "XINFO CONSUMERS %s %s", CHAOS_STREAM, CHAOS_GROUP);
    for (size_t i = 0; consumers->type == REDIS_REPLY_ARRAY && i < consumers->elements; i++)
        history_say("left consumer %s", text_of(consumers->element[i], "name"));
    freeReplyObject(consumers);
}

void snapshot_write(struct test_server *server)
{
    write_waiting(server);
    write_pending(server);
    write_delayed(server);
    each_entry(server, CHAOS_DEAD, "0-0", say_dead);
    write_keys(server);
}

/* Consumers are named HOST:PID:RANDOM, or as in config.c. */
static bool is_alive(const struct children *children, const char *consumer)
{
    for (int i = 0; i < children->n; i++) {
        const struct child *child = &children->items[i];
        char name[16], pid[16];
        snprintf(name, sizeof name, "worker-%d", child->number);
        snprintf(pid, sizeof pid, ":%d:", (int)child->pid);
        if (child->kind == 'w' && child->pid != 0 && (strcmp(consumer, name) == 0 || strstr(consumer, pid)))
            return true;
    }
    return false;
}

static bool all_are_alive(struct test_server *server, const struct children *children)
{
    bool alive = true;
    redisReply *consumers = test_server_command(server, "XINFO CONSUMERS %s %s", CHAOS_STREAM, CHAOS_GROUP);
    for (size_t i = 0; consumers->type == REDIS_REPLY_ARRAY && i < consumers->elements; i++)
        alive &= is_alive(children, text_of(consumers->element[i], "name"));
    freeReplyObject(consumers);
    return alive;
}

size_t snapshot_consumers(struct test_server *server)
{
    redisReply *consumers = test_server_command(server, "XINFO CONSUMERS %s %s", CHAOS_STREAM, CHAOS_GROUP);
    size_t n = consumers->type == REDIS_REPLY_ARRAY ? consumers->elements : 0;
    freeReplyObject(consumers);
    return n;
}

bool snapshot_is_quiet(struct test_server *server, const struct children *children)
{
    enum { SOON_MS = 60000 };
    redisReply *all;
    const redisReply *group = group_info(server, &all);
    bool quiet = group && integer_of(group, "pending") == 0;
    freeReplyObject(all);
    if (!quiet || test_server_integer(server, "XLEN %s", CHAOS_STREAM) > 0)
        return false;
    long long due =
        test_server_integer(server, "ZCOUNT %s -inf %lld", CHAOS_DELAYED, (long long)(server_now_ms(server) + SOON_MS));
    return due == 0 && all_are_alive(server, children);
}
