/* SPDX-License-Identifier: MIT
 *
 * G8: memory is bounded by configuration, whatever the backlog: by fetch_max_bytes where jobs are many, where they are
 * large, and over a million of them.
 */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

enum { FETCH_MAX_BYTES = 8 * 1024 * 1024 };

/* What was seen at most while jobs ran. */
struct watch {
    struct scene *scene;
    pthread_mutex_t mutex;
    weir_stats most;
    long resident_kb;   /* of the process, at most */
    atomic_int hold_ms; /* how long each job takes */
};

static void look(struct watch *watch)
{
    weir_stats now = scene_stats(watch->scene);
    long resident_kb = process_resident_kb();
    pthread_mutex_lock(&watch->mutex);
    if (now.fetched_bytes > watch->most.fetched_bytes)
        watch->most.fetched_bytes = now.fetched_bytes;
    if (now.waiting > watch->most.waiting)
        watch->most.waiting = now.waiting;
    if (resident_kb > watch->resident_kb)
        watch->resident_kb = resident_kb;
    pthread_mutex_unlock(&watch->mutex);
}

static weir_outcome watching(weir_job *job, void *context)
{
    struct watch *watch = context;
    (void)job;
    if (watch->hold_ms > 0) {
        look(watch);
        let_pass(watch->hold_ms);
    }
    watch->scene->n_handled++;
    return WEIR_DONE;
}

static void use_watch(struct watch *watch, struct scene *scene)
{
    *watch = (struct watch){.scene = scene, .mutex = PTHREAD_MUTEX_INITIALIZER};
    scene->options.handler = watching;
    scene->options.on_event = NULL;
    scene->options.user_data = watch;
    scene->options.fetch_max_bytes = FETCH_MAX_BYTES;
}

static void print_watch(struct watch *watch, long before_kb)
{
    pthread_mutex_lock(&watch->mutex);
    print_message("    fetched at most %.1f MiB, %llu jobs waiting; resident memory grew by %.1f MiB\n",
                  (double)watch->most.fetched_bytes / 1048576, (unsigned long long)watch->most.waiting,
                  (double)(watch->resident_kb - before_kb) / 1024);
    pthread_mutex_unlock(&watch->mutex);
}

/* Entries written by the server itself: 200,000 of a few bytes, or 1,000 of a MiB. */
static void fill(struct scene *scene, int n, int bytes)
{
    redisReply *reply = test_server_command(
        scene->server, "EVAL %s 1 jobs %d %d",
        "local body = string.rep('x', tonumber(ARGV[2]))\n"
        "for i = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'n', i, 'body', body) end",
        n, bytes);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    freeReplyObject(reply);
}

static bool the_limit_is_reached(void *context)
{
    struct watch *watch = context;
    look(watch);
    pthread_mutex_lock(&watch->mutex);
    bool reached = watch->most.fetched_bytes >= FETCH_MAX_BYTES * 3 / 4;
    pthread_mutex_unlock(&watch->mutex);
    return reached;
}

/* They are quick at first, so that as many are fetched ahead as is allowed, and then they are slow. */
static void a_backlog_of_many_small_jobs(void **state)
{
    struct scene *scene = *state;
    struct watch watch;
    use_watch(&watch, scene);
    fill(scene, 200000, 30);
    scene->options.prefetch_ms = 60000;
    scene->options.fetch_max_jobs = 1000000;
    scene->options.concurrency = 8;
    scene_open(scene);
    long before_kb = process_resident_kb();
    scene_start(scene);
    scene_await_handled(scene, 50000);
    watch.hold_ms = 20;
    assert_true(wait_for(the_limit_is_reached, &watch, TEST_TIMEOUT_MS)); /* it is what holds the reader back */
    size_t handled = scene->n_handled;
    scene_await_handled(scene, handled + 200);
    print_watch(&watch, before_kb);
    watch.hold_ms = 0;
    scene_await_handled(scene, 200000);
    assert_true(watch.most.fetched_bytes <= FETCH_MAX_BYTES + FETCH_MAX_BYTES / 8);
    if (!SANITIZED)
        assert_true(watch.resident_kb - before_kb < 2 * FETCH_MAX_BYTES / 1024);
    scene_close(scene);
}

static void a_backlog_of_large_jobs(void **state)
{
    enum { JOBS = 1000, CONCURRENCY = 4 };
    struct scene *scene = *state;
    struct watch watch;
    use_watch(&watch, scene);
    fill(scene, JOBS, 1024 * 1024);
    scene->options.concurrency = CONCURRENCY;
    scene->options.prefetch_ms = 60000;
    scene_open(scene);
    long before_kb = process_resident_kb();
    watch.hold_ms = 10;
    scene_start(scene);
    scene_await_handled(scene, JOBS);
    print_watch(&watch, before_kb);
    assert_true(watch.most.fetched_bytes <= FETCH_MAX_BYTES + FETCH_MAX_BYTES / 8);
    if (!SANITIZED)
        assert_true(watch.resident_kb - before_kb < 3 * FETCH_MAX_BYTES / 1024);
    scene_close(scene);
}

/* Nobody knows how large a job is before the first one has come: many slots, and large jobs from the start. */
static void large_jobs_for_many_slots(void **state)
{
    enum { JOBS = 200 };
    struct scene *scene = *state;
    struct watch watch;
    use_watch(&watch, scene);
    fill(scene, JOBS, 1024 * 1024);
    scene->options.concurrency = 100;
    scene_open(scene);
    long before_kb = process_resident_kb();
    watch.hold_ms = 10;
    scene_start(scene);
    scene_await_handled(scene, JOBS);
    print_watch(&watch, before_kb);
    assert_true(watch.most.fetched_bytes <= FETCH_MAX_BYTES + FETCH_MAX_BYTES / 8);
    scene_close(scene);
}

