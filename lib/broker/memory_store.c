/* SPDX-License-Identifier: MIT
 *
 * The data of the in-process broker: what Redis would hold, as plain structures.
 *
 * A store is what a `memory:NAME` URL names, and holds streams; a stream holds entries, groups with their pending
 * entries and consumers, a delayed set and a dead stream. memory_broker.c is the only caller; it takes the store's
 * mutex and decides, this file only finds, inserts and removes.
 *
 * Entries, pending entries and dead letters are all kept in a memory_log: pending ids grow, too, since a group only
 * ever delivers forwards.
 *
 * What must stay true:
 *   - a function that can run out of memory either does all of its work or changes nothing, so that a job is never in
 *     two places or in none: room is made first, and what follows can't fail;
 *   - ids of a stream never go back, not even when the clock does;
 *   - a consumer is freed only when nothing is pending for it, since pending entries point to it.
 */
#include "broker/memory_store.h"

#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A zeroed object of `size` bytes with a copy of the text in its last member; NULL without memory. */
static void *new_with_text(size_t size, size_t text_offset, const char *text)
{
    size_t len = strlen(text);
    char *object = calloc(1, size + len + 1);
    if (object)
        memcpy(object + text_offset, text, len);
    return object;
}
#define NEW_WITH_TEXT(type, member, text) ((type *)new_with_text(sizeof(type), offsetof(type, member), text))

/* --- records --- */

static bool count_bytes(const weir_field *fields, size_t n, size_t *total)
{
    for (size_t i = 0; i < n; i++) {
        if (__builtin_add_overflow(*total, fields[i].name_len, total) ||
            __builtin_add_overflow(*total, fields[i].value_len, total) || __builtin_add_overflow(*total, 2, total))
            return false;
    }
    return true;
}

static const char *copy_bytes(char **to, const char *bytes, size_t len)
{
    char *copy = *to;
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    *to += len + 1;
    return copy;
}

static void copy_fields(struct memory_record *record, char **to, const weir_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        weir_field *copy = &record->items[record->n++];
        copy->name = copy_bytes(to, fields[i].name, fields[i].name_len);
        copy->name_len = fields[i].name_len;
        copy->value = copy_bytes(to, fields[i].value, fields[i].value_len);
        copy->value_len = fields[i].value_len;
    }
}

struct memory_record *weir_memory_record_new(weir_fields caller, const weir_field *own, size_t n_own)
{
    size_t n_bytes = 0, size = 0;
    if (!count_bytes(caller.items, caller.n, &n_bytes) || !count_bytes(own, n_own, &n_bytes) ||
        __builtin_mul_overflow(caller.n + n_own, sizeof(weir_field), &size) ||
        __builtin_add_overflow(size, sizeof(struct memory_record), &size) ||
        __builtin_add_overflow(size, n_bytes, &size))
        return NULL;

    struct memory_record *record = malloc(size);
    if (!record)
        return NULL;
    record->n_bytes = n_bytes;
    record->bytes = (char *)(record->items + caller.n + n_own);
    record->n = 0;
    char *to = record->bytes;
    copy_fields(record, &to, caller.items, caller.n);
    copy_fields(record, &to, own, n_own);
    return record;
}

/* --- stores --- */

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct memory_store *registry; /* guarded by registry_mutex */

static struct memory_store *new_store(const char *name)
{
    struct memory_store *store = NEW_WITH_TEXT(struct memory_store, name, name);
    if (!store)
        return NULL;
    if (pthread_mutex_init(&store->mutex, NULL) != 0)
        goto fail_mutex;
    if (weir_cond_init(&store->changed) != 0)
        goto fail_cond;
    return store;

fail_cond:
    pthread_mutex_destroy(&store->mutex);
fail_mutex:
    free(store);
    return NULL;
}

struct memory_store *weir_memory_store_acquire(const char *name)
{
    pthread_mutex_lock(&registry_mutex);
    struct memory_store *store = registry;
    while (store && strcmp(store->name, name) != 0)
        store = store->next;
    if (!store) {
        store = new_store(name);
        if (store) {
            store->next = registry;
            registry = store;
        }
    }
    if (store)
        store->n_users++;
    pthread_mutex_unlock(&registry_mutex);
    return store;
}

static void free_group(struct memory_group *group)
{
    weir_memory_log_clear(&group->pending);
    while (group->consumers) {
        struct memory_consumer *consumer = group->consumers;
        group->consumers = consumer->next;
        free(consumer);
    }
    free(group);
}

static void free_stream(struct memory_stream *stream)
{
    while (stream->groups) {
        struct memory_group *group = stream->groups;
        stream->groups = group->next;
        free_group(group);
    }
    weir_memory_log_clear(&stream->entries);
    weir_memory_log_clear(&stream->dead);
    weir_memory_delayed_clear(&stream->delayed);
    weir_memory_delayed_clear(&stream->once);
    free(stream);
}

