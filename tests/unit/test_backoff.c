/* SPDX-License-Identifier: MIT */
#include "base/backoff.h"

#include "support/test.h"

#include <inttypes.h>

static void delays_follow_the_table(void **state)
{
    (void)state;
    static const struct {
        struct weir_backoff backoff;
        uint32_t attempt;
        double random;
        int64_t delay_ms;
    } cases[] = {
        {{WEIR_BACKOFF_NONE, 500, 1000, 2, 0}, 1, 0.5, 0},
        {{WEIR_BACKOFF_NONE, 500, 1000, 2, 1}, 3, 0.99, 0},

        {{WEIR_BACKOFF_FIXED, 500, 1000, 2, 0}, 1, 0.5, 500},
        {{WEIR_BACKOFF_FIXED, 500, 1000, 2, 0}, 9, 0.5, 500},

        {{WEIR_BACKOFF_LINEAR, 500, 10000, 2, 0}, 1, 0.5, 500},
        {{WEIR_BACKOFF_LINEAR, 500, 10000, 2, 0}, 3, 0.5, 1500},
        {{WEIR_BACKOFF_LINEAR, 500, 10000, 2, 0}, 20, 0.5, 10000},
        {{WEIR_BACKOFF_LINEAR, 500, 10000, 2, 0}, 21, 0.5, 10000},

        {{WEIR_BACKOFF_EXPONENTIAL, 500, 10000, 2, 0}, 1, 0.5, 500},
        {{WEIR_BACKOFF_EXPONENTIAL, 500, 10000, 2, 0}, 2, 0.5, 1000},
        {{WEIR_BACKOFF_EXPONENTIAL, 500, 10000, 2, 0}, 4, 0.5, 4000},
        {{WEIR_BACKOFF_EXPONENTIAL, 500, 10000, 2, 0}, 6, 0.5, 10000},
        {{WEIR_BACKOFF_EXPONENTIAL, 100, 10000, 1.5, 0}, 3, 0.5, 225},
        {{WEIR_BACKOFF_EXPONENTIAL, 100, 10000, 1, 0}, 1000000, 0.5, 100},

        /* the spread: delay × (1 ± jitter) */
        {{WEIR_BACKOFF_FIXED, 1000, 10000, 2, 0.25}, 1, 0, 750},
        {{WEIR_BACKOFF_FIXED, 1000, 10000, 2, 0.25}, 1, 0.5, 1000},
        {{WEIR_BACKOFF_FIXED, 1000, 10000, 2, 0.25}, 1, 0.75, 1125},
        {{WEIR_BACKOFF_LINEAR, 1000, 10000, 2, 0.5}, 2, 0, 1000},
        {{WEIR_BACKOFF_EXPONENTIAL, 1000, 10000, 2, 0.5}, 2, 0.75, 2500},
        {{WEIR_BACKOFF_FIXED, 1000, 10000, 2, 1}, 1, 0, 0},

        /* the cap holds after jitter */
        {{WEIR_BACKOFF_FIXED, 1000, 1000, 2, 0.25}, 1, 0.99, 1000},
        {{WEIR_BACKOFF_FIXED, 1000, 1100, 2, 0.25}, 1, 0.99, 1100},

        /* what overflows is the cap, even where infinity meets zero */
        {{WEIR_BACKOFF_EXPONENTIAL, 500, 60000, 2, 0.5}, UINT32_MAX, 0, 60000},
        {{WEIR_BACKOFF_EXPONENTIAL, 500, 60000, 1000, 1}, UINT32_MAX, 0, 60000},
        {{WEIR_BACKOFF_EXPONENTIAL, 0, 60000, 2, 0.5}, UINT32_MAX, 0.9, 0},
        {{WEIR_BACKOFF_LINEAR, INT64_MAX, INT64_MAX, 2, 0}, UINT32_MAX, 0, INT64_MAX},
        {{WEIR_BACKOFF_EXPONENTIAL, 1, INT64_MAX, 2, 0}, 64, 0, INT64_MAX},
        {{WEIR_BACKOFF_EXPONENTIAL, 1, INT64_MAX, 2, 0}, 63, 0, INT64_C(1) << 62},
        {{WEIR_BACKOFF_FIXED, 5, 0, 2, 0}, 1, 0.5, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t delay_ms = weir_backoff_delay_ms(&cases[i].backoff, cases[i].attempt, cases[i].random);
        if (delay_ms != cases[i].delay_ms)
            fail_msg("case %zu: %" PRId64 " instead of %" PRId64, i, delay_ms, cases[i].delay_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(delays_follow_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