/*
 * How many fit is an estimate from those that came: a jump in size can exceed the limit once, by what the reads under
 * way have asked for, and no longer.
 */
static void jobs_that_become_large(void **state)
{
    enum { SMALL = 5000, LARGE = 800, CONCURRENCY = 16 };
    struct scene *scene = *state;
    struct watch watch;
    use_watch(&watch, scene);
    fill(scene, SMALL, 30);
    fill(scene, LARGE, 1024 * 1024);
    scene->options.concurrency = CONCURRENCY;
    scene_open(scene);
    long before_kb = process_resident_kb();
    watch.hold_ms = 1;
    scene_start(scene);
    scene_await_handled(scene, SMALL + LARGE / 2);
    print_watch(&watch, before_kb);
    pthread_mutex_lock(&watch.mutex);
    watch.most = (weir_stats){.size = sizeof watch.most};
    pthread_mutex_unlock(&watch.mutex);
    scene_await_handled(scene, SMALL + LARGE);
    print_watch(&watch, before_kb);
    assert_true(watch.most.fetched_bytes <= FETCH_MAX_BYTES + FETCH_MAX_BYTES / 8);
    scene_close(scene);
}

enum { SLOTS = 200, ONE_IN = 250 };

struct holding {
    struct scene *scene;
    pthread_mutex_t mutex;
    size_t n, n_held;
    weir_job *held[SLOTS];
};

/* Most jobs are done at once; one in so many goes on for ever. */
static weir_outcome hold_some(weir_job *job, void *context)
{
    struct holding *holding = context;
    pthread_mutex_lock(&holding->mutex);
    bool hold = holding->n++ % ONE_IN == 0 && holding->n_held < SLOTS;
    if (hold)
        holding->held[holding->n_held++] = job;
    pthread_mutex_unlock(&holding->mutex);
    return hold ? WEIR_LATER : WEIR_DONE;
}

static bool all_slots_are_taken(void *context)
{
    struct holding *holding = context;
    pthread_mutex_lock(&holding->mutex);
    bool all = holding->n_held == SLOTS;
    pthread_mutex_unlock(&holding->mutex);
    return all;
}

/*
 * The memory of jobs that came together is held until the last of them ends. Long jobs, each with hundreds of short
 * ones that came with it, must neither exceed the limit nor fill it before every slot has got its job.
 */
static void long_jobs_among_many_short_ones(void **state)
{
    struct scene *scene = *state;
    struct holding holding = {.scene = scene, .mutex = PTHREAD_MUTEX_INITIALIZER};
    fill(scene, SLOTS * ONE_IN, 1000);
    scene->options.handler = hold_some;
    scene->options.user_data = &holding;
    scene->options.on_event = NULL;
    scene->options.fetch_max_bytes = FETCH_MAX_BYTES;
    scene->options.concurrency = SLOTS;
    scene_open(scene);
    scene_start(scene);
    assert_true(wait_for(all_slots_are_taken, &holding, TEST_TIMEOUT_MS));
    weir_stats stats = scene_stats(scene);
    print_message("    %d long jobs hold %.1f MiB\n", (int)SLOTS, (double)stats.fetched_bytes / 1048576);
    assert_true(stats.fetched_bytes <= FETCH_MAX_BYTES + FETCH_MAX_BYTES / 8);
    for (size_t i = 0; i < SLOTS; i++)
        assert_int_equal(weir_job_finish(holding.held[i], WEIR_DONE), WEIR_OK);
    scene_await_pending(scene, 0);
    scene_close(scene);
}

static bool is_trimmed(void *scene)
{
    return scene_length(scene) == 0;
}

static void a_million_jobs_leave_no_trace(void **state)
{
    enum { CHUNK = 10000, AHEAD = 50000, WARM = 100000, ALL = SANITIZED ? WARM : 1000000 };
    struct scene *scene = *state;
    if (getenv("WEIR_TEST_QUICK"))
        skip();
    struct watch watch;
    use_watch(&watch, scene);
    scene_open(scene);
    scene_start(scene);
    int64_t from_ms = test_now_ms();
    long warm_kb = 0, most_kb = 0;
    for (size_t n = 0; n < ALL; n += CHUNK) {
        if (n >= AHEAD)
            scene_await_handled(scene, n - AHEAD);
        if (n == WARM)
            warm_kb = process_resident_kb();
        scene_add_many(scene, "done", CHUNK);
        if (process_resident_kb() > most_kb)
            most_kb = process_resident_kb();
    }
    scene_await_handled(scene, ALL);
    scene_await_pending(scene, 0);
    assert_true(wait_for(is_trimmed, scene, TEST_TIMEOUT_MS));
    most_kb = process_resident_kb() > most_kb ? process_resident_kb() : most_kb;
    print_message("    %d jobs in %lld ms; resident memory grew by %ld KiB after the first %d\n", (int)ALL,
                  (long long)(test_now_ms() - from_ms), most_kb - warm_kb, WARM);
    if (!SANITIZED)
        assert_true(most_kb - warm_kb < 5 * 1024);
    assert_int_equal(scene->n_handled, ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_backlog_of_many_small_jobs),    SCENE_TEST(a_backlog_of_large_jobs),
        SCENE_TEST(large_jobs_for_many_slots),       SCENE_TEST(jobs_that_become_large),
        SCENE_TEST(long_jobs_among_many_short_ones), SCENE_TEST(a_million_jobs_leave_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
