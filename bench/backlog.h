/* SPDX-License-Identifier: MIT */
#ifndef BENCH_BACKLOG_H
#define BENCH_BACKLOG_H

#include "jobs.h"

/* Rows of `memory`: what a job costs while so many wait, from 1 thousand to 10 million. */
void backlog_rows(struct bench *bench, const struct job_template *job, uint64_t runs);

#endif
