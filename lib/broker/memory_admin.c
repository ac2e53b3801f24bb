/* SPDX-License-Identifier: MIT
 *
 * weir_admin on the in-process broker.
 *
 * What must stay true: visitors run without the store's mutex, so a page is copied out first; what is copied is bounded
 * by the page, not by how much there is.
 */
#include "broker/admin.h"
#include "broker/memory_broker.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct memory_stream *selected(struct weir_session *session)
{
    return memory_session_of(session)->stream;
}

static weir_status memory_select(struct weir_session *session, const char *stream, weir_error *err)
{
    struct memory_store *store = memory_broker_of(session)->store;
    pthread_mutex_lock(&store->mutex);
    struct memory_stream *found = weir_memory_stream_get(store, stream);
    if (found)
        memory_session_of(session)->stream = found;
    pthread_mutex_unlock(&store->mutex);
    return found ? WEIR_OK : weir_memory_failed(err);
}

/* A stream that was only asked about is none. */
static bool stream_exists(const struct memory_stream *stream)
{
    return stream->groups || stream->last_id.ms > 0 || stream->last_id.seq > 0;
}

static bool is_known(const struct memory_stream *stream)
{
    return stream_exists(stream) || stream->delayed.n > 0 || stream->dead.live > 0;
}

/* Streams are never removed, and new ones come first: the cursor counts from the oldest one on. */
static const struct memory_stream *stream_at(const struct memory_store *store, uint64_t place)
{
    uint64_t n = 0;
    const struct memory_stream *stream = store->streams;
    for (const struct memory_stream *at = stream; at; at = at->next)
        n++;
    if (place >= n)
        return NULL;
    for (uint64_t i = n - 1; i > place; i--)
        stream = stream->next;
    return stream;
}

static weir_status memory_streams(struct weir_session *session, weir_cursor *cursor, weir_stream_visit_fn visit,
                                  void *user_data, weir_error *err)
{
    uint64_t place = 0;
    size_t len = strlen(cursor->text);
    if (len > 0 && !weir_parse_u64(cursor->text, len, &place))
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "\"%.60s\" is no cursor that weir_admin_streams has left",
                              cursor->text);
    weir_status status = weir_memory_connect(session, err);
    if (status == WEIR_OK)
        status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    const struct memory_stream *stream = stream_at(memory_broker_of(session)->store, place);
    bool known = stream && is_known(stream);
    bool more = stream_at(memory_broker_of(session)->store, place + 1) != NULL;
    weir_memory_exit(session);

    cursor->text[0] = '\0';
    if (more)
        snprintf(cursor->text, sizeof cursor->text, "%llu", (unsigned long long)place + 1);
    if (known)
        visit(stream->name, user_data); /* which stays where it is */
    return WEIR_OK;
}

/* --- info --- */

/* Entries from a slot on. Slots without holes needn't be counted. */
static int64_t count_from(const struct memory_log *log, size_t at)
{
    if (at <= log->begin)
        return (int64_t)log->live;
    if (log->end - log->begin == log->live)
        return (int64_t)(log->end - at);
    int64_t n = 0;
    while (weir_memory_log_next(log, &at))
        n++;
    return n;
}

/* Which of the first pending entries was delivered most often. */
static bool fill_suspect(const struct memory_log *log, struct weir_arena *arena, weir_group_info *ret)
{
    const struct memory_slot *slot, *suspect = NULL;
    size_t at = log->begin;
    for (int i = 0; i < WEIR_SUSPECTS && (slot = weir_memory_log_next(log, &at)); i++) {
        const struct memory_pending *pending = slot->item;
        if ((int64_t)pending->deliveries > ret->most_deliveries) {
            ret->most_deliveries = (int64_t)pending->deliveries;
            suspect = slot;
        }
    }
    char id[WEIR_ENTRY_ID_SIZE];
    if (suspect)
        ret->most_delivered_id = weir_arena_copy(arena, id, weir_entry_id_format(suspect->id, id));
    return ret->most_delivered_id;
}

