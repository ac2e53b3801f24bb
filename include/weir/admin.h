/* SPDX-License-Identifier: MIT
 *
 * For those who run queues: what is where and since when, and what can be done about it.
 *
 * One handle serves all queues of a server. Nothing here reads more than a page at a time, and what moves or deletes a
 * job does so in one atomic step. Dead letters have a header of their own, weir/dead.h.
 */
#ifndef WEIR_ADMIN_H
#define WEIR_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/connection.h>
#include <weir/error.h>
#include <weir/field.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_admin_options {
    size_t size;      /* sizeof(weir_admin_options) */
    const char *url;  /* see weir/connection.h. Copied. */
    int64_t alive_ms; /* consumers seen within this time count as alive; 1 …, default 30000 */
    weir_connection_options connection;
} weir_admin_options;

#define WEIR_ADMIN_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(weir_admin_options), 0, 30000, WEIR_CONNECTION_OPTIONS_INIT(5000)                                       \
    }

/* Thread-safe: calls are made one after the other. */
typedef struct weir_admin weir_admin;

/*
 * Opens a handle; *ret is written on success only. Connects.
 * Errors: WEIR_ERR_ARGUMENT, WEIR_ERR_CONNECTION, WEIR_ERR_AUTH, WEIR_ERR_UNSUPPORTED, WEIR_ERR_MEMORY. Thread: any.
 */
WEIR_API weir_status weir_admin_open(weir_admin **ret, const weir_admin_options *options, weir_error *err);

/* Closes and frees. Accepts NULL. Thread: any, once no other call on it is running. */
WEIR_API void weir_admin_close(weir_admin *admin);

/*
 * All calls below may return WEIR_ERR_ARGUMENT, the errors of the connection (WEIR_ERR_CONNECTION, WEIR_ERR_IN_DOUBT,
 * WEIR_ERR_AUTH, WEIR_ERR_UNAVAILABLE), WEIR_ERR_PERMISSION, WEIR_ERR_SERVER (a key holds another type) and
 * WEIR_ERR_MEMORY. A call that only looks is repeated once where an idle connection turned out to be gone.
 *
 * Visitors run on the calling thread, must not call the same handle, and return 0 to go on, anything else to end the
 * listing. What they get is borrowed, valid during their call; texts are NUL-terminated.
 */

/* --- which queues there are --- */

/* Where a listing stands. An empty text is its beginning; it is empty again at the end. */
typedef struct weir_cursor {
    char text[64];
} weir_cursor;

typedef int (*weir_stream_visit_fn)(const char *stream, void *user_data);

/*
 * Visits the names of some queues and moves the cursor on; call it again until cursor->text is empty. A queue is known
 * once its stream exists, which the first worker makes, or it has delayed jobs or dead letters; each stream counts,
 * with or without a group. All that was there from begin to end is visited, some of it perhaps twice. Nothing is
 * registered anywhere, so nothing can be forgotten or left over.
 *
 * Source: SCAN … TYPE, about a thousand keys a call, so that with many other keys in the database a listing takes many
 * calls; in a cluster one primary after the other. Thread: any.
 */
WEIR_API weir_status weir_admin_streams(weir_admin *admin, weir_cursor *cursor, weir_stream_visit_fn visit,
                                        void *user_data, weir_error *err);

/* --- how a queue is --- */

/*
 * X(kind, member, metric, label, value, text), as WEIR_STATS_TABLE in weir/stats.h. Kinds: NUMBER; COUNTER, which only
 * grows until the stream is deleted; both −1 where it isn't known; MS, milliseconds, and a metric in seconds. Of a
 * queue:
 */
#define WEIR_QUEUE_INFO_TABLE(X)                                                                                       \
    X(NUMBER, length, "weir_queue_length", "", "",                                                                     \
      "entries in the stream, finished ones that aren't trimmed included")                                             \
    X(COUNTER, added, "weir_queue_added_total", "", "", "entries ever added to the stream; missing before Redis 7.0")  \
    X(NUMBER, delayed, "weir_queue_delayed", "", "", "jobs in the delayed set")                                        \
    X(NUMBER, dead, "weir_queue_dead_letters", "", "", "dead letters")                                                 \
    X(COUNTER, dead_added, "weir_queue_died_total", "", "", "dead letters ever written; missing before Redis 7.0")     \
    X(NUMBER, paused, "weir_queue_paused", "", "", "1 while the queue is paused for all its workers")                  \
    X(MS, overdue_ms, "weir_queue_overdue_seconds", "", "", "for how long a delayed job has been due; 0: none is")

