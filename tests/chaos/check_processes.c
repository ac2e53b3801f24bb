/* SPDX-License-Identifier: MIT
 *
 * Processes: did each worker work whenever it could, and did each die for a reason?
 *
 * There is always work: the feeder adds a job every few milliseconds. So a worker that is alive, has a slot free, and
 * is not disturbed must start a job within the bound of G7: after it got ready, after each fault that concerned it
 * healed, and after each job that it started. What the machine took meanwhile from a thread that only sleeps, and what
 * the server took for a single XADD, is not weir's, and is not counted.
 */
#include "checker.h"

#include "support/wait.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORTH_A_LOOK_US = 20000,
    FED_AT_LEAST = 20, /* jobs, in a time in which nothing was started, if that is to be held against anybody */
};

/* All runs, by process and start. */
struct work {
    const struct disturbances *d;
    const struct run **runs;
    size_t from, to; /* those of the process in question */
};

static int by_process_and_start(const void *a, const void *b)
{
    const struct run *x = *(const struct run *const *)a, *y = *(const struct run *const *)b;
    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    return x->start_us < y->start_us ? -1 : x->start_us > y->start_us;
}

static struct work work_of(const struct disturbances *d)
{
    const struct history *history = d->history;
    struct work work = {.d = d, .runs = malloc((history->n_runs + 1) * sizeof *work.runs)};
    if (!work.runs)
        test_die("no memory for runs");
    for (size_t i = 0; i < history->n_runs; i++)
        work.runs[i] = &history->runs[i];
    qsort(work.runs, history->n_runs, sizeof *work.runs, by_process_and_start);
    return work;
}

/* --- silence --- */

struct change {
    int64_t at_us;
    int by;
};

static int by_moment(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->by - y->by;
}

/* For how long between all slots were taken. */
static int64_t full_within(const struct work *work, int64_t from_us, int64_t to_us)
{
    struct change *changes = malloc(2 * (work->to - work->from + 1) * sizeof *changes);
    if (!changes)
        test_die("no memory for changes");
    size_t n = 0;
    int running = 0, slots = (int)work->d->history->config.concurrency;
    for (size_t i = work->from; i < work->to; i++) {
        const struct run *run = work->runs[i];
        if (run->start_us >= to_us || run->end_us <= from_us)
            continue;
        running += run->start_us <= from_us;
        if (run->start_us > from_us)
            changes[n++] = (struct change){run->start_us, 1};
        if (run->end_us < to_us)
            changes[n++] = (struct change){run->end_us, -1};
    }
    qsort(changes, n, sizeof *changes, by_moment);
    int64_t full_us = 0, since_us = from_us;
    for (size_t i = 0; i < n; i++) {
        if (running >= slots)
            full_us += changes[i].at_us - since_us;
        since_us = changes[i].at_us;
        running += changes[i].by;
    }
    if (running >= slots)
        full_us += to_us - since_us;
    free(changes);
    return full_us;
}

static size_t fed_before(const struct history *history, int64_t us)
{
    size_t least = 0, most = history->n_fed;
    while (least < most) {
        size_t middle = (least + most) / 2;
        if (history->fed[middle] < us)
            least = middle + 1;
        else
            most = middle;
    }
    return least;
}

/* Nothing was started in this time, in which nothing disturbed the worker. */
static void judge_silence(const struct work *work, size_t process, int64_t from_us, int64_t to_us,
                          struct verdict *verdict)
{
    const struct history *history = work->d->history;
    size_t first_fed = fed_before(history, from_us), end_fed = fed_before(history, to_us);
    size_t n_fed = end_fed - first_fed;
    if (to_us - from_us < WORTH_A_LOOK_US || n_fed == 0)
        return;
    to_us = history->fed[end_fed - 1]; /* afterwards there may have been nothing to do */
    int64_t bound_us = history->config.resume_ms * 1000;
    int64_t silent_us = to_us - from_us - spans_within(&work->d->lost, from_us, to_us);
    if (silent_us <= bound_us && silent_us <= verdict->slowest_us)
        return;
    silent_us -= full_within(work, from_us, to_us);
    if (silent_us > verdict->slowest_us) {
        verdict->slowest_us = silent_us;
        verdict->slowest_process = process;
        verdict->slowest_at_us = from_us;
    }
    if (silent_us > bound_us && n_fed >= FED_AT_LEAST)
        verdict_add(verdict, FINDING_STALL, SIZE_MAX, process, from_us, "for %.0f ms, from %.1f ms on",
                    (double)silent_us / 1000, history_ms(history, from_us));
}

