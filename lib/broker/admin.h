/* SPDX-License-Identifier: MIT
 *
 * What the broker does for weir_admin. One session serves all streams: `select` says which of them its operations are
 * about from then on, set_paused of broker.h included.
 *
 * The operations are as those of broker.h. Visitors are called without any lock of the broker's.
 */
#ifndef WEIR_BROKER_ADMIN_H
#define WEIR_BROKER_ADMIN_H

#include "base/arena.h"
#include "job/entry_id.h"
#include "job/job.h"

#include <weir/admin.h>
#include <weir/diagnose.h>

struct weir_session;

/* A released entry has been idle for ten years: longer than any lease. */
#define WEIR_RELEASED_IDLE_MS INT64_C(315360000000)

/* Among how many of the first pending entries the one that was delivered most often is looked for. */
enum { WEIR_SUSPECTS = 10 };

/* Goes to a visitor until it has had enough. */
struct weir_visit {
    size_t n; /* how many were visited */
    bool ended;
};

struct weir_admin_ops {
    /* Names are checked. Disconnects where the stream is on another server: connect comes after it. */
    weir_status (*select)(struct weir_session *session, const char *stream, weir_error *err);

    /* One step of going through the names of all streams; connects by itself. */
    weir_status (*streams)(struct weir_session *session, weir_cursor *cursor, weir_stream_visit_fn visit,
                           void *user_data, weir_error *err);

    /* Fills in all of *ret but `stream`, from the arena. */
    weir_status (*info)(struct weir_session *session, int64_t alive_ms, struct weir_arena *arena, weir_queue_info *ret,
                        weir_error *err);
    weir_status (*consumers)(struct weir_session *session, const char *group, int64_t alive_ms,
                             weir_consumer_visit_fn visit, void *user_data, weir_error *err);

    /* One page of at most `max`, after *after, which is moved on. consumer: NULL, all. */
    weir_status (*pending)(struct weir_session *session, const char *group, const char *consumer,
                           struct weir_entry_id *after, size_t max, weir_pending_visit_fn visit, void *user_data,
                           struct weir_visit *ret, weir_error *err);
    weir_status (*entry)(struct weir_session *session, struct weir_entry_id id, weir_job_visit_fn visit,
                         void *user_data, weir_error *err);

    /* One page of at most `max`, after `after` (NULL: the first one). */
    weir_status (*delayed)(struct weir_session *session, const weir_delayed_position *after, size_t max,
                           weir_job_visit_fn visit, void *user_data, struct weir_visit *ret, weir_error *err);
    weir_status (*delayed_run)(struct weir_session *session, const char *id, weir_error *err);
    weir_status (*delayed_delete)(struct weir_session *session, const char *id, weir_error *err);

    weir_status (*reap)(struct weir_session *session, const char *group, int64_t idle_ms, uint64_t *ret_count,
                        weir_error *err);

    /* Of the server that has the stream; fills in all of *ret but its size. */
    weir_status (*server)(struct weir_session *session, weir_server_info *ret, weir_error *err);
};

extern const struct weir_admin_ops weir_redis_admin_ops;
extern const struct weir_admin_ops weir_memory_admin_ops;

/* What a visitor is told of a job; its id, due time and whether it is spoilt are the caller's to add. */
weir_job_info weir_job_info_of(const struct weir_job *job);

/* WEIR_ERR_NOT_FOUND, with the id shown. */
weir_status weir_no_delayed_job(const char *id, weir_error *err);

/* How long ago that was, 0 where it is yet to come. */
int64_t weir_age_ms(int64_t now_ms, uint64_t then_ms);

/* What the key of a pause holds: since when; 0 where it says something else ("1", say, by somebody else). */
int64_t weir_paused_since_ms(const char *text, size_t len);

/* Completes what follows from the rest: `oldest_runnable_ms` of the group. */
void weir_group_info_complete(const weir_queue_info *queue, weir_group_info *group);

#endif
