/* SPDX-License-Identifier: MIT
 *
 * weir-bench claim: taking over what dead consumers left pending, and what looking for it costs the server where there
 * is nothing to be taken over.
 */
#include "bare.h"
#include "subcommands.h"
#include "worker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONCURRENCY = 100, DEAD_CONSUMERS = 10, CLAIM_COUNT = 256, READ_COUNT = 500 };
static const long long LONG_IDLE_MS = 3600000;

/* Delivers all jobs of the stream to consumers that will never ack them: dead for an hour, or busy with them. */
static void leave_pending(struct bench *bench, const char *stream, uint64_t jobs, bool dead)
{
    for (uint64_t done = 0, i = 0; done < jobs; i++) {
        redisReply *reply = bench_command(bench, "XREADGROUP GROUP bench dead%d COUNT %d STREAMS %s >",
                                          (int)(i % DEAD_CONSUMERS), READ_COUNT, stream);
        if (reply->type != REDIS_REPLY_ARRAY)
            die("the stream has fewer jobs than were put into it");
        const redisReply *entries = reply->element[0]->element[1];
        const char *argv[5 + READ_COUNT + 3] = {"XCLAIM", stream, "bench"};
        char consumer[16], idle[32];
        size_t n = 3;
        snprintf(consumer, sizeof consumer, "dead%d", (int)(i % DEAD_CONSUMERS));
        snprintf(idle, sizeof idle, "%lld", LONG_IDLE_MS);
        argv[n++] = consumer;
        argv[n++] = "0";
        for (size_t j = 0; j < entries->elements; j++)
            argv[n++] = entries->element[j]->element[0]->str;
        argv[n++] = "IDLE";
        argv[n++] = idle;
        argv[n++] = "JUSTID";
        if (dead)
            freeReplyObject(redisCommandArgv(bench->control, (int)n, argv, NULL));
        done += entries->elements;
        freeReplyObject(reply);
    }
}

/* --- taking over --- */

/* XAUTOCLAIM and XACK of what it brought, in turns, until all is acked. */
static struct cost claim_barely(struct bench *bench, const char *stream, uint64_t jobs)
{
    redisContext *context = bench_connect(bench);
    struct meter meter;
    meter_start(&meter, bench, jobs);
    char cursor[64] = "0-0";
    for (uint64_t acked = 0; acked < jobs;) {
        redisReply *reply =
            redisCommand(context, "XAUTOCLAIM %s bench bare 30000 %s COUNT %d", stream, cursor, (int)CLAIM_COUNT);
        if (!reply || reply->type != REDIS_REPLY_ARRAY)
            die("XAUTOCLAIM: %s", reply ? reply->str : context->errstr);
        snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        const redisReply *entries = reply->element[1];
        const char *argv[3 + CLAIM_COUNT] = {"XACK", stream, "bench"};
        for (size_t i = 0; i < entries->elements; i++)
            argv[3 + i] = entries->element[i]->element[0]->str;
        acked += entries->elements;
        if (entries->elements > 0)
            freeReplyObject(redisCommandArgv(context, (int)(3 + entries->elements), argv, NULL));
        freeReplyObject(reply);
    }
    struct cost cost = meter_stop(&meter, bench);
    redisFree(context);
    return cost;
}

