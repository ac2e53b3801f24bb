/* SPDX-License-Identifier: MIT
 *
 * Which threads count as stuck, and when a queue is ready: for watchdogs and probes.
 *
 * Being well is shown by being found well again and again, with less patience than the trouble lasts, however slow the
 * machine is; being ill by waiting for it.
 */
#include "fixture.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* A thread that doesn't say that it waits would still be seen every WEIR_WATCH_SLICE_MS: less than that. */
enum { PATIENCE_MS = 20, TIMES = 5, AT_MOST_MS = 5000 };

static void let_pass(int ms)
{
    poll(NULL, 0, ms);
}

/* --- well --- */

struct probe {
    weir_queue *queue;
    weir_error err;
};

static bool is_well(void *context)
{
    struct probe *probe = context;
    return weir_queue_health(probe->queue, PATIENCE_MS, &probe->err) == WEIR_OK;
}

/* TIMES times, each of them after the threads could have been overdue since the last one. */
static void expect_well(weir_queue *queue)
{
    struct probe probe = {.queue = queue};
    for (int i = 0; i < TIMES; i++) {
        let_pass(5 * PATIENCE_MS);
        if (!wait_for(is_well, &probe, AT_MOST_MS))
            fail_msg("%s", probe.err.message);
    }
    OK(weir_queue_health(queue, 0, &last_error));
}

static bool is_ready(void *queue)
{
    return weir_queue_ready(queue, NULL) == WEIR_OK;
}

static bool is_not_ready(void *queue)
{
    return weir_queue_ready(queue, NULL) != WEIR_OK;
}

static void expect_ready(weir_queue *queue)
{
    if (!wait_for(is_ready, queue, TEST_TIMEOUT_MS))
        fail_msg("it doesn't become ready: %s", weir_status_name(weir_queue_ready(queue, NULL)));
}

static void an_idle_queue_is_well_and_ready(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.block_ms = 60000; /* nobody shows up meanwhile */
    options.claim_interval_ms = options.promote_interval_ms = options.pause_interval_ms = 60000;
    weir_queue *queue = fixture_start(f, &options);
    expect_ready(queue);
    expect_well(queue);
}

static void a_queue_that_is_not_started_is_well(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    weir_queue *queue = fixture_open(f, &options);
    OK(weir_queue_health(queue, 1, &last_error));
    EXPECT(WEIR_ERR_STATE, weir_queue_ready(queue, &last_error));
    OK(weir_queue_start(queue, &last_error));
    expect_ready(queue);
    OK(weir_queue_stop(queue, TEST_TIMEOUT_MS));
    OK(weir_queue_health(queue, 1, &last_error));
    EXPECT(WEIR_ERR_STATE, weir_queue_ready(queue, &last_error));
}

static void hanging_handlers_make_no_queue_ill(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.handler = handle_at_gate;
    options.concurrency = 2;
    weir_queue *queue = fixture_start(f, &options);
    put_numbered(f, 0, 20);
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
    expect_well(queue);
    expect_ready(queue);
    EXPECT(WEIR_ERR_DEADLINE, weir_queue_stop(queue, 0));
    expect_well(queue);
    gate_open(&f->gate);
    OK(weir_queue_stop(queue, TEST_TIMEOUT_MS)); /* they use the fixture until they have returned */
}

static void a_paused_queue_is_well_and_ready(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    weir_queue *queue = fixture_start(f, &options);
    OK(weir_queue_pause(queue));
    assert_true(WAIT_STAT(queue, paused, 1));
    expect_well(queue);
    expect_ready(queue);
}

static void a_server_that_is_away_makes_no_queue_ill(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    weir_queue *queue = fixture_start(f, &options);
    expect_ready(queue);
    test_server_kill(f->server);
    assert_true(wait_for(is_not_ready, queue, TEST_TIMEOUT_MS));
    EXPECT(WEIR_ERR_CONNECTION, weir_queue_ready(queue, &last_error));
    expect_well(queue);
    test_server_restart(f->server);
    expect_ready(queue);
    expect_well(queue);
}

/* Every wait for it has an end. */
static void a_server_that_hangs_makes_no_queue_ill(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.connection.command_timeout_ms = options.connection.connect_timeout_ms = 300;
    weir_queue *queue = fixture_start(f, &options);
    expect_ready(queue);
    test_server_pause(f->server);
    expect_well(queue);
    test_server_resume(f->server);
    expect_ready(queue);
}

