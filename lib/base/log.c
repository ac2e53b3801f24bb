/* SPDX-License-Identifier: MIT
 *
 * The log: a level, a callback, and a lock that keeps the two and its user_data together. The callback runs outside the
 * lock, so that it may be slow, or call weir_log_set, without holding others up.
 */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static struct {
    pthread_mutex_t mutex;
    weir_log_fn fn;
    void *user_data;
    atomic_int level; /* read without the mutex to keep silent lines cheap */
} sink = {.mutex = PTHREAD_MUTEX_INITIALIZER, .level = WEIR_LOG_WARNING};

void weir_log_set(weir_log_level level, weir_log_fn fn, void *user_data)
{
    pthread_mutex_lock(&sink.mutex);
    sink.fn = fn;
    sink.user_data = user_data;
    atomic_store(&sink.level, (int)level);
    pthread_mutex_unlock(&sink.mutex);
}

const char *weir_log_level_name(weir_log_level level)
{
    static const char *const names[] = {"debug", "info", "warning", "error", "off"};
    return (unsigned)level < sizeof names / sizeof *names ? names[level] : "unknown";
}

void weir_log(weir_log_level level, const char *format, ...)
{
    if ((int)level < atomic_load_explicit(&sink.level, memory_order_relaxed))
        return;

    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);

    pthread_mutex_lock(&sink.mutex);
    weir_log_fn fn = sink.fn;
    void *user_data = sink.user_data;
    pthread_mutex_unlock(&sink.mutex);
    if (fn)
        fn(level, line, user_data);
    else
        fprintf(stderr, "weir: %s: %s\n", weir_log_level_name(level), line);
}
