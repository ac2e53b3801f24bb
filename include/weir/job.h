/* SPDX-License-Identifier: MIT
 *
 * The job, as a handler sees it.
 *
 * A job and everything it hands out (fields, payload, texts) belongs to the library and is valid from the call of the
 * handler until the handler returns, or, where it returned WEIR_LATER, until weir_job_finish.
 */
#ifndef WEIR_JOB_H
#define WEIR_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/error.h>
#include <weir/field.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_job weir_job;

typedef enum weir_outcome {
    WEIR_DONE,   /* acked (XACK); the job is finished */
    WEIR_RETRY,  /* failed: runs again after the backoff, or is dead when max_attempts is reached */
    WEIR_REJECT, /* failed for good: goes to the dead letters now ("rejected") */
    WEIR_LATER   /* goes on asynchronously: keeps its slot until weir_job_finish is called, once, from any thread */
} weir_outcome;

/*
 * Runs one job. Called on worker threads of the queue, up to `concurrency` at once. A value that is none of the above
 * counts as WEIR_RETRY with an error text that says so. It may enqueue, and may call anything of weir but
 * weir_queue_stop and weir_queue_close of its own queue (WEIR_ERR_STATE).
 */
typedef weir_outcome (*weir_handler)(weir_job *job, void *user_data);

/*
 * The job's id: the caller's own where one was given on enqueue, else the id of the stream entry that it first was.
 * It stays the same over retries. Borrowed, NUL-terminated. Thread: the job's.
 */
WEIR_API const char *weir_job_id(const weir_job *job);

/* The id of the stream entry that is being run ("1700000000000-0"). Borrowed, NUL-terminated. Thread: the job's. */
WEIR_API const char *weir_job_entry_id(const weir_job *job);

/* Which run this is, from 1: the runs that reported failure, plus this one (field weir.attempts). Thread: any. */
WEIR_API uint32_t weir_job_attempt(const weir_job *job);

/* How often the group handed this entry out, from 1 (XPENDING's delivery count). Thread: any. */
WEIR_API uint32_t weir_job_deliveries(const weir_job *job);

/*
 * The value of the last field of this name, NUL-terminated beyond its length; NULL if there is none. *ret_len (may be
 * NULL) gets its length. Borrowed. Thread: any.
 */
WEIR_API const char *weir_job_field(const weir_job *job, const char *name, size_t *ret_len);

/* All fields, in the order in which they were enqueued, without the library's own. Borrowed. Thread: any. */
WEIR_API const weir_fields *weir_job_fields(const weir_job *job);

/* The struct that the queue's codec decoded; NULL without a codec. Borrowed. Thread: the job's. */
WEIR_API const void *weir_job_payload(const weir_job *job);

/* When the job was first enqueued: milliseconds since the epoch, by the server's clock. Thread: any. */
WEIR_API int64_t weir_job_enqueued_ms(const weir_job *job);

/*
 * The W3C traceparent of whoever enqueued the job, 55 bytes and a NUL, for a span of the handler's to have as its
 * parent; NULL where it has none. It stays the same over delays, retries and dead letters. Borrowed. Thread: any.
 */
WEIR_API const char *weir_job_traceparent(const weir_job *job);

/* Until when the job may run: milliseconds of CLOCK_MONOTONIC; INT64_MAX where max_run_ms is 0. Thread: any. */
WEIR_API int64_t weir_job_deadline(const weir_job *job);

/*
 * True once the job should end early: its lease was lost, the queue is being stopped, or max_run_ms has passed.
 * Cheap; long handlers ask now and then. Thread: any.
 */
WEIR_API bool weir_job_cancelled(const weir_job *job);

/*
 * Says why the job fails (printf-style): shown in the dead letters as weir.error and in events. Up to 1,023 bytes are
 * kept; the last call counts. Meaningful before WEIR_RETRY or WEIR_REJECT. Thread: the job's.
 */
WEIR_API void weir_job_error(weir_job *job, const char *format, ...) WEIR_PRINTF(2, 3);

/*
 * Sets the delay of the WEIR_RETRY that follows, instead of the backoff's: milliseconds, 0 or more; negative is
 * ignored. Works with every backoff kind (with WEIR_BACKOFF_NONE, too, the job then goes through the delayed set).
 * Thread: the job's.
 */
WEIR_API void weir_job_retry_in(weir_job *job, int64_t delay_ms);

/*
 * Ends a job whose handler returned (or is about to return) WEIR_LATER. `outcome` is WEIR_DONE, WEIR_RETRY or
 * WEIR_REJECT. Once it has returned WEIR_OK the job must not be touched again. A job that is never finished keeps its
 * slot, and its memory for as long as the process lives. May be called after weir_queue_close: then it only frees.
 *
 * Errors: WEIR_ERR_ARGUMENT (job NULL, or another outcome), WEIR_ERR_STATE (finished already, or not handed out as
 * WEIR_LATER; seen only while the library still holds the job: finishing twice is a bug of the caller).
 * Thread: any, also before the handler has returned.
 */
WEIR_API weir_status weir_job_finish(weir_job *job, weir_outcome outcome);

#ifdef __cplusplus
}
#endif
#endif
