/* SPDX-License-Identifier: MIT */
#include "progress.h"
#include "text.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_begin(struct progress *progress, FILE *file)
{
    int64_t now = now_ms();
    *progress = (struct progress){
        .file = file, .terminal = isatty(fileno(file)) == 1, .shown_ms = now - 1000, .begin_ms = now, .sample_ms = now};
}

double progress_seconds(const struct progress *progress)
{
    return (double)(now_ms() - progress->begin_ms) / 1000;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", progress->file);
    progress->drawn = false;
}

static bool differs(const struct status *a, const struct status *b)
{
    return a->enqueued != b->enqueued || a->all_enqueued != b->all_enqueued || a->done != b->done ||
           a->retried != b->retried || a->dead != b->dead;
}

static void measure(struct progress *progress, const struct status *status, int64_t now)
{
    int64_t elapsed_ms = now - progress->sample_ms;
    if (elapsed_ms < 500)
        return;
    uint64_t finished = status->done + status->dead;
    double rate = finished < progress->sample_finished
                      ? 0
                      : (double)(finished - progress->sample_finished) * 1000 / (double)elapsed_ms;
    progress->per_second = progress->sample_ms == progress->begin_ms ? rate : (progress->per_second + rate) / 2;
    progress->sample_ms = now;
    progress->sample_finished = finished;
}

static size_t terminal_width(FILE *file)
{
    struct winsize size;
    return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* The bar takes what the numbers leave of the line; where that isn't much, there is none; the last column stays empty.
 */
static void draw_bar(struct progress *progress, const struct status *status, const char *numbers)
{
    enum { NARROWEST = 10, WIDEST = 50 };
    static const char full[WIDEST + 1] = "##################################################";
    static const char rest[WIDEST + 1] = "..................................................";

    int width = (int)terminal_width(progress->file) - 1;
    int room = width - (int)strlen(numbers) - (int)strlen("[]  100 %  ");
    uint64_t finished = status->done + status->dead;
    double share = status->enqueued == 0 ? 0 : (double)finished / (double)status->enqueued;
    share = share > 1 ? 1 : share;

    if (room < NARROWEST || !status->all_enqueued) {
        fprintf(progress->file, "\r\033[K%.*s", width, numbers);
    } else {
        int length = room > WIDEST ? WIDEST : room;
        int filled = (int)(share * length);
        fprintf(progress->file, "\r\033[K[%.*s%.*s]  %3d %%  %s", filled, full, length - filled, rest,
                (int)(share * 100), numbers);
    }
    progress->drawn = true;
}

static void show(struct progress *progress, const struct status *status, int64_t now)
{
    char numbers[200];
    snprintf(numbers, sizeof numbers, "enqueued %s%s, done %s, retried %s, dead %s, %s jobs/s",
             grouped(status->enqueued).text, status->all_enqueued ? "" : "+", grouped(status->done).text,
             grouped(status->retried).text, grouped(status->dead).text,
             grouped((uint64_t)(progress->per_second + 0.5)).text);
    if (progress->terminal)
        draw_bar(progress, status, numbers);
    else
        fprintf(progress->file, "%s\n", numbers);
    fflush(progress->file);
    progress->shown = *status;
    progress->shown_ms = now;
}

void progress_show(struct progress *progress, const struct status *status)
{
    int64_t now = now_ms();
    bool due = now - progress->shown_ms >= (progress->terminal ? 100 : 1000);
    measure(progress, status, now);
    if (due && (progress->terminal || differs(status, &progress->shown)))
        show(progress, status, now);
}

void progress_end(struct progress *progress, const struct status *status)
{
    double seconds = progress_seconds(progress);
    progress->per_second = seconds > 0 ? (double)(status->done + status->dead) / seconds : 0;
    if (progress->terminal || differs(status, &progress->shown))
        show(progress, status, now_ms());
    if (progress->drawn)
        putc('\n', progress->file);
    progress->drawn = false;
}
