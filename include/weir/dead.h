/* SPDX-License-Identifier: MIT
 *
 * Dead letters: jobs that will not be tried again, kept in the stream {S}:dead with their fields and the reason.
 */
#ifndef WEIR_DEAD_H
#define WEIR_DEAD_H

#include <stddef.h>
#include <stdint.h>
#include <weir/connection.h>
#include <weir/error.h>
#include <weir/field.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, text): why a job is dead; the text is what weir.reason holds. */
#define WEIR_DEAD_REASON_TABLE(X)                                                                                      \
    X(WEIR_DEAD_EXHAUSTED, "exhausted")       /* its handler failed max_attempts times */                              \
    X(WEIR_DEAD_CRASHED, "crashed")           /* delivered max_deliveries times without an answer */                   \
    X(WEIR_DEAD_REJECTED, "rejected")         /* its handler returned WEIR_REJECT */                                   \
    X(WEIR_DEAD_UNDECODABLE, "undecodable")   /* the codec could not decode its fields */                              \
    X(WEIR_DEAD_PAYLOAD_LOST, "payload lost") /* its entry was deleted while it was pending */                         \
    X(WEIR_DEAD_OTHER, "other")               /* written by somebody else; see reason_text */

#define WEIR_DEAD_REASON_ENUM_ENTRY(name, text) name,
typedef enum weir_dead_reason { WEIR_DEAD_REASON_TABLE(WEIR_DEAD_REASON_ENUM_ENTRY) } weir_dead_reason;
#undef WEIR_DEAD_REASON_ENUM_ENTRY

/* "exhausted" for WEIR_DEAD_EXHAUSTED and so on. Static memory. Thread: any. */
WEIR_API const char *weir_dead_reason_text(weir_dead_reason reason);

/* One dead job. Everything is borrowed, valid during the callback that receives it. Texts are NUL-terminated. */
typedef struct weir_dead_letter {
    const char *id;       /* the entry in {S}:dead; empty in on_dead, where it has none yet */
    const char *job_id;   /* as weir_job_id */
    const char *entry_id; /* the entry of S that it was (weir.source_id) */
    const char *group;
    weir_dead_reason reason;
    const char *reason_text;
    const char *error; /* the handler's, decoder's or library's words; may be empty */
    uint32_t attempts; /* how often its handler ran and reported failure */
    uint32_t deliveries;
    int64_t first_enqueued_ms; /* since the epoch */
    weir_fields fields;        /* without the library's own; n is 0 where the payload was lost before it was read */
    const void *payload;       /* on_dead only: the decoded struct where there is one, else NULL */
    const char *traceparent;   /* as weir_job_traceparent; empty where there is none */
} weir_dead_letter;

typedef struct weir_dead_options {
    size_t size;        /* sizeof(weir_dead_options) */
    const char *url;    /* see weir/connection.h. Copied. */
    const char *stream; /* the queue's stream, not the dead stream. Copied. */
    weir_connection_options connection;
} weir_dead_options;

#define WEIR_DEAD_OPTIONS_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(weir_dead_options), 0, 0, WEIR_CONNECTION_OPTIONS_INIT(5000)                                            \
    }

/* The dead letters of one queue. Thread-safe: calls are made one after the other. */
typedef struct weir_dead weir_dead;

/*
 * Opens the dead letters of a stream; *ret is written on success only. Connects.
 * Errors: WEIR_ERR_ARGUMENT, WEIR_ERR_CONNECTION, WEIR_ERR_AUTH, WEIR_ERR_UNSUPPORTED, WEIR_ERR_MEMORY. Thread: any.
 */
WEIR_API weir_status weir_dead_open(weir_dead **ret, const weir_dead_options *options, weir_error *err);

/* Closes and frees. Accepts NULL. Thread: any, once no other call on it is running. */
WEIR_API void weir_dead_close(weir_dead *dead);

/* Called for each letter, oldest first; returns 0 to go on, anything else to end the listing. */
typedef int (*weir_dead_visit_fn)(const weir_dead_letter *letter, void *user_data);

/*
 * Visits up to `max` letters (SIZE_MAX: all) that come after the entry `after` (NULL or "": from the oldest), page by
 * page: memory does not grow with their number. visit runs on the calling thread and must not call this object.
 * Source: XRANGE. Errors: WEIR_ERR_ARGUMENT (after isn't an entry id), those of the connection. Thread: any.
 */