static bool fill_group(const struct memory_stream *stream, const struct memory_group *group, int64_t alive_ms,
                       struct weir_arena *arena, const weir_queue_info *queue, weir_group_info *ret)
{
    char last[WEIR_ENTRY_ID_SIZE];
    size_t at = weir_memory_log_seek(&stream->entries, weir_entry_id_next(group->last_delivered));
    const struct memory_log *pending = &group->pending;
    int64_t now_ms = weir_now_ms();
    *ret = (weir_group_info){
        .name = weir_arena_copy(arena, group->name, strlen(group->name)),
        .last_delivered_id = weir_arena_copy(arena, last, weir_entry_id_format(group->last_delivered, last)),
        .waiting = count_from(&stream->entries, at),
        .delivered = (int64_t)pending->appended,
        .most_delivered_id = "",
        .pending = (int64_t)pending->live,
    };
    const struct memory_slot *first = weir_memory_log_next(&stream->entries, &at);
    if (first)
        ret->oldest_waiting_ms = weir_age_ms(queue->now_ms, first->id.ms);
    if (pending->live > 0)
        ret->oldest_pending_ms = weir_age_ms(queue->now_ms, pending->slots[pending->begin].id.ms);
    bool copied = fill_suspect(pending, arena, ret);
    for (const struct memory_consumer *consumer = group->consumers; consumer; consumer = consumer->next) {
        bool alive = now_ms - consumer->seen_ms < alive_ms;
        ret->consumers_alive += alive;
        ret->consumers_idle += !alive;
    }
    weir_group_info_complete(queue, ret);
    return copied && ret->name && ret->last_delivered_id;
}

static bool fill_groups(const struct memory_stream *stream, int64_t alive_ms, struct weir_arena *arena,
                        weir_queue_info *ret)
{
    size_t n = 0;
    for (const struct memory_group *group = stream->groups; group; group = group->next)
        n++;
    weir_group_info *infos = weir_arena_alloc(arena, n * sizeof *infos);
    const weir_group_info **list = weir_arena_alloc(arena, n * sizeof(const weir_group_info *));
    if (!infos || !list)
        return false;
    for (const struct memory_group *group = stream->groups; group; group = group->next) {
        n--; /* the oldest comes first */
        list[n] = &infos[n];
        if (!fill_group(stream, group, alive_ms, arena, ret, &infos[n]))
            return false;
        ret->n_groups++;
    }
    ret->groups = list;
    return true;
}

static weir_status memory_info(struct weir_session *session, int64_t alive_ms, struct weir_arena *arena,
                               weir_queue_info *ret, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    const struct memory_stream *stream = selected(session);
    const struct memory_delayed *first = weir_memory_delayed_first(&stream->delayed);
    ret->now_ms = weir_wall_ms();
    ret->exists = stream_exists(stream);
    ret->length = (int64_t)stream->entries.live;
    ret->added = (int64_t)stream->entries.appended;
    ret->delayed = (int64_t)stream->delayed.n;
    ret->next_due_ms = first ? (double)first->due_ms : -1;
    ret->overdue_ms = first && first->due_ms < ret->now_ms ? ret->now_ms - first->due_ms : 0;
    ret->dead = (int64_t)stream->dead.live;
    ret->dead_added = (int64_t)stream->dead.appended;
    ret->paused = stream->paused_ms > 0;
    ret->paused_since_ms = stream->paused_ms;
    if (!fill_groups(stream, alive_ms, arena, ret))
        status = weir_memory_failed(err);
    weir_memory_exit(session);
    return status;
}

/* --- consumers and what is pending --- */

static weir_status enter_group(struct weir_session *session, const char *name, struct memory_group **ret,
                               weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    *ret = weir_memory_group_find(selected(session), name);
    if (*ret)
        return WEIR_OK;
    weir_memory_exit(session);
    return weir_error_set(err, WEIR_ERR_NO_GROUP, "there is no consumer group \"%.100s\"", name);
}

static weir_status memory_consumers(struct weir_session *session, const char *group_name, int64_t alive_ms,
                                    weir_consumer_visit_fn visit, void *user_data, weir_error *err)
{
    struct memory_group *group;
    weir_status status = enter_group(session, group_name, &group, err);
    if (status != WEIR_OK)
        return status;
    struct weir_arena arena;
    weir_arena_init(&arena, 0);
    size_t n = 0, filled = 0;
    for (const struct memory_consumer *consumer = group->consumers; consumer; consumer = consumer->next)
        n++;
    weir_consumer_info *infos = weir_arena_alloc(&arena, n * sizeof *infos);
    for (const struct memory_consumer *consumer = group->consumers; infos && consumer; consumer = consumer->next) {
        int64_t idle_ms = weir_now_ms() - consumer->seen_ms;
        infos[filled] = (weir_consumer_info){
            .name = weir_arena_copy(&arena, consumer->name, strlen(consumer->name)),
            .pending = consumer->n_pending,
            .idle_ms = idle_ms,
            .alive = idle_ms < alive_ms,
        };
        if (!infos[filled++].name)
            infos = NULL;
    }
    weir_memory_exit(session);
    for (size_t i = 0; infos && i < n; i++)
        if (visit(&infos[i], user_data) != 0)
            break;
    weir_arena_free(&arena);
    return infos ? WEIR_OK : weir_memory_failed(err);
}

