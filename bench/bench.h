/* SPDX-License-Identifier: MIT
 *
 * What a subcommand works with: the options, the server, the report, and stream names of its own.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "base.h"
#include "options.h"
#include "report.h"

#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <weir/weir.h>

/* Shared by the process that measures and its supervisor: what the latter has to delete. */
struct shared {
    char run[17]; /* random, in the name of every stream */
    atomic_uint n_streams;
};

struct bench {
    const struct command *command;
    struct options options;
    const char *url; /* of the server, by way of the proxy if there is one */
    bool is_private;
    struct shared *shared;
    redisContext *control;
    struct report *report;
};

enum { STREAM_NAME_MAX = 64 };

/* --- the server --- */

/* A new connection, authenticated. Ends the process where there is none. redisFree frees it. */
redisContext *bench_connect(const struct bench *bench);
redisContext *bench_connect_url(const char *url, char *ret_error, size_t error_size); /* NULL, and why */

/* On the control connection; error replies end the process. Free with freeReplyObject. */
redisReply *bench_command(struct bench *bench, const char *format, ...);
long long bench_integer(struct bench *bench, const char *format, ...);

/* A number of INFO ("used_memory"), NaN where it isn't there. */
double bench_info(struct bench *bench, const char *section, const char *name);

/* The server's user and system time so far. */
double bench_server_cpu_us(struct bench *bench);

/* --- streams --- */

/* A name that nobody else uses; deleted in the end, come what may. */
void bench_stream_name(struct bench *bench, char out[STREAM_NAME_MAX]);
void stream_name(const struct shared *shared, unsigned i, char out[STREAM_NAME_MAX]);

/* Deletes stream and side keys, and waits until that is done. */
void bench_drop(struct bench *bench, const char *stream);
void drop_stream(redisContext *context, const char *stream);

/* --- measuring --- */

/* What one run cost. */
struct cost {
    uint64_t jobs;
    double seconds, client_us, server_us; /* processor time of this process and of the server */
};

struct meter {
    uint64_t jobs;
    int64_t started_ns;
    double client_us, server_us;
};

void meter_start(struct meter *meter, struct bench *bench, uint64_t jobs);
struct cost meter_stop(const struct meter *meter, struct bench *bench);

/* One side of a comparison over all runs. */
struct tally {
    uint64_t jobs;                             /* of the last run */
    struct series per_s, client_us, server_us; /* jobs a second; microseconds a job */
};

void tally_add(struct tally *tally, struct cost cost);

/*
 * The usual comparison: a row for each of n cases, runs times, reference and weir in turns. `run` does one run of one
 * side of one case and says what it cost. Before the first, each side runs once unmeasured, to warm up. `row` then
 * says the parameters of a case, and `more`, where there is one, adds to the end of its row.
 */
struct comparison {
    size_t n_cases;
    uint64_t jobs, runs;
    struct cost (*run)(struct bench *bench, void *context, size_t i, bool reference, uint64_t jobs);
    void (*row)(struct bench *bench, void *context, size_t i);
    void (*more)(struct bench *bench, void *context, size_t i, const struct tally *weir);
    void *context;
    struct tally *reference, *weir; /* n_cases of each; filled in */
};

/* Measures, and reports reference_per_s, weir_per_s, ratio, and the processor time a job of both. */
void bench_compare(struct bench *bench, struct comparison *comparison);

/* Checks what a call of weir said. */
void must(weir_status status, const weir_error *err, const char *what);

#endif
