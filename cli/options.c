/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "commands.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct options, member)

enum {
    SHOWS_QUEUES = USE_LS | USE_STATS | USE_TOP | USE_SERVE,
    LISTS = USE_PENDING | USE_DELAYED_LS | USE_DEAD_LS,
    TAKES_GROUP = USE_PENDING | USE_REAP,
    ASKS = ALL_USES & ~USE_BENCH, /* which says itself whom it asks */
    MAX_TIMEOUT_MS = 600000,      /* the library's */
};

/* In the order in which they are shown. */
const struct option_row option_rows[] = {
    {"--file", "FILE", USE_ENQUEUE, TEXT, AT(file), "jobs, one a line, as JSON; - is standard input"},
    {"--delay", "SPAN", USE_ENQUEUE, SPAN, AT(delay_ms), "run it so long after now: 5m, 1h30m, 250ms"},
    {"--at", "TIME", USE_ENQUEUE, TIME, AT(run_at_ms),
     "run it at this time: 2026-12-24T18:00:00Z, or without Z in local time"},
    {"--id", "ID", USE_ENQUEUE, TEXT, AT(id), "the job's id; without, the server gives one"},
    {"--idempotency", "SPAN", USE_ENQUEUE, SPAN, AT(idempotency_ms),
     "for so long, enqueueing the same id again adds nothing"},
    {"--traceparent", "TEXT", USE_ENQUEUE, TEXT, AT(traceparent), "W3C trace context for the handler"},
    {"--ids", NULL, USE_ENQUEUE, FLAG, AT(ids), "with --file, print the id of each job, too"},
    {"--skip", "N", USE_ENQUEUE, COUNT, AT(skip), "with --file, leave out the first N lines"},
    {"--trouble", NULL, USE_LS | USE_TOP, FLAG, AT(trouble), "only queues with which something is wrong"},
    {"--watch", NULL, USE_STATS, FLAG, AT(watch), "again and again, with rates, until interrupted"},
    {"--interval", "SPAN", USE_STATS | USE_TOP, SPAN, AT(interval_ms), "between two looks (default 2s)"},
    {"--alive", "SPAN", SHOWS_QUEUES, SPAN, AT(alive_ms),
     "workers that were seen so recently count as alive (default 30s)"},
    {"--group", "GROUP", TAKES_GROUP, TEXT, AT(group), "this consumer group alone (default: all of them)"},
    {"--consumer", "NAME", USE_PENDING, TEXT, AT(consumer), "only what this consumer has in hand"},
    {"--reason", "REASON", USE_DEAD_LS | USE_DEAD_REQUEUE | USE_DEAD_PURGE, TEXT, AT(reason),
     "only what died of it: exhausted, crashed, rejected, undecodable, payload lost"},
    {"--newest", NULL, USE_DEAD_LS, FLAG, AT(newest), "those that died last first"},
    {"--after", "ID", USE_PENDING | USE_DEAD_LS, TEXT, AT(after), "only what comes behind this one in the listing"},
    {"--count", "N", LISTS, COUNT, AT(count), "at most so many (default 50)"},
    {"--all", NULL, LISTS | USE_DEAD_REQUEUE | USE_DEAD_PURGE, FLAG, AT(all), "all of them"},
    {"--idle", "SPAN", USE_REAP, SPAN, AT(idle_ms), "who was not seen for so long (default 5m)"},
    {"--stale", "SPAN", USE_CHECK, SPAN, AT(stale_ms),
     "who was not seen, and what is overdue, for so long counts as left alone (default 1m)"},
    {"--repair", NULL, USE_CHECK, FLAG, AT(repair),
     "move delayed jobs that have lost their due time to the dead letters"},
    {"--address", "ADDRESS", USE_SERVE, TEXT, AT(address),
     "listen there (default 127.0.0.1); any but a loopback one needs a token"},
    {"--port", "PORT", USE_SERVE, COUNT, AT(port), "and on this port (default 8377); 0: one that is free"},
    {"--host", "NAME", USE_SERVE, TEXT, AT(host), "a name under which browsers may ask for it"},
    {"--token-file", "FILE", USE_SERVE, TEXT, AT(token_file),
     "a file whose first line is the token that allows changes (default: $WEIR_TOKEN)"},
    {"--new-token", NULL, USE_SERVE, FLAG, AT(new_token), "make one for this run, and print the address with it"},
    {"--yes", NULL, USE_DELAYED_RM | USE_DEAD_PURGE, FLAG, AT(yes), "don't ask"},
    {"--url", "URL", ASKS, TEXT, AT(url), "the server (default: $WEIR_URL, else redis://127.0.0.1:6379)"},
    {"--url-file", "FILE", ASKS, TEXT, AT(url_file), "a file whose first line is the URL: for passwords"},
    {"--timeout", "SPAN", ASKS, SPAN, AT(timeout_ms), "how long to wait for an answer (default 5s)"},
    {"--tls-ca", "FILE", ASKS, TEXT, AT(tls_ca), "for rediss://, the authority (default: the system's)"},
    {"--tls-cert", "FILE", ASKS, TEXT, AT(tls_cert), "a client certificate"},
    {"--tls-key", "FILE", ASKS, TEXT, AT(tls_key), "and its key"},
    {"--tls-server-name", "NAME", ASKS, TEXT, AT(tls_server_name), "the name that the certificate has to have"},
    {"--json", NULL, ASKS, FLAG, AT(json), "print JSON"},
    {"--help", NULL, ALL_USES, FLAG, AT(help), "show this"},
    {"--version", NULL, ALL_USES, FLAG, AT(version), "print the version"},
};
const size_t n_option_rows = sizeof option_rows / sizeof *option_rows;

