/* SPDX-License-Identifier: MIT */
#include "queue_table.h"

#include "units.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM, GROUP, WAITING, RUNNING, DELAYED, DEAD, OLDEST, ADDED, FINISHED, WORKERS, WHY };

static const struct column columns[] = {
    [STREAM] = {.title = "stream", .least = 16, .clip = CLIP_MIDDLE},
    [GROUP] = {.title = "group", .least = 6, .leave_out = 2, .clip = CLIP_MIDDLE},
    [WAITING] = {.title = "waiting", .to_the_right = true},
    [RUNNING] = {.title = "running", .to_the_right = true, .leave_out = 5},
    [DELAYED] = {.title = "delayed", .to_the_right = true, .leave_out = 7},
    [DEAD] = {.title = "dead", .to_the_right = true},
    [OLDEST] = {.title = "oldest", .to_the_right = true, .leave_out = 3},
    [ADDED] = {.title = "added/s", .to_the_right = true, .leave_out = 6},
    [FINISHED] = {.title = "done/s", .to_the_right = true, .leave_out = 1},
    [WORKERS] = {.title = "workers", .to_the_right = true, .leave_out = 4},
    [WHY] = {.title = "why", .least = 12},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

struct table *queue_table_new(const struct look *looks, size_t n, bool with_rates)
{
    struct table *table = table_new(columns, COLUMNS);
    bool several = false;
    for (size_t i = 0; i < n; i++)
        several |= looks[i].info && looks[i].info->n_groups > 1;
    if (!several)
        table_hide(table, GROUP);
    if (!with_rates) {
        table_hide(table, ADDED);
        table_hide(table, FINISHED);
    }
    return table;
}

static void add_count(struct table *table, enum style style, int64_t n)
{
    table_cell(table, n == 0 ? FAINT : style, show_count(n).text);
}

static void add_rate(struct table *table, double rate)
{
    table_cell(table, rate > 0 ? PLAIN : FAINT, rate < 0 ? "" : show_rate(rate).text);
}

static void add_why(struct table *table, const struct look *look)
{
    char *why = look_why(look);
    table_bytes(table, look_style(look), why, strlen(why));
    free(why);
}

static void add_name(struct table *table, const char *name)
{
    table_bytes(table, PLAIN, name, strlen(name));
}

/* The i-th row of a queue; what is the queue's and not the group's stands in the first one alone. */
static void add_row(struct table *table, const struct look *look, const struct rates *rates, size_t i)
{
    const weir_queue_info *info = look->info;
    const weir_group_info *group = i < info->n_groups ? info->groups[i] : NULL;
    add_name(table, look->stream);
    add_name(table, group ? group->name : "");
    add_count(table, PLAIN, group ? group->waiting : info->length);
    add_count(table, PLAIN, group ? group->pending : 0);
    if (i == 0) {
        add_count(table, PLAIN, info->delayed);
        add_count(table, WARNING, info->dead);
    } else {
        table_cell(table, PLAIN, "");
        table_cell(table, PLAIN, "");
    }
    int64_t oldest_ms = group ? group->oldest_runnable_ms : info->overdue_ms;
    table_cell(table, PLAIN, oldest_ms > 0 ? show_span(oldest_ms).text : "");
    add_rate(table, rates && i == 0 ? rates->added : -1);
    add_rate(table, rates && i == 0 ? rates->finished : -1);
    add_count(table, PLAIN, group ? group->consumers_alive : 0);
    if (i == 0)
        add_why(table, look);
    else
        table_cell(table, PLAIN, "");
}

void queue_table_add(struct table *table, const struct look *look, const struct rates *rates)
{
    if (look->info) {
        for (size_t i = 0; i == 0 || i < look->info->n_groups; i++)
            add_row(table, look, rates, i);
        return;
    }
    add_name(table, look->stream);
    for (int i = STREAM + 1; i < WHY; i++)
        table_cell(table, PLAIN, "");
    add_why(table, look);
}
