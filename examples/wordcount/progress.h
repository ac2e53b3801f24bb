/* SPDX-License-Identifier: MIT
 *
 * How far a run is: a bar on a terminal, lines elsewhere.
 */
#ifndef WORDCOUNT_PROGRESS_H
#define WORDCOUNT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct status {
    uint64_t enqueued;
    bool all_enqueued; /* no more files to come */
    uint64_t done;
    uint64_t retried; /* runs of jobs that weren't their first */
    uint64_t dead;
};

struct progress {
    FILE *file;
    bool terminal;
    bool drawn; /* there is a bar on the terminal's last line */
    struct status shown;
    int64_t shown_ms;

    /* The rate, over the last second or so. */
    int64_t begin_ms;
    int64_t sample_ms;
    uint64_t sample_finished;
    double per_second;
};

void progress_begin(struct progress *progress, FILE *file);

/* Shows the status, where it has changed and isn't too soon: ten times a second on a terminal, else once. */
void progress_show(struct progress *progress, const struct status *status);

/* Shows the last status, with the rate of the whole run, and ends the line. */
void progress_end(struct progress *progress, const struct status *status);

/* Makes room for a message of somebody else; the bar comes back with the next status. */
void progress_clear(struct progress *progress);

/* Seconds since progress_begin. */
double progress_seconds(const struct progress *progress);

#endif
