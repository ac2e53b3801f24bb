/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BASE_HISTOGRAM_H
#define WEIR_BASE_HISTOGRAM_H

#include <weir/visibility.h>
#include <weir/stats.h>

/* Counts one value, 0 or more microseconds. The caller holds whatever guards the histogram. */
void weir_histogram_add(weir_histogram *histogram, int64_t value_us);

/* The bucket a value falls into. */
size_t weir_histogram_bucket(uint64_t value_us);

#endif
