/* SPDX-License-Identifier: MIT
 *
 * Whether a thread goes round its loop: by when it should show up again.
 *
 * A watched thread says before each wait how long that may take, and after it that it goes on. The functions of the
 * library that wait (on conditions, sockets, name servers) do so by themselves, on behalf of the thread that they are
 * called by; they do nothing where it isn't watched. Waits that would have no end are cut into slices.
 */
#ifndef WEIR_BASE_WATCH_H
#define WEIR_BASE_WATCH_H

#include <stdatomic.h>
#include <stdint.h>

/* The longest slice of a wait of a watched thread. */
enum { WEIR_WATCH_SLICE_MS = 10000 };

struct weir_watch {
    _Atomic int64_t due_us; /* monotonic */
};

/* As if the thread had shown up just now; before it is started. Thread: any. */
void weir_watch_init(struct weir_watch *watch);

/* The calling thread's watch from now on; NULL: it is watched no longer. */
void weir_watch_this_thread(struct weir_watch *watch);

/* The calling thread waits now, and will show up again by then. */
void weir_watch_wait_until(int64_t until_us);

/* It goes on. */
void weir_watch_go_on(void);

/* Where the calling thread is watched a wait that ends then has to be cut here; else the same. */
int64_t weir_watch_slice_us(int64_t until_us);

/* For how long it is overdue: 0, it is not. Thread: any. */
int64_t weir_watch_overdue_us(const struct weir_watch *watch, int64_t now_us);

#endif
