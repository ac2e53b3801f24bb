/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <errno.h>

enum { LOOK_US = 50, STOP_MS = 30000 };

weir_queue_options worker_options(const struct bench *bench, const char *stream, uint32_t concurrency)
{
    weir_queue_options options = WEIR_QUEUE_OPTIONS_INIT;
    options.url = bench->url;
    options.stream = stream;
    options.group = "bench";
    options.concurrency = concurrency;
    options.retention = WEIR_KEEP_ALL;
    return options;
}

static weir_outcome count(weir_job *job, void *user_data)
{
    struct worker *worker = user_data;
    (void)job;
    if (atomic_fetch_add_explicit(&worker->handled, 1, memory_order_relaxed) + 1 == worker->awaited)
        sem_post(&worker->reached);
    return WEIR_DONE;
}

void worker_open(struct worker *worker, weir_queue_options options)
{
    *worker = (struct worker){0};
    atomic_init(&worker->handled, 0);
    sem_init(&worker->reached, 0, 0);
    options.handler = count;
    options.user_data = worker;
    weir_error err;
    must(weir_queue_open(&worker->queue, &options, &err), &err, "weir_queue_open");
}

void worker_run(struct worker *worker, uint64_t jobs)
{
    weir_error err;
    worker->awaited = jobs;
    must(weir_queue_start(worker->queue, &err), &err, "weir_queue_start");
    while (sem_wait(&worker->reached) != 0 && errno == EINTR)
        ;
    weir_stats stats = WEIR_STATS_INIT; /* the last acks are on their way */
    while (weir_queue_stats(worker->queue, &stats) == WEIR_OK && stats.acked < jobs)
        pause_us(LOOK_US);
}

void worker_close(struct worker *worker)
{
    weir_status status = weir_queue_stop(worker->queue, STOP_MS);
    if (status != WEIR_OK)
        die("weir_queue_stop: %s", weir_status_text(status));
    weir_queue_close(worker->queue);
    sem_destroy(&worker->reached);
}