static const struct option_row *find_row(const char *name, size_t len)
{
    for (size_t i = 0; i < n_option_rows; i++)
        if (strlen(option_rows[i].name) == len && memcmp(option_rows[i].name, name, len) == 0)
            return &option_rows[i];
    return NULL;
}

/* Nobody else shall read a password in the list of processes. */
static void hide(char *url)
{
    char *rest = strstr(url, "://");
    if (rest && strpbrk(rest, "@?"))
        memset(rest + 3, '*', strlen(rest + 3));
}

static void take_value(struct options *options, const struct option_row *row, const char *value)
{
    char *slot = (char *)options + row->offset;
    bool good = true;
    switch (row->kind) {
    case FLAG:
        *(bool *)slot = true;
        break;
    case TEXT:
        *(const char **)slot = keep_text(value, strlen(value));
        break;
    case SPAN:
        good = parse_span(value, (int64_t *)slot);
        break;
    case TIME:
        good = parse_time(value, (int64_t *)slot);
        break;
    case COUNT:
        good = parse_count(value, (uint64_t *)slot);
        break;
    }
    static const char *const examples[] = {
        [SPAN] = "a span with its unit, such as 30s, 5m or 1h30m, of less than 10000d",
        [TIME] = "a time such as 2026-12-24T18:00:00Z",
        [COUNT] = "a number",
    };
    if (!good)
        fail(EXIT_USAGE, "%s takes %s, not \"%s\"", row->name, examples[row->kind], value);
}

/* One option with its value. Returns its row. */
static const struct option_row *take_option(struct options *options, char **argv, int *i)
{
    char *name = argv[*i], *value = strchr(name, '=');
    const struct option_row *row = find_row(name, value ? (size_t)(value - name) : strlen(name));
    if (strcmp(name, "-h") == 0)
        row = find_row("--help", 6);
    if (!row)
        fail(EXIT_USAGE, "there is no option %.*s; --help lists them. What is no option goes behind --",
             (int)(value ? value - name : (long)strlen(name)), name);
    if (!row->value && value)
        fail(EXIT_USAGE, "%s takes no value", row->name);
    if (row->value && !value && !argv[*i + 1])
        fail(EXIT_USAGE, "%s needs a value: %s", row->name, row->value);
    if (row->value) {
        value = value ? value + 1 : argv[++*i];
        take_value(options, row, value);
        if (row->offset == AT(url))
            hide(value);
    } else {
        take_value(options, row, NULL);
    }
    return row;
}

