/* SPDX-License-Identifier: MIT
 *
 * The controller's children: workers and producers, started anew whenever they have ended.
 */
#ifndef CHAOS_CHILDREN_H
#define CHAOS_CHILDREN_H

#include "config.h"
#include "dice.h"

#include <stdbool.h>
#include <sys/types.h>

struct child {
    char kind; /* 'w', 'p' */
    int number, life;
    char name[16], url[128];
    pid_t pid;          /* 0: not running */
    bool asked;         /* its end was our doing */
    bool stopped;       /* SIGSTOP */
    int64_t respawn_ms; /* when to start it again, as test_now_ms */
};

struct children {
    const struct chaos_config *config;
    const char *directory;
    struct child items[CHAOS_WORKERS_MAX + CHAOS_PRODUCERS_MAX];
    int n;
    bool respawning;
    struct dice dice;
};

/* Starts it; on the main thread, with whose end it is killed. */
void children_spawn(struct children *children, struct child *child);
void children_add(struct children *children, char kind, int number, const char *url);
struct child *children_find(struct children *children, char kind, int number);

/* Notes who has ended, and starts those again that are due. */
void children_tend(struct children *children);

/* SIGKILL or SIGTERM: its end is then expected. It starts again after so long. Nothing where it does not run. */
void child_end(struct children *children, struct child *child, int signal, int64_t respawn_after_ms);

/* False where it is not running. */
bool child_stop(struct children *children, struct child *child);
void child_continue(struct child *child);

/* Ends all of a kind by SIGTERM (those that don't heed it for a long while are killed), and waits for it. */
void children_end_all(struct children *children, char kind);

/* None of this kind, which have ended, is started again. */
void children_retire(struct children *children, char kind);

int children_alive(const struct children *children, char kind);

#endif