/* And of each of its groups: */
#define WEIR_GROUP_INFO_TABLE(X)                                                                                       \
    X(NUMBER, waiting, "weir_queue_waiting", "", "",                                                                   \
      "jobs not handed to the group yet; missing where the server can't tell")                                         \
    X(COUNTER, delivered, "weir_queue_delivered_total", "", "",                                                        \
      "entries ever handed to the group; missing where the server can't tell")                                         \
    X(NUMBER, pending, "weir_queue_pending", "", "", "jobs handed to a consumer and not acked")                        \
    X(NUMBER, consumers_alive, "weir_queue_consumers", "state", "alive",                                               \
      "seen within alive_ms, half a minute by default")                                                                \
    X(NUMBER, consumers_idle, "weir_queue_consumers", "state", "idle", "not seen for longer: probably dead")           \
    X(MS, oldest_waiting_ms, "weir_queue_oldest_waiting_age_seconds", "", "",                                          \
      "since the first job that waits was put into the stream; 0: none waits")                                         \
    X(MS, oldest_pending_ms, "weir_queue_oldest_pending_age_seconds", "", "",                                          \
      "since the first job that is pending was put into the stream; 0: none is")                                       \
    X(MS, oldest_runnable_ms, "weir_queue_oldest_runnable_age_seconds", "", "",                                        \
      "for how long a job could have run and has not: waiting, or delayed and due; 0: none could")

/* X(metric, text): what the rows of one metric have in common. */
#define WEIR_INFO_FAMILY_TABLE(X) X("weir_queue_consumers", "consumers of the group")

#define WEIR_INFO_MEMBER(kind, member, metric, label, value, text) int64_t member;
typedef struct weir_group_info {
    const char *name;
    const char *last_delivered_id; /* "0-0": nothing yet */
    int64_t most_deliveries;       /* of one entry, among the first ten that are pending; 0: none is */
    const char *most_delivered_id; /* that entry; empty: none */
    WEIR_GROUP_INFO_TABLE(WEIR_INFO_MEMBER)
} weir_group_info;

typedef struct weir_queue_info {
    const char *stream;
    bool exists;             /* its stream does */
    int64_t now_ms;          /* by the server's clock, as the times below: milliseconds since the epoch */
    int64_t paused_since_ms; /* 0: it is not, or since nobody said when */
    double next_due_ms;      /* of the delayed jobs' first; −1: there is none */
    size_t n_groups;
    const weir_group_info *const *groups;
    WEIR_QUEUE_INFO_TABLE(WEIR_INFO_MEMBER)
} weir_queue_info;
#undef WEIR_INFO_MEMBER

/*
 * Looks a queue over; *ret is written on success only, and freed with weir_queue_info_free. A queue of which nothing is
 * known is one of zeros. Costs one script of a few commands: it looks at the ends of lists, and at the consumers, but
 * goes through nothing. That makes `waiting` and `delivered` −1 where Redis counts them not (before 7.0, and after an
 * entry that waited was deleted by hand), unless it follows from the rest. Of two looks, added and delivered give what
 * comes in and is handed out, and the growth of delivered less that of pending is what was finished.
 * Source: XINFO STREAM, GROUPS and CONSUMERS, XRANGE, XPENDING, ZCARD, ZRANGE, GET. Thread: any.
 */
WEIR_API weir_status weir_admin_info(weir_admin *admin, const char *stream, weir_queue_info **ret, weir_error *err);

/* Accepts NULL. Thread: any. */
WEIR_API void weir_queue_info_free(weir_queue_info *info);

typedef struct weir_consumer_info {
    const char *name;
    uint64_t pending;
    int64_t idle_ms; /* since it was last seen */
    bool alive;      /* within alive_ms */
} weir_consumer_info;

typedef int (*weir_consumer_visit_fn)(const weir_consumer_info *consumer, void *user_data);

/* Visits the consumers of a group. Source: XINFO CONSUMERS. Errors: WEIR_ERR_NO_GROUP. Thread: any. */
WEIR_API weir_status weir_admin_consumers(weir_admin *admin, const char *stream, const char *group,
                                          weir_consumer_visit_fn visit, void *user_data, weir_error *err);

/* --- jobs in hand --- */

typedef struct weir_pending_info {
    const char *entry_id;
    const char *consumer;
    int64_t idle_ms; /* since it was delivered, or its lease renewed */
    uint64_t deliveries;
    bool released; /* handed back: whoever looks next takes it over; idle_ms says nothing then */
} weir_pending_info;

