/* SPDX-License-Identifier: MIT
 *
 * What becomes of jobs: their verdicts, carried out in one round trip for as many as there are.
 *
 * A chunk of the list is written kind by kind (one XACK for all acks, one script for all releases, a script for each
 * retry and burial), and the answers are read in that same order, so that nothing has to be remembered but the order.
 *
 * What must stay true:
 *   - a job is marked settled only by the server's own answer. After a lost connection the rest is repeated by the
 *     caller: acks are idempotent, and the scripts find that they no longer own what they have already moved;
 *   - one job that the server refuses (out of memory) holds no other up.
 *
 * A job of a foreign producer with more fields than a script can pass on (Lua's limit) is buried by MULTI/EXEC instead,
 * and on a retry stays pending until the claimer finds it: its deliveries, not its attempts, then bound it.
 */
#include "base/error.h"
#include "broker/redis_session.h"
#include "job/names.h"
#include "job/pack.h"
#include "scripts.h"

#include <stdio.h>
#include <string.h>

enum {
    CHUNK_JOBS = 1024,
    CHUNK_BYTES = 1024 * 1024, /* of fields to send back, about */
    ROUNDS_MAX = 1 + 4,        /* of one chunk; more scripts there are not */
    SCRIPT_FIELDS = 3900,      /* what Lua's unpack can pass on, with our own besides */
};

static bool is_unsettled(const struct weir_job *job, enum weir_verdict verdict)
{
    return job->settled == WEIR_UNSETTLED && job->verdict == verdict;
}

#define FOR_EACH(job, list, end, kind)                                                                                 \
    for (struct weir_job *job = (list); job != (end); job = job->next)                                                 \
        if (is_unsettled(job, kind))

static size_t count(struct weir_job *list, const struct weir_job *end, enum weir_verdict verdict)
{
    size_t n = 0;
    FOR_EACH (job, list, end, verdict)
        n++;
    return n;
}

static bool too_many_fields(const struct weir_job *job)
{
    return job->fields.n > SCRIPT_FIELDS;
}

/* --- writing --- */

static void append_acks(struct redis_session *session, struct weir_buffer *out, struct weir_job *list,
                        const struct weir_job *end, size_t n)
{
    if (redis_config(session)->retention == WEIR_DELETE_ON_ACK) {
        redis_script_begin(session, out, &weir_script_ack_delete, 1, 1 + n);
    } else {
        weir_command_begin(out, 3 + n);
        weir_command_text(out, "XACK");
    }
    redis_key(out, &session->keys->stream);
    weir_command_text(out, redis_config(session)->group);
    FOR_EACH (job, list, end, WEIR_VERDICT_ACK)
        redis_entry_id(out, job->entry);
}

static void append_releases(struct redis_session *session, struct weir_buffer *out, struct weir_job *list,
                            const struct weir_job *end, size_t n)
{
    redis_script_begin(session, out, &weir_script_release, 1, 3 + n);
    redis_key(out, &session->keys->stream);
    weir_command_text(out, redis_config(session)->group);
    weir_command_text(out, redis_config(session)->consumer);
    weir_command_i64(out, WEIR_RELEASED_IDLE_MS);
    FOR_EACH (job, list, end, WEIR_VERDICT_RELEASE)
        redis_entry_id(out, job->entry);
}

static void append_owner(struct redis_session *session, struct weir_buffer *out, const struct weir_job *job)
{
    weir_command_text(out, redis_config(session)->group);
    weir_command_text(out, redis_config(session)->consumer);
    redis_entry_id(out, job->entry);
    weir_command_text(out, job->payload_lost || job->entry_gone ? "1" : "0");
}

static void append_retry(struct redis_session *session, struct weir_buffer *out, const struct weir_job *job)
{
    const char *group = redis_config(session)->group;
    struct weir_packed_job packed = {.attempts = job->attempts,
                                     .first_enqueued_ms = job->enqueued_ms,
                                     .group = group,
                                     .group_len = strlen(group),
                                     .id = weir_job_id(job),
                                     .traceparent = job->traceparent,
                                     .fields = job->fields};
    struct weir_buffer *bytes = &session->arguments;
    weir_buffer_clear(bytes, SIZE_MAX);
    weir_pack_job(bytes, &packed);
    if (bytes->failed)
        out->failed = true;

    char member[WEIR_ENTRY_ID_SIZE + 1 + 512 + 1];
    int member_len = snprintf(member, sizeof member, "%s:%.512s", weir_job_entry_id(job), group);

    redis_script_begin(session, out, &weir_script_retry, 3, 7);
    redis_key(out, &session->keys->stream);
    redis_key(out, &session->keys->delayed);
    redis_key(out, &session->keys->delayed_jobs);
    append_owner(session, out, job);
    weir_command_i64(out, job->retry_delay_ms);
    weir_command_bytes(out, member, (size_t)member_len);
    weir_command_bytes(out, bytes->bytes, bytes->len);
}

