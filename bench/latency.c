/* SPDX-License-Identifier: MIT
 *
 * weir-bench latency: from the moment at which a job was due to be enqueued to the moment at which its handler is
 * entered.
 *
 * The sender keeps to a schedule: job i is due at start + i ÷ rate, and carries that time with it. Where it wakes late,
 * or the last answer took long, it sends all that has become due at once, and their latencies count from when they were
 * due: a stall is not left out because nothing was sent during it (no coordinated omission).
 *
 * Reference and weir are built alike: the sender waits for the answers to what it has sent (bare: a pipeline of XADD;
 * weir: weir_enqueue, or weir_enqueue_bulk where several are due), and the receiver blocks in XREADGROUP.
 */
#include "jobs.h"
#include "subcommands.h"
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

enum {
    AT_ONCE = 1024, /* of the jobs that are due */
    BLOCK_MS = 2000,
    LEAD_NS = 50000000, /* from the start of the threads to the first job */
};

struct load {
    double rate; /* jobs a second */
    uint64_t jobs;
};

struct arrivals {
    atomic_uint_fast64_t n;
    uint64_t awaited;
    double *latency_us;
    sem_t all;
};

/* A job's fields: the template's, but that the first value begins with its time. */
struct stamped {
    weir_field *items; /* AT_ONCE × fields.n */
    weir_fields *fields;
    char *values;
};

static void arrive(struct arrivals *arrivals, const char *value)
{
    int64_t due_ns;
    memcpy(&due_ns, value, sizeof due_ns);
    uint64_t i = atomic_fetch_add_explicit(&arrivals->n, 1, memory_order_relaxed);
    if (i < arrivals->awaited)
        arrivals->latency_us[i] = (double)(now_ns() - due_ns) / 1000;
    if (i + 1 == arrivals->awaited)
        sem_post(&arrivals->all);
}

/* --- sending --- */

