/* SPDX-License-Identifier: MIT
 *
 * The limit: what a hand-tuned program gets out of the server with hiredis alone, without a queue's duties. One thread,
 * one connection, no leases, no outcomes, no limits; commands are formatted beforehand where they are always the same.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include "jobs.h"

/* Enqueues with overlapped pipelines of `batch` XADDs (0: what was best). */
struct cost bare_enqueue(struct bench *bench, const struct job_template *job, const char *stream, uint64_t jobs,
                         uint64_t batch);

/* How the loop reads: so many XREADGROUPs on their way at once, of so many jobs each. */
struct bare_reads {
    unsigned outstanding;
    uint64_t count;
    bool live; /* the stream is being filled meanwhile: a read blocks where it is empty */
};

/*
 * Reads and acks `jobs` of a stream made by stream_with_jobs: several XREADGROUPs outstanding while there is a backlog,
 * an XACK for each whole answer, all on one connection.
 */
struct cost bare_consume(struct bench *bench, const char *stream, uint64_t jobs, struct bare_reads reads);

/* --batch, or the best of several ways on this machine, which are tried now; says in the report which it is. */
struct bare_reads bare_reads_for(struct bench *bench, const struct job_template *job);

#endif
