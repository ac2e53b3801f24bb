/* SPDX-License-Identifier: MIT
 *
 * A run is over when each of its files has a result or is dead. Both are looked up in Redis, so that it doesn't matter
 * who does the work: workers of this run, workers started by hand, here or on other machines, in any number.
 *
 * One thread. Signals are blocked and asked for between the steps.
 */
#include "coordinator.h"
#include "children.h"
#include "enqueue.h"
#include "progress.h"
#include "results.h"
#include "text.h"
#include "tree.h"
#include "uncounted.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { POLL_MS = 100, PATIENCE_MS = 30000 };

struct coordinator {
    const struct options *options;
    char *dir;    /* absolute */
    char *stream; /* where the jobs are */
    char *run;    /* the hash of the results */
    bool own_stream;

    struct children workers;
    struct enqueuer *enqueuer;
    struct results *results;
    struct uncounted uncounted;

    struct progress progress;
    struct status status;
    size_t unseen;          /* directories that could not be read */
    int64_t unreachable_ms; /* for so long Redis could not be asked */
    int code;               /* the exit code, once it is known that the run goes no further */
};

/* Prints a message where the progress is. */
static void say(struct coordinator *c, const char *what, const char *about)
{
    progress_clear(&c->progress);
    fprintf(stderr, "weir-wordcount: %s%s\n", what, about);
}

static bool give_up(struct coordinator *c, const char *what, const char *about)
{
    say(c, what, about);
    c->code = EXIT_TROUBLE;
    return false;
}

/* ---- names ---- */

/* A run with workers of its own has a stream of its own, too. */
static bool name_run(struct coordinator *c)
{
    uint64_t number = 0;
    char fresh[20];
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return give_up(c, "no random number: ", strerror(errno));
    snprintf(fresh, sizeof fresh, "%012" PRIx64, number >> 16);

    const char *run = c->options->run != NULL ? c->options->run : fresh;
    const char *stream = c->options->stream != NULL ? c->options->stream : DEFAULT_STREAM;
    c->own_stream = c->options->stream == NULL && c->options->workers > 0;
    if (asprintf(&c->stream, "%s%s%s", stream, c->own_stream ? "-" : "", c->own_stream ? run : "") < 0 ||
        asprintf(&c->run, "%s:run:%s", c->stream, run) < 0)
        return give_up(c, "no memory", "");
    return true;
}

/* ---- signals, and workers that end ---- */

static void worker_ended(pid_t pid, int status, void *user_data)
{
    struct coordinator *c = user_data;
    char text[120];
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "worker %d was killed (%s): the others take its files over", (int)pid,
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, sizeof text, "worker %d has ended with exit code %d", (int)pid, WEXITSTATUS(status));
    say(c, text, "");
}

/* Waits up to wait_ms for a signal, and does what it asks for. False where the run has to end. */
static bool attend_signals(struct coordinator *c, int64_t wait_ms)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);

    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    int signal_number = sigtimedwait(&signals, NULL, &wait);
    if (signal_number == SIGINT || signal_number == SIGTERM) {
        say(c, "interrupted", "");
        c->code = 128 + signal_number;
        return false;
    }
    if (signal_number != SIGCHLD)
        return true;

    size_t running = c->workers.running;
    children_reap(&c->workers, worker_ended, c);
    if (running == 0 || c->workers.running > 0)
        return true;
    if (c->workers.failed == c->workers.n)
        return give_up(c, "no worker could run", "");
    say(c, "no worker is left; to go on, start one: weir-wordcount --worker --stream ", c->stream);
    return true;
}

/* ---- how far the run is ---- */

/* Redis may be away for a while; for longer it is an error. */
static bool unreachable(struct coordinator *c, const char *reason)
{
    if (c->unreachable_ms == 0)
        say(c, "waiting for Redis: ", reason);
    c->unreachable_ms += POLL_MS;
    return c->unreachable_ms < PATIENCE_MS ? true : give_up(c, "given up: ", reason);
}

static bool refresh(struct coordinator *c)
{
    weir_error err;
    uint64_t done, retried;
    /* the dead first: then all of their retries are among those counted */
    if (uncounted_refresh(&c->uncounted, &err) != WEIR_OK)
        return unreachable(c, err.message);
    if (!results_progress(c->results, c->run, &done, &retried))
        return unreachable(c, results_reason(c->results));

    c->unreachable_ms = 0;
    c->status.enqueued = enqueuer_count(c->enqueuer);
    c->status.done = done;
    c->status.retried = retried;
    c->status.dead = uncounted_letters(&c->uncounted);
    progress_show(&c->progress, &c->status);
    return true;
}

/* True where every file has a result or is dead. */
static bool is_over(struct coordinator *c)
{
    size_t dead;
    if (!c->status.all_enqueued || c->status.done + c->status.dead < c->status.enqueued)
        return false;
    if (!uncounted_files(&c->uncounted, c->results, &dead) || c->status.done + dead < c->status.enqueued)
        return false;
    c->status.dead = dead;
    return true;
}

/* ---- the steps of a run ---- */

