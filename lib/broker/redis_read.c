/* SPDX-License-Identifier: MIT
 *
 * What delivers jobs: XREADGROUP, XAUTOCLAIM, and XPENDING with a script for what is this consumer's own.
 *
 * What must stay true:
 *   - every claimed job carries the server's exact delivery count, asked for by its id: a count read by range could be
 * cut short by entries of others, and a missing one must never be taken for 1;
 *   - an entry that was deleted while it was pending is handed on as a job without fields, never skipped silently;
 *   - the jobs of a batch are in ascending order of their ids.
 */
#include "base/error.h"
#include "broker/redis_session.h"
#include "scripts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char LAST_ID[] = "18446744073709551615-18446744073709551615";

static void append_group(struct redis_session *session, struct weir_buffer *out)
{
    weir_command_text(out, redis_config(session)->group);
}

/* Adds the entry [id, [name, value, …]] as a job; a nil instead of the fields means that it was deleted. */
static weir_status add_entry(struct redis_session *session, struct weir_batch *batch, const struct weir_reply *entry,
                             uint32_t deliveries, const char *command, weir_error *err)
{
    struct weir_entry_id id;
    if (!weir_reply_is_array(entry, 2) || !weir_reply_is_text(&entry->items[0]) ||
        !weir_entry_id_parse(entry->items[0].text, entry->items[0].len, &id))
        return redis_surprise(session, command, err);
    if (entry->items[1].kind == WEIR_REPLY_NIL) {
        weir_batch_add(batch, id, NULL, 0, deliveries)->payload_lost = true;
        return WEIR_OK;
    }
    weir_field *fields;
    size_t n;
    if (!redis_fields(&entry->items[1], &batch->arena, &fields, &n))
        return redis_surprise(session, command, err);
    weir_batch_add(batch, id, fields, n, deliveries);
    return WEIR_OK;
}

/* The order that finding a job relies on; and no entry twice, or its job would run twice at once. */
static bool in_order(const struct weir_batch *batch)
{
    for (size_t i = 1; i < batch->n; i++)
        if (weir_entry_id_compare(batch->jobs[i - 1].entry, batch->jobs[i].entry) >= 0)
            return false;
    return true;
}

static weir_status no_memory(struct redis_session *session, weir_error *err)
{
    session->base.ops->disconnect(&session->base);
    return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a batch of jobs");
}

/* --- reading --- */

weir_status redis_read_submit(struct weir_session *base, size_t count, int64_t block_ms, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_check_connection(session, err);
    if (status != WEIR_OK)
        return status;
    assert(session->n_reads < REDIS_READS_MAX);
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, block_ms > 0 ? 11 : 9);
    weir_command_text(out, "XREADGROUP");
    weir_command_text(out, "GROUP");
    append_group(session, out);
    weir_command_text(out, redis_config(session)->consumer);
    weir_command_text(out, "COUNT");
    weir_command_i64(out, (int64_t)count);
    if (block_ms > 0) {
        weir_command_text(out, "BLOCK");
        weir_command_i64(out, block_ms);
    }
    weir_command_text(out, "STREAMS");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, ">");

    if (block_ms > 0) {
        session->waiting_client = weir_connection_client_id(session->connection);
        session->waiting_server = weir_connection_server(session->connection);
    }
    session->reads[session->n_reads++] = block_ms;
    return weir_connection_push(session->connection, err);
}

