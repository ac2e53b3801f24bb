/* SPDX-License-Identifier: MIT */
#include "dice.h"

/* splitmix64 */
uint64_t dice_u64(struct dice *dice)
{
    uint64_t z = dice->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct dice dice_new(uint64_t seed, const char *purpose, uint64_t n)
{
    struct dice dice = {seed};
    for (; *purpose; purpose++)
        dice.state = dice_u64(&dice) ^ (unsigned char)*purpose;
    dice.state = dice_u64(&dice) ^ n;
    dice_u64(&dice);
    return dice;
}

int64_t dice_between(struct dice *dice, int64_t least, int64_t most)
{
    return least + (int64_t)(dice_u64(dice) % (uint64_t)(most - least + 1));
}

bool dice_chance(struct dice *dice, int percent)
{
    return dice_between(dice, 1, 100) <= percent;
}

size_t dice_weighted(struct dice *dice, const int *weights, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += weights[i];
    int64_t left = dice_between(dice, 1, sum);
    size_t i = 0;
    while (left > weights[i])
        left -= weights[i++];
    return i;
}
