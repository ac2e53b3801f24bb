/* SPDX-License-Identifier: MIT
 *
 * All queues of the server, as they were a moment ago: one look for all who ask.
 */
#ifndef WEIR_CONTROL_LISTING_H
#define WEIR_CONTROL_LISTING_H

#include "control/control.h"

enum { CONTROL_QUEUES_MAX = 20000 };

/* One queue: what is known of it, or why nothing is. */
struct control_listed {
    char *stream;
    weir_queue_info *info; /* NULL: */
    weir_error failure;
};

struct control_snapshot {
    unsigned references; /* guarded by the listing's mutex */
    int64_t taken_us, took_us;
    weir_server_info server;
    bool server_known;
    struct control_listed *queues; /* by name */
    size_t n, capacity;
};

/*
 * A snapshot that is young enough, taken if need be; an older one while somebody takes it. To be released. Kept for two
 * seconds, and for twenty times as long as it took, so that all clients together cost Redis a twentieth of its time.
 */
weir_status control_listing_get(struct control_worker *worker, struct control_snapshot **ret, weir_error *err);
void control_snapshot_release(struct control_listing *listing, struct control_snapshot *snapshot);

/* Whether a failure to look at one queue is one to look at any: Redis is away, or lets nobody in. */
bool control_concerns_all(weir_status status);

/* The first queue whose name comes after this one; NULL: the first of all. */
size_t control_snapshot_after(const struct control_snapshot *snapshot, const char *stream);

#endif
