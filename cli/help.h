/* SPDX-License-Identifier: MIT */
#ifndef WEIR_CLI_HELP_H
#define WEIR_CLI_HELP_H

#include "commands.h"

/* Of the whole, or of one subcommand. */
void help_print(const struct command *command);

/* All that the tables hold, as JSON: weir(1) is made from it. */
void help_describe(void);

#endif
