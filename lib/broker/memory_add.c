/* SPDX-License-Identifier: MIT
 *
 * The in-process broker: how jobs come into a stream, at once or by way of the delayed set.
 *
 * Called through the vtable in memory_broker.c by producers (add) and claimers (promote). A delayed job is kept as the
 * very record that its entry will be, with our fields in it, so that promoting it only moves a pointer.
 *
 * What must stay true: a job is in the delayed set until it is in the stream, under one lock; each job of an add
 * succeeds or fails for itself; an id is in its window if and only if its job was added.
 */
#include "broker/memory_broker.h"

#include "base/clock.h"
#include "base/error.h"
#include "job/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static weir_status add_now(struct memory_stream *stream, struct weir_broker_add *job, weir_error *err)
{
    const char *id = job->options ? job->options->id : NULL;
    struct memory_own_fields fields = {0};
    if (id)
        weir_memory_own_text(&fields, WEIR_NAME_ID, id);
    if (job->options && job->options->traceparent)
        weir_memory_own_text(&fields, WEIR_NAME_TRACEPARENT, job->options->traceparent);
    struct memory_record *record = weir_memory_record_new(*job->fields, fields.items, fields.n);
    struct weir_entry_id entry;
    if (!record || !weir_memory_stream_append(stream, record, &entry)) {
        free(record);
        return weir_memory_failed(err);
    }
    if (id)
        snprintf(job->id.text, sizeof job->id.text, "%s", id);
    else
        weir_entry_id_format(entry, job->id.text);
    return WEIR_OK;
}

/* Makes up a job id, unique in the stream, that sorts by the time of its making. */
static void generate_id(struct memory_stream *stream, char out[WEIR_ID_SIZE])
{
    do /* never twice, unless somebody chose such an id */
        snprintf(out, WEIR_ID_SIZE, "%013" PRId64 "-d%010" PRIu64, weir_wall_ms(), stream->n_generated++);
    while (weir_memory_delayed_find(&stream->delayed, out));
}

static weir_status add_delayed(struct memory_stream *stream, struct weir_broker_add *job, weir_error *err)
{
    int64_t now_ms = weir_wall_ms();
    weir_id id;
    if (job->options->id)
        snprintf(id.text, sizeof id.text, "%s", job->options->id);
    else
        generate_id(stream, id.text);
    if (weir_memory_delayed_find(&stream->delayed, id.text))
        return weir_error_set(err, WEIR_ERR_EXISTS, "a delayed job with the id \"%s\" exists already", id.text);

    struct memory_own_fields fields = {0};
    weir_memory_own_text(&fields, WEIR_NAME_ID, id.text);
    weir_memory_own_number(&fields, WEIR_NAME_FIRST_ENQUEUED, now_ms);
    if (job->options->traceparent)
        weir_memory_own_text(&fields, WEIR_NAME_TRACEPARENT, job->options->traceparent);
    struct memory_record *record = weir_memory_record_new(*job->fields, fields.items, fields.n);
    int64_t due_ms =
        job->options->run_at_ms > 0 ? job->options->run_at_ms : weir_time_add(now_ms, job->options->delay_ms);
    if (!record || !weir_memory_delayed_add(&stream->delayed, id.text, due_ms, record)) {
        free(record);
        return weir_memory_failed(err);
    }
    job->id = id;
    return WEIR_OK;
}

/* Forgets the ids whose windows have ended. */
static void close_windows(struct memory_stream *stream)
{
    int64_t now_ms = weir_now_ms();
    const struct memory_delayed *first;
    while ((first = weir_memory_delayed_first(&stream->once)) && first->due_ms <= now_ms)
        weir_memory_delayed_pop(&stream->once);
}

static weir_status add_one(struct memory_stream *stream, struct weir_broker_add *job, weir_error *err)
{
    const weir_enqueue_options *options = job->options;
    bool delayed = options && (options->delay_ms > 0 || options->run_at_ms > 0);
    job->duplicate = job->later = false;
    if (!options || options->idempotency_ms == 0)
        return delayed ? add_delayed(stream, job, err) : add_now(stream, job, err);

    close_windows(stream);
    if (weir_memory_delayed_find(&stream->once, options->id)) {
        job->duplicate = true;
        snprintf(job->id.text, sizeof job->id.text, "%s", options->id);
        return WEIR_OK;
    }
    int64_t until_ms = weir_time_add(weir_now_ms(), options->idempotency_ms);
    if (!weir_memory_delayed_add(&stream->once, options->id, until_ms, NULL))
        return weir_memory_failed(err);
    weir_status status = delayed ? add_delayed(stream, job, err) : add_now(stream, job, err);
    if (status != WEIR_OK)
        weir_memory_delayed_remove(&stream->once, options->id);
    return status;
}

weir_status weir_memory_add(struct weir_session *session, struct weir_broker_add *jobs, size_t n, weir_error *err)
{
    weir_status first_failure = weir_memory_connect(session, err);
    if (first_failure == WEIR_OK)
        first_failure = weir_memory_enter(session, err);
    if (first_failure != WEIR_OK) {
        for (size_t i = 0; i < n; i++)
            jobs[i].status = first_failure;
        return first_failure;
    }

    struct memory_stream *stream = memory_broker_of(session)->stream;
    for (size_t i = 0; i < n; i++) {
        jobs[i].status = add_one(stream, &jobs[i], first_failure == WEIR_OK ? err : NULL);
        if (first_failure == WEIR_OK)
            first_failure = jobs[i].status;
    }
    pthread_cond_broadcast(&memory_broker_of(session)->store->changed);
    weir_memory_exit(session);
    return first_failure;
}

/* The record of a delayed job already has the fields of ours that its entry is to have. */
weir_status weir_memory_promote(struct weir_session *session, size_t limit, size_t *ret_moved, int64_t *ret_next_ms,
                                weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;

    struct memory_stream *stream = memory_broker_of(session)->stream;
    int64_t now_ms = weir_wall_ms();
    size_t moved = 0;
    const struct memory_delayed *first;
    while ((first = weir_memory_delayed_first(&stream->delayed)) && first->due_ms <= now_ms && moved < limit) {
        if (!weir_memory_stream_append(stream, first->record, NULL)) {
            status = weir_memory_failed(err);
            break;
        }
        weir_memory_delayed_pop(&stream->delayed);
        moved++;
    }
    if (moved > 0)
        pthread_cond_broadcast(&memory_broker_of(session)->store->changed);
    if (status == WEIR_OK) {
        *ret_moved = moved;
        *ret_next_ms = !first ? -1 : first->due_ms > now_ms ? first->due_ms - now_ms : 0;
    }
    weir_memory_exit(session);
    return status;
}