static void a_queue_in_process_is_well_and_ready(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.url = "memory:health";
    options.block_ms = 60000;
    weir_queue *queue = fixture_start(f, &options);
    expect_ready(queue);
    expect_well(queue);
}

/* --- ill --- */

struct diagnosis {
    weir_queue *queue;
    const char *thread;
    weir_error err;
};

/* A thread that was merely late is well again in the end; the one that is stuck is not. */
static bool is_named(void *context)
{
    struct diagnosis *diagnosis = context;
    return weir_queue_health(diagnosis->queue, PATIENCE_MS, &diagnosis->err) == WEIR_ERR_STUCK &&
           strstr(diagnosis->err.message, diagnosis->thread);
}

static void expect_stuck(struct fixture *f, weir_queue *queue, const char *thread)
{
    struct diagnosis diagnosis = {.queue = queue, .thread = thread};
    assert_true(wait_for(is_named, &diagnosis, TEST_TIMEOUT_MS));
    assert_int_equal(diagnosis.err.code, WEIR_ERR_STUCK);
    assert_non_null(strstr(diagnosis.err.message, STREAM));
    OK(weir_queue_health(queue, 3600000, &last_error)); /* with more patience it isn't */
    gate_open(&f->gate);
    expect_well(queue);
}

static void hang_in_stats(const weir_stats *stats, void *fixture)
{
    (void)stats;
    gate_wait(&((struct fixture *)fixture)->gate);
}

static void a_claimer_that_hangs_is_named(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.on_stats = hang_in_stats;
    options.stats_interval_ms = 10;
    expect_stuck(f, fixture_start(f, &options), "claimer");
}

static void hang_in_event(const weir_event *event, void *fixture)
{
    struct fixture *f = fixture;
    if (event->kind == WEIR_EVENT_CONNECTED && strcmp(event->text, f->context) == 0)
        gate_wait(&f->gate);
}

static void a_reader_that_hangs_is_named(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.on_event = hang_in_event;
    f->context = "reader";
    expect_stuck(f, fixture_start(f, &options), "reader");
}

static void an_acker_that_hangs_is_named(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.on_event = hang_in_event;
    f->context = "acker";
    weir_queue *queue = fixture_start(f, &options);
    put(f, "one"); /* it connects when there is something to report */
    expect_stuck(f, queue, "acker");
}

/* --- not ready --- */

/* The group is gone, and may not be made. */
static void a_group_that_can_not_be_made_is_told(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.block_ms = 50;
    weir_queue *queue = fixture_start(f, &options);
    expect_ready(queue);
    freeReplyObject(test_server_command(f->server, "ACL SETUSER " TEST_USER " -xgroup"));
    freeReplyObject(test_server_command(f->server, "XGROUP DESTROY " STREAM " " GROUP));
    assert_true(wait_for(is_not_ready, queue, TEST_TIMEOUT_MS));
    EXPECT(WEIR_ERR_NO_GROUP, weir_queue_ready(queue, &last_error));
    freeReplyObject(test_server_command(f->server, "ACL SETUSER " TEST_USER " +xgroup"));
    expect_ready(queue);
}

static void arguments_that_make_no_sense_are_refused(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    weir_queue *queue = fixture_open(f, &options);
    EXPECT(WEIR_ERR_ARGUMENT, weir_queue_health(NULL, 0, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_queue_health(queue, -1, &last_error));
    OK(weir_queue_health(queue, INT64_MAX, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_queue_ready(NULL, &last_error));
    assert_int_equal(weir_queue_ready(NULL, NULL), WEIR_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_idle_queue_is_well_and_ready),
        WITH_FIXTURE(a_queue_that_is_not_started_is_well),
        WITH_FIXTURE(hanging_handlers_make_no_queue_ill),
        WITH_FIXTURE(a_paused_queue_is_well_and_ready),
        WITH_FIXTURE(a_server_that_is_away_makes_no_queue_ill),
        WITH_FIXTURE(a_server_that_hangs_makes_no_queue_ill),
        WITH_FIXTURE(a_queue_in_process_is_well_and_ready),
        WITH_FIXTURE(a_claimer_that_hangs_is_named),
        WITH_FIXTURE(a_reader_that_hangs_is_named),
        WITH_FIXTURE(an_acker_that_hangs_is_named),
        WITH_FIXTURE(a_group_that_can_not_be_made_is_told),
        WITH_FIXTURE(arguments_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
