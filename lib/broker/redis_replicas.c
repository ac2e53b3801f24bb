/* SPDX-License-Identifier: MIT
 *
 * Waiting for replicas: an enqueue that is to survive its primary is accepted once so many replicas have it (WAIT).
 *
 * One WAIT stands at the end of each pipeline, for all of its jobs. What must stay true: WAIT speaks for what the same
 * client has written before it, and for nothing else. In a cluster some of a pipeline's commands may have been sent on
 * to another node, or the slot may have another primary by now, whose replicas never heard of what the old one had
 * accepted. So each job remembers by which way it was answered, and is accepted only if WAIT was answered by that way
 * as well. What is not is in doubt: there is no guess.
 */
#include "base/error.h"
#include "broker/redis_session.h"

#include <inttypes.h>
#include <string.h>

void redis_append_wait(const struct redis_session *session, struct weir_buffer *out)
{
    weir_command_begin(out, 3);
    weir_command_text(out, "WAIT");
    weir_command_i64(out, redis_config(session)->wait_replicas);
    weir_command_i64(out, redis_config(session)->wait_ms);
}

weir_status redis_check_wait(struct redis_session *session, weir_error *err)
{
    if (redis_config(session)->wait_replicas == 0)
        return WEIR_OK;
    weir_arena_reset(&session->scratch, 64 * 1024);
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 3);
    weir_command_text(out, "WAIT");
    weir_command_text(out, "0");
    weir_command_text(out, "0");
    struct weir_reply *reply;
    weir_status status = redis_exchange(session, "WAIT", &reply, err);
    if (status != WEIR_OK)
        weir_connection_disconnect(session->connection);
    return weir_error_nothing_sent(status, err);
}

/* What an answer to WAIT says; *count becomes how many replicas have confirmed, where that is less. */
static weir_status read_count(struct redis_session *session, const struct weir_reply *reply, int64_t *count,
                              weir_error *err)
{
    weir_status status = redis_check(session, reply, "WAIT", err);
    if (status == WEIR_OK && reply->kind != WEIR_REPLY_INTEGER)
        status = redis_surprise(session, "WAIT", err);
    if (status == WEIR_OK && reply->integer < *count)
        *count = reply->integer;
    return status;
}

static weir_status next_count(struct redis_session *session, int64_t *count, weir_error *err)
{
    struct weir_reply *reply;
    weir_status status =
        weir_connection_reply(session->connection, &session->scratch, redis_config(session)->wait_ms, &reply, err);
    return status == WEIR_OK ? read_count(session, reply, count, err) : status;
}

/* The ways by which WAIT was answered. It speaks for what went before it by the same way, and for nothing else. */
struct waited {
    uint64_t by[3];
    size_t n;
};

static bool is_spoken_for(const struct weir_broker_add *job, const struct waited *waited)
{
    size_t i = 0;
    while (i < waited->n && waited->by[i] != job->by)
        i++;
    return i < waited->n;
}

/* What the primary has accepted is in doubt, where the replicas' word is missing. waited NULL: for all of it. */
static weir_status doubt_accepted(struct weir_broker_add *jobs, size_t n, const struct waited *waited)
{
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < n; i++)
        if (jobs[i].status == WEIR_OK && !(waited && is_spoken_for(&jobs[i], waited))) {
            status = jobs[i].status = WEIR_ERR_IN_DOUBT;
            jobs[i].id.text[0] = '\0';
        }
    return status;
}

weir_status redis_doubt_accepted(struct weir_broker_add *jobs, size_t n)
{
    return doubt_accepted(jobs, n, NULL);
}

static bool all_spoken_for(const struct weir_broker_add *jobs, size_t n, const struct waited *waited)
{
    size_t i = 0;
    while (i < n && (jobs[i].status != WEIR_OK || is_spoken_for(&jobs[i], waited)))
        i++;
    return i == n;
}

/* The answer to the WAIT at the end; and where commands have gone elsewhere, to those that are asked there now. */
static weir_status count_replicas(struct redis_session *session, const struct weir_broker_add *jobs, size_t n,
                                  int64_t *count, struct waited *waited, weir_error *err)
{
    weir_status status = next_count(session, count, err);
    waited->by[waited->n++] = weir_connection_answered_by(session->connection);
    if (status != WEIR_OK || all_spoken_for(jobs, n, waited))
        return status;
    redis_append_wait(session, weir_connection_out(session->connection));
    status = next_count(session, count, err);
    waited->by[waited->n++] = weir_connection_answered_by(session->connection);
    struct weir_buffer *side = status == WEIR_OK ? weir_connection_side_out(session->connection) : NULL;
    if (!side)
        return status;
    redis_append_wait(session, side);
    struct weir_reply *reply;
    status =
        weir_connection_side_reply(session->connection, &session->scratch, redis_config(session)->wait_ms, &reply, err);
    waited->by[waited->n++] = weir_connection_answered_by(session->connection);
    return status == WEIR_OK ? read_count(session, reply, count, err) : status;
}

weir_status redis_confirm(struct redis_session *session, struct weir_broker_add *jobs, size_t n, weir_error *err)
{
    int64_t wanted = redis_config(session)->wait_replicas, count = wanted;
    weir_error words = {.code = WEIR_OK};
    struct waited waited = {.n = 0};
    weir_status status = count_replicas(session, jobs, n, &count, &waited, &words);
    if (status == WEIR_ERR_STOPPED)
        session->base.ops->disconnect(&session->base);
    bool enough = status == WEIR_OK && count >= wanted;
    if (doubt_accepted(jobs, n, enough ? &waited : NULL) == WEIR_OK)
        return WEIR_OK;
    if (enough)
        return weir_error_set(err, WEIR_ERR_IN_DOUBT,
                              "another server has taken over before the replicas' word for it came");
    if (status == WEIR_OK)
        return weir_error_set(err, WEIR_ERR_IN_DOUBT,
                              "the primary has it, but %" PRId64 " of the %" PRId64
                              " replicas asked for had it within %" PRId64 " ms: a failover now might lose it",
                              count, wanted, redis_config(session)->wait_ms);
    weir_error_set(err, WEIR_ERR_IN_DOUBT, "the primary has it, but not the replicas' word for it: %.200s",
                   words.message);
    weir_error_server_words(err, words.server, strlen(words.server));
    return WEIR_ERR_IN_DOUBT;
}
