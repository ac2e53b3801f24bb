/* SPDX-License-Identifier: MIT
 *
 * A client of the control plane that means no good: requests as fast as they are answered, nonsense among them, and
 * connections that send a byte now and then.
 */
#ifndef BENCH_FLOOD_CLIENT_H
#define BENCH_FLOOD_CLIENT_H

#include <stdatomic.h>
#include <stdint.h>

/* In shared memory. */
struct flood {
    char address[64]; /* "127.0.0.1" */
    int port;
    char token[64], stream[64];
    unsigned slow;                          /* connections that send a byte now and then */
    atomic_bool stop;                       /* set by somebody else */
    uint64_t answered, nonsense, made, cut; /* requests answered, nonsense sent, slow connections made, and cut off */
};

/* Goes on until flood->stop. One thread, on epoll. */
void flood_run(struct flood *flood);

#endif
