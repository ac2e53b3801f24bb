/* SPDX-License-Identifier: MIT
 *
 * A queue: one consumer of one stream's consumer group, with its threads.
 *
 *     weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
 *     o.url = "redis://127.0.0.1"; o.stream = "emails"; o.group = "senders"; o.handler = send_email;
 *     weir_queue *q = NULL; weir_error err;
 *     if (weir_queue_open(&q, &o, &err) != WEIR_OK || weir_queue_start(q, &err) != WEIR_OK)
 *         fprintf(stderr, "%s\n", err.message);
 *     ...
 *     weir_queue_stop(q, 10000);
 *     weir_queue_close(q);
 *
 * Delivery is at least once: a job is acked only after its handler said it is done, so a worker that dies in between
 * leaves a job that runs again. Handlers should be idempotent.
 */
#ifndef WEIR_QUEUE_H
#define WEIR_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <weir/codec.h>
#include <weir/connection.h>
#include <weir/dead.h>
#include <weir/error.h>
#include <weir/job.h>
#include <weir/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_queue weir_queue;

typedef enum weir_backoff_kind {
    WEIR_BACKOFF_NONE,       /* stay pending; the claimer retries after min_idle_ms; attempts are the delivery count */
    WEIR_BACKOFF_FIXED,      /* base */
    WEIR_BACKOFF_LINEAR,     /* base × attempt */
    WEIR_BACKOFF_EXPONENTIAL /* base × factor^(attempt − 1) */
} weir_backoff_kind;

typedef enum weir_retention {
    WEIR_KEEP_UNFINISHED, /* trim what every group has finished with (the default) */
    WEIR_KEEP_ALL,        /* never trim */
    WEIR_KEEP_LAST,       /* as KEEP_UNFINISHED, but leave at least the last `retention_count` entries */
    WEIR_DELETE_ON_ACK    /* delete each entry in the step that acks it, where this is the stream's only group */
} weir_retention;

typedef enum weir_dead_mode {
    WEIR_DEAD_TO_STREAM,    /* on_dead is told, and the job goes into {S}:dead whatever it answers (the default) */
    WEIR_DEAD_CALLBACK_ONLY /* where on_dead returns 0 the job is only acked; otherwise it goes into {S}:dead */
} weir_dead_mode;

/*
 * Told of a dead job before it is written to the dead letters; returns 0 for success. At least once for each dead job.
 * Called on a worker thread (it occupies a slot), so it may take its time; letter is valid during the call.
 */
typedef int (*weir_dead_fn)(const weir_dead_letter *letter, void *user_data);

typedef enum weir_event_kind {
    WEIR_EVENT_CONNECTED,     /* a connection was established; text: which one */
    WEIR_EVENT_DISCONNECTED,  /* a connection was lost, or couldn't be established; text: which one, and why */
    WEIR_EVENT_GROUP_CREATED, /* the group had vanished and was created again, at 0 */
    WEIR_EVENT_LEASE_LOST,    /* another consumer took a running job over; id: the job's */
    WEIR_EVENT_JOB_DEAD,      /* a job went to the dead letters; id: the job's, text: the reason */
    WEIR_EVENT_PAYLOAD_LOST,  /* an entry was deleted while it was pending; id: the entry's */
    WEIR_EVENT_STOPPED,       /* a stop ended, on the thread that called it; text: its status */
    WEIR_EVENT_PAUSED,        /* from now on nothing is read; text: where it is paused */
    WEIR_EVENT_RESUMED        /* reading goes on */
} weir_event_kind;

typedef struct weir_event {
    weir_event_kind kind;
    const char *id;   /* empty where no job is concerned */
    const char *text; /* for people */
} weir_event;

/* Called on the queue's own threads: must be thread-safe and return at once. The event is valid during the call. */
typedef void (*weir_event_fn)(const weir_event *event, void *user_data);

/*
 * Told the queue's numbers every stats_interval_ms while it runs, also while the server is away. Called on the claimer,
 * which renews the leases: must return at once. The struct is valid during the call.
 */
typedef void (*weir_stats_fn)(const weir_stats *stats, void *user_data);

/* Names the kind: "connected", "lease lost". Static memory. Thread: any. */
WEIR_API const char *weir_event_kind_text(weir_event_kind kind);

