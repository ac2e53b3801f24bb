/* SPDX-License-Identifier: MIT
 *
 * Numbers, spans and times for people, and as people write them.
 */
#ifndef WEIR_CLI_UNITS_H
#define WEIR_CLI_UNITS_H

#include <stdbool.h>
#include <stdint.h>

struct shown {
    char text[40];
};

/* "1,204", "12.3M" from ten million on; "?" for what is below 0. */
struct shown show_count(int64_t n);

/* "350ms", "4.2s", "3m 12s", "2h 5m", "3d 4h". */
struct shown show_span(int64_t ms);

/* "512 B", "1.5 GiB" */
struct shown show_bytes(double bytes);

/* "0", "0.3", "12.5", "1,204": how many a second. */
struct shown show_rate(double per_second);

/* "2026-11-22T08:00:00.123Z"; "never" for what no calendar has. */
struct shown show_time(double ms_since_epoch);

/* "5m", "1h30m", "250ms", "1.5s": units are ms, s, m, h, d. False: it is none, or beyond 10,000 days. */
bool parse_span(const char *text, int64_t *ret_ms);

/* "2026-11-22T08:00:00Z", "… 08:00:00.5+01:00", "2026-11-22 08:00" (local time). */
bool parse_time(const char *text, int64_t *ret_ms);

bool parse_count(const char *text, uint64_t *ret);

/* Whether this is the id of a stream's entry: 1700000000000-0, or without what is behind the dash. */
bool is_entry_id(const char *text);

#endif
