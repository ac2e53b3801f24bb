/* SPDX-License-Identifier: MIT
 *
 * Loaded before libc: counts what malloc and its like do, and passes it on to glibc.
 */
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

EXPORTED uint64_t weir_bench_allocations(void);
EXPORTED int64_t weir_bench_allocated_bytes(void);

static atomic_uint_fast64_t made;
static atomic_int_fast64_t bytes;

static void *counted(void *memory)
{
    if (memory) {
        atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&bytes, (int_fast64_t)malloc_usable_size(memory), memory_order_relaxed);
    }
    return memory;
}

static void uncount(size_t size)
{
    atomic_fetch_sub_explicit(&bytes, (int_fast64_t)size, memory_order_relaxed);
}

EXPORTED void *malloc(size_t size)
{
    return counted(__libc_malloc(size));
}

EXPORTED void *calloc(size_t n, size_t size)
{
    return counted(__libc_calloc(n, size));
}

EXPORTED void *realloc(void *memory, size_t size)
{
    size_t before = memory ? malloc_usable_size(memory) : 0;
    void *moved = __libc_realloc(memory, size);
    if (moved || (memory && size == 0))
        uncount(before);
    return counted(moved);
}

EXPORTED void *memalign(size_t alignment, size_t size)
{
    return counted(__libc_memalign(alignment, size));
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

EXPORTED int posix_memalign(void **ret, size_t alignment, size_t size)
{
    void *memory = memalign(alignment, size);
    if (!memory)
        return ENOMEM;
    *ret = memory;
    return 0;
}

EXPORTED void free(void *memory)
{
    if (memory)
        uncount(malloc_usable_size(memory));
    __libc_free(memory);
}

uint64_t weir_bench_allocations(void)
{
    return atomic_load_explicit(&made, memory_order_relaxed);
}

int64_t weir_bench_allocated_bytes(void)
{
    return atomic_load_explicit(&bytes, memory_order_relaxed);
}
