/* SPDX-License-Identifier: MIT
 *
 * The in-process broker: what workers do with pending entries. Settling, claiming, recovering, renewing, and the
 * housekeeping of a group.
 *
 * Called through the vtable in memory_broker.c by acker and claimer. A pending entry belongs to one consumer; whoever
 * retries, buries, releases or renews it must still be that consumer, which is checked under the same lock as the
 * change is made. An ack needs no owner, as on Redis.
 *
 * What must stay true:
 *   - a job leaves the pending entries last, when it already lies where it goes to;
 *   - two accepted jobs may have the same id (two groups that retry one entry, or a caller who used an id twice) and
 * both must survive: in the delayed set a retry is named after the entry and the group, which no other can be;
 *   - a released entry is idle for longer than any min_idle_ms, so that the next claim takes it.
 */
#include "broker/memory_broker.h"

#include "base/clock.h"
#include "base/error.h"
#include "job/names.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_AGO_MS (INT64_MIN / 2)

enum { MAX_GROUP = 512 };

/* --- settling --- */

/* NULL where it isn't pending for this consumer, or the group (may be NULL) is gone. */
static struct memory_pending *owned_pending(struct memory_group *group, const char *consumer, struct weir_entry_id id)
{
    struct memory_pending *pending = group ? weir_memory_log_find(&group->pending, id) : NULL;
    return pending && strcmp(pending->consumer->name, consumer) == 0 ? pending : NULL;
}

static void ack(struct memory_broker *broker, struct memory_group *group, const struct weir_job *job)
{
    if (!weir_memory_pending_remove(group, job->entry))
        return;
    bool only_group = !broker->stream->groups->next;
    if (broker->retention == WEIR_DELETE_ON_ACK && only_group)
        free(weir_memory_log_remove(&broker->stream->entries, job->entry));
}

/* The entry that the job will be once it is due. */
static struct memory_record *retried_record(const struct memory_broker *broker, const struct weir_job *job)
{
    struct memory_own_fields own = {0};
    weir_memory_own_text(&own, WEIR_NAME_ID, weir_job_id(job));
    if (job->attempts > 0)
        weir_memory_own_number(&own, WEIR_NAME_ATTEMPTS, job->attempts);
    weir_memory_own_number(&own, WEIR_NAME_FIRST_ENQUEUED, job->enqueued_ms);
    weir_memory_own_text(&own, WEIR_NAME_GROUP, broker->group);
    if (job->traceparent)
        weir_memory_own_text(&own, WEIR_NAME_TRACEPARENT, job->traceparent);
    return weir_memory_record_new(job->fields, own.items, own.n);
}

static bool retry(struct memory_broker *broker, struct memory_group *group, const struct weir_job *job)
{
    /* named after the entry and not after the job: see above */
    char member[WEIR_ENTRY_ID_SIZE + 1 + MAX_GROUP + 1];
    snprintf(member, sizeof member, "%s:%.*s", weir_job_entry_id(job), MAX_GROUP, broker->group);
    struct memory_record *record = retried_record(broker, job);
    int64_t due_ms = weir_time_add(weir_wall_ms(), job->retry_delay_ms);
    if (!record || !weir_memory_delayed_add(&broker->stream->delayed, member, due_ms, record)) {
        free(record);
        return false;
    }
    weir_memory_pending_remove(group, job->entry);
    return true;
}

