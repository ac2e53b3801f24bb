/* SPDX-License-Identifier: MIT
 *
 * A private redis-server in a temporary directory, for the supervisor: see main.c.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct private_server {
    pid_t pid; /* 0: not running */
    int port;  /* 0: unix socket only */
    char directory[64], url[112];
};

/*
 * Starts it and waits until it answers: without persistence, or with an append-only file and fsync every second; on a
 * port of 127.0.0.1 that the kernel picks, or on a unix socket. WEIR_BENCH_REDIS_SERVER names another program. Ends the
 * process where it can't be started, and says why. It is killed by the kernel if this process dies.
 */
void private_server_start(struct private_server *server, bool unix_socket, bool aof);

/* Kills it, waits, removes the directory. Does nothing where it was not started. */
void private_server_stop(struct private_server *server);

#endif
