/* SPDX-License-Identifier: MIT
 *
 * A log of the in-process broker: items by ascending id, in an array with holes.
 *
 * Entries, pending entries and dead letters all live the same life: they are appended with growing ids, mostly removed
 * at the front, now and then in the middle. So an ack of one in 100,000 is a binary search and a store, and a hole
 * costs a slot until the array is full; then it is compacted, or doubled where holes are less than half of it.
 *
 * What must stay true: begin and end never stand on a hole, so that the oldest item is found without a search and
 * `seek` tells whether anything follows.
 */
#include "broker/memory_log.h"

#include <assert.h>
#include <stdlib.h>

enum { KEEP_SLOTS = 4096 }; /* what an empty log keeps of its array */

static void close_holes(struct memory_log *log, struct memory_slot *to)
{
    size_t n = 0;
    for (size_t i = log->begin; i < log->end; i++)
        if (log->slots[i].item)
            to[n++] = log->slots[i];
    log->begin = 0;
    log->end = n;
}

bool weir_memory_log_reserve(struct memory_log *log)
{
    if (log->end < log->capacity)
        return true;

    /* compacting only where it frees half of the slots keeps the cost of an append constant on average */
    if (log->live < log->capacity / 2) {
        close_holes(log, log->slots);
        return true;
    }
    size_t capacity = log->capacity ? log->capacity * 2 : 16;
    struct memory_slot *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return false;
    close_holes(log, slots);
    free(log->slots);
    log->slots = slots;
    log->capacity = capacity;
    return true;
}

void weir_memory_log_append(struct memory_log *log, struct weir_entry_id id, void *item)
{
    assert(log->end < log->capacity && item);
    assert(log->begin == log->end || weir_entry_id_compare(log->slots[log->end - 1].id, id) < 0);
    log->slots[log->end++] = (struct memory_slot){id, item};
    log->live++;
    log->appended++;
}

size_t weir_memory_log_seek(const struct memory_log *log, struct weir_entry_id id)
{
    size_t low = log->begin, high = log->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (weir_entry_id_compare(log->slots[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct memory_slot *weir_memory_log_next(const struct memory_log *log, size_t *at)
{
    while (*at < log->end) {
        struct memory_slot *slot = &log->slots[(*at)++];
        if (slot->item)
            return slot;
    }
    return NULL;
}

void *weir_memory_log_find(const struct memory_log *log, struct weir_entry_id id)
{
    size_t at = weir_memory_log_seek(log, id);
    return at < log->end && weir_entry_id_compare(log->slots[at].id, id) == 0 ? log->slots[at].item : NULL;
}

void *weir_memory_log_remove(struct memory_log *log, struct weir_entry_id id)
{
    size_t at = weir_memory_log_seek(log, id);
    if (at == log->end || weir_entry_id_compare(log->slots[at].id, id) != 0 || !log->slots[at].item)
        return NULL;

    void *item = log->slots[at].item;
    log->slots[at].item = NULL;
    log->live--;
    while (log->begin < log->end && !log->slots[log->begin].item)
        log->begin++;
    while (log->begin < log->end && !log->slots[log->end - 1].item)
        log->end--;
    if (log->live == 0 && log->capacity > KEEP_SLOTS)
        weir_memory_log_clear(log);
    return item;
}

void weir_memory_log_clear(struct memory_log *log)
{
    for (size_t i = log->begin; i < log->end; i++)
        free(log->slots[i].item);
    free(log->slots);
    *log = (struct memory_log){.appended = log->appended};
}