typedef int (*weir_pending_visit_fn)(const weir_pending_info *pending, void *user_data);

/*
 * Visits up to `max` (SIZE_MAX: all) of the entries that are pending for the group, oldest first, from the one after
 * the entry `after` on (NULL or "": from the first), page by page. consumer: only what is pending for it; NULL: all.
 * Source: XPENDING. Errors: WEIR_ERR_NO_GROUP. Thread: any.
 */
WEIR_API weir_status weir_admin_pending(weir_admin *admin, const char *stream, const char *group, const char *consumer,
                                        const char *after, size_t max, weir_pending_visit_fn visit, void *user_data,
                                        weir_error *err);

/* A job as it lies in the stream or in the delayed set. */
typedef struct weir_job_info {
    const char *id;          /* of its entry in the stream; in the delayed set its name there */
    size_t id_len;           /* since others may have written any bytes there */
    const char *job_id;      /* as weir_job_id */
    const char *group;       /* the only group that it concerns; empty: all */
    const char *traceparent; /* empty where there is none */
    uint32_t attempts;       /* runs that reported failure so far */
    int64_t first_enqueued_ms;
    double due_ms; /* delayed jobs: milliseconds since the epoch; may be infinite */
    bool spoilt;   /* in the delayed set, and not of weir's form: the one field "packed" has its bytes, or none has */
    weir_fields fields; /* without the library's own */
} weir_job_info;

typedef int (*weir_job_visit_fn)(const weir_job_info *job, void *user_data);

/* Visits the one entry. Source: XRANGE. Errors: WEIR_ERR_NOT_FOUND. Thread: any. */
WEIR_API weir_status weir_admin_job(weir_admin *admin, const char *stream, const char *entry_id,
                                    weir_job_visit_fn visit, void *user_data, weir_error *err);

/* --- delayed jobs --- */

/* Where a listing of delayed jobs stands: due_ms and id of the one that was visited last. It may be gone meanwhile. */
typedef struct weir_delayed_position {
    double due_ms;
    const char *id;
    size_t id_len;
} weir_delayed_position;

/*
 * Visits up to `max` (SIZE_MAX: all) delayed jobs, those due first first, from the one after `after` on (NULL: from the
 * first), page by page: with a million of them, too, a page costs what a page costs.
 * Source: a script (ZRANGE, HGET). Thread: any.
 */
WEIR_API weir_status weir_admin_delayed(weir_admin *admin, const char *stream, const weir_delayed_position *after,
                                        size_t max, weir_job_visit_fn visit, void *user_data, weir_error *err);

/*
 * Moves a delayed job into the stream now, whenever it is due; a spoilt one goes to the dead letters. One atomic step.
 * Errors: WEIR_ERR_NOT_FOUND; WEIR_ERR_FULL. Thread: any.
 */
WEIR_API weir_status weir_admin_delayed_run(weir_admin *admin, const char *stream, const char *id, weir_error *err);

/* Deletes a delayed job for good. One atomic step. Errors: WEIR_ERR_NOT_FOUND. Thread: any. */
WEIR_API weir_status weir_admin_delayed_delete(weir_admin *admin, const char *stream, const char *id, weir_error *err);

/* --- what can be done --- */

/*
 * Pauses a queue for all its workers and groups, until it is resumed: they read and claim nothing more, and finish what
 * they have. Workers see it within their pause_interval_ms, half a second by default. It survives restarts of all.
 * Success also where it is so already. *ret_changed (may be NULL): it was not. For one process: weir_queue_pause.
 * Source: SET, by a script; DEL. Thread: any.
 */
WEIR_API weir_status weir_admin_pause(weir_admin *admin, const char *stream, bool *ret_changed, weir_error *err);
WEIR_API weir_status weir_admin_resume(weir_admin *admin, const char *stream, bool *ret_changed, weir_error *err);

/*
 * Deletes the group's consumers that have not been seen for idle_ms (≥ 0) and have nothing pending, which is checked in
 * the same step; what is pending for a consumer would be lost with it. *ret_count (may be NULL): how many. Workers do
 * so by themselves, see reap_idle_ms. Errors: WEIR_ERR_NO_GROUP. Thread: any.
 */
WEIR_API weir_status weir_admin_reap(weir_admin *admin, const char *stream, const char *group, int64_t idle_ms,
                                     uint64_t *ret_count, weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
