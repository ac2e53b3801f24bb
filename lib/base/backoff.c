/* SPDX-License-Identifier: MIT
 *
 * Backoff: how long a failed job waits before it runs again, and how long a lost connection is left alone.
 *
 * The delay is decided once, at the moment of failure, and travels with the job as a due time. Nothing here sleeps,
 * reads a clock or draws a random number.
 *
 * What must stay true:
 *   - the result is within 0 … cap_ms for every input, however large the attempt: doubles overflow to infinity, which
 *     the cap turns into cap_ms, so no integer ever overflows;
 *   - the cap holds after jitter, so that a documented maximum is a maximum;
 *   - a job that failed for the first time has attempt 1 and waits base_ms (± jitter).
 */
#include "base/backoff.h"

#include <assert.h>
#include <math.h>

static double nominal_delay_ms(const struct weir_backoff *backoff, uint32_t attempt)
{
    if (backoff->base_ms == 0)
        return 0; /* 0 × infinity is not a number */

    switch (backoff->kind) {
    case WEIR_BACKOFF_NONE:
        return 0;
    case WEIR_BACKOFF_FIXED:
        return (double)backoff->base_ms;
    case WEIR_BACKOFF_LINEAR:
        return (double)backoff->base_ms * attempt;
    case WEIR_BACKOFF_EXPONENTIAL:
        return (double)backoff->base_ms * pow(backoff->factor, (double)attempt - 1);
    }
    assert(0 && "unknown backoff kind");
    return 0;
}

int64_t weir_backoff_delay_ms(const struct weir_backoff *backoff, uint32_t attempt, double random)
{
    assert(attempt >= 1);
    assert(random >= 0 && random < 1);

    double spread = 1 + backoff->jitter * (2 * random - 1);
    double delay = nominal_delay_ms(backoff, attempt) * spread;
    return delay < (double)backoff->cap_ms ? (int64_t)delay : backoff->cap_ms;
}
