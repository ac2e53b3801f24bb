/* SPDX-License-Identifier: MIT
 *
 * A clock that jumps: this process' own clock_gettime, gettimeofday and time stand in the way of libc's, also for the
 * shared libraries that it has loaded. The kernel's clock is untouched, and so are waits that are based on it.
 */
#include "role.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define INSTEAD_OF_LIBC __attribute__((visibility("default")))

static const _Atomic int64_t none;
static const _Atomic int64_t *wall_offset_ms = &none;

void chaos_clock_follow(const _Atomic int64_t *offset_ms)
{
    wall_offset_ms = offset_ms;
}

INSTEAD_OF_LIBC int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, now);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += *wall_offset_ms / 1000;
    return rc;
}

INSTEAD_OF_LIBC int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    struct timespec precise;
    int rc = clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return rc;
}

INSTEAD_OF_LIBC time_t time(time_t *ret)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
