/* SPDX-License-Identifier: MIT
 *
 * chaos [--minutes N | --seconds N] [--seed S] [--verbose] [--keep] [--plan] [--soak FILE] [--expect FINDING]
 * chaos --check FILE [--expect FINDING]
 *
 * See docs/chaos.md. As "worker" or "producer" it is a child of such a run.
 */
#include "controller.h"
#include "plan.h"
#include "report.h"
#include "role.h"
#include "sampler.h"
#include "support/wait.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct arguments {
    double seconds;
    uint64_t seed;
    bool verbose, keep, plan_only;
    const char *check;
    const char *soak;   /* where to write what was sampled; NULL: no soak */
    const char *expect; /* a kind of finding that must be there; NULL: none may */
};

static int child(char **argv)
{
    struct chaos_role role = {.number = atoi(argv[2]), .life = atoi(argv[3]), .url = argv[7], .directory = argv[8]};
    role.config = chaos_config_draw(strtoull(argv[4], NULL, 10), strtoll(argv[5], NULL, 10));
    role.config.calm = atoi(argv[6]) != 0;
    return strcmp(argv[1], "worker") == 0 ? chaos_worker(&role) : chaos_producer(&role);
}

static _Noreturn void usage(void)
{
    fputs("usage: chaos [--minutes N | --seconds N] [--seed S] [--verbose] [--keep] [--plan] [--soak FILE]\n"
          "             [--expect FINDING]\n"
          "       chaos --check FILE [--expect FINDING]\n",
          stderr);
    exit(2);
}

/* The word after an option. */
static const char *next(char **argv, int *i)
{
    if (!argv[*i + 1])
        usage();
    return argv[++*i];
}

static double next_number(char **argv, int *i)
{
    const char *text = next(argv, i);
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || !(number > 0))
        usage();
    return number;
}

static struct arguments parse(int argc, char **argv)
{
    struct arguments a = {.seconds = getenv("WEIR_TEST_QUICK") ? 10 : 120};
    if (getrandom(&a.seed, sizeof a.seed, 0) != sizeof a.seed)
        test_die("no random number for a seed");
    a.seed %= 1000000000; /* short enough to be passed on */
    for (int i = 1; i < argc; i++) {
        const char *option = argv[i];
        if (strcmp(option, "--minutes") == 0)
            a.seconds = 60 * next_number(argv, &i);
        else if (strcmp(option, "--seconds") == 0)
            a.seconds = next_number(argv, &i);
        else if (strcmp(option, "--seed") == 0)
            a.seed = strtoull(next(argv, &i), NULL, 10);
        else if (strcmp(option, "--check") == 0)
            a.check = next(argv, &i);
        else if (strcmp(option, "--soak") == 0)
            a.soak = next(argv, &i);
        else if (strcmp(option, "--expect") == 0)
            a.expect = next(argv, &i);
        else if (strcmp(option, "--verbose") == 0)
            a.verbose = true;
        else if (strcmp(option, "--keep") == 0)
            a.keep = true;
        else if (strcmp(option, "--plan") == 0)
            a.plan_only = true;
        else
            usage();
    }
    return a;
}

/* Whether it came out as it had to: without findings, or with one of the kind that was expected. */
static bool judge(const char *path, const char *expect, const char *samples)
{
    struct history history;
    history_load(&history, path);
    struct verdict verdict = check(&history);
    bool found = false;
    for (size_t i = 0; expect && i < verdict.n_findings; i++)
        found |= strcmp(finding_name(verdict.findings[i].kind), expect) == 0;
    report_findings(stdout, &history, &verdict);
    report_counts(stdout, &history, &verdict);
    bool ok = expect ? found : verdict.n_findings == 0;
    if (samples)
        ok &= samples_judge(samples, stdout);
    report_line(stdout, &verdict);
    if (expect)
        printf("%s was %s, as it %s\n", expect, found ? "found" : "not found",
               found ? "should be" : "should have been");
    verdict_free(&verdict);
    history_free(&history);
    return ok;
}

static void print_config(const struct chaos_config *c)
{
    static const char *const backoffs[] = {"none", "fixed", "linear", "exponential"};
    printf("%d workers with %u slots, %d producers; max_attempts %u, max_deliveries %u, min_idle_ms %" PRId64
           ", max_run_ms %" PRId64 ", backoff %s, prefetch_ms %" PRId64 ", block_ms %" PRId64
           ", command_timeout_ms %" PRId64 ", %s\n",
           c->workers, c->concurrency, c->producers, c->max_attempts, c->max_deliveries, c->min_idle_ms, c->max_run_ms,
           backoffs[c->backoff], c->prefetch_ms, c->block_ms, c->command_timeout_ms,
           c->retention == WEIR_DELETE_ON_ACK ? "entries deleted on ack" : "entries trimmed");
}

static void remove_directory(const char *directory)
{
    static const char *const files[] = {"history", "page", "output"};
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        unlink(path);
    }
    rmdir(directory);
}

int main(int argc, char **argv)
{
    if (argc == 9 && (strcmp(argv[1], "worker") == 0 || strcmp(argv[1], "producer") == 0))
        return child(argv);
    struct arguments a = parse(argc, argv);
    if (a.check)
        return judge(a.check, a.expect, NULL) ? EXIT_SUCCESS : EXIT_FAILURE;

    setvbuf(stdout, NULL, _IOLBF, 0);
    struct chaos_config config = chaos_config_draw(a.seed, (int64_t)(a.seconds * 1000));
    config.calm = a.soak != NULL;
    printf("seed %" PRIu64 ", %.0f s of load\n", a.seed, a.seconds);
    if (a.verbose || a.plan_only) {
        size_t n;
        struct fault *faults = plan_draw(&config, &n);
        print_config(&config);
        plan_print(stdout, faults, n);
        free(faults);
    }
    if (a.plan_only)
        return EXIT_SUCCESS;

    char directory[] = "/tmp/weir-chaos-XXXXXX", path[64];
    if (!mkdtemp(directory))
        test_die("mkdtemp: %s", strerror(errno));
    snprintf(path, sizeof path, "%s/history", directory);
    chaos_run(&config, directory, a.verbose, a.soak);
    bool ok = judge(path, a.expect, a.soak);
    if (ok && !a.keep)
        remove_directory(directory);
    else
        printf("the history is in %s; to see this run again: --seconds %.0f --seed %" PRIu64 "\n", path, a.seconds,
               a.seed);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
