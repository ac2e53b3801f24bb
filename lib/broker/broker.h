/* SPDX-License-Identifier: MIT
 *
 * The broker: "a log with consumer groups", as one small vtable.
 *
 * A weir_broker is what one queue, producer or dead-letter handle knows about where its data is: immutable after open,
 * so any thread may read it. A weir_session is one thread's channel to it (for Redis: one connection). Every operation
 * is made by the thread that owns the session, except wake, which any thread may call.
 *
 * Each operation is one atomic step on the data for each job that it concerns. An operation that fails with
 * WEIR_ERR_CONNECTION, WEIR_ERR_IN_DOUBT or WEIR_ERR_PROTOCOL has dropped the session's connection; the caller connects
 * again with its own backoff. All operations of a worker can be repeated after such a failure without harm.
 *
 * An operation returns WEIR_ERR_NO_GROUP where the consumer group is missing (the caller recreates it) and
 * WEIR_ERR_STOPPED where wake interrupted it. Other statuses: WEIR_ERR_UNAVAILABLE, WEIR_ERR_FULL, WEIR_ERR_PERMISSION,
 * WEIR_ERR_SERVER, WEIR_ERR_MEMORY. `err` may be NULL everywhere.
 */
#ifndef WEIR_BROKER_BROKER_H
#define WEIR_BROKER_BROKER_H

#include "job/job.h"

#include <weir/check.h>
#include <weir/connection.h>
#include <weir/queue.h>

struct weir_broker_config {
    const char *url;
    const char *stream;
    const char *group; /* NULL for a producer or dead letters, which never use group operations */
    const char *consumer;
    const char *start_id; /* where create_group starts at open; afterwards always "0" */
    weir_retention retention;
    weir_connection_options connection;
    size_t reply_limit;     /* bytes of memory one reply may take; 0: 1 GiB */
    uint32_t wait_replicas; /* that must have what `add` adds, within */
    int64_t wait_ms;
};

struct weir_broker {
    const struct weir_broker_ops *ops;
};

struct weir_session {
    const struct weir_broker_ops *ops;
};

/* One job to enqueue, and what became of it. */
struct weir_broker_add {
    const weir_fields *fields;
    const weir_enqueue_options *options; /* may be NULL */
    uint64_t token; /* tells an idempotent enqueue from others of its id; 0: the broker makes one. Kept to repeat it */
    weir_status status; /* written */
    bool duplicate; /* written on WEIR_OK: another enqueue of this id was within the window, and nothing was added */
    weir_id id;     /* written on WEIR_OK */
    uint64_t end;   /* the broker's: where its command ends in what was sent, */
    uint64_t by;    /* and by which way it was answered */
    bool again;     /* the broker's: its script was missing, and it is to be sent again */
    bool later;     /* written: refused, and so not added, by a server that is being replaced: worth another try soon */
};

/* What a session has cost so far. */
struct weir_traffic {
    uint64_t sent_bytes, received_bytes, scripts;
};

/* What renewing a lease found. */
enum weir_lease {
    WEIR_LEASE_LOST, /* the entry is another consumer's, or acked */
    WEIR_LEASE_RENEWED,
    WEIR_LEASE_ENTRY_GONE, /* it was this consumer's, but the entry itself was deleted: it is pending no longer */
};

/* True for an entry that this process is working on, which recover and claim must leave alone. */
typedef bool (*weir_in_flight_fn)(void *context, struct weir_entry_id entry);

struct weir_admin_ops;

/* One step over a range of dead letters. */
struct weir_dead_step {
    struct weir_entry_id after; /* moves on over those that were looked at */
    struct weir_entry_id last;  /* up to and including this one */
    size_t max;
    weir_dead_stays_fn stays; /* told of each that can't be moved; NULL: nobody */
    void *user_data;
    uint64_t done; /* written: how many were moved or deleted */
    size_t seen;   /* written: how many were looked at; 0: that was all */
};

struct weir_broker_ops {
    const char *name;

    /* Parses the URL and copies the configuration; no input or output. */
    weir_status (*open)(struct weir_broker **ret, const struct weir_broker_config *config, weir_error *err);
    void (*close)(struct weir_broker *broker); /* after its sessions; accepts NULL */

