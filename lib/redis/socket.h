/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_SOCKET_H
#define WEIR_REDIS_SOCKET_H

#include <stdbool.h>

/*
 * A non-blocking stream socket on its way to a server, closed in programs that are started.
 *
 * hiredis could open it as well, but versions before 1.0 end the whole program where memory is short.
 */
struct weir_socket {
    int fd;           /* −1: there is none, and then err is set */
    int err;          /* not 0: why it can't be connected */
    char errstr[128]; /* in words */
};

/* NULL without memory. Connected once it is writable, and SO_ERROR is 0. Resolving the host's name may block. */
struct weir_socket *weir_socket_connect_tcp(const char *host, int port);
struct weir_socket *weir_socket_connect_unix(const char *path);

void weir_socket_free(struct weir_socket *socket); /* closes; accepts NULL */

#endif
