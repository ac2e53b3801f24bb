/* SPDX-License-Identifier: MIT
 *
 * A worker process: one queue, until it is told to end.
 */
#include "handler.h"
#include "role.h"
#include "writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { OPEN_AGAIN_MS = 20 };

/* Opens and starts it, however long the server is away. False where the process is to end first. */
static bool start(weir_queue **ret, const weir_queue_options *options)
{
    weir_error err;
    while (weir_queue_open(ret, options, &err) != WEIR_OK)
        if (chaos_wait_for_end(OPEN_AGAIN_MS))
            return false;
    if (weir_queue_start(*ret, &err) == WEIR_OK)
        return true;
    fprintf(stderr, "weir_queue_start: %s\n", err.message);
    _exit(1);
}

int chaos_worker(const struct chaos_role *role)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    char who[16], consumer[16];
    snprintf(who, sizeof who, "w%d.%d", role->number, role->life);
    history_open(role->directory, who);
    chaos_clock_follow(&chaos_page_map(role->directory)->wall_offset_ms[role->number]);

    weir_queue_options options = chaos_queue_options(&role->config, role->number, role->url, consumer);
    options.handler = chaos_handle;
    options.codec = &chaos_codec;
    options.on_dead = chaos_on_dead;
    options.on_event = chaos_on_event;
    weir_queue *queue = NULL;
    if (!start(&queue, &options))
        return EXIT_CLEAN;
    history_say("ready");
    while (!chaos_wait_for_end(60000))
        ;
    int64_t from_us = history_now_us();
    weir_status status = weir_queue_stop(queue, role->config.stop_ms);
    weir_queue_close(queue);
    history_say("stopped %" PRId64 " %s", history_now_us() - from_us, weir_status_name(status));
    if (status != WEIR_OK)
        _exit(EXIT_UNCLEAN); /* handlers still run, and must not see what exit takes apart */
    return EXIT_CLEAN;
}
