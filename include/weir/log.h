/* SPDX-License-Identifier: MIT
 *
 * The library's log: one line for each change of state, nothing for each job.
 *
 * Without a callback, warnings and errors go to standard error and nothing else is printed.
 */
#ifndef WEIR_LOG_H
#define WEIR_LOG_H

#include <weir/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weir_log_level {
    WEIR_LOG_DEBUG,
    WEIR_LOG_INFO,
    WEIR_LOG_WARNING, /* the default */
    WEIR_LOG_ERROR,
    WEIR_LOG_OFF
} weir_log_level;

/*
 * Receives one line, without a newline, valid during the call. Called on any thread of the library, one call at a time
 * for each thread: it must be thread-safe, return soon, and call nothing of weir but weir_log_level_name.
 */
typedef void (*weir_log_fn)(weir_log_level level, const char *line, void *user_data);

/*
 * Sets the lowest level that is reported, and where to. `fn` NULL: standard error. Takes effect for lines logged after
 * the call has returned; a call of the former `fn` may still be running on another thread.
 * Thread: any.
 */
WEIR_API void weir_log_set(weir_log_level level, weir_log_fn fn, void *user_data);

/* "debug", "info", "warning", "error", "off"; "unknown" for anything else. Static memory. Thread: any. */
WEIR_API const char *weir_log_level_name(weir_log_level level);

#ifdef __cplusplus
}
#endif
#endif
