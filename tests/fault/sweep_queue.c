/* SPDX-License-Identifier: MIT
 *
 * A running queue, with its threads: each allocation, system call, byte and thread of theirs fails once; or memory is
 * gone for a while. The queue goes on by itself: every accepted job is run to its end, a stop is a clean one, and
 * nothing is left over.
 *
 * Threads make runs differ: a fault is counted over all threads of the queue, and which of them it strikes is not the
 * same each time. A point beyond a run's end strikes nothing, and asks for nothing less.
 */
#include "sweep.h"

#include "support/process.h"
#include "support/server.h"
#include "support/test.h"
#include "support/wait.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

enum { JOBS = 8, REJECTED = 2 };

/* By a job's number: what its handler says. The last two are delayed. */
enum says { SAYS_DONE, SAYS_RETRY_ONCE, SAYS_REJECT, SAYS_LATER };
static const enum says says[JOBS] = {SAYS_DONE, SAYS_RETRY_ONCE, SAYS_REJECT, SAYS_LATER,
                                     SAYS_DONE, SAYS_REJECT,     SAYS_DONE,   SAYS_RETRY_ONCE};

struct run {
    const char *url;
    struct test_server *server; /* NULL: in process */
    weir_queue *queue;
    atomic_int runs[JOBS], ended[JOBS], buried;
};

static void expect(bool good, const char *what)
{
    if (!good)
        fault_off(NULL);
    if (!good)
        fail_msg("%s: %s", sweep_point(), what);
}

static weir_outcome handle(weir_job *job, void *user_data)
{
    struct run *run = user_data;
    const char *n = weir_job_field(job, "n", NULL);
    int i = n ? atoi(n) % JOBS : 0, runs = atomic_fetch_add(&run->runs[i], 1) + 1;
    weir_job_error(job, "run %d", runs);
    if (says[i] == SAYS_RETRY_ONCE && runs == 1)
        return WEIR_RETRY;
    atomic_fetch_add(&run->ended[i], 1);
    if (says[i] == SAYS_LATER)
        weir_job_finish(job, WEIR_DONE);
    return says[i] == SAYS_REJECT ? WEIR_REJECT : says[i] == SAYS_LATER ? WEIR_LATER : WEIR_DONE;
}

static int note_dead(const weir_dead_letter *letter, void *user_data)
{
    (void)letter;
    atomic_fetch_add(&((struct run *)user_data)->buried, 1);
    return 0;
}

static weir_queue_options options_of(struct run *run)
{
    weir_queue_options options = WEIR_QUEUE_OPTIONS_INIT;
    options.url = run->url;
    options.stream = "jobs";
    options.group = "g";
    options.handler = handle;
    options.on_dead = note_dead;
    options.user_data = run;
    options.concurrency = 3;
    options.backoff_base_ms = 1;
    options.promote_interval_ms = 5;
    options.trim_interval_ms = 10;
    options.claim_interval_ms = 20;
    options.min_idle_ms = test_scaled_ms(400);
    options.max_deliveries = 1000; /* a job that is lost on the way again and again is not to blame */
    options.block_ms = 50;
    options.connection.command_timeout_ms = options.connection.connect_timeout_ms = test_scaled_ms(20000);
    return options;
}

/* --- expectations --- */

static bool all_ended(void *context)
{
    struct run *run = context;
    for (int i = 0; i < JOBS; i++)
        if (run->ended[i] == 0)
            return false;
    weir_stats stats = WEIR_STATS_INIT;
    weir_queue_stats(run->queue, &stats);
    return stats.running + stats.later + stats.waiting + stats.unreported == 0;
}

/* Nothing is waiting, pending or delayed: what ended was reported. */
static bool all_settled(void *context)
{
    struct run *run = context;
    if (!all_ended(run))
        return false;
    if (!run->server)
        return true;
    redisReply *pending = test_server_command(run->server, "XPENDING jobs g");
    bool settled = pending->type == REDIS_REPLY_ARRAY && pending->element[0]->integer == 0;
    freeReplyObject(pending);
    return settled && test_server_integer(run->server, "EXISTS {jobs}:delayed {jobs}:delayed:jobs") == 0;
}

static void enqueue_all(struct run *run)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    weir_producer *producer = NULL;
    weir_error err;
    options.url = run->url;
    options.stream = "jobs";
    options.connection.command_timeout_ms = options.connection.connect_timeout_ms = test_scaled_ms(20000);
    expect(weir_producer_open(&producer, &options, &err) == WEIR_OK, "no producer");
    for (int i = 0; i < JOBS; i++) {
        char n[8];
        snprintf(n, sizeof n, "%d", i);
        weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
        delayed.delay_ms = i >= JOBS - 2 ? 1 : 0;
        expect(weir_enqueue(producer, WEIR_FIELDS(weir_field_text("n", n)), &delayed, NULL, &err) == WEIR_OK,
               "can't be enqueued");
    }
    weir_producer_close(producer);
}

static bool has_struck(void *context)
{
    (void)context;
    return fault_hits() >= 3;
}

/* --- one run --- */

/* A thread that was joined may be seen for a moment longer; and a sanitizer may have one of its own from the first on.
 */
static bool only_threads(void *context)
{
    return process_threads() <= *(const int *)context;
}

