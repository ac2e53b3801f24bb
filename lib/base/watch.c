/* SPDX-License-Identifier: MIT */
#include "base/watch.h"

#include "base/clock.h"

static _Thread_local struct weir_watch *own;

void weir_watch_init(struct weir_watch *watch)
{
    atomic_store(&watch->due_us, weir_now_us());
}

void weir_watch_this_thread(struct weir_watch *watch)
{
    own = watch;
    weir_watch_go_on();
}

void weir_watch_wait_until(int64_t until_us)
{
    if (own)
        atomic_store_explicit(&own->due_us, until_us, memory_order_relaxed);
}

void weir_watch_go_on(void)
{
    if (own)
        atomic_store_explicit(&own->due_us, weir_now_us(), memory_order_relaxed);
}

int64_t weir_watch_slice_us(int64_t until_us)
{
    if (!own)
        return until_us;
    int64_t slice_us = weir_now_us() + WEIR_WATCH_SLICE_MS * INT64_C(1000);
    return slice_us < until_us ? slice_us : until_us;
}

int64_t weir_watch_overdue_us(const struct weir_watch *watch, int64_t now_us)
{
    int64_t due_us = atomic_load_explicit(&watch->due_us, memory_order_relaxed);
    return due_us < now_us ? now_us - due_us : 0;
}
