/* SPDX-License-Identifier: MIT
 *
 * Jobs: where each ended. check_runs.c has what happened to it on the way, check_processes.c who did the work.
 */
#include "checker.h"

#include "support/wait.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *text;
    enum finding_class class;
} kinds[] = {
#define FINDING_ROW(name, class, text) {#name, text, class},
    FINDING_TABLE(FINDING_ROW)
#undef FINDING_ROW
};

const char *finding_name(enum finding_kind kind)
{
    return kinds[kind].name;
}

const char *finding_text(enum finding_kind kind)
{
    return kinds[kind].text;
}

void verdict_add(struct verdict *verdict, enum finding_kind kind, size_t job, size_t process, int64_t at_us,
                 const char *format, ...)
{
    struct finding *grown = realloc(verdict->findings, (verdict->n_findings + 1) * sizeof *grown);
    if (!grown)
        test_die("no memory for findings");
    verdict->findings = grown;
    struct finding *finding = &grown[verdict->n_findings++];
    *finding = (struct finding){.kind = kind, .job = job, .process = process, .at_us = at_us};
    va_list args;
    va_start(args, format);
    vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
    verdict->of_class[kinds[kind].class]++;
}

bool job_does(const struct history_job *job, const char *word)
{
    size_t len = strlen(word);
    return job->doing_len >= len && memcmp(job->doing, word, len) == 0 &&
           (job->doing_len == len || job->doing[len] == ' ');
}

/* --- dead for a true reason? --- */

static size_t ended_with(const struct history *history, const struct history_job *job, enum run_outcome outcome)
{
    size_t n = 0;
    for (size_t i = job->first_run; i != SIZE_MAX; i = history->runs[i].next)
        n += history->runs[i].outcome == outcome;
    return n;
}

static size_t deaths_between(const struct history *history, int64_t from_us, int64_t to_us)
{
    size_t n = 0;
    for (size_t i = 0; i < history->n_processes; i++) {
        const struct process *process = &history->processes[i];
        bool clean = !process->signalled && process->status == 0;
        n += process->kind == 'w' && !clean && process->exit_us >= from_us && process->exit_us <= to_us;
    }
    return n;
}

/* Each attempt up to the last one failed; or, without backoff, the last of the deliveries did, which are counted then.
 */
static bool is_exhausted(const struct history *history, const struct history_job *job)
{
    const struct history_config *config = &history->config;
    if (job->dead_attempts < config->max_attempts ||
        (config->backoff_ms >= 0 && job->dead_attempts > config->max_attempts))
        return false;
    for (uint32_t attempt = config->backoff_ms < 0 ? job->dead_attempts : 1; attempt <= job->dead_attempts; attempt++) {
        bool failed = false;
        for (size_t i = job->first_run; i != SIZE_MAX; i = history->runs[i].next)
            failed |= history->runs[i].attempt == attempt && history->runs[i].outcome == RUN_RETRY;
        if (!failed)
            return false;
    }
    return true;
}

/* Workers died, or leases ran out, often enough while it was there. */
static bool is_crashed(const struct disturbances *d, const struct history_job *job, struct verdict *verdict)
{
    const struct history *history = d->history;
    if (job->dead_deliveries < history->config.max_deliveries)
        return false;
    if (job_does(job, "crash") || job_does(job, "exit") || job_does(job, "hang"))
        return true;
    verdict->dead_beside++;
    size_t failures = history->config.backoff_ms < 0 ? ended_with(history, job, RUN_RETRY) : 0;
    return failures + deaths_between(history, job->intent_us, job->told_us) +
               lease_losses(d, job->intent_us, job->told_us) >=
           (size_t)history->config.max_deliveries;
}

static bool is_truly_dead(const struct disturbances *d, const struct history_job *job, struct verdict *verdict)
{
    switch (job->dead_reason) {
    case 'e':
        return is_exhausted(d->history, job);
    case 'c':
        return is_crashed(d, job, verdict);
    case 'r':
        return ended_with(d->history, job, RUN_REJECT) > 0;
    case 'u':
        return job_does(job, "bad");
    default:
        return false; /* nobody deletes entries here: "payload lost" is never true, nor is anything else */
    }
}

static void check_dead(const struct disturbances *d, size_t i, struct verdict *verdict)
{
    const struct history_job *job = &d->history->jobs[i];
    if (job->told_us == NEVER || job->told_reason != job->dead_reason)
        verdict_add(verdict, FINDING_UNTOLD, i, SIZE_MAX, job->told_us == NEVER ? job->answered_us : job->told_us,
                    "reason %c, on_dead was told %c", job->dead_reason, job->told_reason ? job->told_reason : '-');
    else if (!is_truly_dead(d, job, verdict))
        verdict_add(verdict, FINDING_FALSELY_DEAD, i, SIZE_MAX, job->told_us, "reason %c, attempts %u, deliveries %u",
                    job->dead_reason, job->dead_attempts, job->dead_deliveries);
}

/* --- where it ended --- */

/* Nothing of it is left, and it was not done. */
static void check_missing(const struct history *history, size_t i, struct verdict *verdict)
{
    const struct history_job *job = &history->jobs[i];
    if (job->enqueued == ENQUEUE_ACCEPTED || job->n_runs > 0)
        verdict_add(verdict, FINDING_LOST, i, SIZE_MAX, job->intent_us, "%zu runs, none of them done", job->n_runs);
}

