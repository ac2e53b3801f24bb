/* SPDX-License-Identifier: MIT
 *
 * Values go up and down with the load and the faults; what leaks goes up only. So it is middle values of a quarter that
 * are compared, the first quarter being left out: buffers, arenas and threads are still filling up then.
 */
#include "sampler.h"

#include "config.h"
#include "support/wait.h"

#include <dirent.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 1000, LEAST_MS = 200, SAMPLES_MAX = 4096, LINE_BYTES = 512 };

/* X(name, how much more is still flat: so many per cent, and so many) */
#define COLUMN_TABLE(X)                                                                                                \
    X(worker_rss_kb, 10, 1024)                                                                                         \
    X(worker_fds, 0, 2)                                                                                                \
    X(worker_threads, 0, 4)                                                                                            \
    X(producer_rss_kb, 10, 1024)                                                                                       \
    X(producer_fds, 0, 2)                                                                                              \
    X(producer_threads, 0, 0)                                                                                          \
    X(redis_memory_kb, 10, 1024)                                                                                       \
    X(redis_clients, 0, 4)                                                                                             \
    X(consumers, 0, 2)                                                                                                 \
    X(keys, 0, 0)                                                                                                      \
    X(stream_entries, 20, 2000)                                                                                        \
    X(delayed_jobs, 0, 200)

#define COLUMN_ENUM_ENTRY(name, percent, more) COLUMN_##name,
enum column { COLUMN_TABLE(COLUMN_ENUM_ENTRY) N_COLUMNS };
#undef COLUMN_ENUM_ENTRY

static const struct {
    const char *name;
    int percent, more;
} columns[] = {
#define COLUMN_ROW(name, percent, more) {#name, percent, more},
    COLUMN_TABLE(COLUMN_ROW)
#undef COLUMN_ROW
};

struct sampler {
    char socket[128];
    pid_t worker, producer;
    int interval_ms;
    FILE *out;
    redisContext *context;
    pthread_t thread;
    atomic_bool ending;
};

/* --- sampling --- */

static long status_of(pid_t pid, const char *name)
{
    char path[64], line[256];
    long number = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && number < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), "%ld", &number);
    if (file)
        fclose(file);
    return number;
}

static long fds_of(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    long n = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        n += entry->d_name[0] != '.';
    if (directory)
        closedir(directory);
    return directory ? n : -1;
}

/* An answer's integer, or the number after `field` in its text; −1 where there is none. */
static long long ask(struct sampler *sampler, const char *field, const char *format, const char *argument)
{
    long long number = -1;
    redisReply *reply = sampler->context ? redisCommand(sampler->context, format, argument) : NULL;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        number = reply->integer;
    else if (reply && reply->type == REDIS_REPLY_NIL)
        number = 0;
    const char *found = reply && field && reply->str ? strstr(reply->str, field) : NULL;
    if (found)
        number = strtoll(found + strlen(field), NULL, 10);
    if (reply)
        freeReplyObject(reply);
    return number;
}

static long long consumers(struct sampler *sampler)
{
    redisReply *reply =
        sampler->context ? redisCommand(sampler->context, "XINFO CONSUMERS %s %s", CHAOS_STREAM, CHAOS_GROUP) : NULL;
    long long n = reply && reply->type == REDIS_REPLY_ARRAY ? (long long)reply->elements : -1;
    if (reply)
        freeReplyObject(reply);
    return n;
}

/* Keys but those of idempotent enqueues, which come and go by themselves. */
static long long keys(struct sampler *sampler)
{
    redisReply *reply = sampler->context ? redisCommand(sampler->context, "KEYS *") : NULL;
    long long n = reply && reply->type == REDIS_REPLY_ARRAY ? 0 : -1;
    for (size_t i = 0; n >= 0 && i < reply->elements; i++)
        n += strncmp(reply->element[i]->str, CHAOS_ONCE, strlen(CHAOS_ONCE)) != 0;
    if (reply)
        freeReplyObject(reply);
    return n;
}

static void ask_server(struct sampler *sampler, long long values[static N_COLUMNS])
{
    struct timeval timeout = {.tv_sec = 2};
    if (sampler->context && sampler->context->err) {
        redisFree(sampler->context);
        sampler->context = NULL;
    }
    if (!sampler->context)
        sampler->context = redisConnectUnixWithTimeout(sampler->socket, timeout);
    if (sampler->context && !sampler->context->err)
        redisSetTimeout(sampler->context, timeout);
    /* dead letters stay until somebody deletes them, which nobody does here: their memory is not counted */
    long long memory = ask(sampler, "used_memory:", "INFO %s", "memory");
    long long dead = ask(sampler, NULL, "MEMORY USAGE %s SAMPLES 0", CHAOS_DEAD);
    values[COLUMN_redis_memory_kb] = memory < 0 || dead < 0 ? -1 : (memory - dead) / 1024;
    values[COLUMN_redis_clients] = ask(sampler, "connected_clients:", "INFO %s", "clients");
    values[COLUMN_consumers] = consumers(sampler);
    values[COLUMN_keys] = keys(sampler);
    values[COLUMN_stream_entries] = ask(sampler, NULL, "XLEN %s", CHAOS_STREAM);
    values[COLUMN_delayed_jobs] = ask(sampler, NULL, "ZCARD %s", CHAOS_DELAYED);
}

