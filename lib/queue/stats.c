/* SPDX-License-Identifier: MIT
 *
 * A queue's numbers: handed out when asked for, and told to on_stats now and then.
 *
 * Counters and histograms are counted where things happen, under the lock that is held there anyway; gauges are what
 * the state is when somebody asks. What the connections cost is counted by their threads alone, and noted here whenever
 * one of them holds the lock. So nothing is locked, and no atomic touched, for the sake of a number.
 */
#include "queue/core.h"

#include <string.h>

void weir_service_note_traffic(struct weir_queue *core, struct weir_service *service)
{
    struct weir_traffic now;
    core->ops->traffic(service->session, &now);
    core->stats.sent_bytes += now.sent_bytes - service->traffic.sent_bytes;
    core->stats.received_bytes += now.received_bytes - service->traffic.received_bytes;
    core->stats.scripts += now.scripts - service->traffic.scripts;
    service->traffic = now;
}

weir_status weir_queue_stats(weir_queue *core, weir_stats *stats)
{
    if (!core || !stats || stats->size < sizeof stats->size || stats->size > 16 * sizeof *stats)
        return WEIR_ERR_ARGUMENT;
    pthread_mutex_lock(&core->mutex);
    weir_stats now = core->stats;
    now.running = core->n_running;
    now.later = core->n_later;
    now.waiting = core->n_ready;
    now.unreported = core->n_unreported;
    now.fetched_bytes = core->bytes;
    now.threads = core->n_workers;
    now.connected = (uint64_t)core->reader.connected + core->acker.connected + core->claimer.connected;
    now.paused = weir_core_is_paused(core) && core->reserved == 0;
    now.slots = core->options.concurrency;
    pthread_mutex_unlock(&core->mutex);
    size_t size = stats->size < sizeof now ? stats->size : sizeof now;
    now.size = stats->size;
    memcpy(stats, &now, size);
    return WEIR_OK;
}

void weir_core_tell_stats(struct weir_queue *core)
{
    weir_stats stats = WEIR_STATS_INIT;
    if (weir_queue_stats(core, &stats) != WEIR_OK || !weir_core_begin_callback(core))
        return;
    const struct weir_queue *before = weir_core_enter(core);
    core->options.on_stats(&stats, core->options.user_data);
    weir_core_enter(before);
    weir_core_end_callback(core);
}
