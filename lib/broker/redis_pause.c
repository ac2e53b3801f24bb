/* SPDX-License-Identifier: MIT
 *
 * Whether a queue is paused: a key of its own, {S}:paused, which is there while it is.
 *
 * Workers look for it several times a second, and for delayed jobs as well. Both questions are asked by one command, so
 * that an idle queue costs what it would cost without pauses: EXISTS counts a key as often as it is named. In a cluster
 * they are two commands, since a slot on its way answers one about several keys only where all of them exist.
 */
#include "base/error.h"
#include "broker/redis_session.h"
#include "scripts.h"

static weir_status read_count(struct redis_session *session, int64_t most, int64_t *ret, weir_error *err)
{
    struct weir_reply *reply;
    weir_status status = redis_exchange(session, "EXISTS", &reply, err);
    if (status != WEIR_OK)
        return status;
    if (reply->kind != WEIR_REPLY_INTEGER || reply->integer < 0 || reply->integer > most)
        return redis_surprise(session, "EXISTS", err);
    *ret = reply->integer;
    return WEIR_OK;
}

weir_status redis_look(struct weir_session *base, bool *ret_paused, bool *ret_delayed, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    bool apart = weir_connection_in_cluster(session->connection);
    weir_command_begin(out, apart ? 2 : 4);
    weir_command_text(out, "EXISTS");
    redis_key(out, &session->keys->delayed);
    if (apart) {
        weir_command_begin(out, 3);
        weir_command_text(out, "EXISTS");
    }
    redis_key(out, &session->keys->paused);
    redis_key(out, &session->keys->paused);

    int64_t delayed, paused = 0;
    status = read_count(session, apart ? 1 : 3, &delayed, err);
    if (apart && weir_connection_is_up(session->connection)) {
        weir_status other = read_count(session, 2, &paused, status == WEIR_OK ? err : NULL);
        status = status == WEIR_OK ? other : status;
    }
    if (status != WEIR_OK)
        return status;
    *ret_delayed = (delayed + paused) % 2 == 1;
    *ret_paused = delayed + paused >= 2;
    return WEIR_OK;
}

static weir_status resume(struct redis_session *session, bool *ret_changed, weir_error *err)
{
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 2);
    weir_command_text(out, "DEL");
    redis_key(out, &session->keys->paused);
    struct weir_reply *reply;
    weir_status status = redis_exchange(session, "DEL", &reply, err);
    if (status == WEIR_OK)
        *ret_changed = reply->kind == WEIR_REPLY_INTEGER && reply->integer == 1;
    return status;
}

weir_status redis_set_paused(struct weir_session *base, bool paused, bool *ret_changed, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    if (!paused)
        return resume(session, ret_changed, err);
    redis_key(&session->arguments, &session->keys->paused);
    struct weir_reply *reply;
    status = redis_script(session, &weir_script_pause, 1, 0, &reply, err);
    if (status == WEIR_ERR_PERMISSION)
        redis_explain_denial(session, REDIS_PAUSES, err);
    if (status != WEIR_OK)
        return status;
    if (reply->kind != WEIR_REPLY_INTEGER)
        return redis_surprise(session, "pause", err);
    *ret_changed = reply->integer == 1;
    return WEIR_OK;
}

/* A read of the consumer's own pending entries, from beyond the last: it finds none, and is seen. */
weir_status redis_touch(struct weir_session *base, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 9);
    weir_command_text(out, "XREADGROUP");
    weir_command_text(out, "GROUP");
    weir_command_text(out, redis_config(session)->group);
    weir_command_text(out, redis_config(session)->consumer);
    weir_command_text(out, "COUNT");
    weir_command_text(out, "1");
    weir_command_text(out, "STREAMS");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, "18446744073709551615-0");
    struct weir_reply *reply;
    return redis_exchange(session, "XREADGROUP", &reply, err);
}