    /* A session, not connected yet. `role` ("reader", "acker", …) goes into the connection's name. */
    weir_status (*session_open)(struct weir_session **ret, struct weir_broker *broker, const char *role,
                                weir_error *err);
    void (*session_close)(struct weir_session *session); /* accepts NULL */

    /* Connects where not connected. One attempt, bounded by the configured timeouts. */
    weir_status (*connect)(struct weir_session *session, weir_error *err);
    void (*disconnect)(struct weir_session *session);
    bool (*connected)(const struct weir_session *session);

    /* Since the session was opened. All 0 where nothing is sent. */
    void (*traffic)(const struct weir_session *session, struct weir_traffic *ret);

    /*
     * Any thread. From now until unwake, a call that waits on this session (and every later one) returns
     * WEIR_ERR_STOPPED at once, with the connection dropped if anything was outstanding; read_collect alone instead
     * keeps the connection and what is outstanding, so that it can be collected after unwake.
     */
    void (*wake)(struct weir_session *session);
    void (*unwake)(struct weir_session *session);

    /* Creates stream and group, starting at start_id. *ret_created false where it was there. */
    weir_status (*create_group)(struct weir_session *session, const char *start_id, bool *ret_created, weir_error *err);

    /* Finds out whether the server can serve a worker: its version, and its permission for every command needed. */
    weir_status (*probe)(struct weir_session *session, weir_error *err);

    /*
     * Reading. submit asks for up to `count` new entries; block_ms > 0: waits so long on the server for the first one,
     * 0: doesn't wait. Several may be outstanding. collect waits for the oldest and fills an empty batch (n = 0 where
     * there was nothing); a batch that came back with an error is empty. After WEIR_ERR_STOPPED alone, collect is to be
     * called again with the same batch: part of the answer may lie in it.
     */
    weir_status (*read_submit)(struct weir_session *session, size_t count, int64_t block_ms, weir_error *err);
    weir_status (*read_collect)(struct weir_session *session, struct weir_batch *batch, weir_error *err);

    /* Makes a read that waits in `reader` return, through this session. Success also where none waits. */
    weir_status (*unblock)(struct weir_session *session, struct weir_session *reader, weir_error *err);

    /*
     * Carries out the verdict of each job of the list (linked by `next`; WEIR_VERDICT_KEEP isn't among them) and writes
     * `settled`; jobs that are settled already are passed over. Without a group nothing is pending for anybody: acks
     * are settled, the rest is not owned. A job the server refused for now (out of memory) stays WEIR_UNSETTLED, and
     * the first such refusal is returned after all others were done. After a lost connection some may be settled, the
     * rest is to be repeated.
     */
    weir_status (*settle)(struct weir_session *session, struct weir_job *list, weir_error *err);

    /*
     * Takes over up to `count` entries that have been pending for min_idle_ms, looking from *cursor on, which is
     * carried on ({0, 0}: a sweep is complete). Fills an empty batch with exact delivery counts; entries that were
     * deleted meanwhile, however long pending, are jobs with payload_lost set and no such count.
     */
    weir_status (*claim)(struct weir_session *session, struct weir_entry_id *cursor, int64_t min_idle_ms, size_t count,
                         struct weir_batch *batch, weir_error *err);

    /*
     * Takes up to `count` entries after *after that are pending for this consumer and not in flight here. *after moves
     * on, also where the answer is lost; *ret_more: call again. `lost_reply`: these were delivered to this very process
     * and never run, so their delivery is not counted a second time. max_idle_ms: only those idle for at most so long;
     * INT64_MAX: all.
     */
    weir_status (*recover)(struct weir_session *session, struct weir_entry_id *after, size_t count, bool lost_reply,
                           int64_t max_idle_ms, weir_in_flight_fn in_flight, void *context, struct weir_batch *batch,
                           bool *ret_more, weir_error *err);

    /* Renews the leases of n entries: leases[i] tells what became of each. */
    weir_status (*renew)(struct weir_session *session, const struct weir_entry_id *entries, size_t n,
                         enum weir_lease *leases, weir_error *err);

