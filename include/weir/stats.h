/* SPDX-License-Identifier: MIT
 *
 * What a queue has done and is doing, as one struct of numbers.
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

typedef struct weir_stats {
    size_t size; /* sizeof(weir_stats), set by the caller: what the library knows beyond it is left out */

    /* Counters, since the queue was opened. */
    uint64_t delivered;     /* jobs that came from the server, claimed ones included */
    uint64_t started;       /* calls of the handler */
    uint64_t done;          /* handlers that said WEIR_DONE */
    uint64_t retried;       /* handlers that failed and whose job will run again */
    uint64_t dead;          /* jobs given to the dead letters, all reasons */
    uint64_t released;      /* jobs handed back unstarted */
    uint64_t claimed;       /* jobs taken over from consumers that went silent */
    uint64_t recovered;     /* jobs found pending for this consumer after a start or reconnect */
    uint64_t payloads_lost; /* entries deleted while pending */
    uint64_t leases_renewed;
    uint64_t leases_lost;
    uint64_t promoted;       /* delayed jobs moved into the stream by this process */
    uint64_t trimmed;        /* finished entries removed from the stream by this process */
    uint64_t acked;          /* outcomes that the server has confirmed: acks, retries, burials and releases */
    uint64_t foreign;        /* entries of another group's retries, acked unseen */
    uint64_t connects;       /* connections established, of all threads */
    uint64_t disconnects;    /* connections lost */
    uint64_t groups_created; /* times the group was missing and was recreated */

    /* Gauges. */
    uint64_t running;       /* handlers running */
    uint64_t later;         /* jobs between WEIR_LATER and weir_job_finish */
    uint64_t waiting;       /* jobs fetched and not started */
    uint64_t unreported;    /* outcomes not confirmed by the server */
    uint64_t fetched_bytes; /* memory held by fetched jobs */
    uint64_t threads;       /* worker threads */
    uint64_t connected;     /* connections that are up, of three */

    /* Latencies. */
    weir_histogram wait;    /* from being fetched to being started */
    weir_histogram handler; /* from start to outcome, asynchronous part included */

    uint64_t paused; /* gauge: 1 while nothing is read, because the queue or this process is paused */
} weir_stats;

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
