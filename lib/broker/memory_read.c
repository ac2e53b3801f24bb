/* SPDX-License-Identifier: MIT
 *
 * The in-process broker: reading new entries for a group.
 *
 * Called through the vtable in memory_broker.c, by a queue's reader. A read is carried out when it is collected, not
 * when it is submitted; its waiting time runs from the submission, or from the end of the read before it.
 *
 * What must stay true: a delivery is complete in the batch before it is pending in the group, and pending before the
 * next one is looked at. So where memory runs out, the rest has not been delivered and comes with the next read.
 */
#include "broker/memory_broker.h"

#include "base/clock.h"
#include "base/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

weir_status weir_memory_read_submit(struct weir_session *base, size_t count, int64_t block_ms, weir_error *err)
{
    assert(count > 0);
    struct memory_session *session = memory_session_of(base);
    weir_status status = weir_memory_enter(base, err);
    if (status != WEIR_OK)
        return status;

    if (session->n_reads == session->reads_capacity) {
        size_t capacity = session->reads_capacity ? session->reads_capacity * 2 : 4;
        struct memory_read *reads = realloc(session->reads, capacity * sizeof *reads);
        if (!reads) {
            weir_memory_exit(base);
            return weir_memory_failed(err);
        }
        session->reads = reads;
        session->reads_capacity = capacity;
    }
    if (session->n_reads == 0) {
        session->oldest_since_us = weir_now_us();
        session->oldest_unblocked = false;
    }
    session->reads[session->n_reads++] = (struct memory_read){count, block_ms};
    weir_memory_exit(base);
    return WEIR_OK;
}

static size_t first_new_entry(const struct memory_stream *stream, const struct memory_group *group)
{
    return weir_memory_log_seek(&stream->entries, weir_entry_id_next(group->last_delivered));
}

/* Waits until the oldest read can be answered, be it with nothing. */
static weir_status wait_for_answer(struct memory_session *session, struct memory_group **ret_group, weir_error *err)
{
    struct memory_broker *broker = session->broker;
    int64_t block_us = 0;
    if (__builtin_mul_overflow(session->reads[0].block_ms, 1000, &block_us))
        block_us = INT64_MAX;
    int64_t deadline_us = weir_time_add(session->oldest_since_us, block_us);

    for (bool may_wait = block_us > 0;;) {
        if (session->woken)
            return weir_memory_stopped(err);
        struct memory_group *group = weir_memory_group_find(broker->stream, broker->group);
        if (!group)
            return weir_memory_no_group(broker, err);
        bool found = first_new_entry(broker->stream, group) < broker->stream->entries.end;
        if (found || session->oldest_unblocked || !may_wait) {
            *ret_group = group;
            return WEIR_OK;
        }
        may_wait = weir_cond_wait_until(&broker->store->changed, &broker->store->mutex, deadline_us);
    }
}

static void forget_oldest_read(struct memory_session *session)
{
    session->n_reads--;
    memmove(session->reads, session->reads + 1, session->n_reads * sizeof *session->reads);
    session->oldest_since_us = weir_now_us();
    session->oldest_unblocked = false;
}

/* Delivers one entry that the group hasn't seen. False without memory, with nothing changed. */
static bool deliver_new(struct memory_group *group, struct memory_consumer *consumer, const struct memory_slot *entry,
                        struct weir_batch *batch)
{
    if (!weir_memory_log_reserve(&group->pending))
        return false;
    struct memory_pending *pending = malloc(sizeof *pending);
    if (!pending)
        return false;
    if (!weir_memory_deliver(batch, entry->id, entry->item, 1)) {
        free(pending);
        return false;
    }
    *pending = (struct memory_pending){consumer, consumer->seen_ms, 1};
    weir_memory_log_append(&group->pending, entry->id, pending);
    consumer->n_pending++;
    group->last_delivered = entry->id;
    return true;
}

static weir_status read_new(struct weir_session *session, struct memory_group *group, size_t count,
                            struct weir_batch *batch, weir_error *err)
{
    const struct memory_stream *stream = memory_broker_of(session)->stream;
    struct memory_consumer *consumer = weir_memory_self(session, group);
    size_t at = first_new_entry(stream, group);
    size_t room = stream->entries.end - at < count ? stream->entries.end - at : count;
    if (!consumer || !weir_batch_reserve(batch, room))
        return weir_memory_failed(err);

    while (batch->n < room) {
        const struct memory_slot *entry = weir_memory_log_next(&stream->entries, &at);
        if (!entry)
            break;
        if (!deliver_new(group, consumer, entry, batch))
            return batch->n > 0 ? WEIR_OK : weir_memory_failed(err);
    }
    return WEIR_OK;
}

weir_status weir_memory_read_collect(struct weir_session *base, struct weir_batch *batch, weir_error *err)
{
    struct memory_session *session = memory_session_of(base);
    weir_status status = weir_memory_enter(base, err);
    if (status != WEIR_OK)
        return status;
    if (session->n_reads == 0) {
        weir_memory_exit(base);
        return weir_error_set(err, WEIR_ERR_CONNECTION, "no read is outstanding");
    }

    struct memory_group *group = NULL;
    status = wait_for_answer(session, &group, err);
    if (status == WEIR_OK)
        status = read_new(base, group, session->reads[0].count, batch, err);
    if (status != WEIR_ERR_STOPPED)
        forget_oldest_read(session);
    weir_memory_exit(base);
    return status;
}

weir_status weir_memory_unblock(struct weir_session *session, struct weir_session *reader, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    if (memory_session_of(reader)->n_reads > 0) {
        memory_session_of(reader)->oldest_unblocked = true;
        pthread_cond_broadcast(&memory_broker_of(session)->store->changed);
    }
    weir_memory_exit(session);
    return WEIR_OK;
}
