/* SPDX-License-Identifier: MIT
 *
 * What a queue has done and is doing, as one struct of numbers.
 *
 * The list below is the only one: it gives the members of weir_stats, the metrics of <weir/metrics.h>, and
 * docs/metrics.md, where it is easier to read. A program may expand it, too, to go through all numbers.
 */
#ifndef WEIR_STATS_H
#define WEIR_STATS_H

#include <stddef.h>
#include <stdint.h>
#include <weir/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A latency histogram. Bucket i counts values v (microseconds) with bound(i − 1) < v ≤ bound(i), where bound(i) is
 * weir_histogram_bound_us(i): each power of two is divided into four, so that a quantile is exact to 25 %.
 */
#define WEIR_HISTOGRAM_BUCKETS 128

typedef struct weir_histogram {
    uint64_t count;
    uint64_t sum_us;
    uint64_t max_us;
    uint64_t buckets[WEIR_HISTOGRAM_BUCKETS];
} weir_histogram;

/* The upper bound of bucket i, in microseconds; UINT64_MAX for the last bucket and beyond. Thread: any. */
WEIR_API uint64_t weir_histogram_bound_us(size_t i);

/* The value below which a share q (0 … 1) of all values lies, in microseconds; 0 for an empty one. Thread: any. */
WEIR_API uint64_t weir_histogram_quantile_us(const weir_histogram *histogram, double q);

/*
 * X(kind, member, metric, label, value, text). Kinds: COUNTER, since the queue was opened; GAUGE, now; FLAG, a gauge of
 * 0 or 1; HISTOGRAM. metric: its name for Prometheus, "" for a number that others add up to; label and value: what
 * tells it from others of that name. New rows come at the end, so that members keep their places.
 */