typedef struct weir_queue_options {
    size_t size; /* sizeof(weir_queue_options) */

    /* Where. All texts are copied. */
    const char *url;      /* see weir/connection.h */
    const char *stream;   /* any bytes but NUL, 1 … 512 of them */
    const char *group;    /* the consumer group, 1 … 512 bytes; default "weir" */
    const char *consumer; /* this process' name in the group, unique among live ones; NULL: host:pid:random */
    const char *start_id; /* where a new group starts: "0" (default: all there is), "$" (only what comes), or an id */

    /* What to do. Called on worker threads; user_data is passed to all and must outlive the queue. */
    weir_handler handler;
    const weir_codec *codec; /* NULL: none. Copied; its functions are called for as long as there are jobs. */
    weir_dead_fn on_dead;    /* NULL: none */
    weir_event_fn on_event;  /* NULL: none */
    weir_stats_fn on_stats;  /* NULL: none */
    void *user_data;

    uint32_t concurrency; /* handlers at once, asynchronous ones included; 1 … 10000, default 10 */

    /* How long a job may take, and how often it is tried. */
    uint32_t max_attempts;   /* runs that report failure, before it is dead; 1 …, default 5 */
    uint32_t max_deliveries; /* deliveries without an answer (crashes), before it is dead; 1 …, default 5 */
    int64_t max_run_ms;  /* a run longer than this is cancelled, and its lease runs out; 0: no limit; default 24 h */
    int64_t min_idle_ms; /* the lease: pending this long without renewal, a job is taken over; 10 …, default 30000 */

    /* The delay before a retry. */
    weir_backoff_kind backoff; /* default WEIR_BACKOFF_EXPONENTIAL */
    int64_t backoff_base_ms;   /* 0 …, default 1000 */
    int64_t backoff_cap_ms;    /* ≥ base; no delay is longer, jitter included; default 300000 */
    double backoff_factor;     /* 1 … 1000, default 2; EXPONENTIAL only */
    double backoff_jitter;     /* 0 … 1, default 0.1: the delay is spread over delay × (1 ± jitter) */

    /* How much is fetched ahead. */
    int64_t prefetch_ms; /* fetch what the pool recently finished in this time, beyond the slots; 0 …, default 20 */
    uint32_t fetch_max_jobs; /* at most so many jobs in memory, ≥ concurrency; default 4096, raised to concurrency */
    size_t fetch_max_bytes;  /* and so many bytes; a single larger job still goes; 64 KiB …, default 64 MiB */

    /* Housekeeping. */
    int64_t block_ms;            /* how long one idle read waits on the server (BLOCK); 10 … 60000, default 2000 */
    int64_t claim_interval_ms;   /* how often stuck jobs are looked for; 0: min_idle_ms / 4 within 50 … 4000 */
    int64_t pause_interval_ms;   /* how often it is looked whether the queue is paused; 10 … 60000, default 500 */
    int64_t promote_interval_ms; /* how often delayed jobs are looked for; 5 …, default 500 */
    int64_t stats_interval_ms;   /* how often on_stats is called; 10 …, default 10000 */
    int64_t trim_interval_ms;    /* how often finished entries are trimmed; 10 …, default 1000 */
    int64_t reap_idle_ms; /* consumers idle for so long with nothing pending are deleted; 0: never; default 1 h */
    weir_retention retention;
    uint64_t retention_count; /* for WEIR_KEEP_LAST */
    weir_dead_mode dead_mode;

    weir_connection_options connection; /* command_timeout_ms default 1000 */
} weir_queue_options;

/* The defaults, in the order of the fields above. */
#define WEIR_QUEUE_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(weir_queue_options), 0, 0, "weir", 0, "0", 0, 0, 0, 0, 0, 0, 10, 5, 5, 86400000, 30000,                 \
            WEIR_BACKOFF_EXPONENTIAL, 1000, 300000, 2, 0.1, 20, 4096, 67108864, 2000, 0, 500, 500, 10000, 1000,        \
            3600000, WEIR_KEEP_UNFINISHED, 0, WEIR_DEAD_TO_STREAM, WEIR_CONNECTION_OPTIONS_INIT(1000)                  \
    }

/*
 * Checks the options, connects, and creates stream and group where they are missing (XGROUP CREATE … MKSTREAM). Nothing
 * runs yet. *ret is written on success only.
 *
 * Errors: WEIR_ERR_ARGUMENT (names the option and its range); WEIR_ERR_CONNECTION; WEIR_ERR_AUTH; WEIR_ERR_PERMISSION
 * (names the command that the ACL denies); WEIR_ERR_UNSUPPORTED (server older than Redis 6.2, or TLS not built in);
 * WEIR_ERR_SERVER (the key holds another type); WEIR_ERR_MEMORY. Thread: any.
 */
WEIR_API weir_status weir_queue_open(weir_queue **ret, const weir_queue_options *options, weir_error *err);

/*
 * Starts the threads: jobs run from now on. Also after a weir_queue_stop that returned WEIR_OK.
 * Errors: WEIR_ERR_STATE (running, or a stop left handlers behind); WEIR_ERR_SYSTEM (threads). Thread: any.
 */
WEIR_API weir_status weir_queue_start(weir_queue *queue, weir_error *err);

/*
 * Stops: reads no more, hands unstarted jobs back (claimable at once, no attempt or delivery counted), lets running
 * handlers finish, reports their outcomes, ends the threads. Handlers see weir_job_cancelled. Returns by deadline_ms
 * (≥ 0) plus 100 ms at the latest, in every state. Stopping a queue that isn't running is success.
 *
 * Errors: WEIR_ERR_DEADLINE: handlers still run, or outcomes could not be reported; their jobs run again elsewhere once
 * their leases have run out. WEIR_ERR_STATE: called from one of the queue's own callbacks; nothing was done.
 * WEIR_ERR_ARGUMENT. Thread: any; several may wait for the same stop.
 */
