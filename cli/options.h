/* SPDX-License-Identifier: MIT
 *
 * What the command line says: one struct, filled in from the tables in options.c and commands.c.
 */
#ifndef WEIR_CLI_OPTIONS_H
#define WEIR_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A subcommand, or one thing that it can do. */
enum use {
    USE_ENQUEUE = 1 << 0,
    USE_LS = 1 << 1,
    USE_STATS = 1 << 2,
    USE_TOP = 1 << 3,
    USE_PENDING = 1 << 4,
    USE_PENDING_SHOW = 1 << 5,
    USE_DELAYED_LS = 1 << 6,
    USE_DELAYED_RUN = 1 << 7,
    USE_DELAYED_RM = 1 << 8,
    USE_DEAD_LS = 1 << 9,
    USE_DEAD_SHOW = 1 << 10,
    USE_DEAD_REQUEUE = 1 << 11,
    USE_DEAD_PURGE = 1 << 12,
    USE_PAUSE = 1 << 13,
    USE_RESUME = 1 << 14,
    USE_REAP = 1 << 15,
    USE_CHECK = 1 << 16,
    USE_BENCH = 1 << 17,
    USE_SERVE = 1 << 18,
};

struct options {
    /* of all */
    const char *url, *url_file, *tls_ca, *tls_cert, *tls_key, *tls_server_name;
    int64_t timeout_ms;
    bool json, help, version;

    /* of some */
    const char *id, *file, *traceparent, *group, *consumer, *after, *reason, *address, *token_file, *host;
    int64_t delay_ms, run_at_ms, idempotency_ms, interval_ms, alive_ms, idle_ms, stale_ms;
    uint64_t count, skip, port;
    bool ids, trouble, watch, newest, all, yes, repair, new_token;

    /* What is left: the subcommand's own words, without it and its verb. */
    const char **words;
    size_t n_words;
};

enum option_kind { FLAG, TEXT, SPAN, TIME, COUNT };

struct option_row {
    const char *name;  /* "--url" */
    const char *value; /* "URL", for the help; NULL: it takes none */
    unsigned uses;
    enum option_kind kind;
    size_t offset;    /* in struct options */
    const char *help; /* one line or several */
};

extern const struct option_row option_rows[];
extern const size_t n_option_rows;

enum { ALL_USES = 0x7ffff };

/*
 * Reads the command line: finds the subcommand and its verb, fills the options in, and checks that they belong to it.
 * Whatever is wrong ends the program with EXIT_USAGE. Returns NULL where no subcommand was named.
 */
struct command;
struct command_use;
const struct command *options_parse(struct options *ret, const struct command_use **ret_use, int argc, char **argv);

#endif
