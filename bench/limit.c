/* SPDX-License-Identifier: MIT
 *
 * weir-bench limit: every way to read and to write that the bare loops know, side by side.
 */
#include "bare.h"
#include "subcommands.h"

enum { CASES_MAX = 64 };

struct limit_case {
    bool consume;
    uint64_t batch; /* XADDs of a pipeline, or COUNT */
    unsigned outstanding;
    struct tally tally;
};

static size_t make_cases(struct limit_case *cases, const struct options *options)
{
    static const uint64_t batches[] = {64, 128, 256, 512, 1024}, counts[] = {32, 64, 128, 256, 512};
    size_t n = 0;
    bool one = options->batch || options->quick;
    uint64_t only = options->batch ? options->batch : 64;
    for (size_t i = 0; i < (one ? 1 : sizeof batches / sizeof *batches); i++)
        cases[n++] = (struct limit_case){.batch = one ? only : batches[i]};
    for (unsigned outstanding = 1; outstanding <= 4; outstanding++)
        for (size_t i = 0; i < (one ? 1 : sizeof counts / sizeof *counts); i++)
            cases[n++] =
                (struct limit_case){.consume = true, .batch = one ? only : counts[i], .outstanding = outstanding};
    return n;
}

static void run_case(struct bench *bench, const struct job_template *job, struct limit_case *c, uint64_t jobs)
{
    char stream[STREAM_NAME_MAX];
    struct cost cost;
    if (c->consume) {
        stream_with_jobs(bench, job, jobs, stream);
        cost = bare_consume(bench, stream, jobs, (struct bare_reads){c->outstanding, c->batch, false});
    } else {
        bench_stream_name(bench, stream);
        cost = bare_enqueue(bench, job, stream, jobs, c->batch);
    }
    bench_drop(bench, stream);
    tally_add(&c->tally, cost);
}

static const struct limit_case *best_of(const struct limit_case *cases, size_t n, bool consume)
{
    const struct limit_case *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (cases[i].consume == consume &&
            (!best || series_spread(&cases[i].tally.per_s).median > series_spread(&best->tally.per_s).median))
            best = &cases[i];
    return best;
}

void limit_run(struct bench *bench)
{
    const struct options *options = &bench->options;
    static struct limit_case cases[CASES_MAX];
    struct job_template job;
    job_template_init(&job, options);
    size_t n = make_cases(cases, options);
    uint64_t jobs = number_or(options, options->jobs, 200000, 2000), runs = number_or(options, options->runs, 5, 1);
    report_fact_number(bench->report, NULL, "jobs", (double)jobs);
    report_fact_number(bench->report, NULL, "runs", (double)runs);
    for (uint64_t run = 0; run < runs; run++)
        for (size_t i = 0; i < n; i++)
            run_case(bench, &job, &cases[i], jobs);

    for (size_t i = 0; i < n; i++) {
        const struct limit_case *c = &cases[i];
        report_row(bench->report);
        report_text(bench->report, "work", c->consume ? "consume" : "enqueue");
        if (c->consume)
            report_number(bench->report, "outstanding_reads", c->outstanding);
        report_number(bench->report, "batch", (double)c->batch);
        report_figure(bench->report, "reference_per_s", &c->tally.per_s);
        report_figure(bench->report, "reference_cpu_us", &c->tally.client_us);
        report_figure(bench->report, "server_cpu_us", &c->tally.server_us);
    }
    const struct limit_case *enqueue = best_of(cases, n, false), *consume = best_of(cases, n, true);
    report_note(bench->report, "best: %.0f XADD/s in pipelines of %llu; %.0f consumed and acked/s, %u reads of %llu",
                series_spread(&enqueue->tally.per_s).median, (unsigned long long)enqueue->batch,
                series_spread(&consume->tally.per_s).median, consume->outstanding, (unsigned long long)consume->batch);
    job_template_free(&job);
}