struct pending_page {
    struct weir_arena arena;
    weir_pending_info *infos;
    struct weir_entry_id *ids;
    size_t n;
};

static bool fill_pending(struct pending_page *page, const struct memory_group *group, const char *consumer,
                         struct weir_entry_id after, size_t max)
{
    size_t room = group->pending.live < max ? group->pending.live : max;
    page->infos = weir_arena_alloc(&page->arena, room * sizeof *page->infos);
    page->ids = weir_arena_alloc(&page->arena, room * sizeof *page->ids);
    if (!page->infos || !page->ids)
        return false;
    size_t at = weir_memory_log_seek(&group->pending, weir_entry_id_next(after));
    const struct memory_slot *slot;
    while (page->n < room && (slot = weir_memory_log_next(&group->pending, &at))) {
        const struct memory_pending *pending = slot->item;
        if (consumer && strcmp(pending->consumer->name, consumer) != 0)
            continue;
        char id[WEIR_ENTRY_ID_SIZE];
        int64_t idle_ms = weir_now_ms() - pending->delivered_ms;
        weir_pending_info *info = &page->infos[page->n];
        *info = (weir_pending_info){
            .entry_id = weir_arena_copy(&page->arena, id, weir_entry_id_format(slot->id, id)),
            .consumer = weir_arena_copy(&page->arena, pending->consumer->name, strlen(pending->consumer->name)),
            .idle_ms = idle_ms,
            .deliveries = pending->deliveries,
            .released = idle_ms >= WEIR_RELEASED_IDLE_MS,
        };
        page->ids[page->n++] = slot->id;
        if (!info->entry_id || !info->consumer)
            return false;
    }
    return true;
}

static weir_status memory_pending(struct weir_session *session, const char *group_name, const char *consumer,
                                  struct weir_entry_id *after, size_t max, weir_pending_visit_fn visit, void *user_data,
                                  struct weir_visit *ret, weir_error *err)
{
    struct memory_group *group;
    weir_status status = enter_group(session, group_name, &group, err);
    if (status != WEIR_OK)
        return status;
    struct pending_page page = {.n = 0};
    weir_arena_init(&page.arena, 0);
    bool filled = fill_pending(&page, group, consumer, *after, max);
    weir_memory_exit(session);

    *ret = (struct weir_visit){0};
    while (filled && ret->n < page.n && !ret->ended) {
        *after = page.ids[ret->n];
        ret->ended = visit(&page.infos[ret->n++], user_data) != 0;
    }
    weir_arena_free(&page.arena);
    return filled ? WEIR_OK : weir_memory_failed(err);
}

/* --- jobs --- */

/* The record as a job of the batch, which has room for it. NULL without memory. */
static const struct weir_job *copy_job(struct weir_batch *batch, struct weir_entry_id id,
                                       const struct memory_record *record)
{
    weir_field *fields = weir_memory_copy_out(&batch->arena, record);
    return fields ? weir_batch_add(batch, id, fields, record->n, 0) : NULL;
}

static weir_status memory_entry(struct weir_session *session, struct weir_entry_id id, weir_job_visit_fn visit,
                                void *user_data, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    const struct memory_record *record = weir_memory_log_find(&selected(session)->entries, id);
    struct weir_batch *batch = weir_batch_new(0);
    const struct weir_job *job = NULL;
    if (record && batch && weir_batch_reserve(batch, 1))
        job = copy_job(batch, id, record);
    weir_memory_exit(session);
    if (job) {
        weir_job_info info = weir_job_info_of(job);
        info.id = weir_job_entry_id(job);
        info.id_len = strlen(info.id);
        visit(&info, user_data);
    } else if (record) {
        status = weir_memory_failed(err);
    } else {
        char text[WEIR_ENTRY_ID_SIZE];
        weir_entry_id_format(id, text);
        status = weir_error_set(err, WEIR_ERR_NOT_FOUND, "there is no entry %s", text);
    }
    weir_batch_free(batch);
    return status;
}

