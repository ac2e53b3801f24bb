/* SPDX-License-Identifier: MIT
 *
 * A worker is this same program, executed again. The URL, which may have a password, goes through the environment, not
 * through the command line that everybody can see.
 */
#include "children.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Longer than the deadline with which a worker stops. */
static const time_t stop_s = 15;

static _Noreturn void become_worker(const struct options *options, const char *stream, pid_t coordinator)
{
    char concurrency[16], delay[32];
    snprintf(concurrency, sizeof concurrency, "%" PRIu32, options->concurrency);
    snprintf(delay, sizeof delay, "%" PRId64, options->delay_us);
    const char *argv[] = {"weir-wordcount", "--worker",   "--stream", stream, "--concurrency",
                          concurrency,      "--delay-us", delay,      NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* exec keeps what the coordinator has blocked */

    /* A worker must not outlive a coordinator that was killed. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == coordinator && setenv("WEIR_URL", options->url, 1) == 0)
        execv("/proc/self/exe", (char *const *)argv);
    _exit(EXIT_TROUBLE);
}

bool children_start(struct children *children, size_t n, const struct options *options, const char *stream)
{
    pid_t self = getpid();
    *children = (struct children){.pids = calloc(n + 1, sizeof *children->pids)};
    if (children->pids == NULL)
        return false;

    while (children->n < n) {
        pid_t pid = fork();
        if (pid < 0)
            return false;
        if (pid == 0)
            become_worker(options, stream, self);
        children->pids[children->n++] = pid;
        children->running++;
    }
    return true;
}

void children_reap(struct children *children, child_ended_fn ended, void *user_data)
{
    for (size_t i = 0; i < children->n; i++) {
        int status;
        if (children->pids[i] == 0 || waitpid(children->pids[i], &status, WNOHANG) != children->pids[i])
            continue;
        if (ended != NULL)
            ended(children->pids[i], status, user_data);
        children->failed += WIFEXITED(status) && WEXITSTATUS(status) != 0;
        children->running--;
        children->pids[i] = 0;
    }
}

static void signal_all(const struct children *children, int signal_number)
{
    for (size_t i = 0; i < children->n; i++) {
        if (children->pids[i] != 0)
            kill(children->pids[i], signal_number);
    }
}

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

void children_stop(struct children *children)
{
    sigset_t child_ended;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);

    signal_all(children, SIGTERM);
    time_t deadline = now_s() + stop_s;
    while (children->running > 0) {
        children_reap(children, NULL, NULL);
        if (children->running > 0)
            sigtimedwait(&child_ended, NULL, &(struct timespec){.tv_sec = 1});
        if (now_s() > deadline)
            signal_all(children, SIGKILL);
    }
    free(children->pids);
    *children = (struct children){0};
}
