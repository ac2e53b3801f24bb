/* SPDX-License-Identifier: MIT
 *
 * weir_admin on Redis: the delayed jobs, by pages, and one by one.
 *
 * Anybody may have written what lies there. A value that is no packed job is shown as spoilt, with its bytes, as
 * promote would bury it; a member of any bytes is listed, and the listing goes on behind it.
 */
#include "base/error.h"
#include "broker/redis_session.h"
#include "job/pack.h"
#include "job/text.h"
#include "scripts.h"

#include <string.h>

/* The fields, each NUL-terminated, in the arena; NULL without memory. */
static weir_field *own_fields(struct weir_arena *arena, const weir_fields *fields)
{
    weir_field *copies = weir_arena_alloc(arena, fields->n * sizeof *copies);
    for (size_t i = 0; copies && i < fields->n; i++) {
        copies[i] = fields->items[i];
        copies[i].name = weir_arena_copy(arena, fields->items[i].name, fields->items[i].name_len);
        copies[i].value = weir_arena_copy(arena, fields->items[i].value, fields->items[i].value_len);
        if (!copies[i].name || !copies[i].value)
            return NULL;
    }
    return copies;
}

/* A job of the packed form, unpacked into the batch, which has room for it. */
static bool read_packed(struct weir_batch *batch, const struct weir_packed_job *packed, weir_job_info *ret)
{
    weir_field *fields = own_fields(&batch->arena, &packed->fields);
    const char *group = weir_arena_copy(&batch->arena, packed->group, packed->group_len);
    if (!fields || !group)
        return false;
    struct weir_job *job = weir_batch_add(batch, (struct weir_entry_id){0, 0}, fields, packed->fields.n, 0);
    job->attempts = packed->attempts;
    job->enqueued_ms = packed->first_enqueued_ms;
    job->group = group;
    *ret = weir_job_info_of(job);
    if (!job->own_id)
        ret->job_id = NULL; /* its name in the set is */
    return true;
}

static bool read_spoilt(struct weir_batch *batch, const struct weir_reply *packed, weir_job_info *ret)
{
    *ret = (weir_job_info){.group = "", .traceparent = "", .spoilt = true};
    if (!weir_reply_is_text(packed))
        return true; /* there is nothing */
    weir_field *field = weir_arena_alloc(&batch->arena, sizeof *field);
    if (!field)
        return false;
    *field = weir_field_bytes("packed", packed->text, packed->len);
    ret->fields = (weir_fields){field, 1};
    return true;
}

/* member, due time, packed job or nil */
static weir_status read_delayed(struct redis_session *session, struct weir_batch *batch, const struct weir_reply *items,
                                weir_job_info *ret, weir_error *err)
{
    double due_ms;
    if (!weir_reply_is_text(&items[0]) || !weir_reply_is_text(&items[1]) ||
        weir_text_read_double(items[1].text, items[1].len, &due_ms) != WEIR_TEXT_OK)
        return redis_surprise(session, "list_delayed", err);
    struct weir_packed_job packed;
    bool good = weir_reply_is_text(&items[2]) && weir_unpack_job(items[2].text, items[2].len, &batch->arena, &packed) &&
                packed.fields.n > 0;
    if (!(good ? read_packed(batch, &packed, ret) : read_spoilt(batch, &items[2], ret)))
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a delayed job");
    ret->id = items[0].text;
    ret->id_len = items[0].len;
    ret->due_ms = due_ms;
    if (!ret->job_id)
        ret->job_id = ret->id;
    return WEIR_OK;
}

static weir_status ask_for_page(struct redis_session *session, const weir_delayed_position *after, size_t max,
                                struct weir_arena *arena, struct weir_reply **ret, weir_error *err)
{
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->delayed);
    redis_key(&session->arguments, &session->keys->delayed_jobs);
    weir_command_i64(&session->arguments, (int64_t)max);
    if (after) {
        char due[WEIR_TEXT_SIZE];
        weir_command_bytes(&session->arguments, due, weir_text_write_double(due, after->due_ms));
        weir_command_bytes(&session->arguments, after->id, after->id_len);
    }
    session->n_scripts++;
    status = weir_script_run(session->connection, &weir_script_list_delayed, 2, after ? 3 : 1, &session->arguments,
                             arena, ret, err);
    if (status == WEIR_ERR_PERMISSION)
        redis_explain_denial(session, REDIS_LISTS, err);
    if (status == WEIR_OK && (!weir_reply_is_array(*ret, 0) || (*ret)->len % 3 != 0))
        status = redis_surprise(session, "list_delayed", err);
    return status;
}

weir_status redis_delayed(struct weir_session *base, const weir_delayed_position *after, size_t max,
                          weir_job_visit_fn visit, void *user_data, struct weir_visit *ret, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    struct weir_batch *batch = weir_batch_new(redis_config(session)->reply_limit);
    if (!batch)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for delayed jobs");
    struct weir_reply *page;
    weir_status status = ask_for_page(session, after, max, &batch->arena, &page, err);
    if (status == WEIR_OK && !weir_batch_reserve(batch, page->len / 3))
        status = weir_error_set(err, WEIR_ERR_MEMORY, "no memory for delayed jobs");
    *ret = (struct weir_visit){0};
    for (size_t i = 0; status == WEIR_OK && i < page->len && !ret->ended; i += 3) {
        weir_job_info info;
        status = read_delayed(session, batch, &page->items[i], &info, err);
        if (status != WEIR_OK)
            break;
        ret->n++;
        ret->ended = visit(&info, user_data) != 0;
    }
    weir_batch_free(batch);
    return status;
}

weir_status redis_delayed_run(struct weir_session *base, const char *id, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->stream);
    redis_key(&session->arguments, &session->keys->delayed);
    redis_key(&session->arguments, &session->keys->delayed_jobs);
    redis_key(&session->arguments, &session->keys->dead);
    weir_command_text(&session->arguments, "1");
    weir_command_text(&session->arguments, id);
    struct weir_reply *reply;
    status = redis_script(session, &weir_script_promote, 4, 2, &reply, err);
    if (status == WEIR_ERR_PERMISSION)
        redis_explain_denial(session, REDIS_RUNS, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_reply_is_array(reply, 2) || reply->items[0].kind != WEIR_REPLY_INTEGER)
        return redis_surprise(session, "promote", err);
    return reply->items[0].integer == 0 ? weir_no_delayed_job(id, err) : WEIR_OK;
}

weir_status redis_delayed_delete(struct weir_session *base, const char *id, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->delayed);
    redis_key(&session->arguments, &session->keys->delayed_jobs);
    weir_command_text(&session->arguments, id);
    struct weir_reply *reply;
    status = redis_script(session, &weir_script_drop_delayed, 2, 1, &reply, err);
    if (status == WEIR_ERR_PERMISSION)
        redis_explain_denial(session, REDIS_DROPS, err);
    if (status != WEIR_OK)
        return status;
    if (reply->kind != WEIR_REPLY_INTEGER)
        return redis_surprise(session, "drop_delayed", err);
    return reply->integer == 0 ? weir_no_delayed_job(id, err) : WEIR_OK;
}
