/* SPDX-License-Identifier: MIT
 *
 * A job's whole life, operation by operation, on one thread, so that every run is the same.
 *
 * An operation that fails has a code and words, leaves its out-parameters alone, and is made again, as the threads of a
 * queue would. In the end each accepted job has been run, each refused one has not, and nothing is left over: no entry,
 * no key, no memory, no descriptor.
 */
#ifndef WEIR_TESTS_FAULT_LIFE_H
#define WEIR_TESTS_FAULT_LIFE_H

#include "inject.h"

#include "broker/broker.h"
#include "support/server.h"

enum { LIFE_JOBS = 7 };

struct life {
    const char *url, *ca_file;  /* NULL: without TLS */
    struct test_server *server; /* where its keys lie; NULL: in process */
    weir_retention retention;

    void (*tidy)(void); /* called before blocks of memory are counted; may be NULL */

    bool refused; /* the fault is a server that says no */

    struct weir_broker *broker;
    struct weir_session *session;
    bool accepted[LIFE_JOBS], in_doubt[LIFE_JOBS];
    size_t runs[LIFE_JOBS]; /* reported */
    bool dead[LIFE_JOBS];   /* seen among the letters */
    struct weir_entry_id letters[LIFE_JOBS];
    size_t n_letters;
};

/* What sweeps do: one life with the fault armed. */
size_t life_with_fault(void *life, const struct fault *fault, size_t n, size_t *ret_seen);

/* Its broker and its session alone, not connected. */
void life_open(struct life *life);
void life_close(struct life *life);

#endif
