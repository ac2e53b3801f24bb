/* SPDX-License-Identifier: MIT
 *
 * What the files of the in-process broker share. memory_broker.c says how it works.
 */
#ifndef WEIR_BROKER_MEMORY_BROKER_H
#define WEIR_BROKER_MEMORY_BROKER_H

#include "broker/broker.h"
#include "broker/memory_store.h"

#include <weir/visibility.h>

struct memory_broker {
    struct weir_broker base;
    struct memory_store *store;
    struct memory_stream *stream;
    char *group, *consumer; /* NULL where the configuration has none */
    weir_retention retention;
    size_t reply_limit;
};

struct memory_read {
    size_t count;
    int64_t block_ms;
};

/* All guarded by the store's mutex but `broker`, since wake and unblock come from other threads. */
struct memory_session {
    struct weir_session base;
    struct memory_broker *broker;
    struct memory_stream *stream; /* the broker's, or what weir_admin has selected */
    bool connected, woken;
    struct memory_read *reads; /* submitted and not collected, oldest first */
    size_t n_reads, reads_capacity;
    int64_t oldest_since_us; /* since when the oldest of them waits */
    bool oldest_unblocked;
};

static inline struct memory_session *memory_session_of(struct weir_session *session)
{
    return (struct memory_session *)session;
}

static inline struct memory_broker *memory_broker_of(const struct weir_session *session)
{
    return ((const struct memory_session *)session)->broker;
}

weir_status weir_memory_connect(struct weir_session *session, weir_error *err);

/*
 * Every operation begins with one of these: it locks the store, or fails with nothing locked where the session was
 * woken, isn't connected, or (for enter_group) the group is missing.
 */
weir_status weir_memory_enter(struct weir_session *session, weir_error *err);
weir_status weir_memory_enter_group(struct weir_session *session, struct memory_group **ret_group, weir_error *err);
void weir_memory_exit(struct weir_session *session);

/* The group's consumer of this session, seen now; NULL without memory. */
struct memory_consumer *weir_memory_self(struct weir_session *session, struct memory_group *group);

/* These fill err and return its code. */
weir_status weir_memory_failed(weir_error *err);
weir_status weir_memory_stopped(weir_error *err);
weir_status weir_memory_no_group(const struct memory_broker *broker, weir_error *err);

/* A copy of the record's fields in the arena; NULL without memory. */
weir_field *weir_memory_copy_out(struct weir_arena *arena, const struct memory_record *record);

/* Appends the entry to the batch, which has room for it; record NULL: its payload is lost. NULL without memory. */
struct weir_job *weir_memory_deliver(struct weir_batch *batch, struct weir_entry_id id,
                                     const struct memory_record *record, uint32_t deliveries);

/*
 * Fields of ours for a record, collected one by one. Texts are borrowed until the record is made; there is room for
 * each name once.
 */
struct memory_own_fields {
    weir_field items[9];
    size_t n;
    char digits[4][24];
    size_t n_digits;
};

void weir_memory_own_text(struct memory_own_fields *own, const char *name, const char *text);
void weir_memory_own_number(struct memory_own_fields *own, const char *name, int64_t number);

/* The operations of memory_read.c, */
weir_status weir_memory_read_submit(struct weir_session *session, size_t count, int64_t block_ms, weir_error *err);
weir_status weir_memory_read_collect(struct weir_session *session, struct weir_batch *batch, weir_error *err);
weir_status weir_memory_unblock(struct weir_session *session, struct weir_session *reader, weir_error *err);

/* of memory_add.c, */
weir_status weir_memory_add(struct weir_session *session, struct weir_broker_add *jobs, size_t n, weir_error *err);
weir_status weir_memory_promote(struct weir_session *session, size_t limit, size_t *ret_moved, int64_t *ret_next_ms,
                                weir_error *err);

/* of memory_group.c, */
weir_status weir_memory_settle(struct weir_session *session, struct weir_job *list, weir_error *err);
weir_status weir_memory_claim(struct weir_session *session, struct weir_entry_id *cursor, int64_t min_idle_ms,
                              size_t count, struct weir_batch *batch, weir_error *err);
weir_status weir_memory_recover(struct weir_session *session, struct weir_entry_id *after, size_t count,
                                bool lost_reply, int64_t max_idle_ms, weir_in_flight_fn in_flight, void *context,
                                struct weir_batch *batch, bool *ret_more, weir_error *err);
weir_status weir_memory_renew(struct weir_session *session, const struct weir_entry_id *entries, size_t n,
                              enum weir_lease *leases, weir_error *err);
weir_status weir_memory_trim(struct weir_session *session, uint64_t keep_last, size_t limit, size_t *ret_removed,
                             weir_error *err);
weir_status weir_memory_reap(struct weir_session *session, int64_t idle_ms, size_t *ret_deleted, weir_error *err);
weir_status weir_memory_leave(struct weir_session *session, weir_error *err);

/* of memory_pause.c, */
weir_status weir_memory_look(struct weir_session *session, bool *ret_paused, bool *ret_delayed, weir_error *err);
weir_status weir_memory_set_paused(struct weir_session *session, bool paused, bool *ret_changed, weir_error *err);
weir_status weir_memory_touch(struct weir_session *session, weir_error *err);

/* and of memory_dead.c. */
weir_status weir_memory_dead_list(struct weir_session *session, struct weir_entry_id *after, size_t max,
                                  weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended,
                                  weir_error *err);
weir_status weir_memory_dead_get(struct weir_session *session, struct weir_entry_id id, weir_dead_visit_fn visit,
                                 void *user_data, weir_error *err);
weir_status weir_memory_dead_count(struct weir_session *session, uint64_t *ret_count, weir_error *err);
weir_status weir_memory_dead_requeue(struct weir_session *session, struct weir_entry_id id, weir_error *err);
weir_status weir_memory_dead_delete(struct weir_session *session, struct weir_entry_id id, weir_error *err);
weir_status weir_memory_dead_newest(struct weir_session *session, struct weir_entry_id *ret, weir_error *err);
weir_status weir_memory_dead_list_newest(struct weir_session *session, struct weir_entry_id *before, size_t max,
                                         weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended,
                                         weir_error *err);
weir_status weir_memory_dead_requeue_some(struct weir_session *session, struct weir_dead_step *step, weir_error *err);
weir_status weir_memory_dead_delete_some(struct weir_session *session, struct weir_dead_step *step, weir_error *err);
weir_status weir_memory_dead_purge(struct weir_session *session, uint64_t *ret_count, weir_error *err);

/*
 * For tests: deletes an entry of the broker's stream, as somebody with redis-cli can (XDEL) and nobody in a process.
 * False where there is none.
 */
bool weir_memory_broker_delete_entry(struct weir_broker *broker, struct weir_entry_id id);

#endif
