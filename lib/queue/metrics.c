/* SPDX-License-Identifier: MIT
 *
 * The numbers of a process' queues as metrics: WEIR_STATS_TABLE, row by row.
 *
 * Prometheus wants all samples of one metric together, and each of them once. So the queues' numbers are taken first,
 * all of them, and those that would get the same labels are added up.
 */
#include "base/error.h"
#include "queue/core.h"
#include "queue/prometheus.h"

#include <stdlib.h>
#include <string.h>

/* What the queues of one stream and group have in common. */
struct source {
    const char *stream, *group;
    weir_stats stats;
};

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_FLAG, KIND_HISTOGRAM };

static const struct row {
    enum kind kind;
    size_t offset;
    const char *metric, *label, *value, *text;
} rows[] = {
#define ROW(kind, member, metric, label, value, text)                                                                  \
    {KIND_##kind, offsetof(weir_stats, member), metric, label, value, text},
    WEIR_STATS_TABLE(ROW)
#undef ROW
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static const char *help_of(const struct row *row)
{
    static const char *const families[][2] = {
#define FAMILY(metric, text) {metric, text},
        WEIR_STATS_FAMILY_TABLE(FAMILY)
#undef FAMILY
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i][0], row->metric) == 0)
            return families[i][1];
    return row->text;
}

static uint64_t *number_at(weir_stats *stats, const struct row *row)
{
    return (uint64_t *)(void *)((char *)stats + row->offset);
}

static weir_histogram *histogram_at(weir_stats *stats, const struct row *row)
{
    return (weir_histogram *)(void *)((char *)stats + row->offset);
}

static void add_histogram(weir_histogram *to, const weir_histogram *from)
{
    to->count += from->count;
    to->sum_us += from->sum_us;
    if (from->max_us > to->max_us)
        to->max_us = from->max_us;
    for (size_t i = 0; i < WEIR_HISTOGRAM_BUCKETS; i++)
        to->buckets[i] += from->buckets[i];
}

static void add_stats(weir_stats *to, weir_stats *from)
{
    for (const struct row *row = rows; row < rows + N_ROWS; row++) {
        if (row->kind == KIND_HISTOGRAM)
            add_histogram(histogram_at(to, row), histogram_at(from, row));
        else if (row->kind == KIND_FLAG)
            *number_at(to, row) |= *number_at(from, row);
        else
            *number_at(to, row) += *number_at(from, row);
    }
}

static int compare(const void *a, const void *b)
{
    const struct source *one = a, *two = b;
    int order = strcmp(one->stream, two->stream);
    return order ? order : strcmp(one->group, two->group);
}

/* Brings equal ones together and adds them up; returns how many are left. */
static size_t add_up(struct source *sources, size_t n)
{
    size_t kept = 0;
    qsort(sources, n, sizeof *sources, compare);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && compare(&sources[kept - 1], &sources[i]) == 0)
            add_stats(&sources[kept - 1].stats, &sources[i].stats);
        else
            sources[kept++] = sources[i];
    }
    return kept;
}

static void write_row(struct weir_prometheus *out, const struct row *row, struct source *source)
{
    const struct weir_label labels[] = {{"queue", source->stream}, {"group", source->group}, {row->label, row->value}};
    if (row->kind == KIND_HISTOGRAM)
        weir_prometheus_histogram(out, row->metric, labels, 3, histogram_at(&source->stats, row));
    else
        weir_prometheus_u64(out, row->metric, labels, 3, *number_at(&source->stats, row));
}

/* Whether an earlier row has the same metric, and has written this one, too. */
static bool is_written(const struct row *row)
{
    for (const struct row *earlier = rows; earlier < row; earlier++)
        if (strcmp(earlier->metric, row->metric) == 0)
            return true;
    return false;
}

static void write_all(struct weir_prometheus *out, struct source *sources, size_t n)
{
    static const char *const types[] = {"counter", "gauge", "gauge", "histogram"};
    for (const struct row *row = rows; row < rows + N_ROWS && !out->ended; row++) {
        if (row->metric[0] == '\0' || is_written(row))
            continue;
        weir_prometheus_family(out, row->metric, types[row->kind], help_of(row));
        for (const struct row *member = row; member < rows + N_ROWS; member++)
            for (size_t i = 0; i < n && strcmp(member->metric, row->metric) == 0; i++)
                write_row(out, member, &sources[i]);
    }
}

weir_status weir_metrics_write(weir_queue *const *queues, size_t n, weir_metrics_fn write, void *user_data,
                               weir_error *err)
{
    if (!write || (n > 0 && !queues))
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", write ? "queues" : "write");
    struct source *sources = calloc(n + 1, sizeof *sources);
    if (!sources)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the metrics");
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        sources[i] = (struct source){weir_queue_stream(queues[i]), weir_queue_group_name(queues[i]), WEIR_STATS_INIT};
        if (weir_queue_stats(queues[i], &sources[i].stats) != WEIR_OK)
            status = weir_error_set(err, WEIR_ERR_ARGUMENT, "queue %zu is NULL", i);
    }
    if (status == WEIR_OK) {
        struct weir_prometheus out = {.write = write, .user_data = user_data};
        write_all(&out, sources, add_up(sources, n));
        status = weir_prometheus_finish(&out, err);
    }
    free(sources);
    return status;
}
