/* SPDX-License-Identifier: MIT
 *
 * The broker inside this process, for `memory:NAME` URLs: for tests, and for programs that are their own producer and
 * worker. Everything means what it means on Redis; the contract tests run on both.
 *
 * All brokers opened with the same NAME share one store (memory_store.c), which is gone with the last of them. One
 * mutex guards a store with all its streams and all sessions on it, so every operation is one atomic step by
 * construction. One condition variable is what blocked reads wait for: it is signalled when an entry comes, and when a
 * session is woken or unblocked.
 *
 * A session stands for a connection and behaves like one, so that a caller that only works by luck is found here too:
 * it must be connected before use, forgets its outstanding reads when disconnected, and answers them in order.
 *
 * This file opens and closes, and has what the others share: memory_read.c reads, memory_add.c enqueues and promotes,
 * memory_group.c has what a worker does with pending entries, memory_pause.c the pause, memory_dead.c the dead letters.
 *
 * What must stay true:
 *   - no callback of a caller runs under the mutex: it may take locks that its owner holds while it calls wake;
 *   - wall-clock time makes ids and due times, monotonic time measures idleness and waiting.
 *
 * Failures: WEIR_ERR_MEMORY anywhere, WEIR_ERR_CONNECTION only where connect was not called.
 */
#include "broker/memory_broker.h"

#include "base/clock.h"
#include "base/error.h"
#include "broker/admin.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STORE_NAME = 255 };

/* --- what all files of this broker use --- */

weir_status weir_memory_failed(weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_MEMORY, "the in-process broker got no memory");
}

weir_status weir_memory_stopped(weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_STOPPED, "interrupted");
}

weir_status weir_memory_no_group(const struct memory_broker *broker, weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_GROUP, "the stream \"%s\" has no consumer group \"%s\"",
                          broker->stream->name, broker->group ? broker->group : "");
}

weir_status weir_memory_enter(struct weir_session *session, weir_error *err)
{
    weir_status status = WEIR_OK;
    pthread_mutex_lock(&memory_broker_of(session)->store->mutex);
    if (memory_session_of(session)->woken)
        status = weir_memory_stopped(err);
    else if (!memory_session_of(session)->connected)
        status = weir_error_set(err, WEIR_ERR_CONNECTION, "not connected");
    if (status != WEIR_OK)
        weir_memory_exit(session);
    return status;
}

weir_status weir_memory_enter_group(struct weir_session *session, struct memory_group **ret_group, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    const struct memory_broker *broker = memory_broker_of(session);
    struct memory_group *group = weir_memory_group_find(broker->stream, broker->group);
    if (!group) {
        weir_memory_exit(session);
        return weir_memory_no_group(broker, err);
    }
    *ret_group = group;
    return WEIR_OK;
}

void weir_memory_exit(struct weir_session *session)
{
    pthread_mutex_unlock(&memory_broker_of(session)->store->mutex);
}

struct memory_consumer *weir_memory_self(struct weir_session *session, struct memory_group *group)
{
    struct memory_consumer *consumer = weir_memory_consumer_get(group, memory_broker_of(session)->consumer);
    if (consumer)
        consumer->seen_ms = weir_now_ms();
    return consumer;
}

weir_field *weir_memory_copy_out(struct weir_arena *arena, const struct memory_record *record)
{
    weir_field *fields = weir_arena_alloc(arena, record->n * sizeof *fields);
    const char *bytes = weir_arena_copy(arena, record->bytes, record->n_bytes);
    if (!fields || !bytes)
        return NULL;
    for (size_t i = 0; i < record->n; i++) {
        fields[i] = record->items[i];
        fields[i].name = bytes + (record->items[i].name - record->bytes);
        fields[i].value = bytes + (record->items[i].value - record->bytes);
    }
    return fields;
}

struct weir_job *weir_memory_deliver(struct weir_batch *batch, struct weir_entry_id id,
                                     const struct memory_record *record, uint32_t deliveries)
{
    if (!record) {
        struct weir_job *job = weir_batch_add(batch, id, NULL, 0, deliveries);
        job->payload_lost = true;
        return job;
    }
    weir_field *fields = weir_memory_copy_out(&batch->arena, record);
    return fields ? weir_batch_add(batch, id, fields, record->n, deliveries) : NULL;
}

