/* SPDX-License-Identifier: MIT
 *
 * The command line of weir-bench. What is not given is 0 (or an empty list): each subcommand has its own defaults.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIST_MAX = 16, RUNS_MAX = 101 };

/* Numbers of an option that takes several: --concurrency 1,10,100. */
struct number_list {
    size_t n;
    uint64_t values[LIST_MAX];
};

struct options {
    const char *url; /* NULL: a private server */
    bool unix_socket, aof;
    uint64_t delay_us; /* added to each round trip by a proxy */
    uint64_t jobs, payload, fields, runs, batch;
    struct number_list concurrency, threads;
    bool json, quick;
};

/* Which of them a subcommand understands; --url, --unix, --aof, --delay-us, --json and --quick go with all. */
enum {
    TAKES_JOBS = 1,
    TAKES_PAYLOAD = 2, /* and --fields */
    TAKES_RUNS = 4,
    TAKES_BATCH = 8,
    TAKES_CONCURRENCY = 16,
    TAKES_THREADS = 32,
};

struct bench;

struct command {
    const char *name;
    const char *summary; /* one line */
    const char *help;    /* what is measured and how, the defaults, examples */
    unsigned takes;      /* set of TAKES_… */
    void (*run)(struct bench *bench);
};

/* Every subcommand; the last one has no name. */
extern const struct command subcommands[];

/*
 * Reads the command line. Returns the subcommand; NULL where help was asked for and printed. What is wrong is said, and
 * how to mend it, and the program ends with status 2.
 */
const struct command *options_parse(struct options *options, int argc, char **argv);

/* `given` unless it is 0, or else the default; the smaller default with --quick. */
uint64_t number_or(const struct options *options, uint64_t given, uint64_t usual, uint64_t quick);
struct number_list list_or(const struct options *options, struct number_list given, struct number_list usual,
                           struct number_list quick);
#define LIST(...) ((struct number_list){sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), {__VA_ARGS__}})

#endif
