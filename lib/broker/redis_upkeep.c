/* SPDX-License-Identifier: MIT
 *
 * What keeps a queue healthy: its group, the leases of running jobs, due jobs, finished entries, dead consumers.
 */
#include "base/clock.h"
#include "base/error.h"
#include "broker/redis_session.h"
#include "scripts.h"

#include <stdio.h>
#include <string.h>

static const int64_t FAR_FUTURE_MS = INT64_C(1) << 52; /* as in promote.lua */

weir_status redis_create_group(struct weir_session *base, const char *start_id, bool *ret_created, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 6);
    weir_command_text(out, "XGROUP");
    weir_command_text(out, "CREATE");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, redis_config(session)->group);
    weir_command_text(out, start_id);
    weir_command_text(out, "MKSTREAM");
    struct weir_reply *reply;
    status = redis_next(session, &session->scratch, &reply, err);
    if (status != WEIR_OK)
        return status;
    bool exists = weir_reply_starts_with(reply, "BUSYGROUP");
    if (!exists)
        status = redis_check(session, reply, "XGROUP CREATE", err);
    if (status == WEIR_OK)
        *ret_created = !exists;
    return status;
}

weir_status redis_renew(struct weir_session *base, const struct weir_entry_id *entries, size_t n,
                        enum weir_lease *leases, weir_error *err)
{
    enum { CHUNK = 256 }; /* a script holds the server up while it runs */
    struct redis_session *session = redis_session(base);
    for (size_t done = 0; done < n;) {
        size_t chunk = n - done < CHUNK ? n - done : CHUNK;
        weir_status status = redis_begin(session, err);
        if (status != WEIR_OK)
            return status;
        redis_key(&session->arguments, &session->keys->stream);
        weir_command_text(&session->arguments, redis_config(session)->group);
        weir_command_text(&session->arguments, redis_config(session)->consumer);
        for (size_t i = 0; i < chunk; i++)
            redis_entry_id(&session->arguments, entries[done + i]);
        struct weir_reply *reply;
        status = redis_script(session, &weir_script_renew, 1, 2 + chunk, &reply, err);
        if (status != WEIR_OK)
            return status;
        if (!weir_reply_is_array(reply, chunk))
            return redis_surprise(session, "renew", err);
        for (size_t i = 0; i < chunk; i++) {
            int64_t answer = reply->items[i].kind == WEIR_REPLY_INTEGER ? reply->items[i].integer : 0;
            leases[done + i] = answer == 1 ? WEIR_LEASE_RENEWED : answer == 2 ? WEIR_LEASE_ENTRY_GONE : WEIR_LEASE_LOST;
        }
        done += chunk;
    }
    return WEIR_OK;
}

/*
 * Whether there is anything to promote, for the price of one command: the script is run only where the first delayed
 * job has changed, or is due. *ret_next_ms as redis_promote's, where not.
 */
static weir_status peek_delayed(struct redis_session *session, bool *ret_run, int64_t *ret_next_ms, weir_error *err)
{
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 5);
    weir_command_text(out, "ZRANGE");
    redis_key(out, &session->keys->delayed);
    weir_command_text(out, "0");
    weir_command_text(out, "0");
    weir_command_text(out, "WITHSCORES");
    struct weir_reply *reply;
    status = redis_exchange(session, "ZRANGE", &reply, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_reply_is_array(reply, 0))
        return redis_surprise(session, "ZRANGE", err);
    *ret_run = false;
    *ret_next_ms = -1;
    if (reply->len < 2 || !weir_reply_is_text(&reply->items[1]))
        return WEIR_OK;
    const char *score = reply->items[1].text;
    int64_t now_us = weir_now_us();
    bool same = strcmp(score, session->next_score) == 0;
    snprintf(session->next_score, sizeof session->next_score, "%s", score);
    *ret_run = !same || now_us >= session->next_due_us;
    *ret_next_ms = (session->next_due_us - now_us) / 1000 + 1;
    if (*ret_run)
        session->next_due_us = 0; /* until the script has said when: where it fails, it is run again */
    return WEIR_OK;
}

weir_status redis_promote(struct weir_session *base, size_t limit, size_t *ret_moved, int64_t *ret_next_ms,
                          weir_error *err)
{
    struct redis_session *session = redis_session(base);
    bool run = false;
    *ret_moved = 0;
    weir_status status = peek_delayed(session, &run, ret_next_ms, err);
    if (status != WEIR_OK || !run)
        return status;
    status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->stream);
    redis_key(&session->arguments, &session->keys->delayed);
    redis_key(&session->arguments, &session->keys->delayed_jobs);
    redis_key(&session->arguments, &session->keys->dead);
    weir_command_i64(&session->arguments, (int64_t)limit);
    struct weir_reply *reply;
    status = redis_script(session, &weir_script_promote, 4, 1, &reply, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_reply_is_array(reply, 2) || reply->items[0].kind != WEIR_REPLY_INTEGER ||
        reply->items[1].kind != WEIR_REPLY_INTEGER || reply->items[0].integer < 0 || reply->items[1].integer < -1 ||
        reply->items[1].integer > FAR_FUTURE_MS)
        return redis_surprise(session, "promote", err);
    *ret_moved = (size_t)reply->items[0].integer;
    *ret_next_ms = reply->items[1].integer;
    session->next_due_us = weir_now_us() + *ret_next_ms * 1000;
    if (*ret_moved > 0)
        session->next_score[0] = '\0'; /* another one is the first now */
    return WEIR_OK;
}

/* A script whose answer is a count. */
static weir_status counting(struct redis_session *session, const struct weir_script *script, size_t n_arguments,
                            size_t *ret_count, weir_error *err)
{
    struct weir_reply *reply;
    weir_status status = redis_script(session, script, 1, n_arguments, &reply, err);
    if (status != WEIR_OK)
        return status;
    if (reply->kind != WEIR_REPLY_INTEGER || reply->integer < 0)
        return redis_surprise(session, script->name, err);
    *ret_count = (size_t)reply->integer;
    return WEIR_OK;
}

weir_status redis_trim(struct weir_session *base, uint64_t keep_last, size_t limit, size_t *ret_removed,
                       weir_error *err)
{
    struct redis_session *session = redis_session(base);
    *ret_removed = 0;
    if (redis_config(session)->retention == WEIR_KEEP_ALL)
        return WEIR_OK;
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->stream);
    if (redis_config(session)->retention != WEIR_KEEP_LAST)
        keep_last = 0;
    weir_command_i64(&session->arguments, keep_last > INT64_MAX ? INT64_MAX : (int64_t)keep_last);
    weir_command_i64(&session->arguments, (int64_t)limit);
    return counting(session, &weir_script_trim, 2, ret_removed, err);
}

static weir_status reap(struct redis_session *session, int64_t idle_ms, const char *only, size_t *ret_deleted,
                        weir_error *err)
{
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->stream);
    weir_command_text(&session->arguments, redis_config(session)->group);
    weir_command_i64(&session->arguments, idle_ms);
    weir_command_text(&session->arguments, redis_config(session)->consumer);
    weir_command_text(&session->arguments, only);
    return counting(session, &weir_script_reap, 4, ret_deleted, err);
}

weir_status redis_reap(struct weir_session *session, int64_t idle_ms, size_t *ret_deleted, weir_error *err)
{
    return reap(redis_session(session), idle_ms, "", ret_deleted, err);
}

weir_status redis_leave(struct weir_session *base, weir_error *err)
{
    size_t deleted;
    struct redis_session *session = redis_session(base);
    return reap(session, 0, redis_config(session)->consumer, &deleted, err);
}
