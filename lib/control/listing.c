/* SPDX-License-Identifier: MIT
 *
 * Taking snapshots of all queues. Whoever finds the newest one too old takes another, without any lock, while the
 * others go on with what there is; only who comes when there is none at all waits for the one who takes the first.
 */
#include "control/listing.h"

#include "base/clock.h"
#include "base/error.h"
#include "control/rates.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEEP_US = 2000000,
    KEEP_FACTOR = 20,
    STALE_US = 10000000,
};

void control_listing_init(struct control_listing *listing)
{
    pthread_mutex_init(&listing->mutex, NULL);
    weir_cond_init(&listing->taken);
}

static void free_snapshot(struct control_snapshot *snapshot)
{
    if (!snapshot)
        return;
    for (size_t i = 0; i < snapshot->n; i++) {
        weir_queue_info_free(snapshot->queues[i].info);
        free(snapshot->queues[i].stream);
    }
    free(snapshot->queues);
    free(snapshot);
}

void control_listing_free(struct control_listing *listing)
{
    free_snapshot(listing->newest);
    pthread_mutex_destroy(&listing->mutex);
    pthread_cond_destroy(&listing->taken);
}

/* --- taking one --- */

static int note_stream(const char *stream, void *user_data)
{
    struct control_snapshot *snapshot = user_data;
    if (snapshot->n == snapshot->capacity) {
        size_t capacity = snapshot->capacity ? 2 * snapshot->capacity : 64;
        struct control_listed *queues = realloc(snapshot->queues, capacity * sizeof *queues);
        if (!queues)
            return 1;
        snapshot->queues = queues;
        snapshot->capacity = capacity;
    }
    struct control_listed *listed = &snapshot->queues[snapshot->n];
    *listed = (struct control_listed){.stream = strdup(stream)};
    snapshot->n += listed->stream != NULL;
    return !listed->stream || snapshot->n >= 2 * CONTROL_QUEUES_MAX;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct control_listed *)a)->stream, ((const struct control_listed *)b)->stream);
}

/* SCAN may have met some of them twice. */
static void sort(struct control_snapshot *snapshot)
{
    size_t n = 0;
    qsort(snapshot->queues, snapshot->n, sizeof *snapshot->queues, compare);
    for (size_t i = 0; i < snapshot->n; i++) {
        bool again = n > 0 && strcmp(snapshot->queues[n - 1].stream, snapshot->queues[i].stream) == 0;
        if (again || n == CONTROL_QUEUES_MAX)
            free(snapshot->queues[i].stream);
        else
            snapshot->queues[n++] = snapshot->queues[i];
    }
    snapshot->n = n;
}

static weir_status find_queues(weir_admin *admin, struct control_worker *worker, struct control_snapshot *snapshot,
                               weir_error *err)
{
    weir_cursor cursor = {""};
    do {
        weir_status status = weir_admin_streams(admin, &cursor, note_stream, snapshot, err);
        if (status != WEIR_OK)
            return status;
        control_worker_progressed(worker);
        if (control_is_stopping(worker->control))
            return weir_error_set(err, WEIR_ERR_STOPPED, "the server is being stopped");
    } while (cursor.text[0] && snapshot->n < 2 * CONTROL_QUEUES_MAX);
    if (snapshot->n > 0)
        sort(snapshot);
    return WEIR_OK;
}

/* What concerns one queue alone is no reason to fail: a key of another type, say. */
bool control_concerns_all(weir_status status)
{
    return status == WEIR_ERR_CONNECTION || status == WEIR_ERR_IN_DOUBT || status == WEIR_ERR_AUTH ||
           status == WEIR_ERR_MEMORY;
}

static weir_status look_at_queues(weir_admin *admin, struct control_worker *worker, struct control_snapshot *snapshot,
                                  weir_error *err)
{
    for (size_t i = 0; i < snapshot->n; i++) {
        struct control_listed *listed = &snapshot->queues[i];
        weir_status status = weir_admin_info(admin, listed->stream, &listed->info, &listed->failure);
        if (status != WEIR_OK && control_concerns_all(status)) {
            if (err)
                *err = listed->failure;
            return status;
        }
        if (listed->info)
            control_rates_note(&worker->control->rates, listed->info);
        control_worker_progressed(worker);
        if (control_is_stopping(worker->control))
            return weir_error_set(err, WEIR_ERR_STOPPED, "the server is being stopped");
    }
    return WEIR_OK;
}