void weir_memory_own_text(struct memory_own_fields *fields, const char *name, const char *text)
{
    assert(fields->n < sizeof fields->items / sizeof *fields->items);
    fields->items[fields->n++] = weir_field_text(name, text);
}

void weir_memory_own_number(struct memory_own_fields *fields, const char *name, int64_t number)
{
    assert(fields->n_digits < sizeof fields->digits / sizeof *fields->digits);
    char *digits = fields->digits[fields->n_digits++];
    snprintf(digits, sizeof fields->digits[0], "%" PRId64, number);
    weir_memory_own_text(fields, name, digits);
}

/* --- brokers and sessions --- */

/* A copy of the text, NULL for NULL. False without memory. */
static bool copy_text(char **ret, const char *text)
{
    *ret = text ? strdup(text) : NULL;
    return *ret || !text;
}

static void memory_close(struct weir_broker *base)
{
    struct memory_broker *broker = (struct memory_broker *)base;
    if (!broker)
        return;
    if (broker->store)
        weir_memory_store_release(broker->store);
    free(broker->group);
    free(broker->consumer);
    free(broker);
}

static weir_status memory_open(struct weir_broker **ret, const struct weir_broker_config *config, weir_error *err)
{
    static const char scheme[] = "memory:";
    if (strncmp(config->url, scheme, sizeof scheme - 1) != 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url is not of the form memory:NAME");
    const char *name = config->url + sizeof scheme - 1;
    size_t name_len = strnlen(name, MAX_STORE_NAME + 1);
    if (name_len == 0 || name_len > MAX_STORE_NAME)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url \"memory:%.20s%s\": the name must have 1 to %d bytes", name,
                              name_len > 20 ? "..." : "", MAX_STORE_NAME);
    if (config->wait_replicas > 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "wait_replicas is %u, but memory: has no replicas",
                              (unsigned)config->wait_replicas);

    struct memory_broker *broker = calloc(1, sizeof *broker);
    if (!broker)
        return weir_memory_failed(err);
    broker->base.ops = &weir_memory_broker_ops;
    broker->retention = config->retention;
    broker->reply_limit = config->reply_limit ? config->reply_limit : (size_t)1 << 30;
    if (!copy_text(&broker->group, config->group) || !copy_text(&broker->consumer, config->consumer))
        goto fail;
    broker->store = weir_memory_store_acquire(name);
    if (!broker->store)
        goto fail;
    pthread_mutex_lock(&broker->store->mutex);
    broker->stream = weir_memory_stream_get(broker->store, config->stream);
    pthread_mutex_unlock(&broker->store->mutex);
    if (!broker->stream)
        goto fail;
    *ret = &broker->base;
    return WEIR_OK;

fail:
    memory_close(&broker->base);
    return weir_memory_failed(err);
}

static weir_status memory_session_open(struct weir_session **ret, struct weir_broker *broker, const char *role,
                                       weir_error *err)
{
    (void)role;
    struct memory_session *session = calloc(1, sizeof *session);
    if (!session)
        return weir_memory_failed(err);
    session->base.ops = &weir_memory_broker_ops;
    session->broker = (struct memory_broker *)broker;
    session->stream = session->broker->stream;
    *ret = &session->base;
    return WEIR_OK;
}

static void memory_session_close(struct weir_session *session)
{
    if (!session)
        return;
    free(memory_session_of(session)->reads);
    free(session);
}

weir_status weir_memory_connect(struct weir_session *session, weir_error *err)
{
    pthread_mutex_lock(&memory_broker_of(session)->store->mutex);
    weir_status status = memory_session_of(session)->woken ? weir_memory_stopped(err) : WEIR_OK;
    if (status == WEIR_OK)
        memory_session_of(session)->connected = true;
    weir_memory_exit(session);
    return status;
}

static void memory_disconnect(struct weir_session *session)
{
    pthread_mutex_lock(&memory_broker_of(session)->store->mutex);
    memory_session_of(session)->connected = false;
    memory_session_of(session)->n_reads = 0;
    weir_memory_exit(session);
}

