/* SPDX-License-Identifier: MIT
 *
 * What the threads of one queue share, and the operations on it.
 *
 * One mutex guards all of it. It is taken once a batch by reader, claimer and acker, and once a job by a worker (which
 * reports the last job and takes the next in one go), and it is never held during input, output or a callback. There is
 * no second lock in lib/queue that could be taken with it: the order of locks is trivially right.
 *
 * A job's way: reader or claimer deliver a batch → READY → a worker takes it: RUNNING → (LATER →) REPORTED, in the list
 * of outcomes → the acker settles it and lets go of it. A batch whose last job was let go of is used again.
 *
 * A queue object outlives weir_queue_close where handlers are still running then: the last of them frees it.
 */
#ifndef WEIR_QUEUE_CORE_H
#define WEIR_QUEUE_CORE_H

#include "base/random.h"
#include "base/watch.h"
#include "broker/broker.h"
#include "queue/verdict.h"

#include <pthread.h>
#include <weir/log.h>

enum weir_core_state {
    CORE_OPEN, /* not started, or stopped cleanly */
    CORE_RUNNING,
    CORE_STOPPING,  /* no new jobs; running ones finish and are reported */
    CORE_ABANDONED, /* a stop's deadline passed: what still runs is on its own */
};

enum weir_job_state {
    JOB_READY,    /* fetched, not started */
    JOB_RUNNING,  /* in its handler, or in on_dead */
    JOB_LATER,    /* between WEIR_LATER and weir_job_finish */
    JOB_DOOMED,   /* finished asynchronously, or deleted unstarted: waits for a worker that tells on_dead */
    JOB_REPORTED, /* in the list of outcomes, or with the acker */
    JOB_GONE,     /* let go of */
};

/* A list of jobs by their `next`. */
struct weir_job_list {
    struct weir_job *first, **last;
    size_t n;
};

/* One of the three threads that talk to the server. */
struct weir_service {
    const char *name; /* "reader" */
    struct weir_session *session;
    pthread_t thread;
    pthread_cond_t cond; /* with core->mutex: something to do, or stop */
    struct weir_watch watch;

    /* guarded by core->mutex */
    bool alive;                  /* its thread runs; */
    bool joinable;               /* was created and not joined yet */
    bool connected;              /* as last reported */
    bool lost;                   /* the connection, and not established anew since */
    struct weir_traffic traffic; /* as last noted */

    /* the thread's own */
    uint32_t failures;                  /* in a row */
    size_t most;                        /* entries to ask for at once */
    bool complained;                    /* the present trouble was logged, or is too fresh to be */
    int64_t complained_us, relieved_us; /* when last a line was logged */
    struct weir_random random;
};

struct weir_worker {
    pthread_t thread;
    struct weir_queue *core;
    struct weir_worker *next;
};

struct weir_queue {
    /* Written before the threads start, read by all. */
    weir_queue_options options; /* texts are copies */
    weir_codec codec;           /* what options.codec points to */
    struct weir_policy policy;
    struct weir_broker *broker;
    const struct weir_broker_ops *ops;
    struct weir_service reader, acker, claimer;
    int n_cpus;

    pthread_mutex_t mutex; /* guards everything from here on */
    enum weir_core_state state;
    bool closed;             /* weir_queue_close has returned, or is about to: no callbacks */
    bool recovered;          /* this consumer's own pending entries have been gone through since the start */
    bool reader_dirty;       /* the reader dropped a connection with reads outstanding during the stop */
    bool taking_over;        /* entries are being claimed or recovered, and not yet delivered */
    bool group_missing;      /* and could not be made when last tried */
    bool unblock_wanted;     /* the reader waits for a CLIENT UNBLOCK */
    bool reader_kicked;      /* another thread found the server unreachable: the reader shall reconnect */
    size_t n_given_up;       /* outcomes that the last stop could not report */
    unsigned stop_waiters;   /* calls of stop, and of close, in progress */
    bool stopping_thread;    /* one of them does the work, */
    weir_status stop_status; /* and has come to this */
    int64_t stop_began_us;
    bool abandonment_told;  /* a stop has returned WEIR_ERR_DEADLINE since the start */
    unsigned callbacks;     /* on_event calls in progress */
    pthread_cond_t changed; /* a thread ended, a job ended during a stop, a stop ended */

    /* Batches and jobs. */
    struct weir_batch *batches;      /* all alive */
    struct weir_batch *free_batches; /* for reuse, by `next` */
    size_t n_free_batches;
    struct weir_batch *ready_first, **ready_last;
    struct weir_job_list doomed;        /* JOB_DOOMED */
    struct weir_job_list outcomes;      /* JOB_REPORTED, not yet with the acker */
    size_t n_ready, n_running, n_later; /* n_later counts JOB_DOOMED as well */
    size_t n_unreported;                /* JOB_REPORTED, with the acker or not */
    size_t n_claimed;                   /* of all of these, those that were claimed */
    size_t bytes;                       /* memory of all live batches */
    size_t bytes_a_job;                 /* how large a job is likely to be; 0: not known yet */
    size_t reserved;                    /* asked for by reads that are outstanding */
    struct weir_entry_id newest;        /* largest id that was read */

