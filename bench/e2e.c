/* SPDX-License-Identifier: MIT
 *
 * weir-bench e2e: a producer and a worker at work at the same time, each in a process of its own.
 *
 * A run is over when the last job is acked. The reference is the same with bare hiredis: overlapped pipelines of XADD
 * in one process, and the reading loop in another, which blocks where the stream is empty.
 */
#include "bare.h"
#include "process.h"
#include "subcommands.h"
#include "worker.h"

#include <stdlib.h>

enum { CONCURRENCY = 100 };

struct e2e {
    struct job_template job;
    struct bare_reads reads;
    uint64_t batch;
};

/* One run, in shared memory. */
struct run {
    const struct e2e *e2e;
    char stream[STREAM_NAME_MAX];
    uint64_t jobs;
    struct gate gate;
    double producer_us, worker_us; /* processor time */
    int64_t ended_ns;              /* the last ack */
};

struct side {
    struct series per_s, producer_us, worker_us, server_us;
};

static void produce_barely(struct bench *bench, void *context)
{
    struct run *run = context;
    gate_wait(&run->gate);
    run->producer_us = bare_enqueue(bench, &run->e2e->job, run->stream, run->jobs, 0).client_us;
}

static void consume_barely(struct bench *bench, void *context)
{
    struct run *run = context;
    gate_wait(&run->gate);
    run->worker_us = bare_consume(bench, run->stream, run->jobs, run->e2e->reads).client_us;
    run->ended_ns = now_ns();
}

static void produce(struct bench *bench, void *context)
{
    struct run *run = context;
    uint64_t batch = run->e2e->batch;
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = bench->url;
    options.stream = run->stream;
    weir_producer *producer;
    weir_error err;
    must(weir_producer_open(&producer, &options, &err), &err, "weir_producer_open");
    weir_enqueue_job *jobs = must_alloc(batch * sizeof *jobs);
    for (uint64_t i = 0; i < batch; i++)
        jobs[i].fields = &run->e2e->job.fields;
    gate_wait(&run->gate);

    double before_us = cpu_self_us();
    for (uint64_t done = 0; done < run->jobs; done += batch) {
        uint64_t n = run->jobs - done < batch ? run->jobs - done : batch;
        must(weir_enqueue_bulk(producer, jobs, n, NULL, &err), &err, "weir_enqueue_bulk");
    }
    run->producer_us = cpu_self_us() - before_us;
    free(jobs);
    weir_producer_close(producer);
}

static void consume(struct bench *bench, void *context)
{
    struct run *run = context;
    struct worker worker;
    worker_open(&worker, worker_options(bench, run->stream, CONCURRENCY));
    gate_wait(&run->gate);
    double before_us = cpu_self_us();
    worker_run(&worker, run->jobs);
    run->ended_ns = now_ns();
    run->worker_us = cpu_self_us() - before_us;
    worker_close(&worker);
}

static void run_side(struct bench *bench, const struct e2e *e2e, bool reference, uint64_t jobs, struct side *side)
{
    struct run *run = shared_alloc(sizeof *run);
    run->e2e = e2e;
    run->jobs = jobs;
    stream_with_jobs(bench, &e2e->job, 0, run->stream);
    pid_t worker = process_start(bench, reference ? consume_barely : consume, run);
    pid_t producer = process_start(bench, reference ? produce_barely : produce, run);
    struct meter meter;
    meter_start(&meter, bench, jobs);
    gate_open(&run->gate, 2);
    int64_t started_ns = now_ns();
    process_wait(producer);
    process_wait(worker);
    struct cost cost = meter_stop(&meter, bench);
    if (side) {
        series_add(&side->per_s, (double)jobs * 1e9 / (double)(run->ended_ns - started_ns));
        series_add(&side->producer_us, run->producer_us / (double)jobs);
        series_add(&side->worker_us, run->worker_us / (double)jobs);
        series_add(&side->server_us, cost.server_us / (double)jobs);
    }
    bench_drop(bench, run->stream);
    shared_free(run, sizeof *run);
}

void e2e_run(struct bench *bench)
{
    const struct options *options = &bench->options;
    uint64_t jobs = number_or(options, options->jobs, 400000, 2000), runs = number_or(options, options->runs, 5, 1);
    struct e2e e2e = {.batch = number_or(options, options->batch, 1000, 100), .reads = {3, 256, true}};
    struct side reference = {0}, weir = {0};
    job_template_init(&e2e.job, options);
    report_fact_number(bench->report, NULL, "jobs", (double)jobs);
    report_fact_number(bench->report, NULL, "runs", (double)runs);
    run_side(bench, &e2e, true, jobs / 10 + 1, NULL);
    run_side(bench, &e2e, false, jobs / 10 + 1, NULL);
    for (uint64_t i = 0; i < runs; i++) {
        run_side(bench, &e2e, true, jobs, &reference);
        run_side(bench, &e2e, false, jobs, &weir);
    }
    const struct {
        const char *reference, *weir, *ratio;
        const struct series *of_reference, *of_weir;
    } cells[] = {
        {"reference_per_s", "weir_per_s", "ratio", &reference.per_s, &weir.per_s},
        {"reference_worker_cpu_us", "weir_worker_cpu_us", "worker_cpu_ratio", &reference.worker_us, &weir.worker_us},
        {"reference_producer_cpu_us", "weir_producer_cpu_us", "producer_cpu_ratio", &reference.producer_us,
         &weir.producer_us},
        {"reference_server_cpu_us", "weir_server_cpu_us", "server_cpu_ratio", &reference.server_us, &weir.server_us},
    };
    report_row(bench->report);
    report_number(bench->report, "concurrency", CONCURRENCY);
    report_number(bench->report, "batch", (double)e2e.batch);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        report_figure(bench->report, cells[i].reference, cells[i].of_reference);
        report_figure(bench->report, cells[i].weir, cells[i].of_weir);
        report_ratio(bench->report, cells[i].ratio, cells[i].of_weir, cells[i].of_reference);
    }
    report_note(bench->report, "a producer and a worker at once, each a process; processor time is per job");
    job_template_free(&e2e.job);
}
