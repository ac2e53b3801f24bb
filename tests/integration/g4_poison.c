/* SPDX-License-Identifier: MIT
 *
 * G4: a job that kills its worker stops being retried, after exactly max_deliveries deliveries.
 */
#include "fixture.h"
#include "support/process.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { MAX_DELIVERIES = 3 };

struct shared {
    atomic_int entered, poisoned, healthy;
    atomic_int attempts[MAX_DELIVERIES + 1],
        deliveries[MAX_DELIVERIES + 1]; /* as the poisonous job's handler saw them */
};

static void note_poison(struct shared *shared, const weir_job *job)
{
    int n = atomic_fetch_add(&shared->entered, 1);
    if (n <= MAX_DELIVERIES) {
        atomic_store(&shared->attempts[n], (int)weir_job_attempt(job));
        atomic_store(&shared->deliveries[n], (int)weir_job_deliveries(job));
    }
    atomic_fetch_add(&shared->poisoned, 1); /* last: then it is killed */
}

/* The job's field "n" says how its worker dies. */
static weir_outcome die_as_told(weir_job *job, void *context)
{
    struct shared *shared = context;
    const char *how = name_of(job);
    if (strcmp(how, "healthy") == 0) {
        atomic_fetch_add(&shared->healthy, 1);
        return WEIR_DONE;
    }
    note_poison(shared, job);
    if (strcmp(how, "segv") == 0) {
        signal(SIGSEGV, SIG_DFL); /* no sanitizer's report, but the signal itself */
        raise(SIGSEGV);
    }
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "exit") == 0)
        _exit(3);
    if (strcmp(how, "kill") == 0)
        kill(getpid(), SIGKILL);
    struct gate never = GATE_INIT;
    gate_wait(&never);
    return WEIR_DONE;
}

static weir_queue_options poison_options(struct fixture *f, struct shared *shared)
{
    weir_queue_options options = fixture_options(f);
    options.handler = die_as_told;
    options.user_data = shared;
    options.concurrency = 1;
    options.max_attempts = 1;
    options.max_deliveries = MAX_DELIVERIES;
    options.min_idle_ms = 100;
    options.claim_interval_ms = 20;
    return options;
}

enum { KILLED_FROM_OUTSIDE = -1 }; /* in the middle of the run */

struct awaited_poison {
    struct shared *shared;
    int n;
};

static bool is_poisoned_again(void *context)
{
    struct awaited_poison *awaited = context;
    return atomic_load(&awaited->shared->poisoned) >= awaited->n;
}

/* As many workers as it takes; each must die as expected. Then one that lives, here, finds the job dead. */
static void expect_poison(struct fixture *f, const weir_queue_options *options, int status)
{
    struct shared *shared = options->user_data;
    for (int i = 0; i < MAX_DELIVERIES; i++) {
        pid_t pid = fixture_worker(options);
        if (status == KILLED_FROM_OUTSIDE) {
            struct awaited_poison awaited = {shared, i + 1};
            assert_true(wait_for(is_poisoned_again, &awaited, TEST_TIMEOUT_MS));
            child_kill(pid);
        } else {
            assert_int_equal(child_wait(pid, TEST_TIMEOUT_MS), status);
        }
        assert_int_equal(shared->poisoned, i + 1);
        assert_int_equal(shared->attempts[i], 1); /* crashes are no attempts */
        assert_int_equal(shared->deliveries[i], i + 1);
    }

    weir_queue_options healthy = *options;
    healthy.user_data = f;
    healthy.handler = handle_done;
    healthy.on_dead = record_dead;
    healthy.on_event = record_event;
    put(f, "healthy");
    fixture_start(f, &healthy);
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count_key(f->runs, "healthy"), 1);
    assert_int_equal(recorder_count(f->runs), 1);
    assert_int_equal(recorder_count(f->dead), 1);
    assert_int_equal(recorder_get(f->dead, 0).value, 0);
    assert_true(wait_events(f, WEIR_EVENT_JOB_DEAD, 1));

    redisReply *dead = entries_of(f, DEAD);
    assert_string_equal(text_of(dead->element[0], "weir.reason"), "crashed");
    assert_string_equal(text_of(dead->element[0], "weir.deliveries"), "3");
    assert_string_equal(text_of(dead->element[0], "weir.attempts"), "0");
    assert_true(strlen(text_of(dead->element[0], "n")) > 0);
    assert_true(strlen(text_of(dead->element[0], "weir.error")) > 0);
    freeReplyObject(dead);
}

static void expect_death(struct fixture *f, const char *how, int status)
{
    struct shared *shared = fixture_share(f, sizeof *shared);
    weir_queue_options options = poison_options(f, shared);
    put(f, how);
    expect_poison(f, &options, status);
}

static void a_segmentation_fault_counts(void **state)
{
    expect_death(*state, "segv", 128 + SIGSEGV);
}

static void an_abort_counts(void **state)
{
    expect_death(*state, "abort", 128 + SIGABRT);
}