weir_status redis_read_collect(struct weir_session *base, struct weir_batch *batch, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    struct weir_reply *reply;
    if (session->n_reads == 0)
        return weir_error_set(err, WEIR_ERR_CONNECTION, "nothing was asked for");
    weir_status status = weir_connection_reply(session->connection, &batch->arena, session->reads[0], &reply, err);
    if (status != WEIR_OK)
        return status; /* after WEIR_ERR_STOPPED the batch holds what has arrived so far */
    session->waiting_client = 0;
    session->n_reads--;
    memmove(session->reads, session->reads + 1, session->n_reads * sizeof *session->reads);

    status = redis_check(session, reply, "XREADGROUP", err);
    if (status != WEIR_OK || reply->kind == WEIR_REPLY_NIL)
        return status;
    /* [[stream, [entry, …]]] */
    if (!weir_reply_is_array(reply, 1) || !weir_reply_is_array(&reply->items[0], 2) ||
        reply->items[0].items[1].kind != WEIR_REPLY_ARRAY)
        return redis_surprise(session, "XREADGROUP", err);
    const struct weir_reply *entries = &reply->items[0].items[1];
    if (!weir_batch_reserve(batch, entries->len))
        return no_memory(session, err);
    for (size_t i = 0; i < entries->len && status == WEIR_OK; i++)
        status = add_entry(session, batch, &entries->items[i], 1, "XREADGROUP", err);
    if (status == WEIR_OK && !in_order(batch))
        status = redis_surprise(session, "XREADGROUP", err);
    if (status != WEIR_OK)
        batch->n = 0;
    return status;
}

/*
 * CLIENT UNBLOCK of a client whose command waits for the end of a CLIENT PAUSE WRITE makes a server up to Redis 7.0
 * panic. A write that changes nothing goes before it: where writes are paused, it waits with what follows it until they
 * no longer are. Whatever it is answered, it has done what it is for.
 */
static weir_status unblock(struct redis_session *session, int64_t client_id, weir_error *err)
{
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 4);
    weir_command_text(out, "XACK");
    redis_key(out, &session->keys->stream);
    append_group(session, out);
    redis_entry_id(out, (struct weir_entry_id){0, 0});
    weir_command_begin(out, 3);
    weir_command_text(out, "CLIENT");
    weir_command_text(out, "UNBLOCK");
    weir_command_i64(out, client_id);
    struct weir_reply *reply;
    status = redis_next(session, &session->scratch, &reply, err);
    return status == WEIR_OK ? redis_exchange(session, "CLIENT UNBLOCK", &reply, err) : status;
}

weir_status redis_unblock(struct weir_session *base, struct weir_session *reader, weir_error *err)
{
    const struct weir_connection *connection = redis_session(reader)->connection;
    int64_t client_id = weir_connection_client_id(connection);
    if (client_id == 0)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "the reader's client id is not known");
    if (weir_connection_server(connection) != weir_connection_server(redis_session(base)->connection))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "the reader is connected to another server");
    return unblock(redis_session(base), client_id, err);
}

weir_status redis_end_stale_read(struct redis_session *session, weir_error *err)
{
    int64_t client_id = session->waiting_client;
    bool same_server = session->waiting_server == weir_connection_server(session->connection) &&
                       client_id < weir_connection_client_id(session->connection); /* ids grow until a restart */
    if (client_id != 0 && same_server) {
        weir_status status = unblock(session, client_id, err);
        if (!weir_connection_is_up(session->connection))
            return weir_error_nothing_sent(status, err);
    }
    session->waiting_client = 0; /* also where the server wouldn't: then the lease will have to run out */
    return WEIR_OK;
}

/* --- claiming --- */

static int compare_jobs(const void *a, const void *b)
{
    return weir_entry_id_compare(((const struct weir_job *)a)->entry, ((const struct weir_job *)b)->entry);
}

static void append_pending_of(struct redis_session *session, struct weir_entry_id id)
{
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 6);
    weir_command_text(out, "XPENDING");
    redis_key(out, &session->keys->stream);
    append_group(session, out);
    redis_entry_id(out, id);
    redis_entry_id(out, id);
    weir_command_text(out, "1");
}

/* The delivery count in an answer to XPENDING of one id: [[id, consumer, idle, count]], or [] where it isn't pending.
 */