WEIR_API weir_status weir_queue_stop(weir_queue *queue, int64_t deadline_ms);

/*
 * Frees the queue; one that runs is stopped first, with a deadline of 10 s. No callback is called afterwards. Where a
 * stop left handlers behind they keep their jobs until they return, and what they use must live as long. Accepts NULL.
 * From one of the queue's own callbacks it does nothing but log an error. Thread: any, once no other call is running.
 */
WEIR_API void weir_queue_close(weir_queue *queue);

/*
 * Pauses this process' queue: it reads, claims and recovers nothing more, while jobs that were read are run and their
 * leases renewed. Returns at once; reading has ended about a round trip later, as WEIR_EVENT_PAUSED tells. It stays so
 * over a stop and a start, until weir_queue_resume. A queue is
 * paused where either says so. Pausing twice is success, and so is resuming what isn't paused.
 * Errors: WEIR_ERR_ARGUMENT. Thread: any; a handler may pause its own queue.
 */
WEIR_API weir_status weir_queue_pause(weir_queue *queue);
WEIR_API weir_status weir_queue_resume(weir_queue *queue);

/*
 * For a watchdog or a liveness probe: WEIR_OK where the queue's own threads go round their loops, else WEIR_ERR_STUCK,
 * with the thread's name and for how long it has not. A thread may be late by patience_ms (0: 30 s) beyond what it
 * waits for. A server that is away or silent is no reason, since trying again is progress, nor is a handler that hangs;
 * an on_event or on_stats that doesn't return is. A queue that isn't started is well. Thread: any; asks no server.
 */
WEIR_API weir_status weir_queue_health(weir_queue *queue, int64_t patience_ms, weir_error *err);

/*
 * For a readiness probe: WEIR_OK where the queue could run a job now, also while it is paused. Else WEIR_ERR_STATE (not
 * started, being stopped), WEIR_ERR_CONNECTION (not connected) or WEIR_ERR_NO_GROUP (its consumer group is missing, and
 * could not be made), with words. Thread: any; asks no server.
 */
WEIR_API weir_status weir_queue_ready(weir_queue *queue, weir_error *err);

/* A job whose handler runs in this process, or that is between WEIR_LATER and weir_job_finish. Borrowed. */
typedef struct weir_running_job {
    const char *entry_id;
    uint32_t attempt;   /* which run this is, from 1 */
    int64_t running_ms; /* since its handler was called */
    bool cancelled;     /* as weir_job_cancelled */
} weir_running_job;

/* Returns 0 to go on, anything else to end it. */
typedef int (*weir_running_visit_fn)(const weir_running_job *job, void *user_data);

/*
 * Visits the jobs that run here, in no order, on the calling thread. Asks nothing of the server, of which weir_admin
 * tells what other processes have in hand. Errors: WEIR_ERR_ARGUMENT, WEIR_ERR_MEMORY. Thread: any.
 */
WEIR_API weir_status weir_queue_running(weir_queue *queue, weir_running_visit_fn visit, void *user_data,
                                        weir_error *err);

/*
 * Copies the numbers. Set stats->size first (WEIR_STATS_INIT).
 * Errors: WEIR_ERR_ARGUMENT. Thread: any.
 */
WEIR_API weir_status weir_queue_stats(weir_queue *queue, weir_stats *stats);

/* Its stream's and its group's name. Borrowed until weir_queue_close. Thread: any. */
WEIR_API const char *weir_queue_stream(const weir_queue *queue);
WEIR_API const char *weir_queue_group_name(const weir_queue *queue);

/* This consumer's name in the group. Borrowed until weir_queue_close. Thread: any. */
WEIR_API const char *weir_queue_consumer(const weir_queue *queue);

/*
 * Several queues of one process, each with its own stream, handler and payload, run as one.
 */
typedef struct weir_queue_group weir_queue_group;

/*
 * Opens n queues (1 …); on failure none stays open, and err says which it was. *ret is written on success only.
 * Errors: as weir_queue_open. Thread: any.
 */
WEIR_API weir_status weir_queue_group_open(weir_queue_group **ret, const weir_queue_options *options, size_t n,
                                           weir_error *err);

/* Starts all; on failure those already started are stopped again. Errors: as weir_queue_start. Thread: any. */
WEIR_API weir_status weir_queue_group_start(weir_queue_group *group, weir_error *err);

/* Stops all at the same time, with one deadline for all. Returns the first error. As weir_queue_stop. Thread: any. */
WEIR_API weir_status weir_queue_group_stop(weir_queue_group *group, int64_t deadline_ms);

/* Closes all. Accepts NULL. As weir_queue_close. */
WEIR_API void weir_queue_group_close(weir_queue_group *group);

/* The i-th queue, in the order of the options; NULL beyond. Borrowed until weir_queue_group_close. Thread: any. */
WEIR_API weir_queue *weir_queue_group_get(weir_queue_group *group, size_t i);

#ifdef __cplusplus
}
#endif
#endif
