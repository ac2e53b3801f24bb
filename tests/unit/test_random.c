/* SPDX-License-Identifier: MIT */
#include "base/random.h"

#include "support/test.h"

static void the_sequence_is_splitmix64(void **state)
{
    (void)state;
    /* the reference implementation's first numbers for the seed 1234567 */
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),  UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821),
    };
    struct weir_random random = {.state = 1234567};
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_int_equal(weir_random_u64(&random), expected[i]);
}

static void units_are_spread_over_zero_to_one(void **state)
{
    (void)state;
    struct weir_random random = {.state = 1};
    int tenths[10] = {0};
    for (int i = 0; i < 10000; i++) {
        double unit = weir_random_unit(&random);
        assert_true(unit >= 0 && unit < 1);
        tenths[(int)(unit * 10)]++;
    }
    for (int i = 0; i < 10; i++)
        assert_true(tenths[i] > 800 && tenths[i] < 1200);
}

static void seeds_differ(void **state)
{
    (void)state;
    struct weir_random a = {0}, b = {0};
    weir_random_seed(&a);
    weir_random_seed(&b);
    assert_true(a.state != b.state);
    assert_true(weir_random_u64(&a) != weir_random_u64(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sequence_is_splitmix64),
        cmocka_unit_test(units_are_spread_over_zero_to_one),
        cmocka_unit_test(seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
