/* SPDX-License-Identifier: MIT
 *
 * splitmix64: small, fast, and good enough to spread timers and name consumers.
 */
#include "base/random.h"

#include "base/clock.h"

#include <sys/random.h>
#include <unistd.h>

void weir_random_seed(struct weir_random *random)
{
    if (getrandom(&random->state, sizeof random->state, GRND_NONBLOCK) == (ssize_t)sizeof random->state)
        return;
    random->state = (uint64_t)weir_now_us() ^ (uint64_t)getpid() << 40 ^ (uint64_t)(uintptr_t)random;
}

uint64_t weir_random_u64(struct weir_random *random)
{
    uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double weir_random_unit(struct weir_random *random)
{
    return (double)(weir_random_u64(random) >> 11) * 0x1.0p-53;
}
