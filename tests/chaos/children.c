/* SPDX-License-Identifier: MIT */
#include "children.h"

#include "support/wait.h"
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RESPAWN_LEAST_MS = 10,
    RESPAWN_MOST_MS = 300,
    END_MS = 15000, /* a stop takes 2 s at most, an enqueue call little more */
};

/* In the child, where only async-signal-safe functions may be called. */
static _Noreturn void become(pid_t parent, const char *output, char *const *argv)
{
    sigset_t end; /* which a child waits for, and must not be ended by before it does */
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigprocmask(SIG_SETMASK, &end, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (getppid() != parent || fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(1);
    for (int i = 3; i < 4096; i++)
        close(i); /* a connection of the controller's must not stay open here */
    execv("/proc/self/exe", argv);
    _exit(1);
}

void children_spawn(struct children *children, struct child *child)
{
    char number[16], life[16], seed[32], load[32], output[256];
    child->life++;
    snprintf(child->name, sizeof child->name, "%c%d.%d", child->kind, child->number, child->life);
    snprintf(number, sizeof number, "%d", child->number);
    snprintf(life, sizeof life, "%d", child->life);
    snprintf(seed, sizeof seed, "%" PRIu64, children->config->seed);
    snprintf(load, sizeof load, "%" PRId64, children->config->load_ms);
    snprintf(output, sizeof output, "%s/output", children->directory);
    const char *kind = child->kind == 'w' ? "worker" : "producer", *calm = children->config->calm ? "1" : "0";
    const char *argv[] = {"chaos", kind, number, life, seed, load, calm, child->url, children->directory, NULL};
    history_say("spawn %s", child->name);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        test_die("fork: %s", strerror(errno));
    if (pid == 0)
        become(parent, output, (char *const *)argv);
    child->pid = pid;
    child->asked = child->stopped = false;
}

void children_add(struct children *children, char kind, int number, const char *url)
{
    struct child *child = &children->items[children->n++];
    *child = (struct child){.kind = kind, .number = number};
    snprintf(child->url, sizeof child->url, "%s", url);
    children_spawn(children, child);
}

struct child *children_find(struct children *children, char kind, int number)
{
    for (int i = 0; i < children->n; i++)
        if (children->items[i].kind == kind && children->items[i].number == number)
            return &children->items[i];
    test_die("there is no child %c%d", kind, number);
}

static void note_end(struct children *children, struct child *child, int status)
{
    bool killed = WIFSIGNALED(status);
    history_say("exit %s %s %s %d", child->name, child->asked ? "asked" : "unasked", killed ? "signal" : "status",
                killed ? WTERMSIG(status) : WEXITSTATUS(status));
    child->pid = 0;
    if (!child->asked)
        child->respawn_ms = test_now_ms() + dice_between(&children->dice, RESPAWN_LEAST_MS, RESPAWN_MOST_MS);
}

void children_tend(struct children *children)
{
    for (int i = 0; i < children->n; i++) {
        struct child *child = &children->items[i];
        int status;
        if (child->pid != 0 && waitpid(child->pid, &status, WNOHANG) == child->pid)
            note_end(children, child, status);
        if (child->pid == 0 && children->respawning && test_now_ms() >= child->respawn_ms)
            children_spawn(children, child);
    }
}

void child_end(struct children *children, struct child *child, int signal, int64_t respawn_after_ms)
{
    children_tend(children);
    if (child->pid == 0)
        return;
    child->asked = true;
    kill(child->pid, signal);
    child->respawn_ms = test_now_ms() + respawn_after_ms;
}

bool child_stop(struct children *children, struct child *child)
{
    if (child->pid == 0)
        return false;
    int status;
    kill(child->pid, SIGSTOP);
    while (waitpid(child->pid, &status, WUNTRACED) < 0 && errno == EINTR)
        ;
    child->stopped = WIFSTOPPED(status);
    if (!child->stopped)
        note_end(children, child, status);
    return child->stopped;
}

void child_continue(struct child *child)
{
    if (child->stopped && child->pid != 0)
        kill(child->pid, SIGCONT);
    child->stopped = false;
}

void children_retire(struct children *children, char kind)
{
    for (int i = 0; i < children->n; i++)
        if (children->items[i].kind == kind)
            children->items[i].respawn_ms = INT64_MAX;
}

int children_alive(const struct children *children, char kind)
{
    int n = 0;
    for (int i = 0; i < children->n; i++)
        n += children->items[i].kind == kind && children->items[i].pid != 0;
    return n;
}

void children_end_all(struct children *children, char kind)
{
    children->respawning = false;
    for (int i = 0; i < children->n; i++)
        if (children->items[i].kind == kind)
            child_end(children, &children->items[i], SIGTERM, 0);
    int64_t deadline_ms = test_now_ms() + test_scaled_ms(END_MS);
    for (; children_alive(children, kind) > 0 && test_now_ms() < deadline_ms; poll(NULL, 0, 5))
        children_tend(children);
    for (int i = 0; i < children->n; i++) {
        struct child *child = &children->items[i];
        if (child->kind != kind || child->pid == 0)
            continue;
        history_say("left process %s", child->name);
        child_end(children, child, SIGKILL, 0);
    }
    for (; children_alive(children, kind) > 0; poll(NULL, 0, 5))
        children_tend(children);
}
