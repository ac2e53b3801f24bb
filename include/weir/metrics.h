/* SPDX-License-Identifier: MIT
 *
 * Numbers as text for Prometheus: what the lists of <weir/stats.h> and <weir/admin.h> say, with its names and units.
 * docs/metrics.md has them all.
 */
#ifndef WEIR_METRICS_H
#define WEIR_METRICS_H

#include <stddef.h>
#include <weir/admin.h>
#include <weir/error.h>
#include <weir/queue.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Called with one piece of the text after the other, on the calling thread; returns 0 to go on, anything else to end
 * it. The text is not NUL-terminated, and is valid during the call.
 */
typedef int (*weir_metrics_fn)(const char *text, size_t len, void *user_data);

/*
 * Writes what n queues (0 …) of this process have done and are doing, in Prometheus' text format 0.0.4
 * ("Content-Type: text/plain; version=0.0.4"). Each metric has the labels "queue", the stream's name, and "group".
 * Queues that have both in common are added up. It asks nothing of the server.
 *
 * Names can be any bytes, labels are UTF-8: a byte that is not part of UTF-8 stands as U+FFFD and two hexadecimal
 * digits. So do the bytes of U+FFFD itself, and no two names get the same label.
 *
 * All is borrowed during the call. Returns WEIR_OK, also where `write` ended it. Errors: WEIR_ERR_ARGUMENT (a queue is
 * NULL), WEIR_ERR_MEMORY. Thread: any; not from `write`.
 */
WEIR_API weir_status weir_metrics_write(weir_queue *const *queues, size_t n, weir_metrics_fn write, void *user_data,
                                        weir_error *err);

/*
 * Writes what weir_admin_info has seen of n queues (0 …), in the same way; each stream once. A number that isn't known
 * is left out. All is borrowed during the call. Errors: WEIR_ERR_ARGUMENT (an info is NULL), WEIR_ERR_MEMORY.
 * Thread: any.
 */
WEIR_API weir_status weir_metrics_write_info(const weir_queue_info *const *infos, size_t n, weir_metrics_fn write,
                                             void *user_data, weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