/* The dead letter's fields: the job's, then ours. Returns how many arguments these are; out NULL only counts. */
static size_t append_letter(struct redis_session *session, struct weir_buffer *out, const struct weir_job *job)
{
    size_t n = 2 * job->fields.n + 2 * (size_t)(7 + (job->own_id ? 1 : 0) + (job->traceparent ? 1 : 0));
    if (!out)
        return n;
    for (size_t i = 0; i < job->fields.n; i++) {
        weir_command_bytes(out, job->fields.items[i].name, job->fields.items[i].name_len);
        weir_command_bytes(out, job->fields.items[i].value, job->fields.items[i].value_len);
    }
    weir_command_text(out, WEIR_NAME_REASON);
    weir_command_text(out, weir_dead_reason_text(job->reason));
    weir_command_text(out, WEIR_NAME_ERROR);
    weir_command_text(out, job->error ? job->error : "");
    weir_command_text(out, WEIR_NAME_ATTEMPTS);
    weir_command_i64(out, job->attempts);
    weir_command_text(out, WEIR_NAME_DELIVERIES);
    weir_command_i64(out, job->deliveries);
    weir_command_text(out, WEIR_NAME_SOURCE_ID);
    redis_entry_id(out, job->entry);
    weir_command_text(out, WEIR_NAME_GROUP);
    weir_command_text(out, redis_config(session)->group);
    weir_command_text(out, WEIR_NAME_FIRST_ENQUEUED);
    weir_command_i64(out, job->enqueued_ms);
    if (job->own_id) {
        weir_command_text(out, WEIR_NAME_ID);
        weir_command_text(out, job->own_id);
    }
    if (job->traceparent) {
        weir_command_text(out, WEIR_NAME_TRACEPARENT);
        weir_command_text(out, job->traceparent);
    }
    return n;
}

static void append_burial(struct redis_session *session, struct weir_buffer *out, const struct weir_job *job)
{
    redis_script_begin(session, out, &weir_script_bury, 2, 4 + append_letter(session, NULL, job));
    redis_key(out, &session->keys->stream);
    redis_key(out, &session->keys->dead);
    append_owner(session, out, job);
    append_letter(session, out, job);
}

/* --- reading the answers --- */

/* What one round over a chunk has found. */
struct round {
    struct redis_session *session;
    weir_status refused;                   /* the first refusal */
    weir_error *err;                       /* and its words */
    bool retry, bury, release, ack_delete; /* scripts to be loaded */
};

/* Takes the next answer; false once the connection is gone (*status says how). *ret_fine: it is no error. */
static bool next_answer(struct round *round, const char *what, bool *missing_script, struct weir_reply **ret,
                        bool *ret_fine, weir_status *status)
{
    weir_error *err = round->refused == WEIR_OK ? round->err : NULL;
    *ret_fine = false;
    *status = redis_next(round->session, &round->session->scratch, ret, round->err);
    if (*status != WEIR_OK)
        return false;
    if (missing_script && weir_script_missing(*ret)) {
        *missing_script = true;
        return true;
    }
    weir_status refused = redis_check(round->session, *ret, what, err);
    if (refused != WEIR_OK && round->refused == WEIR_OK)
        round->refused = refused;
    *ret_fine = refused == WEIR_OK;
    return true;
}

/* Whether a script found the job owned; a release also whether there is anything to own. */
static weir_status settle_by(struct round *round, const char *what, struct weir_job *job,
                             const struct weir_reply *answer)
{
    if (answer->kind != WEIR_REPLY_INTEGER)
        return redis_surprise(round->session, what, round->err);
    bool gone = answer->integer == 2 && job->verdict == WEIR_VERDICT_RELEASE;
    job->settled = answer->integer == 1 ? WEIR_SETTLED : gone ? WEIR_SETTLED_GONE : WEIR_SETTLED_NOT_OWNED;
    return WEIR_OK;
}

/* A missing group means that the entry is pending for nobody: there is nothing to settle, and nothing to report. */
static bool group_is_gone(struct round *round, const struct weir_reply *answer)
{
    if (!weir_reply_starts_with(answer, "NOGROUP"))
        return false;
    if (round->refused == WEIR_ERR_NO_GROUP)
        round->refused = WEIR_OK;
    return true;
}