    /* The pool. */
    struct weir_worker *workers, *exited_workers;
    size_t n_workers, n_idle, n_wakes; /* n_wakes: signalled, not yet awake */
    bool watching;                     /* an idle worker looks after the ready jobs */
    bool spawn_complained;
    uint64_t n_taken;
    int64_t average_run_us;
    pthread_cond_t work;
    struct weir_random random; /* of jitter */

    /* The acker's and the reader's waiting. */
    bool acker_waits, reader_waits;

    /* The rate at which jobs finish, for the prefetch. */
    int64_t window_start_us;
    size_t window_finished, last_window;

    /* For the claimer. */
    int64_t promote_due_us; /* at the latest */
    bool renew_wanted;      /* ready jobs wait for their leases to be renewed */
    bool claim_more;        /* a sweep stopped for want of room */
    bool trim_wanted;       /* something was acked since the last trim */
    int64_t last_read_us;   /* when the last read was answered */
    bool claim_wanted;      /* at once: the pause is over */

    /* The pause: see pause.c. */
    bool paused_here, paused_everywhere;
    bool pause_told;  /* the state that was told last */
    bool look_wanted; /* paused_here has changed: the claimer acts on it */
    uint64_t looks_begun, look_noted;

    weir_stats stats; /* counters and histograms; gauges are filled in by weir_queue_stats */
};

/* --- batches --- */

/* An empty batch, reused or new; NULL without memory. */
struct weir_batch *weir_core_batch(struct weir_queue *core);

/* Puts back a batch that was never delivered. */
void weir_core_batch_unused(struct weir_queue *core, struct weir_batch *batch);

/*
 * Takes over a filled batch: its jobs become ready, those that must not run (poison, lost payload) doomed, those of
 * another group acked unseen, those already in flight here dropped. `reserved` of what was asked for is given back.
 * asked_us: when it was asked for. Their leases are at most as old as that, and may be, if the process was suspended
 * while the answer was on its way.
 */
void weir_core_deliver(struct weir_queue *core, struct weir_batch *batch, size_t reserved, int64_t asked_us);

/*
 * Brackets taking entries over and delivering them: reader (recovering) and claimer (claiming) exclude each other,
 * since what the one has taken over, and not delivered yet, would look like a forgotten entry to the other. begin
 * waits, and returns false where the service is to end. Locks: not held.
 */
bool weir_core_take_over_begin(struct weir_queue *core, const struct weir_service *service);
void weir_core_take_over_end(struct weir_queue *core);

/* The job with this entry id that is in flight here, rather one that isn't reported yet, or NULL. Locks: held. */
struct weir_job *weir_core_find(struct weir_queue *core, struct weir_entry_id entry);

/* weir_in_flight_fn: whether this process is still busy with the entry, unconfirmed outcomes included. Takes the lock.
 */
bool weir_core_in_flight(void *core, struct weir_entry_id entry);

/* How many jobs may be asked for now, by the reader or by the claimer. Locks: held. */
size_t weir_core_room(struct weir_queue *core, bool for_claimer);

/* --- the pause --- */

/* Nothing is to be read or claimed. Locks: held. */
static inline bool weir_core_is_paused(const struct weir_queue *core)
{
    return core->paused_here || core->paused_everywhere;
}

/*
 * What the server says of the pause, and which look that was: its number is taken before the server is asked. Tells the
 * user and the threads where the state has changed since it was told last. True while the queue is paused and reads are
 * outstanding still: they are to be unblocked. Locks: not held.
 */
uint64_t weir_core_begin_look(struct weir_queue *core);
bool weir_core_note_pause(struct weir_queue *core, uint64_t look, bool everywhere);

/* Calls on_stats, which is set, unless the queue is closed. Locks: not held. */
void weir_core_tell_stats(struct weir_queue *core);

/* --- jobs --- */

void weir_job_list_init(struct weir_job_list *list);
void weir_job_list_push(struct weir_job_list *list, struct weir_job *job);

/*
 * The next ready job, now RUNNING; NULL if none, or if its lease may have run out unnoticed (the process was suspended,
 * the server was away): then renew_wanted is set, and it is started once its lease has been renewed. lost_only: only
 * one whose payload is lost, which needs no lease. Locks: held.
 */
struct weir_job *weir_core_take_ready(struct weir_queue *core, bool lost_only);

/* Forgets a READY job that belongs to somebody else now. Locks: held. */
void weir_core_drop_ready(struct weir_queue *core, struct weir_job *job);

/* Lets a job with a verdict go to the acker. Locks: held. */
void weir_core_report(struct weir_queue *core, struct weir_job *job);

/* Ends a job for good; its batch with the last one. Locks: held. */
void weir_core_let_go(struct weir_queue *core, struct weir_job *job);

/*
 * A job that was neither started nor can be handed back, because its entry was deleted: a worker tells on_dead, and it
 * goes to the dead letters with the fields that are known here. READY or REPORTED. Locks: held.
 */
