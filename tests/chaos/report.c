/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOLD_AT_LENGTH = 8, /* findings */
    LINES_MAX = 120,    /* of one of them */
    BEFORE_US = 500000,
};

/* A line of the history, cut at its words. */
struct line {
    int64_t us;
    const char *who, *event, *job; /* each up to the next space */
    const char *end;
};

static bool starts_with_word(const char *text, const char *end, const char *word, size_t len)
{
    return (size_t)(end - text) >= len && memcmp(text, word, len) == 0 &&
           (text + len == end || text[len] == ' ' || text[len] == '\n');
}

static const char *after_word(const char *text, const char *end)
{
    const char *space = memchr(text, ' ', (size_t)(end - text));
    return space ? space + 1 : end;
}

static bool cut(const char *from, const char *end, struct line *line)
{
    if (from == end || *from != '@')
        return false;
    line->who = after_word(from, end);
    if (!history_number(from + 1, (size_t)(line->who - from) - 2, &line->us))
        return false;
    line->event = after_word(line->who, end);
    line->job = after_word(line->event, end);
    line->end = end;
    return true;
}

/* What a finding's tale is made of. */
struct tale {
    const struct history_job *job; /* or NULL */
    const char *process;           /* or NULL: of any */
    int64_t from_us, to_us;
};

static bool is_event(const struct line *line, const char *event)
{
    return starts_with_word(line->event, line->end, event, strlen(event));
}

static bool belongs(const struct tale *tale, const struct line *line)
{
    static const char *const of_jobs[] = {"intent", "accepted", "refused", "doubt", "duplicate",
                                          "again",  "start",    "end",     "told"};
    bool of_job = is_event(line, "left");
    for (size_t i = 0; i < sizeof of_jobs / sizeof *of_jobs; i++)
        of_job |= is_event(line, of_jobs[i]);
    const char *name = is_event(line, "left") ? after_word(line->job, line->end) : line->job;
    if (of_job && tale->job)
        return starts_with_word(name, line->end, tale->job->name, tale->job->name_len);
    if (line->us < tale->from_us || line->us > tale->to_us || is_event(line, "lost"))
        return false;
    if (!tale->job && (of_job || is_event(line, "note")))
        return tale->process && starts_with_word(line->who, line->end, tale->process, strlen(tale->process));
    return !of_job;
}

static void tell(FILE *out, const struct history *history, const struct tale *tale)
{
    int n = 0;
    for (const char *at = history->text, *end = at + history->len, *newline; at < end; at = newline + 1) {
        newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline)
            break;
        struct line line;
        if (!cut(at, newline, &line) || !belongs(tale, &line))
            continue;
        if (n++ < LINES_MAX)
            fprintf(out, "    %12.3f ms  %.*s\n", history_ms(history, line.us), (int)(line.end - line.who), line.who);
    }
    if (n > LINES_MAX)
        fprintf(out, "    … and %d more\n", n - LINES_MAX);
}

static int64_t last_of(const struct history *history, const struct history_job *job)
{
    int64_t last_us = job->answered_us == NEVER ? job->intent_us : job->answered_us;
    for (size_t i = job->first_run; i != SIZE_MAX; i = history->runs[i].next) {
        const struct run *run = &history->runs[i];
        int64_t us = run->end_us == NEVER ? run->start_us : run->end_us;
        last_us = us > last_us ? us : last_us;
    }
    return job->told_us != NEVER && job->told_us > last_us ? job->told_us : last_us;
}

static void report_finding(FILE *out, const struct history *history, const struct finding *finding, bool at_length)
{
    struct tale tale = {.from_us = finding->at_us - BEFORE_US,
                        .to_us = finding->at_us + history->config.resume_ms * 1000 + 2 * BEFORE_US};
    if (finding->job != SIZE_MAX) {
        tale.job = &history->jobs[finding->job];
        tale.from_us = tale.job->intent_us - BEFORE_US;
        tale.to_us = last_of(history, tale.job) + BEFORE_US;
        fprintf(out, "%s: job %.*s (%.*s) %s: %s\n", finding_name(finding->kind), (int)tale.job->name_len,
                tale.job->name, (int)tale.job->doing_len, tale.job->doing ? tale.job->doing : "?",
                finding_text(finding->kind), finding->text);
    } else if (finding->process != SIZE_MAX) {
        tale.process = history->processes[finding->process].name;
        fprintf(out, "%s: %s %s: %s\n", finding_name(finding->kind), tale.process, finding_text(finding->kind),
                finding->text);
    } else {
        fprintf(out, "%s: %s: %s\n", finding_name(finding->kind), finding_text(finding->kind), finding->text);
        return;
    }
    if (at_length)
        tell(out, history, &tale);
}

void report_findings(FILE *out, const struct history *history, const struct verdict *verdict)
{
    size_t of_kind[N_FINDING_KINDS] = {0};
    for (size_t i = 0; i < verdict->n_findings; i++) {
        const struct finding *finding = &verdict->findings[i];
        size_t nth = of_kind[finding->kind]++;
        if (nth < 10 * TOLD_AT_LENGTH)
            report_finding(out, history, finding, nth < TOLD_AT_LENGTH);
    }
    for (int kind = 0; kind < N_FINDING_KINDS; kind++)
        if (of_kind[kind] > 0)
            fprintf(out, "%zu × %s\n", of_kind[kind], finding_name((enum finding_kind)kind));
}

void report_counts(FILE *out, const struct history *history, const struct verdict *verdict)
{
    fprintf(out,
            "%zu runs of jobs; %zu enqueues refused, %zu in doubt (%zu of these jobs were there); "
            "%zu waiting, %zu delayed at the end\n",
            history->n_runs, verdict->refused, verdict->in_doubt, verdict->in_doubt_there, verdict->waiting,
            verdict->delayed);
    fprintf(out,
            "%zu duplicates explained: %zu by a worker's death, %zu by leases that ran out, %zu by max_run_ms; "
            "%zu jobs dead beside one that killed its workers\n",
            verdict->duplicates[CAUSE_DEATH] + verdict->duplicates[CAUSE_LEASE] + verdict->duplicates[CAUSE_MAX_RUN],
            verdict->duplicates[CAUSE_DEATH], verdict->duplicates[CAUSE_LEASE], verdict->duplicates[CAUSE_MAX_RUN],
            verdict->dead_beside);
    const char *who = history->n_processes > 0 ? history->processes[verdict->slowest_process].name : "-";
    fprintf(
        out,
        "longest time without a start by a worker that could: %.0f ms (%s, at %.1f s); the machine took %.1f s from "
        "a thread that slept\n",
        (double)verdict->slowest_us / 1000, who, history_ms(history, verdict->slowest_at_us) / 1000,
        (double)history->machine_us / 1e6);
}

void report_line(FILE *out, const struct verdict *verdict)
{
    fprintf(out, "accepted %zu, done %zu, dead %zu, lost %zu, unexplained duplicates %zu, stalls %zu\n",
            verdict->accepted, verdict->done, verdict->dead, verdict->of_class[CLASS_LOST],
            verdict->of_class[CLASS_DUPLICATE], verdict->of_class[CLASS_STALL]);
}
