/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_CONTROLLER_H
#define CHAOS_CONTROLLER_H

#include "config.h"

#include <stdbool.h>

/*
 * A whole run, in this directory: sets the stage, plays the faults, lets the workers work off what is left, ends them,
 * and writes down what Redis holds then. samples: where to write what is sampled during the load; NULL: nothing is.
 */
void chaos_run(const struct chaos_config *config, const char *directory, bool verbose, const char *samples);

#endif
