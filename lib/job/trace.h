/* SPDX-License-Identifier: MIT */
#ifndef WEIR_JOB_TRACE_H
#define WEIR_JOB_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes of a W3C traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01". */
#define WEIR_TRACEPARENT_LEN 55

/* Whether the text is one: version, trace id, parent id and flags in lower-case hexadecimal, neither id all zeros. */
bool weir_is_traceparent(const char *text, size_t len);

#endif
