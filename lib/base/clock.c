/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include "base/watch.h"

#include <errno.h>
#include <time.h>

int64_t weir_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t weir_now_ms(void)
{
    return weir_now_us() / 1000;
}

int64_t weir_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t weir_time_add(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int weir_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);
    if (rc != 0)
        return rc;
    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (rc == 0)
        rc = pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return rc;
}

static bool wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_us)
{
    if (deadline_us == INT64_MAX)
        return pthread_cond_wait(cond, mutex) == 0;
    struct timespec until = {.tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000};
    return pthread_cond_timedwait(cond, mutex, &until) != ETIMEDOUT;
}

bool weir_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_us)
{
    for (;;) {
        int64_t slice_us = weir_watch_slice_us(deadline_us);
        weir_watch_wait_until(slice_us);
        bool signalled = wait_until(cond, mutex, slice_us);
        weir_watch_go_on();
        if (signalled || slice_us >= deadline_us)
            return signalled;
    }
}
