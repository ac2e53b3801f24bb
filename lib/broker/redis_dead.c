/* SPDX-License-Identifier: MIT
 *
 * Dead letters on Redis: a stream of their own, read by pages.
 */
#include "base/error.h"
#include "broker/letter.h"
#include "broker/redis_session.h"
#include "scripts.h"

/* XRANGE or XREVRANGE of the dead stream; where it starts may be exclusive. */
static weir_status range(struct redis_session *session, const char *command, const char *start, const char *end,
                         size_t count, struct weir_reply **ret, weir_error *err)
{
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 6);
    weir_command_text(out, command);
    redis_key(out, &session->keys->dead);
    weir_command_text(out, start);
    weir_command_text(out, end);
    weir_command_text(out, "COUNT");
    weir_command_i64(out, (int64_t)count);
    status = redis_exchange(session, command, ret, err);
    if (status == WEIR_OK && !weir_reply_is_array(*ret, 0))
        status = redis_surprise(session, command, err);
    return status;
}

static weir_status read_letter(struct redis_session *session, const struct weir_reply *entry,
                               struct weir_entry_id *ret_id, weir_dead_letter *ret, weir_error *err)
{
    weir_field *fields;
    size_t n;
    if (!weir_reply_is_array(entry, 2) || !weir_reply_is_text(&entry->items[0]) ||
        !weir_entry_id_parse(entry->items[0].text, entry->items[0].len, ret_id) ||
        !redis_fields(&entry->items[1], &session->scratch, &fields, &n))
        return redis_surprise(session, "a dead letter", err);
    if (!weir_letter_read(&session->scratch, *ret_id, fields, n, ret))
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a dead letter");
    return WEIR_OK;
}

/* Visits one page; *at: the id of the last that was visited. */
static weir_status visit_page(struct redis_session *session, const struct weir_reply *page, struct weir_entry_id *at,
                              weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended,
                              weir_error *err)
{
    weir_status status = WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < page->len && !*ret_ended; i++) {
        weir_dead_letter letter;
        status = read_letter(session, &page->items[i], at, &letter, err);
        if (status == WEIR_OK) {
            ++*ret_n;
            *ret_ended = visit(&letter, user_data) != 0;
        }
    }
    return status;
}

weir_status redis_dead_list(struct weir_session *base, struct weir_entry_id *after, size_t max,
                            weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    char start[1 + WEIR_ENTRY_ID_SIZE] = "(";
    weir_entry_id_format(*after, start + 1);
    struct weir_reply *page;
    *ret_n = 0;
    *ret_ended = false;
    weir_status status = range(session, "XRANGE", start, "+", max, &page, err);
    return status == WEIR_OK ? visit_page(session, page, after, visit, user_data, ret_n, ret_ended, err) : status;
}

weir_status redis_dead_list_newest(struct weir_session *base, struct weir_entry_id *before, size_t max,
                                   weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended,
                                   weir_error *err)
{
    struct redis_session *session = redis_session(base);
    char start[1 + WEIR_ENTRY_ID_SIZE] = "(";
    weir_entry_id_format(*before, start + 1);
    bool all = before->ms == UINT64_MAX && before->seq == UINT64_MAX;
    struct weir_reply *page;
    *ret_n = 0;
    *ret_ended = false;
    weir_status status = range(session, "XREVRANGE", all ? "+" : start, "-", max, &page, err);
    return status == WEIR_OK ? visit_page(session, page, before, visit, user_data, ret_n, ret_ended, err) : status;
}

