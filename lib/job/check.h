/* SPDX-License-Identifier: MIT */
#ifndef WEIR_JOB_CHECK_H
#define WEIR_JOB_CHECK_H

#include <weir/error.h>
#include <weir/producer.h>

/*
 * Whether fields and options may be enqueued: 1 … WEIR_MAX_FIELDS fields, names without the reserved prefix and not
 * empty, values of at most 512 MiB; an id of 1 … 79 bytes; not both a delay and a time;
 * a window only with an id. The error names what is wrong.
 * Thread: any. Locks: none.
 */
weir_status weir_check_fields(const weir_fields *fields, weir_error *err);
weir_status weir_check_enqueue_options(const weir_enqueue_options *options, weir_error *err);

/* Whether a stream's or group's name can be used: 1 … 512 bytes. `what` is the option's name, for the error. */
weir_status weir_check_name(const char *what, const char *name, weir_error *err);

#endif
