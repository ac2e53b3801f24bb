/* SPDX-License-Identifier: MIT */
#ifndef WEIR_CLI_CONFIRM_H
#define WEIR_CLI_CONFIRM_H

#include "options.h"

#include <weir/error.h>

/* Asks before what can't be undone; returns only where the answer is yes, or --yes was said. */
void confirm(const struct options *options, const char *question, ...) WEIR_PRINTF(2, 3);

#endif
