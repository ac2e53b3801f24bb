/* SPDX-License-Identifier: MIT */
#include "handler.h"

#include "role.h"
#include "support/wait.h"
#include "writer.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct task {
    const char *name; /* borrowed from the job */
    const char *doing;
};

static const char *field_of(const weir_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->n; i++)
        if (fields->items[i].name_len == strlen(name) && memcmp(fields->items[i].name, name, strlen(name)) == 0)
            return fields->items[i].value;
    return NULL;
}

static weir_status decode(const weir_fields *fields, void *value, weir_error *err)
{
    struct task *task = value;
    task->name = field_of(fields, "n");
    task->doing = field_of(fields, "do");
    if (task->name && task->doing && strcmp(task->doing, "bad") != 0)
        return WEIR_OK;
    snprintf(err->message, sizeof err->message, "it is spoiled");
    return err->code = WEIR_ERR_DECODE;
}

const weir_codec chaos_codec = {
    .size = sizeof(weir_codec), .name = "task", .struct_size = sizeof(struct task), .decode = decode};

/* One run, as far as it outlives the job. */
struct chaos_run {
    char name[32], entry[48], word[16];
    int fails, work_ms;
    uint32_t attempt;
    weir_job *job;
};

static struct chaos_run begin_run(weir_job *job)
{
    const struct task *task = weir_job_payload(job);
    struct chaos_run run = {.attempt = weir_job_attempt(job), .job = job};
    snprintf(run.name, sizeof run.name, "%s", task->name);
    snprintf(run.entry, sizeof run.entry, "%s", weir_job_entry_id(job));
    int a = 0, b = 0;
    int n = sscanf(task->doing, "%15s %d %d", run.word, &a, &b);
    run.fails = n == 3 ? a : strcmp(run.word, "fail") == 0 ? INT32_MAX : 0;
    run.work_ms = n == 3 ? b : a;
    history_say("start %s %s %u %u", run.name, run.entry, run.attempt, weir_job_deliveries(job));
    return run;
}

static weir_outcome end_run(const struct chaos_run *run)
{
    weir_outcome outcome = WEIR_DONE;
    const char *word = "done";
    if (strcmp(run->word, "reject") == 0) {
        outcome = WEIR_REJECT;
        word = "reject";
    } else if (run->attempt <= (uint32_t)run->fails) {
        outcome = WEIR_RETRY;
        word = "retry";
    }
    if (outcome != WEIR_DONE)
        weir_job_error(run->job, "attempt %u", run->attempt);
    history_say("end %s %s %s", run->name, run->entry, word); /* what it did is done: now it may be reported */
    return outcome;
}

static void *finish_later(void *argument)
{
    struct chaos_run *run = argument;
    poll(NULL, 0, run->work_ms);
    weir_job *job = run->job;
    weir_outcome outcome = end_run(run);
    free(run);
    weir_job_finish(job, outcome);
    return NULL;
}

static bool start_later(const struct chaos_run *run)
{
    struct chaos_run *copy = malloc(sizeof *copy);
    if (!copy)
        return false;
    *copy = *run;
    pthread_t thread;
    if (pthread_create(&thread, NULL, finish_later, copy) != 0) {
        free(copy);
        return false;
    }
    pthread_detach(thread);
    return true;
}

static void be_toxic(const char *word)
{
    if (strcmp(word, "crash") == 0) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    if (strcmp(word, "exit") == 0)
        exit(EXIT_TOXIC);
    while (strcmp(word, "hang") == 0)
        poll(NULL, 0, -1);
}

weir_outcome chaos_handle(weir_job *job, void *unused)
{
    (void)unused;
    struct chaos_run run = begin_run(job);
    be_toxic(run.word);
    if (strcmp(run.word, "later") == 0 && start_later(&run))
        return WEIR_LATER;
    if (run.work_ms > 0)
        poll(NULL, 0, run.work_ms);
    return end_run(&run);
}

int chaos_on_dead(const weir_dead_letter *letter, void *unused)
{
    (void)unused;
    const char *name = field_of(&letter->fields, "n");
    history_say("told %s %s", name ? name : "?", letter->reason_text);
    return 0;
}

void chaos_on_event(const weir_event *event, void *unused)
{
    (void)unused;
    if (event->kind != WEIR_EVENT_JOB_DEAD)
        history_say("note %s: %s %.200s", weir_event_kind_text(event->kind), event->id, event->text);
}