/* The parts of a silence between the faults that concern the worker. */
static void check_silence(const struct work *work, size_t process, int64_t from_us, int64_t to_us,
                          struct verdict *verdict)
{
    const struct spans *faults = &work->d->faults[work->d->history->processes[process].number];
    for (size_t i = 0; i < faults->n && from_us < to_us; i++) {
        const struct span *fault = &faults->items[i];
        if (fault->to_us <= from_us)
            continue;
        if (fault->from_us >= to_us)
            break;
        judge_silence(work, process, from_us, fault->from_us, verdict);
        from_us = fault->to_us;
    }
    if (from_us < to_us)
        judge_silence(work, process, from_us, to_us, verdict);
}

/* Until when a worker had to work: it died, was told to end, or the load ended. */
static int64_t work_ends(const struct history *history, const struct process *process)
{
    int64_t end_us = process->exit_us < history->drain_us ? process->exit_us : history->drain_us;
    for (size_t i = 0; i < history->n_faults; i++) {
        const struct history_fault *fault = &history->faults[i];
        if (strcmp(fault->kind, "term-worker") == 0 && atoi(fault->target + 1) == process->number &&
            fault->begin_us >= process->spawned_us && fault->begin_us < end_us)
            end_us = fault->begin_us;
    }
    return end_us;
}

static void check_worker(const struct work *work, size_t i, struct verdict *verdict)
{
    const struct process *process = &work->d->history->processes[i];
    int64_t from_us = process->ready_us, end_us = work_ends(work->d->history, process);
    if (from_us == NEVER)
        return;
    for (size_t r = work->from; r < work->to && work->runs[r]->start_us < end_us; r++) {
        check_silence(work, i, from_us, work->runs[r]->start_us, verdict);
        from_us = work->runs[r]->start_us;
    }
    check_silence(work, i, from_us, end_us, verdict);
}

/* --- stops --- */

/* G6, whatever Redis, the network and handlers do meanwhile; but not while the process is suspended. */
static void check_stop(const struct work *work, size_t i, struct verdict *verdict)
{
    const struct history *history = work->d->history;
    const int64_t grace_us = history->config.resume_ms * 100; /* 100 ms; more where everything takes longer */
    const struct process *process = &history->processes[i];
    if (process->stopped_us == NEVER)
        return;
    int64_t from_us = process->stopped_us - process->stop_took_us;
    for (size_t f = 0; f < history->n_faults; f++)
        if (strcmp(history->faults[f].kind, "stop-worker") == 0 && history->faults[f].end_us > from_us &&
            history->faults[f].begin_us < process->stopped_us)
            return;
    int64_t took_us = process->stop_took_us - spans_within(&work->d->lost, from_us, process->stopped_us);
    if (took_us > history->config.stop_ms * 1000 + grace_us)
        verdict_add(verdict, FINDING_LATE_STOP, SIZE_MAX, i, from_us, "after %.0f ms", (double)took_us / 1000);
}

/* --- deaths --- */

/* Whether it was running a job that takes its process along. */
static bool was_poisoned(const struct work *work)
{
    for (size_t i = work->from; i < work->to; i++) {
        const struct history_job *job = &work->d->history->jobs[work->runs[i]->job];
        if (work->runs[i]->end_us == NEVER && (job_does(job, "crash") || job_does(job, "exit")))
            return true;
    }
    return false;
}

static void check_death(const struct work *work, size_t i, struct verdict *verdict)
{
    enum { UNCLEAN = 3 };
    const struct process *process = &work->d->history->processes[i];
    if (process->exit_us == NEVER)
        return;
    bool killed = process->signalled && process->status == SIGKILL;
    bool ended = !process->signalled && (process->status == 0 || (process->kind == 'w' && process->status == UNCLEAN));
    if ((process->asked && (killed || ended)) || was_poisoned(work))
        return;
    verdict_add(verdict, FINDING_DIED, SIZE_MAX, i, process->exit_us, "%s %d, at %.1f ms",
                process->signalled ? "signal" : "status", process->status,
                history_ms(work->d->history, process->exit_us));
}

void check_processes(const struct disturbances *d, struct verdict *verdict)
{
    struct work work = work_of(d);
    for (size_t i = 0; i < d->history->n_processes; i++) {
        work.from = work.to;
        while (work.to < d->history->n_runs && work.runs[work.to]->process == i)
            work.to++;
        if (d->history->processes[i].kind == 'w')
            check_worker(&work, i, verdict);
        check_stop(&work, i, verdict);
        check_death(&work, i, verdict);
    }
    free(work.runs);
}