    /*
     * Moves up to `limit` due jobs from the delayed set into the stream. *ret_next_ms: until the next one is due, in
     * ms, 0 where more are due now, −1 where none is delayed.
     */
    weir_status (*promote)(struct weir_session *session, size_t limit, size_t *ret_moved, int64_t *ret_next_ms,
                           weir_error *err);

    /*
     * What a worker has to know several times a second: whether the queue is paused, and whether any job is delayed, so
     * that promoting may be worth the call.
     */
    weir_status (*look)(struct weir_session *session, bool *ret_paused, bool *ret_delayed, weir_error *err);

    /* Pauses the queue for all its workers, or resumes it. *ret_changed false where it was so already. */
    weir_status (*set_paused)(struct weir_session *session, bool paused, bool *ret_changed, weir_error *err);

    /* Shows the group that this session's consumer lives, as reading would. */
    weir_status (*touch)(struct weir_session *session, weir_error *err);

    /* Removes up to `limit` or so entries that every group has finished with, as the retention says. */
    weir_status (*trim)(struct weir_session *session, uint64_t keep_last, size_t limit, size_t *ret_removed,
                        weir_error *err);

    /* Deletes the group's other consumers that have been idle for idle_ms and have nothing pending. */
    weir_status (*reap)(struct weir_session *session, int64_t idle_ms, size_t *ret_deleted, weir_error *err);

    /* Deletes this session's own consumer if it has nothing pending. */
    weir_status (*leave)(struct weir_session *session, weir_error *err);

    /*
     * Enqueues n jobs, pipelined, in order, and writes each one's status and id. Connects where it has to. Returns the
     * first failure. An idempotent one that is in doubt may be repeated within its window. Where too few replicas have
     * confirmed, those that were added are in doubt.
     */
    weir_status (*add)(struct weir_session *session, struct weir_broker_add *jobs, size_t n, weir_error *err);

    /*
     * Dead letters. dead_list visits up to `max` of them after `after`, from one page; *ret_n: how many, *after: the
     * last; *ret_ended: visit ended it. Fewer than max: that was the last page.
     */
    weir_status (*dead_list)(struct weir_session *session, struct weir_entry_id *after, size_t max,
                             weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended,
                             weir_error *err);
    weir_status (*dead_get)(struct weir_session *session, struct weir_entry_id id, weir_dead_visit_fn visit,
                            void *user_data, weir_error *err);
    weir_status (*dead_count)(struct weir_session *session, uint64_t *ret_count, weir_error *err);
    weir_status (*dead_requeue)(struct weir_session *session, struct weir_entry_id id, weir_error *err);
    weir_status (*dead_delete)(struct weir_session *session, struct weir_entry_id id, weir_error *err);

    /* The id of the newest letter; {0, 0}: there is none. */
    weir_status (*dead_newest)(struct weir_session *session, struct weir_entry_id *ret, weir_error *err);

    /* As dead_list, youngest first: those before *before; {UINT64_MAX, UINT64_MAX}: from the youngest on. */
    weir_status (*dead_list_newest)(struct weir_session *session, struct weir_entry_id *before, size_t max,
                                    weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended,
                                    weir_error *err);

    /* Requeue or delete some letters of a range, in one step. Those that can't be moved stay. */
    weir_status (*dead_requeue_some)(struct weir_session *session, struct weir_dead_step *step, weir_error *err);
    weir_status (*dead_delete_some)(struct weir_session *session, struct weir_dead_step *step, weir_error *err);

    /* Deletes the letters that are there now, a part of them at a time. *ret_count is written on failure, too. */
    weir_status (*dead_purge)(struct weir_session *session, uint64_t *ret_count, weir_error *err);

    /* weir_admin: see broker/admin.h. */
    const struct weir_admin_ops *admin;

    /* weir_check: tells the options' callback what it finds. WEIR_ERR_UNSUPPORTED: there is nothing to look at. */
    weir_status (*check)(struct weir_session *session, const weir_check_options *options, size_t *ret_findings,
                         weir_error *err);
};

extern const struct weir_broker_ops weir_redis_broker_ops;
extern const struct weir_broker_ops weir_memory_broker_ops;

/* The broker for the URL's scheme, opened. */
weir_status weir_broker_open(struct weir_broker **ret, const struct weir_broker_config *config, weir_error *err);

#endif
