/* SPDX-License-Identifier: MIT
 *
 * The worker processes of a run that was given --workers.
 */
#ifndef WORDCOUNT_CHILDREN_H
#define WORDCOUNT_CHILDREN_H

#include "options.h"

#include <sys/types.h>

struct children {
    pid_t *pids; /* 0: has ended */
    size_t n;
    size_t running;
    size_t failed; /* ended by themselves, with an exit code that isn't 0 */
};

/* Told of a worker that has ended; `status` as of waitpid. */
typedef void (*child_ended_fn)(pid_t pid, int status, void *user_data);

/* Starts n workers for the stream. False where one couldn't be started: errno says why; those started run. */
bool children_start(struct children *children, size_t n, const struct options *options, const char *stream);

/* Takes note of those that have ended. */
void children_reap(struct children *children, child_ended_fn ended, void *user_data);

/* Lets all finish what they have begun, and waits for them. Kills those that take longer than their own deadline. */
void children_stop(struct children *children);

#endif
