/* SPDX-License-Identifier: MIT
 *
 * How to reach the server: shared by queues, producers and dead letters.
 */
#ifndef WEIR_CONNECTION_H
#define WEIR_CONNECTION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
/*
 * The URL is one of
 *     redis://[[user]:password@]host[:port][/db]     TCP; port 6379, db 0
 *     rediss://…                                     the same with TLS, where libweir was built with it
 *     unix://[[user]:password@]/path/to/socket[?db=N]
 *     redis+sentinel://[[user]:password@]host[:port],…/name[/db][?sentinel_user=U&sentinel_password=P]
 *                                                    sentinels, port 26379, which are asked at each connect where the
 *                                                    primary `name` is; user and password are the primary's
 *     redis+cluster://[[user]:password@]host[:port],…
 *                                                    some nodes of a cluster, port 6379; the rest is found through them
 *     rediss+sentinel://…, rediss+cluster://…        the same with TLS, to sentinels and servers alike
 *     memory:NAME                                    a broker inside this process, shared by all who use the same NAME,
 *                                                    gone when the last of them is closed
 * Characters that would be ambiguous in user, password, name or path are written as %XX. IPv6 addresses stand in
 * brackets. At most 64 hosts.
 */
/* clang-format on */
typedef struct weir_connection_options {
    int64_t connect_timeout_ms;  /* for one attempt to connect, and for the answers to AUTH and the like; 1 … 600000,
                                    default 500 */
    int64_t command_timeout_ms;  /* without a byte of an answer, before the connection is given up; 1 … 600000 */
    int64_t keepalive_s;         /* TCP keep-alive probes after so long; 0: none; default 15 */
    const char *client_name;     /* CLIENT SETNAME, without spaces; NULL: "weir". Copied. */
    const char *tls_ca_file;     /* PEM; NULL: the system's. For rediss:// only, as the next three. Copied. */
    const char *tls_cert_file;   /* PEM of a client certificate; NULL: none. Copied. */
    const char *tls_key_file;    /* PEM of its key; NULL: none. Copied. */
    const char *tls_server_name; /* the name to ask for and check; NULL: the URL's host. Copied. */
} weir_connection_options;

#define WEIR_CONNECTION_OPTIONS_INIT(command_timeout_ms)                                                               \
    {                                                                                                                  \
        500, (command_timeout_ms), 15, 0, 0, 0, 0, 0                                                                   \
    }

#ifdef __cplusplus
}
#endif
#endif
