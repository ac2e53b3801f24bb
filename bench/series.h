/* SPDX-License-Identifier: MIT
 *
 * One figure, measured several times.
 */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include "options.h"

struct series {
    size_t n;
    double values[RUNS_MAX];
};

/* What is shown of a series. All NaN where there is nothing in it. */
struct spread {
    double min, median, max;
};

void series_add(struct series *series, double value);
struct spread series_spread(const struct series *series);

/* Run by run: numerator ÷ denominator, and the spread of the quotients. Both have as many runs. */
struct spread series_ratio(const struct series *numerator, const struct series *denominator);

/* The value below which a share q (0 … 1) of n sorted values lies (nearest rank). */
double quantile(const double *sorted, size_t n, double q);
void sort_values(double *values, size_t n);

#endif
