/* SPDX-License-Identifier: MIT
 *
 * The HTTP control plane: health, metrics, an API in JSON (docs/openapi.yaml), and a dashboard, served from inside a
 * worker or by a program that does nothing else. In a library of its own, libweir-control, which <weir/weir.h> leaves
 * out: pkg-config --libs weir-control.
 *
 * What it answers comes from Redis, over connections of its own, so that it shows all queues of the server, whichever
 * process asks. Queues that it is given are this process': of these it knows more, and their health is the process'.
 */
#ifndef WEIR_CONTROL_H
#define WEIR_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <weir/connection.h>
#include <weir/error.h>
#include <weir/queue.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_control_options {
    size_t size;         /* sizeof(weir_control_options) */
    const char *url;     /* of Redis, see weir/connection.h. Copied. */
    const char *address; /* to listen on, a literal one; NULL: 127.0.0.1. Any but a loopback one needs a token. */
    uint16_t port;       /* default 8377; 0: one that is free, see weir_control_url */

    /*
     * Who has it may change something, and nobody else; and where there is one nobody else sees more than /health and
     * /ready. 16 … 256 visible characters of ASCII. NULL: there is none, all can be looked at, nothing changed. Copied.
     */
    const char *token;

    /*
     * Names under which browsers may ask for it, besides literal addresses and "localhost": another one in the Host
     * header is refused, so that no site can make its own name mean this one. Copied.
     */
    const char *const *hosts;
    size_t n_hosts;

    weir_queue *const *queues; /* of this process; borrowed until weir_control_stop. NULL: none */
    size_t n_queues;

    int64_t alive_ms;         /* as in weir_admin_options; 1 …, default 30000 */
    uint32_t max_connections; /* of HTTP at once; 8 … 4096, default 256 */
    uint32_t threads;         /* that ask Redis, each over connections of its own; 1 … 64, default 4 */

    weir_connection_options connection; /* to Redis */
} weir_control_options;

#define WEIR_CONTROL_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(weir_control_options), 0, 0, 8377, 0, 0, 0, 0, 0, 30000, 256, 4, WEIR_CONNECTION_OPTIONS_INIT(3000)     \
    }

typedef struct weir_control weir_control;

/*
 * Starts to serve; *ret is written on success only. Redis need not be there yet. Makes threads + 1 threads, with all
 * signals blocked; they take no lock of a queue's but for a moment, and no client of theirs can hold a job up.
 * Errors: WEIR_ERR_ARGUMENT (an option, or no token where the address needs one), WEIR_ERR_SYSTEM (the address is
 * taken; threads), WEIR_ERR_MEMORY. Thread: any.
 */
WEIR_API weir_status weir_control_start(weir_control **ret, const weir_control_options *options, weir_error *err);

/* "http://127.0.0.1:8377/", with the port that it has. Valid until weir_control_stop. Thread: any. */
WEIR_API const char *weir_control_url(const weir_control *control);

/*
 * For a watchdog: WEIR_OK where the control plane makes progress, else WEIR_ERR_STUCK, with what doesn't and for how
 * long it has not. Each call asks the loop that serves HTTP to show up, and goes by when it did after earlier calls, so
 * call it regularly; it may be late by patience_ms (0: 30 s). A thread that has been with Redis for two minutes and the
 * time-outs of 16 commands, longer than a step of any request may take, is stuck as well; a server that is away, silent
 * or slow is no reason, nor are clients. It doesn't ask after the queues: weir_queue_health does. Thread: any; asks no
 * server, and returns at once.
 */
WEIR_API weir_status weir_control_health(weir_control *control, int64_t patience_ms, weir_error *err);

/*
 * Closes all connections, waits for requests that are with Redis (command_timeout_ms at most for each step of one), and
 * frees. Accepts NULL. Close the queues after it. Thread: any, once no other call is running; not from a handler.
 */
WEIR_API void weir_control_stop(weir_control *control);

#ifdef __cplusplus
}
#endif
#endif
