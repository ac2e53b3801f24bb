/* SPDX-License-Identifier: MIT */
#include "controller.h"

#include "sampler.h"
#include "snapshot.h"
#include "stage.h"
#include "support/wait.h"
#include "writer.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    TAIL_JOBS = 5,
    GENERATION_MORE_MS = 10000, /* for a backlog, and for retries */
};

static void say_config(const struct chaos_config *config)
{
    history_say("config min_idle_ms=%" PRId64 " max_run_ms=%" PRId64 " max_attempts=%u max_deliveries=%u "
                "concurrency=%u resume_ms=%" PRId64 " backoff_ms=%" PRId64 " jitter=%d stop_ms=%" PRId64,
                config->min_idle_ms, config->max_run_ms, config->max_attempts, config->max_deliveries,
                config->concurrency, config->resume_ms,
                config->backoff == WEIR_BACKOFF_NONE ? -1 : config->backoff_base_ms,
                (int)(config->backoff_jitter * 100), config->stop_ms);
}

static void set_stage(struct stage *stage, const struct chaos_config *config, const char *directory)
{
    static const char *const arguments[] = {"--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command",
                                            "yes",          NULL};
    stage->config = *config;
    snprintf(stage->directory, sizeof stage->directory, "%s", directory);
    history_open(directory, "c");
    say_config(config);
    stage->page = chaos_page_map(directory);
    stage->server = test_server_start_with(arguments);
    stage->children = (struct children){.config = &stage->config,
                                        .directory = stage->directory,
                                        .respawning = true,
                                        .dice = dice_new(config->seed, "children", 0)};
    const char *socket = test_server_socket(stage->server);
    for (int i = 0; i < config->workers; i++) {
        struct test_proxy *path = stage->worker_paths[i] = test_proxy_start(socket);
        children_add(&stage->children, 'w', i, config->tcp[i] ? test_proxy_tcp_url(path) : test_proxy_url(path));
    }
    stage->producer_path = test_proxy_start(socket);
    for (int i = 0; i < config->producers; i++)
        children_add(&stage->children, 'p', i, test_proxy_url(stage->producer_path));
    stage->feeder = feeder_start(socket);
}

/* A generation of workers works until nothing is left, or for so long that whatever hangs has lost its lease. */
static bool work_off(struct stage *stage)
{
    const struct chaos_config *config = &stage->config;
    int64_t longest_ms = config->max_run_ms + 2 * config->min_idle_ms + config->reap_idle_ms;
    int64_t deadline_ms = test_now_ms() + longest_ms + test_scaled_ms(GENERATION_MORE_MS);
    bool quiet = false;
    stage->children.respawning = true;
    for (; !quiet && test_now_ms() < deadline_ms; poll(NULL, 0, 20)) {
        children_tend(&stage->children);
        quiet = children_alive(&stage->children, 'w') == config->workers &&
                snapshot_is_quiet(stage->server, &stage->children);
    }
    children_end_all(&stage->children, 'w');
    return quiet && snapshot_consumers(stage->server) == 0;
}

/*
 * The workers that there are may have lost slots to toxic jobs: new ones work off the rest. They may meet such a job,
 * too, and then end without taking leave. A job that hangs stays pending while every worker has a hung run of it, and
 * is dead only after max_deliveries of them: so there are as many generations.
 */
static void drain(struct stage *stage)
{
    children_end_all(&stage->children, 'p');
    children_retire(&stage->children, 'p');
    children_end_all(&stage->children, 'w');
    for (uint32_t generation = 0; generation < stage->config.max_deliveries + 2; generation++)
        if (work_off(stage))
            break;
}

static void clear_stage(struct stage *stage)
{
    for (int i = 0; i < stage->config.workers; i++)
        test_proxy_stop(stage->worker_paths[i]);
    test_proxy_stop(stage->producer_path);
    test_server_stop(stage->server);
}

static struct sampler *start_sampler(struct stage *stage, const char *path)
{
    pid_t worker = children_find(&stage->children, 'w', 0)->pid,
          producer = children_find(&stage->children, 'p', 0)->pid;
    return sampler_start(path, test_server_socket(stage->server), worker, producer, stage->config.load_ms);
}

void chaos_run(const struct chaos_config *config, const char *directory, bool verbose, const char *samples)
{
    signal(SIGPIPE, SIG_IGN);
    size_t n;
    struct fault *faults = plan_draw(config, &n);
    struct stage *stage = calloc(1, sizeof *stage);
    if (!stage)
        test_die("no memory for a stage");
    stage->verbose = verbose;
    set_stage(stage, config, directory);
    stage->began_us = history_now_us();
    history_say("phase load");
    struct sampler *sampler = samples ? start_sampler(stage, samples) : NULL;
    faults_play(stage, faults, n);
    if (sampler)
        sampler_stop(sampler);
    history_say("phase drain");
    feeder_stop(stage->feeder);
    drain(stage);
    feeder_add_tail(test_server_socket(stage->server), TAIL_JOBS);
    snapshot_write(stage->server);
    clear_stage(stage);
    free(stage);
    free(faults);
}
