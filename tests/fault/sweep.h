/* SPDX-License-Identifier: MIT
 *
 * A sweep: the same piece of work once for every point at which a fault can strike, or for as many of them as there is
 * time for, evenly spread. WEIR_TEST_QUICK: few; WEIR_SWEEP_ALL: every single one.
 */
#ifndef TEST_FAULT_SWEEP_H
#define TEST_FAULT_SWEEP_H

#include "inject.h"

/*
 * Does the work with the fault armed at n, asserts that it came out right, and leaves nothing behind. Returns how many
 * faults struck; *ret_seen: how many there could have been.
 */
typedef size_t (*sweep_fn)(void *context, const struct fault *fault, size_t n, size_t *ret_seen);

/* Runs it for n = 1 … (bytes: from 0), after once without a fault to see how far that is. most: points, if not all. */
void sweep(const char *title, sweep_fn work, void *context, const struct fault *fault, size_t most);

/* The same for each kind of call that the title's work can make, with each errno it may fail with. */
void sweep_calls(const char *title, sweep_fn work, void *context, bool others, size_t most);

/* The same without a word, also where nothing can strike; adds to *points. Returns how many faults there were. */
size_t sweep_quietly(const char *title, sweep_fn work, void *context, const struct fault *fault, size_t most,
                     size_t *points);

/* The i-th kind of call with an errno that it may fail with, for this thread; after the last one of FAULT_KINDS. */
struct fault sweep_plausible(size_t i);

/* The number for this run: `quick` with WEIR_TEST_QUICK. */
size_t sweep_most(size_t quick, size_t full);

/* What the failing run was doing, for messages. */
const char *sweep_point(void);

#endif
