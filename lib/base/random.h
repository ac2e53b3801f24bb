/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BASE_RANDOM_H
#define WEIR_BASE_RANDOM_H

#include <stdint.h>

/* A generator for jitter and unique names; not for secrets. Each owner has its own, so no lock is needed. */
struct weir_random {
    uint64_t state;
};

/* Seeds from the operating system; falls back to clock, pid and address. */
void weir_random_seed(struct weir_random *random);

uint64_t weir_random_u64(struct weir_random *random);

/* Uniform in [0, 1). */
double weir_random_unit(struct weir_random *random);

#endif