static bool bury(struct memory_broker *broker, struct memory_group *group, const struct weir_job *job)
{
    struct memory_own_fields own = {0};
    char source_id[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(job->entry, source_id);
    if (job->own_id)
        weir_memory_own_text(&own, WEIR_NAME_ID, job->own_id);
    weir_memory_own_text(&own, WEIR_NAME_REASON, weir_dead_reason_text(job->reason));
    weir_memory_own_text(&own, WEIR_NAME_ERROR, job->error ? job->error : "");
    weir_memory_own_number(&own, WEIR_NAME_ATTEMPTS, job->attempts);
    weir_memory_own_number(&own, WEIR_NAME_DELIVERIES, job->deliveries);
    weir_memory_own_text(&own, WEIR_NAME_SOURCE_ID, source_id);
    weir_memory_own_text(&own, WEIR_NAME_GROUP, broker->group);
    weir_memory_own_number(&own, WEIR_NAME_FIRST_ENQUEUED, job->enqueued_ms);
    if (job->traceparent)
        weir_memory_own_text(&own, WEIR_NAME_TRACEPARENT, job->traceparent);

    struct memory_record *record = weir_memory_record_new(job->fields, own.items, own.n);
    if (!record || !weir_memory_dead_append(broker->stream, record)) {
        free(record);
        return false;
    }
    weir_memory_pending_remove(group, job->entry);
    return true;
}

static void release(struct memory_pending *pending)
{
    if (pending->deliveries > 0)
        pending->deliveries--;
    pending->delivered_ms = LONG_AGO_MS;
}

static enum weir_settled settle_one(struct memory_broker *broker, struct memory_group *group,
                                    const struct weir_job *job)
{
    /* a job whose entry was deleted can be nobody else's, and is pending no longer */
    bool disowned = job->payload_lost || job->entry_gone;
    struct memory_pending *pending = owned_pending(group, broker->consumer, job->entry);

    switch (job->verdict) {
    case WEIR_VERDICT_ACK:
        ack(broker, group, job);
        return WEIR_SETTLED;
    case WEIR_VERDICT_RETRY:
        if (!pending && !disowned)
            return WEIR_SETTLED_NOT_OWNED;
        return retry(broker, group, job) ? WEIR_SETTLED : WEIR_UNSETTLED;
    case WEIR_VERDICT_BURY:
        if (!pending && !disowned)
            return WEIR_SETTLED_NOT_OWNED;
        return bury(broker, group, job) ? WEIR_SETTLED : WEIR_UNSETTLED;
    case WEIR_VERDICT_RELEASE:
        if (!pending)
            return WEIR_SETTLED_NOT_OWNED;
        release(pending);
        return WEIR_SETTLED;
    case WEIR_VERDICT_NONE:
    case WEIR_VERDICT_KEEP:
        break;
    }
    assert(false && "a verdict that can't be settled");
    return WEIR_SETTLED_NOT_OWNED;
}

/* A missing group is no error: nothing is pending for anybody then, so there is nothing to settle and nothing to tell.
 */
weir_status weir_memory_settle(struct weir_session *session, struct weir_job *list, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    struct memory_broker *broker = memory_broker_of(session);
    struct memory_group *group = weir_memory_group_find(broker->stream, broker->group);
    for (struct weir_job *job = list; job; job = job->next) {
        if (job->settled != WEIR_UNSETTLED)
            continue; /* in a call before this one, which failed for others */
        job->settled = settle_one(broker, group, job);
        if (job->settled == WEIR_UNSETTLED && status == WEIR_OK)
            status = weir_memory_failed(err);
    }
    weir_memory_exit(session);
    return status;
}

/* --- taking over --- */

/* Gives a pending entry to the consumer, delivered now. False without memory, with nothing changed. */
static bool hand_over(struct memory_pending *pending, struct memory_consumer *consumer, uint32_t deliveries,
                      struct weir_entry_id id, const struct memory_record *record, struct weir_batch *batch)
{
    if (!weir_memory_deliver(batch, id, record, deliveries))
        return false;
    pending->consumer->n_pending--;
    consumer->n_pending++;
    *pending = (struct memory_pending){consumer, weir_now_ms(), deliveries};
    return true;
}

static uint32_t one_more(uint32_t deliveries)
{
    return deliveries < UINT32_MAX ? deliveries + 1 : deliveries;
}

weir_status weir_memory_claim(struct weir_session *session, struct weir_entry_id *cursor, int64_t min_idle_ms,
                              size_t count, struct weir_batch *batch, weir_error *err)
{
    struct memory_group *group;
    weir_status status = weir_memory_enter_group(session, &group, err);
    if (status != WEIR_OK)
        return status;

    struct memory_stream *stream = memory_broker_of(session)->stream;
    struct memory_consumer *consumer = weir_memory_self(session, group);
    size_t room = group->pending.live < count ? group->pending.live : count;
    if (!consumer || !weir_batch_reserve(batch, room)) {
        weir_memory_exit(session);
        return weir_memory_failed(err);
    }

    /* as many looks as XAUTOCLAIM takes: one call never holds the store for long, the cursor goes on from there */
    size_t looks = count < SIZE_MAX / 10 ? count * 10 : SIZE_MAX;
    size_t at = weir_memory_log_seek(&group->pending, *cursor);
    struct weir_entry_id next = {0, 0};
    const struct memory_slot *slot;
    while ((slot = weir_memory_log_next(&group->pending, &at))) {
        struct weir_entry_id id = slot->id;
        struct memory_pending *pending = slot->item;
        if (batch->n == room || looks-- == 0) {
            next = id;
            break;
        }
        const struct memory_record *record = weir_memory_log_find(&stream->entries, id);
        if (!record) {
            weir_memory_deliver(batch, id, NULL, pending->deliveries);
            weir_memory_pending_remove(group, id);
        } else if (consumer->seen_ms - pending->delivered_ms >= min_idle_ms &&
                   !hand_over(pending, consumer, one_more(pending->deliveries), id, record, batch)) {
            next = id;
            if (batch->n == 0)
                status = weir_memory_failed(err);
            break;
        }
    }
    if (status == WEIR_OK)
        *cursor = next;
    weir_memory_exit(session);
    return status;
}

/* Entries that recover looks at, and which of them it may take. */
struct recovery {
    struct weir_entry_id *ids;
    size_t n, room;
    struct weir_entry_id last; /* looked at up to here */
    bool more;
};

static void list_own(struct recovery *recovery, const struct memory_group *group, const struct memory_consumer *self)
{
    size_t at = weir_memory_log_seek(&group->pending, weir_entry_id_next(recovery->last));
    const struct memory_slot *slot;
    while (recovery->n < recovery->room && (slot = weir_memory_log_next(&group->pending, &at)))
        if (((const struct memory_pending *)slot->item)->consumer == self)
            recovery->ids[recovery->n++] = recovery->last = slot->id;
    recovery->more = recovery->room > 0 && recovery->n == recovery->room;
}

static void drop_in_flight(struct recovery *recovery, weir_in_flight_fn in_flight, void *context)
{
    size_t kept = 0;
    for (size_t i = 0; i < recovery->n; i++)
        if (!in_flight(context, recovery->ids[i]))
            recovery->ids[kept++] = recovery->ids[i];
    recovery->n = kept;
}

/* False where memory ran out: last is then before the entry that could not be taken. */
static bool take_back(struct recovery *recovery, struct weir_session *session, struct memory_group *group,
                      bool lost_reply, int64_t max_idle_ms, struct weir_batch *batch)
{
    struct memory_broker *broker = memory_broker_of(session);
    struct weir_entry_id before = {0, 0};
    for (size_t i = 0; i < recovery->n; before = recovery->ids[i++]) {
        struct memory_pending *pending = owned_pending(group, broker->consumer, recovery->ids[i]);
        if (!pending || weir_now_ms() - pending->delivered_ms > max_idle_ms)
            continue;
        const struct memory_record *record = weir_memory_log_find(&broker->stream->entries, recovery->ids[i]);
        uint32_t deliveries = lost_reply ? pending->deliveries : one_more(pending->deliveries);
        if (!hand_over(pending, pending->consumer, deliveries, recovery->ids[i], record, batch)) {
            recovery->last = before;
            recovery->more = true;
            return false;
        }
    }
    return true;
}

weir_status weir_memory_recover(struct weir_session *session, struct weir_entry_id *after, size_t count,
                                bool lost_reply, int64_t max_idle_ms, weir_in_flight_fn in_flight, void *context,
                                struct weir_batch *batch, bool *ret_more, weir_error *err)
{
    struct memory_group *group;
    weir_status status = weir_memory_enter_group(session, &group, err);
    if (status != WEIR_OK)
        return status;

    struct memory_consumer *self = weir_memory_self(session, group);
    struct recovery recovery = {.last = *after};
    if (self) {
        recovery.room = count < self->n_pending ? count : self->n_pending;
        recovery.ids = weir_arena_alloc(&batch->arena, recovery.room * sizeof *recovery.ids);
    }
    if (!self || !recovery.ids || !weir_batch_reserve(batch, recovery.room)) {
        weir_memory_exit(session);
        return weir_memory_failed(err);
    }
    list_own(&recovery, group, self);

    /* the store is unlocked while the caller is asked; take_back looks again at whatever may change meanwhile */
    weir_memory_exit(session);
    drop_in_flight(&recovery, in_flight, context);
    status = weir_memory_enter_group(session, &group, err);
    if (status != WEIR_OK)
        return status;

    if (take_back(&recovery, session, group, lost_reply, max_idle_ms, batch) || batch->n > 0) {
        *after = recovery.last;
        *ret_more = recovery.more;
    } else {
        status = weir_memory_failed(err);
    }
    weir_memory_exit(session);
    return status;
}

static enum weir_lease renew(const struct memory_stream *stream, struct memory_group *group, const char *consumer,
                             struct weir_entry_id id)
{
    struct memory_pending *pending = owned_pending(group, consumer, id);
    if (!pending)
        return WEIR_LEASE_LOST;
    if (!weir_memory_log_find(&stream->entries, id)) {
        weir_memory_pending_remove(group, id);
        return WEIR_LEASE_ENTRY_GONE;
    }
    pending->delivered_ms = pending->consumer->seen_ms = weir_now_ms();
    return WEIR_LEASE_RENEWED;
}

weir_status weir_memory_renew(struct weir_session *session, const struct weir_entry_id *entries, size_t n,
                              enum weir_lease *leases, weir_error *err)
{
    struct memory_group *group;
    weir_status status = weir_memory_enter_group(session, &group, err);
    if (status != WEIR_OK)
        return status;
    const struct memory_broker *broker = memory_broker_of(session);
    for (size_t i = 0; i < n; i++)
        leases[i] = renew(broker->stream, group, broker->consumer, entries[i]);
    weir_memory_exit(session);
    return WEIR_OK;
}

/* --- housekeeping --- */

weir_status weir_memory_trim(struct weir_session *session, uint64_t keep_last, size_t limit, size_t *ret_removed,
                             weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;

    const struct memory_broker *broker = memory_broker_of(session);
    struct memory_log *entries = &broker->stream->entries;
    struct weir_entry_id low_water = weir_memory_low_water(broker->stream);
    uint64_t keep = broker->retention == WEIR_KEEP_ALL    ? UINT64_MAX
                    : broker->retention == WEIR_KEEP_LAST ? keep_last
                                                          : 0;
    size_t removed = 0;
    while (removed < limit && entries->live > keep) {
        struct weir_entry_id oldest = entries->slots[entries->begin].id;
        if (weir_entry_id_compare(oldest, low_water) >= 0)
            break;
        free(weir_memory_log_remove(entries, oldest));
        removed++;
    }
    *ret_removed = removed;
    weir_memory_exit(session);
    return WEIR_OK;
}

weir_status weir_memory_reap(struct weir_session *session, int64_t idle_ms, size_t *ret_deleted, weir_error *err)
{
    struct memory_group *group;
    weir_status status = weir_memory_enter_group(session, &group, err);
    if (status != WEIR_OK)
        return status;
    *ret_deleted = weir_memory_consumers_delete_idle(group, memory_broker_of(session)->consumer, idle_ms);
    weir_memory_exit(session);
    return WEIR_OK;
}

weir_status weir_memory_leave(struct weir_session *session, weir_error *err)
{
    struct memory_group *group;
    weir_status status = weir_memory_enter_group(session, &group, err);
    if (status != WEIR_OK)
        return status;
    weir_memory_consumer_delete(group, memory_broker_of(session)->consumer);
    weir_memory_exit(session);
    return WEIR_OK;
}