static bool read_delivery_count(const struct weir_reply *reply, uint32_t *ret)
{
    if (!weir_reply_is_array(reply, 0))
        return false;
    *ret = 0;
    if (reply->len == 0)
        return true;
    const struct weir_reply *row = &reply->items[0];
    if (!weir_reply_is_array(row, 4) || row->items[3].kind != WEIR_REPLY_INTEGER || row->items[3].integer < 0)
        return false;
    *ret = row->items[3].integer > UINT32_MAX ? UINT32_MAX : (uint32_t)row->items[3].integer;
    return true;
}

/* Asks for the exact delivery count of every claimed job. One that isn't pending any more was acked by somebody. */
static weir_status fill_delivery_counts(struct redis_session *session, struct weir_batch *batch, weir_error *err)
{
    for (size_t i = 0; i < batch->n; i++)
        if (!batch->jobs[i].payload_lost)
            append_pending_of(session, batch->jobs[i].entry);
    size_t kept = 0;
    for (size_t i = 0; i < batch->n; i++) {
        struct weir_job job = batch->jobs[i];
        if (!job.payload_lost) {
            struct weir_reply *reply;
            weir_status status = redis_exchange(session, "XPENDING", &reply, err);
            if (status != WEIR_OK) {
                session->base.ops->disconnect(&session->base); /* answers may be outstanding */
                return status;
            }
            if (!read_delivery_count(reply, &job.deliveries))
                return redis_surprise(session, "XPENDING", err);
            if (job.deliveries == 0)
                continue;
        }
        batch->jobs[kept++] = job;
    }
    batch->n = kept;
    return WEIR_OK;
}

/*
 * Redis 6.2 answers nil for a deleted entry and leaves it pending, now for us: find which they are. What is pending for
 * this consumer in the range that was swept, was not returned, and can't be found in the stream, was deleted.
 */
static weir_status find_deleted(struct redis_session *session, struct weir_entry_id from, struct weir_entry_id to,
                                size_t n_nil, struct weir_batch *batch, weir_error *err)
{
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 7);
    weir_command_text(out, "XPENDING");
    redis_key(out, &session->keys->stream);
    append_group(session, out);
    redis_entry_id(out, from);
    if (to.ms == 0 && to.seq == 0)
        weir_command_text(out, "+");
    else
        redis_entry_id(out, to);
    weir_command_i64(out, 10000);
    weir_command_text(out, redis_config(session)->consumer);
    struct weir_reply *pending;
    weir_status status = redis_exchange(session, "XPENDING", &pending, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_reply_is_array(pending, 0))
        return redis_surprise(session, "XPENDING", err);

    size_t claimed = batch->n;
    for (size_t i = 0; i < pending->len && n_nil > 0; i++) {
        struct weir_entry_id id;
        const struct weir_reply *row = &pending->items[i];
        if (!weir_reply_is_array(row, 4) || !weir_reply_is_text(&row->items[0]) ||
            !weir_entry_id_parse(row->items[0].text, row->items[0].len, &id))
            return redis_surprise(session, "XPENDING", err);
        struct weir_batch returned = {.jobs = batch->jobs, .n = claimed};
        if (weir_batch_find(&returned, id))
            continue;
        weir_command_begin(out, 4);
        weir_command_text(out, "XRANGE");
        redis_key(out, &session->keys->stream);
        redis_entry_id(out, id);
        redis_entry_id(out, id);
        struct weir_reply *entry;
        status = redis_exchange(session, "XRANGE", &entry, err);
        if (status != WEIR_OK)
            return status;
        if (weir_reply_is_array(entry, 0) && entry->len == 0) {
            weir_batch_add(batch, id, NULL, 0, 0)->payload_lost = true;
            n_nil--;
        }
    }
    return WEIR_OK;
}