static void an_exit_counts(void **state)
{
    expect_death(*state, "exit", 3);
}

static void a_sigkill_from_inside_counts(void **state)
{
    expect_death(*state, "kill", 128 + SIGKILL);
}

static void a_sigkill_from_outside_counts(void **state)
{
    expect_death(*state, "hang", KILLED_FROM_OUTSIDE);
}

/* A worker that comes back under its old name finds its own pending entries: the other way to a second delivery. */
static void so_it_does_where_the_worker_keeps_its_name(void **state)
{
    struct fixture *f = *state;
    struct shared *shared = fixture_share(f, sizeof *shared);
    weir_queue_options options = poison_options(f, shared);
    options.consumer = "one and only";
    options.min_idle_ms = 3600000;
    put(f, "exit");
    expect_poison(f, &options, 3);
}

/* Asynchronous jobs, too: the handler returned, the outcome never came. */
static weir_outcome die_later(weir_job *job, void *context)
{
    note_poison(context, job);
    struct itimerval soon = {.it_value.tv_usec = 50000};
    setitimer(ITIMER_REAL, &soon, NULL); /* kills the process, by SIGALRM, which nobody handles */
    return WEIR_LATER;
}

static void dying_before_finishing_counts(void **state)
{
    struct fixture *f = *state;
    struct shared *shared = fixture_share(f, sizeof *shared);
    weir_queue_options options = poison_options(f, shared);
    options.handler = die_later;
    options.max_deliveries = 1;
    put(f, "later");
    pid_t pid = fixture_worker(&options);
    assert_int_equal(child_wait(pid, TEST_TIMEOUT_MS), 128 + SIGALRM);
    options.handler = handle_done;
    options.user_data = f;
    fixture_start(f, &options);
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    assert_int_equal(recorder_count(f->runs), 0);
}

/* --- hanging --- */

static weir_outcome hang_at_gate(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    recorder_add(f->runs, name_of(job), (long long)weir_job_deliveries(job));
    gate_wait(&f->gate);
    return WEIR_DONE;
}

/* Each worker has a run of it that never ends, and none to spare. It is given up all the same. */
static void a_job_that_hangs_every_worker_is_given_up(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = hang_at_gate;
    options.concurrency = 2;
    options.min_idle_ms = test_scaled_ms(200);
    options.max_run_ms = 50;
    options.max_deliveries = 2;
    put(f, "hung");
    fixture_start(f, &options);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    assert_true(wait_pending(f, 0));
    redisReply *dead = entries_of(f, DEAD);
    assert_string_equal(text_of(dead->element[0], "weir.reason"), "crashed");
    assert_string_equal(text_of(dead->element[0], "weir.deliveries"), "2");
    freeReplyObject(dead);
    assert_int_equal(recorder_count(f->runs), 2);
    gate_open(&f->gate);
}

/* Crashes and failures have a budget each. */
static weir_outcome crash_then_fail(weir_job *job, void *context)
{
    note_poison(context, job);
    if (weir_job_deliveries(job) < 3 && weir_job_attempt(job) == 1)
        _exit(3);
    return WEIR_RETRY;
}

static void crashes_and_attempts_are_counted_apart(void **state)
{
    struct fixture *f = *state;
    struct shared *shared = fixture_share(f, sizeof *shared);
    weir_queue_options options = poison_options(f, shared);
    options.handler = crash_then_fail;
    options.max_attempts = 2;
    options.backoff_base_ms = 0;
    put(f, "a");
    for (int i = 0; i < 2; i++)
        assert_int_equal(child_wait(fixture_worker(&options), TEST_TIMEOUT_MS), 3);
    pid_t pid = fixture_worker(&options);
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    child_signal(pid, SIGTERM);
    assert_int_equal(child_wait(pid, TEST_TIMEOUT_MS), 0);
    assert_int_equal(shared->poisoned, 4);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shared->attempts[i], 1);
        assert_int_equal(shared->deliveries[i], i + 1);
    }
    assert_int_equal(shared->attempts[3], 2);
    assert_int_equal(shared->deliveries[3], 1); /* a new entry */
    redisReply *dead = entries_of(f, DEAD);
    assert_string_equal(text_of(dead->element[0], "weir.reason"), "exhausted");
    assert_string_equal(text_of(dead->element[0], "weir.attempts"), "2");
    freeReplyObject(dead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_segmentation_fault_counts),
        WITH_FIXTURE(an_abort_counts),
        WITH_FIXTURE(an_exit_counts),
        WITH_FIXTURE(a_sigkill_from_inside_counts),
        WITH_FIXTURE(a_sigkill_from_outside_counts),
        WITH_FIXTURE(so_it_does_where_the_worker_keeps_its_name),
        WITH_FIXTURE(dying_before_finishing_counts),
        WITH_FIXTURE(a_job_that_hangs_every_worker_is_given_up),
        WITH_FIXTURE(crashes_and_attempts_are_counted_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
