/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BROKER_MEMORY_DELAYED_H
#define WEIR_BROKER_MEMORY_DELAYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory_record;

/* A job in the delayed set, which is ordered by due time, then by the bytes of the member's name. */
struct memory_delayed {
    int64_t due_ms; /* since the epoch, or by another clock, for a set that has one of its own */
    struct memory_record *record;
    struct memory_delayed *chain;
    uint64_t hash;
    char member[]; /* NUL-terminated */
};

struct memory_delayed_set {
    struct memory_delayed **heap;
    size_t n, capacity;
    struct memory_delayed **buckets;
    size_t n_buckets; /* 0 or a power of two */
};

/* NULL where there is none. */
const struct memory_delayed *weir_memory_delayed_find(const struct memory_delayed_set *set, const char *member);

/* Adds a member that isn't there yet; takes the record on success. False without memory, with nothing changed. */
bool weir_memory_delayed_add(struct memory_delayed_set *set, const char *member, int64_t due_ms,
                             struct memory_record *record);

/* The first of all, or NULL. It stays in the set. */
const struct memory_delayed *weir_memory_delayed_first(const struct memory_delayed_set *set);

/* Removes the first of all and returns its record. */
struct memory_record *weir_memory_delayed_pop(struct memory_delayed_set *set);

/* Removes a member that is there, looking at all of them, and returns its record. */
struct memory_record *weir_memory_delayed_remove(struct memory_delayed_set *set, const char *member);

/*
 * Up to `max` members that come after the one due at after_ms and named `after` (NULL: the first ones), in order.
 * Returns how many. Looks at all of them.
 */
size_t weir_memory_delayed_page(const struct memory_delayed_set *set, double after_ms, const char *after,
                                size_t after_len, const struct memory_delayed **ret, size_t max);

/* Frees all jobs, their records and the tables. */
void weir_memory_delayed_clear(struct memory_delayed_set *set);

#endif
