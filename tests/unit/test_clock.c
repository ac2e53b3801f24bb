/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include "support/test.h"
#include "support/wait.h"

#include <time.h>

static void sums_stop_at_the_largest_time(void **state)
{
    (void)state;
    static const struct {
        int64_t a, b, sum;
    } cases[] = {
        {0, 0, 0},
        {1, 2, 3},
        {-5, 3, -2},
        {INT64_MIN, INT64_MAX, -1},
        {INT64_MAX - 1, 1, INT64_MAX},
        {INT64_MAX, 0, INT64_MAX},
        {INT64_MAX, 1, INT64_MAX},
        {1, INT64_MAX, INT64_MAX},
        {INT64_MAX, INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(weir_time_add(cases[i].a, cases[i].b), cases[i].sum);
}

static void clocks_agree_with_the_system(void **state)
{
    (void)state;
    struct timespec now;
    int64_t us = weir_now_us(), ms = weir_now_ms();
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t system_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    assert_true(us / 1000 <= ms && ms <= system_us / 1000);
    assert_true(system_us - us < (int64_t)TEST_TIMEOUT_MS * 1000);

    int64_t wall_ms = weir_wall_ms();
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t difference_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - wall_ms;
    assert_true(difference_ms > -TEST_TIMEOUT_MS && difference_ms < TEST_TIMEOUT_MS);
}

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool waiting, open;
};

static void set_up(struct gate *gate)
{
    *gate = (struct gate){.mutex = PTHREAD_MUTEX_INITIALIZER};
    assert_int_equal(weir_cond_init(&gate->cond), 0);
}

static void *open_once_somebody_waits(void *context)
{
    struct gate *gate = context;
    for (bool opened = false; !opened;) {
        pthread_mutex_lock(&gate->mutex);
        opened = gate->open = gate->waiting;
        pthread_cond_signal(&gate->cond);
        pthread_mutex_unlock(&gate->mutex);
    }
    return NULL;
}

static void a_signal_ends_a_wait(void **state)
{
    (void)state;
    const int64_t deadlines_us[] = {INT64_MAX, INT64_MAX - 1, weir_now_us() + (int64_t)TEST_TIMEOUT_MS * 1000};
    for (size_t i = 0; i < COUNT_OF(deadlines_us); i++) {
        struct gate gate;
        set_up(&gate);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, open_once_somebody_waits, &gate), 0);
        pthread_mutex_lock(&gate.mutex);
        gate.waiting = true;
        bool in_time = true;
        while (!gate.open && in_time)
            in_time = weir_cond_wait_until(&gate.cond, &gate.mutex, deadlines_us[i]);
        assert_true(in_time);
        assert_true(gate.open);
        pthread_mutex_unlock(&gate.mutex);
        pthread_join(thread, NULL);
        pthread_cond_destroy(&gate.cond);
    }
}

static void a_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    struct gate gate;
    set_up(&gate);
    pthread_mutex_lock(&gate.mutex);
    int64_t deadline_us = weir_now_us() + 20500;
    while (weir_cond_wait_until(&gate.cond, &gate.mutex, deadline_us))
        assert_true(weir_now_us() < deadline_us); /* woken for nothing */
    assert_true(weir_now_us() >= deadline_us);

    /* one that has passed doesn't wait */
    assert_false(weir_cond_wait_until(&gate.cond, &gate.mutex, 0));
    assert_false(weir_cond_wait_until(&gate.cond, &gate.mutex, weir_now_us() - 1));
    pthread_mutex_unlock(&gate.mutex);
    pthread_cond_destroy(&gate.cond);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_stop_at_the_largest_time),
        cmocka_unit_test(clocks_agree_with_the_system),
        cmocka_unit_test(a_signal_ends_a_wait),
        cmocka_unit_test(a_wait_ends_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
