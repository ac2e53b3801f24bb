/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Blocks double in size, so that an arena for one small job is small and one for many needs few blocks. */
enum { FIRST_BLOCK = 2 * 1024 - 64, LARGEST_STEP = 64 * 1024 - 64 };

struct weir_arena_block {
    struct weir_arena_block *next;
    size_t size, used;
    alignas(max_align_t) char bytes[];
};

void weir_arena_init(struct weir_arena *arena, size_t limit)
{
    *arena = (struct weir_arena){.limit = limit};
}

static struct weir_arena_block *new_block(struct weir_arena *arena, size_t size)
{
    if (size > PTRDIFF_MAX - sizeof(struct weir_arena_block)) /* no object can be larger */
        return NULL;
    struct weir_arena_block *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    *block = (struct weir_arena_block){.size = size};
    arena->held += size;
    return block;
}

/* The block with room for `size` more bytes: the current one, one kept from before, or a new one at the end. */
static struct weir_arena_block *block_with_room(struct weir_arena *arena, size_t size, size_t align)
{
    struct weir_arena_block *last = NULL;
    for (struct weir_arena_block *block = arena->current; block; block = block->next) {
        size_t start = (block->used + align - 1) & ~(align - 1);
        if (start <= block->size && size <= block->size - start) {
            arena->current = block;
            return block;
        }
        last = block;
    }

    size_t step = arena->held < FIRST_BLOCK ? FIRST_BLOCK : arena->held < LARGEST_STEP ? arena->held : LARGEST_STEP;
    struct weir_arena_block *fresh = new_block(arena, size > step ? size : step);
    if (!fresh)
        return NULL;
    if (last)
        last->next = fresh;
    else
        arena->first = fresh;
    arena->current = fresh;
    return fresh;
}

static void *allocate(struct weir_arena *arena, size_t size, size_t align)
{
    if (arena->limit && (size > arena->limit || arena->used > arena->limit - size))
        return NULL;
    struct weir_arena_block *block = block_with_room(arena, size, align);
    if (!block)
        return NULL;
    size_t start = (block->used + align - 1) & ~(align - 1);
    size_t taken = start + size - block->used;
    if (arena->limit && taken > arena->limit - arena->used)
        return NULL; /* what was left doesn't suffice for the padding, too */
    arena->used += taken;
    block->used = start + size;
    return block->bytes + start;
}

void *weir_arena_alloc(struct weir_arena *arena, size_t size)
{
    return allocate(arena, size, alignof(max_align_t));
}

char *weir_arena_copy(struct weir_arena *arena, const char *bytes, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *copy = allocate(arena, len + 1, 1);
    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

void weir_arena_reset(struct weir_arena *arena, size_t keep_bytes)
{
    size_t kept = 0;
    struct weir_arena_block **link = &arena->first;
    while (*link) {
        struct weir_arena_block *block = *link;
        if (kept + block->size > keep_bytes) {
            *link = block->next;
            arena->held -= block->size;
            free(block);
            continue;
        }
        kept += block->size;
        block->used = 0;
        link = &block->next;
    }
    arena->current = arena->first;
    arena->used = 0;
}

void weir_arena_trim(struct weir_arena *arena)
{
    struct weir_arena_block **link = arena->current ? &arena->current->next : &arena->first;
    while (*link) {
        struct weir_arena_block *block = *link;
        *link = block->next;
        arena->held -= block->size;
        free(block);
    }
}

void weir_arena_free(struct weir_arena *arena)
{
    weir_arena_reset(arena, 0);
}
