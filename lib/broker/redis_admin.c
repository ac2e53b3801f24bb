/* SPDX-License-Identifier: MIT
 *
 * weir_admin on Redis: looking at a queue, its groups, and what is pending. redis_scan.c finds the queues,
 * redis_delayed.c has the delayed jobs.
 *
 * What must stay true: nothing here depends on how many jobs there are. What can be long is read by pages, and what is
 * counted is counted by the server.
 */
#include "base/error.h"
#include "base/number.h"
#include "broker/admin.h"
#include "broker/redis_session.h"
#include "job/text.h"
#include "scripts.h"

#include <stdio.h>
#include <string.h>

static weir_status redis_select(struct weir_session *base, const char *stream, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    if (strcmp(session->keys->stream.bytes, stream) != 0) {
        struct weir_keys keys;
        if (!weir_keys_make(stream, &keys))
            return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the names of keys");
        weir_keys_clear(&session->selected);
        session->selected = keys;
        session->keys = &session->selected;
    }
    unsigned slot = 0;
    if (!weir_keys_slot(session->keys, &slot) && weir_connection_in_cluster(session->connection))
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "stream \"%.100s\": its braces put the queue's keys into several cluster slots", stream);
    weir_connection_set_slot(session->connection, slot);
    return WEIR_OK;
}

/* --- info --- */

static bool read_id(const struct weir_reply *reply, struct weir_entry_id *ret)
{
    return weir_reply_is_text(reply) && weir_entry_id_parse(reply->text, reply->len, ret);
}

/* The age of an entry by its id; 0 for "", which stands for none. False: it is neither. */
static bool read_age(const struct weir_reply *reply, int64_t now_ms, int64_t *ret)
{
    struct weir_entry_id id;
    *ret = 0;
    if (weir_reply_is_text(reply) && reply->len == 0)
        return true;
    if (!read_id(reply, &id))
        return false;
    *ret = weir_age_ms(now_ms, id.ms);
    return true;
}

static bool are_integers(const struct weir_reply *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].kind != WEIR_REPLY_INTEGER)
            return false;
    return true;
}

static bool read_group(const struct weir_reply *reply, const weir_queue_info *queue, weir_group_info *ret)
{
    const struct weir_reply *items = reply->items;
    if (!weir_reply_is_array(reply, 11) || !weir_reply_is_text(&items[0]) || !are_integers(&items[1], 3) ||
        !weir_reply_is_text(&items[4]) || !read_age(&items[5], queue->now_ms, &ret->oldest_waiting_ms) ||
        !read_age(&items[6], queue->now_ms, &ret->oldest_pending_ms) || !are_integers(&items[7], 1) ||
        !weir_reply_is_text(&items[8]) || !are_integers(&items[9], 2))
        return false;
    ret->name = items[0].text;
    ret->waiting = items[1].integer;
    ret->delivered = items[2].integer;
    ret->pending = items[3].integer;
    ret->last_delivered_id = items[4].text;
    ret->most_deliveries = items[7].integer;
    ret->most_delivered_id = items[8].text;
    ret->consumers_alive = items[9].integer;
    ret->consumers_idle = items[10].integer;
    weir_group_info_complete(queue, ret);
    return true;
}

/* When the first delayed job is due, and for how long it has been: '' where there is none. */
static bool read_due(const struct weir_reply *reply, weir_queue_info *ret)
{
    ret->next_due_ms = -1;
    if (!weir_reply_is_text(reply))
        return false;
    if (reply->len == 0)
        return true;
    if (weir_text_read_double(reply->text, reply->len, &ret->next_due_ms) != WEIR_TEXT_OK)
        return false;
    if (ret->next_due_ms < (double)ret->now_ms)
        ret->overdue_ms = ret->now_ms - (ret->next_due_ms > 0 ? (int64_t)ret->next_due_ms : 0);
    return true;
}

static bool read_pause(const struct weir_reply *reply, weir_queue_info *ret)
{
    if (!weir_reply_is_text(reply))
        return false;
    ret->paused = reply->len > 0;
    ret->paused_since_ms = weir_paused_since_ms(reply->text, reply->len);
    return true;
}

static bool read_queue(const struct weir_reply *reply, weir_queue_info *ret)
{
    const struct weir_reply *items = reply->items;
    if (!weir_reply_is_array(reply, 10) || !are_integers(items, 5) || !are_integers(&items[6], 2) ||
        !weir_reply_is_array(&items[9], 0))
        return false;
    ret->now_ms = items[0].integer;
    ret->exists = items[1].integer == 1;
    ret->length = items[2].integer;
    ret->added = items[3].integer;
    ret->delayed = items[4].integer;
    ret->dead = items[6].integer;
    ret->dead_added = items[7].integer;
    return read_due(&items[5], ret) && read_pause(&items[8], ret);
}

