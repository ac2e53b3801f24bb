/* SPDX-License-Identifier: MIT
 *
 * The Redis broker: the operations of broker.h as commands and scripts.
 *
 *   redis_broker.c    opening, sessions, and how a command is exchanged (this file)
 *   redis_read.c      what delivers jobs: reading, claiming, recovering
 *   redis_settle.c    what becomes of jobs: acks, retries, burials, releases
 *   redis_upkeep.c    group, leases, delayed jobs, trimming, dead consumers
 *   redis_pause.c     whether the queue is paused
 *   redis_producer.c  enqueueing
 *   redis_replicas.c  waiting for replicas that have what was enqueued
 *   redis_access.c    what the user may do
 *   redis_dead.c      dead letters
 *   redis_admin.c     looking at queues and what is pending, redis_scan.c finding them, redis_delayed.c delayed jobs
 *   redis_check.c     looking all of it over
 *   lua/              what takes more than one command, as one atomic step each
 *
 * What must stay true:
 *   - a session's replies and commands never get out of step: a call that can't finish its exchange drops the
 * connection;
 *   - every script checks ownership itself, so that repeating it after a lost reply does nothing a second time;
 *   - nothing a server sends is trusted: a reply of the wrong shape is WEIR_ERR_PROTOCOL, never a crash.
 */
#include "base/error.h"
#include "broker/redis_session.h"

#include <stdlib.h>
#include <string.h>

enum { SCRATCH_KEPT = 64 * 1024, ARGUMENTS_KEPT = 64 * 1024 };
static const size_t DEFAULT_REPLY_LIMIT = (size_t)1 << 30;

static void redis_close(struct weir_broker *broker)
{
    if (!broker)
        return;
    struct redis_broker *redis = (struct redis_broker *)broker;
    weir_url_clear(&redis->url);
    weir_keys_clear(&redis->keys);
    free((char *)redis->config.group);
    free((char *)redis->config.consumer);
    free((char *)redis->config.connection.client_name);
    free((char *)redis->config.connection.tls_ca_file);
    free((char *)redis->config.connection.tls_cert_file);
    free((char *)redis->config.connection.tls_key_file);
    free((char *)redis->config.connection.tls_server_name);
    free(redis);
}

/* *text becomes a copy of itself; false without memory, *text NULL. */
static bool own_text(const char **text)
{
    if (!*text)
        return true;
    *text = strdup(*text);
    return *text != NULL;
}

static weir_status redis_open(struct weir_broker **ret, const struct weir_broker_config *config, weir_error *err)
{
    struct redis_broker *redis = calloc(1, sizeof *redis);
    if (!redis)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a broker");
    redis->base.ops = &weir_redis_broker_ops;

    redis->config = *config;
    redis->config.url = redis->config.stream = redis->config.start_id = NULL; /* kept parsed, or not at all */
    if (redis->config.reply_limit == 0)
        redis->config.reply_limit = DEFAULT_REPLY_LIMIT;
    const char **texts[] = {&redis->config.group,
                            &redis->config.consumer,
                            &redis->config.connection.client_name,
                            &redis->config.connection.tls_ca_file,
                            &redis->config.connection.tls_cert_file,
                            &redis->config.connection.tls_key_file,
                            &redis->config.connection.tls_server_name};
    bool copied = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        copied &= own_text(texts[i]);
    copied &= weir_keys_make(config->stream, &redis->keys);

    weir_status status = copied ? weir_url_parse(config->url, &redis->url, err)
                                : weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a broker");
    if (status == WEIR_OK && !weir_keys_slot(&redis->keys, &redis->slot) && redis->url.kind == WEIR_URL_CLUSTER)
        status = weir_error_set(err, WEIR_ERR_ARGUMENT,
                                "stream \"%.100s\": its braces put the queue's keys into several cluster slots; "
                                "use a name without '}', or one with a hash tag, such as {name}",
                                config->stream);
    if (status != WEIR_OK) {
        redis_close(&redis->base);
        return status;
    }
    *ret = &redis->base;
    return WEIR_OK;
}

static void redis_session_close(struct weir_session *session)
{
    if (!session)
        return;
    struct redis_session *redis = redis_session(session);
    weir_connection_free(redis->connection);
    weir_keys_clear(&redis->selected);
    weir_arena_free(&redis->scratch);
    weir_buffer_free(&redis->arguments);
    free(redis);
}

