/* SPDX-License-Identifier: MIT
 *
 * weir_admin_server on Redis: INFO, and whether a write would be taken now.
 *
 * That is tried rather than concluded: used_memory comes and goes by what clients have in their buffers, and a server
 * refuses writes for other reasons, too. An id that can't be is found by the server after all that makes it refuse a
 * write, and before anything is written.
 */
#include "base/error.h"
#include "broker/admin.h"
#include "broker/check.h"
#include "broker/redis_session.h"

#include <stdio.h>

static void take_info(const struct weir_reply *reply, weir_server_info *ret)
{
    struct weir_server_facts facts = {0};
    if (!weir_reply_is_text(reply)) /* denied, most likely */
        return;
    weir_read_info(reply->text, &facts);
    snprintf(ret->version, sizeof ret->version, "%s", facts.version_text);
    snprintf(ret->memory_policy, sizeof ret->memory_policy, "%s", facts.policy);
    ret->used_memory = facts.used_memory;
    ret->max_memory = facts.max_memory;
    ret->replica = facts.replica;
    ret->disk_fails = facts.writes_fail;
}

/* What the refusal of the write tells. */
static weir_status judge_write(struct redis_session *session, const struct weir_reply *reply)
{
    bool leave;
    weir_status status = redis_judge(session, reply, "XADD", &leave, NULL);
    if (leave)
        return WEIR_ERR_UNAVAILABLE;
    return status == WEIR_ERR_FULL || status == WEIR_ERR_UNAVAILABLE || status == WEIR_ERR_PERMISSION ? status
                                                                                                      : WEIR_OK;
}

weir_status redis_server(struct weir_session *base, weir_server_info *ret, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 1);
    weir_command_text(out, "INFO");
    weir_command_begin(out, 5);
    weir_command_text(out, "XADD");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, "x");
    weir_command_text(out, "n");
    weir_command_text(out, "v");
    struct weir_reply *info, *write;
    status = redis_next(session, &session->scratch, &info, err);
    if (status == WEIR_OK)
        status = redis_next(session, &session->scratch, &write, err);
    if (status != WEIR_OK)
        return status;
    *ret = (weir_server_info){.size = ret->size, .writes = judge_write(session, write)};
    take_info(info, ret);
    return WEIR_OK;
}
