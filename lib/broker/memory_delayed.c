/* SPDX-License-Identifier: MIT
 *
 * The delayed set of the in-process broker: a heap for the order, a hash table for the names.
 *
 * What must stay true: both tables have the same size and are grown together, before a job is added, so that adding one
 * either happens or changes nothing.
 */
#include "broker/memory_delayed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_SLOTS = 4096 }; /* what an empty set keeps of its tables */

static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static bool comes_before(const struct memory_delayed *a, const struct memory_delayed *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : strcmp(a->member, b->member) < 0;
}

const struct memory_delayed *weir_memory_delayed_find(const struct memory_delayed_set *set, const char *member)
{
    if (set->n_buckets == 0)
        return NULL;
    uint64_t hash = hash_text(member);
    const struct memory_delayed *job = set->buckets[hash & (set->n_buckets - 1)];
    while (job && (job->hash != hash || strcmp(job->member, member) != 0))
        job = job->chain;
    return job;
}

static void add_to_bucket(struct memory_delayed **buckets, size_t n_buckets, struct memory_delayed *job)
{
    struct memory_delayed **bucket = &buckets[job->hash & (n_buckets - 1)];
    job->chain = *bucket;
    *bucket = job;
}

/* Doubles both tables, which have the same size. */
static bool grow_delayed_set(struct memory_delayed_set *set)
{
    size_t capacity = set->capacity ? set->capacity * 2 : 16;
    struct memory_delayed **heap = calloc(capacity, sizeof(void *));
    struct memory_delayed **buckets = calloc(capacity, sizeof(void *));
    if (!heap || !buckets) {
        free(heap);
        free(buckets);
        return false;
    }
    for (size_t i = 0; i < set->n; i++) {
        heap[i] = set->heap[i];
        add_to_bucket(buckets, capacity, heap[i]);
    }
    free(set->heap);
    free(set->buckets);
    *set = (struct memory_delayed_set){heap, set->n, capacity, buckets, capacity};
    return true;
}

/* Puts the job where there is a hole, and lets it rise and sink from there. */
static void fill_hole(struct memory_delayed_set *set, size_t at, struct memory_delayed *job)
{
    for (; at > 0 && comes_before(job, set->heap[(at - 1) / 2]); at = (at - 1) / 2)
        set->heap[at] = set->heap[(at - 1) / 2];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= set->n)
            break;
        if (child + 1 < set->n && comes_before(set->heap[child + 1], set->heap[child]))
            child++;
        if (!comes_before(set->heap[child], job))
            break;
        set->heap[at] = set->heap[child];
        at = child;
    }
    set->heap[at] = job;
}

bool weir_memory_delayed_add(struct memory_delayed_set *set, const char *member, int64_t due_ms,
                             struct memory_record *record)
{
    if (set->n == set->capacity && !grow_delayed_set(set))
        return false;
    size_t len = strlen(member);
    struct memory_delayed *job = calloc(1, sizeof *job + len + 1);
    if (!job)
        return false;
    memcpy(job->member, member, len);
    job->due_ms = due_ms;
    job->record = record;
    job->hash = hash_text(member);
    add_to_bucket(set->buckets, set->n_buckets, job);

    fill_hole(set, set->n++, job);
    return true;
}

const struct memory_delayed *weir_memory_delayed_first(const struct memory_delayed_set *set)
{
    return set->n ? set->heap[0] : NULL;
}

static struct memory_record *remove_at(struct memory_delayed_set *set, size_t at)
{
    struct memory_delayed *job = set->heap[at];
    struct memory_delayed *last = set->heap[--set->n];
    if (last != job)
        fill_hole(set, at, last);

    struct memory_delayed **link = &set->buckets[job->hash & (set->n_buckets - 1)];
    while (*link != job)
        link = &(*link)->chain;
    *link = job->chain;

    struct memory_record *record = job->record;
    free(job);
    return record;
}

struct memory_record *weir_memory_delayed_pop(struct memory_delayed_set *set)
{
    assert(set->n > 0);
    struct memory_record *record = remove_at(set, 0);
    if (set->n == 0 && set->capacity > KEEP_SLOTS)
        weir_memory_delayed_clear(set);
    return record;
}

struct memory_record *weir_memory_delayed_remove(struct memory_delayed_set *set, const char *member)
{
    size_t at = 0;
    while (strcmp(set->heap[at]->member, member) != 0)
        at++;
    return remove_at(set, at);
}

/* A position is any time and any bytes; a member's name ends at its NUL. */
static bool comes_after(const struct memory_delayed *job, double after_ms, const char *after, size_t after_len)
{
    double due_ms = (double)job->due_ms;
    if (due_ms > after_ms || due_ms < after_ms)
        return due_ms > after_ms;
    size_t len = strlen(job->member), common = len < after_len ? len : after_len;
    int order = memcmp(job->member, after, common);
    return order ? order > 0 : len > after_len;
}

size_t weir_memory_delayed_page(const struct memory_delayed_set *set, double after_ms, const char *after,
                                size_t after_len, const struct memory_delayed **ret, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n && max > 0; i++) {
        const struct memory_delayed *job = set->heap[i];
        if ((after && !comes_after(job, after_ms, after, after_len)) || (n == max && !comes_before(job, ret[n - 1])))
            continue;
        size_t at = n < max ? n++ : n - 1; /* the last one makes room */
        for (; at > 0 && comes_before(job, ret[at - 1]); at--)
            ret[at] = ret[at - 1];
        ret[at] = job;
    }
    return n;
}

void weir_memory_delayed_clear(struct memory_delayed_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        free(set->heap[i]->record);
        free(set->heap[i]);
    }
    free(set->heap);
    free(set->buckets);
    *set = (struct memory_delayed_set){0};
}
