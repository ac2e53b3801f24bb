/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include "terminal.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATIENCE_MS = 300, REDRAW_MS = 100, BAR = 20 };

int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void wait_ms(int64_t ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

void progress_begin(struct progress *progress, const char *what, uint64_t total)
{
    const char *term = getenv("TERM");
    *progress = (struct progress){
        .what = what,
        .total = total,
        .began_ms = monotonic_ms(),
        .wanted = terminal_is(stderr) && term && *term && strcmp(term, "dumb") != 0,
    };
}

static void draw_bar(double share)
{
    int full = (int)(share * BAR + 0.5);
    fputc('[', stderr);
    for (int i = 0; i < BAR; i++)
        fputs(i < full ? (text_is_utf8() ? "█" : "#") : (text_is_utf8() ? "░" : "."), stderr);
    fputs("] ", stderr);
}

static void draw(const struct progress *progress, uint64_t done, double seconds)
{
    double rate = (double)done / seconds;
    fprintf(stderr, "\r\033[K%s ", progress->what);
    if (progress->total > 0) {
        double share = done < progress->total ? (double)done / (double)progress->total : 1;
        draw_bar(share);
        fprintf(stderr, "%.0f%% ", share * 100);
    }
    fputs(show_count((int64_t)done).text, stderr);
    if (progress->total > 0)
        fprintf(stderr, " of %s", show_count((int64_t)progress->total).text);
    fprintf(stderr, ", %s/s", show_rate(rate).text);
    if (progress->total > done && done > 0)
        fprintf(stderr, ", %s left", show_span((int64_t)((double)(progress->total - done) / rate * 1000)).text);
    fflush(stderr);
}

void progress_set(struct progress *progress, uint64_t done)
{
    if (!progress->wanted)
        return;
    int64_t now_ms = monotonic_ms();
    if (now_ms - progress->began_ms < PATIENCE_MS || now_ms - progress->drawn_ms < REDRAW_MS)
        return;
    progress->drawn_ms = now_ms;
    progress->visible = true;
    draw(progress, done, (double)(now_ms - progress->began_ms) / 1000);
}

void progress_end(struct progress *progress)
{
    if (progress->visible)
        fputs("\r\033[K", stderr);
    progress->visible = false;
    fflush(stderr);
}