static bool open_all(struct coordinator *c)
{
    weir_error err;
    struct stat status;
    if (lstat(c->options->dir, &status) != 0)
        return give_up(c, "can't read DIR: ", strerror(errno));
    if ((c->dir = tree_absolute(c->options->dir)) == NULL)
        return give_up(c, "can't find out where DIR is: ", strerror(errno));
    if ((c->results = results_open(c->options->url)) == NULL)
        return give_up(c, "no memory", "");
    if (enqueuer_open(&c->enqueuer, c->options->url, c->stream, c->run, c->options->rule, &err) != WEIR_OK ||
        uncounted_open(&c->uncounted, c->options->url, c->stream, c->run, &err) != WEIR_OK)
        return give_up(c, err.message, "");
    if (!results_create(c->results, c->run))
        return give_up(c, "can't begin the run: ", results_reason(c->results));
    return true;
}

static bool start_workers(struct coordinator *c)
{
    if (!children_start(&c->workers, c->options->workers, c->options, c->stream))
        return give_up(c, "can't start a worker: ", strerror(errno));
    if (c->workers.n > 0) {
        fprintf(stderr, "workers:");
        for (size_t i = 0; i < c->workers.n; i++)
            fprintf(stderr, " %d", (int)c->workers.pids[i]);
        putc('\n', stderr);
    }
    return true;
}

static bool enqueue_file(const char *path, size_t path_len, void *user_data)
{
    struct coordinator *c = user_data;
    weir_error err;
    uint64_t before = enqueuer_count(c->enqueuer);
    if (enqueuer_add(c->enqueuer, path, path_len, &err) != WEIR_OK)
        return give_up(c, "can't enqueue: ", err.message);
    return enqueuer_count(c->enqueuer) == before || (attend_signals(c, 0) && refresh(c));
}

static void complain(const char *path, int failure, void *user_data)
{
    struct coordinator *c = user_data;
    progress_clear(&c->progress);
    fputs("weir-wordcount: ", stderr);
    print_escaped(stderr, path, strlen(path));
    fprintf(stderr, ": %s\n", strerror(failure));
    c->unseen++;
}

static bool enqueue_all(struct coordinator *c)
{
    weir_error err;
    if (!tree_walk(c->dir, enqueue_file, complain, c))
        return false;
    if (enqueuer_flush(c->enqueuer, &err) != WEIR_OK)
        return give_up(c, "can't enqueue: ", err.message);
    c->status.all_enqueued = true;
    return true;
}

static bool wait_until_over(struct coordinator *c)
{
    while (refresh(c)) {
        if (is_over(c)) {
            progress_end(&c->progress, &c->status);
            return true;
        }
        if (!attend_signals(c, POLL_MS))
            return false;
    }
    return false;
}

static void print_totals(const struct coordinator *c, const struct counts *sum, uint64_t files)
{
    if (c->options->json)
        printf("{\"files\":%" PRIu64 ",\"lines\":%" PRIu64 ",\"words\":%" PRIu64 ",\"bytes\":%" PRIu64
               ",\"dead\":%" PRIu64 ",\"unread_directories\":%zu,\"retried\":%" PRIu64 ",\"seconds\":%.3f}\n",
               files, sum->lines, sum->words, sum->bytes, c->status.dead, c->unseen, c->status.retried,
               progress_seconds(&c->progress));
    else
        printf("%" PRIu64 " files, %" PRIu64 " lines, %" PRIu64 " words, %" PRIu64 " bytes\n", files, sum->lines,
               sum->words, sum->bytes);
}

static bool report(struct coordinator *c)
{
    struct counts sum;
    uint64_t files;
    if (!results_sum(c->results, c->run, &sum, &files))
        return give_up(c, "can't sum up: ", results_reason(c->results));
    print_totals(c, &sum, files);
    if (fflush(stdout) != 0)
        return give_up(c, "standard output: ", strerror(errno));

    if (c->status.dead > 0) {
        fprintf(stderr, "%s files could not be counted:\n", grouped(c->status.dead).text);
        uncounted_print(&c->uncounted, stderr);
    }
    c->code = c->status.dead > 0 || c->unseen > 0 ? EXIT_UNCOUNTED : EXIT_COUNTED;
    return true;
}

/* The stream of several runs stays, with its consumer group: it belongs to the workers. */
static void clean_up(struct coordinator *c)
{
    static const char *const keys[] = {"%s", "{%s}:delayed", "{%s}:delayed:jobs", "{%s}:dead"};

    if (c->options->keep) {
        fprintf(stderr, "kept: the results in %s, the dead letters of %s\n", c->run, c->stream);
        return;
    }
    results_delete(c->results, c->run);
    if (!c->own_stream) {
        uncounted_delete(&c->uncounted);
        return;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *name = NULL;
        if (asprintf(&name, keys[i], c->stream) > 0)
            results_delete(c->results, name);
        free(name);
    }
}

int coordinator_run(const struct options *options)
{
    struct coordinator c = {.options = options, .code = EXIT_TROUBLE};
    progress_begin(&c.progress, stderr);

    bool begun = name_run(&c) && open_all(&c);
    if (begun && start_workers(&c) && enqueue_all(&c) && wait_until_over(&c))
        report(&c);
    progress_clear(&c.progress);

    children_stop(&c.workers);
    if (begun)
        clean_up(&c);
    uncounted_close(&c.uncounted);
    enqueuer_close(c.enqueuer);
    results_close(c.results);
    free(c.run);
    free(c.stream);
    free(c.dir);
    return c.code;
}
