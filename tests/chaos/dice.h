/* SPDX-License-Identifier: MIT
 *
 * Chance that can be repeated. Every use has dice of its own, made of the seed and a purpose, so that what one draws
 * does not depend on how often another did.
 */
#ifndef CHAOS_DICE_H
#define CHAOS_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* n: tells dice of one purpose apart, such as the number of a process. */
struct dice dice_new(uint64_t seed, const char *purpose, uint64_t n);

uint64_t dice_u64(struct dice *dice);

/* Uniform, both ends included. */
int64_t dice_between(struct dice *dice, int64_t least, int64_t most);

bool dice_chance(struct dice *dice, int percent);

/* An index, each as likely as its weight says. */
size_t dice_weighted(struct dice *dice, const int *weights, size_t n);

#endif
