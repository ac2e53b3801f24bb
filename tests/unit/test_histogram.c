/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

#include "support/test.h"

enum { LAST = WEIR_HISTOGRAM_BUCKETS - 1 };

static void bounds_follow_the_table(void **state)
{
    (void)state;
    static const struct {
        size_t bucket;
        uint64_t bound_us;
    } cases[] = {
        {0, 0},
        {1, 1},
        {2, 2},
        {3, 3},
        {4, 4},
        {5, 5},
        {6, 6},
        {7, 7},
        {8, 8},
        {9, 10},
        {10, 12},
        {11, 14},
        {12, 16},
        {13, 20},
        {36, 1024},
        {37, 1280},
        {38, 1536},
        {39, 1792},
        {40, 2048},
        {126, UINT64_C(6442450944)},
        {LAST, UINT64_MAX},
        {LAST + 1, UINT64_MAX},
        {SIZE_MAX, UINT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(weir_histogram_bound_us(cases[i].bucket), cases[i].bound_us);
}

static void every_bound_is_the_last_value_of_its_bucket(void **state)
{
    (void)state;
    for (size_t i = 0; i < LAST; i++) {
        uint64_t bound = weir_histogram_bound_us(i);
        assert_true(bound < weir_histogram_bound_us(i + 1));
        assert_int_equal(weir_histogram_bucket(bound), i);
        assert_int_equal(weir_histogram_bucket(bound + 1), i + 1);
    }
    assert_int_equal(weir_histogram_bucket(UINT64_MAX), LAST);
    assert_int_equal(weir_histogram_bucket(UINT64_MAX - 1), LAST);
    for (uint64_t v = 0; v < 100000; v++) {
        size_t bucket = weir_histogram_bucket(v);
        assert_true(v <= weir_histogram_bound_us(bucket));
        assert_true(bucket == 0 || v > weir_histogram_bound_us(bucket - 1));
    }
}

static void buckets_are_a_quarter_wide_at_most(void **state)
{
    (void)state;
    for (size_t i = 5; i < LAST; i++)
        assert_true(weir_histogram_bound_us(i) * 4 <= weir_histogram_bound_us(i - 1) * 5);
}

static void values_are_counted(void **state)
{
    (void)state;
    weir_histogram histogram = {0};
    static const int64_t values[] = {7, 0, 1000, -5, INT64_MAX};
    for (size_t i = 0; i < COUNT_OF(values); i++)
        weir_histogram_add(&histogram, values[i]);
    assert_int_equal(histogram.count, 5);
    assert_int_equal(histogram.max_us, INT64_MAX);
    assert_int_equal(histogram.sum_us, (uint64_t)INT64_MAX + 1007);
    assert_int_equal(histogram.buckets[0], 2); /* what is negative counts as 0 */
    assert_int_equal(histogram.buckets[7], 1);
    assert_int_equal(histogram.buckets[36], 1);
    assert_int_equal(histogram.buckets[LAST], 1);
}

static void quantiles_follow_the_table(void **state)
{
    (void)state;
    static const struct {
        int64_t values[10];
        size_t n;
        double q;
        uint64_t quantile_us;
    } cases[] = {
        {{0}, 0, 0.5, 0},
        {{7}, 1, 0, 7},
        {{7}, 1, 0.5, 7},
        {{7}, 1, 1, 7},
        {{9}, 1, 1, 9}, /* never more than the largest value, though the bucket ends at 10 */
        {{1, 2, 3, 4, 5, 6, 7, 8, 10, 12}, 10, 0, 1},
        {{1, 2, 3, 4, 5, 6, 7, 8, 10, 12}, 10, 0.1, 1},
        {{1, 2, 3, 4, 5, 6, 7, 8, 10, 12}, 10, 0.11, 2},
        {{1, 2, 3, 4, 5, 6, 7, 8, 10, 12}, 10, 0.5, 5},
        {{1, 2, 3, 4, 5, 6, 7, 8, 10, 12}, 10, 0.9, 10},
        {{1, 2, 3, 4, 5, 6, 7, 8, 10, 12}, 10, 0.99, 12},
        {{1, 2, 3, 4, 5, 6, 7, 8, 10, 12}, 10, 2, 12},
        {{1, 2, 3, 4, 5, 6, 7, 8, 10, 12}, 10, -1, 1},
        {{9, 9, 9, 100}, 4, 0.5, 10},        /* the bucket's bound */
        {{INT64_MAX, 1}, 2, 0.9, INT64_MAX}, /* the last bucket has none: the largest value */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        weir_histogram histogram = {0};
        for (size_t j = 0; j < cases[i].n; j++)
            weir_histogram_add(&histogram, cases[i].values[j]);
        assert_int_equal(weir_histogram_quantile_us(&histogram, cases[i].q), cases[i].quantile_us);
    }
    assert_int_equal(weir_histogram_quantile_us(NULL, 0.5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_follow_the_table),
        cmocka_unit_test(every_bound_is_the_last_value_of_its_bucket),
        cmocka_unit_test(buckets_are_a_quarter_wide_at_most),
        cmocka_unit_test(values_are_counted),
        cmocka_unit_test(quantiles_follow_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