weir_status redis_dead_get(struct weir_session *base, struct weir_entry_id id, weir_dead_visit_fn visit,
                           void *user_data, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    char text[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(id, text);
    struct weir_reply *page;
    weir_status status = range(session, "XRANGE", text, text, 1, &page, err);
    if (status == WEIR_OK && page->len == 0)
        status = weir_error_set(err, WEIR_ERR_NOT_FOUND, "there is no dead letter %s", text);
    weir_dead_letter letter;
    if (status == WEIR_OK)
        status = read_letter(session, &page->items[0], &id, &letter, err);
    if (status == WEIR_OK)
        visit(&letter, user_data);
    return status;
}

weir_status redis_dead_count(struct weir_session *base, uint64_t *ret_count, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 2);
    weir_command_text(out, "XLEN");
    redis_key(out, &session->keys->dead);
    struct weir_reply *reply;
    status = redis_exchange(session, "XLEN", &reply, err);
    if (status == WEIR_OK && (reply->kind != WEIR_REPLY_INTEGER || reply->integer < 0))
        status = redis_surprise(session, "XLEN", err);
    if (status == WEIR_OK)
        *ret_count = (uint64_t)reply->integer;
    return status;
}

/* Why the script `requeue` has left it where it is. */
static weir_status stays(const char *id, int64_t answer, weir_error *err)
{
    if (answer == 2)
        return weir_error_set(err, WEIR_ERR_STATE, "the dead letter %s has no fields left that could be run", id);
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                          "the dead letter %s has too many fields for a script to move: XADD them to the stream, and "
                          "delete the letter",
                          id);
}

weir_status redis_dead_requeue(struct weir_session *base, struct weir_entry_id id, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    char text[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(id, text);
    redis_key(&session->arguments, &session->keys->stream);
    redis_key(&session->arguments, &session->keys->dead);
    weir_command_text(&session->arguments, text);
    struct weir_reply *reply;
    status = redis_script(session, &weir_script_requeue, 2, 1, &reply, err);
    if (status == WEIR_ERR_PERMISSION)
        redis_explain_denial(session, REDIS_REQUEUES, err);
    if (status != WEIR_OK)
        return status;
    if (reply->kind != WEIR_REPLY_INTEGER)
        return redis_surprise(session, "requeue", err);
    if (reply->integer == 0)
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "there is no dead letter %s", text);
    return reply->integer == 1 ? WEIR_OK : stays(text, reply->integer, err);
}

weir_status redis_dead_delete(struct weir_session *base, struct weir_entry_id id, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    char text[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(id, text);
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 3);
    weir_command_text(out, "XDEL");
    redis_key(out, &session->keys->dead);
    redis_entry_id(out, id);
    struct weir_reply *reply;
    status = redis_exchange(session, "XDEL", &reply, err);
    if (status == WEIR_OK && !(reply->kind == WEIR_REPLY_INTEGER && reply->integer == 1))
        status = weir_error_set(err, WEIR_ERR_NOT_FOUND, "there is no dead letter %s", text);
    return status;
}

weir_status redis_dead_newest(struct weir_session *base, struct weir_entry_id *ret, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    struct weir_reply *page;
    weir_status status = range(session, "XREVRANGE", "+", "-", 1, &page, err);
    if (status != WEIR_OK)
        return status;
    *ret = (struct weir_entry_id){0, 0};
    if (page->len == 0)
        return WEIR_OK;
    if (!weir_reply_is_array(&page->items[0], 2) || !weir_reply_is_text(&page->items[0].items[0]) ||
        !weir_entry_id_parse(page->items[0].items[0].text, page->items[0].items[0].len, ret))
        return redis_surprise(session, "XREVRANGE", err);
    return WEIR_OK;
}

/* The part of the answer that requeue and clear have in common: [done, seen, last, …]. */
static bool read_step(const struct weir_reply *reply, struct weir_dead_step *step)
{
    if (!weir_reply_is_array(reply, 0) || reply->len < 3 || reply->items[0].kind != WEIR_REPLY_INTEGER ||
        reply->items[0].integer < 0 || reply->items[1].kind != WEIR_REPLY_INTEGER || reply->items[1].integer < 0 ||
        !weir_reply_is_text(&reply->items[2]))
        return false;
    step->done = (uint64_t)reply->items[0].integer;
    step->seen = (size_t)reply->items[1].integer;
    return step->seen == 0 || weir_entry_id_parse(reply->items[2].text, reply->items[2].len, &step->after);
}

