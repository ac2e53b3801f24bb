/* SPDX-License-Identifier: MIT
 *
 * A service that tells systemd how it is; see sd_notify(3). Nothing is told where systemd didn't start us, or weir was
 * built without libsystemd.
 */
#ifndef WEIR_CLI_NOTIFY_H
#define WEIR_CLI_NOTIFY_H

#include "options.h"

#include <signal.h>
#include <weir/control.h>

/*
 * Until one of the signals comes, which have to be blocked: READY=1 once Redis was reached, or ten seconds have passed
 * without, WATCHDOG=1 for as long as the control plane makes progress, STOPPING=1 at the end.
 */
void notify_until(const sigset_t *ends, const struct options *options, weir_control *control);

#endif