static weir_status redis_info(struct weir_session *base, int64_t alive_ms, struct weir_arena *arena,
                              weir_queue_info *ret, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->stream);
    redis_key(&session->arguments, &session->keys->delayed);
    redis_key(&session->arguments, &session->keys->dead);
    redis_key(&session->arguments, &session->keys->paused);
    weir_command_i64(&session->arguments, alive_ms);
    weir_command_i64(&session->arguments, WEIR_SUSPECTS);
    struct weir_reply *reply;
    session->n_scripts++;
    status = weir_script_run(session->connection, &weir_script_inspect, 4, 2, &session->arguments, arena, &reply, err);
    if (status == WEIR_ERR_PERMISSION)
        redis_explain_denial(session, REDIS_LOOKS, err);
    if (status != WEIR_OK)
        return status;
    if (!read_queue(reply, ret))
        return redis_surprise(session, "inspect", err);

    const struct weir_reply *groups = &reply->items[9];
    weir_group_info *infos = weir_arena_alloc(arena, groups->len * sizeof *infos);
    const weir_group_info **list = weir_arena_alloc(arena, groups->len * sizeof(const weir_group_info *));
    if (!infos || !list)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for what is known of a queue");
    for (size_t i = 0; i < groups->len; i++) {
        infos[i] = (weir_group_info){0};
        list[i] = &infos[i];
        if (!read_group(&groups->items[i], ret, &infos[i]))
            return redis_surprise(session, "inspect", err);
    }
    ret->groups = list;
    ret->n_groups = groups->len;
    return WEIR_OK;
}

/* --- consumers --- */

static bool read_consumer(const struct weir_reply *flat, int64_t alive_ms, weir_consumer_info *ret)
{
    *ret = (weir_consumer_info){.name = NULL, .idle_ms = -1};
    for (size_t i = 0; flat->kind == WEIR_REPLY_ARRAY && i + 1 < flat->len; i += 2) {
        const struct weir_reply *name = &flat->items[i], *value = &flat->items[i + 1];
        if (!weir_reply_is_text(name))
            return false;
        if (strcmp(name->text, "name") == 0 && weir_reply_is_text(value))
            ret->name = value->text;
        else if (strcmp(name->text, "pending") == 0 && value->kind == WEIR_REPLY_INTEGER && value->integer >= 0)
            ret->pending = (uint64_t)value->integer;
        else if (strcmp(name->text, "idle") == 0 && value->kind == WEIR_REPLY_INTEGER)
            ret->idle_ms = value->integer;
    }
    ret->alive = ret->idle_ms < alive_ms;
    return ret->name && ret->idle_ms >= 0;
}

static weir_status redis_consumers(struct weir_session *base, const char *group, int64_t alive_ms,
                                   weir_consumer_visit_fn visit, void *user_data, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 4);
    weir_command_text(out, "XINFO");
    weir_command_text(out, "CONSUMERS");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, group);
    struct weir_reply *reply;
    status = redis_next(session, &session->scratch, &reply, err);
    if (status == WEIR_OK && weir_reply_starts_with(reply, "ERR no such key"))
        return weir_error_set(err, WEIR_ERR_NO_GROUP, "there is no stream \"%.100s\"", session->keys->stream.bytes);
    if (status == WEIR_OK)
        status = redis_check(session, reply, "XINFO CONSUMERS", err);
    if (status != WEIR_OK)
        return status;
    if (!weir_reply_is_array(reply, 0))
        return redis_surprise(session, "XINFO CONSUMERS", err);
    for (size_t i = 0; i < reply->len; i++) {
        weir_consumer_info info;
        if (!read_consumer(&reply->items[i], alive_ms, &info))
            return redis_surprise(session, "XINFO CONSUMERS", err);
        if (visit(&info, user_data) != 0)
            break;
    }
    return WEIR_OK;
}

/* --- pending --- */

static bool read_pending(const struct weir_reply *row, struct weir_entry_id *ret_id, weir_pending_info *ret)
{
    if (!weir_reply_is_array(row, 4) || !read_id(&row->items[0], ret_id) || !weir_reply_is_text(&row->items[1]) ||
        !are_integers(&row->items[2], 2))
        return false;
    *ret = (weir_pending_info){
        .entry_id = row->items[0].text,
        .consumer = row->items[1].text,
        .idle_ms = row->items[2].integer,
        .deliveries = row->items[3].integer > 0 ? (uint64_t)row->items[3].integer : 0,
        .released = row->items[2].integer >= WEIR_RELEASED_IDLE_MS,
    };
    return true;
}

