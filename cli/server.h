/* SPDX-License-Identifier: MIT
 *
 * Reaching the server that the options name. Whatever fails ends the program.
 */
#ifndef WEIR_CLI_SERVER_H
#define WEIR_CLI_SERVER_H

#include "fail.h"
#include "options.h"

#include <weir/weir.h>

/* --url, the first line of --url-file, WEIR_URL, or the default. Borrowed until the program ends. */
const char *server_url(const struct options *options);

/* The first line of a file; ends the program where there is none. The caller frees. */
char *read_first_line(const char *path, const char *what);

weir_connection_options server_connection(const struct options *options);

weir_admin *server_admin(const struct options *options);
weir_dead *server_dead(const struct options *options, const char *stream);
weir_producer *server_producer(const struct options *options, const char *stream);

/* What is known of the queue; the caller frees. Ends with EXIT_MISSING where there is nothing of it. */
weir_queue_info *server_info(weir_admin *admin, const char *stream);

/* There is a stream, delayed jobs or dead letters. */
bool queue_is_known(const weir_queue_info *info);

/* There is something of it, or it can't be told: what keeps it from being looked at isn't its name. */
bool queue_may_be(weir_admin *admin, const char *stream);

/* Says that there is no such queue. */
enum exit_code explain_missing(const char *stream);

/* Ends with EXIT_MISSING where there is nothing of it: for who has found nothing there. */
void server_must_have(const struct options *options, const char *stream);

#endif
