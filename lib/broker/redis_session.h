/* SPDX-License-Identifier: MIT
 *
 * What the files of the Redis broker share: the broker, the session, and how one command is exchanged.
 */
#ifndef WEIR_BROKER_REDIS_SESSION_H
#define WEIR_BROKER_REDIS_SESSION_H

#include "base/random.h"
#include "broker/admin.h"
#include "broker/broker.h"
#include "broker/keys.h"
#include "redis/command.h"
#include "redis/connection.h"
#include "redis/script.h"

enum { REDIS_READS_MAX = 8 };

struct redis_broker {
    struct weir_broker base;
    struct weir_url url;
    struct weir_keys keys;
    unsigned slot;                    /* of all of them, in a cluster */
    struct weir_broker_config config; /* texts are copies */

    /*
     * Which server a session found last, as weir_connection_server. Behind sentinels and in a cluster all sessions are
     * to talk to the same: a primary that was replaced and lives on would take acks of what was read from the new one.
     */
    _Atomic uint64_t server;
};

struct redis_session {
    struct weir_session base;
    struct redis_broker *broker;
    const struct weir_keys *keys; /* the broker's, or: */
    struct weir_keys selected;
    struct weir_connection *connection;
    uint64_t server;              /* that it was connected to when last looked at */
    struct weir_arena scratch;    /* replies that are used up within the call */
    struct weir_buffer arguments; /* of the script being called */
    struct weir_random random;

    int64_t reads[REDIS_READS_MAX]; /* block_ms of the outstanding reads, oldest first */
    size_t n_reads;
    int64_t waiting_client;  /* the client id of a connection with a blocking read unanswered; 0: none */
    uint64_t waiting_server; /* and where it was */

    uint64_t n_scripts; /* called so far */

    char next_score[32]; /* of the delayed job that is due next, as last seen */
    int64_t next_due_us; /* and when that is by our own clock */
};

static inline struct redis_session *redis_session(struct weir_session *session)
{
    return (struct redis_session *)session;
}

static inline const struct weir_broker_config *redis_config(const struct redis_session *session)
{
    return &session->broker->config;
}

static inline void redis_key(struct weir_buffer *out, const struct weir_key *key)
{
    weir_command_bytes(out, key->bytes, key->len);
}

/* Begins EVALSHA, as weir_script_begin. */
static inline void redis_script_begin(struct redis_session *session, struct weir_buffer *out,
                                      const struct weir_script *script, size_t n_keys, size_t n_arguments)
{
    session->n_scripts++;
    weir_script_begin(out, script, n_keys, n_arguments);
}

void redis_entry_id(struct weir_buffer *out, struct weir_entry_id id);

/* Whether the session is connected, and to the server that was found last; disconnects otherwise. */
weir_status redis_check_connection(struct redis_session *session, weir_error *err);

/* Connected, and nothing of an earlier call left over: the start of every operation. Resets scratch and arguments. */
weir_status redis_begin(struct redis_session *session, weir_error *err);

/* The next reply into `arena`; a call that was woken drops the connection. Error replies are returned as they are. */
weir_status redis_next(struct redis_session *session, struct weir_arena *arena, struct weir_reply **ret,
                       weir_error *err);

/*
 * The status of an error reply (WEIR_OK for any other). *ret_leave: the server is not the one to talk to (any more): a
 * replica, a node that has lost the rest of its cluster.
 */
weir_status redis_judge(const struct redis_session *session, const struct weir_reply *reply, const char *command,
                        bool *ret_leave, weir_error *err);

/* redis_judge, and drops the connection to such a server, so that the next one finds the right one. */
weir_status redis_check(struct redis_session *session, const struct weir_reply *reply, const char *command,
                        weir_error *err);

/* redis_next into scratch, and redis_check. */
weir_status redis_exchange(struct redis_session *session, const char *command, struct weir_reply **ret,
                           weir_error *err);

/* Runs one script over session->arguments; the reply is in scratch. */
weir_status redis_script(struct redis_session *session, const struct weir_script *script, size_t n_keys,
                         size_t n_arguments, struct weir_reply **ret, weir_error *err);

/* A reply that is well-formed RESP, but not what the command answers: drops the connection. */
weir_status redis_surprise(struct redis_session *session, const char *command, weir_error *err);

/* Turns an entry's flat array of names and values into fields of the arena. False: not such an array, or no memory. */
bool redis_fields(const struct weir_reply *flat, struct weir_arena *arena, weir_field **ret, size_t *ret_n);

/* redis_read.c */
weir_status redis_read_submit(struct weir_session *session, size_t count, int64_t block_ms, weir_error *err);
weir_status redis_read_collect(struct weir_session *session, struct weir_batch *batch, weir_error *err);
weir_status redis_unblock(struct weir_session *session, struct weir_session *reader, weir_error *err);

/*
 * After a reconnect: ends the blocking read of the connection that was lost. The server may not know that it was, and
 * would hand it what arrives next.
 */
weir_status redis_end_stale_read(struct redis_session *session, weir_error *err);
weir_status redis_claim(struct weir_session *session, struct weir_entry_id *cursor, int64_t min_idle_ms, size_t count,
                        struct weir_batch *batch, weir_error *err);
weir_status redis_recover(struct weir_session *session, struct weir_entry_id *after, size_t count, bool lost_reply,
                          int64_t max_idle_ms, weir_in_flight_fn in_flight, void *context, struct weir_batch *batch,
                          bool *ret_more, weir_error *err);

/* redis_settle.c */
weir_status redis_settle(struct weir_session *session, struct weir_job *list, weir_error *err);

