/* SPDX-License-Identifier: MIT
 *
 * What a long run is watched for: whether anything grows. One worker and one producer that live from beginning to end,
 * and the server.
 */
#ifndef CHAOS_SAMPLER_H
#define CHAOS_SAMPLER_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct sampler;

/* Samples about a thousand times in so many milliseconds, into a file of tab-separated values with a heading. */
struct sampler *sampler_start(const char *path, const char *socket, pid_t worker, pid_t producer, int64_t duration_ms);
void sampler_stop(struct sampler *sampler); /* and frees */

/*
 * Compares the middle value of the last quarter with that of the second one, for each column, and prints a line for
 * each. Returns whether all are flat.
 */
bool samples_judge(const char *path, FILE *out);

#endif
