/* SPDX-License-Identifier: MIT
 *
 * Log-linear histogram: each power of two in four buckets, so that one bucket is found with a shift and a mask.
 * Values 0 … 4 have a bucket each; the last bucket takes everything beyond 1.5 × 2^32 µs (107 minutes).
 */
#include "base/histogram.h"

uint64_t weir_histogram_bound_us(size_t i)
{
    if (i >= WEIR_HISTOGRAM_BUCKETS - 1)
        return UINT64_MAX;
    if (i < 4)
        return i;
    size_t octave = i / 4 + 1; /* values 2^octave … 2^(octave + 1) */
    return (UINT64_C(1) << octave) + ((uint64_t)(i % 4) << (octave - 2));
}

size_t weir_histogram_bucket(uint64_t value_us)
{
    if (value_us <= 4)
        return (size_t)value_us;
    /* bounds are inclusive: the bucket of v is one beyond that of v − 1's floor */
    uint64_t v = value_us - 1;
    unsigned octave = 63u - (unsigned)__builtin_clzll(v);
    size_t bucket = (octave - 1) * 4 + ((v >> (octave - 2)) & 3) + 1;
    return bucket < WEIR_HISTOGRAM_BUCKETS ? bucket : WEIR_HISTOGRAM_BUCKETS - 1;
}

void weir_histogram_add(weir_histogram *histogram, int64_t value_us)
{
    uint64_t v = value_us > 0 ? (uint64_t)value_us : 0;
    histogram->count++;
    histogram->sum_us += v;
    if (v > histogram->max_us)
        histogram->max_us = v;
    histogram->buckets[weir_histogram_bucket(v)]++;
}

uint64_t weir_histogram_quantile_us(const weir_histogram *histogram, double q)
{
    if (!histogram || histogram->count == 0)
        return 0;
    double wanted = q * (double)histogram->count;
    uint64_t seen = 0;
    for (size_t i = 0; i < WEIR_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t bound = weir_histogram_bound_us(i);
            return bound < histogram->max_us ? bound : histogram->max_us;
        }
    }
    return histogram->max_us;
}