/* The verb among the words, which it is taken out of; the first one where none is named. */
static const struct command_use *find_use(const struct command *command, struct options *options)
{
    if (!command->uses[0].verb)
        return &command->uses[0];
    if (options->n_words < 2)
        return &command->uses[0];
    for (size_t i = 0; i < COMMAND_USES && command->uses[i].verb; i++) {
        if (strcmp(options->words[1], command->uses[i].verb) != 0)
            continue;
        memmove(&options->words[1], &options->words[2], (options->n_words - 2) * sizeof *options->words);
        options->n_words--;
        return &command->uses[i];
    }
    char verbs[128] = "";
    for (size_t i = 0; i < COMMAND_USES && command->uses[i].verb; i++) {
        strcat(verbs, i ? ", " : "");
        strcat(verbs, command->uses[i].verb);
    }
    fail(EXIT_USAGE, "\"%s\" is nothing to do with %s; there is: %s", options->words[1], command->name, verbs);
}

static void check_streams(const struct command_use *use, const struct options *options)
{
    enum { LONGEST = 512 }; /* the library's */
    bool first = use->streams || use->use == USE_ENQUEUE || use->verb;
    for (size_t i = 0; first && i < (use->streams ? options->n_words : 1); i++)
        if (!*options->words[i] || strlen(options->words[i]) > LONGEST)
            fail(EXIT_USAGE, "the name of a stream has 1 to %d bytes, not %zu", LONGEST, strlen(options->words[i]));
}

static void check_words(const struct command *command, const struct command_use *use, const struct options *options)
{
    if (options->n_words >= use->least && options->n_words <= use->most) {
        check_streams(use, options);
        return;
    }
    if (options->n_words < use->least)
        complain("%s is missing", options->n_words == 0 ? "the stream's name" : "an argument");
    else
        complain("\"%s\" is one argument too many", options->words[use->most]);
    fail(EXIT_USAGE, "usage: weir %s %s", command->name, use->synopsis);
}

/* What is behind "bench" is all its own, but for --help at once. */
static bool is_bench(const struct command *command)
{
    return command && command->uses[0].use == USE_BENCH;
}

const struct command *options_parse(struct options *ret, const struct command_use **ret_use, int argc, char **argv)
{
    const struct command *command = NULL;
    const struct option_row **given = keep((size_t)argc * sizeof(const struct option_row *));
    size_t n_given = 0;
    ret->words = keep((size_t)argc * sizeof *ret->words);
    bool only_words = false;
    for (int i = 1; i < argc; i++) {
        if (is_bench(command) && (ret->n_words > 0 || strcmp(argv[i], "--help") != 0)) {
            ret->words[ret->n_words++] = argv[i];
        } else if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
            given[n_given++] = take_option(ret, argv, &i);
        } else if (!command) {
            command = command_find(argv[i]);
            if (!command)
                fail(EXIT_USAGE, "there is no subcommand \"%s\"; weir --help lists them", argv[i]);
            fail_set_command(command->name, NULL);
        } else {
            ret->words[ret->n_words++] = argv[i];
        }
    }
    if (ret->timeout_ms < 1 || ret->timeout_ms > MAX_TIMEOUT_MS)
        fail(EXIT_USAGE, "--timeout has to be from 1ms to 10m");
    if (ret->interval_ms < 1 || ret->alive_ms < 1)
        fail(EXIT_USAGE, "%s has to be 1ms at least", ret->alive_ms < 1 ? "--alive" : "--interval");
    if (command && !ret->help && !ret->version) {
        const struct command_use *use = find_use(command, ret);
        fail_set_command(command->name, use->verb);
        for (size_t i = 0; i < n_given; i++)
            if (!(given[i]->uses & use->use))
                fail(EXIT_USAGE, "%s is no option of weir %s%s%s; --help lists them", given[i]->name, command->name,
                     use->verb ? " STREAM " : "", use->verb ? use->verb : "");
        check_words(command, use, ret);
        *ret_use = use;
    }
    free(given);
    return command;
}
