/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BASE_ERROR_H
#define WEIR_BASE_ERROR_H

#include <stddef.h>
#include <weir/error.h>

/*
 * Fills err (may be NULL) with a code and a printf-style sentence, no server words, and returns the code, so that a
 * failing function ends with `return weir_error_set(err, WEIR_ERR_…, "…")`. Thread: any.
 */
weir_status weir_error_set(weir_error *err, weir_status code, const char *format, ...) WEIR_PRINTF(3, 4);

/* Adds the server's words (not NUL-terminated) to an error that was just set; unprintable bytes become '?'. */
void weir_error_server_words(weir_error *err, const char *words, size_t len);

/*
 * For a connection that failed before anything of the caller's was sent, so that nothing is in doubt: WEIR_ERR_IN_DOUBT
 * becomes WEIR_ERR_CONNECTION, also in err (may be NULL). Returns what the status is now.
 */
weir_status weir_error_nothing_sent(weir_status status, weir_error *err);

/* Whether the table calls the status retriable. */
bool weir_status_retriable(weir_status status);

#endif
