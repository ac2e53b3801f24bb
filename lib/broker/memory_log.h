/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BROKER_MEMORY_LOG_H
#define WEIR_BROKER_MEMORY_LOG_H

#include "job/entry_id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Items by ascending id in an array with holes: appended at the end, found by binary search, removed anywhere. The
 * first and the last slot in use are never holes.
 */
struct memory_slot {
    struct weir_entry_id id;
    void *item; /* NULL: a hole */
};

struct memory_log {
    struct memory_slot *slots;
    size_t begin, end, capacity;
    size_t live;       /* slots that aren't holes */
    uint64_t appended; /* since it was made */
};

/* Makes room for one more append. Moves slots. False without memory, with nothing changed. */
bool weir_memory_log_reserve(struct memory_log *log);

/* Room was reserved; the id is greater than every id in the log. */
void weir_memory_log_append(struct memory_log *log, struct weir_entry_id id, void *item);

/* The first slot with this id or a greater one, `end` where there is none. May be a hole. */
size_t weir_memory_log_seek(const struct memory_log *log, struct weir_entry_id id);

/* The first slot from *at on that isn't a hole, with *at behind it; NULL at the end. It stays
 * good over removals, the slot does not. */
struct memory_slot *weir_memory_log_next(const struct memory_log *log, size_t *at);

/* The item with this id, or NULL. */
void *weir_memory_log_find(const struct memory_log *log, struct weir_entry_id id);

/* Takes the item out of the log and returns it; NULL where there is none. */
void *weir_memory_log_remove(struct memory_log *log, struct weir_entry_id id);

/* Frees all items with free, and the slots. */
void weir_memory_log_clear(struct memory_log *log);

#endif
