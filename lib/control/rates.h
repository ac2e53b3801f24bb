/* SPDX-License-Identifier: MIT
 *
 * How fast queues move: from two looks at each of them.
 */
#ifndef WEIR_CONTROL_RATES_H
#define WEIR_CONTROL_RATES_H

#include "control/control.h"

/* What counts, of one look. −1: not known. */
struct control_look {
    int64_t now_ms, added, delivered, finished, dead;
};

/* Per second, between two looks. Negative: not known. */
struct control_speed {
    int64_t over_ms; /* 0: there are not two looks yet */
    double added, delivered, finished, dead;
};

/* The sums over all groups. */
struct control_look control_look_of(const weir_queue_info *info);

/* Of two looks, the earlier one first. */
struct control_speed control_speed_between(const struct control_look *from, const struct control_look *to);

/* Notes a look. Thread: any. */
void control_rates_note(struct control_rates *rates, const weir_queue_info *info);

/* The speed of the queue, of its last two looks that were a second apart. Thread: any. */
struct control_speed control_rates_get(struct control_rates *rates, const char *stream);

#endif
