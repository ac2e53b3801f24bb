/* SPDX-License-Identifier: MIT */
#ifndef WEIR_QUEUE_PROMETHEUS_H
#define WEIR_QUEUE_PROMETHEUS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <weir/metrics.h>

/* Where Prometheus' text goes: gathered, and passed on piece by piece. */
struct weir_prometheus {
    struct weir_buffer text;
    weir_metrics_fn write;
    void *user_data;
    bool ended; /* write has had enough */
};

struct weir_label {
    const char *name;
    const char *value; /* any bytes but NUL */
};

/* "# HELP" and "# TYPE"; all samples of this name follow. type: "counter", "gauge", "histogram". */
void weir_prometheus_family(struct weir_prometheus *out, const char *name, const char *type, const char *help);

/* One sample. Labels without a name are left out. */
void weir_prometheus_u64(struct weir_prometheus *out, const char *name, const struct weir_label *labels, size_t n,
                         uint64_t value);

/* The same in seconds, of thousandths or millionths of them. */
void weir_prometheus_ms(struct weir_prometheus *out, const char *name, const struct weir_label *labels, size_t n,
                        uint64_t value_ms);

/* _bucket, _sum and _count; at most 3 labels. The buckets are the powers of two from 128 µs to 72 minutes. */
void weir_prometheus_histogram(struct weir_prometheus *out, const char *name, const struct weir_label *labels, size_t n,
                               const weir_histogram *histogram);

/* Passes on what is left, and frees. WEIR_ERR_MEMORY where some of it is missing. */
weir_status weir_prometheus_finish(struct weir_prometheus *out, weir_error *err);

#endif