static weir_status read_claimed(struct redis_session *session, const struct weir_reply *reply, struct weir_batch *batch,
                                size_t *ret_nil, weir_error *err)
{
    const struct weir_reply *entries = &reply->items[1];
    const struct weir_reply *deleted = reply->len > 2 ? &reply->items[2] : NULL; /* since 7.0 */
    if (entries->kind != WEIR_REPLY_ARRAY || (deleted && deleted->kind != WEIR_REPLY_ARRAY))
        return redis_surprise(session, "XAUTOCLAIM", err);
    if (!weir_batch_reserve(batch, entries->len + (deleted ? deleted->len : 0)))
        return no_memory(session, err);

    for (size_t i = 0; i < entries->len; i++) {
        if (entries->items[i].kind == WEIR_REPLY_NIL) {
            ++*ret_nil;
            continue;
        }
        weir_status status = add_entry(session, batch, &entries->items[i], 1, "XAUTOCLAIM", err);
        if (status != WEIR_OK)
            return status;
    }
    for (size_t i = 0; deleted && i < deleted->len; i++) {
        struct weir_entry_id id;
        const struct weir_reply *item = &deleted->items[i];
        if (!weir_reply_is_text(item) || !weir_entry_id_parse(item->text, item->len, &id))
            return redis_surprise(session, "XAUTOCLAIM", err);
        weir_batch_add(batch, id, NULL, 0, 0)->payload_lost = true;
    }
    return WEIR_OK;
}

weir_status redis_claim(struct weir_session *base, struct weir_entry_id *cursor, int64_t min_idle_ms, size_t count,
                        struct weir_batch *batch, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 8);
    weir_command_text(out, "XAUTOCLAIM");
    redis_key(out, &session->keys->stream);
    append_group(session, out);
    weir_command_text(out, redis_config(session)->consumer);
    weir_command_i64(out, min_idle_ms);
    redis_entry_id(out, *cursor);
    weir_command_text(out, "COUNT");
    weir_command_i64(out, (int64_t)count);

    struct weir_reply *reply;
    status = redis_next(session, &batch->arena, &reply, err);
    if (status == WEIR_OK)
        status = redis_check(session, reply, "XAUTOCLAIM", err);
    if (status != WEIR_OK)
        return status;
    struct weir_entry_id next;
    if (!weir_reply_is_array(reply, 2) || !weir_reply_is_text(&reply->items[0]) ||
        !weir_entry_id_parse(reply->items[0].text, reply->items[0].len, &next))
        return redis_surprise(session, "XAUTOCLAIM", err);

    size_t n_nil = 0;
    status = read_claimed(session, reply, batch, &n_nil, err);
    if (status == WEIR_OK && n_nil > 0)
        status = find_deleted(session, *cursor, next, n_nil, batch, err);
    if (status == WEIR_OK)
        qsort(batch->jobs, batch->n, sizeof *batch->jobs, compare_jobs);
    if (status == WEIR_OK && !in_order(batch))
        status = redis_surprise(session, "XAUTOCLAIM", err);
    if (status == WEIR_OK)
        status = fill_delivery_counts(session, batch, err);
    if (status != WEIR_OK) {
        batch->n = 0;
        return status;
    }
    *cursor = next;
    return WEIR_OK;
}

/* --- recovering --- */

/* Reads XPENDING's [[id, consumer, idle, count], …] and keeps the ids of what is to be recovered. */
static weir_status pick_pending(struct redis_session *session, const struct weir_reply *rows, int64_t max_idle_ms,
                                weir_in_flight_fn in_flight, void *context, struct weir_entry_id *picked,
                                size_t *ret_n_picked, struct weir_entry_id *after, weir_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < rows->len; i++) {
        const struct weir_reply *row = &rows->items[i];
        struct weir_entry_id id;
        if (!weir_reply_is_array(row, 4) || !weir_reply_is_text(&row->items[0]) ||
            !weir_entry_id_parse(row->items[0].text, row->items[0].len, &id) ||
            row->items[2].kind != WEIR_REPLY_INTEGER)
            return redis_surprise(session, "XPENDING", err);
        *after = id;
        if (row->items[2].integer <= max_idle_ms && !in_flight(context, id))
            picked[n++] = id;
    }
    *ret_n_picked = n;
    return WEIR_OK;
}

