/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/version.h>

static const char help[] =
    "usage: weir-wordcount DIR [options]     counts all files under DIR\n"
    "       weir-wordcount --worker [options]\n"
    "\n"
    "Counts the lines, words and bytes of every regular file under DIR, as `LC_ALL=C wc` does: one job a file, run by\n"
    "any number of worker processes on any machine that sees the same files. Workers may come, go and crash at any "
    "time.\n"
    "\n"
    "A run:\n"
    "  -w, --workers N      start N worker processes, and stop them at the end\n"
    "      --words RULE     what makes a word: `printing`: at least one byte of 0x21 … 0x7e, as wc of coreutils up to\n"
    "                       9.4 has it (default); `any`: any byte but white space, as later ones have it\n"
    "      --json           print the totals as JSON\n"
    "      --keep           leave results and dead letters in Redis\n"
    "      --run NAME       the name of the run (default: a new one); its results are in the hash STREAM:run:NAME\n"
    "\n"
    "A worker runs until SIGTERM or SIGINT, and then finishes what it has begun.\n"
    "\n"
    "Both:\n"
    "  -u, --url URL        redis://[[user]:password@]host[:port][/db] or unix://[[user]:password@]/path[?db=N]\n"
    "                       (default: $WEIR_URL, else redis://127.0.0.1:6379)\n"
    "  -s, --stream NAME    the stream that the jobs are in (default: wordcount; for a run with --workers:\n"
    "                       wordcount-NAME, which is deleted with the run)\n"
    "  -c, --concurrency N  files that a worker process counts at once (default: one a processor)\n"
    "      --delay-us N     let every job take N microseconds longer, to have something to watch\n"
    "  -h, --help           show this\n"
    "      --version        show the version\n"
    "\n"
    "Totals go to standard output, everything else to standard error. Exit code: 0: every file was counted; 1: some "
    "could\n"
    "not be, and are listed with the reason; 2: the run could not be made; 128 + N: ended by signal N.\n"
    "\n"
    "Examples:\n"
    "  weir-wordcount /usr/share/doc --workers 3\n"
    "  weir-wordcount --worker -c 8 &           a worker, here or elsewhere\n"
    "  weir-wordcount ~/src --json              a run that uses it\n"
    "  weir-wordcount . -w 2 --keep --run one && redis-cli --scan --pattern '*run:one'\n";

static _Noreturn void complain(const char *what, const char *about)
{
    fprintf(stderr, "weir-wordcount: %s%s\nTry `weir-wordcount --help`.\n", what, about);
    exit(EXIT_TROUBLE);
}

static long long number(const char *text, long long lowest, long long highest, const char *option)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < lowest || value > highest) {
        char about[80];
        snprintf(about, sizeof about, "%s takes a number of %lld … %lld", option, lowest, highest);
        complain(about, "");
    }
    return value;
}

static enum word_rule word_rule(const char *text)
{
    if (text[0] == 'a')
        return WORDS_ANY;
    if (text[0] == 'p')
        return WORDS_PRINTING;
    complain("--words takes `printing` or `any`", "");
}

static uint32_t processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (uint32_t)n;
}

struct options options_parse(int argc, char **argv)
{
    enum { WORKER = 256, WORDS, JSON, KEEP, RUN, DELAY, VERSION };
    static const struct option table[] = {
        {"worker", no_argument, NULL, WORKER},
        {"workers", required_argument, NULL, 'w'},
        {"words", required_argument, NULL, WORDS},
        {"json", no_argument, NULL, JSON},
        {"keep", no_argument, NULL, KEEP},
        {"run", required_argument, NULL, RUN},
        {"url", required_argument, NULL, 'u'},
        {"stream", required_argument, NULL, 's'},
        {"concurrency", required_argument, NULL, 'c'},
        {"delay-us", required_argument, NULL, DELAY},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    const char *environment = getenv("WEIR_URL");
    struct options options = {
        .url = environment != NULL && environment[0] != '\0' ? environment : "redis://127.0.0.1:6379",
        .concurrency = processors(),
    };

    for (int option; (option = getopt_long(argc, argv, "w:u:s:c:h", table, NULL)) != -1;) {
        switch (option) {
        case WORKER:
            options.mode = MODE_WORKER;
            break;
        case 'w':
            options.workers = (size_t)number(optarg, 0, 1000, "--workers");
            break;
        case WORDS:
            options.rule = word_rule(optarg);
            break;
        case JSON:
            options.json = true;
            break;
        case KEEP:
            options.keep = true;
            break;
        case RUN:
            options.run = optarg;
            break;
        case 'u':
            options.url = optarg;
            break;
        case 's':
            options.stream = optarg;
            break;
        case 'c':
            options.concurrency = (uint32_t)number(optarg, 1, 1000, "--concurrency");
            break;
        case DELAY:
            options.delay_us = number(optarg, 0, 60000000, "--delay-us");
            break;
        case 'h':
            fputs(help, stdout);
            exit(EXIT_SUCCESS);
        case VERSION:
            printf("weir-wordcount %s\n", weir_version());
            exit(EXIT_SUCCESS);
        default: /* getopt has said it */
            complain("see above", "");
        }
    }

    if (options.mode == MODE_WORKER && optind < argc)
        complain("a worker takes no DIR: ", argv[optind]);
    if (options.mode == MODE_COUNT && optind != argc - 1)
        complain(optind == argc ? "which DIR?" : "one DIR only", "");
    options.dir = argv[optind]; /* NULL for a worker */
    return options;
}
