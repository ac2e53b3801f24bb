/* SPDX-License-Identifier: MIT
 *
 * Runs: is each there for a reason?
 *
 * The first run of each attempt needs the attempt before it to have failed, and its delay to be over. Any other run is
 * a duplicate: of one of the same attempt, of a later one, of one that was the last (done, rejected), or of one that
 * goes on at the same time. It has to be explained by what happened to the workers concerned:
 *
 *   death     the earlier run's worker died before that run had ended, or before its end can have been reported: within
 *             the time in which a worker must resume, not counting what it was disturbed
 *   lease     one of the two workers was disturbed for so long that leases may have run out
 *   max run   the earlier run took longer than max_run_ms, and its lease was let run out
 */
#include "checker.h"

#include <inttypes.h>

enum { SLACK_US = 5000 }; /* of clocks that count milliseconds */

static bool died_uncleanly(const struct process *process)
{
    return process->exit_us != NEVER && (process->signalled || process->status != 0);
}

/* By when the end of a run must have been reported, if its worker lived. */
static int64_t reported_by(const struct disturbances *d, const struct run *run)
{
    if (run->end_us == NEVER)
        return NEVER;
    int worker = d->history->processes[run->process].number;
    return undisturbed_after(d, worker, run->end_us, d->history->config.resume_ms * 1000 / 2);
}

/* When the attempt before failed, for the first time. */
static int64_t failed_before(const struct history *history, const struct run *run)
{
    int64_t failed_us = NEVER;
    for (size_t i = history->jobs[run->job].first_run; i != SIZE_MAX; i = history->runs[i].next) {
        const struct run *other = &history->runs[i];
        if (other->outcome == RUN_RETRY && other->attempt + 1 == run->attempt && other->end_us < failed_us)
            failed_us = other->end_us;
    }
    return failed_us;
}

/* Since when a run's entry can have been in somebody's hands: not before it was in the stream, and for no longer than a
 * lease, since what waits for longer is handed back. */
static int64_t fetched_since(const struct history *history, const struct run *run)
{
    const struct history_job *job = &history->jobs[run->job];
    bool retried = run->attempt > 1 && history->config.backoff_ms >= 0; /* else it is the first entry still */
    int64_t there_us = retried ? failed_before(history, run) : job->intent_us + job->delay_ms * 1000;
    int64_t lease_us = history->config.min_idle_ms * 1000;
    return there_us == NEVER || there_us < run->start_us - lease_us ? run->start_us - lease_us : there_us;
}

/*
 * The earlier run's worker lost the lease before it had reported. What the other claimed then, it has started within a
 * lease, not counting what it was disturbed itself; so has it what it claimed in a former life, under the same name,
 * and what a third one claimed and handed back or left behind.
 */
static bool was_lost_to(const struct disturbances *d, const struct run *earlier, const struct run *run)
{
    const struct process *before = &d->history->processes[earlier->process];
    const struct process *after = &d->history->processes[run->process];
    int64_t lease_us = d->history->config.min_idle_ms * 1000;
    int64_t from_us = fetched_since(d->history, earlier), until_us = reported_by(d, earlier);
    int64_t claimed_us = undisturbed_before(d, after->number, run->start_us, lease_us);
    return lease_may_be_lost(d, before->number, claimed_us > from_us ? claimed_us : from_us,
                             until_us < run->start_us ? until_us : run->start_us);
}

/* The later run's worker had lost the lease to the earlier one's, and only then came to start what it had in hand. */
static bool was_late(const struct disturbances *d, const struct run *earlier, const struct run *run)
{
    const struct process *before = &d->history->processes[earlier->process];
    const struct process *after = &d->history->processes[run->process];
    int64_t lease_us = d->history->config.min_idle_ms * 1000;
    int64_t late_us = run->start_us - earlier->start_us;
    int64_t disturbed_us = spans_within(&d->resuming[after->number], earlier->start_us, run->start_us);
    return before != after && disturbed_us >= late_us - d->history->config.resume_ms * 1000 / 2 &&
           lease_may_be_lost(d, after->number, earlier->start_us - 2 * lease_us, run->start_us);
}

static bool exceeded_max_run(const struct disturbances *d, const struct run *earlier, const struct run *run)
{
    int64_t until_us = earlier->end_us < run->start_us ? earlier->end_us : run->start_us;
    return until_us - earlier->start_us >= d->history->config.max_run_ms * 1000 - SLACK_US;
}

