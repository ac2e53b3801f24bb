/* SPDX-License-Identifier: MIT */
#include "redis/script.h"

#include "base/error.h"
#include "redis/command.h"

void weir_script_begin(struct weir_buffer *out, const struct weir_script *script, size_t n_keys, size_t n_arguments)
{
    weir_command_begin(out, 3 + n_keys + n_arguments);
    weir_command_text(out, "EVALSHA");
    weir_command_bytes(out, script->sha1, 40);
    weir_command_i64(out, (int64_t)n_keys);
}

bool weir_script_missing(const struct weir_reply *reply)
{
    return reply->kind == WEIR_REPLY_ERROR && weir_reply_starts_with(reply, "NOSCRIPT");
}

static void append_load(struct weir_buffer *out, const struct weir_script *script)
{
    weir_command_begin(out, 3);
    weir_command_text(out, "SCRIPT");
    weir_command_text(out, "LOAD");
    weir_command_bytes(out, script->text, script->len);
}

weir_status weir_script_load(struct weir_connection *connection, const struct weir_script *script, weir_error *err)
{
    struct weir_arena arena;
    struct weir_reply *reply;
    weir_arena_init(&arena, 0);
    append_load(weir_connection_out(connection), script);
    weir_status status = weir_connection_reply(connection, &arena, 0, &reply, err);
    if (status == WEIR_OK)
        status = weir_reply_status(reply, "SCRIPT LOAD", err);
    struct weir_buffer *side = status == WEIR_OK ? weir_connection_side_out(connection) : NULL;
    if (side) {
        append_load(side, script);
        status = weir_connection_side_reply(connection, &arena, 0, &reply, err);
        if (status == WEIR_OK)
            status = weir_reply_status(reply, "SCRIPT LOAD", err);
    }
    if (status == WEIR_ERR_STOPPED)
        weir_connection_disconnect(connection);
    weir_arena_free(&arena);
    return status;
}

weir_status weir_script_run(struct weir_connection *connection, const struct weir_script *script, size_t n_keys,
                            size_t n_arguments, const struct weir_buffer *arguments, struct weir_arena *arena,
                            struct weir_reply **ret, weir_error *err)
{
    if (arguments->failed)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the arguments of the script %s", script->name);
    for (int attempt = 0;; attempt++) {
        struct weir_buffer *out = weir_connection_out(connection);
        weir_script_begin(out, script, n_keys, n_arguments);
        weir_buffer_append(out, arguments->bytes, arguments->len);
        weir_status status = weir_connection_reply(connection, arena, 0, ret, err);
        if (status == WEIR_ERR_STOPPED)
            weir_connection_disconnect(connection);
        if (status != WEIR_OK)
            return status;
        if (!weir_script_missing(*ret) || attempt > 0)
            return weir_reply_status(*ret, script->name, err);
        status = weir_script_load(connection, script, err);
        if (status != WEIR_OK)
            return status;
    }
}
