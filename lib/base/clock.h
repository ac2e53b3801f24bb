/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* CLOCK_MONOTONIC: all deadlines and durations. Thread: any. */
int64_t weir_now_ms(void);
int64_t weir_now_us(void);

/* Milliseconds since the epoch, for people and for ids; never for durations. Thread: any. */
int64_t weir_wall_ms(void);

/* a + b, or INT64_MAX where that would overflow; b ≥ 0. */
int64_t weir_time_add(int64_t a, int64_t b);

/* A condition variable whose timed waits follow CLOCK_MONOTONIC. 0 or an errno. */
int weir_cond_init(pthread_cond_t *cond);

/* Waits until signalled or until the monotonic deadline (INT64_MAX: for ever). False once the deadline has passed. */
bool weir_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_us);

#endif
