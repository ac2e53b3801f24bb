/* SPDX-License-Identifier: MIT
 *
 * A worker and producers at work while servers come and go, and the books that are kept about every job: what its
 * enqueue was told, and how often it ran.
 *
 * Producers enqueue single jobs, bulks and delayed jobs, one after the other, and go on whatever they are told.
 */
#ifndef TEST_HA_LOAD_H
#define TEST_HA_LOAD_H

#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <weir/weir.h>

enum { LOAD_PRODUCERS = 3, LOAD_JOBS_MAX = 1000000, LOAD_BULK = 20 };

enum load_outcome { LOAD_NOT_SENT, LOAD_ACCEPTED, LOAD_IN_DOUBT, LOAD_REFUSED };

struct load_job {
    _Atomic unsigned char outcome; /* enum load_outcome: of its enqueue */
    _Atomic unsigned char runs;
    _Atomic unsigned char dead;
};

/* Only some jobs fail: every so many-th is retried once, every so many-th rejected; 0: none. */
struct load_options {
    const char *url, *stream;
    uint32_t wait_replicas;
    int64_t command_timeout_ms; /* of the producers; 0: the defaults of both */
    unsigned retry_every, reject_every;
};

struct load {
    struct load_options options;
    weir_queue *queue;
    weir_producer *producers[LOAD_PRODUCERS];
    pthread_t threads[LOAD_PRODUCERS];
    struct load_job *jobs;
    atomic_size_t n_jobs;   /* begun */
    atomic_bool stop;       /* producers are to end */
    atomic_size_t accepted; /* so far */
    atomic_size_t ran;      /* handlers that have begun */

    /* Since load_mark: when the first job that was enqueued after it was accepted, and ran; 0: not yet. */
    atomic_uint epoch;
    _Atomic int64_t first_accepted_ms, first_run_ms;

    pthread_mutex_t mutex; /* guards what follows */
    weir_error last_failure;
    size_t failures;
};

/* Opens and starts the queue and the producers; returns once jobs are accepted and run. */
void load_start(struct load *load, const struct load_options *options);

/* From now on first_… are looked for. */
void load_mark(struct load *load);

/* Waits until both have come, and returns the later one minus since_ms. */
int64_t load_await_resumed(struct load *load, int64_t since_ms);

/* The same for running alone: where replicas that have to confirm are missing, nothing is accepted. */
int64_t load_await_run(struct load *load, int64_t since_ms);

/* Waits until n more jobs than now were accepted, and n more have begun. */
void load_await_progress(struct load *load, size_t n);

struct load_books {
    size_t accepted, in_doubt, refused;
    size_t lost;        /* accepted, and neither run nor dead in the end */
    size_t ran_in_vain; /* refused, and run all the same */
    size_t dead;        /* rejected, and told to on_dead */
    size_t repeated;    /* runs beyond those that a job needs */
};

/* Ends the producers, waits until all that was accepted is done, stops the queue, frees all. Prints the books. */
struct load_books load_finish(struct load *load, const char *what);

#endif