/* [id, why, …], as requeue answers for one. */
static bool tell_stays(const struct weir_reply *items, size_t n, const struct weir_dead_step *step)
{
    for (size_t i = 0; i + 1 < n; i += 2) {
        if (!weir_reply_is_text(&items[i]) || items[i + 1].kind != WEIR_REPLY_INTEGER)
            return false;
        weir_error why;
        stays(items[i].text, items[i + 1].integer, &why);
        if (step->stays)
            step->stays(items[i].text, why.code, why.message, step->user_data);
    }
    return n % 2 == 0;
}

static void append_range(struct redis_session *session, const struct weir_dead_step *step)
{
    char first[1 + WEIR_ENTRY_ID_SIZE] = "(";
    weir_entry_id_format(step->after, first + 1);
    weir_command_text(&session->arguments, first);
    redis_entry_id(&session->arguments, step->last);
    weir_command_i64(&session->arguments, (int64_t)step->max);
}

weir_status redis_dead_requeue_some(struct weir_session *base, struct weir_dead_step *step, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->stream);
    redis_key(&session->arguments, &session->keys->dead);
    append_range(session, step);
    struct weir_reply *reply;
    status = redis_script(session, &weir_script_requeue, 2, 3, &reply, err);
    if (status == WEIR_ERR_PERMISSION)
        redis_explain_denial(session, REDIS_REQUEUES, err);
    if (status != WEIR_OK)
        return status;
    if (!read_step(reply, step) || !tell_stays(reply->items + 3, reply->len - 3, step))
        return redis_surprise(session, "requeue", err);
    return WEIR_OK;
}

weir_status redis_dead_delete_some(struct weir_session *base, struct weir_dead_step *step, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->dead);
    append_range(session, step);
    struct weir_reply *reply;
    status = redis_script(session, &weir_script_clear, 1, 3, &reply, err);
    if (status == WEIR_ERR_PERMISSION)
        redis_explain_denial(session, REDIS_CLEARS, err);
    if (status == WEIR_OK && !read_step(reply, step))
        status = redis_surprise(session, "clear", err);
    return status;
}

/* XTRIM; `limit` 0: all that is below the id. */
static weir_status trim_dead(struct redis_session *session, struct weir_entry_id below, int64_t limit,
                             uint64_t *ret_removed, weir_error *err)
{
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, limit > 0 ? 7 : 4);
    weir_command_text(out, "XTRIM");
    redis_key(out, &session->keys->dead);
    weir_command_text(out, "MINID");
    if (limit > 0)
        weir_command_text(out, "~"); /* whole nodes, as few commands as can be */
    redis_entry_id(out, below);
    if (limit > 0) {
        weir_command_text(out, "LIMIT");
        weir_command_i64(out, limit);
    }
    struct weir_reply *reply;
    status = redis_exchange(session, "XTRIM", &reply, err);
    if (status == WEIR_OK && (reply->kind != WEIR_REPLY_INTEGER || reply->integer < 0))
        status = redis_surprise(session, "XTRIM", err);
    *ret_removed = status == WEIR_OK ? (uint64_t)reply->integer : 0;
    return status;
}

weir_status redis_dead_purge(struct weir_session *base, uint64_t *ret_count, weir_error *err)
{
    enum { STEP = 10000 }; /* the server does nothing else meanwhile */
    struct weir_entry_id newest;
    uint64_t removed = STEP;
    *ret_count = 0;
    weir_status status = redis_dead_newest(base, &newest, err);
    if (status != WEIR_OK || (newest.ms == 0 && newest.seq == 0))
        return status;
    struct weir_entry_id below = weir_entry_id_next(newest);
    while (status == WEIR_OK && removed > 0) {
        status = trim_dead(redis_session(base), below, STEP, &removed, err);
        *ret_count += removed;
    }
    if (status == WEIR_OK) {
        status = trim_dead(redis_session(base), below, 0, &removed, err); /* the rest: part of one node */
        *ret_count += removed;
    }
    return status;
}
