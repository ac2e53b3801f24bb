/* SPDX-License-Identifier: MIT
 *
 * Writing and reading a history: by processes that are killed while they write; and the clock that jumps.
 */
#include "history.h"
#include "role.h"
#include "support/process.h"
#include "support/test.h"
#include "support/wait.h"
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <weir/weir.h>

static char directory[64], path[80];

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/weir-history-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/history", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

/* Says more and more of jobs of its own, many lines at a time, until it is killed. */
static int talk(void *who)
{
    history_open(directory, who);
    for (long n = 0; n < 1000000; n++) {
        struct history_lines lines = {0};
        for (int i = 0; i < 100; i++)
            history_add(&lines, "intent %s-%ld-%d 0 done %d", (const char *)who, n, i, i);
        history_flush(&lines);
        history_say("accepted %s-%ld-0 1-0", (const char *)who, n);
    }
    return 0;
}

static bool is_large(void *least)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_size > *(off_t *)least;
}

static void what_killed_processes_said_can_be_read(void **state)
{
    (void)state;
    static const char *const names[] = {"p0.1", "p1.1", "p2.1"};
    off_t least = 0;
    for (int round = 0; round < 20; round++) {
        pid_t pids[3];
        for (int i = 0; i < 3; i++)
            pids[i] = child_run(talk, (char *)names[i]);
        least += 200000;
        assert_true(wait_for(is_large, &least, TEST_TIMEOUT_MS));
        for (int i = 0; i < 3; i++)
            child_kill(pids[i]);
    }
    struct history history;
    history_load(&history, path);
    assert_int_equal(history.n_processes, 3);
    assert_true(history.n_jobs > 3 * 20 * 100 / 2);
    for (size_t i = 0; i < history.n_jobs; i++) {
        const struct history_job *job = &history.jobs[i];
        assert_true(job->meant); /* an intent is on file before anything that follows from it */
        assert_int_equal(job->doing[0], 'd');
        assert_int_equal(job->name[0], 'p');
    }
    history_free(&history);
}

static void a_line_that_is_cut_short_spoils_no_other(void **state)
{
    (void)state;
    char text[] = "@1 p0.1 intent a 0 done\n"
                  "@2 p0.1 intent b@3 p1.1 intent c 0 done\n"
                  "@4 p1.1 accepted c 1-0\n"
                  "@5 p1.1 accep";
    struct history history;
    history_parse(&history, text, strlen(text));
    assert_int_equal(history.n_jobs, 2);
    assert_null(history_job(&history, "b"));
    assert_int_equal(history_job(&history, "c")->enqueued, ENQUEUE_ACCEPTED);
    assert_int_equal(history_job(&history, "c")->intent_us, 3);
    assert_int_equal(history_job(&history, "a")->enqueued, ENQUEUE_IN_DOUBT);
    history_free(&history);
}

static void what_is_said_stays_one_line(void **state)
{
    (void)state;
    history_open(directory, "w0.1");
    history_say("note it said: @1 c left key x\n@2 c left key y");
    char long_text[2000];
    memset(long_text, 'x', sizeof long_text);
    history_say("note %.*s", (int)sizeof long_text, long_text);
    history_say("intent a 0 done");
    struct history history;
    history_load(&history, path);
    assert_int_equal(history.n_leftovers, 0);
    assert_int_equal(history.n_jobs, 1);
    history_free(&history);
}

/* --- the clock --- */

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What libweir takes for the time: the in-process broker's ids begin with it. */
static int64_t library_ms(weir_producer *producer)
{
    weir_id id;
    assert_int_equal(weir_enqueue(producer, WEIR_FIELDS(weir_field_text("n", "1")), NULL, &id, NULL), WEIR_OK);
    return strtoll(id.text, NULL, 10);
}

static void a_jump_is_seen_by_the_library_too(void **state)
{
    (void)state;
    enum { JUMP_MS = 100000000, SLACK_MS = 60000 };
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = "memory:clock";
    options.stream = "jobs";
    weir_producer *producer = NULL;
    assert_int_equal(weir_producer_open(&producer, &options, NULL), WEIR_OK);
    static _Atomic int64_t offset_ms;
    chaos_clock_follow(&offset_ms);
    int64_t before_ms = wall_ms(), monotonic_us = history_now_us();
    assert_in_range(library_ms(producer), before_ms - SLACK_MS, before_ms + SLACK_MS);

    offset_ms = JUMP_MS;
    struct timeval now;
    gettimeofday(&now, NULL);
    assert_in_range(wall_ms() - before_ms, JUMP_MS, JUMP_MS + SLACK_MS);
    assert_in_range((int64_t)now.tv_sec * 1000 - before_ms, JUMP_MS - 1000, JUMP_MS + SLACK_MS);
    assert_in_range((int64_t)time(NULL) * 1000 - before_ms, JUMP_MS - 1000, JUMP_MS + SLACK_MS);
    assert_in_range(library_ms(producer) - before_ms, JUMP_MS, JUMP_MS + SLACK_MS);
    assert_in_range(history_now_us() - monotonic_us, 0, SLACK_MS * 1000);
    offset_ms = 0;
    weir_producer_close(producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_killed_processes_said_can_be_read, set_up, tear_down),
        cmocka_unit_test(a_line_that_is_cut_short_spoils_no_other),
        cmocka_unit_test_setup_teardown(what_is_said_stays_one_line, set_up, tear_down),
        cmocka_unit_test(a_jump_is_seen_by_the_library_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
