/* SPDX-License-Identifier: MIT
 *
 * A network that is farther away: a process that forwards TCP connections to the server, and holds everything back for
 * half of the wanted time in each direction.
 */
#ifndef BENCH_DELAY_PROXY_H
#define BENCH_DELAY_PROXY_H

#include <stdint.h>
#include <sys/types.h>

struct delay_proxy {
    pid_t pid; /* 0: not running */
    char url[400];
};

/* Ends the process where it can't. url: redis://…, reachable now. The proxy is killed if this process dies. */
void delay_proxy_start(struct delay_proxy *proxy, const char *url, uint64_t round_trip_us);

/* Does nothing where it was not started. */
void delay_proxy_stop(struct delay_proxy *proxy);

#endif