static weir_status redis_session_open(struct weir_session **ret, struct weir_broker *broker, const char *role,
                                      weir_error *err)
{
    struct redis_session *redis = calloc(1, sizeof *redis);
    if (!redis)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a session");
    redis->base.ops = &weir_redis_broker_ops;
    redis->broker = (struct redis_broker *)broker;
    redis->keys = &redis->broker->keys;
    weir_random_seed(&redis->random);
    weir_status status =
        weir_connection_new(&redis->connection, &redis->broker->url, redis->broker->slot,
                            &redis_config(redis)->connection, role, redis_config(redis)->reply_limit, err);
    if (status != WEIR_OK) {
        redis_session_close(&redis->base);
        return status;
    }
    *ret = &redis->base;
    return WEIR_OK;
}

static weir_status redis_connect(struct weir_session *session, weir_error *err)
{
    struct redis_session *redis = redis_session(session);
    if (weir_connection_is_up(redis->connection))
        return WEIR_OK;
    redis->n_reads = 0;
    weir_status status = weir_connection_connect(redis->connection, err);
    if (status != WEIR_OK)
        return status;
    redis->server = weir_connection_server(redis->connection);
    redis->broker->server = redis->server;
    status = redis_check_wait(redis, err);
    return status == WEIR_OK ? redis_end_stale_read(redis, err) : status;
}

static void redis_disconnect(struct weir_session *session)
{
    weir_connection_disconnect(redis_session(session)->connection);
    redis_session(session)->n_reads = 0;
}

static bool redis_connected(const struct weir_session *session)
{
    return weir_connection_is_up(((const struct redis_session *)session)->connection);
}

static void redis_traffic(const struct weir_session *base, struct weir_traffic *ret)
{
    const struct redis_session *session = (const struct redis_session *)base;
    weir_connection_traffic(session->connection, &ret->sent_bytes, &ret->received_bytes);
    ret->scripts = session->n_scripts;
}

static void redis_wake(struct weir_session *session)
{
    weir_connection_wake(redis_session(session)->connection);
}

static void redis_unwake(struct weir_session *session)
{
    weir_connection_unwake(redis_session(session)->connection);
}

/* --- exchanging commands --- */

void redis_entry_id(struct weir_buffer *out, struct weir_entry_id id)
{
    char text[WEIR_ENTRY_ID_SIZE];
    weir_command_bytes(out, text, weir_entry_id_format(id, text));
}

weir_status redis_check_connection(struct redis_session *session, weir_error *err)
{
    if (!weir_connection_is_up(session->connection))
        return weir_error_set(err, WEIR_ERR_CONNECTION, "not connected");
    uint64_t server = weir_connection_server(session->connection);
    if (server != session->server) { /* it was led there by a redirection: the others follow */
        session->server = server;
        session->broker->server = server;
    }
    if (server == session->broker->server || session->broker->url.kind == WEIR_URL_DIRECT)
        return WEIR_OK;
    redis_disconnect(&session->base);
    return weir_error_set(err, WEIR_ERR_CONNECTION, "another server has taken over");
}

weir_status redis_begin(struct redis_session *session, weir_error *err)
{
    weir_status status = redis_check_connection(session, err);
    if (status != WEIR_OK)
        return status;
    if (session->n_reads > 0) { /* their answers would be taken for this one's */
        redis_disconnect(&session->base);
        return weir_error_set(err, WEIR_ERR_CONNECTION, "reads were outstanding on this connection");
    }
    weir_arena_reset(&session->scratch, SCRATCH_KEPT);
    weir_buffer_clear(&session->arguments, ARGUMENTS_KEPT);
    return WEIR_OK;
}

weir_status redis_next(struct redis_session *session, struct weir_arena *arena, struct weir_reply **ret,
                       weir_error *err)
{
    weir_status status = weir_connection_reply(session->connection, arena, 0, ret, err);
    if (status == WEIR_ERR_STOPPED)
        redis_disconnect(&session->base);
    return status;
}

