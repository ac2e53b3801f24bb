/* SPDX-License-Identifier: MIT
 *
 * The job object and the batch it lives in.
 *
 * A broker makes a batch from one reply: the reply's strings are already in the batch's arena, so a job is an array
 * slot that points into it, and nothing is allocated for each job but an error text, if it fails.
 *
 * What must stay true: fields of ours never reach a handler as fields, and a field that only looks like ours (a number
 * that doesn't parse) harms nothing: it stays an ordinary field, so that it still travels with the job.
 */
#include "job/job.h"

#include "base/number.h"
#include "job/names.h"
#include "job/trace.h"

#include <stdlib.h>
#include <string.h>

struct weir_batch *weir_batch_new(size_t memory_limit)
{
    struct weir_batch *batch = calloc(1, sizeof *batch);
    if (batch)
        weir_arena_init(&batch->arena, memory_limit);
    return batch;
}

bool weir_batch_reserve(struct weir_batch *batch, size_t n)
{
    if (n > SIZE_MAX / sizeof *batch->jobs)
        return false;
    batch->jobs = weir_arena_alloc(&batch->arena, n * sizeof *batch->jobs);
    batch->capacity = batch->jobs ? n : 0;
    batch->n = 0;
    return batch->jobs != NULL;
}

static bool is_named(const weir_field *field, const char *name, size_t len)
{
    return field->name_len == len && memcmp(field->name, name, len) == 0;
}
#define IS_NAMED(field, literal) is_named(field, literal, sizeof(literal) - 1)

/* Takes a field of ours into the job. False where it isn't ours, or makes no sense. */
static bool take_own_field(struct weir_job *job, const weir_field *field)
{
    if (field->name_len < sizeof WEIR_RESERVED_PREFIX ||
        memcmp(field->name, WEIR_RESERVED_PREFIX, sizeof WEIR_RESERVED_PREFIX - 1) != 0)
        return false;

    if (IS_NAMED(field, WEIR_NAME_ID)) {
        if (field->value_len == 0 || field->value_len >= WEIR_ID_SIZE || memchr(field->value, '\0', field->value_len))
            return false;
        job->own_id = field->value;
        return true;
    }
    if (IS_NAMED(field, WEIR_NAME_GROUP)) {
        if (field->value_len > 0) {
            job->group = field->value;
            job->group_len = field->value_len;
        }
        return true;
    }
    if (IS_NAMED(field, WEIR_NAME_ATTEMPTS)) {
        uint64_t attempts;
        if (!weir_parse_u64(field->value, field->value_len, &attempts) || attempts > UINT32_MAX - 1)
            return false;
        job->attempts = (uint32_t)attempts;
        return true;
    }
    if (IS_NAMED(field, WEIR_NAME_FIRST_ENQUEUED)) {
        int64_t enqueued_ms;
        if (!weir_parse_i64(field->value, field->value_len, &enqueued_ms) || enqueued_ms < 0)
            return false;
        job->enqueued_ms = enqueued_ms;
        return true;
    }
    if (IS_NAMED(field, WEIR_NAME_TRACEPARENT)) {
        if (!weir_is_traceparent(field->value, field->value_len))
            return false;
        job->traceparent = field->value;
        return true;
    }
    return false;
}

struct weir_job *weir_batch_add(struct weir_batch *batch, struct weir_entry_id entry, weir_field *raw, size_t n_raw,
                                uint32_t deliveries)
{
    struct weir_job *job = &batch->jobs[batch->n++];
    *job = (struct weir_job){
        .batch = batch,
        .entry = entry,
        .deliveries = deliveries,
        .enqueued_ms = entry.ms > INT64_MAX ? INT64_MAX : (int64_t)entry.ms,
        .asked_retry_ms = -1,
    };

    size_t kept = 0;
    for (size_t i = 0; i < n_raw; i++)
        if (!take_own_field(job, &raw[i]))
            raw[kept++] = raw[i];
    job->fields = (weir_fields){raw, kept};
    return job;
}

struct weir_job *weir_batch_find(const struct weir_batch *batch, struct weir_entry_id entry)
{
    size_t low = 0, high = batch->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = weir_entry_id_compare(batch->jobs[middle].entry, entry);
        if (order == 0)
            return &batch->jobs[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void weir_batch_reset(struct weir_batch *batch, size_t keep_bytes)
{
    for (size_t i = 0; i < batch->n; i++)
        free(batch->jobs[i].error);
    batch->jobs = NULL;
    batch->n = batch->capacity = 0;
    batch->started = batch->live = batch->bytes = 0;
    batch->claimed = false;
    batch->prev = batch->next = batch->next_ready = NULL;
    weir_arena_reset(&batch->arena, keep_bytes);
}

void weir_batch_free(struct weir_batch *batch)
{
    if (!batch)
        return;
    weir_batch_reset(batch, 0);
    free(batch);
}

void weir_job_set_error(struct weir_job *job, const char *text)
{
    size_t len = strnlen(text, WEIR_JOB_ERROR_SIZE - 1);
    char *copy = malloc(len + 1);
    if (!copy)
        return;
    memcpy(copy, text, len);
    copy[len] = '\0';
    free(job->error);
    job->error = copy;
}

const char *weir_job_entry_id(const weir_job *job)
{
    if (!job)
        return "";
    /* formatted on first use; a job is on one thread at a time */
    if (job->entry_text[0] == '\0')
        weir_entry_id_format(job->entry, ((weir_job *)job)->entry_text);
    return job->entry_text;
}

const char *weir_job_id(const weir_job *job)
{
    return job && job->own_id ? job->own_id : weir_job_entry_id(job);
}

uint32_t weir_job_deliveries(const weir_job *job)
{
    return job ? job->deliveries : 0;
}

const char *weir_job_field(const weir_job *job, const char *name, size_t *ret_len)
{
    if (!job || !name)
        return NULL;
    size_t name_len = strlen(name);
    for (size_t i = job->fields.n; i-- > 0;) {
        const weir_field *field = &job->fields.items[i];
        if (!is_named(field, name, name_len))
            continue;
        if (ret_len)
            *ret_len = field->value_len;
        return field->value;
    }
    return NULL;
}

const weir_fields *weir_job_fields(const weir_job *job)
{
    static const weir_fields none = {NULL, 0};
    return job ? &job->fields : &none;
}

int64_t weir_job_enqueued_ms(const weir_job *job)
{
    return job ? job->enqueued_ms : 0;
}

const char *weir_job_traceparent(const weir_job *job)
{
    return job ? job->traceparent : NULL;
}

const char *weir_dead_reason_text(weir_dead_reason reason)
{
#define REASON_TEXT(name, text) text,
    static const char *const texts[] = {WEIR_DEAD_REASON_TABLE(REASON_TEXT)};
#undef REASON_TEXT
    return (unsigned)reason < sizeof texts / sizeof *texts ? texts[reason] : "unknown";
}