/* The answer to a script of one job. A group that is gone owns nothing. */
static weir_status read_answer(struct round *round, const char *what, bool *missing_script, struct weir_job *job)
{
    struct weir_reply *answer;
    bool fine;
    weir_status status;
    if (!next_answer(round, what, missing_script, &answer, &fine, &status))
        return status;
    if (fine)
        return settle_by(round, what, job, answer);
    if (group_is_gone(round, answer))
        job->settled = WEIR_SETTLED_NOT_OWNED;
    return WEIR_OK;
}

static weir_status read_answers(struct round *round, struct weir_job *list, const struct weir_job *end, size_t acks,
                                size_t releases)
{
    struct weir_reply *answer;
    bool fine;
    weir_status status;
    if (acks > 0) {
        if (!next_answer(round, "XACK", &round->ack_delete, &answer, &fine, &status))
            return status;
        if (fine && answer->kind != WEIR_REPLY_INTEGER)
            return redis_surprise(round->session, "XACK", round->err);
        if (fine || group_is_gone(round, answer))
            FOR_EACH (job, list, end, WEIR_VERDICT_ACK)
                job->settled = WEIR_SETTLED;
    }
    if (releases > 0) {
        if (!next_answer(round, "release", &round->release, &answer, &fine, &status))
            return status;
        size_t i = 0;
        if (fine && !weir_reply_is_array(answer, releases))
            return redis_surprise(round->session, "release", round->err);
        if (fine || group_is_gone(round, answer))
            FOR_EACH (job, list, end, WEIR_VERDICT_RELEASE) {
                status = WEIR_OK;
                if (fine)
                    status = settle_by(round, "release", job, &answer->items[i++]);
                else
                    job->settled = WEIR_SETTLED_NOT_OWNED;
                if (status != WEIR_OK)
                    return status;
            }
    }
    FOR_EACH (job, list, end, WEIR_VERDICT_RETRY) {
        if (too_many_fields(job)) {
            job->settled = WEIR_SETTLED; /* stays pending: nothing was sent */
            continue;
        }
        status = read_answer(round, "retry", &round->retry, job);
        if (status != WEIR_OK)
            return status;
    }
    FOR_EACH (job, list, end, WEIR_VERDICT_BURY) {
        if (too_many_fields(job))
            continue; /* apart: bury_large */
        status = read_answer(round, "bury", &round->bury, job);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* Whether the consumer still owns the entry (what was deleted nobody else can own), and whether the dead stream is one.
 */
static weir_status check_before_burial(struct redis_session *session, const struct weir_job *job, bool *ret_owned,
                                       weir_error *err)
{
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 2);
    weir_command_text(out, "XLEN");
    redis_key(out, &session->keys->dead);
    struct weir_reply *reply;
    weir_status status = redis_exchange(session, "XLEN", &reply, err);
    *ret_owned = job->payload_lost || job->entry_gone;
    if (status != WEIR_OK || *ret_owned)
        return status;

    weir_command_begin(out, 7);
    weir_command_text(out, "XPENDING");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, redis_config(session)->group);
    redis_entry_id(out, job->entry);
    redis_entry_id(out, job->entry);
    weir_command_text(out, "1");
    weir_command_text(out, redis_config(session)->consumer);
    status = redis_exchange(session, "XPENDING", &reply, err);
    *ret_owned = status == WEIR_OK && weir_reply_is_array(reply, 1);
    return status == WEIR_ERR_NO_GROUP ? WEIR_OK : status;
}

/* The answers to MULTI, XADD, XACK, EXEC: the first error among them, those within EXEC's included. */
static weir_status read_transaction(struct redis_session *session, weir_error *err)
{
    weir_status first = WEIR_OK;
    struct weir_reply *reply = NULL;
    for (int i = 0; i < 4; i++) {
        weir_status status = redis_next(session, &session->scratch, &reply, err);
        if (status != WEIR_OK)
            return status;
        status = redis_check(session, reply, "XADD", first == WEIR_OK ? err : NULL);
        if (first == WEIR_OK)
            first = status;
        if (!weir_connection_is_up(session->connection))
            return first; /* redirected, and so not executed: the others neither */
    }
    if (first == WEIR_OK && !weir_reply_is_array(reply, 2))
        return redis_surprise(session, "EXEC", err);
    for (size_t i = 0; first == WEIR_OK && i < reply->len; i++)
        first = redis_check(session, &reply->items[i], "XADD", err);
    return first;
}

/* Buries a job that is too large for a script. The owner is checked first, in a step of its own; the move is one step.
 */