void weir_core_mourn(struct weir_queue *core, struct weir_job *job);

/* Hands all unstarted jobs beyond the first `keep` back to the server. Locks: held. */
void weir_core_release_ready(struct weir_queue *core, size_t keep);

/* Counts a finished run, for prefetch and statistics. Locks: held. */
void weir_core_count_finished(struct weir_queue *core);

/* --- events, trouble --- */

/*
 * Bracket a callback of the user's that isn't a handler. begin returns false where the queue is closed, and it must not
 * be made; a close waits a while for those that have begun. Locks: not held.
 */
bool weir_core_begin_callback(struct weir_queue *core);
void weir_core_end_callback(struct weir_queue *core);

/* Calls on_event, unless the queue is closed. Locks: not held. */
void weir_core_event(struct weir_queue *core, weir_event_kind kind, const char *id, const char *text);

/* Logs a line, unless the queue is closed. Locks: not held. */
void weir_core_log(struct weir_queue *core, weir_log_level level, const char *format, ...) WEIR_PRINTF(3, 4);

/* Whether the calling thread is inside a callback of this queue. */
bool weir_core_in_callback(const struct weir_queue *core);

/* The queue whose callback the thread is in; returns what it was before. */
const struct weir_queue *weir_core_enter(const struct weir_queue *core);

/*
 * A service's way of connecting: one attempt if not connected. On failure, of this or of an operation (`status`,
 * `err`), complains once, drops what has to be dropped, and waits out the backoff or until the state changes.
 */
bool weir_service_connect(struct weir_queue *core, struct weir_service *service);
void weir_service_trouble(struct weir_queue *core, struct weir_service *service, weir_status status,
                          const weir_error *err);

/*
 * The same in two steps, for a service with other things to do meanwhile: when to try again, 0: at once; and the
 * waiting, which ends early where the service is to end.
 */
int64_t weir_service_note_trouble(struct weir_queue *core, struct weir_service *service, weir_status status,
                                  const weir_error *err);
void weir_service_pause(struct weir_queue *core, struct weir_service *service, int64_t until_us);

void weir_service_fine(struct weir_queue *core, struct weir_service *service);

/*
 * How many entries to ask for at once, at most WEIR_ASK_MAX. An answer that was lost may have been too large, for this
 * process, its timeouts or the server's output buffer, and would be again: it is asked for less after each, until
 * entries arrive.
 */
enum { WEIR_ASK_MAX = 256 };
static inline void weir_service_ask_less(struct weir_service *service, size_t asked)
{
    service->most = asked > 1 ? asked / 2 : 1;
}
static inline void weir_service_ask_more(struct weir_service *service)
{
    service->most = service->most < WEIR_ASK_MAX / 2 ? 2 * service->most : WEIR_ASK_MAX;
}

/* Logs a failure, unless the present trouble was logged already. */
void weir_service_complain(struct weir_queue *core, struct weir_service *service, const weir_error *err);

/* Adds what the service's session has cost since the last time. By the service's thread. Locks: held. */
void weir_service_note_traffic(struct weir_queue *core, struct weir_service *service);

/* Waits on the service's condition until signalled or until then. Locks: held. */
void weir_service_wait(struct weir_queue *core, struct weir_service *service, int64_t until_us);

/* --- threads --- */

void *weir_reader_main(void *core);
void *weir_acker_main(void *core);
void *weir_claimer_main(void *core);

/* pthread_create with all signals blocked but those that a thread raises itself. 0 or an errno. */
int weir_thread_create(pthread_t *thread, void *(*main)(void *), void *argument);

/* A service's thread is about to end. Locks: not held; core may be gone afterwards. */
void weir_service_exit(struct weir_queue *core, struct weir_service *service);

/* Wakes or starts workers for what is ready. Locks: held. */
void weir_pool_rouse(struct weir_queue *core);

/* Joins workers that have ended. Locks: held, and let go of meanwhile. */
void weir_pool_join(struct weir_queue *core);

/* Frees a closed queue if nothing of it runs any more. Locks: held; let go of, and core gone, where it returns true. */
bool weir_core_free_if_last(struct weir_queue *core);

/* --- options --- */

/* Checks the options and copies them; *ret's texts are freed by weir_options_clear. */
weir_status weir_options_copy(const weir_queue_options *options, weir_queue_options *ret, weir_error *err);
void weir_options_clear(weir_queue_options *options);
weir_status weir_check_connection_options(const weir_connection_options *options, weir_error *err);

/* --- stopping several at once --- */

/*
 * A stop in steps, for several queues that share a deadline: begin all, wait for all until the deadline without
 * abandoning any, abandon what has not ended, and collect how each of them came out. The middle two may be left out.
 */
enum { WEIR_CLOSE_DEADLINE_MS = 10000 };
void weir_queue_stop_begin(weir_queue *queue);
bool weir_queue_stop_linger(weir_queue *queue, int64_t deadline_us); /* whether all has ended */
void weir_queue_stop_abandon(weir_queue *queue);
weir_status weir_queue_stop_wait(weir_queue *queue, int64_t deadline_us);

#endif
