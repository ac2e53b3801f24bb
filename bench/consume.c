/* SPDX-License-Identifier: MIT
 *
 * weir-bench consume: read, dispatch, ack, from a stream that is filled beforehand.
 */
#include "bare.h"
#include "subcommands.h"
#include "worker.h"

struct consume {
    struct job_template job;
    struct bare_reads reads;
    uint32_t concurrency[LIST_MAX + 1];
    bool retention[LIST_MAX + 1];
    size_t n;
};

static struct cost run(struct bench *bench, void *context, size_t i, bool reference, uint64_t jobs)
{
    struct consume *consume = context;
    char stream[STREAM_NAME_MAX];
    struct cost cost;
    stream_with_jobs(bench, &consume->job, jobs, stream);
    if (reference) {
        cost = bare_consume(bench, stream, jobs, consume->reads);
    } else {
        weir_queue_options options = worker_options(bench, stream, consume->concurrency[i]);
        if (consume->retention[i])
            options.retention = WEIR_KEEP_UNFINISHED;
        struct worker worker;
        struct meter meter;
        worker_open(&worker, options);
        meter_start(&meter, bench, jobs);
        worker_run(&worker, jobs);
        cost = meter_stop(&meter, bench);
        worker_close(&worker);
    }
    bench_drop(bench, stream);
    return cost;
}

static void row(struct bench *bench, void *context, size_t i)
{
    const struct consume *consume = context;
    report_number(bench->report, "concurrency", consume->concurrency[i]);
    report_text(bench->report, "retention", consume->retention[i] ? "unfinished" : "all");
}

void consume_run(struct bench *bench)
{
    const struct options *options = &bench->options;
    static struct tally reference[LIST_MAX + 1], weir[LIST_MAX + 1];
    struct consume consume = {0};
    struct number_list concurrency = list_or(options, options->concurrency, LIST(1, 10, 100, 1000), LIST(1, 100));
    uint64_t jobs = number_or(options, options->jobs, 400000, 2000), runs = number_or(options, options->runs, 5, 1);
    job_template_init(&consume.job, options);
    for (size_t i = 0; i < concurrency.n; i++)
        consume.concurrency[consume.n++] = (uint32_t)concurrency.values[i];
    if (!options->concurrency.n) { /* and once as it usually is */
        consume.retention[consume.n] = true;
        consume.concurrency[consume.n++] = 100;
    }
    consume.reads = bare_reads_for(bench, &consume.job);
    struct comparison comparison = {.n_cases = consume.n,
                                    .jobs = jobs,
                                    .runs = runs,
                                    .run = run,
                                    .row = row,
                                    .context = &consume,
                                    .reference = reference,
                                    .weir = weir};
    bench_compare(bench, &comparison);
    job_template_free(&consume.job);
}