static weir_status redis_pending(struct weir_session *base, const char *group, const char *consumer,
                                 struct weir_entry_id *after, size_t max, weir_pending_visit_fn visit, void *user_data,
                                 struct weir_visit *ret, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    char start[1 + WEIR_ENTRY_ID_SIZE] = "(";
    weir_entry_id_format(*after, start + 1);
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, consumer ? 7 : 6);
    weir_command_text(out, "XPENDING");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, group);
    weir_command_text(out, start);
    weir_command_text(out, "+");
    weir_command_i64(out, (int64_t)max);
    if (consumer)
        weir_command_text(out, consumer);
    struct weir_reply *rows;
    status = redis_exchange(session, "XPENDING", &rows, err);
    if (status == WEIR_OK && !weir_reply_is_array(rows, 0))
        status = redis_surprise(session, "XPENDING", err);
    *ret = (struct weir_visit){0};
    for (size_t i = 0; status == WEIR_OK && i < rows->len && !ret->ended; i++) {
        weir_pending_info info;
        if (!read_pending(&rows->items[i], after, &info))
            return redis_surprise(session, "XPENDING", err);
        ret->n++;
        ret->ended = visit(&info, user_data) != 0;
    }
    return status;
}

/* --- one entry --- */

static weir_status visit_entry(struct redis_session *session, const struct weir_reply *page, struct weir_entry_id id,
                               struct weir_batch *batch, weir_job_visit_fn visit, void *user_data, weir_error *err)
{
    weir_field *fields;
    size_t n;
    if (!weir_reply_is_array(&page->items[0], 2) || !redis_fields(&page->items[0].items[1], &batch->arena, &fields, &n))
        return redis_surprise(session, "XRANGE", err);
    if (!weir_batch_reserve(batch, 1))
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a job");
    const struct weir_job *job = weir_batch_add(batch, id, fields, n, 0);
    weir_job_info info = weir_job_info_of(job);
    info.id = weir_job_entry_id(job);
    info.id_len = strlen(info.id);
    visit(&info, user_data);
    return WEIR_OK;
}

static weir_status redis_entry(struct weir_session *base, struct weir_entry_id id, weir_job_visit_fn visit,
                               void *user_data, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    char text[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(id, text);
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 4);
    weir_command_text(out, "XRANGE");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, text);
    weir_command_text(out, text);

    struct weir_batch *batch = weir_batch_new(redis_config(session)->reply_limit);
    if (!batch)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a job");
    struct weir_reply *page;
    status = redis_next(session, &batch->arena, &page, err);
    if (status == WEIR_OK)
        status = redis_check(session, page, "XRANGE", err);
    if (status == WEIR_OK && !weir_reply_is_array(page, 0))
        status = redis_surprise(session, "XRANGE", err);
    if (status == WEIR_OK && page->len == 0)
        status = weir_error_set(err, WEIR_ERR_NOT_FOUND, "there is no entry %s", text);
    if (status == WEIR_OK)
        status = visit_entry(session, page, id, batch, visit, user_data, err);
    weir_batch_free(batch);
    return status;
}

/* --- reaping --- */

static weir_status redis_reap_group(struct weir_session *base, const char *group, int64_t idle_ms, uint64_t *ret_count,
                                    weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->stream);
    weir_command_text(&session->arguments, group);
    weir_command_i64(&session->arguments, idle_ms);
    weir_command_text(&session->arguments, "");
    weir_command_text(&session->arguments, "");
    struct weir_reply *reply;
    status = redis_script(session, &weir_script_reap, 1, 4, &reply, err);
    if (status == WEIR_ERR_PERMISSION)
        redis_explain_denial(session, REDIS_REAPS, err);
    if (status != WEIR_OK)
        return status;
    if (reply->kind != WEIR_REPLY_INTEGER || reply->integer < 0)
        return redis_surprise(session, "reap", err);
    *ret_count = (uint64_t)reply->integer;
    return WEIR_OK;
}

const struct weir_admin_ops weir_redis_admin_ops = {
    .select = redis_select,
    .streams = redis_streams,
    .info = redis_info,
    .consumers = redis_consumers,
    .pending = redis_pending,
    .entry = redis_entry,
    .delayed = redis_delayed,
    .delayed_run = redis_delayed_run,
    .delayed_delete = redis_delayed_delete,
    .reap = redis_reap_group,
    .server = redis_server,
};
