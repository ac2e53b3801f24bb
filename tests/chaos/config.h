/* SPDX-License-Identifier: MIT
 *
 * What a run is like, drawn from its seed: how many processes, and the options of queues and producers. Controller and
 * children draw the same from the same seed.
 */
#ifndef CHAOS_CONFIG_H
#define CHAOS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/weir.h>

#define CHAOS_STREAM "jobs"
#define CHAOS_GROUP "workers"
#define CHAOS_DELAYED "{jobs}:delayed"
#define CHAOS_DELAYED_JOBS "{jobs}:delayed:jobs"
#define CHAOS_DEAD "{jobs}:dead"
#define CHAOS_ONCE "{jobs}:once:" /* and an id; expires by itself */

enum { CHAOS_WORKERS_MAX = 4, CHAOS_PRODUCERS_MAX = 3 };

struct chaos_config {
    uint64_t seed;
    int64_t load_ms; /* how long producers enqueue and faults happen */
    bool calm;       /* a soak: worker 0, producer 0 and the server live from beginning to end. Not drawn. */

    int workers, producers;
    bool tcp[CHAOS_WORKERS_MAX];   /* a worker's way to its proxy */
    bool named[CHAOS_WORKERS_MAX]; /* its consumer's name survives a restart */

    uint32_t concurrency, max_attempts, max_deliveries;
    int64_t min_idle_ms, max_run_ms;
    weir_backoff_kind backoff;
    int64_t backoff_base_ms;
    double backoff_jitter;
    int64_t prefetch_ms, block_ms, promote_interval_ms, trim_interval_ms, reap_idle_ms;
    int64_t command_timeout_ms, connect_timeout_ms;
    weir_retention retention;

    int64_t stop_ms;      /* the deadline of a worker's stop */
    int64_t resume_ms;    /* the bound of G7 */
    int64_t detection_ms; /* until a connection that died without saying so is known to be dead */
};

struct chaos_config chaos_config_draw(uint64_t seed, int64_t load_ms);

/* The options of a worker's queue, without callbacks. consumer: room for its name. */
weir_queue_options chaos_queue_options(const struct chaos_config *config, int worker, const char *url,
                                       char consumer[static 16]);
weir_producer_options chaos_producer_options(const struct chaos_config *config, const char *url);

#endif