struct delayed_page {
    struct weir_batch *batch;
    const struct memory_delayed **first; /* those due first, in order */
    weir_job_info *infos;
    size_t n;
};

static bool fill_delayed(struct delayed_page *page, const struct memory_delayed_set *set,
                         const weir_delayed_position *after, size_t max)
{
    size_t room = set->n < max ? set->n : max;
    page->batch = weir_batch_new(0);
    if (!page->batch || !weir_batch_reserve(page->batch, room))
        return false;
    page->first = weir_arena_alloc(&page->batch->arena, room * sizeof *page->first);
    page->infos = weir_arena_alloc(&page->batch->arena, room * sizeof *page->infos);
    if (!page->first || !page->infos)
        return false;
    size_t n = weir_memory_delayed_page(set, after ? after->due_ms : 0, after ? after->id : NULL,
                                        after ? after->id_len : 0, page->first, room);
    for (; page->n < n; page->n++) {
        const struct memory_delayed *delayed = page->first[page->n];
        const struct weir_job *job = copy_job(page->batch, (struct weir_entry_id){0, 0}, delayed->record);
        size_t len = strlen(delayed->member);
        const char *id = weir_arena_copy(&page->batch->arena, delayed->member, len);
        if (!job || !id)
            return false;
        page->infos[page->n] = weir_job_info_of(job);
        page->infos[page->n].id = id;
        page->infos[page->n].id_len = len;
        page->infos[page->n].due_ms = (double)delayed->due_ms;
        if (!job->own_id)
            page->infos[page->n].job_id = id;
    }
    return true;
}

static weir_status memory_delayed(struct weir_session *session, const weir_delayed_position *after, size_t max,
                                  weir_job_visit_fn visit, void *user_data, struct weir_visit *ret, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    struct delayed_page page = {.n = 0};
    bool filled = fill_delayed(&page, &selected(session)->delayed, after, max);
    weir_memory_exit(session);
    *ret = (struct weir_visit){0};
    while (filled && ret->n < page.n && !ret->ended)
        ret->ended = visit(&page.infos[ret->n++], user_data) != 0;
    weir_batch_free(page.batch);
    return filled ? WEIR_OK : weir_memory_failed(err);
}

static weir_status memory_delayed_run(struct weir_session *session, const char *id, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    struct memory_stream *stream = selected(session);
    const struct memory_delayed *delayed = weir_memory_delayed_find(&stream->delayed, id);
    if (!delayed)
        status = weir_no_delayed_job(id, err);
    else if (!weir_memory_stream_append(stream, delayed->record, NULL))
        status = weir_memory_failed(err);
    else
        weir_memory_delayed_remove(&stream->delayed, id); /* the record is the stream's now */
    pthread_cond_broadcast(&memory_broker_of(session)->store->changed);
    weir_memory_exit(session);
    return status;
}

static weir_status memory_delayed_delete(struct weir_session *session, const char *id, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    struct memory_delayed_set *set = &selected(session)->delayed;
    if (weir_memory_delayed_find(set, id))
        free(weir_memory_delayed_remove(set, id));
    else
        status = weir_no_delayed_job(id, err);
    weir_memory_exit(session);
    return status;
}

static weir_status memory_reap(struct weir_session *session, const char *group_name, int64_t idle_ms,
                               uint64_t *ret_count, weir_error *err)
{
    struct memory_group *group;
    weir_status status = enter_group(session, group_name, &group, err);
    if (status != WEIR_OK)
        return status;
    *ret_count = weir_memory_consumers_delete_idle(group, "", idle_ms);
    weir_memory_exit(session);
    return WEIR_OK;
}

/* It is this process, and has no limit of its own. */
static weir_status memory_server(struct weir_session *session, weir_server_info *ret, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    weir_memory_exit(session);
    *ret = (weir_server_info){.size = ret->size, .version = "memory"};
    return WEIR_OK;
}

const struct weir_admin_ops weir_memory_admin_ops = {
    .select = memory_select,
    .streams = memory_streams,
    .info = memory_info,
    .consumers = memory_consumers,
    .pending = memory_pending,
    .entry = memory_entry,
    .delayed = memory_delayed,
    .delayed_run = memory_delayed_run,
    .delayed_delete = memory_delayed_delete,
    .reap = memory_reap,
    .server = memory_server,
};
