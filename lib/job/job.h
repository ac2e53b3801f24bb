/* SPDX-License-Identifier: MIT */
#ifndef WEIR_JOB_JOB_H
#define WEIR_JOB_JOB_H

#include "base/arena.h"
#include "job/entry_id.h"

#include <stdatomic.h>
#include <weir/dead.h>
#include <weir/job.h>
#include <weir/producer.h>

/* What is to be done with a job on the server once it has left the handler. */
enum weir_verdict {
    WEIR_VERDICT_NONE,    /* not decided yet */
    WEIR_VERDICT_ACK,     /* XACK */
    WEIR_VERDICT_RETRY,   /* if still owned: into the delayed set for retry_delay_ms, and XACK */
    WEIR_VERDICT_BURY,    /* if still owned: into the dead stream, and XACK */
    WEIR_VERDICT_RELEASE, /* if still owned: claimable at once, this delivery taken back */
    WEIR_VERDICT_KEEP,    /* nothing: it stays pending until the claimer finds it (WEIR_BACKOFF_NONE) */
};

/* What became of a verdict. */
enum weir_settled {
    WEIR_UNSETTLED,         /* not reported, or refused for a reason that may pass */
    WEIR_SETTLED,           /* the server did it */
    WEIR_SETTLED_NOT_OWNED, /* the entry belongs to somebody else now, or is gone: nothing was done */
    WEIR_SETTLED_GONE,      /* RELEASE: the entry was deleted, so that it can't be handed back, and is nobody's */
};

#define WEIR_JOB_ERROR_SIZE 1024

/*
 * One job. The broker fills the first part; lib/queue owns the rest and says in core.h which lock guards it.
 * All memory that it points to is the batch's, except `error`.
 */
struct weir_job {
    struct weir_batch *batch;
    struct weir_entry_id entry;
    weir_fields fields; /* the caller's fields, values NUL-terminated */
    const char *own_id; /* weir.id; NULL: the entry's id is the job's */
    const char *group;  /* weir.group: the only group that the entry concerns; NULL: all */
    size_t group_len;
    const char *traceparent; /* weir.traceparent; NULL: none */
    uint32_t attempts;       /* weir.attempts: runs that have reported failure so far */
    uint32_t deliveries;     /* of the pending entry, this one included */
    int64_t enqueued_ms;     /* weir.first_enqueued_ms, else the entry id's time */
    bool payload_lost;       /* the entry was deleted while pending; there are no fields */
    atomic_bool entry_gone;  /* the entry was deleted under the job: nobody else can own it */

    struct weir_job *next; /* in the one list the job is in */
    char entry_text[WEIR_ENTRY_ID_SIZE];

    /* The verdict: written by the thread that ends the job, read by the broker's settle. */
    enum weir_verdict verdict;
    enum weir_settled settled; /* written by settle */
    weir_dead_reason reason;   /* BURY */
    int64_t retry_delay_ms;    /* RETRY */
    char *error;               /* malloc'd text or NULL; weir.error */

    /* lib/queue's part */
    void *payload;          /* decoded, or room for it, or NULL */
    bool decoded;           /* payload holds something to clear */
    uint32_t attempt;       /* which run this is */
    int64_t asked_retry_ms; /* weir_job_retry_in; −1: not asked */
    int64_t started_us, deadline_ms;
    int state;                   /* enum weir_job_state */
    weir_outcome finish_outcome; /* of a weir_job_finish that came before the handler returned */
    bool finished;
    bool doomed; /* `reason` is set and on_dead is still to be told, instead of a run */
    bool lease_lost;
    atomic_bool cancelled;
};

/* Jobs that arrived together, and the arena they live in. */
struct weir_batch {
    struct weir_arena arena;
    struct weir_job *jobs; /* ascending entry ids */
    size_t n;
    size_t capacity;

    /* lib/queue's part: see core.h */
    struct weir_batch *prev, *next; /* all batches that are alive */
    struct weir_batch *next_ready;  /* those with unstarted jobs, in order */
    void *owner;
    size_t started; /* jobs taken, or passed over, so far */
    size_t live;    /* jobs not yet let go of */
    size_t bytes;   /* of memory, as counted against the budget */
    int64_t fetched_us;
    int64_t fetched_wall_ms; /* the same by the wall clock, to compare with entries' ids */
    int64_t renewed_us;      /* when the leases were last known to be fresh */
    bool renewing;           /* a renewal of all of its leases is on its way */
    bool claimed;            /* came from the claimer, not from the reader */
};

/* A new, empty batch; NULL without memory. The limit is what one reply may take in memory. */
struct weir_batch *weir_batch_new(size_t memory_limit);

/* Room for n jobs from the arena, for weir_batch_add to fill; n set to 0. False without memory. */
bool weir_batch_reserve(struct weir_batch *batch, size_t n);

/*
 * Appends a job made of raw fields as they lie in the stream: takes the library's own (weir.id, weir.group, …) out of
 * them into the job. `raw` is an array of the batch's arena and is reordered in place. Room must have been reserved.
 * A field of ours that doesn't parse is left among the caller's fields and otherwise ignored: nobody's job is harmed.
 */
struct weir_job *weir_batch_add(struct weir_batch *batch, struct weir_entry_id entry, weir_field *raw, size_t n_raw,
                                uint32_t deliveries);

/* The job with this entry id, or NULL. */
struct weir_job *weir_batch_find(const struct weir_batch *batch, struct weir_entry_id entry);

/* Forgets the jobs and their errors, keeps up to keep_bytes of memory. */
void weir_batch_reset(struct weir_batch *batch, size_t keep_bytes);

/* Accepts NULL. */
void weir_batch_free(struct weir_batch *batch);

/* A NUL-terminated copy of an error text, cut at WEIR_JOB_ERROR_SIZE; keeps what is there if memory fails. */
void weir_job_set_error(struct weir_job *job, const char *text);

#endif