static struct cost run(struct bench *bench, void *context, size_t i, bool reference, uint64_t jobs)
{
    const struct job_template *job = context;
    char stream[STREAM_NAME_MAX];
    struct cost cost;
    (void)i;
    stream_with_jobs(bench, job, jobs, stream);
    leave_pending(bench, stream, jobs, true);
    if (reference) {
        cost = claim_barely(bench, stream, jobs);
    } else {
        struct worker worker;
        struct meter meter;
        worker_open(&worker, worker_options(bench, stream, CONCURRENCY));
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
    (void)context;
    (void)i;
    report_text(bench->report, "what", "take over");
}

static void time_taken(struct bench *bench, void *context, size_t i, const struct tally *weir)
{
    struct series ms = {0};
    (void)context;
    for (size_t n = 0; n < weir[i].per_s.n; n++)
        series_add(&ms, (double)weir[i].jobs / weir[i].per_s.values[n] * 1e3);
    report_number(bench->report, "pending", (double)weir[i].jobs);
    report_figure(bench->report, "weir_ms", &ms);
}

/* --- nothing to take over --- */

/* What the server has done so far: calls and microseconds of all commands but the one that asks. */
struct server_work {
    double calls, us, claim_calls, claim_us;
};

static struct server_work server_work(struct bench *bench)
{
    struct server_work work = {0};
    redisReply *reply = bench_command(bench, "INFO commandstats");
    for (const char *line = reply->str; line; line = strchr(line, '\n')) {
        char name[40];
        double calls, us;
        line += *line == '\n';
        if (sscanf(line, "cmdstat_%39[^:]:calls=%lf,usec=%lf", name, &calls, &us) != 3 || strcmp(name, "info") == 0)
            continue;
        work.calls += calls;
        work.us += us;
        if (strcmp(name, "xautoclaim") == 0) {
            work.claim_calls += calls;
            work.claim_us += us;
        }
    }
    freeReplyObject(reply);
    return work;
}

/* The slowest command since the last reset, or NaN: the log's threshold is only ours to set on a private server. */
static double slowest_us(struct bench *bench)
{
    if (!bench->is_private)
        return NAN;
    redisReply *reply = bench_command(bench, "SLOWLOG GET 100000");
    double slowest = 0;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *words = reply->element[i]->element[3];
        bool ours = words->elements > 0 && strcasecmp(words->element[0]->str, "INFO") != 0 &&
                    strcasecmp(words->element[0]->str, "SLOWLOG") != 0;
        if (ours && (double)reply->element[i]->element[2]->integer > slowest)
            slowest = (double)reply->element[i]->element[2]->integer;
    }
    freeReplyObject(reply);
    return slowest;
}

static void nothing_row(struct bench *bench, const struct job_template *job, uint64_t pending, int64_t for_us)
{
    char stream[STREAM_NAME_MAX];
    stream_with_jobs(bench, job, pending, stream);
    leave_pending(bench, stream, pending, false);
    struct worker worker;
    weir_error err;
    worker_open(&worker, worker_options(bench, stream, CONCURRENCY));
    must(weir_queue_start(worker.queue, &err), &err, "weir_queue_start");
    pause_us(for_us / 10); /* the first connection and look are over */
    if (bench->is_private) {
        freeReplyObject(bench_command(bench, "CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 100000"));
        freeReplyObject(bench_command(bench, "SLOWLOG RESET"));
    }
    struct server_work before = server_work(bench);
    int64_t started_us = now_us();
    pause_us(for_us);
    double seconds = (double)(now_us() - started_us) / 1e6;
    struct server_work after = server_work(bench);
    double slowest = slowest_us(bench);
    worker_close(&worker);
    bench_drop(bench, stream);

    double claims = after.claim_calls - before.claim_calls;
    report_row(bench->report);
    report_text(bench->report, "what", "nothing to take over");
    report_number(bench->report, "pending", (double)pending);
    report_number(bench->report, "weir_commands_a_second", (after.calls - before.calls) / seconds);
    report_number(bench->report, "weir_server_us_a_second", (after.us - before.us) / seconds);
    report_number(bench->report, "weir_claim_calls", claims);
    if (claims > 0)
        report_number(bench->report, "weir_us_a_claim_call", (after.claim_us - before.claim_us) / claims);
    if (isfinite(slowest))
        report_number(bench->report, "weir_slowest_command_us", slowest);
}

void claim_run(struct bench *bench)
{
    const struct options *options = &bench->options;
    static struct tally reference, weir;
    struct job_template job;
    job_template_init(&job, options);
    struct comparison comparison = {.n_cases = 1,
                                    .jobs = number_or(options, options->jobs, 100000, 1000),
                                    .runs = number_or(options, options->runs, 5, 1),
                                    .run = run,
                                    .row = row,
                                    .more = time_taken,
                                    .context = &job,
                                    .reference = &reference,
                                    .weir = &weir};
    bench_compare(bench, &comparison);
    int64_t for_us = options->quick ? 500000 : 12000000;
    nothing_row(bench, &job, 0, for_us);
    nothing_row(bench, &job, comparison.jobs, for_us);
    report_note(bench->report,
                "take over: from weir_queue_start to the last ack; the reference is XAUTOCLAIM and XACK "
                "in turns, %d entries each",
                (int)CLAIM_COUNT);
    job_template_free(&job);
}
