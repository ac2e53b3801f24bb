/* SPDX-License-Identifier: MIT
 *
 * What a job costs while a backlog waits behind it.
 *
 * The worker is a process of its own. It is warm: it has run jobs before. It is to find the whole backlog there at
 * once: a small one is added in one step, by a script, many times in a run; for a large one, which takes seconds to
 * add, the worker is stopped (SIGSTOP) meanwhile.
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

enum { CONCURRENCY = 100, WARM_UP = 20000, LOOK_US = 50, SIZES_MAX = 8, SMALL = 10000 };

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

/* Adds n jobs in one step. */
static void add_at_once(struct bench *bench, const struct job_template *job, const char *stream, uint64_t n)
{
    enum { FIELDS_MAX = 1000 };
    const char *argv[5 + 2 * FIELDS_MAX] = {"EVAL",
                                            "for i = 1, tonumber(ARGV[1]) do "
                                            "redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2)) end",
                                            "1", stream};
    char number[24];
    size_t lens[5 + 2 * FIELDS_MAX], argc = 5;
    snprintf(number, sizeof number, "%llu", (unsigned long long)n);
    argv[4] = number;
    for (size_t i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    for (size_t i = 0; i < job->fields.n; i++) {
        argv[argc] = job->items[i].name;
        lens[argc++] = job->items[i].name_len;
        argv[argc] = job->items[i].value;
        lens[argc++] = job->items[i].value_len;
    }
    redisReply *reply = redisCommandArgv(bench->control, (int)argc, argv, lens);
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        die("EVAL: %s", reply ? reply->str : bench->control->errstr);
    freeReplyObject(reply);
}

/* What some jobs of a run have cost so far. */
struct costs {
    double elapsed_us, worker_us, server_us;
};

/* Waits for the jobs that were aimed at since the beginning, and adds what they cost. */
static void finish(struct bench *bench, struct drain *drain, pid_t worker, int64_t started_ns, struct costs before,
                   struct costs *costs)
{
    costs->elapsed_us += wait_for_jobs(drain, started_ns);
    while (atomic_load(&drain->acked) < atomic_load(&drain->target))
        pause_us(LOOK_US);
    costs->worker_us += process_cpu_us(worker) - before.worker_us;
    costs->server_us += bench_server_cpu_us(bench) - before.server_us;
}

static struct costs costs_before(struct bench *bench, pid_t worker)
{
    return (struct costs){.worker_us = process_cpu_us(worker), .server_us = bench_server_cpu_us(bench)};
}

/* One run with a small backlog: it is added and drained again and again. */
static struct costs run_small(struct bench *bench, const struct job_template *job, struct drain *drain, pid_t worker,
                              uint64_t backlog, uint64_t jobs)
{
    struct costs costs = {0};
    for (uint64_t done = 0; done < jobs; done += backlog) {
        aim(drain, backlog);
        add_at_once(bench, job, drain->stream, backlog);
        int64_t started_ns = now_ns();
        finish(bench, drain, worker, started_ns, costs_before(bench, worker), &costs);
    }
    return costs;
}

/* One run with a large one, of which some jobs are drained. *filled: jobs added so far. The worker is stopped
 * meanwhile. */
static struct costs run_large(struct bench *bench, const struct job_template *job, struct drain *drain, pid_t worker,
                              uint64_t backlog, uint64_t *filled, uint64_t jobs)
{
    struct costs costs = {0};
    uint64_t waiting = *filled - atomic_load(&drain->handled);
    if (waiting < backlog)
        *filled += bare_enqueue(bench, job, drain->stream, backlog - waiting, 0).jobs;
    aim(drain, jobs);
    struct costs before = costs_before(bench, worker);
    int64_t started_ns = now_ns();
    kill(worker, SIGCONT);
    finish(bench, drain, worker, started_ns, before, &costs);
    stop_process(worker);
    return costs;
}

static void run_size(struct bench *bench, const struct job_template *job, struct size *size, uint64_t runs,
                     uint64_t jobs)
{
    struct drain *drain = shared_alloc(sizeof *drain);
    uint64_t warm_up = bench->options.quick ? jobs : WARM_UP, filled = warm_up;
    bool small = size->backlog <= SMALL;
    stream_with_jobs(bench, job, warm_up, drain->stream);
    aim(drain, warm_up);
    pid_t worker = process_start(bench, work, drain);
    wait_for_jobs(drain, 0);
    if (!small)
        stop_process(worker);
    for (uint64_t i = 0; i < runs; i++) {
        struct costs costs = small ? run_small(bench, job, drain, worker, size->backlog, jobs)
                                   : run_large(bench, job, drain, worker, size->backlog, &filled, jobs);
        series_add(&size->job_us, costs.elapsed_us / (double)jobs);
        series_add(&size->worker_us, costs.worker_us / (double)jobs);
        series_add(&size->server_us, costs.server_us / (double)jobs);
    }
    process_kill(worker);
    bench_drop(bench, drain->stream);
    shared_free(drain, sizeof *drain);
}

void backlog_rows(struct bench *bench, const struct job_template *job, uint64_t runs)
{
    const struct options *options = &bench->options;
    struct number_list sizes =
        list_or(options, (struct number_list){0}, LIST(1000, 10000, 100000, 1000000, 10000000), LIST(1000, 20000));
    struct size results[SIZES_MAX] = {0};
    uint64_t jobs = options->quick ? 2000 : 100000;
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