static enum cause explain(const struct disturbances *d, const struct run *earlier, const struct run *run)
{
    const struct process *before = &d->history->processes[earlier->process];
    if (died_uncleanly(before) && before->exit_us <= run->start_us && before->exit_us <= reported_by(d, earlier))
        return CAUSE_DEATH;
    if (was_lost_to(d, earlier, run) || was_late(d, earlier, run))
        return CAUSE_LEASE;
    return exceeded_max_run(d, earlier, run) ? CAUSE_MAX_RUN : CAUSE_NONE;
}

/* Whether it goes on when the other starts, by a process that is alive. */
static bool overlaps(const struct history *history, const struct run *earlier, const struct run *run)
{
    return earlier->end_us > run->start_us && history->processes[earlier->process].exit_us > run->start_us;
}

/* Whether another run came between, which took the job over for a reason: then it is that one's to be repeated. */
static bool was_taken_over(const struct disturbances *d, const struct run *earlier, const struct run *run)
{
    const struct run *runs = d->history->runs;
    for (size_t i = earlier->next; i != SIZE_MAX && &runs[i] != run; i = runs[i].next)
        if (runs[i].process != earlier->process &&
            (was_lost_to(d, earlier, &runs[i]) || exceeded_max_run(d, earlier, &runs[i])))
            return true;
    return false;
}

/* Whether the run would not be there if all had gone well with the earlier one. */
static bool is_repeated_by(const struct history_config *config, const struct run *earlier, const struct run *run)
{
    if (config->backoff_ms < 0) /* every delivery is an attempt: only a failure leads to another */
        return earlier->outcome != RUN_RETRY || earlier->end_us > run->start_us;
    bool last = (earlier->outcome == RUN_DONE || earlier->outcome == RUN_REJECT) && earlier->end_us <= run->start_us;
    return last || earlier->attempt >= run->attempt;
}

static void check_duplicate(const struct disturbances *d, const struct run *earlier, const struct run *run,
                            bool overlapping, struct verdict *verdict)
{
    const struct history *history = d->history;
    enum cause cause = explain(d, earlier, run);
    verdict->duplicates[cause]++;
    if (cause != CAUSE_NONE)
        return;
    verdict_add(verdict, overlapping ? FINDING_OVERLAP : FINDING_RUN_AGAIN, run->job, run->process, run->start_us,
                "by %s at %.1f ms, after %s at %.1f ms", history->processes[run->process].name,
                history_ms(history, run->start_us), history->processes[earlier->process].name,
                history_ms(history, earlier->start_us));
}

/* The attempt before has failed, and its delay is over. */
static void check_successor(const struct history *history, const struct run *run, struct verdict *verdict)
{
    const struct history_config *config = &history->config;
    int64_t failed_us = failed_before(history, run);
    int64_t delay_us = config->backoff_ms * (100 - config->jitter_percent) * 10 - SLACK_US;
    if (failed_us > run->start_us)
        verdict_add(verdict, FINDING_WRONG_ATTEMPT, run->job, run->process, run->start_us, "attempt %u", run->attempt);
    else if (run->start_us < failed_us + delay_us)
        verdict_add(verdict, FINDING_EARLY, run->job, run->process, run->start_us, "%.1f ms after attempt %u failed",
                    (double)(run->start_us - failed_us) / 1000, run->attempt - 1);
}

static void check_run(const struct disturbances *d, const struct history_job *job, const struct run *run,
                      struct verdict *verdict)
{
    const struct history *history = d->history;
    const struct run *last = NULL;
    for (size_t i = job->first_run; i != SIZE_MAX && &history->runs[i] != run; i = history->runs[i].next) {
        const struct run *earlier = &history->runs[i];
        if (overlaps(history, earlier, run)) {
            if (!was_taken_over(d, earlier, run))
                check_duplicate(d, earlier, run, true, verdict);
        } else if (is_repeated_by(&history->config, earlier, run))
            last = earlier;
    }
    if (last)
        check_duplicate(d, last, run, false, verdict);
    else if (run->attempt > 1 && history->config.backoff_ms >= 0)
        check_successor(history, run, verdict);
    if (run->start_us < job->intent_us + job->delay_ms * 1000 - (job->delay_ms ? SLACK_US : 0))
        verdict_add(verdict, FINDING_EARLY, run->job, run->process, run->start_us, "%.1f ms after it was enqueued",
                    (double)(run->start_us - job->intent_us) / 1000);
}

void check_runs(const struct disturbances *d, const struct history_job *job, struct verdict *verdict)
{
    for (size_t i = job->first_run; i != SIZE_MAX; i = d->history->runs[i].next)
        check_run(d, job, &d->history->runs[i], verdict);
}
