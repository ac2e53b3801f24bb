/* SPDX-License-Identifier: MIT
 *
 * What the server knows of queues as metrics: WEIR_QUEUE_INFO_TABLE and WEIR_GROUP_INFO_TABLE, row by row.
 *
 * Prometheus wants all samples of one metric together, so that each row goes through all queues.
 */
#include "base/error.h"
#include "queue/prometheus.h"

#include <string.h>

enum kind { KIND_NUMBER, KIND_COUNTER, KIND_MS };

struct row {
    enum kind kind;
    size_t offset;
    const char *metric, *label, *value, *text;
};

static const struct row queue_rows[] = {
#define ROW(kind, member, metric, label, value, text)                                                                  \
    {KIND_##kind, offsetof(weir_queue_info, member), metric, label, value, text},
    WEIR_QUEUE_INFO_TABLE(ROW)
#undef ROW
};

static const struct row group_rows[] = {
#define ROW(kind, member, metric, label, value, text)                                                                  \
    {KIND_##kind, offsetof(weir_group_info, member), metric, label, value, text},
    WEIR_GROUP_INFO_TABLE(ROW)
#undef ROW
};

enum {
    N_QUEUE_ROWS = sizeof queue_rows / sizeof *queue_rows,
    N_GROUP_ROWS = sizeof group_rows / sizeof *group_rows,
};

static const char *help_of(const struct row *row)
{
    static const char *const families[][2] = {
#define FAMILY(metric, text) {metric, text},
        WEIR_INFO_FAMILY_TABLE(FAMILY)
#undef FAMILY
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i][0], row->metric) == 0)
            return families[i][1];
    return row->text;
}

static const char *type_of(const struct row *row)
{
    return row->kind == KIND_COUNTER ? "counter" : "gauge";
}

static void write_sample(struct weir_prometheus *out, const struct row *row, const char *stream, const char *group,
                         const void *info)
{
    const struct weir_label labels[] = {{"queue", stream}, {group ? "group" : "", group}, {row->label, row->value}};
    int64_t number = *(const int64_t *)(const void *)((const char *)info + row->offset);
    if (number < 0) /* not known */
        return;
    if (row->kind == KIND_MS)
        weir_prometheus_ms(out, row->metric, labels, 3, (uint64_t)number);
    else
        weir_prometheus_u64(out, row->metric, labels, 3, (uint64_t)number);
}

/* Rows of one metric stand one behind the other: true for the first of them. */
static bool begins(const struct row *rows, size_t i)
{
    return i == 0 || strcmp(rows[i - 1].metric, rows[i].metric) != 0;
}

static void write_queue_rows(struct weir_prometheus *out, const weir_queue_info *const *infos, size_t n)
{
    for (size_t i = 0; i < N_QUEUE_ROWS && !out->ended; i++) {
        weir_prometheus_family(out, queue_rows[i].metric, type_of(&queue_rows[i]), help_of(&queue_rows[i]));
        for (size_t q = 0; q < n; q++)
            write_sample(out, &queue_rows[i], infos[q]->stream, NULL, infos[q]);
    }
}

static void write_group_rows(struct weir_prometheus *out, const weir_queue_info *const *infos, size_t n)
{
    for (size_t i = 0; i < N_GROUP_ROWS && !out->ended; i++) {
        if (begins(group_rows, i))
            weir_prometheus_family(out, group_rows[i].metric, type_of(&group_rows[i]), help_of(&group_rows[i]));
        for (size_t q = 0; q < n; q++)
            for (size_t g = 0; g < infos[q]->n_groups; g++)
                write_sample(out, &group_rows[i], infos[q]->stream, infos[q]->groups[g]->name, infos[q]->groups[g]);
    }
}

weir_status weir_metrics_write_info(const weir_queue_info *const *infos, size_t n, weir_metrics_fn write,
                                    void *user_data, weir_error *err)
{
    if (!write || (n > 0 && !infos))
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", write ? "infos" : "write");
    for (size_t i = 0; i < n; i++)
        if (!infos[i])
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "info %zu is NULL", i);
    struct weir_prometheus out = {.write = write, .user_data = user_data};
    write_queue_rows(&out, infos, n);
    write_group_rows(&out, infos, n);
    return weir_prometheus_finish(&out, err);
}
