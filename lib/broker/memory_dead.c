/* SPDX-License-Identifier: MIT
 *
 * The in-process broker: the dead letters of a stream.
 *
 * Called through the vtable in memory_broker.c by weir_dead and by tools. Letters are records with the fields that bury
 * in memory_group.c writes; broker/letter.h reads them, as it does those of Redis.
 *
 * What must stay true: visitors run without the store's mutex, since they may well enqueue into the same store. So a
 * page is copied out first, and is bounded in letters and in bytes; a letter that is deleted meanwhile is still
 * visited.
 */
#include "broker/memory_broker.h"

#include "base/error.h"
#include "broker/letter.h"
#include "job/names.h"

#include <stdlib.h>
#include <string.h>

struct letter_page {
    struct weir_arena arena;
    struct weir_entry_id *ids;
    weir_dead_letter *letters;
    size_t n;
};

static weir_status not_found(struct weir_entry_id id, weir_error *err)
{
    char text[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(id, text);
    return weir_error_set(err, WEIR_ERR_NOT_FOUND, "there is no dead letter %s", text);
}

/* Makes room for up to `max` letters. False without memory. */
static bool reserve_page(struct letter_page *page, const struct memory_log *dead, size_t max)
{
    size_t room = dead->live < max ? dead->live : max;
    page->ids = weir_arena_alloc(&page->arena, room * sizeof *page->ids);
    page->letters = weir_arena_alloc(&page->arena, room * sizeof *page->letters);
    return page->ids && page->letters;
}

/* Copies one letter into the page, which has room for it. False without memory. */
static bool copy_letter(struct letter_page *page, const struct memory_slot *slot)
{
    const struct memory_record *record = slot->item;
    weir_field *raw = weir_memory_copy_out(&page->arena, record);
    if (!raw || !weir_letter_read(&page->arena, slot->id, raw, record->n, &page->letters[page->n]))
        return false;
    page->ids[page->n++] = slot->id;
    return true;
}

/* Copies up to `max` letters from slot `at` on. False without memory. */
static bool fill_page(struct letter_page *page, const struct memory_log *dead, size_t at, size_t max)
{
    const struct memory_slot *slot;
    if (!reserve_page(page, dead, max))
        return false;
    while (page->n < max && (slot = weir_memory_log_next(dead, &at)))
        if (!copy_letter(page, slot))
            return false;
    return true;
}

/* The same, backwards from the slot before `end`. */
static bool fill_page_backwards(struct letter_page *page, const struct memory_log *dead, size_t end, size_t max)
{
    if (!reserve_page(page, dead, max))
        return false;
    for (size_t at = end; at > dead->begin && page->n < max; at--)
        if (dead->slots[at - 1].item && !copy_letter(page, &dead->slots[at - 1]))
            return false;
    return true;
}

/* Without the store's mutex. *at: the id of the last that was visited. */
static void visit_page(const struct letter_page *page, struct weir_entry_id *at, weir_dead_visit_fn visit,
                       void *user_data, size_t *ret_n, bool *ret_ended)
{
    *ret_n = 0;
    *ret_ended = false;
    while (*ret_n < page->n && !*ret_ended) {
        *at = page->ids[*ret_n];
        *ret_ended = visit(&page->letters[(*ret_n)++], user_data) != 0;
    }
}

weir_status weir_memory_dead_list(struct weir_session *session, struct weir_entry_id *after, size_t max,
                                  weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended,
                                  weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    const struct memory_broker *broker = memory_broker_of(session);
    const struct memory_log *dead = &broker->stream->dead;
    struct letter_page page = {0};
    weir_arena_init(&page.arena, broker->reply_limit);
    bool filled = fill_page(&page, dead, weir_memory_log_seek(dead, weir_entry_id_next(*after)), max);
    weir_memory_exit(session);
    if (filled)
        visit_page(&page, after, visit, user_data, ret_n, ret_ended);
    weir_arena_free(&page.arena);
    return filled ? WEIR_OK : weir_memory_failed(err);
}

weir_status weir_memory_dead_list_newest(struct weir_session *session, struct weir_entry_id *before, size_t max,
                                         weir_dead_visit_fn visit, void *user_data, size_t *ret_n, bool *ret_ended,
                                         weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    const struct memory_broker *broker = memory_broker_of(session);
    const struct memory_log *dead = &broker->stream->dead;
    struct letter_page page = {0};
    weir_arena_init(&page.arena, broker->reply_limit);
    bool filled = fill_page_backwards(&page, dead, weir_memory_log_seek(dead, *before), max);
    weir_memory_exit(session);
    if (filled)
        visit_page(&page, before, visit, user_data, ret_n, ret_ended);
    weir_arena_free(&page.arena);
    return filled ? WEIR_OK : weir_memory_failed(err);
}

weir_status weir_memory_dead_get(struct weir_session *session, struct weir_entry_id id, weir_dead_visit_fn visit,
                                 void *user_data, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    const struct memory_broker *broker = memory_broker_of(session);
    const struct memory_log *dead = &broker->stream->dead;
    struct letter_page page = {0};
    weir_arena_init(&page.arena, broker->reply_limit);
    bool found = weir_memory_log_find(dead, id) != NULL;
    bool filled = found && fill_page(&page, dead, weir_memory_log_seek(dead, id), 1);
    weir_memory_exit(session);

    if (filled)
        visit(&page.letters[0], user_data);
    weir_arena_free(&page.arena);
    return filled ? WEIR_OK : found ? weir_memory_failed(err) : not_found(id, err);
}

weir_status weir_memory_dead_count(struct weir_session *session, uint64_t *ret_count, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    *ret_count = memory_broker_of(session)->stream->dead.live;
    weir_memory_exit(session);
    return WEIR_OK;
}

static weir_status nothing_to_run(const char *id, weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_STATE, "the payload of the dead letter %s is lost: there is nothing to run",
                          id);
}