static size_t run_with_fault(void *context, const struct fault *fault, size_t n, size_t *ret_seen)
{
    struct run *run = context;
    for (int i = 0; i < JOBS; i++)
        run->runs[i] = run->ended[i] = 0;
    run->buried = 0;
    if (run->server) {
        freeReplyObject(test_server_command(run->server, "FLUSHALL"));
        freeReplyObject(test_server_command(run->server, "SCRIPT FLUSH"));
    }
    int fds = process_fds(), threads = process_threads();
    weir_queue_options options = options_of(run);
    weir_error err;
    expect(weir_queue_open(&run->queue, &options, &err) == WEIR_OK, "can't be opened");

    fault_arm(fault, n);
    expect(weir_queue_start(run->queue, &err) == WEIR_OK, "can't be started");
    enqueue_all(run);
    if (fault->from_there && n != SIZE_MAX) { /* for a while; a queue that needs none of it is not waited for long */
        wait_for(has_struck, NULL, 200);
        fault_off(NULL);
    }
    expect(wait_for(all_settled, run, TEST_TIMEOUT_MS), "not all jobs came to their end");
    size_t hits = fault_off(ret_seen);

    expect(weir_queue_stop(run->queue, TEST_TIMEOUT_MS) == WEIR_OK, "can't be stopped");
    weir_queue_close(run->queue);
    run->queue = NULL;
    expect(run->buried >= REJECTED, "a dead job was not told of");
    if (run->server)
        expect(test_server_integer(run->server, "XLEN {jobs}:dead") == REJECTED, "dead letters");
    expect(process_fds() == fds, "descriptors are left over");
    expect(n == SIZE_MAX || wait_for(only_threads, &threads, TEST_TIMEOUT_MS), "threads are left over");
    return hits;
}

/* --- the sweeps --- */

static struct test_server *server;

static void allocations_in_process(void **state)
{
    (void)state;
    struct run run = {.url = "memory:queue"};
    struct fault fault = {.kind = FAULT_ALLOCATION, .others = true};
    sweep("a queue in process", run_with_fault, &run, &fault, sweep_most(10, 150));
    fault.from_there = true;
    sweep("a queue in process", run_with_fault, &run, &fault, sweep_most(4, 60));
}

static void allocations(void **state)
{
    (void)state;
    struct run run = {.url = test_server_url(server), .server = server};
    struct fault fault = {.kind = FAULT_ALLOCATION, .others = true};
    sweep("a queue on Redis", run_with_fault, &run, &fault, sweep_most(15, 200));
    fault.from_there = true;
    sweep("a queue on Redis", run_with_fault, &run, &fault, sweep_most(6, 80));
}

static void calls(void **state)
{
    (void)state;
    struct run run = {.url = test_server_url(server), .server = server};
    sweep_calls("a queue on Redis", run_with_fault, &run, true, sweep_most(1, 8));
}

static void bytes(void **state)
{
    (void)state;
    struct run run = {.url = test_server_url(server), .server = server};
    struct fault fault = {.kind = FAULT_REPLY_BYTE, .others = true};
    sweep("a queue on Redis", run_with_fault, &run, &fault, sweep_most(15, 250));
    fault.kind = FAULT_REQUEST_BYTE;
    sweep("a queue on Redis", run_with_fault, &run, &fault, sweep_most(10, 150));
}

static bool has_struck_often(void *context)
{
    (void)context;
    return fault_hits() >= 20;
}

static void count_line(weir_log_level level, const char *line, void *lines)
{
    (void)level;
    (void)line;
    atomic_fetch_add((atomic_int *)lines, 1);
}

/* While no thread can be started it is tried again and again, which need not be said each time. */
static void threads_that_cannot_be_started_fill_no_log(void **state)
{
    (void)state;
    struct run run = {.url = "memory:threads"};
    weir_queue_options options = options_of(&run);
    weir_error err;
    atomic_int lines = 0;
    assert_int_equal(weir_queue_open(&run.queue, &options, &err), WEIR_OK);
    assert_int_equal(weir_queue_start(run.queue, &err), WEIR_OK);
    weir_log_set(WEIR_LOG_WARNING, count_line, &lines);
    fault_arm(&(struct fault){.kind = FAULT_THREAD, .error = EAGAIN, .others = true, .from_there = true}, 1);
    enqueue_all(&run);
    bool struck = wait_for(has_struck_often, NULL, TEST_TIMEOUT_MS);
    fault_off(NULL);
    assert_true(wait_for(all_settled, &run, TEST_TIMEOUT_MS));
    assert_int_equal(weir_queue_stop(run.queue, TEST_TIMEOUT_MS), WEIR_OK);
    weir_queue_close(run.queue);
    weir_log_set(WEIR_LOG_OFF, NULL, NULL);
    assert_true(struck);
    assert_int_equal(lines, 1);
}

int main(void)
{
    weir_log_set(WEIR_LOG_OFF, NULL, NULL); /* it complains, rightly */
    server = test_server_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_in_process),
        cmocka_unit_test(allocations),
        cmocka_unit_test(calls),
        cmocka_unit_test(bytes),
        cmocka_unit_test(threads_that_cannot_be_started_fill_no_log),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_server_stop(server);
    return failed;
}
