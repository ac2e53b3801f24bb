/* SPDX-License-Identifier: MIT
 *
 * Enqueueing: XADD, or a script for delayed and for idempotent jobs, as one pipeline that is written and read at the
 * same time.
 *
 * What must stay true: every job ends with the status that is true of it. Accepted and refused are the server's words.
 * When the connection fails, a job whose command was not given to the kernel whole can't have been executed and is
 * WEIR_ERR_CONNECTION; one that was is WEIR_ERR_IN_DOUBT. Nothing that may have been executed is ever sent twice from
 * here. The caller may: an idempotent job keeps its token, by which the script tells a repeat of this very enqueue,
 * which is an ordinary success, from another enqueue of the same id, which is a duplicate. And a job that a replaced
 * primary or a slot on its way has refused is marked `later`.
 *
 * Where replicas have to confirm, one WAIT stands at the end of each pipeline, for all of its jobs.
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
    PIPELINE_BYTES = 256 * 1024, /* written at once, about, */
    PUSH_BYTES = 16 * 1024,      /* and given to the kernel in pieces, so that the server begins with the first */
    REPLIES_A_RESET = 256,
    LOADS = 2, /* of scripts that the server lost, before it is taken for one that keeps losing them */
};

static bool is_delayed(const struct weir_broker_add *job)
{
    return job->options && (job->options->delay_ms > 0 || job->options->run_at_ms > 0);
}

static bool is_idempotent(const struct weir_broker_add *job)
{
    return job->options && job->options->idempotency_ms > 0;
}

static const struct weir_script *script_of(const struct weir_broker_add *job)
{
    return is_delayed(job) ? &weir_script_delay : is_idempotent(job) ? &weir_script_once : NULL;
}

static const char *own_id(const struct weir_broker_add *job)
{
    return job->options ? job->options->id : NULL;
}

static const char *traceparent_of(const struct weir_broker_add *job)
{
    return job->options ? job->options->traceparent : NULL;
}

static size_t count_fields(const struct weir_broker_add *job)
{
    return job->fields->n + (own_id(job) ? 1 : 0) + (traceparent_of(job) ? 1 : 0);
}

static void append_fields(struct weir_buffer *out, const struct weir_broker_add *job)
{
    for (size_t i = 0; i < job->fields->n; i++) {
        weir_command_bytes(out, job->fields->items[i].name, job->fields->items[i].name_len);
        weir_command_bytes(out, job->fields->items[i].value, job->fields->items[i].value_len);
    }
    if (own_id(job)) {
        weir_command_text(out, WEIR_NAME_ID);
        weir_command_text(out, own_id(job));
    }
    if (traceparent_of(job)) {
        weir_command_text(out, WEIR_NAME_TRACEPARENT);
        weir_command_text(out, traceparent_of(job));
    }
}

static void append_now(struct redis_session *session, struct weir_buffer *out, const struct weir_broker_add *job)
{
    weir_command_begin(out, 3 + 2 * count_fields(job));
    weir_command_text(out, "XADD");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, "*");
    append_fields(out, job);
}

static void append_once_key(struct redis_session *session, struct weir_buffer *out, const struct weir_broker_add *job)
{
    char key[WEIR_ONCE_KEY_SIZE];
    weir_command_bytes(out, key, weir_keys_once(session->keys, own_id(job), key));
}

static void append_window(struct redis_session *session, struct weir_buffer *out, struct weir_broker_add *job)
{
    while (job->token == 0)
        job->token = weir_random_u64(&session->random);
    char token[17];
    snprintf(token, sizeof token, "%016" PRIx64, job->token);
    weir_command_i64(out, job->options->idempotency_ms);
    weir_command_text(out, token);
}

static void append_once(struct redis_session *session, struct weir_buffer *out, struct weir_broker_add *job)
{
    redis_script_begin(session, out, &weir_script_once, 2, 2 + 2 * count_fields(job));
    redis_key(out, &session->keys->stream);
    append_once_key(session, out, job);
    append_window(session, out, job);
    append_fields(out, job);
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
    bool once = is_idempotent(job);
    redis_script_begin(session, out, &weir_script_delay, once ? 3 : 2, once ? 7 : 5);
    redis_key(out, &session->keys->delayed);
    redis_key(out, &session->keys->delayed_jobs);
    if (once)
        append_once_key(session, out, job);
    weir_command_text(out, at ? "at" : "in");
    weir_command_i64(out, at ? job->options->run_at_ms : job->options->delay_ms);
    weir_command_text(out, job->id.text);
    weir_command_bytes(out, bytes->bytes, bytes->len);
    weir_command_i64(out, time_at);
    if (once)
        append_window(session, out, job);
}