/* Moves a letter back into the stream, for the group it died in. The store is locked. */
static weir_status requeue(struct memory_stream *stream, struct weir_entry_id id, const struct memory_record *dead,
                           struct weir_arena *arena, weir_error *err)
{
    weir_dead_letter letter;
    weir_field *raw = weir_memory_copy_out(arena, dead);
    if (!raw || !weir_letter_read(arena, id, raw, dead->n, &letter))
        return weir_memory_failed(err);
    if (letter.fields.n == 0)
        return nothing_to_run(letter.id, err);

    struct memory_own_fields own = {0};
    weir_memory_own_text(&own, WEIR_NAME_ID, letter.job_id);
    weir_memory_own_text(&own, WEIR_NAME_GROUP, letter.group);
    weir_memory_own_number(&own, WEIR_NAME_FIRST_ENQUEUED, letter.first_enqueued_ms);
    if (letter.traceparent[0])
        weir_memory_own_text(&own, WEIR_NAME_TRACEPARENT, letter.traceparent);
    struct memory_record *record = weir_memory_record_new(letter.fields, own.items, own.n);
    if (!record || !weir_memory_stream_append(stream, record, NULL)) {
        free(record);
        return weir_memory_failed(err);
    }
    free(weir_memory_log_remove(&stream->dead, id));
    return WEIR_OK;
}

weir_status weir_memory_dead_requeue(struct weir_session *session, struct weir_entry_id id, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    struct memory_broker *broker = memory_broker_of(session);
    const struct memory_record *dead = weir_memory_log_find(&broker->stream->dead, id);
    if (dead) {
        struct weir_arena arena;
        weir_arena_init(&arena, 0);
        status = requeue(broker->stream, id, dead, &arena, err);
        weir_arena_free(&arena);
        pthread_cond_broadcast(&broker->store->changed);
    } else {
        status = not_found(id, err);
    }
    weir_memory_exit(session);
    return status;
}

