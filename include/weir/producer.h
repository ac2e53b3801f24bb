/* SPDX-License-Identifier: MIT
 *
 * Producers: put jobs into a stream.
 */
#ifndef WEIR_PRODUCER_H
#define WEIR_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codec.h>
#include <weir/connection.h>
#include <weir/error.h>
#include <weir/field.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_producer_options {
    size_t size;        /* sizeof(weir_producer_options) */
    const char *url;    /* see weir/connection.h. Copied. */
    const char *stream; /* any bytes but NUL, 1 … 512 of them. Copied. */
    weir_connection_options connection;

    /*
     * An enqueue is reported as accepted once so many replicas have it, too (WAIT); else, after wait_ms, it is
     * WEIR_ERR_IN_DOUBT: the primary has it, and a failover now might lose it. 0: the primary's word is enough.
     */
    uint32_t wait_replicas; /* 0 … 1000 */
    int64_t wait_ms;        /* 1 … 600000, default 1000 */
} weir_producer_options;

#define WEIR_PRODUCER_OPTIONS_INIT                                                                                     \
    {                                                                                                                  \
        sizeof(weir_producer_options), 0, 0, WEIR_CONNECTION_OPTIONS_INIT(5000), 0, 1000                               \
    }

typedef struct weir_producer weir_producer;

/* Room for every job id and its NUL. */
#define WEIR_ID_SIZE 80

typedef struct weir_id {
    char text[WEIR_ID_SIZE]; /* NUL-terminated */
} weir_id;

typedef struct weir_enqueue_options {
    size_t size;             /* sizeof(weir_enqueue_options) */
    const char *id;          /* the job's id, 1 … 79 bytes without NUL; NULL: the server gives one */
    int64_t delay_ms;        /* run this long after now, by the server's clock; 0: at once */
    int64_t run_at_ms;       /* or at this time: milliseconds since the epoch, by the server's clock; 0: unset */
    const char *traceparent; /* W3C trace context, for the handler: 55 bytes; NULL: none */

    /*
     * With an id: for so long, enqueueing this id again adds nothing, and is a success; 0: it adds another job. Counted
     * from the first enqueue, by the server's clock. A call whose outcome is in doubt then repeats itself.
     */
    int64_t idempotency_ms;
} weir_enqueue_options;

#define WEIR_ENQUEUE_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(weir_enqueue_options), 0, 0, 0, 0, 0                                                                    \
    }

/* One job of a bulk. `options` NULL: none. All is borrowed during the call. */
typedef struct weir_enqueue_job {
    const weir_fields *fields;
    const weir_enqueue_options *options;
} weir_enqueue_job;

typedef struct weir_enqueue_result {
    weir_status status;
    weir_id id;     /* on WEIR_OK: the job's id; else empty */
    bool duplicate; /* on WEIR_OK: nothing was added, since this id was enqueued within idempotency_ms; else false */
} weir_enqueue_result;

/*
 * Opens a producer for one stream; *ret is written on success only. Connects, so that a wrong URL or password is known
 * now; later it reconnects by itself, within the call that finds the connection gone.
 * Errors: WEIR_ERR_ARGUMENT, WEIR_ERR_CONNECTION, WEIR_ERR_AUTH, WEIR_ERR_UNSUPPORTED, WEIR_ERR_MEMORY. Thread: any.
 */
WEIR_API weir_status weir_producer_open(weir_producer **ret, const weir_producer_options *options, weir_error *err);

/* Closes and frees. Accepts NULL. Thread: any, once no other call on it is running. */
WEIR_API void weir_producer_close(weir_producer *producer);

/*
 * Enqueues one job and waits for the server's word. fields: 1 … WEIR_MAX_FIELDS. options and ret_id may be NULL; ret_id
 * is written on success only. Callers on several threads share round trips.
 *
 * With idempotency_ms a repeat is a success with the same id; a bulk of one job tells whether it was one. Where the
 * connection fails, the call connects again and repeats itself, for command_timeout_ms and half of the window at most:
 * WEIR_ERR_IN_DOUBT then means that the server could not be asked in that time.
 *
 * Source: XADD; with a delay a script (ZADD and HSET), with idempotency_ms another (SET with PX, and XADD). Delayed
 * jobs are moved into the stream by the workers' claimers.
 *
 * Errors: WEIR_ERR_ARGUMENT (names the field); WEIR_ERR_CONNECTION: not sent, safe to repeat; WEIR_ERR_IN_DOUBT: sent,
 * and the connection failed before the answer: repeating may enqueue it twice, unless idempotency_ms is set;
 * WEIR_ERR_FULL; WEIR_ERR_UNAVAILABLE; WEIR_ERR_EXISTS (a delayed job with this id exists); WEIR_ERR_PERMISSION;
 * WEIR_ERR_SERVER; WEIR_ERR_MEMORY. Thread: any.
 */
WEIR_API weir_status weir_enqueue(weir_producer *producer, const weir_fields *fields,
                                  const weir_enqueue_options *options, weir_id *ret_id, weir_error *err);

/* The same for a payload that the codec encodes. Errors: also WEIR_ERR_DECODE, from the encoder. Thread: any. */
WEIR_API weir_status weir_enqueue_payload(weir_producer *producer, const weir_codec *codec, const void *payload,
                                          const weir_enqueue_options *options, weir_id *ret_id, weir_error *err);

/*
 * Enqueues n jobs in order through one pipeline. results: n of them, or NULL. All jobs are checked before anything is
 * sent: WEIR_ERR_ARGUMENT means that none was. n = 0 is success. Returns WEIR_OK where every job was accepted, else the
 * status of the first that was not, with err saying which; the other jobs are unaffected: look at the results.
 * Errors: as weir_enqueue, for each job. Thread: any.
 */
WEIR_API weir_status weir_enqueue_bulk(weir_producer *producer, const weir_enqueue_job *jobs, size_t n,
                                       weir_enqueue_result *results, weir_error *err);

/*
 * The same for n payloads that the codec encodes, which lie one after the other, codec->struct_size bytes each.
 * options: n of them, or NULL. All are encoded first, so that one that can't be encoded means that nothing was sent.
 * Errors: also WEIR_ERR_DECODE, from the encoder, with err saying for which job. Thread: any.
 */
WEIR_API weir_status weir_enqueue_payload_bulk(weir_producer *producer, const weir_codec *codec, const void *payloads,
                                               size_t n, const weir_enqueue_options *options,
                                               weir_enqueue_result *results, weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