weir_status redis_judge(const struct redis_session *session, const struct weir_reply *reply, const char *command,
                        bool *ret_leave, weir_error *err)
{
    weir_status status = weir_reply_status(reply, command, err);
    *ret_leave = false;
    if (status == WEIR_OK)
        return status;
    *ret_leave = weir_reply_starts_with(reply, "READONLY");
    if (!weir_connection_in_cluster(session->connection))
        return status;
    *ret_leave |= weir_reply_starts_with(reply, "CLUSTERDOWN");
    if (weir_reply_starts_with(reply, "MOVED ") || weir_reply_starts_with(reply, "ASK ")) {
        status = weir_error_set(err, WEIR_ERR_UNAVAILABLE,
                                "%s: the slot is being moved, and the node that has it now can't be reached", command);
        weir_error_server_words(err, reply->text, reply->len);
        *ret_leave = true;
    }
    return status;
}

weir_status redis_check(struct redis_session *session, const struct weir_reply *reply, const char *command,
                        weir_error *err)
{
    bool leave;
    weir_status status = redis_judge(session, reply, command, &leave, err);
    if (leave) {
        weir_connection_leave(session->connection);
        session->n_reads = 0;
    }
    return status;
}

weir_status redis_exchange(struct redis_session *session, const char *command, struct weir_reply **ret, weir_error *err)
{
    weir_status status = redis_next(session, &session->scratch, ret, err);
    return status == WEIR_OK ? redis_check(session, *ret, command, err) : status;
}

weir_status redis_script(struct redis_session *session, const struct weir_script *script, size_t n_keys,
                         size_t n_arguments, struct weir_reply **ret, weir_error *err)
{
    session->n_scripts++;
    return weir_script_run(session->connection, script, n_keys, n_arguments, &session->arguments, &session->scratch,
                           ret, err);
}

weir_status redis_surprise(struct redis_session *session, const char *command, weir_error *err)
{
    redis_disconnect(&session->base);
    return weir_error_set(err, WEIR_ERR_PROTOCOL, "the server's answer to %s has an unexpected form", command);
}

bool redis_fields(const struct weir_reply *flat, struct weir_arena *arena, weir_field **ret, size_t *ret_n)
{
    if (flat->kind != WEIR_REPLY_ARRAY || flat->len % 2 != 0)
        return false;
    size_t n = flat->len / 2;
    weir_field *fields = weir_arena_alloc(arena, n * sizeof *fields);
    if (!fields)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct weir_reply *name = &flat->items[2 * i], *value = &flat->items[2 * i + 1];
        if (!weir_reply_is_text(name) || !weir_reply_is_text(value))
            return false;
        fields[i] = (weir_field){name->text, name->len, value->text, value->len};
    }
    *ret = fields;
    *ret_n = n;
    return true;
}

const struct weir_broker_ops weir_redis_broker_ops = {
    .name = "redis",
    .open = redis_open,
    .close = redis_close,
    .session_open = redis_session_open,
    .session_close = redis_session_close,
    .connect = redis_connect,
    .disconnect = redis_disconnect,
    .connected = redis_connected,
    .traffic = redis_traffic,
    .wake = redis_wake,
    .unwake = redis_unwake,
    .create_group = redis_create_group,
    .probe = redis_probe,
    .read_submit = redis_read_submit,
    .read_collect = redis_read_collect,
    .unblock = redis_unblock,
    .settle = redis_settle,
    .claim = redis_claim,
    .recover = redis_recover,
    .renew = redis_renew,
    .promote = redis_promote,
    .look = redis_look,
    .set_paused = redis_set_paused,
    .touch = redis_touch,
    .trim = redis_trim,
    .reap = redis_reap,
    .leave = redis_leave,
    .add = redis_add,
    .dead_list = redis_dead_list,
    .dead_get = redis_dead_get,
    .dead_count = redis_dead_count,
    .dead_requeue = redis_dead_requeue,
    .dead_delete = redis_dead_delete,
    .dead_newest = redis_dead_newest,
    .dead_list_newest = redis_dead_list_newest,
    .dead_requeue_some = redis_dead_requeue_some,
    .dead_delete_some = redis_dead_delete_some,
    .dead_purge = redis_dead_purge,
    .admin = &weir_redis_admin_ops,
    .check = redis_check_all,
};
