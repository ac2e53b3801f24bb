/* SPDX-License-Identifier: MIT
 *
 * The judge of a history: what was promised, and was not kept.
 */
#ifndef CHAOS_CHECKER_H
#define CHAOS_CHECKER_H

#include "disturbance.h"
#include "history.h"

/* The three kinds of failure of the closing line. */
enum finding_class { CLASS_LOST, CLASS_DUPLICATE, CLASS_STALL, N_CLASSES };

/* X(name, class, what is said of the job or process) */
#define FINDING_TABLE(X)                                                                                               \
    X(LOST, CLASS_LOST, "was enqueued, and is neither done nor dead nor anywhere else")                                \
    X(FALSELY_DEAD, CLASS_LOST, "is dead for a reason that is not true")                                               \
    X(UNTOLD, CLASS_LOST, "is dead, and on_dead was not told so")                                                      \
    X(SPOILED, CLASS_LOST, "half of a delayed job is left")                                                            \
    X(RUN_AGAIN, CLASS_DUPLICATE, "ran again, and no fault explains it")                                               \
    X(OVERLAP, CLASS_DUPLICATE, "ran twice at once, though the first worker was alive and connected")                  \
    X(GHOST, CLASS_DUPLICATE, "is there, though nobody enqueued it or was told that it was accepted")                  \
    X(TWO_PLACES, CLASS_DUPLICATE, "is in more than one place")                                                        \
    X(TWICE, CLASS_DUPLICATE, "was enqueued idempotently, and is there more than once")                                \
    X(EARLY, CLASS_DUPLICATE, "ran before it was enqueued, or due")                                                    \
    X(WRONG_ATTEMPT, CLASS_DUPLICATE, "ran with an attempt that no failed run led to")                                 \
    X(STALL, CLASS_STALL, "started no job for longer than it may")                                                     \
    X(LATE_STOP, CLASS_STALL, "stopped later than its deadline and 100 ms")                                            \
    X(STUCK, CLASS_STALL, "is pending for nobody, waiting or due, after all was worked off")                           \
    X(LEFT_OVER, CLASS_STALL, "a key, a consumer or a process is left over")                                           \
    X(DIED, CLASS_STALL, "a process died, and nothing explains it")

#define FINDING_ENUM_ENTRY(name, class, text) FINDING_##name,
enum finding_kind { FINDING_TABLE(FINDING_ENUM_ENTRY) N_FINDING_KINDS };
#undef FINDING_ENUM_ENTRY

/* What explains a duplicate: the worker of the run before died; a lease ran out; the run took longer than it may. */
enum cause { CAUSE_NONE, CAUSE_DEATH, CAUSE_LEASE, CAUSE_MAX_RUN, N_CAUSES };

struct finding {
    enum finding_kind kind;
    size_t job;     /* SIZE_MAX: none */
    size_t process; /* SIZE_MAX: none */
    int64_t at_us;
    char text[160]; /* what exactly */
};

struct verdict {
    size_t accepted, refused, in_doubt, in_doubt_there;
    size_t done, dead, delayed, waiting;
    size_t duplicates[N_CAUSES]; /* runs; those of CAUSE_NONE are findings */
    size_t dead_beside;          /* crashed, though it was another job that took the worker along */
    size_t of_class[N_CLASSES];
    int64_t slowest_us; /* without a start of a job, of a worker that could have started one; */
    size_t slowest_process;
    int64_t slowest_at_us; /* from then on */
    struct finding *findings;
    size_t n_findings;
};

struct verdict check(const struct history *history);
void verdict_free(struct verdict *verdict);

const char *finding_name(enum finding_kind kind);
const char *finding_text(enum finding_kind kind);

/* The parts of check. */
void check_jobs(const struct disturbances *disturbances, struct verdict *verdict);
void check_runs(const struct disturbances *disturbances, const struct history_job *job, struct verdict *verdict);
void check_processes(const struct disturbances *disturbances, struct verdict *verdict);
void verdict_add(struct verdict *verdict, enum finding_kind kind, size_t job, size_t process, int64_t at_us,
                 const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Whether the job's field "do" begins with this word. */
bool job_does(const struct history_job *job, const char *word);

#endif
