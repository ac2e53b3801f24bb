/* SPDX-License-Identifier: MIT
 *
 * Long work that ends in order where somebody interrupts it, so that it can say what was done.
 */
#ifndef WEIR_CLI_INTERRUPT_H
#define WEIR_CLI_INTERRUPT_H

#include <signal.h>

/* SIGINT or SIGTERM came; to be looked at between two steps. */
extern volatile sig_atomic_t interrupted;

/* From now on the first of them sets `interrupted`, and the second one kills. */
void interrupt_catch(void);

#endif
