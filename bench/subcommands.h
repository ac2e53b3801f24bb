/* SPDX-License-Identifier: MIT
 *
 * The subcommands: each has a file of its name.
 */
#ifndef BENCH_SUBCOMMANDS_H
#define BENCH_SUBCOMMANDS_H

struct bench;

void claim_run(struct bench *bench);
void codec_run(struct bench *bench);
void consume_run(struct bench *bench);
void e2e_run(struct bench *bench);
void enqueue_run(struct bench *bench);
void flood_measure(struct bench *bench);
void idle_run(struct bench *bench);
void latency_run(struct bench *bench);
void limit_run(struct bench *bench);
void memory_run(struct bench *bench);

#endif
