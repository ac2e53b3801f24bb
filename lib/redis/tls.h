/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_TLS_H
#define WEIR_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <weir/connection.h>
#include <weir/error.h>

/*
 * TLS on a connected, non-blocking socket. Built in where OpenSSL is; elsewhere start returns WEIR_ERR_UNSUPPORTED and
 * says so. hiredis has no part in it: it parses what has been decrypted.
 *
 * TLS 1.2 or later, the peer's certificate and its name are always checked.
 */
struct weir_tls;

/* Handshakes within the connect timeout; ends early with WEIR_ERR_STOPPED once wake_fd is readable. */
weir_status weir_tls_start(struct weir_tls **ret, int fd, const char *host, const weir_connection_options *options,
                           int wake_fd, weir_error *err);

/* As recv and send on a non-blocking socket: −1 with errno EAGAIN where it has to wait. */
ssize_t weir_tls_read(struct weir_tls *tls, char *bytes, size_t len);
ssize_t weir_tls_write(struct weir_tls *tls, const char *bytes, size_t len);

/* Why the last read or write failed otherwise (errno ECONNRESET), in words. */
const char *weir_tls_why(const struct weir_tls *tls);

/* Whether nothing has arrived but what TLS itself has to say, such as a session ticket: no end and no data. */
bool weir_tls_still_open(struct weir_tls *tls);

void weir_tls_free(struct weir_tls *tls); /* accepts NULL; leaves the socket */

#endif
