/* SPDX-License-Identifier: MIT
 *
 * Looking a queue over: settings of the server that endanger jobs, groups that are stuck, delayed jobs that nobody
 * promotes, remains that belong to nothing.
 */
#ifndef WEIR_CHECK_H
#define WEIR_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/connection.h>
#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weir_severity {
    WEIR_NOTICE,  /* good to know */
    WEIR_WARNING, /* jobs wait, or could be lost by what happens now and then */
    WEIR_ERROR    /* jobs are lost, refused or never run */
} weir_severity;

/* X(code, severity, name): what weir_check and weir_diagnose can find. docs/check.md says more about each. */
#define WEIR_FINDING_TABLE(X)                                                                                          \
    X(WEIR_FINDING_OLD_SERVER, WEIR_ERROR, "old server")            /* older than Redis 6.2 */                         \
    X(WEIR_FINDING_REPLICA, WEIR_ERROR, "replica")                  /* it takes no writes */                           \
    X(WEIR_FINDING_EVICTION, WEIR_ERROR, "eviction")                /* the server may delete jobs to save memory */    \
    X(WEIR_FINDING_WINDOW_EVICTION, WEIR_NOTICE, "window eviction") /* or the windows of idempotent enqueues */        \
    X(WEIR_FINDING_MEMORY, WEIR_WARNING, "memory")         /* near its maxmemory: enqueueing will be refused */        \
    X(WEIR_FINDING_FULL, WEIR_ERROR, "full")               /* at its maxmemory: enqueueing is refused */               \
    X(WEIR_FINDING_WRITES_FAIL, WEIR_ERROR, "writes fail") /* it can't persist, and may refuse writes */               \
    X(WEIR_FINDING_NO_PERSISTENCE, WEIR_WARNING, "no persistence") /* a restart loses all jobs */                      \
    X(WEIR_FINDING_NO_AOF, WEIR_NOTICE, "no aof")                  /* a restart loses what came since a snapshot */    \
    X(WEIR_FINDING_FSYNC, WEIR_NOTICE, "fsync")                    /* a crash of the host loses some */                \
    X(WEIR_FINDING_FAILOVER, WEIR_NOTICE, "failover")              /* a failover can lose what was just accepted */    \
    X(WEIR_FINDING_UNSEEN, WEIR_NOTICE, "unseen")                  /* the user may not ask for something */            \
    X(WEIR_FINDING_WRONG_TYPE, WEIR_ERROR, "wrong type")           /* a key of the queue holds something else */       \
    X(WEIR_FINDING_NO_GROUP, WEIR_WARNING, "no group")             /* there are jobs, and nobody to read them */       \
    X(WEIR_FINDING_NO_WORKER, WEIR_WARNING, "no worker")           /* unread jobs, and no live consumer */             \
    X(WEIR_FINDING_PENDING_STUCK, WEIR_WARNING, "pending stuck")   /* pending for consumers that are gone */           \
    X(WEIR_FINDING_POISON_JOB, WEIR_WARNING, "poison job")         /* handed out again and again, never answered */    \
    X(WEIR_FINDING_NOT_READING, WEIR_WARNING, "not reading")       /* live consumers, unread jobs, nothing in hand */  \
    X(WEIR_FINDING_SLOW_HANDLER, WEIR_WARNING, "slow handler")     /* jobs wait for long for those in hand */          \
    X(WEIR_FINDING_PAUSED, WEIR_NOTICE, "paused")                  /* since when */                                    \
    X(WEIR_FINDING_OVERDUE, WEIR_WARNING, "overdue")               /* due delayed jobs that nobody promotes */         \
    X(WEIR_FINDING_ORPHANS, WEIR_ERROR, "orphans")                 /* delayed jobs that have lost their due time */    \
    X(WEIR_FINDING_NO_PAYLOAD, WEIR_ERROR, "no payload")           /* due times that have lost their job */            \
    X(WEIR_FINDING_DEAD_LETTERS, WEIR_NOTICE, "dead letters")      /* wait for somebody to look at them */

#define WEIR_FINDING_ENUM_ENTRY(code, severity, name) code,
typedef enum weir_finding_code { WEIR_FINDING_TABLE(WEIR_FINDING_ENUM_ENTRY) } weir_finding_code;
#undef WEIR_FINDING_ENUM_ENTRY

/* "eviction" for WEIR_FINDING_EVICTION and so on; "unknown" for anything else. Static memory. Thread: any. */
WEIR_API const char *weir_finding_name(weir_finding_code code);

/* "notice", "warning", "error"; "unknown" for anything else. Static memory. Thread: any. */
WEIR_API const char *weir_severity_name(weir_severity severity);

/* Texts are borrowed, valid during the callback, and have neither a newline nor a secret in them. */
typedef struct weir_finding {
    weir_finding_code code;
    weir_severity severity;
    const char *text; /* what was found, in a sentence */
    const char *fix;  /* what to do about it, in a sentence */
    uint64_t count;   /* how many jobs, entries or bytes it is about; 0: not about a number of something */
    bool repaired;    /* it was mended just now */
} weir_finding;

typedef void (*weir_finding_fn)(const weir_finding *finding, void *user_data);

typedef struct weir_check_options {
    size_t size;                        /* sizeof(weir_check_options) */
    const char *url;                    /* see weir/connection.h */
    const char *stream;                 /* 1 … 512 bytes */
    weir_connection_options connection; /* command_timeout_ms: 5000 */
    int64_t stale_ms; /* who was not seen for so long, and what waits or is overdue for so long, counts as left alone;
                         ≥ 0, default 60000 */
    bool repair;      /* moves delayed jobs that have lost their due time to the dead letters; default false */
    weir_finding_fn on_finding; /* for each finding, on the calling thread; NULL: they are only counted */
    void *user_data;
} weir_check_options;

#define WEIR_CHECK_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(weir_check_options), 0, 0, WEIR_CONNECTION_OPTIONS_INIT(5000), 60000, false, 0, 0                       \
    }

/*
 * Looks the server and one queue over. Changes nothing, unless options->repair is set. *ret_findings (or NULL): how
 * many there were, written on success only; 0: all is well. A queue that doesn't exist (yet) is well.
 *
 * What belongs together is looked at in one step, so that a queue at work yields no false findings. Delayed jobs are
 * gone through one by one, on the server, a few hundred at a time.
 *
 * Source: INFO, CONFIG GET, TYPE, XINFO, XRANGE, XPENDING, ZCOUNT and a script.
 * Errors: WEIR_ERR_ARGUMENT; WEIR_ERR_UNSUPPORTED: a memory: URL, which has no settings to look at;
 * WEIR_ERR_PERMISSION (names the command; that CONFIG is denied is a finding); as an enqueue otherwise. Thread: any.
 */
WEIR_API weir_status weir_check(const weir_check_options *options, size_t *ret_findings, weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
