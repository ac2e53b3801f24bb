/* SPDX-License-Identifier: MIT
 *
 * weir-bench enqueue: weir_enqueue from some threads that share a producer, and weir_enqueue_bulk.
 *
 * The reference of both is the overlapped pipeline: what the server takes at all. A single enqueue waits for the
 * server's word, so one thread can't come near it; how much more several threads get done is the row's `speedup`.
 */
#include "bare.h"
#include "subcommands.h"

#include <pthread.h>
#include <stdlib.h>

enum { CASES_MAX = LIST_MAX + 1 };

struct enqueue {
    struct job_template job;
    uint64_t batch;
    size_t n;
    unsigned threads[CASES_MAX]; /* 0: bulk */
};

struct caller {
    pthread_t thread;
    weir_producer *producer;
    const weir_fields *fields;
    uint64_t jobs;
};

static void *call(void *argument)
{
    const struct caller *caller = argument;
    weir_error err;
    for (uint64_t i = 0; i < caller->jobs; i++)
        must(weir_enqueue(caller->producer, caller->fields, NULL, NULL, &err), &err, "weir_enqueue");
    return NULL;
}

static void enqueue_single(weir_producer *producer, const struct job_template *job, unsigned threads, uint64_t jobs)
{
    struct caller *callers = must_alloc(threads * sizeof *callers);
    for (unsigned i = 0; i < threads; i++) {
        callers[i] = (struct caller){
            .producer = producer, .fields = &job->fields, .jobs = jobs / threads + (i < jobs % threads)};
        if (pthread_create(&callers[i].thread, NULL, call, &callers[i]) != 0)
            die("no thread; fewer --threads need fewer");
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(callers[i].thread, NULL);
    free(callers);
}

static void enqueue_bulk(weir_producer *producer, const struct job_template *job, uint64_t batch, uint64_t jobs)
{
    weir_enqueue_job *bulk = must_alloc(batch * sizeof *bulk);
    for (uint64_t i = 0; i < batch; i++)
        bulk[i].fields = &job->fields;
    weir_error err;
    for (uint64_t done = 0; done < jobs; done += batch) {
        uint64_t n = jobs - done < batch ? jobs - done : batch;
        must(weir_enqueue_bulk(producer, bulk, n, NULL, &err), &err, "weir_enqueue_bulk");
    }
    free(bulk);
}

/* A thread that waits for each answer does a twentieth of a pipeline's work: that is enough of it. */
static uint64_t share(uint64_t jobs, unsigned threads)
{
    uint64_t share = jobs / 20 * threads, most = jobs / 4;
    return share > most ? most : share > 0 ? share : 1;
}

static struct cost run(struct bench *bench, void *context, size_t i, bool reference, uint64_t jobs)
{
    struct enqueue *enqueue = context;
    char stream[STREAM_NAME_MAX];
    struct cost cost;
    bench_stream_name(bench, stream);
    if (reference) {
        cost = bare_enqueue(bench, &enqueue->job, stream, jobs, 0);
    } else {
        weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
        options.url = bench->url;
        options.stream = stream;
        weir_producer *producer;
        weir_error err;
        must(weir_producer_open(&producer, &options, &err), &err, "weir_producer_open");
        struct meter meter;
        if (enqueue->threads[i])
            jobs = share(jobs, enqueue->threads[i]);
        meter_start(&meter, bench, jobs);
        if (enqueue->threads[i])
            enqueue_single(producer, &enqueue->job, enqueue->threads[i], jobs);
        else
            enqueue_bulk(producer, &enqueue->job, enqueue->batch, jobs);
        cost = meter_stop(&meter, bench);
        weir_producer_close(producer);
    }
    long long accepted = bench_integer(bench, "XLEN %s", stream);
    if (accepted < 0 || (uint64_t)accepted != jobs)
        die("%llu jobs were enqueued, and %lld are in the stream", (unsigned long long)jobs, accepted);
    bench_drop(bench, stream);
    return cost;
}

static void row(struct bench *bench, void *context, size_t i)
{
    const struct enqueue *enqueue = context;
    report_text(bench->report, "mode", enqueue->threads[i] ? "single" : "bulk");
    report_number(bench->report, "threads", enqueue->threads[i] ? enqueue->threads[i] : 1);
}

/* Against the same run of a single thread. */
static void speedup(struct bench *bench, void *context, size_t i, const struct tally *weir)
{
    const struct enqueue *enqueue = context;
    for (size_t one = 0; one < enqueue->n; one++)
        if (enqueue->threads[i] > 1 && enqueue->threads[one] == 1)
            report_ratio(bench->report, "speedup_ratio", &weir[i].per_s, &weir[one].per_s);
}

void enqueue_run(struct bench *bench)
{
    const struct options *options = &bench->options;
    static struct tally reference[CASES_MAX], weir[CASES_MAX];
    struct enqueue enqueue = {.batch = number_or(options, options->batch, 1000, 100)};
    struct number_list threads = list_or(options, options->threads, LIST(1, 4, 16), LIST(1, 4));
    job_template_init(&enqueue.job, options);
    for (size_t i = 0; i < threads.n; i++)
        enqueue.threads[enqueue.n++] = (unsigned)threads.values[i];
    enqueue.n++; /* bulk */
    struct comparison comparison = {.n_cases = enqueue.n,
                                    .jobs = number_or(options, options->jobs, 400000, 2000),
                                    .runs = number_or(options, options->runs, 7, 1),
                                    .run = run,
                                    .row = row,
                                    .more = speedup,
                                    .context = &enqueue,
                                    .reference = reference,
                                    .weir = weir};
    bench_compare(bench, &comparison);
    report_note(bench->report, "bulk: %llu jobs a call", (unsigned long long)enqueue.batch);
    job_template_free(&enqueue.job);
}