/* redis_pause.c */
weir_status redis_look(struct weir_session *session, bool *ret_paused, bool *ret_delayed, weir_error *err);
weir_status redis_set_paused(struct weir_session *session, bool paused, bool *ret_changed, weir_error *err);
weir_status redis_touch(struct weir_session *session, weir_error *err);

/* redis_scan.c */
weir_status redis_streams(struct weir_session *session, weir_cursor *cursor, weir_stream_visit_fn visit,
                          void *user_data, weir_error *err);

/* redis_server.c */
weir_status redis_server(struct weir_session *session, weir_server_info *ret, weir_error *err);

/* redis_delayed.c */
weir_status redis_delayed(struct weir_session *session, const weir_delayed_position *after, size_t max,
                          weir_job_visit_fn visit, void *user_data, struct weir_visit *ret, weir_error *err);
weir_status redis_delayed_run(struct weir_session *session, const char *id, weir_error *err);
weir_status redis_delayed_delete(struct weir_session *session, const char *id, weir_error *err);

/* redis_upkeep.c */
weir_status redis_create_group(struct weir_session *session, const char *start_id, bool *ret_created, weir_error *err);
weir_status redis_renew(struct weir_session *session, const struct weir_entry_id *entries, size_t n,
                        enum weir_lease *leases, weir_error *err);
weir_status redis_promote(struct weir_session *session, size_t limit, size_t *ret_moved, int64_t *ret_next_ms,
                          weir_error *err);
weir_status redis_trim(struct weir_session *session, uint64_t keep_last, size_t limit, size_t *ret_removed,
                       weir_error *err);
weir_status redis_reap(struct weir_session *session, int64_t idle_ms, size_t *ret_deleted, weir_error *err);
weir_status redis_leave(struct weir_session *session, weir_error *err);

/* redis_access.c */
weir_status redis_probe(struct weir_session *session, weir_error *err);

/* What a user may be denied: a worker's commands, and what only some need. */
enum {
    REDIS_WORKS = 1,
    REDIS_DELAYS = 2,    /* enqueueing with a delay */
    REDIS_REPEATS = 4,   /* idempotent enqueueing */
    REDIS_REQUEUES = 8,  /* requeueing dead letters */
    REDIS_KEEPS = 16,    /* WEIR_KEEP_LAST */
    REDIS_DELETES = 32,  /* WEIR_DELETE_ON_ACK */
    REDIS_IS_OLD = 64,   /* claiming, before Redis 7.0 */
    REDIS_ADDS = 128,    /* enqueueing by a script */
    REDIS_CHECKS = 256,  /* weir_check */
    REDIS_REPAIRS = 512, /* and mending what it found */
    REDIS_LOOKS = 1024,  /* weir_admin_info */
    REDIS_LISTS = 2048,  /* listing delayed jobs, */
    REDIS_RUNS = 4096,   /* running one now, */
    REDIS_DROPS = 8192,  /* and deleting one */
    REDIS_PAUSES = 16384,
    REDIS_REAPS = 32768,
    REDIS_CLEARS = 65536, /* weir_dead_delete_range */
};

/* After a script was denied: finds out which of these commands it was, and writes that into err (may be NULL). */
void redis_explain_denial(struct redis_session *session, unsigned uses, weir_error *err);

/* redis_producer.c */
weir_status redis_add(struct weir_session *session, struct weir_broker_add *jobs, size_t n, weir_error *err);

/* redis_replicas.c: whether WAIT, where it is needed, is allowed. Called while connecting. */
weir_status redis_check_wait(struct redis_session *session, weir_error *err);

/* For as many replicas, and as long, as the configuration says. */
void redis_append_wait(const struct redis_session *session, struct weir_buffer *out);

/*
 * Reads what the replicas say, to a WAIT that was sent after the last of the jobs, all of which have been answered.
 * WEIR_ERR_IN_DOUBT: some that the primary has accepted are in doubt now. WEIR_OK: none.
 */
weir_status redis_confirm(struct redis_session *session, struct weir_broker_add *jobs, size_t n, weir_error *err);

/* Nobody knows what replicas have: what was accepted is in doubt. WEIR_OK: nothing was. */
weir_status redis_doubt_accepted(struct weir_broker_add *jobs, size_t n);

/* redis_dead.c */
weir_status redis_dead_list(struct weir_session *session, struct weir_entry_id *after, size_t max,
                            weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended, weir_error *err);
weir_status redis_dead_get(struct weir_session *session, struct weir_entry_id id, weir_dead_visit_fn visit,
                           void *user_data, weir_error *err);
weir_status redis_dead_count(struct weir_session *session, uint64_t *ret_count, weir_error *err);
weir_status redis_dead_requeue(struct weir_session *session, struct weir_entry_id id, weir_error *err);
weir_status redis_dead_delete(struct weir_session *session, struct weir_entry_id id, weir_error *err);
weir_status redis_dead_newest(struct weir_session *session, struct weir_entry_id *ret, weir_error *err);
weir_status redis_dead_list_newest(struct weir_session *session, struct weir_entry_id *before, size_t max,
                                   weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended,
                                   weir_error *err);
weir_status redis_dead_requeue_some(struct weir_session *session, struct weir_dead_step *step, weir_error *err);
weir_status redis_dead_delete_some(struct weir_session *session, struct weir_dead_step *step, weir_error *err);
weir_status redis_dead_purge(struct weir_session *session, uint64_t *ret_count, weir_error *err);

/* redis_check.c */
weir_status redis_check_all(struct weir_session *session, const weir_check_options *options, size_t *ret_findings,
                            weir_error *err);

#endif