static weir_status take(struct control_worker *worker, struct control_snapshot **ret, weir_error *err)
{
    struct control_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a list of queues");
    int64_t began_us = weir_now_us();
    snapshot->server = (weir_server_info)WEIR_SERVER_INFO_INIT;
    weir_admin *admin;
    weir_status status = control_admin(worker, &admin, err);
    if (status == WEIR_OK)
        status = find_queues(admin, worker, snapshot, err);
    if (status == WEIR_OK)
        status = look_at_queues(admin, worker, snapshot, err);
    if (status != WEIR_OK) {
        free_snapshot(snapshot);
        return status;
    }
    snapshot->server_known = weir_admin_server(admin, NULL, &snapshot->server, NULL) == WEIR_OK;
    snapshot->taken_us = weir_now_us();
    snapshot->took_us = snapshot->taken_us - began_us;
    *ret = snapshot;
    return WEIR_OK;
}

/* --- keeping it --- */

/* For how long it is shown, or, while another is being taken, for how much longer. */
static bool is_young(const struct control_snapshot *snapshot, int64_t longer_us)
{
    int64_t keep_us = snapshot->took_us * KEEP_FACTOR > KEEP_US ? snapshot->took_us * KEEP_FACTOR : KEEP_US;
    return weir_now_us() - snapshot->taken_us < keep_us + longer_us;
}

/*
 * A reference to the newest one; NULL: the caller is to take another. Waits while there is none to show; what fails for
 * the one who takes it has failed for all who wait, or a Redis that hangs would let them time out one after the other.
 */
static weir_status newest(struct control_worker *worker, struct control_snapshot **ret, weir_error *err)
{
    struct control_listing *listing = &worker->control->listing;
    weir_status status = WEIR_OK;
    *ret = NULL;
    control_worker_waits(worker);
    pthread_mutex_lock(&listing->mutex);
    uint64_t n_failures = listing->n_failures;
    while (listing->being_taken && listing->n_failures == n_failures &&
           !(listing->newest && is_young(listing->newest, STALE_US)))
        weir_cond_wait_until(&listing->taken, &listing->mutex, INT64_MAX);
    if (listing->n_failures != n_failures) {
        *err = listing->failure;
        status = err->code;
    } else if (listing->newest && is_young(listing->newest, listing->being_taken ? STALE_US : 0)) {
        *ret = listing->newest;
        listing->newest->references++;
    } else {
        listing->being_taken = true;
    }
    pthread_mutex_unlock(&listing->mutex);
    control_worker_progressed(worker);
    return status;
}

/* The one before is freed with its last reference. NULL: none could be taken; the old one is none to show, either. */
static void replace(struct control_listing *listing, struct control_snapshot *snapshot, const weir_error *failure)
{
    pthread_mutex_lock(&listing->mutex);
    struct control_snapshot *old = listing->newest;
    listing->newest = snapshot;
    listing->being_taken = false;
    if (snapshot) {
        snapshot->references++; /* the caller's */
    } else {
        listing->failure = *failure;
        listing->n_failures++;
    }
    bool unused = old && old->references == 0;
    pthread_cond_broadcast(&listing->taken);
    pthread_mutex_unlock(&listing->mutex);
    if (unused)
        free_snapshot(old);
}

weir_status control_listing_get(struct control_worker *worker, struct control_snapshot **ret, weir_error *err)
{
    struct control_listing *listing = &worker->control->listing;
    struct control_snapshot *snapshot;
    weir_status status = newest(worker, &snapshot, err);
    if (status == WEIR_OK && !snapshot) {
        status = take(worker, &snapshot, err);
        replace(listing, status == WEIR_OK ? snapshot : NULL, err);
    }
    if (status == WEIR_OK)
        *ret = snapshot;
    return status;
}

void control_snapshot_release(struct control_listing *listing, struct control_snapshot *snapshot)
{
    pthread_mutex_lock(&listing->mutex);
    bool last = --snapshot->references == 0 && listing->newest != snapshot;
    pthread_mutex_unlock(&listing->mutex);
    if (last)
        free_snapshot(snapshot);
}

size_t control_snapshot_after(const struct control_snapshot *snapshot, const char *stream)
{
    size_t low = 0, high = stream ? snapshot->n : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(snapshot->queues[middle].stream, stream) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
