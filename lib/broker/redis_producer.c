/* SPDX-License-Identifier: MIT
 *
 * Enqueueing: XADD, or the delay script, as one pipeline that is written and read at the same time.
 *
 * What must stay true: every job ends with the status that is true of it. Accepted and refused are the server's words.
 * When the connection fails, a job whose command was not given to the kernel whole can't have been executed and is
 * WEIR_ERR_CONNECTION; one that was is WEIR_ERR_IN_DOUBT. Nothing is ever sent twice from here.
 */
#include "base/error.h"
#include "broker/redis_session.h"
#include "job/names.h"
#include "job/pack.h"
#include "scripts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    PIPELINE_JOBS = 4096,        /* sent and not answered, at most */
    PIPELINE_REFILL = 1024,      /* more are written once fewer than so many are unanswered */
    PIPELINE_BYTES = 256 * 1024, /* written at once, about */
    REPLIES_A_RESET = 256,
};

static bool is_delayed(const struct weir_broker_add *job)
{
    return job->options && (job->options->delay_ms > 0 || job->options->run_at_ms > 0);
}

static const char *own_id(const struct weir_broker_add *job)
{
    return job->options ? job->options->id : NULL;
}

static const char *traceparent_of(const struct weir_broker_add *job)
{
    return job->options ? job->options->traceparent : NULL;
}

static void append_now(struct redis_session *session, struct weir_buffer *out, const struct weir_broker_add *job)
{
    const char *id = own_id(job), *traceparent = traceparent_of(job);
    weir_command_begin(out, 3 + 2 * (job->fields->n + (id ? 1 : 0) + (traceparent ? 1 : 0)));
    weir_command_text(out, "XADD");
    redis_key(out, &session->broker->keys.stream);
    weir_command_text(out, "*");
    for (size_t i = 0; i < job->fields->n; i++) {
        weir_command_bytes(out, job->fields->items[i].name, job->fields->items[i].name_len);
        weir_command_bytes(out, job->fields->items[i].value, job->fields->items[i].value_len);
    }
    if (id) {
        weir_command_text(out, WEIR_NAME_ID);
        weir_command_text(out, id);
    }
    if (traceparent) {
        weir_command_text(out, WEIR_NAME_TRACEPARENT);
        weir_command_text(out, traceparent);
    }
}

static void append_delayed(struct redis_session *session, struct weir_buffer *out, struct weir_broker_add *job)
{
    if (own_id(job))
        snprintf(job->id.text, sizeof job->id.text, "%s", own_id(job));
    else
        snprintf(job->id.text, sizeof job->id.text, "d%016" PRIx64 "%016" PRIx64, weir_random_u64(&session->random),
                 weir_random_u64(&session->random));

    struct weir_buffer *bytes = &session->arguments;
    weir_buffer_clear(bytes, SIZE_MAX);
    struct weir_packed_job packed = {.group = "", .traceparent = traceparent_of(job), .fields = *job->fields};
    weir_pack_job(bytes, &packed);
    if (bytes->failed)
        out->failed = true;
    /* the array's header, the attempts (0, one byte), then the time */
    size_t elements = 3 + 2 * (job->fields->n + (packed.traceparent ? 1 : 0));
    int64_t time_at = (elements < 16 ? 1 : elements < 65536 ? 3 : 5) + 1;

    bool at = job->options->run_at_ms > 0;
    weir_script_begin(out, &weir_script_delay, 2, 5);
    redis_key(out, &session->broker->keys.delayed);
    redis_key(out, &session->broker->keys.delayed_jobs);
    weir_command_text(out, at ? "at" : "in");
    weir_command_i64(out, at ? job->options->run_at_ms : job->options->delay_ms);
    weir_command_text(out, job->id.text);
    weir_command_bytes(out, bytes->bytes, bytes->len);
    weir_command_i64(out, time_at);
}

static void append_job(struct redis_session *session, struct weir_broker_add *job)
{
    struct weir_buffer *out = weir_connection_out(session->connection);
    if (is_delayed(job))
        append_delayed(session, out, job);
    else
        append_now(session, out, job);
    job->end = weir_connection_appended(session->connection);
}