void weir_memory_store_release(struct memory_store *store)
{
    pthread_mutex_lock(&registry_mutex);
    bool last = --store->n_users == 0;
    if (last) {
        struct memory_store **link = &registry;
        while (*link != store)
            link = &(*link)->next;
        *link = store->next;
    }
    pthread_mutex_unlock(&registry_mutex);
    if (!last)
        return;

    while (store->streams) {
        struct memory_stream *stream = store->streams;
        store->streams = stream->next;
        free_stream(stream);
    }
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

/* --- streams --- */

struct memory_stream *weir_memory_stream_get(struct memory_store *store, const char *name)
{
    for (struct memory_stream *stream = store->streams; stream; stream = stream->next)
        if (strcmp(stream->name, name) == 0)
            return stream;

    struct memory_stream *stream = NEW_WITH_TEXT(struct memory_stream, name, name);
    if (!stream)
        return NULL;
    stream->next = store->streams;
    store->streams = stream;
    return stream;
}

/* What Redis does for '*': the clock's time, or the number after the last where the clock has not moved on. */
static struct weir_entry_id new_entry_id(struct weir_entry_id last)
{
    uint64_t now_ms = (uint64_t)weir_wall_ms();
    return now_ms > last.ms ? (struct weir_entry_id){now_ms, 0} : weir_entry_id_next(last);
}

static bool append_record(struct memory_log *log, struct weir_entry_id *last_id, struct memory_record *record)
{
    if (!weir_memory_log_reserve(log))
        return false;
    *last_id = new_entry_id(*last_id);
    weir_memory_log_append(log, *last_id, record);
    return true;
}

bool weir_memory_stream_append(struct memory_stream *stream, struct memory_record *record, struct weir_entry_id *ret_id)
{
    if (!append_record(&stream->entries, &stream->last_id, record))
        return false;
    if (ret_id)
        *ret_id = stream->last_id;
    return true;
}

bool weir_memory_dead_append(struct memory_stream *stream, struct memory_record *record)
{
    return append_record(&stream->dead, &stream->last_dead_id, record);
}

struct memory_group *weir_memory_group_find(const struct memory_stream *stream, const char *name)
{
    struct memory_group *group = name ? stream->groups : NULL;
    while (group && strcmp(group->name, name) != 0)
        group = group->next;
    return group;
}

struct memory_group *weir_memory_group_add(struct memory_stream *stream, const char *name, struct weir_entry_id start)
{
    struct memory_group *group = NEW_WITH_TEXT(struct memory_group, name, name);
    if (!group)
        return NULL;
    group->last_delivered = start;
    group->next = stream->groups;
    stream->groups = group;
    return group;
}

bool weir_memory_pending_remove(struct memory_group *group, struct weir_entry_id id)
{
    struct memory_pending *pending = group ? weir_memory_log_remove(&group->pending, id) : NULL;
    if (!pending)
        return false;
    pending->consumer->n_pending--;
    free(pending);
    return true;
}

struct weir_entry_id weir_memory_low_water(const struct memory_stream *stream)
{
    struct weir_entry_id lowest = {0, 0};
    for (const struct memory_group *group = stream->groups; group; group = group->next) {
        const struct memory_log *pending = &group->pending;
        struct weir_entry_id unfinished =
            pending->live ? pending->slots[pending->begin].id : weir_entry_id_next(group->last_delivered);
        if (group == stream->groups || weir_entry_id_compare(unfinished, lowest) < 0)
            lowest = unfinished;
    }
    return lowest;
}

/* --- consumers --- */

struct memory_consumer *weir_memory_consumer_get(struct memory_group *group, const char *name)
{
    for (struct memory_consumer *consumer = group->consumers; consumer; consumer = consumer->next)
        if (strcmp(consumer->name, name) == 0)
            return consumer;

    struct memory_consumer *consumer = NEW_WITH_TEXT(struct memory_consumer, name, name);
    if (!consumer)
        return NULL;
    consumer->next = group->consumers;
    group->consumers = consumer;
    return consumer;
}

bool weir_memory_consumer_delete(struct memory_group *group, const char *name)
{
    struct memory_consumer **link = &group->consumers;
    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    struct memory_consumer *consumer = *link;
    if (!consumer || consumer->n_pending > 0)
        return false;
    *link = consumer->next;
    free(consumer);
    return true;
}

size_t weir_memory_consumers_delete_idle(struct memory_group *group, const char *spared, int64_t idle_ms)
{
    int64_t now_ms = weir_now_ms();
    size_t n = 0;
    struct memory_consumer *next;
    for (struct memory_consumer *consumer = group->consumers; consumer; consumer = next) {
        next = consumer->next;
        bool idle = now_ms - consumer->seen_ms >= idle_ms && strcmp(consumer->name, spared) != 0;
        if (idle && weir_memory_consumer_delete(group, consumer->name))
            n++;
    }
    return n;
}
