/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BROKER_MEMORY_STORE_H
#define WEIR_BROKER_MEMORY_STORE_H

#include "broker/memory_delayed.h"
#include "broker/memory_log.h"
#include "job/entry_id.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <weir/field.h>

/* The fields of one job in one block of memory: `items`, then the bytes that they point to, each NUL-terminated. */
struct memory_record {
    size_t n_bytes;
    char *bytes;
    size_t n;
    weir_field items[];
};

/* A copy of the caller's fields with those of `own` behind them; NULL without memory. Freed with free. */
struct memory_record *weir_memory_record_new(weir_fields caller, const weir_field *own, size_t n_own);

struct memory_consumer {
    struct memory_consumer *next;
    int64_t seen_ms; /* monotonic */
    size_t n_pending;
    char name[];
};

/* An entry that was delivered and isn't acked; its id is the slot's. */
struct memory_pending {
    struct memory_consumer *consumer;
    int64_t delivered_ms; /* monotonic */
    uint32_t deliveries;
};

struct memory_group {
    struct memory_group *next;
    struct weir_entry_id last_delivered;
    struct memory_log pending; /* of struct memory_pending */
    struct memory_consumer *consumers;
    char name[];
};

struct memory_stream {
    struct memory_stream *next;
    struct memory_log entries; /* of struct memory_record */
    struct weir_entry_id last_id;
    struct memory_group *groups;
    struct memory_delayed_set delayed;
    uint64_t n_generated;           /* ids made for delayed jobs */
    struct memory_delayed_set once; /* ids enqueued within their windows, by when these end (monotonic); no records */
    struct memory_log dead;         /* of struct memory_record */
    struct weir_entry_id last_dead_id;
    int64_t paused_ms; /* since when, by the wall clock; 0: it is not */
    char name[];
};

struct memory_store {
    struct memory_store *next; /* guarded by the registry's mutex, as n_users */
    size_t n_users;

    pthread_mutex_t mutex;  /* guards all below, and the state of every session of this store */
    pthread_cond_t changed; /* an entry was added, or a session was woken or unblocked */
    struct memory_stream *streams;
    char name[];
};

/* The store of this name, made where there is none; NULL without memory. Thread: any. */
struct memory_store *weir_memory_store_acquire(const char *name);

/* The last one who releases a store frees it and all that is in it. Thread: any. Locks: the store's is not held. */
void weir_memory_store_release(struct memory_store *store);

/* These find by name, or make where there is none: NULL without memory. Locks: the store's is held. */
struct memory_stream *weir_memory_stream_get(struct memory_store *store, const char *name);
struct memory_consumer *weir_memory_consumer_get(struct memory_group *group, const char *name);

/* NULL where there is none. Locks: the store's is held, as by all below. */
struct memory_group *weir_memory_group_find(const struct memory_stream *stream, const char *name);

/* NULL without memory. */
struct memory_group *weir_memory_group_add(struct memory_stream *stream, const char *name, struct weir_entry_id start);

/* Appends the record to the stream or its dead stream, with a new id, and takes it. False without memory. */
bool weir_memory_stream_append(struct memory_stream *stream, struct memory_record *record,
                               struct weir_entry_id *ret_id);
bool weir_memory_dead_append(struct memory_stream *stream, struct memory_record *record);

/* Forgets that the entry is pending; false where it isn't, or where there is no group (NULL). */
bool weir_memory_pending_remove(struct memory_group *group, struct weir_entry_id id);

/* The smallest id that some group has not finished with; {0, 0} where there is no group. */
struct weir_entry_id weir_memory_low_water(const struct memory_stream *stream);

/* Deletes the consumer unless something is pending for it; false where it did not. */
bool weir_memory_consumer_delete(struct memory_group *group, const char *name);

/* Deletes the group's consumers with nothing pending that have been idle for idle_ms, but not the one spared. */
size_t weir_memory_consumers_delete_idle(struct memory_group *group, const char *spared, int64_t idle_ms);

#endif
