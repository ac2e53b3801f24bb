/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_CONTROLLER_H
#define CHAOS_CONTROLLER_H

#include "config.h"

#include <stdbool.h>

/*
 * A whole run, in this directory: sets the stage, plays the faults, lets the workers work off what is left, ends them,
 * and writes down what Redis holds then.
 */
void chaos_run(const struct chaos_config *config, const char *directory, bool verbose);

#endif
