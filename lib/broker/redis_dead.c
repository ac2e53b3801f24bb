/* SPDX-License-Identifier: MIT
 *
 * Dead letters on Redis: a stream of their own, read by pages.
 */
#include "base/error.h"
#include "broker/letter.h"
#include "broker/redis_session.h"
#include "scripts.h"

/* XRANGE of the dead stream; start may be exclusive. */
static weir_status range(struct redis_session *session, const char *start, const char *end, size_t count,
                         struct weir_reply **ret, weir_error *err)
{
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 6);
    weir_command_text(out, "XRANGE");
    redis_key(out, &session->keys->dead);
    weir_command_text(out, start);
    weir_command_text(out, end);
    weir_command_text(out, "COUNT");
    weir_command_i64(out, (int64_t)count);
    status = redis_exchange(session, "XRANGE", ret, err);
    if (status == WEIR_OK && !weir_reply_is_array(*ret, 0))
        status = redis_surprise(session, "XRANGE", err);
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
        return redis_surprise(session, "XRANGE", err);
    if (!weir_letter_read(&session->scratch, *ret_id, fields, n, ret))
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a dead letter");
    return WEIR_OK;
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
    weir_status status = range(session, start, "+", max, &page, err);
    for (size_t i = 0; status == WEIR_OK && i < page->len && !*ret_ended; i++) {
        weir_dead_letter letter;
        status = read_letter(session, &page->items[i], after, &letter, err);
        if (status == WEIR_OK) {
            ++*ret_n;
            *ret_ended = visit(&letter, user_data) != 0;
        }
    }
    return status;
}

weir_status redis_dead_get(struct weir_session *base, struct weir_entry_id id, weir_dead_visit_fn visit,
                           void *user_data, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    char text[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(id, text);
    struct weir_reply *page;
    weir_status status = range(session, text, text, 1, &page, err);
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
    if (reply->integer == 2)
        return weir_error_set(err, WEIR_ERR_STATE, "the dead letter %s has no fields left that could be run", text);
    if (reply->integer == 3)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "the dead letter %s has too many fields for a script to move: XADD them to the stream, "
                              "and delete the letter",
                              text);
    return WEIR_OK;
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
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 6);
    weir_command_text(out, "XREVRANGE");
    redis_key(out, &session->keys->dead);
    weir_command_text(out, "+");
    weir_command_text(out, "-");
    weir_command_text(out, "COUNT");
    weir_command_text(out, "1");
    struct weir_reply *page;
    status = redis_exchange(session, "XREVRANGE", &page, err);
    if (status != WEIR_OK)
        return status;
    *ret = (struct weir_entry_id){0, 0};
    if (weir_reply_is_array(page, 0) && page->len == 0)
        return WEIR_OK;
    if (!weir_reply_is_array(page, 1) || !weir_reply_is_array(&page->items[0], 2) ||
        !weir_reply_is_text(&page->items[0].items[0]) ||
        !weir_entry_id_parse(page->items[0].items[0].text, page->items[0].items[0].len, ret))
        return redis_surprise(session, "XREVRANGE", err);
    return WEIR_OK;
}

weir_status redis_dead_requeue_some(struct weir_session *base, struct weir_entry_id *after, struct weir_entry_id last,
                                    size_t max, uint64_t *ret_moved, bool *ret_more, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    char first[1 + WEIR_ENTRY_ID_SIZE] = "(";
    weir_entry_id_format(*after, first + 1);
    redis_key(&session->arguments, &session->keys->stream);
    redis_key(&session->arguments, &session->keys->dead);
    weir_command_text(&session->arguments, first);
    redis_entry_id(&session->arguments, last);
    weir_command_i64(&session->arguments, (int64_t)max);
    struct weir_reply *reply;
    status = redis_script(session, &weir_script_requeue, 2, 3, &reply, err);
    if (status == WEIR_ERR_PERMISSION)
        redis_explain_denial(session, REDIS_REQUEUES, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_reply_is_array(reply, 3) || reply->items[0].kind != WEIR_REPLY_INTEGER || reply->items[0].integer < 0 ||
        reply->items[1].kind != WEIR_REPLY_INTEGER || !weir_reply_is_text(&reply->items[2]))
        return redis_surprise(session, "requeue", err);
    *ret_moved = (uint64_t)reply->items[0].integer;
    *ret_more = reply->items[1].integer > 0;
    if (*ret_more && !weir_entry_id_parse(reply->items[2].text, reply->items[2].len, after))
        return redis_surprise(session, "requeue", err);
    return WEIR_OK;
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
