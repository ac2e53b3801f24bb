/* SPDX-License-Identifier: MIT
 *
 * weir as one of the peers: enqueues jobs in bulk, or works a backlog off. See ../README.md for the arguments and for
 * what is measured. It uses what any program has: the public interface.
 */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <weir/weir.h>

#define STREAM "bench"
#define GROUP "bench"

struct arguments {
    const char *mode;
    const char *url;
    size_t jobs;
    size_t payload;
    uint32_t concurrency;
    size_t batch;
};

struct moment {
    int64_t wall_us;
    int64_t cpu_us;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "weir-peer: %s\n", what);
    exit(1);
}

static int64_t timeval_us(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

static struct moment now(void)
{
    struct timespec t;
    struct rusage usage;
    clock_gettime(CLOCK_MONOTONIC, &t);
    getrusage(RUSAGE_SELF, &usage);
    return (struct moment){(int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000,
                           timeval_us(usage.ru_utime) + timeval_us(usage.ru_stime)};
}

static void report(const struct arguments *a, uint64_t done, struct moment begin, struct moment end)
{
    double seconds = (double)(end.wall_us - begin.wall_us) / 1e6;
    printf("{\"peer\": \"weir\", \"version\": \"%s\", \"mode\": \"%s\", \"jobs\": %llu, \"seconds\": %.6f, "
           "\"per_s\": %.1f, \"cpu_us_per_job\": %.3f}\n",
           weir_version(), a->mode, (unsigned long long)done, seconds, (double)done / seconds,
           (double)(end.cpu_us - begin.cpu_us) / (double)done);
}

/* ---- enqueue ---- */

static void enqueue(const struct arguments *a)
{
    char *text = malloc(a->payload + 1);
    weir_enqueue_job *jobs = calloc(a->batch, sizeof *jobs);
    if (text == NULL || jobs == NULL)
        die("out of memory");
    memset(text, 'x', a->payload);
    weir_field field = weir_field_bytes("payload", text, a->payload);
    weir_fields fields = {&field, 1};
    for (size_t i = 0; i < a->batch; i++)
        jobs[i].fields = &fields;

    weir_producer_options o = WEIR_PRODUCER_OPTIONS_INIT;
    o.url = a->url;
    o.stream = STREAM;
    weir_producer *producer = NULL;
    weir_error err;
    if (weir_producer_open(&producer, &o, &err) != WEIR_OK)
        die(err.message);
    struct moment begin = now();
    for (size_t done = 0; done < a->jobs;) {
        size_t n = a->jobs - done < a->batch ? a->jobs - done : a->batch;
        if (weir_enqueue_bulk(producer, jobs, n, NULL, &err) != WEIR_OK)
            die(err.message);
        done += n;
    }
    report(a, a->jobs, begin, now());
    weir_producer_close(producer);
    free(jobs);
    free(text);
}

/* ---- consume ---- */

static weir_outcome handle(weir_job *job, void *user_data)
{
    const struct arguments *a = user_data;
    size_t len = 0;
    return weir_job_field(job, "payload", &len) != NULL && len == a->payload ? WEIR_DONE : WEIR_REJECT;
}

/* Until the server has confirmed every ack, or until nothing has happened for 30 s. */
static weir_stats wait_for_acks(weir_queue *queue, size_t jobs)
{
    weir_stats stats = WEIR_STATS_INIT;
    struct timespec pause = {0, 1000000};
    uint64_t before = 0;
    for (int still = 0; still < 30000; still++) {
        weir_queue_stats(queue, &stats);
        if (stats.acked >= jobs)
            break;
        if (stats.acked != before)
            still = 0;
        before = stats.acked;
        nanosleep(&pause, NULL);
    }
    return stats;
}

static void consume(const struct arguments *a)
{
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = a->url;
    o.stream = STREAM;
    o.group = GROUP;
    o.handler = handle;
    o.user_data = (void *)(uintptr_t)a;
    o.concurrency = a->concurrency;
    weir_queue *queue = NULL;
    weir_error err;
    if (weir_queue_open(&queue, &o, &err) != WEIR_OK)
        die(err.message);
    struct moment begin = now();
    if (weir_queue_start(queue, &err) != WEIR_OK)
        die(err.message);
    weir_stats stats = wait_for_acks(queue, a->jobs);
    struct moment end = now();
    if (weir_queue_stop(queue, 10000) != WEIR_OK)
        die("the queue did not stop in time");
    weir_queue_close(queue);
    if (stats.done != a->jobs || stats.acked != a->jobs)
        die("not every job was done");
    report(a, stats.done, begin, end);
}

/* ---- arguments ---- */

static const char usage[] =
    "usage: weir-peer enqueue|consume --url URL [--jobs N] [--payload BYTES] [--concurrency N]\n"
    "                 [--batch N]\n";

static size_t number(const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 1 || value > 1000000000) {
        fputs(usage, stderr);
        exit(2);
    }
    return (size_t)value;
}

int main(int argc, char **argv)
{
    static const struct option table[] = {
        {"url", required_argument, NULL, 'u'},     {"jobs", required_argument, NULL, 'j'},
        {"payload", required_argument, NULL, 'p'}, {"concurrency", required_argument, NULL, 'c'},
        {"batch", required_argument, NULL, 'b'},   {NULL, 0, NULL, 0}};
    struct arguments a = {.jobs = 100000, .payload = 100, .concurrency = 100, .batch = 10000};
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        switch (c) {
        case 'u':
            a.url = optarg;
            break;
        case 'j':
            a.jobs = number(optarg);
            break;
        case 'p':
            a.payload = number(optarg);
            break;
        case 'c':
            a.concurrency = (uint32_t)number(optarg);
            break;
        case 'b':
            a.batch = number(optarg);
            break;
        default:
            a.url = NULL;
            optind = argc;
        }
    }
    a.mode = optind == argc - 1 ? argv[optind] : "";
    if (a.url != NULL && strcmp(a.mode, "enqueue") == 0) {
        enqueue(&a);
    } else if (a.url != NULL && strcmp(a.mode, "consume") == 0) {
        consume(&a);
    } else {
        fputs(usage, stderr);
        return 2;
    }
    return 0;
}