/* What one answer says of its job. *missing: the script has to be loaded and the job sent again. */
static weir_status read_answer(struct redis_session *session, struct weir_broker_add *job,
                               const struct weir_reply *reply, bool *missing, weir_error *err)
{
    bool delayed = is_delayed(job);
    if (delayed && weir_script_missing(reply)) {
        *missing = true;
        job->id.text[0] = '\0'; /* sent again, it gets another one */
        return job->status = WEIR_ERR_UNAVAILABLE;
    }
    weir_status status = redis_check(session, reply, delayed ? "delay" : "XADD", err);
    if (status == WEIR_OK && delayed) {
        if (reply->kind != WEIR_REPLY_INTEGER)
            status = redis_surprise(session, "delay", err);
        else if (reply->integer == 0)
            status = weir_error_set(err, WEIR_ERR_EXISTS, "a delayed job with the id \"%.79s\" exists already",
                                    job->id.text);
    }
    if (status == WEIR_OK && !delayed) {
        struct weir_entry_id id;
        if (!weir_reply_is_text(reply) || reply->len >= WEIR_ID_SIZE ||
            !weir_entry_id_parse(reply->text, reply->len, &id))
            status = redis_surprise(session, "XADD", err);
        else
            snprintf(job->id.text, sizeof job->id.text, "%s", own_id(job) ? own_id(job) : reply->text);
    }
    if (status != WEIR_OK)
        job->id.text[0] = '\0';
    return job->status = status;
}

/* The connection failed: what is certain about each job that has no answer. */
static void mark_unanswered(struct redis_session *session, struct weir_broker_add *jobs, size_t n, size_t n_sent,
                            weir_status failure)
{
    uint64_t sent = weir_connection_sent(session->connection);
    for (size_t i = 0; i < n; i++) {
        bool given_away = i < n_sent && jobs[i].end <= sent;
        jobs[i].status = given_away ? WEIR_ERR_IN_DOUBT : failure == WEIR_ERR_MEMORY ? failure : WEIR_ERR_CONNECTION;
        jobs[i].id.text[0] = '\0';
    }
}

/* Sends the jobs and reads the answers. Returns the first failure; *ret_missing: some need the script. */
static weir_status run_pipeline(struct redis_session *session, struct weir_broker_add *jobs, size_t n,
                                bool *ret_missing, weir_error *err)
{
    weir_status first = WEIR_OK;
    size_t sent = 0;
    for (size_t answered = 0; answered < n; answered++) {
        if (sent - answered < PIPELINE_REFILL) {
            uint64_t before = weir_connection_appended(session->connection);
            while (sent < n && sent - answered < PIPELINE_JOBS &&
                   weir_connection_appended(session->connection) - before < PIPELINE_BYTES)
                append_job(session, &jobs[sent++]);
        }
        if (answered % REPLIES_A_RESET == 0)
            weir_arena_reset(&session->scratch, 64 * 1024);

        struct weir_reply *reply;
        weir_error *words = first == WEIR_OK ? err : NULL;
        weir_status status = redis_next(session, &session->scratch, &reply, words);
        if (status != WEIR_OK) {
            mark_unanswered(session, jobs + answered, n - answered, sent - answered, status);
            if (words && words->code != jobs[answered].status)
                weir_error_set(words, jobs[answered].status, "%s", weir_status_text(jobs[answered].status));
            return first == WEIR_OK ? jobs[answered].status : first;
        }
        bool missing = false;
        status = read_answer(session, &jobs[answered], reply, &missing, words);
        *ret_missing |= missing;
        if (first == WEIR_OK && !missing)
            first = status;
    }
    return first;
}

weir_status redis_add(struct weir_session *base, struct weir_broker_add *jobs, size_t n, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    if (!weir_connection_still_open(session->connection))
        session->base.ops->disconnect(base);
    weir_status status = session->base.ops->connect(base, err);
    if (status == WEIR_OK)
        status = redis_begin(session, err);
    if (status != WEIR_OK) {
        mark_unanswered(session, jobs, n, 0, status);
        for (size_t i = 0; i < n; i++)
            jobs[i].status = status;
        return status;
    }

    bool missing = false;
    weir_status first = run_pipeline(session, jobs, n, &missing, err);
    if (!missing || !weir_connection_is_up(session->connection))
        return first;

    /* The script was not there: load it, and send those jobs again, each in its turn. */
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].status != WEIR_ERR_UNAVAILABLE || !is_delayed(&jobs[i]))
            continue;
        weir_error *words = first == WEIR_OK ? err : NULL;
        bool still_missing = false;
        status = missing ? weir_script_load(session->connection, &weir_script_delay, words) : WEIR_OK;
        if (status == WEIR_OK)
            status = run_pipeline(session, &jobs[i], 1, &still_missing, words);
        else
            jobs[i].status = weir_error_nothing_sent(status, words);
        if (still_missing)
            status = weir_error_set(words, WEIR_ERR_UNAVAILABLE, "the server keeps losing its scripts");
        missing = still_missing;
        if (first == WEIR_OK)
            first = jobs[i].status;
    }
    return first;
}