/* A line, unless something could not be had: the server hangs, or comes back at the moment. */
static void sample(struct sampler *sampler, int64_t at_ms)
{
    long long values[N_COLUMNS];
    values[COLUMN_worker_rss_kb] = status_of(sampler->worker, "VmRSS:");
    values[COLUMN_worker_fds] = fds_of(sampler->worker);
    values[COLUMN_worker_threads] = status_of(sampler->worker, "Threads:");
    values[COLUMN_producer_rss_kb] = status_of(sampler->producer, "VmRSS:");
    values[COLUMN_producer_fds] = fds_of(sampler->producer);
    values[COLUMN_producer_threads] = status_of(sampler->producer, "Threads:");
    ask_server(sampler, values);
    for (int i = 0; i < N_COLUMNS; i++)
        if (values[i] < 0)
            return;
    fprintf(sampler->out, "%.1f", (double)at_ms / 1000);
    for (int i = 0; i < N_COLUMNS; i++)
        fprintf(sampler->out, "\t%lld", values[i]);
    fputc('\n', sampler->out);
    fflush(sampler->out);
}

static void *sample_on(void *argument)
{
    struct sampler *sampler = argument;
    int64_t began_ms = test_now_ms(), next_ms = began_ms;
    while (!sampler->ending) {
        poll(NULL, 0, 20);
        if (test_now_ms() < next_ms)
            continue;
        sample(sampler, test_now_ms() - began_ms);
        next_ms += sampler->interval_ms;
    }
    return NULL;
}

struct sampler *sampler_start(const char *path, const char *socket, pid_t worker, pid_t producer, int64_t duration_ms)
{
    struct sampler *sampler = calloc(1, sizeof *sampler);
    if (!sampler)
        test_die("no memory for a sampler");
    sampler->worker = worker;
    sampler->producer = producer;
    sampler->interval_ms = (int)(duration_ms / SAMPLES) < LEAST_MS ? LEAST_MS : (int)(duration_ms / SAMPLES);
    snprintf(sampler->socket, sizeof sampler->socket, "%s", socket);
    sampler->out = fopen(path, "we");
    if (!sampler->out)
        test_die("%s: %s", path, strerror(errno));
    fputs("seconds", sampler->out);
    for (int i = 0; i < N_COLUMNS; i++)
        fprintf(sampler->out, "\t%s", columns[i].name);
    fputc('\n', sampler->out);
    if (pthread_create(&sampler->thread, NULL, sample_on, sampler) != 0)
        test_die("no thread for a sampler");
    return sampler;
}

void sampler_stop(struct sampler *sampler)
{
    sampler->ending = true;
    pthread_join(sampler->thread, NULL);
    if (sampler->context)
        redisFree(sampler->context);
    fclose(sampler->out);
    free(sampler);
}

/* --- judging --- */

/* The values of a line; false where there are fewer. */
static bool read_line(char *line, long long values[static N_COLUMNS])
{
    char *at = line + strcspn(line, "\t");
    for (int i = 0; i < N_COLUMNS; i++) {
        if (*at != '\t')
            return false;
        values[i] = strtoll(at + 1, &at, 10);
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;
    return x < y ? -1 : x > y;
}

static long long middle(long long (*values)[N_COLUMNS], int column, size_t from, size_t to)
{
    static long long sorted[SAMPLES_MAX];
    for (size_t i = from; i < to; i++)
        sorted[i - from] = values[i][column];
    qsort(sorted, to - from, sizeof *sorted, by_value);
    return sorted[(to - from) / 2];
}

bool samples_judge(const char *path, FILE *out)
{
    static long long values[SAMPLES_MAX][N_COLUMNS];
    char line[LINE_BYTES];
    size_t n = 0;
    FILE *in = fopen(path, "re");
    if (!in || !fgets(line, sizeof line, in))
        test_die("%s can't be read", path);
    while (n < SAMPLES_MAX && fgets(line, sizeof line, in))
        n += read_line(line, values[n]);
    fclose(in);
    if (n < 8) {
        fprintf(out, "%zu samples are too few\n", n);
        return false;
    }
    bool flat = true;
    for (int i = 0; i < N_COLUMNS; i++) {
        long long before = middle(values, i, n / 4, n / 2), after = middle(values, i, n - n / 4, n);
        bool grows = after > before + before * columns[i].percent / 100 + columns[i].more;
        fprintf(out, "%-18s %8lld → %8lld  %s\n", columns[i].name, before, after, grows ? "GROWS" : "flat");
        flat &= !grows;
    }
    return flat;
}
