/* SPDX-License-Identifier: MIT
 *
 * A worker process: counts files until it is told to stop.
 */
#ifndef WORDCOUNT_WORKER_H
#define WORDCOUNT_WORKER_H

#include "options.h"

/* Runs until SIGTERM or SIGINT, which must be blocked. Returns the exit code. */
int worker_run(const struct options *options);

#endif
