/* SPDX-License-Identifier: MIT
 *
 * Cycles of everything that is opened and closed, to be run under valgrind: no byte may be left, nor one touched that
 * is not ours. (meson runs it so; by itself it proves little.)
 */
#include "scene.h"

#include <string.h>

enum { CYCLES = 50 };

static int look_at_letter(const weir_dead_letter *letter, void *context)
{
    (void)context;
    return letter->id[0] == '\0';
}

static bool two_are_dead(void *scene)
{
    return test_server_integer(((struct scene *)scene)->server, "XLEN {jobs}:dead") >= 2;
}

static void one_worker(struct scene *scene, int i)
{
    static const char *const jobs[] = {"done", "retry", "reject", "later", "heed"};
    scene->options.max_attempts = 2;
    scene->options.backoff_base_ms = 1;
    scene->options.promote_interval_ms = 10;
    scene_start(scene);
    for (size_t j = 0; j < COUNT_OF(jobs); j++)
        scene_add(scene, jobs[j]);
    scene_await_ran(scene, "later", 1);
    scene_await_ran(scene, "retry", 2);
    scene_await_ran(scene, "heed", 1);
    assert_true(wait_for(two_are_dead, scene, TEST_TIMEOUT_MS));
    if (i % 2 == 0)
        scene_finish_later(scene, WEIR_RETRY);
    if (i % 5 == 0) /* a stop that leaves handlers, or a job, behind */
        weir_queue_stop(scene->queue, 0);
    else if (i % 3 == 0)
        scene_finish_later(scene, WEIR_DONE);
    scene_close(scene);
}

static void one_producer(struct scene *scene)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = test_server_url(scene->server);
    options.stream = "jobs";
    weir_producer *producer = NULL;
    weir_error err;
    assert_int_equal(weir_producer_open(&producer, &options, &err), WEIR_OK);
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.delay_ms = 3600000;
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("do", "done"));
    assert_int_equal(weir_enqueue(producer, fields, &delayed, NULL, &err), WEIR_OK);
    const weir_enqueue_job jobs[] = {{fields, NULL}, {fields, &delayed}};
    assert_int_equal(weir_enqueue_bulk(producer, jobs, COUNT_OF(jobs), NULL, &err), WEIR_OK);
    weir_producer_close(producer);

    options.url = "unix:///nowhere.sock";
    assert_int_equal(weir_producer_open(&producer, &options, &err), WEIR_ERR_CONNECTION);
}

static void dead_letters(struct scene *scene)
{
    weir_dead_options options = WEIR_DEAD_OPTIONS_INIT;
    options.url = test_server_url(scene->server);
    options.stream = "jobs";
    weir_dead *dead = NULL;
    weir_error err;
    assert_int_equal(weir_dead_open(&dead, &options, &err), WEIR_OK);
    assert_int_equal(weir_dead_list(dead, NULL, SIZE_MAX, look_at_letter, NULL, &err), WEIR_OK);
    assert_int_equal(weir_dead_purge(dead, NULL, &err), WEIR_OK);
    weir_dead_close(dead);
}

static weir_outcome done(weir_job *job, void *context)
{
    (void)job;
    (void)context;
    return WEIR_DONE;
}

/* Which also does what the worker has left behind. */
static void one_group(struct scene *scene)
{
    weir_queue_options options[2] = {scene->options, scene->options};
    options[0].handler = options[1].handler = done;
    options[1].stream = "others";
    weir_queue_group *group = NULL;
    weir_error err;
    assert_int_equal(weir_queue_group_open(&group, options, 2, &err), WEIR_OK);
    assert_int_equal(weir_queue_group_start(group, &err), WEIR_OK);
    assert_int_equal(weir_queue_group_stop(group, TEST_TIMEOUT_MS), WEIR_OK);
    weir_queue_group_close(group);
    options[1].url = "unix:///nowhere.sock";
    assert_int_equal(weir_queue_group_open(&group, options, 2, &err), WEIR_ERR_CONNECTION);
}

static void everything_is_freed(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < CYCLES; i++) {
        one_worker(scene, i);
        one_producer(scene);
        dead_letters(scene);
        one_group(scene);
        freeReplyObject(test_server_command(scene->server, "FLUSHALL"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {SCENE_TEST(everything_is_freed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
