/* SPDX-License-Identifier: MIT
 *
 * A history, as it was read: jobs with their runs and where they ended, processes with their lives, faults. The lines
 * are described in docs/chaos.md, writer.h and snapshot.h. Times are microseconds of CLOCK_MONOTONIC; NEVER stands for
 * what did not happen.
 */
#ifndef CHAOS_HISTORY_H
#define CHAOS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEVER INT64_MAX

/* DUPLICATE: an idempotent call that found its id there. */
enum enqueued { ENQUEUE_IN_DOUBT, ENQUEUE_ACCEPTED, ENQUEUE_REFUSED, ENQUEUE_DUPLICATE };

enum run_outcome { RUN_UNENDED, RUN_DONE, RUN_RETRY, RUN_REJECT };

struct run {
    size_t job, process;
    size_t next; /* run of the same job, by start; SIZE_MAX: none */
    int64_t start_us, end_us;
    enum run_outcome outcome;
    uint32_t attempt, deliveries;
    const char *entry; /* in the text */
    size_t entry_len;
};

struct history_job {
    const char *name, *doing; /* in the text; `doing` up to the end of its line */
    size_t name_len, doing_len;
    enum enqueued enqueued;
    bool meant; /* its intent was recorded */
    int64_t intent_us, answered_us, delay_ms;
    size_t first_run, n_runs; /* first_run: SIZE_MAX for none */
    size_t again;             /* the idempotent call that this one repeats; SIZE_MAX: none */
    bool repeated;            /* by another one */
    int64_t told_us;          /* on_dead, the last time */
    char told_reason;         /* the first letter of it */
    unsigned n_waiting, n_pending, n_delayed, n_dead;
    char dead_reason; /* the same, of the dead letter */
    uint32_t dead_attempts, dead_deliveries;
};

struct process {
    char name[16]; /* "w2.5" */
    char kind;     /* 'w', 'p', 'c' */
    int number;
    int64_t spawned_us, ready_us, exit_us;
    int64_t stopped_us, stop_took_us; /* its stop and close had returned, after so long */
    bool asked, signalled;            /* of its end */
    int status;                       /* or the signal */
    bool survived;                    /* it did not heed SIGTERM at the end */
};

struct history_fault {
    int no;
    char kind[24];
    char target[16]; /* "w2", "workers", "-" */
    int64_t begin_us, end_us;
};

struct span {
    int64_t from_us, to_us;
};

/* What a run was like, from its line "config". backoff_ms: −1 for WEIR_BACKOFF_NONE. */
struct history_config {
    int64_t min_idle_ms, max_run_ms, max_attempts, max_deliveries, concurrency, resume_ms, backoff_ms, jitter_percent;
    int64_t stop_ms;
};

struct history {
    char *text;
    size_t len;
    bool mapped; /* a file's */
    struct history_config config;
    int64_t load_us, drain_us; /* when the load began, when it ended */

    struct history_job *jobs;
    size_t n_jobs, jobs_capacity;
    size_t *index; /* of jobs by name: open addressing; 0: empty, else number + 1 */
    size_t index_size;
    struct run *runs;
    size_t n_runs, runs_capacity;
    struct process *processes;
    size_t n_processes, processes_capacity;
    struct history_fault *faults;
    size_t n_faults, faults_capacity;
    struct span *lost; /* what the machine or the server took, by end */
    size_t n_lost, lost_capacity;
    int64_t machine_us; /* what the machine took, in all */
    int64_t *fed;       /* when the feeder's jobs were accepted */
    size_t n_fed, fed_capacity;
    const char **leftovers; /* lines from "left" on, of what is no job's */
    size_t n_leftovers, leftovers_capacity;
};

/* Reads a history; the text is borrowed. A line that can't be understood ends the program. */
void history_parse(struct history *history, char *text, size_t len);
void history_load(struct history *history, const char *path);
void history_free(struct history *history);

/* The job of that name, or NULL. */
struct history_job *history_job(struct history *history, const char *name);

/* A decimal number that is the whole text, which need not end in a NUL. */
bool history_number(const char *text, size_t len, int64_t *ret);

/* The milliseconds since the load began. */
double history_ms(const struct history *history, int64_t at_us);

#endif
