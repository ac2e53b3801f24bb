/* SPDX-License-Identifier: MIT
 *
 * A hiredis connection from the same URL that weir takes: redis:// and unix://.
 */
#ifndef WORDCOUNT_SERVER_H
#define WORDCOUNT_SERVER_H

#include <hiredis/hiredis.h>

/* Connects, authenticates, selects the database. NULL on failure, with the reason, which never has the password. */
redisContext *server_connect(const char *url, char *reason, size_t reason_size);

#endif
