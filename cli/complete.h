/* SPDX-License-Identifier: MIT
 *
 * What the shell asks when Tab is pressed: weir __complete WORD… prints what the last word may become, one a line.
 */
#ifndef WEIR_CLI_COMPLETE_H
#define WEIR_CLI_COMPLETE_H

/* The words behind "weir", the unfinished one last. Always returns 0, and never says anything else. */
int complete(int n, char **words);

#endif
