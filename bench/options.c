/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char general_help[] =
    "  --url URL          use this server (redis://…, unix://…) instead of a private one; only keys of random names\n"
    "                     are made there, and they are deleted at the end\n"
    "  --unix             the private server listens on a unix socket instead of TCP\n"
    "  --aof              the private server writes an append-only file, fsync every second\n"
    "  --delay-us N       a proxy adds N microseconds to each round trip, 1 … 1000000\n"
    "  --json             print one JSON object instead of a table\n"
    "  --quick            tiny: to see that it works, not to judge speed\n";

static const struct {
    unsigned takes;
    const char *text;
} option_help[] = {
    {TAKES_JOBS, "  --jobs N           jobs of one run, 1 … 1000000000\n"},
    {TAKES_PAYLOAD, "  --payload BYTES    bytes of all values of a job together, 1 … 1000000 (default 110)\n"
                    "  --fields N         fields that they are spread over, 1 … 1000 (default 3)\n"},
    {TAKES_RUNS, "  --runs N           times that each figure is measured, 1 … 101\n"},
    {TAKES_BATCH, "  --batch N          jobs of one command or pipeline, 1 … 100000\n"},
    {TAKES_CONCURRENCY, "  --concurrency N,…  of the queue, a row for each, 1 … 10000\n"},
    {TAKES_THREADS, "  --threads N,…      threads that enqueue, a row for each, 1 … 1000\n"},
};

static _Noreturn void refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("weir-bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static void print_help(void)
{
    puts("usage: weir-bench SUBCOMMAND [OPTION…]\n\n"
         "Measures weir against bare hiredis loops on the same server, in interleaved runs.\n\nsubcommands:");
    for (const struct command *command = subcommands; command->name; command++)
        printf("  %-10s %s\n", command->name, command->summary);
    printf("\noptions of all of them:\n%s", general_help);
    puts("\nexamples:\n"
         "  weir-bench consume\n"
         "  weir-bench enqueue --threads 1,16 --json\n"
         "  weir-bench latency --url redis://127.0.0.1:6379/5\n"
         "  weir-bench consume --help");
}

static void print_command_help(const struct command *command)
{
    printf("usage: weir-bench %s [OPTION…]\n\n%s: %s.\n%s\noptions:\n", command->name, command->name, command->summary,
           command->help);
    for (size_t i = 0; i < sizeof option_help / sizeof *option_help; i++)
        if (command->takes & option_help[i].takes)
            fputs(option_help[i].text, stdout);
    fputs(general_help, stdout);
}

static uint64_t parse_number(const char *option, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < least || value > most)
        refuse("%s takes a number from %llu to %llu, not \"%s\"", option, (unsigned long long)least,
               (unsigned long long)most, text);
    return value;
}

static struct number_list parse_list(const char *option, const char *text, uint64_t least, uint64_t most)
{
    struct number_list list = {0};
    char copy[256];
    if (strlen(text) >= sizeof copy)
        refuse("%s: the list is too long: at most %d numbers", option, LIST_MAX);
    strcpy(copy, text);
    for (char *item = copy, *next; item; item = next) {
        next = strchr(item, ',');
        if (next)
            *next++ = '\0';
        if (list.n == LIST_MAX)
            refuse("%s: the list is too long: at most %d numbers", option, LIST_MAX);
        list.values[list.n++] = parse_number(option, item, least, most);
    }
    return list;
}

static const struct command *find_command(const char *name)
{
    for (const struct command *command = subcommands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    refuse("there is no subcommand \"%s\"; weir-bench --help lists them", name);
}

/* Options without a value. False where it is none of them. */
static bool parse_flag(struct options *options, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"--unix", &options->unix_socket},
                 {"--aof", &options->aof},
                 {"--json", &options->json},
                 {"--quick", &options->quick}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(name, flags[i].name) == 0)
            return *flags[i].flag = true;
    return false;
}

static void parse_valued(struct options *options, const struct command *command, const char *name, const char *value)
{
    const struct {
        const char *name;
        unsigned takes; /* 0: all */
        uint64_t *number;
        struct number_list *list;
        uint64_t least, most;
    } known[] = {
        {"--delay-us", 0, &options->delay_us, NULL, 1, 1000000},
        {"--jobs", TAKES_JOBS, &options->jobs, NULL, 1, 1000000000},
        {"--payload", TAKES_PAYLOAD, &options->payload, NULL, 1, 1000000},
        {"--fields", TAKES_PAYLOAD, &options->fields, NULL, 1, 1000},
        {"--runs", TAKES_RUNS, &options->runs, NULL, 1, RUNS_MAX},
        {"--batch", TAKES_BATCH, &options->batch, NULL, 1, 100000},
        {"--concurrency", TAKES_CONCURRENCY, NULL, &options->concurrency, 1, 10000},
        {"--threads", TAKES_THREADS, NULL, &options->threads, 1, 1000},
    };
    size_t i = 0, n = sizeof known / sizeof *known;
    while (i < n && strcmp(name, known[i].name) != 0)
        i++;
    if (strcmp(name, "--url") == 0 && value && *value) {
        options->url = value;
        return;
    }
    if (i == n && strcmp(name, "--url") != 0)
        refuse("there is no option %s; weir-bench %s --help lists them", name, command->name);
    if (!value || !*value)
        refuse("%s needs a value; weir-bench %s --help says which", name, command->name);
    if (known[i].takes && !(command->takes & known[i].takes))
        refuse("%s means nothing to %s; leave it out, or see weir-bench %s --help", name, command->name, command->name);
    if (known[i].number)
        *known[i].number = parse_number(name, value, known[i].least, known[i].most);
    else
        *known[i].list = parse_list(name, value, known[i].least, known[i].most);
}

static bool is_help(const char *text)
{
    return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0 || strcmp(text, "help") == 0;
}

const struct command *options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){0};
    if (argc < 2)
        refuse("which subcommand? weir-bench --help lists them; weir-bench consume is a good start");
    if (is_help(argv[1])) {
        print_help();
        return NULL;
    }
    const struct command *command = find_command(argv[1]);
    for (int i = 2; i < argc; i++) {
        char name[32];
        const char *equals = strchr(argv[i], '=');
        size_t name_len = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        snprintf(name, sizeof name, "%.*s", name_len < sizeof name ? (int)name_len : (int)sizeof name, argv[i]);
        if (is_help(name)) {
            print_command_help(command);
            return NULL;
        }
        if (!equals && parse_flag(options, name))
            continue;
        parse_valued(options, command, name, equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL);
    }
    if (options->url && (options->unix_socket || options->aof))
        refuse("--unix and --aof are about a private server, and --url names another: leave one of them out");
    if (options->delay_us && options->unix_socket)
        refuse("--delay-us goes through a TCP proxy: leave out --unix");
    uint64_t payload = options->payload ? options->payload : 110, fields = options->fields ? options->fields : 3;
    if (payload < fields)
        refuse("--payload %llu is less than one byte for each of the %llu fields: raise it, or lower --fields",
               (unsigned long long)payload, (unsigned long long)fields);
    return command;
}

uint64_t number_or(const struct options *options, uint64_t given, uint64_t usual, uint64_t quick)
{
    return given ? given : options->quick ? quick : usual;
}

struct number_list list_or(const struct options *options, struct number_list given, struct number_list usual,
                           struct number_list quick)
{
    return given.n > 0 ? given : options->quick ? quick : usual;
}