static void sleep_until(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

/* Calls send(context, first due time, period, n) with what is due, until all jobs were sent. */
static void keep_to_schedule(const struct load *load, void (*send)(void *context, const int64_t *due_ns, size_t n),
                             void *context)
{
    int64_t start_ns = now_ns() + LEAD_NS, due_ns[AT_ONCE];
    prctl(PR_SET_TIMERSLACK, 1000UL); /* of this thread */
    for (uint64_t sent = 0; sent < load->jobs;) {
        size_t n = 0;
        int64_t now = now_ns();
        while (n < AT_ONCE && sent + n < load->jobs) {
            due_ns[n] = start_ns + (int64_t)((double)(sent + n) * 1e9 / load->rate);
            if (due_ns[n] > now)
                break;
            n++;
        }
        if (n > 0)
            send(context, due_ns, n);
        else
            sleep_until(due_ns[0]);
        sent += n;
    }
}

static void stamped_init(struct stamped *stamped, const struct job_template *job)
{
    size_t n = job->fields.n, len = job->items[0].value_len;
    stamped->items = must_alloc(AT_ONCE * n * sizeof *stamped->items);
    stamped->fields = must_alloc(AT_ONCE * sizeof *stamped->fields);
    stamped->values = must_alloc(AT_ONCE * len);
    memset(stamped->values, 'v', AT_ONCE * len);
    for (size_t i = 0; i < AT_ONCE; i++) {
        weir_field *items = stamped->items + i * n;
        memcpy(items, job->items, n * sizeof *items);
        items[0].value = stamped->values + i * len;
        stamped->fields[i] = (weir_fields){items, n};
    }
}

static void stamp(struct stamped *stamped, const int64_t *due_ns, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy((char *)stamped->fields[i].items[0].value, &due_ns[i], sizeof due_ns[i]);
}

static void stamped_free(struct stamped *stamped)
{
    free(stamped->items);
    free(stamped->fields);
    free(stamped->values);
}

/* --- weir --- */

struct weir_sender {
    weir_producer *producer;
    struct stamped *stamped;
};

static void send_by_weir(void *context, const int64_t *due_ns, size_t n)
{
    struct weir_sender *sender = context;
    static weir_enqueue_job jobs[AT_ONCE];
    weir_error err;
    stamp(sender->stamped, due_ns, n);
    for (size_t i = 0; i < n; i++)
        jobs[i].fields = &sender->stamped->fields[i];
    if (n == 1)
        must(weir_enqueue(sender->producer, jobs[0].fields, NULL, NULL, &err), &err, "weir_enqueue");
    else
        must(weir_enqueue_bulk(sender->producer, jobs, n, NULL, &err), &err, "weir_enqueue_bulk");
}

static weir_outcome handle(weir_job *job, void *user_data)
{
    arrive(user_data, weir_job_fields(job)->items[0].value);
    return WEIR_DONE;
}

static void run_weir(struct bench *bench, const char *stream, const struct load *load, struct stamped *stamped,
                     struct arrivals *arrivals)
{
    weir_queue_options options = worker_options(bench, stream, 10);
    weir_producer_options producer_options = WEIR_PRODUCER_OPTIONS_INIT;
    struct weir_sender sender = {.stamped = stamped};
    weir_queue *queue;
    weir_error err;
    options.handler = handle;
    options.user_data = arrivals;
    producer_options.url = bench->url;
    producer_options.stream = stream;
    must(weir_queue_open(&queue, &options, &err), &err, "weir_queue_open");
    must(weir_queue_start(queue, &err), &err, "weir_queue_start");
    must(weir_producer_open(&sender.producer, &producer_options, &err), &err, "weir_producer_open");
    keep_to_schedule(load, send_by_weir, &sender);
    while (sem_wait(&arrivals->all) != 0 && errno == EINTR)
        ;
    weir_producer_close(sender.producer);
    weir_queue_close(queue);
}

/* --- bare --- */

struct bare_sender {
    redisContext *context;
    const char *stream;
    struct stamped *stamped;
};

struct bare_receiver {
    redisContext *context;
    const char *stream;
    struct arrivals *arrivals;
};

static redisReply *next_reply(redisContext *context)
{
    void *reply;
    if (redisGetReply(context, &reply) != REDIS_OK)
        die("the server is gone: %s", context->errstr);
    if (((redisReply *)reply)->type == REDIS_REPLY_ERROR)
        die("the server says: %s", ((redisReply *)reply)->str);
    return reply;
}

static void send_barely(void *context, const int64_t *due_ns, size_t n)
{
    struct bare_sender *sender = context;
    stamp(sender->stamped, due_ns, n);
    for (size_t i = 0; i < n; i++)
        append_job(sender->context, sender->stream, &sender->stamped->fields[i]);
    for (size_t i = 0; i < n; i++)
        freeReplyObject(next_reply(sender->context));
}

/* Blocks for jobs, acks them together with the next question. */
static void *receive_barely(void *argument)
{
    struct bare_receiver *receiver = argument;
    redisContext *context = receiver->context;
    uint64_t got = 0;
    while (got < receiver->arrivals->awaited) {
        redisReply *reply;
        redisAppendCommand(context, "XREADGROUP GROUP bench bare COUNT 256 BLOCK %d STREAMS %s >", BLOCK_MS,
                           receiver->stream);
        reply = next_reply(context);
        while (reply->type == REDIS_REPLY_INTEGER) { /* to the XACK before it */
            freeReplyObject(reply);
            reply = next_reply(context);
        }
        const redisReply *entries = reply->type == REDIS_REPLY_ARRAY ? reply->element[0]->element[1] : NULL;
        const char *argv[3 + 256] = {"XACK", receiver->stream, "bench"};
        size_t n = entries ? entries->elements : 0;
        for (size_t i = 0; i < n; i++) {
            const redisReply *entry = entries->element[i];
            arrive(receiver->arrivals, entry->element[1]->element[1]->str);
            argv[3 + i] = entry->element[0]->str;
        }
        got += n;
        if (n > 0)
            redisAppendCommandArgv(context, (int)(3 + n), argv, NULL);
        freeReplyObject(reply);
    }
    return NULL;
}

static void run_bare(struct bench *bench, const char *stream, const struct load *load, struct stamped *stamped,
                     struct arrivals *arrivals)
{
    struct bare_sender sender = {.context = bench_connect(bench), .stream = stream, .stamped = stamped};
    struct bare_receiver receiver = {.context = bench_connect(bench), .stream = stream, .arrivals = arrivals};
    pthread_t thread;
    if (pthread_create(&thread, NULL, receive_barely, &receiver) != 0)
        die("no thread to receive on");
    keep_to_schedule(load, send_barely, &sender);
    pthread_join(thread, NULL);
    redisFree(sender.context);
    redisFree(receiver.context);
}

/* --- both --- */

static const struct {
    const char *reference, *weir, *ratio;
    double q;
} quantiles[] = {{"reference_p50_us", "weir_p50_us", "ratio", 0.5},
                 {"reference_p99_us", "weir_p99_us", "p99_ratio", 0.99},
                 {"reference_p99_9_us", "weir_p99_9_us", "p99_9_ratio", 0.999},
                 {"reference_max_us", "weir_max_us", "max_ratio", 1}};
enum { N_QUANTILES = sizeof quantiles / sizeof *quantiles };

/* One run of one side; adds its quantiles to the series. */
static void run(struct bench *bench, const struct job_template *job, const struct load *load, bool reference,
                struct series series[N_QUANTILES])
{
    char stream[STREAM_NAME_MAX];
    struct stamped stamped;
    struct arrivals arrivals = {.awaited = load->jobs, .latency_us = must_alloc(load->jobs * sizeof(double))};
    atomic_init(&arrivals.n, 0);
    sem_init(&arrivals.all, 0, 0);
    stamped_init(&stamped, job);
    stream_with_jobs(bench, job, 0, stream);
    (reference ? run_bare : run_weir)(bench, stream, load, &stamped, &arrivals);
    bench_drop(bench, stream);

    sort_values(arrivals.latency_us, load->jobs);
    for (size_t i = 0; i < N_QUANTILES; i++)
        series_add(&series[i], quantile(arrivals.latency_us, load->jobs, quantiles[i].q));
    free(arrivals.latency_us);
    stamped_free(&stamped);
    sem_destroy(&arrivals.all);
}

void latency_run(struct bench *bench)
{
    const struct options *options = &bench->options;
    static const double rates[] = {1, 1000, 20000}, seconds[] = {4, 3, 2};
    uint64_t runs = number_or(options, options->runs, 3, 1);
    struct job_template job;
    job_template_init(&job, options);
    if (job.items[0].value_len < sizeof(int64_t))
        die("the first field has to hold a time of 8 bytes: raise --payload, or lower --fields");
    report_fact_number(bench->report, NULL, "runs", (double)runs);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        uint64_t usual = (uint64_t)(rates[i] * seconds[i]);
        struct load load = {.rate = rates[i], .jobs = number_or(options, options->jobs, usual, usual < 20 ? 1 : 200)};
        struct series reference[N_QUANTILES] = {0}, weir[N_QUANTILES] = {0};
        for (uint64_t n = 0; n < runs; n++) {
            run(bench, &job, &load, true, reference);
            run(bench, &job, &load, false, weir);
        }
        report_row(bench->report);
        report_number(bench->report, "jobs_per_s", rates[i]);
        report_number(bench->report, "jobs", (double)load.jobs);
        for (size_t q = 0; q < N_QUANTILES; q++) {
            report_figure(bench->report, quantiles[q].reference, &reference[q]);
            report_figure(bench->report, quantiles[q].weir, &weir[q]);
            report_ratio(bench->report, quantiles[q].ratio, &weir[q], &reference[q]);
        }
    }
    report_note(bench->report, "from the moment a job was due to be enqueued to the entry of its handler; the "
                               "reference is XADD and a blocked XREADGROUP");
    job_template_free(&job);
}