weir_status weir_memory_dead_newest(struct weir_session *session, struct weir_entry_id *ret, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    const struct memory_log *dead = &memory_broker_of(session)->stream->dead;
    *ret = dead->live > 0 ? dead->slots[dead->end - 1].id : (struct weir_entry_id){0, 0};
    weir_memory_exit(session);
    return WEIR_OK;
}

/* The next letter of the step, NULL where there is none. The store is locked. */
static const struct memory_slot *next_of(const struct memory_log *dead, const struct weir_dead_step *step)
{
    size_t at = weir_memory_log_seek(dead, weir_entry_id_next(step->after));
    const struct memory_slot *slot = step->seen < step->max ? weir_memory_log_next(dead, &at) : NULL;
    return slot && weir_entry_id_compare(slot->id, step->last) <= 0 ? slot : NULL;
}

/* Moves what can be moved; `stay` has room for the ids of the others. The store is locked. */
static weir_status requeue_step(struct memory_stream *stream, struct weir_dead_step *step, struct weir_entry_id *stay,
                                size_t *ret_n_stay)
{
    const struct memory_slot *slot;
    while ((slot = next_of(&stream->dead, step))) {
        struct weir_entry_id id = slot->id;
        struct weir_arena arena;
        weir_arena_init(&arena, 0);
        weir_status status = requeue(stream, id, slot->item, &arena, NULL);
        weir_arena_free(&arena);
        if (status == WEIR_ERR_STATE) /* nothing to run */
            stay[(*ret_n_stay)++] = id;
        else if (status != WEIR_OK)
            return step->done > 0 ? WEIR_OK : status; /* it fails again, with nothing moved */
        else
            step->done++;
        step->after = id;
        step->seen++;
    }
    return WEIR_OK;
}

weir_status weir_memory_dead_requeue_some(struct weir_session *session, struct weir_dead_step *step, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    struct memory_broker *broker = memory_broker_of(session);
    const struct memory_log *dead = &broker->stream->dead;
    struct weir_arena arena;
    weir_arena_init(&arena, 0);
    size_t n_stay = 0;
    struct weir_entry_id *stay =
        weir_arena_alloc(&arena, (dead->live < step->max ? dead->live : step->max) * sizeof *stay);
    step->done = step->seen = 0;
    status = stay ? requeue_step(broker->stream, step, stay, &n_stay) : WEIR_ERR_MEMORY;
    if (step->done > 0)
        pthread_cond_broadcast(&broker->store->changed);
    weir_memory_exit(session);
    for (size_t i = 0; step->stays && i < n_stay; i++) { /* without the store's mutex */
        char id[WEIR_ENTRY_ID_SIZE];
        weir_error why;
        weir_entry_id_format(stay[i], id);
        step->stays(id, nothing_to_run(id, &why), why.message, step->user_data);
    }
    weir_arena_free(&arena);
    return status == WEIR_OK ? WEIR_OK : weir_memory_failed(err);
}

weir_status weir_memory_dead_delete_some(struct weir_session *session, struct weir_dead_step *step, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    struct memory_log *dead = &memory_broker_of(session)->stream->dead;
    const struct memory_slot *slot;
    step->done = step->seen = 0;
    while ((slot = next_of(dead, step))) {
        step->after = slot->id;
        free(weir_memory_log_remove(dead, slot->id));
        step->done++;
        step->seen++;
    }
    weir_memory_exit(session);
    return WEIR_OK;
}

weir_status weir_memory_dead_delete(struct weir_session *session, struct weir_entry_id id, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    void *record = weir_memory_log_remove(&memory_broker_of(session)->stream->dead, id);
    weir_memory_exit(session);
    free(record);
    return record ? WEIR_OK : not_found(id, err);
}

weir_status weir_memory_dead_purge(struct weir_session *session, uint64_t *ret_count, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    struct memory_log *dead = &memory_broker_of(session)->stream->dead;
    *ret_count = dead->live;
    weir_memory_log_clear(dead);
    weir_memory_exit(session);
    return WEIR_OK;
}