static void append_job(struct redis_session *session, struct weir_broker_add *job)
{
    struct weir_buffer *out = weir_connection_out(session->connection);
    job->duplicate = job->again = job->later = false;
    if (is_delayed(job))
        append_delayed(session, out, job);
    else if (is_idempotent(job))
        append_once(session, out, job);
    else
        append_now(session, out, job);
    job->end = weir_connection_appended(session->connection);
}

/* 1: added, maybe by an earlier sending of this very job; 2 or, where it isn't delayed, 0: another one was. */
static weir_status read_number(struct redis_session *session, struct weir_broker_add *job, int64_t number,
                               weir_error *err)
{
    bool delayed = is_delayed(job);
    if (delayed && number == 0)
        return weir_error_set(err, WEIR_ERR_EXISTS, "a delayed job with the id \"%.79s\" exists already", job->id.text);
    job->duplicate = is_idempotent(job) && number == (delayed ? 2 : 0);
    return number == 1 || job->duplicate ? WEIR_OK : redis_surprise(session, script_of(job)->name, err);
}

/* One pipeline, and what it has found. */
struct pipeline {
    struct redis_session *session;
    bool missing; /* some script has to be loaded */
    bool leave;   /* the server is not the one to talk to any more */
    bool waits;   /* a WAIT stands at its end */
};

/* What one answer says of its job. */
static weir_status read_answer(struct pipeline *pipeline, struct weir_broker_add *job, const struct weir_reply *reply,
                               weir_error *err)
{
    struct redis_session *session = pipeline->session;
    const struct weir_script *script = script_of(job);
    if (script && weir_script_missing(reply)) {
        pipeline->missing = job->again = true;
        job->id.text[0] = '\0'; /* sent again, it gets another one */
        return job->status = WEIR_ERR_UNAVAILABLE;
    }
    const char *name = script ? script->name : "XADD";
    bool leave; /* once all is answered: what was sent has been refused, or not */
    weir_status status = redis_judge(session, reply, name, &leave, err);
    job->later = session->broker->url.kind != WEIR_URL_DIRECT && (leave || weir_reply_starts_with(reply, "TRYAGAIN"));
    pipeline->leave |= leave || weir_reply_starts_with(reply, "ERR Protocol error"); /* then it hangs up */
    struct weir_entry_id entry;
    if (status == WEIR_OK && script && reply->kind == WEIR_REPLY_INTEGER)
        status = read_number(session, job, reply->integer, err);
    else if (status == WEIR_OK && (is_delayed(job) || !weir_reply_is_text(reply) || reply->len >= WEIR_ID_SIZE ||
                                   !weir_entry_id_parse(reply->text, reply->len, &entry)))
        status = redis_surprise(session, name, err);
    if (status == WEIR_OK && !is_delayed(job)) {
        const char *id = own_id(job);
        size_t len = id ? strnlen(id, WEIR_ID_SIZE - 1) : reply->len;
        memcpy(job->id.text, id ? id : reply->text, len);
        job->id.text[len] = '\0';
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
        jobs[i].again = jobs[i].later = false;
    }
}

/* --- the pipeline --- */

/*
 * Writes more commands, where the server may soon have none left, and the WAIT after the last. Fails where the
 * connection does.
 */
static weir_status refill(const struct pipeline *pipeline, struct weir_broker_add *jobs, size_t n, size_t answered,
                          size_t *sent, weir_error *err)
{
    if (*sent == n || *sent - answered >= PIPELINE_REFILL)
        return WEIR_OK;
    struct weir_connection *connection = pipeline->session->connection;
    uint64_t before = weir_connection_appended(connection), pushed = before;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && *sent < n && *sent - answered < PIPELINE_JOBS &&
           weir_connection_appended(connection) - before < PIPELINE_BYTES) {
        append_job(pipeline->session, &jobs[(*sent)++]);
        if (weir_connection_appended(connection) - pushed >= PUSH_BYTES) {
            pushed = weir_connection_appended(connection);
            status = weir_connection_push(connection, err);
        }
    }
    if (status == WEIR_OK && *sent == n && pipeline->waits)
        redis_append_wait(pipeline->session, weir_connection_out(connection));
    return status;
}

