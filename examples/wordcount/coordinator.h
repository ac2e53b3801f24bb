/* SPDX-License-Identifier: MIT
 *
 * A run: enqueues the files, shows how far it is, and sums up.
 */
#ifndef WORDCOUNT_COORDINATOR_H
#define WORDCOUNT_COORDINATOR_H

#include "options.h"

/* SIGTERM, SIGINT and SIGCHLD must be blocked. Returns the exit code. */
int coordinator_run(const struct options *options);

#endif
