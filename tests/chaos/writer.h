/* SPDX-License-Identifier: MIT
 *
 * Writing the history: one file for all processes of a run, to which each appends whole lines with one write(2). So a
 * process that is killed leaves everything that it said. A line is
 *
 *     @<microseconds of CLOCK_MONOTONIC> <who> <event> <what it needs>
 *
 * where who is "c" for the controller, "w2.5" for worker 2 in its fifth life, "p0.1" for a producer. docs/chaos.md
 * lists the events.
 */
#ifndef CHAOS_WRITER_H
#define CHAOS_WRITER_H

#include <stddef.h>
#include <stdint.h>

/* Begins each line and is nowhere else, so that a write that a SIGKILL cut short spoils no other line. */
#define LINE_START '@'

/* Opens the file in this directory, for this process. Everything that goes wrong ends the program. */
void history_open(const char *directory, const char *who);

/* Appends a line: the event and what it needs, printf-style. From any thread. */
void history_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Several lines that go in one write. Each bears the time at which it was added. */
struct history_lines {
    char *text;
    size_t len, capacity;
};
void history_add(struct history_lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));
void history_flush(struct history_lines *lines); /* writes and frees them */

int64_t history_now_us(void);

#endif