static bool is_tail(const struct history_job *job)
{
    return job->name_len > 5 && memcmp(job->name, "tail-", 5) == 0;
}

/* The longest that a run can be delayed for while still being worked off: none of those that are left is due so soon.
 */
static bool is_far(const struct history_job *job)
{
    return job->delay_ms >= 600000;
}

/* Counts it where it ended, and sees whether it may be there. */
static void check_place(const struct disturbances *d, size_t i, struct verdict *verdict)
{
    const struct history *history = d->history;
    const struct history_job *job = &history->jobs[i];
    bool done = ended_with(history, job, RUN_DONE) > 0;
    unsigned places = job->n_waiting + job->n_pending + job->n_delayed + job->n_dead;
    unsigned unfinished = job->n_waiting + job->n_pending + job->n_delayed;
    if (places > 1 || (done && unfinished > 0))
        verdict_add(verdict, FINDING_TWO_PLACES, i, SIZE_MAX, job->intent_us,
                    "%u times waiting, %u pending, %u delayed, %u dead%s", job->n_waiting, job->n_pending,
                    job->n_delayed, job->n_dead, done ? ", and done" : "");
    if (job->n_dead > 0) {
        verdict->dead++;
        check_dead(d, i, verdict);
    } else if (unfinished > 0) {
        verdict->waiting += job->n_waiting > 0;
        verdict->delayed += job->n_waiting + job->n_pending == 0;
        bool may_be = job->n_pending == 0 && (job->n_waiting > 0 ? is_tail(job) : is_far(job));
        if (!may_be)
            verdict_add(verdict, FINDING_STUCK, i, SIZE_MAX, job->intent_us, "%s",
                        job->n_pending > 0   ? "pending"
                        : job->n_waiting > 0 ? "waiting"
                                             : "due");
    } else if (done) {
        verdict->done++;
    } else {
        check_missing(history, i, verdict);
    }
}

static bool has_traces(const struct history_job *job)
{
    return job->n_runs > 0 || job->told_us != NEVER ||
           job->n_waiting + job->n_pending + job->n_delayed + job->n_dead > 0;
}

/* Of all calls that repeat each other idempotently, this being the last, one came through; or none if all failed. */
static void check_once(const struct history *history, size_t last, struct verdict *verdict)
{
    unsigned there = 0;
    bool must_be = false;
    for (size_t i = last; i != SIZE_MAX; i = history->jobs[i].again) {
        const struct history_job *job = &history->jobs[i];
        there += has_traces(job) || job->enqueued == ENQUEUE_ACCEPTED;
        must_be |= job->enqueued == ENQUEUE_DUPLICATE;
    }
    if (there > 1)
        verdict_add(verdict, FINDING_TWICE, last, SIZE_MAX, history->jobs[last].intent_us, "%u times", there);
    else if (must_be && there == 0)
        verdict_add(verdict, FINDING_LOST, last, SIZE_MAX, history->jobs[last].intent_us,
                    "its call was a duplicate, and the one before was not there");
}

static void check_job(const struct disturbances *d, size_t i, struct verdict *verdict)
{
    const struct history_job *job = &d->history->jobs[i];
    bool traces = has_traces(job);
    verdict->accepted += job->enqueued == ENQUEUE_ACCEPTED;
    verdict->refused += job->enqueued == ENQUEUE_REFUSED;
    if (job->meant && job->enqueued == ENQUEUE_IN_DOUBT) {
        verdict->in_doubt++;
        verdict->in_doubt_there += traces;
    }
    if (!job->repeated && (job->again != SIZE_MAX || job->enqueued == ENQUEUE_DUPLICATE))
        check_once(d->history, i, verdict);
    if (traces && (!job->meant || job->enqueued == ENQUEUE_REFUSED || job->enqueued == ENQUEUE_DUPLICATE)) {
        verdict_add(verdict, FINDING_GHOST, i, SIZE_MAX, job->intent_us == NEVER ? 0 : job->intent_us,
                    !job->meant                        ? "never enqueued"
                    : job->enqueued == ENQUEUE_REFUSED ? "refused"
                                                       : "a duplicate");
        return;
    }
    if (traces || job->enqueued == ENQUEUE_ACCEPTED)
        check_place(d, i, verdict);
    check_runs(d, job, verdict);
}

void check_jobs(const struct disturbances *d, struct verdict *verdict)
{
    for (size_t i = 0; i < d->history->n_jobs; i++)
        check_job(d, i, verdict);
    for (size_t i = 0; i < d->history->n_leftovers; i++) {
        const char *line = d->history->leftovers[i];
        int len = (int)(strchrnul(line, '\n') - line);
        bool spoiled = strncmp(line, "spoiled", 7) == 0;
        verdict_add(verdict, spoiled ? FINDING_SPOILED : FINDING_LEFT_OVER, SIZE_MAX, SIZE_MAX, d->history->drain_us,
                    "%.*s", len, line);
    }
}

struct verdict check(const struct history *history)
{
    struct verdict verdict = {0};
    struct disturbances disturbances = disturbances_of(history);
    check_jobs(&disturbances, &verdict);
    check_processes(&disturbances, &verdict);
    disturbances_free(&disturbances);
    return verdict;
}

void verdict_free(struct verdict *verdict)
{
    free(verdict->findings);
    *verdict = (struct verdict){0};
}
