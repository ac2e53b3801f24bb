/* SPDX-License-Identifier: MIT */
#include "support/wait.h"

#include "support/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int test_scaled_ms(int ms)
{
    const char *text = getenv("WEIR_TEST_TIMEOUT_SCALE");
    double scale = text ? strtod(text, NULL) : 1;
    return scale > 1 && scale < 1000 ? (int)(ms * scale) : ms;
}

int64_t test_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool wait_for(bool (*condition)(void *context), void *context, int timeout_ms)
{
    int64_t deadline_ms = test_now_ms() + timeout_ms;
    while (!condition(context)) {
        if (test_now_ms() >= deadline_ms)
            return condition(context);
        poll(NULL, 0, 2);
    }
    return true;
}

static void (*_Atomic die_cleanup)(void);

void test_on_die(void (*cleanup)(void))
{
    die_cleanup = cleanup;
}

_Noreturn void test_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("test: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    fflush(NULL);
    void (*cleanup)(void) = atomic_exchange(&die_cleanup, NULL);
    if (cleanup)
        cleanup();
    _exit(1);
}

struct recorder {
    pthread_mutex_t mutex;
    pthread_cond_t added;
    struct recorded *events;
    size_t n, capacity;
};

struct recorder *recorder_new(void)
{
    struct recorder *recorder = calloc(1, sizeof *recorder);
    pthread_condattr_t attr;
    if (!recorder || pthread_mutex_init(&recorder->mutex, NULL) != 0 || pthread_condattr_init(&attr) != 0 ||
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 || pthread_cond_init(&recorder->added, &attr) != 0)
        test_die("no recorder: out of memory");
    pthread_condattr_destroy(&attr);
    return recorder;
}

void recorder_clear(struct recorder *recorder)
{
    pthread_mutex_lock(&recorder->mutex);
    for (size_t i = 0; i < recorder->n; i++)
        free((char *)recorder->events[i].key);
    recorder->n = 0;
    pthread_mutex_unlock(&recorder->mutex);
}

void recorder_free(struct recorder *recorder)
{
    if (!recorder)
        return;
    recorder_clear(recorder);
    free(recorder->events);
    pthread_cond_destroy(&recorder->added);
    pthread_mutex_destroy(&recorder->mutex);
    free(recorder);
}

void recorder_add(struct recorder *recorder, const char *key, long long value)
{
    if (strstr(key, TEST_PASSWORD))
        test_die("the password was recorded"); /* as a log line, an event or an error */
    struct recorded event = {.key = strdup(key), .value = value, .at_ms = test_now_ms()};
    pthread_mutex_lock(&recorder->mutex);
    if (recorder->n == recorder->capacity) {
        recorder->capacity = recorder->capacity ? recorder->capacity * 2 : 64;
        recorder->events = realloc(recorder->events, recorder->capacity * sizeof *recorder->events);
    }
    if (!event.key || !recorder->events)
        test_die("no room for a recorded event: out of memory");
    recorder->events[recorder->n++] = event;
    pthread_cond_broadcast(&recorder->added);
    pthread_mutex_unlock(&recorder->mutex);
}

/* With the mutex held; key NULL: any. */
static size_t count_locked(const struct recorder *recorder, const char *key)
{
    if (!key)
        return recorder->n;
    size_t n = 0;
    for (size_t i = 0; i < recorder->n; i++)
        n += strcmp(recorder->events[i].key, key) == 0;
    return n;
}

static size_t count(struct recorder *recorder, const char *key)
{
    pthread_mutex_lock(&recorder->mutex);
    size_t n = count_locked(recorder, key);
    pthread_mutex_unlock(&recorder->mutex);
    return n;
}

size_t recorder_count(struct recorder *recorder)
{
    return count(recorder, NULL);
}

size_t recorder_count_key(struct recorder *recorder, const char *key)
{
    return count(recorder, key);
}

static bool wait_count(struct recorder *recorder, const char *key, size_t n, int timeout_ms)
{
    int64_t deadline_ms = test_now_ms() + timeout_ms;
    struct timespec until = {.tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000};
    pthread_mutex_lock(&recorder->mutex);
    int rc = 0;
    while (count_locked(recorder, key) < n && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&recorder->added, &recorder->mutex, &until);
    bool enough = count_locked(recorder, key) >= n;
    pthread_mutex_unlock(&recorder->mutex);
    return enough;
}

bool recorder_wait_count(struct recorder *recorder, size_t n, int timeout_ms)
{
    return wait_count(recorder, NULL, n, timeout_ms);
}

bool recorder_wait_count_key(struct recorder *recorder, const char *key, size_t n, int timeout_ms)
{
    return wait_count(recorder, key, n, timeout_ms);
}

struct recorded recorder_get(struct recorder *recorder, size_t i)
{
    pthread_mutex_lock(&recorder->mutex);
    if (i >= recorder->n)
        test_die("event %zu was asked for, only %zu were recorded", i, recorder->n);
    struct recorded event = recorder->events[i];
    pthread_mutex_unlock(&recorder->mutex);
    return event;
}

struct recorded recorder_get_key(struct recorder *recorder, const char *key, size_t i)
{
    pthread_mutex_lock(&recorder->mutex);
    size_t at = 0;
    for (size_t left = i; at < recorder->n; at++)
        if (strcmp(recorder->events[at].key, key) == 0 && left-- == 0)
            break;
    if (at == recorder->n)
        test_die("event %zu of \"%s\" was asked for; there are fewer", i, key);
    struct recorded event = recorder->events[at];
    pthread_mutex_unlock(&recorder->mutex);
    return event;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the keys, and counts the different ones and the longest run. */
static void count_runs(struct recorder *recorder, size_t *ret_distinct, size_t *ret_longest)
{
    pthread_mutex_lock(&recorder->mutex);
    const char **keys = calloc(recorder->n + 1, sizeof *keys);
    if (!keys)
        test_die("out of memory");
    for (size_t i = 0; i < recorder->n; i++)
        keys[i] = recorder->events[i].key;
    qsort(keys, recorder->n, sizeof *keys, compare_keys);
    size_t distinct = 0, longest = 0, run = 0;
    for (size_t i = 0; i < recorder->n; i++) {
        bool same = i > 0 && strcmp(keys[i], keys[i - 1]) == 0;
        run = same ? run + 1 : 1;
        distinct += !same;
        longest = run > longest ? run : longest;
    }
    pthread_mutex_unlock(&recorder->mutex);
    free(keys);
    *ret_distinct = distinct;
    *ret_longest = longest;
}

size_t recorder_distinct_keys(struct recorder *recorder)
{
    size_t distinct, longest;
    count_runs(recorder, &distinct, &longest);
    return distinct;
}

size_t recorder_most_of_a_key(struct recorder *recorder)
{
    size_t distinct, longest;
    count_runs(recorder, &distinct, &longest);
    return longest;
}