#define WEIR_STATS_TABLE(X)                                                                                            \
    X(COUNTER, delivered, "weir_jobs_delivered_total", "", "",                                                         \
      "jobs that came from the server, claimed ones included")                                                         \
    X(COUNTER, started, "weir_jobs_started_total", "", "", "calls of the handler")                                     \
    X(COUNTER, done, "weir_jobs_processed_total", "outcome", "done", "handlers that said WEIR_DONE")                   \
    X(COUNTER, retried, "weir_jobs_processed_total", "outcome", "retried",                                             \
      "handlers that failed and whose job will run again")                                                             \
    X(COUNTER, dead, "", "", "", "jobs given to the dead letters, all reasons")                                        \
    X(COUNTER, released, "weir_jobs_released_total", "", "", "jobs handed back unstarted")                             \
    X(COUNTER, claimed, "weir_jobs_claimed_total", "", "", "jobs taken over from consumers that went silent")          \
    X(COUNTER, recovered, "weir_jobs_recovered_total", "", "",                                                         \
      "jobs found pending for this consumer after a start or reconnect")                                               \
    X(COUNTER, payloads_lost, "weir_payloads_lost_total", "", "", "entries deleted while pending")                     \
    X(COUNTER, leases_renewed, "weir_leases_renewed_total", "", "", "leases of jobs renewed")                          \
    X(COUNTER, leases_lost, "weir_leases_lost_total", "", "",                                                          \
      "jobs that another consumer took over before they were finished")                                                \
    X(COUNTER, promoted, "weir_jobs_promoted_total", "", "", "delayed jobs moved into the stream by this process")     \
    X(COUNTER, trimmed, "weir_entries_trimmed_total", "", "",                                                          \
      "finished entries removed from the stream by this process")                                                      \
    X(COUNTER, acked, "weir_outcomes_confirmed_total", "", "",                                                         \
      "outcomes that the server has confirmed: acks, retries, burials and releases")                                   \
    X(COUNTER, foreign, "weir_entries_foreign_total", "", "", "entries of another group's retries, acked unseen")      \
    X(COUNTER, connects, "weir_connects_total", "", "", "connections established, of all threads")                     \
    X(COUNTER, disconnects, "weir_disconnects_total", "", "", "connections lost")                                      \
    X(COUNTER, groups_created, "weir_groups_created_total", "", "", "times the group was missing and was recreated")   \
    X(GAUGE, running, "weir_jobs_in_flight", "state", "running", "handlers running")                                   \
    X(GAUGE, later, "weir_jobs_in_flight", "state", "later", "jobs between WEIR_LATER and weir_job_finish")            \
    X(GAUGE, waiting, "weir_jobs_in_flight", "state", "fetched", "jobs fetched and not started")                       \
    X(GAUGE, unreported, "weir_jobs_in_flight", "state", "unreported", "outcomes not confirmed by the server")         \
    X(GAUGE, fetched_bytes, "weir_fetched_bytes", "", "", "memory held by fetched jobs")                               \
    X(GAUGE, threads, "weir_worker_threads", "", "", "worker threads")                                                 \
    X(GAUGE, connected, "weir_connections", "", "", "connections that are up, of three")                               \
    X(HISTOGRAM, wait, "weir_fetch_wait_seconds", "", "", "from being fetched to being started")                       \
    X(HISTOGRAM, handler, "weir_handler_seconds", "", "", "from start to outcome, asynchronous part included")         \
    X(FLAG, paused, "weir_paused", "", "", "1 while nothing is read, because the queue or this process is paused")     \
    X(COUNTER, died, "weir_jobs_processed_total", "outcome", "dead",                                                   \
      "handlers that failed for good: their job is dead")                                                              \
    X(COUNTER, dead_exhausted, "weir_jobs_dead_total", "reason", "exhausted",                                          \
      "their handler failed max_attempts times")                                                                       \
    X(COUNTER, dead_crashed, "weir_jobs_dead_total", "reason", "crashed",                                              \
      "delivered max_deliveries times without an answer")                                                              \
    X(COUNTER, dead_rejected, "weir_jobs_dead_total", "reason", "rejected", "their handler returned WEIR_REJECT")      \
    X(COUNTER, dead_undecodable, "weir_jobs_dead_total", "reason", "undecodable",                                      \
      "the codec could not decode their fields")                                                                       \
    X(COUNTER, dead_payload_lost, "weir_jobs_dead_total", "reason", "payload lost",                                    \
      "their entry was deleted while it was pending")                                                                  \
    X(COUNTER, reconnects, "weir_reconnects_total", "", "", "connections established anew after one was lost")         \
    X(COUNTER, scripts, "weir_scripts_total", "", "", "calls of Lua scripts on the server")                            \
    X(COUNTER, sent_bytes, "weir_sent_bytes_total", "", "", "bytes sent to the server, before TLS")                    \
    X(COUNTER, received_bytes, "weir_received_bytes_total", "", "", "bytes received from the server, after TLS")       \
    X(GAUGE, slots, "weir_slots", "", "", "how many handlers may run at once: the option concurrency")                 \
    X(HISTOGRAM, queue_wait, "weir_queue_wait_seconds", "", "",                                                        \
      "from being put into the stream, by the server's clock, to being started, by this machine's")

/* X(metric, text): what the rows of one metric have in common. */
#define WEIR_STATS_FAMILY_TABLE(X)                                                                                     \
    X("weir_jobs_processed_total", "runs of the handler, by what came of them")                                        \
    X("weir_jobs_dead_total", "jobs given to the dead letters, by reason")                                             \
    X("weir_jobs_in_flight", "jobs that this process has in hand, by how far they are")

#define WEIR_STATS_TYPE_COUNTER uint64_t
#define WEIR_STATS_TYPE_GAUGE uint64_t
#define WEIR_STATS_TYPE_FLAG uint64_t
#define WEIR_STATS_TYPE_HISTOGRAM weir_histogram
#define WEIR_STATS_MEMBER(kind, member, metric, label, value, text) WEIR_STATS_TYPE_##kind member;
typedef struct weir_stats {
    size_t size; /* sizeof(weir_stats), set by the caller: what the library knows beyond it is left out */
    WEIR_STATS_TABLE(WEIR_STATS_MEMBER)
} weir_stats;
#undef WEIR_STATS_MEMBER

#ifdef __cplusplus
static inline weir_stats weir_stats_init(void)
{
    weir_stats stats = weir_stats();
    stats.size = sizeof(weir_stats);
    return stats;
}
#define WEIR_STATS_INIT weir_stats_init()
#else
#define WEIR_STATS_INIT                                                                                                \
    {                                                                                                                  \
        .size = sizeof(weir_stats)                                                                                     \
    }
#endif

#ifdef __cplusplus
}
#endif
#endif