static weir_status bury_large(struct redis_session *session, struct weir_job *job, weir_error *err)
{
    bool owned;
    weir_status status = check_before_burial(session, job, &owned, err);
    if (status != WEIR_OK)
        return status;
    if (!owned) {
        job->settled = WEIR_SETTLED_NOT_OWNED;
        return WEIR_OK;
    }
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 1);
    weir_command_text(out, "MULTI");
    weir_command_begin(out, 3 + append_letter(session, NULL, job));
    weir_command_text(out, "XADD");
    redis_key(out, &session->keys->dead);
    weir_command_text(out, "*");
    append_letter(session, out, job);
    weir_command_begin(out, 4);
    weir_command_text(out, "XACK");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, redis_config(session)->group);
    redis_entry_id(out, job->entry);
    weir_command_begin(out, 1);
    weir_command_text(out, "EXEC");
    weir_connection_transaction(session->connection, true);
    status = read_transaction(session, err);
    weir_connection_transaction(session->connection, false);
    if (status == WEIR_OK)
        job->settled = WEIR_SETTLED;
    return status;
}

/* Those of the chunk. Returns a failure of the connection; refusals go into *refused. */
static weir_status bury_large_ones(struct redis_session *session, struct weir_job *list, const struct weir_job *end,
                                   weir_status *refused, weir_error *err)
{
    FOR_EACH (job, list, end, WEIR_VERDICT_BURY) {
        if (!too_many_fields(job))
            continue;
        weir_error words;
        weir_status status = bury_large(session, job, &words);
        bool lost = status != WEIR_OK && !weir_connection_is_up(session->connection);
        if (err && status != WEIR_OK && (lost || *refused == WEIR_OK))
            *err = words;
        if (lost)
            return status;
        if (*refused == WEIR_OK)
            *refused = status;
    }
    return WEIR_OK;
}

static weir_status load_missing(const struct round *round, bool *ret_loaded, weir_error *err)
{
    const struct {
        bool missing;
        const struct weir_script *script;
    } scripts[] = {{round->ack_delete, &weir_script_ack_delete},
                   {round->retry, &weir_script_retry},
                   {round->bury, &weir_script_bury},
                   {round->release, &weir_script_release}};
    *ret_loaded = false;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        if (!scripts[i].missing)
            continue;
        weir_status status = weir_script_load(round->session->connection, scripts[i].script, err);
        if (status != WEIR_OK)
            return status;
        *ret_loaded = true;
    }
    return WEIR_OK;
}

/*
 * One chunk, again where scripts had to be loaded: each of the four kinds may turn out to be missing in another round.
 * Returns a failure of the connection; refusals go into *refused.
 */
static weir_status settle_chunk(struct redis_session *session, struct weir_job *list, const struct weir_job *end,
                                weir_status *refused, weir_error *err)
{
    for (int rounds = 1;; rounds++) {
        weir_status status = redis_begin(session, err);
        if (status != WEIR_OK)
            return status;
        struct weir_buffer *out = weir_connection_out(session->connection);
        size_t acks = count(list, end, WEIR_VERDICT_ACK), releases = count(list, end, WEIR_VERDICT_RELEASE);
        if (acks > 0)
            append_acks(session, out, list, end, acks);
        if (releases > 0)
            append_releases(session, out, list, end, releases);
        FOR_EACH (job, list, end, WEIR_VERDICT_RETRY)
            if (!too_many_fields(job))
                append_retry(session, out, job);
        FOR_EACH (job, list, end, WEIR_VERDICT_BURY)
            if (!too_many_fields(job))
                append_burial(session, out, job);

        struct round round = {.session = session, .err = err};
        status = read_answers(&round, list, end, acks, releases);
        bool loaded = false;
        if (status == WEIR_OK)
            status = load_missing(&round, &loaded, err);
        if (status != WEIR_OK)
            return status;
        if (loaded && rounds < ROUNDS_MAX)
            continue;
        if (loaded && round.refused == WEIR_OK)
            round.refused = weir_error_set(err, WEIR_ERR_UNAVAILABLE, "the server keeps losing its scripts");
        if (*refused == WEIR_OK)
            *refused = round.refused;
        return bury_large_ones(session, list, end, refused, err);
    }
}

weir_status redis_settle(struct weir_session *base, struct weir_job *list, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status refused = WEIR_OK;
    while (list) {
        struct weir_job *end = list;
        size_t n = 0, bytes = 0;
        while (end && n < CHUNK_JOBS && bytes < CHUNK_BYTES) {
            if (end->verdict == WEIR_VERDICT_RETRY || end->verdict == WEIR_VERDICT_BURY)
                for (size_t i = 0; i < end->fields.n; i++)
                    bytes += end->fields.items[i].name_len + end->fields.items[i].value_len;
            n++;
            end = end->next;
        }
        weir_error words;
        bool said = refused != WEIR_OK; /* the first refusal's words are to be kept */
        weir_status status = settle_chunk(session, list, end, &refused, said ? &words : err);
        if (status != WEIR_OK) {
            if (said && err)
                *err = words;
            return status;
        }
        list = end;
    }
    return refused;
}
