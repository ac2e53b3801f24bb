/* SPDX-License-Identifier: MIT
 *
 * What the controller does all the time of the load: it feeds the stream with small jobs, straight to the server and
 * with plain XADD, so that there is work for every worker at any moment; it adds the toxic ones; and it measures what
 * the machine and the server take from everybody, so that weir isn't blamed for it.
 */
#ifndef CHAOS_FEEDER_H
#define CHAOS_FEEDER_H

#include <stddef.h>

struct feeder;

struct feeder *feeder_start(const char *socket);
void feeder_stop(struct feeder *feeder); /* and frees */

/* To be added as soon as the server lets it: a job that is "crash", "bad", …; pad_len: of a huge field, 0: none. */
void feeder_add_toxic(struct feeder *feeder, const char *doing, size_t pad_len);

/* Adds n jobs that nobody is to run, once all workers have ended. */
void feeder_add_tail(const char *socket, int n);

#endif
