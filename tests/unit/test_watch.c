/* SPDX-License-Identifier: MIT */
#include "base/watch.h"

#include "base/clock.h"
#include "support/test.h"

#include <pthread.h>

enum { SECOND_US = 1000000 };

static void a_thread_is_due_when_its_wait_ends(void **state)
{
    (void)state;
    struct weir_watch watch;
    weir_watch_init(&watch);
    int64_t now_us = weir_now_us();
    assert_int_equal(weir_watch_overdue_us(&watch, now_us - SECOND_US), 0);
    assert_in_range(weir_watch_overdue_us(&watch, now_us + SECOND_US), SECOND_US, 2 * SECOND_US);

    weir_watch_this_thread(&watch);
    weir_watch_wait_until(now_us + 60 * SECOND_US);
    assert_int_equal(weir_watch_overdue_us(&watch, now_us + 60 * SECOND_US), 0);
    assert_int_equal(weir_watch_overdue_us(&watch, now_us + 61 * SECOND_US), SECOND_US);
    weir_watch_go_on();
    assert_true(weir_watch_overdue_us(&watch, now_us + 61 * SECOND_US) > SECOND_US);
    weir_watch_this_thread(NULL);
    weir_watch_wait_until(now_us + 60 * SECOND_US); /* nobody's any more */
    assert_true(weir_watch_overdue_us(&watch, now_us + 60 * SECOND_US) > 0);
}

static void waits_are_cut_where_somebody_watches(void **state)
{
    (void)state;
    assert_true(weir_watch_slice_us(INT64_MAX) == INT64_MAX);
    struct weir_watch watch;
    weir_watch_this_thread(&watch);
    int64_t now_us = weir_now_us();
    assert_in_range(weir_watch_slice_us(INT64_MAX), now_us + SECOND_US, now_us + 60 * INT64_C(1000000));
    assert_true(weir_watch_slice_us(now_us + 5) == now_us + 5);
    weir_watch_this_thread(NULL);
}

struct waiting {
    struct weir_watch watch;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool begun, over;
};

static void *wait_for_ever(void *context)
{
    struct waiting *waiting = context;
    weir_watch_this_thread(&waiting->watch);
    pthread_mutex_lock(&waiting->mutex);
    waiting->begun = true;
    pthread_cond_broadcast(&waiting->cond);
    while (!waiting->over)
        weir_cond_wait_until(&waiting->cond, &waiting->mutex, INT64_MAX);
    pthread_mutex_unlock(&waiting->mutex);
    return NULL;
}

/* On a condition: not overdue while it waits, though that has no end. */
static void conditions_are_waited_for_under_watch(void **state)
{
    (void)state;
    struct waiting waiting = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    assert_int_equal(weir_cond_init(&waiting.cond), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_ever, &waiting), 0);
    pthread_mutex_lock(&waiting.mutex);
    while (!waiting.begun)
        pthread_cond_wait(&waiting.cond, &waiting.mutex);
    int64_t now_us = weir_now_us(); /* it waits: the lock is ours */
    assert_int_equal(weir_watch_overdue_us(&waiting.watch, now_us), 0);
    assert_true(weir_watch_overdue_us(&waiting.watch, now_us + 3600 * INT64_C(1000000)) > 0);
    waiting.over = true;
    pthread_cond_broadcast(&waiting.cond);
    pthread_mutex_unlock(&waiting.mutex);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&waiting.cond);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_is_due_when_its_wait_ends),
        cmocka_unit_test(waits_are_cut_where_somebody_watches),
        cmocka_unit_test(conditions_are_waited_for_under_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