static weir_status list_own_pending(struct redis_session *session, struct weir_entry_id after, size_t count,
                                    struct weir_reply **ret, weir_error *err)
{
    struct weir_buffer *out = weir_connection_out(session->connection);
    char start[1 + WEIR_ENTRY_ID_SIZE] = "(";
    size_t start_len = 1 + weir_entry_id_format(after, start + 1);
    weir_command_begin(out, 7);
    weir_command_text(out, "XPENDING");
    redis_key(out, &session->keys->stream);
    append_group(session, out);
    weir_command_bytes(out, start, start_len);
    weir_command_text(out, LAST_ID);
    weir_command_i64(out, (int64_t)count);
    weir_command_text(out, redis_config(session)->consumer);
    weir_status status = redis_exchange(session, "XPENDING", ret, err);
    if (status == WEIR_OK && !weir_reply_is_array(*ret, 0))
        status = redis_surprise(session, "XPENDING", err);
    return status;
}

/* The script's answer for one id: {deliveries, entry or nil}, or nil where it is pending no longer. */
static weir_status add_recovered(struct redis_session *session, struct weir_batch *batch, struct weir_entry_id id,
                                 const struct weir_reply *found, weir_error *err)
{
    if (found->kind == WEIR_REPLY_NIL)
        return WEIR_OK;
    /* Lua ends an array at the first nil: an entry that was deleted leaves the count alone */
    if (!weir_reply_is_array(found, 1) || found->items[0].kind != WEIR_REPLY_INTEGER)
        return redis_surprise(session, "recover", err);
    int64_t count = found->items[0].integer;
    uint32_t deliveries = count < 0 ? 0 : count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
    if (found->len > 1 && found->items[1].kind != WEIR_REPLY_NIL)
        return add_entry(session, batch, &found->items[1], deliveries, "recover", err);
    weir_batch_add(batch, id, NULL, 0, deliveries)->payload_lost = true;
    return WEIR_OK;
}

weir_status redis_recover(struct weir_session *base, struct weir_entry_id *after, size_t count, bool lost_reply,
                          int64_t max_idle_ms, weir_in_flight_fn in_flight, void *context, struct weir_batch *batch,
                          bool *ret_more, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    struct weir_reply *rows;
    weir_status status = redis_begin(session, err);
    if (status == WEIR_OK)
        status = list_own_pending(session, *after, count, &rows, err);
    if (status != WEIR_OK)
        return status;

    struct weir_entry_id *picked = weir_arena_alloc(&session->scratch, rows->len * sizeof *picked);
    if (!picked || !weir_batch_reserve(batch, rows->len))
        return no_memory(session, err);
    size_t n = 0;
    status = pick_pending(session, rows, max_idle_ms, in_flight, context, picked, &n, after, err);
    if (status == WEIR_OK && n > 0) {
        struct weir_buffer *arguments = &session->arguments;
        redis_key(arguments, &session->keys->stream);
        append_group(session, arguments);
        weir_command_text(arguments, redis_config(session)->consumer);
        weir_command_text(arguments, lost_reply ? "1" : "0");
        for (size_t i = 0; i < n; i++)
            redis_entry_id(arguments, picked[i]);
        struct weir_reply *found;
        session->n_scripts++;
        status =
            weir_script_run(session->connection, &weir_script_recover, 1, 3 + n, arguments, &batch->arena, &found, err);
        if (status == WEIR_OK && !weir_reply_is_array(found, n))
            status = redis_surprise(session, "recover", err);
        for (size_t i = 0; i < n && status == WEIR_OK; i++)
            status = add_recovered(session, batch, picked[i], &found->items[i], err);
        if (status == WEIR_OK && !in_order(batch))
            status = redis_surprise(session, "recover", err);
    }
    if (status != WEIR_OK) {
        batch->n = 0;
        return status;
    }
    *ret_more = rows->len == count;
    return WEIR_OK;
}
