/* SPDX-License-Identifier: MIT
 *
 * What a job costs while a backlog waits behind it.
 *
 * The worker is a process of its own, so that it can be stopped (SIGSTOP) while the backlog is filled up again, and set
 * going with all of it there. It is warm: it has run jobs before. Small backlogs are drained many times in a run.
 */
#include "backlog.h"

#include "bare.h"
#include "process.h"
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { CONCURRENCY = 100, WARM_UP = 20000, LOOK_US = 50, SIZES_MAX = 8 };

/* In shared memory. */
struct drain {
    char stream[STREAM_NAME_MAX];
    atomic_uint_fast64_t handled, acked, target;
    atomic_int_fast64_t reached_ns; /* when as many as `target` were handled; 0: not yet */
};

struct size {
    uint64_t backlog;
    struct series job_us, worker_us, server_us;
};

static weir_outcome handle(weir_job *job, void *user_data)
{
    struct drain *drain = user_data;
    (void)job;
    if (atomic_fetch_add_explicit(&drain->handled, 1, memory_order_relaxed) + 1 ==
        atomic_load_explicit(&drain->target, memory_order_relaxed))
        atomic_store(&drain->reached_ns, now_ns());
    return WEIR_DONE;
}

static void work(struct bench *bench, void *context)
{
    struct drain *drain = context;
    weir_queue_options options = worker_options(bench, drain->stream, CONCURRENCY);
    weir_queue *queue;
    weir_error err;
    options.handler = handle;
    options.user_data = drain;
    options.min_idle_ms = 600000; /* it is stopped for long: nothing is to be claimed meanwhile */
    must(weir_queue_open(&queue, &options, &err), &err, "weir_queue_open");
    must(weir_queue_start(queue, &err), &err, "weir_queue_start");
    for (weir_stats stats = WEIR_STATS_INIT;;) { /* until it is killed */
        if (weir_queue_stats(queue, &stats) == WEIR_OK)
            atomic_store(&drain->acked, stats.acked);
        pause_us(1000);
    }
}

/* Waits until `n` more jobs than before were handled; the time that took since then. */
static double wait_for_jobs(struct drain *drain, int64_t since_ns)
{
    int64_t reached_ns;
    while ((reached_ns = atomic_load(&drain->reached_ns)) == 0)
        pause_us(LOOK_US);
    return (double)(reached_ns - since_ns) / 1e3;
}

static void aim(struct drain *drain, uint64_t n)
{
    atomic_store(&drain->reached_ns, 0);
    atomic_store(&drain->target, atomic_load(&drain->handled) + n);
}

static void stop_process(pid_t pid)
{
    int status;
    kill(pid, SIGSTOP);
    if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
        die("the worker has ended");
}

/* One run: `jobs` in all, in as many goes as the backlog's size makes it. */
static void run(struct bench *bench, const struct job_template *job, struct drain *drain, pid_t worker,
                struct size *size, uint64_t *filled, uint64_t jobs)
{
    uint64_t n = jobs < size->backlog ? jobs : size->backlog, done = 0;
    double elapsed_us = 0, worker_us = 0, server_us = 0;
    while (done < jobs) {
        uint64_t waiting = *filled - atomic_load(&drain->handled);
        if (size->backlog > waiting)
            bare_enqueue(bench, job, drain->stream, size->backlog - waiting, 0);
        *filled += size->backlog > waiting ? size->backlog - waiting : 0;
        aim(drain, n);
        double server_before_us = bench_server_cpu_us(bench), worker_before_us = process_cpu_us(worker);
        int64_t started_ns = now_ns();
        kill(worker, SIGCONT);
        elapsed_us += wait_for_jobs(drain, started_ns);
        if (n == size->backlog)
            while (atomic_load(&drain->acked) < atomic_load(&drain->target))
                pause_us(LOOK_US);
        stop_process(worker);
        worker_us += process_cpu_us(worker) - worker_before_us;
        server_us += bench_server_cpu_us(bench) - server_before_us;
        done += n;
    }
    series_add(&size->job_us, elapsed_us / (double)done);
    series_add(&size->worker_us, worker_us / (double)done);
    series_add(&size->server_us, server_us / (double)done);
}

static void run_size(struct bench *bench, const struct job_template *job, struct size *size, uint64_t runs,
                     uint64_t jobs)
{
    struct drain *drain = shared_alloc(sizeof *drain);
    uint64_t warm_up = bench->options.quick ? jobs : WARM_UP, filled = warm_up;
    stream_with_jobs(bench, job, warm_up, drain->stream);
    aim(drain, warm_up);
    pid_t worker = process_start(bench, work, drain);
    wait_for_jobs(drain, 0);
    stop_process(worker);
    for (uint64_t i = 0; i < runs; i++)
        run(bench, job, drain, worker, size, &filled, jobs);
    process_kill(worker);
    bench_drop(bench, drain->stream);
    shared_free(drain, sizeof *drain);
}

void backlog_rows(struct bench *bench, const struct job_template *job, uint64_t runs)
{
    const struct options *options = &bench->options;
    struct number_list sizes =
        list_or(options, (struct number_list){0}, LIST(1000, 10000, 100000, 1000000, 10000000), LIST(1000, 2000));
    struct size results[SIZES_MAX] = {0};
    uint64_t jobs = options->quick ? 1000 : 300000;
    for (size_t i = 0; i < sizes.n; i++) {
        results[i].backlog = sizes.values[i];
        run_size(bench, job, &results[i], runs, jobs);
    }
    for (size_t i = 0; i < sizes.n; i++) {
        report_row(bench->report);
        report_text(bench->report, "what", "backlog");
        report_number(bench->report, "backlog", (double)sizes.values[i]);
        report_figure(bench->report, "weir_job_us", &results[i].job_us);
        report_ratio(bench->report, "ratio", &results[i].job_us, &results[0].job_us);
        report_figure(bench->report, "weir_worker_cpu_us", &results[i].worker_us);
        report_figure(bench->report, "weir_server_cpu_us", &results[i].server_us);
    }
}
