/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stddef.h>

/*
 * A bump allocator: memory that is given out piece by piece and taken back at once. One batch of jobs lives in one
 * arena. Not thread-safe; blocks are only given back to malloc by reset and free, so a reused arena stops allocating.
 */
struct weir_arena {
    struct weir_arena_block *first, *current;
    size_t used;  /* bytes given out since the last reset, padding included */
    size_t held;  /* bytes of all blocks */
    size_t limit; /* `used` never exceeds it: what a hostile reply can take. 0: no limit */
};

void weir_arena_init(struct weir_arena *arena, size_t limit);

/* `size` bytes, aligned for any object; NULL where memory or the limit is exhausted. Size 0 gives a valid pointer. */
void *weir_arena_alloc(struct weir_arena *arena, size_t size);

/* A NUL-terminated copy of len bytes, which may hold NULs themselves; unaligned. NULL as above. */
char *weir_arena_copy(struct weir_arena *arena, const char *bytes, size_t len);

/* Takes everything back; keeps up to keep_bytes of blocks for the next use. */
void weir_arena_reset(struct weir_arena *arena, size_t keep_bytes);

/* Gives back blocks that nothing was taken from since the last reset. */
void weir_arena_trim(struct weir_arena *arena);

void weir_arena_free(struct weir_arena *arena);

#endif
