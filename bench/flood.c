/* SPDX-License-Identifier: MIT
 *
 * weir-bench flood: what happens to jobs while the control plane in their process is flooded.
 *
 * A worker with the control plane inside runs jobs whose handlers take a while, as handlers do; the reference is the
 * same worker left in peace, the other side the one under a flood of requests, nonsense and a thousand connections that
 * send a byte now and then. Worker and flood are processes of their own. Nothing may be lost: each job is done once.
 */
#include "flood_client.h"
#include "jobs.h"
#include "process.h"
#include "subcommands.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/control.h>

enum { CONCURRENCY = 16, HANDLER_US = 5000, SLOW = 1000, STOP_MS = 30000, LOOK_US = 200 };

static const char token[] = "the-token-of-the-benchmark";

/* One run, in shared memory. */
struct run {
    char stream[STREAM_NAME_MAX];
    uint64_t jobs;
    int64_t handler_us;
    struct gate gate;
    atomic_bool listening;
    struct flood flood;
    int64_t started_ns, ended_ns;
};

struct side {
    struct series per_s, answered_per_s;
    uint64_t answered, nonsense, made, cut;
};

static weir_outcome work(weir_job *job, void *user_data)
{
    const struct run *run = user_data;
    (void)job;
    if (run->handler_us > 0)
        pause_us(run->handler_us);
    return WEIR_DONE;
}

static weir_control *open_control(struct bench *bench, struct run *run, weir_queue **queue)
{
    weir_control_options options = WEIR_CONTROL_OPTIONS_INIT;
    weir_control *control;
    weir_error err;
    options.url = bench->url;
    options.port = 0;
    options.token = token;
    options.queues = queue;
    options.n_queues = 1;
    must(weir_control_start(&control, &options, &err), &err, "weir_control_start");
    if (sscanf(weir_control_url(control), "http://%63[0-9.]:%d/", run->flood.address, &run->flood.port) != 2)
        die("no address in %s", weir_control_url(control));
    return control;
}

static void worker(struct bench *bench, void *context)
{
    struct run *run = context;
    weir_queue_options options = WEIR_QUEUE_OPTIONS_INIT;
    options.url = bench->url;
    options.stream = run->stream;
    options.group = "bench";
    options.concurrency = CONCURRENCY;
    options.retention = WEIR_KEEP_ALL;
    options.handler = work;
    options.user_data = run;
    weir_queue *queue;
    weir_error err;
    must(weir_queue_open(&queue, &options, &err), &err, "weir_queue_open");
    weir_control *control = open_control(bench, run, &queue);
    atomic_store(&run->listening, true);
    gate_wait(&run->gate);

    run->started_ns = now_ns();
    must(weir_queue_start(queue, &err), &err, "weir_queue_start");
    weir_stats stats = WEIR_STATS_INIT;
    while (weir_queue_stats(queue, &stats) == WEIR_OK && stats.acked < run->jobs)
        pause_us(LOOK_US);
    run->ended_ns = now_ns();
    atomic_store(&run->flood.stop, true);
    if (stats.done != run->jobs || stats.started != run->jobs || stats.leases_lost > 0)
        die("of %llu jobs %llu were done, in %llu runs", (unsigned long long)run->jobs, (unsigned long long)stats.done,
            (unsigned long long)stats.started);
    weir_control_stop(control);
    weir_status status = weir_queue_stop(queue, STOP_MS);
    if (status != WEIR_OK)
        die("weir_queue_stop: %s", weir_status_text(status));
    weir_queue_close(queue);
}

static void attack(struct bench *bench, void *context)
{
    struct run *run = context;
    (void)bench;
    gate_wait(&run->gate);
    flood_run(&run->flood);
}

static void run_side(struct bench *bench, int64_t handler_us, bool calm, uint64_t jobs, struct side *side)
{
    struct run *run = shared_alloc(sizeof *run);
    struct job_template job;
    job_template_init(&job, &bench->options);
    stream_with_jobs(bench, &job, jobs, run->stream);
    job_template_free(&job);
    run->jobs = jobs;
    run->handler_us = handler_us;
    run->flood.slow = bench->options.quick ? SLOW / 20 : SLOW;
    snprintf(run->flood.token, sizeof run->flood.token, "%s", token);
    snprintf(run->flood.stream, sizeof run->flood.stream, "%s", run->stream);
    pid_t working = process_start(bench, worker, run);
    while (!atomic_load(&run->listening))
        pause_us(LOOK_US);
    pid_t attacking = calm ? 0 : process_start(bench, attack, run);
    gate_open(&run->gate, calm ? 1 : 2);
    process_wait(working);
    if (attacking)
        process_wait(attacking);
    double seconds = (double)(run->ended_ns - run->started_ns) / 1e9;
    if (side) {
        series_add(&side->per_s, (double)jobs / seconds);
        series_add(&side->answered_per_s, (double)run->flood.answered / seconds);
        side->answered += run->flood.answered;
        side->nonsense += run->flood.nonsense;
        side->made += run->flood.made;
        side->cut += run->flood.cut;
    }
    bench_drop(bench, run->stream);
    shared_free(run, sizeof *run);
}

static void measure(struct bench *bench, const char *what, int64_t handler_us, uint64_t jobs, uint64_t runs)
{
    struct side calm = {0}, flooded = {0};
    run_side(bench, handler_us, true, jobs / 10 + 1, NULL);
    for (uint64_t i = 0; i < runs; i++) {
        run_side(bench, handler_us, true, jobs, &calm);
        run_side(bench, handler_us, false, jobs, &flooded);
    }
    report_row(bench->report);
    report_text(bench->report, "what", what);
    report_number(bench->report, "jobs", (double)jobs);
    report_figure(bench->report, "calm_per_s", &calm.per_s);
    report_figure(bench->report, "flooded_per_s", &flooded.per_s);
    report_ratio(bench->report, "ratio", &flooded.per_s, &calm.per_s);
    report_figure(bench->report, "answers_a_second", &flooded.answered_per_s);
    report_number(bench->report, "answered_a_run", (double)(flooded.answered / runs));
    report_number(bench->report, "nonsense_a_run", (double)(flooded.nonsense / runs));
    report_number(bench->report, "slow_connections_a_run", (double)(flooded.made / runs));
    report_number(bench->report, "cut_off_a_run", (double)(flooded.cut / runs));
}

void flood_measure(struct bench *bench)
{
    const struct options *options = &bench->options;
    uint64_t jobs = number_or(options, options->jobs, 40000, 300), runs = number_or(options, options->runs, 5, 1);
    report_fact_number(bench->report, NULL, "runs", (double)runs);
    report_fact_number(bench->report, NULL, "concurrency", CONCURRENCY);
    measure(bench, "handlers of 5 ms", HANDLER_US, jobs, runs);
    measure(bench, "handlers that do nothing", 0, options->quick ? jobs : 20 * jobs, runs);
    report_note(bench->report, "each job was done once; ratio: under the flood, against the same worker left in peace");
}
