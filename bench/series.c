/* SPDX-License-Identifier: MIT */
#include "series.h"

#include <math.h>
#include <stdlib.h>

void series_add(struct series *series, double value)
{
    if (series->n < RUNS_MAX)
        series->values[series->n++] = value;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

void sort_values(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare);
}

struct spread series_spread(const struct series *series)
{
    size_t n = series->n;
    if (n == 0)
        return (struct spread){NAN, NAN, NAN};
    struct series sorted = *series;
    sort_values(sorted.values, n);
    double median = n % 2 ? sorted.values[n / 2] : (sorted.values[n / 2 - 1] + sorted.values[n / 2]) / 2;
    return (struct spread){sorted.values[0], median, sorted.values[n - 1]};
}

struct spread series_ratio(const struct series *numerator, const struct series *denominator)
{
    struct series ratios = {0};
    for (size_t i = 0; i < numerator->n && i < denominator->n; i++)
        series_add(&ratios, numerator->values[i] / denominator->values[i]);
    return series_spread(&ratios);
}

double quantile(const double *sorted, size_t n, double q)
{
    if (n == 0)
        return NAN;
    double rank = ceil(q * (double)n);
    return sorted[rank < 1 ? 0 : rank > (double)n ? n - 1 : (size_t)rank - 1];
}
