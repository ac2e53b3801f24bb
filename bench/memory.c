/* SPDX-License-Identifier: MIT
 *
 * weir-bench memory: what a job in flight takes, what is left behind by millions of them, how often the worker
 * allocates, and whether a large backlog makes jobs dearer (backlog.c).
 */
#include "allocations.h"
#include "backlog.h"
#include "bare.h"
#include "process.h"
#include "subcommands.h"
#include "worker.h"

#include <pthread.h>
#include <stdlib.h>

enum { LOOK_US = 1000, IN_FLIGHT_MAX = 4096 };

/* --- in flight --- */

struct held {
    pthread_mutex_t mutex;
    weir_job **jobs;
    size_t n;
};

static weir_outcome hold(weir_job *job, void *user_data)
{
    struct held *held = user_data;
    pthread_mutex_lock(&held->mutex);
    held->jobs[held->n++] = job;
    pthread_mutex_unlock(&held->mutex);
    return WEIR_LATER;
}

static size_t count_held(struct held *held)
{
    pthread_mutex_lock(&held->mutex);
    size_t n = held->n;
    pthread_mutex_unlock(&held->mutex);
    return n;
}

/* All jobs of a stream begun and none finished: what that takes, by the allocator and by the library's own account. */
static void in_flight_row(struct bench *bench, const struct job_template *job, uint32_t jobs)
{
    char stream[STREAM_NAME_MAX];
    stream_with_jobs(bench, job, jobs, stream);
    struct held held = {.mutex = PTHREAD_MUTEX_INITIALIZER, .jobs = must_alloc(jobs * sizeof *held.jobs)};
    weir_queue_options options = worker_options(bench, stream, jobs);
    options.fetch_max_jobs = jobs;
    options.handler = hold;
    options.user_data = &held;
    weir_queue *queue;
    weir_error err;
    must(weir_queue_open(&queue, &options, &err), &err, "weir_queue_open");
    int64_t before = allocated_bytes();
    must(weir_queue_start(queue, &err), &err, "weir_queue_start");
    while (count_held(&held) < jobs)
        pause_us(LOOK_US);
    int64_t allocated = allocated_bytes() - before;
    weir_stats stats = WEIR_STATS_INIT;
    weir_queue_stats(queue, &stats);
    for (size_t i = 0; i < jobs; i++)
        weir_job_finish(held.jobs[i], WEIR_DONE);
    weir_queue_close(queue);
    bench_drop(bench, stream);
    free(held.jobs);

    report_row(bench->report);
    report_text(bench->report, "what", "in flight");
    report_number(bench->report, "jobs", jobs);
    if (allocations_are_counted())
        report_number(bench->report, "weir_bytes_a_job", (double)allocated / jobs);
    report_number(bench->report, "weir_fetched_bytes_a_job", (double)stats.fetched_bytes / jobs);
}

/* --- growth and allocations --- */

struct filling {
    const struct job_template *job;
    char stream[STREAM_NAME_MAX];
    uint64_t jobs;
};

static void fill(struct bench *bench, void *context)
{
    const struct filling *filling = context;
    bare_enqueue(bench, filling->job, filling->stream, filling->jobs, 0);
}

/* The worker runs while another process fills the stream; the first tenth of the jobs is not counted. */
static void growth_row(struct bench *bench, const struct job_template *job, uint32_t concurrency, uint64_t jobs)
{
    struct filling filling = {.job = job, .jobs = jobs};
    stream_with_jobs(bench, job, 0, filling.stream);
    pid_t filler = process_start(bench, fill, &filling);
    weir_queue_options options = worker_options(bench, filling.stream, concurrency);
    options.retention = WEIR_KEEP_UNFINISHED;
    struct worker worker;
    weir_error err;
    worker_open(&worker, options);
    must(weir_queue_start(worker.queue, &err), &err, "weir_queue_start");
    while (atomic_load(&worker.handled) < jobs / 10)
        pause_us(LOOK_US);
    uint64_t counted_from = atomic_load(&worker.handled), made = allocations_made();
    int64_t resident = resident_bytes();
    while (atomic_load(&worker.handled) < jobs)
        pause_us(LOOK_US);
    made = allocations_made() - made;
    resident = resident_bytes() - resident;
    process_wait(filler);
    worker_close(&worker);
    bench_drop(bench, filling.stream);

    report_row(bench->report);
    report_text(bench->report, "what", "growth");
    report_number(bench->report, "concurrency", concurrency);
    report_number(bench->report, "jobs", (double)jobs);
    report_number(bench->report, "weir_resident_growth_bytes", (double)resident);
    if (allocations_are_counted()) {
        report_number(bench->report, "weir_allocations", (double)made);
        report_number(bench->report, "weir_allocations_a_job", (double)made / (double)(jobs - counted_from));
    }
}

void memory_run(struct bench *bench)
{
    const struct options *options = &bench->options;
    struct job_template job;
    job_template_init(&job, options);
    uint64_t runs = number_or(options, options->runs, 3, 1), jobs = number_or(options, options->jobs, 5000000, 2000);
    struct number_list concurrency = list_or(options, options->concurrency, LIST(100), LIST(100));
    report_fact_number(bench->report, NULL, "runs", (double)runs);
    in_flight_row(bench, &job, options->quick ? 100 : IN_FLIGHT_MAX);
    for (size_t i = 0; i < concurrency.n; i++)
        growth_row(bench, &job, (uint32_t)concurrency.values[i], jobs);
    backlog_rows(bench, &job, runs);
    if (!allocations_are_counted())
        report_note(bench->report, "allocations were not counted: the counting library could not be loaded");
    report_note(bench->report, "ratio: against the smallest backlog");
    job_template_free(&job);
}