static bool memory_connected(const struct weir_session *session)
{
    struct memory_store *store = memory_broker_of(session)->store;
    pthread_mutex_lock(&store->mutex);
    bool connected = ((const struct memory_session *)session)->connected;
    pthread_mutex_unlock(&store->mutex);
    return connected;
}

static void memory_traffic(const struct weir_session *session, struct weir_traffic *ret)
{
    (void)session;
    *ret = (struct weir_traffic){0};
}

static void set_woken(struct weir_session *session, bool woken)
{
    struct memory_store *store = memory_broker_of(session)->store;
    pthread_mutex_lock(&store->mutex);
    memory_session_of(session)->woken = woken;
    if (woken)
        pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->mutex);
}

static void memory_wake(struct weir_session *session)
{
    set_woken(session, true);
}

static void memory_unwake(struct weir_session *session)
{
    set_woken(session, false);
}

static weir_status memory_probe(struct weir_session *session, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status == WEIR_OK)
        weir_memory_exit(session);
    return status;
}

static weir_status memory_create_group(struct weir_session *session, const char *start_id, bool *ret_created,
                                       weir_error *err)
{
    struct memory_broker *broker = memory_broker_of(session);
    struct weir_entry_id start = {0, 0};
    bool from_now = strcmp(start_id, "$") == 0;
    if (!from_now && !weir_entry_id_parse(start_id, strlen(start_id), &start))
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "start_id is neither \"$\" nor an entry id");

    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    bool created = !weir_memory_group_find(broker->stream, broker->group);
    if (created && !weir_memory_group_add(broker->stream, broker->group, from_now ? broker->stream->last_id : start))
        status = weir_memory_failed(err);
    else
        *ret_created = created;
    weir_memory_exit(session);
    return status;
}

bool weir_memory_broker_delete_entry(struct weir_broker *base, struct weir_entry_id id)
{
    struct memory_broker *broker = (struct memory_broker *)base;
    pthread_mutex_lock(&broker->store->mutex);
    void *record = weir_memory_log_remove(&broker->stream->entries, id);
    pthread_mutex_unlock(&broker->store->mutex);
    free(record);
    return record != NULL;
}

static weir_status memory_check(struct weir_session *session, const weir_check_options *options, size_t *ret_findings,
                                weir_error *err)
{
    (void)session, (void)options, (void)ret_findings;
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                          "a memory: queue lives in this process alone: there is no server to look over");
}

const struct weir_broker_ops weir_memory_broker_ops = {
    .name = "memory",
    .open = memory_open,
    .close = memory_close,
    .session_open = memory_session_open,
    .session_close = memory_session_close,
    .connect = weir_memory_connect,
    .disconnect = memory_disconnect,
    .connected = memory_connected,
    .traffic = memory_traffic,
    .wake = memory_wake,
    .unwake = memory_unwake,
    .create_group = memory_create_group,
    .probe = memory_probe,
    .read_submit = weir_memory_read_submit,
    .read_collect = weir_memory_read_collect,
    .unblock = weir_memory_unblock,
    .settle = weir_memory_settle,
    .claim = weir_memory_claim,
    .recover = weir_memory_recover,
    .renew = weir_memory_renew,
    .promote = weir_memory_promote,
    .look = weir_memory_look,
    .set_paused = weir_memory_set_paused,
    .touch = weir_memory_touch,
    .trim = weir_memory_trim,
    .reap = weir_memory_reap,
    .leave = weir_memory_leave,
    .add = weir_memory_add,
    .dead_list = weir_memory_dead_list,
    .dead_get = weir_memory_dead_get,
    .dead_count = weir_memory_dead_count,
    .dead_requeue = weir_memory_dead_requeue,
    .dead_delete = weir_memory_dead_delete,
    .dead_newest = weir_memory_dead_newest,
    .dead_list_newest = weir_memory_dead_list_newest,
    .dead_requeue_some = weir_memory_dead_requeue_some,
    .dead_delete_some = weir_memory_dead_delete_some,
    .dead_purge = weir_memory_dead_purge,
    .admin = &weir_memory_admin_ops,
    .check = memory_check,
};
