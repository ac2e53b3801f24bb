/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "dice.h"
#include "support/wait.h"

#include <stdio.h>

enum {
    SHORT_RUN_MS = 60000, /* below this, there is no time for longer leases to run out */
    BRIEF_RUN_MS = 5000,  /* up to this, for any but short ones */
    RESUME_MS = 1000,
};

static int64_t one_of(struct dice *dice, const int64_t *values, size_t n)
{
    return values[dice_between(dice, 0, (int64_t)n - 1)];
}
#define ONE_OF(dice, ...) one_of(dice, (const int64_t[]){__VA_ARGS__}, sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t))

struct chaos_config chaos_config_draw(uint64_t seed, int64_t load_ms)
{
    struct dice dice = dice_new(seed, "config", 0);
    struct chaos_config c = {.seed = seed, .load_ms = load_ms};
    c.workers = (int)dice_between(&dice, 3, CHAOS_WORKERS_MAX);
    c.producers = (int)dice_between(&dice, 2, CHAOS_PRODUCERS_MAX);
    for (int i = 0; i < CHAOS_WORKERS_MAX; i++) {
        c.tcp[i] = dice_chance(&dice, 50);
        c.named[i] = dice_chance(&dice, 30);
    }
    c.concurrency = (uint32_t)dice_between(&dice, 6, 16);
    c.max_attempts = (uint32_t)dice_between(&dice, 3, 5);
    c.max_deliveries = (uint32_t)dice_between(&dice, 3, c.workers); /* what hangs must meet as many workers */
    c.min_idle_ms = load_ms < SHORT_RUN_MS ? 3000 : ONE_OF(&dice, 3000, 4000, 6000);
    c.stop_ms = 2000;
    if (load_ms <= BRIEF_RUN_MS) {
        c.min_idle_ms = 1500;
        c.stop_ms = 500;
    }
    c.max_run_ms = c.min_idle_ms * 5 / 2;
    c.backoff = (weir_backoff_kind)ONE_OF(&dice, WEIR_BACKOFF_EXPONENTIAL, WEIR_BACKOFF_EXPONENTIAL, WEIR_BACKOFF_FIXED,
                                          WEIR_BACKOFF_NONE);
    c.backoff_base_ms = ONE_OF(&dice, 20, 100, 300);
    c.backoff_jitter = dice_chance(&dice, 50) ? 0.1 : 0;
    c.prefetch_ms = ONE_OF(&dice, 0, 20, 100);
    c.block_ms = ONE_OF(&dice, 100, 300, 600);
    c.promote_interval_ms = ONE_OF(&dice, 50, 200);
    c.trim_interval_ms = ONE_OF(&dice, 100, 500);
    c.reap_idle_ms = c.min_idle_ms + ONE_OF(&dice, 500, 2500);
    c.command_timeout_ms = ONE_OF(&dice, 300, 500, 1000);
    c.connect_timeout_ms = ONE_OF(&dice, 200, 500);
    c.retention = dice_chance(&dice, 70) ? WEIR_KEEP_UNFINISHED : WEIR_DELETE_ON_ACK;
    c.resume_ms = test_scaled_ms(RESUME_MS);
    c.detection_ms = c.command_timeout_ms + (c.block_ms > c.promote_interval_ms ? c.block_ms : c.promote_interval_ms);
    return c;
}

weir_queue_options chaos_queue_options(const struct chaos_config *config, int worker, const char *url,
                                       char consumer[static 16])
{
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = url;
    o.stream = CHAOS_STREAM;
    o.group = CHAOS_GROUP;
    if (config->named[worker]) {
        snprintf(consumer, 16, "worker-%d", worker);
        o.consumer = consumer;
    }
    o.concurrency = config->concurrency;
    o.max_attempts = config->max_attempts;
    o.max_deliveries = config->max_deliveries;
    o.min_idle_ms = config->min_idle_ms;
    o.max_run_ms = config->max_run_ms;
    o.backoff = config->backoff;
    o.backoff_base_ms = config->backoff_base_ms;
    o.backoff_cap_ms = config->backoff_base_ms * 10;
    o.backoff_jitter = config->backoff_jitter;
    o.prefetch_ms = config->prefetch_ms;
    o.block_ms = config->block_ms;
    o.promote_interval_ms = config->promote_interval_ms;
    o.trim_interval_ms = config->trim_interval_ms;
    o.reap_idle_ms = config->reap_idle_ms;
    o.retention = config->retention;
    o.connection.command_timeout_ms = config->command_timeout_ms;
    o.connection.connect_timeout_ms = config->connect_timeout_ms;
    return o;
}

weir_producer_options chaos_producer_options(const struct chaos_config *config, const char *url)
{
    weir_producer_options o = WEIR_PRODUCER_OPTIONS_INIT;
    o.url = url;
    o.stream = CHAOS_STREAM;
    o.connection.command_timeout_ms = config->command_timeout_ms;
    o.connection.connect_timeout_ms = config->connect_timeout_ms;
    return o;
}