WEIR_API weir_status weir_dead_list(weir_dead *dead, const char *after, size_t max, weir_dead_visit_fn visit,
                                    void *user_data, weir_error *err);

/*
 * The same, youngest first: those before the entry `before` (NULL or "": from the youngest on). Source: XREVRANGE.
 */
WEIR_API weir_status weir_dead_list_newest(weir_dead *dead, const char *before, size_t max, weir_dead_visit_fn visit,
                                           void *user_data, weir_error *err);

/* Visits the one letter `id`. Errors: as weir_dead_list, and WEIR_ERR_NOT_FOUND. Thread: any. */
WEIR_API weir_status weir_dead_get(weir_dead *dead, const char *id, weir_dead_visit_fn visit, void *user_data,
                                   weir_error *err);

/* How many letters there are. Source: XLEN. Thread: any. */
WEIR_API weir_status weir_dead_count(weir_dead *dead, uint64_t *ret_count, weir_error *err);

/*
 * Puts a dead job back into its stream, in one atomic step: same job id, for the group it died in, attempts from 0.
 * Errors: WEIR_ERR_NOT_FOUND; WEIR_ERR_STATE where its payload is lost, so that there is nothing to run;
 * WEIR_ERR_UNSUPPORTED where it has more than 3,900 fields, which only other programs' jobs can have. Thread: any.
 */
WEIR_API weir_status weir_dead_requeue(weir_dead *dead, const char *id, weir_error *err);

/* A part of the letters, oldest first. Zero-initialized: all that are dead at the time of the call. */
typedef struct weir_dead_range {
    const char *after; /* those that come after this entry; NULL or "": from the oldest on */
    const char *up_to; /* up to and including this one; NULL or "": the youngest there is */
    size_t max;        /* so many of them at most; 0: all */
} weir_dead_range;

/* How far a call went. */
typedef struct weir_dead_progress {
    uint64_t done; /* how many went back or were deleted */
    char next[48]; /* what `after` is to be for the rest; empty: there is none */
} weir_dead_progress;

/* Called for each letter that can't be put back, with WEIR_ERR_STATE or WEIR_ERR_UNSUPPORTED and words. */
typedef void (*weir_dead_stays_fn)(const char *id, weir_status why, const char *words, void *user_data);

/*
 * Puts the letters of a range back, a few at a time, each few in one atomic step. Those that weir_dead_requeue can't
 * move stay, and `stays` (may be NULL) is told of them, on the calling thread; it must not call this object. *ret (may
 * be NULL) is written on failure, too. Source: a script (XRANGE, XADD, XDEL). Errors: WEIR_ERR_ARGUMENT. Thread: any.
 */
WEIR_API weir_status weir_dead_requeue_range(weir_dead *dead, const weir_dead_range *range, weir_dead_stays_fn stays,
                                             void *user_data, weir_dead_progress *ret, weir_error *err);

/* Deletes the letters of a range for good, likewise. Source: a script (XRANGE, XDEL). Thread: any. */
WEIR_API weir_status weir_dead_delete_range(weir_dead *dead, const weir_dead_range *range, weir_dead_progress *ret,
                                            weir_error *err);

/*
 * Puts all that are dead at the time of the call back, oldest first; those that weir_dead_requeue can't move stay.
 * *ret_count (may be NULL) gets how many went back, on failure too. They move a few at a time, each few in one atomic
 * step. Thread: any.
 */
WEIR_API weir_status weir_dead_requeue_all(weir_dead *dead, uint64_t *ret_count, weir_error *err);

/* Deletes one letter for good. Source: XDEL. Errors: WEIR_ERR_NOT_FOUND. Thread: any. */
WEIR_API weir_status weir_dead_delete(weir_dead *dead, const char *id, weir_error *err);

/*
 * Deletes all letters that are there at the time of the call for good, a part of them at a time. *ret_count (may be
 * NULL) gets how many were, on failure too. Source: XTRIM. Thread: any.
 */
WEIR_API weir_status weir_dead_purge(weir_dead *dead, uint64_t *ret_count, weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