/* Sends the jobs and reads the answers. Returns the first failure; *ret_missing: some need the script. */
static weir_status run_pipeline(struct redis_session *session, struct weir_broker_add *jobs, size_t n,
                                bool *ret_missing, weir_error *err)
{
    struct pipeline pipeline = {.session = session, .waits = redis_config(session)->wait_replicas > 0 && n > 0};
    weir_status first = WEIR_OK;
    size_t sent = 0;
    for (size_t answered = 0; answered < n; answered++) {
        if (answered % REPLIES_A_RESET == 0)
            weir_arena_reset(&session->scratch, 64 * 1024);

        struct weir_reply *reply;
        weir_error *words = first == WEIR_OK ? err : NULL;
        weir_status status = refill(&pipeline, jobs, n, answered, &sent, words);
        if (status == WEIR_OK)
            status = redis_next(session, &session->scratch, &reply, words);
        if (status != WEIR_OK) {
            mark_unanswered(session, jobs + answered, n - answered, sent - answered, status);
            if (words) { /* which say what happened to the connection */
                words->code = jobs[answered].status;
                words->retriable = weir_status_retriable(words->code);
            }
            *ret_missing |= pipeline.missing;
            if (pipeline.waits && redis_doubt_accepted(jobs, answered) != WEIR_OK && first == WEIR_OK)
                first = weir_error_set(err, WEIR_ERR_IN_DOUBT, "%s", weir_status_text(WEIR_ERR_IN_DOUBT));
            return first == WEIR_OK ? jobs[answered].status : first;
        }
        jobs[answered].by = weir_connection_answered_by(session->connection);
        status = read_answer(&pipeline, &jobs[answered], reply, words);
        if (first == WEIR_OK && !jobs[answered].again)
            first = status;
    }
    *ret_missing |= pipeline.missing;
    if (pipeline.waits) {
        weir_status status = redis_confirm(session, jobs, n, first == WEIR_OK ? err : NULL);
        if (first == WEIR_OK)
            first = status;
    }
    if (pipeline.leave)
        weir_connection_leave(session->connection);
    return first;
}

/* Loads the scripts of those jobs that are to be sent again. */
static weir_status load_scripts(struct redis_session *session, const struct weir_broker_add *jobs, size_t n,
                                weir_error *err)
{
    static const struct weir_script *const scripts[] = {&weir_script_delay, &weir_script_once};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        size_t j = 0;
        while (j < n && !(jobs[j].again && script_of(&jobs[j]) == scripts[i]))
            j++;
        weir_status status = j < n ? weir_script_load(session->connection, scripts[i], err) : WEIR_OK;
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* Ends the jobs that were to be sent again, and were not. */
static weir_status give_up(struct weir_broker_add *jobs, size_t n, weir_status status)
{
    for (size_t i = 0; i < n; i++)
        if (jobs[i].again) {
            jobs[i].again = false;
            jobs[i].status = status;
        }
    return status;
}

/* Sends the jobs whose script was missing once more, each run of neighbours as one pipeline. */
static weir_status send_again(struct redis_session *session, struct weir_broker_add *jobs, size_t n, bool *ret_missing,
                              weir_error *err)
{
    weir_status first = load_scripts(session, jobs, n, err);
    if (first != WEIR_OK) /* the script was not there: they have not been executed */
        return give_up(jobs, n, weir_error_nothing_sent(first, err));
    for (size_t i = 0, run; i < n && weir_connection_is_up(session->connection); i += run) {
        for (run = 1; i + run < n && jobs[i + run].again == jobs[i].again;)
            run++;
        if (!jobs[i].again)
            continue;
        weir_status status = run_pipeline(session, &jobs[i], run, ret_missing, first == WEIR_OK ? err : NULL);
        if (first == WEIR_OK)
            first = status;
    }
    if (!weir_connection_is_up(session->connection))
        give_up(jobs, n, WEIR_ERR_CONNECTION);
    return first;
}

/* The server doesn't say which command of a script it denied, and err tells of the first job that was. */
static void explain(struct redis_session *session, const struct weir_broker_add *jobs, size_t n, weir_error *err)
{
    size_t i = 0;
    while (i < n && jobs[i].status != WEIR_ERR_PERMISSION)
        i++;
    if (i < n && script_of(&jobs[i]))
        redis_explain_denial(
            session, (is_delayed(&jobs[i]) ? REDIS_DELAYS : REDIS_ADDS) | (is_idempotent(&jobs[i]) ? REDIS_REPEATS : 0),
            err);
}

weir_status redis_add(struct weir_session *base, struct weir_broker_add *jobs, size_t n, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    if (!weir_connection_still_open(session->connection))
        session->base.ops->disconnect(base);
    redis_check_connection(session, NULL); /* leaves a server that was replaced, before anything is sent */
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
    for (int loads = 0; missing && loads < LOADS && weir_connection_is_up(session->connection); loads++) {
        missing = false;
        status = send_again(session, jobs, n, &missing, first == WEIR_OK ? err : NULL);
        if (first == WEIR_OK)
            first = status;
    }
    if (first == WEIR_ERR_PERMISSION)
        explain(session, jobs, n, err);
    if (missing) {
        bool up = weir_connection_is_up(session->connection);
        status = give_up(jobs, n, up ? WEIR_ERR_UNAVAILABLE : WEIR_ERR_CONNECTION);
        if (first == WEIR_OK)
            first = weir_error_set(err, status, "the server keeps losing its scripts");
    }
    return first;
}
