/* SPDX-License-Identifier: MIT */
#include "table.h"

#include "fail.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 2 };

struct cell {
    char *text;
    size_t columns;
    enum style style;
};

struct table {
    const struct column *columns;
    size_t n;
    size_t *widths; /* 0: left out */
    bool *hidden;
    struct cell *cells;
    size_t n_cells, capacity;
    bool titled; /* the titles were printed */
};

struct table *table_new(const struct column *columns, size_t n)
{
    struct table *table = keep(sizeof *table);
    *table = (struct table){.columns = columns, .n = n};
    table->widths = keep(n * sizeof *table->widths);
    table->hidden = keep(n * sizeof *table->hidden);
    for (size_t i = 0; i < n; i++) {
        table->widths[i] = text_columns(columns[i].title);
        table->hidden[i] = false;
    }
    return table;
}

void table_hide(struct table *table, size_t column)
{
    table->hidden[column] = true;
}

void table_cell(struct table *table, enum style style, const char *text)
{
    if (table->n_cells == table->capacity) {
        table->capacity = table->capacity ? 2 * table->capacity : 64;
        table->cells = keep_more(table->cells, table->capacity * sizeof *table->cells);
    }
    table->cells[table->n_cells++] = (struct cell){keep_text(text, strlen(text)), text_columns(text), style};
}

void table_bytes(struct table *table, enum style style, const void *bytes, size_t len)
{
    bool all = table->columns[table->n_cells % table->n].clip == CLIP_MIDDLE;
    char *visible = text_visible(bytes, len, all ? ALL_COLUMNS : terminal_columns());
    table_cell(table, style, visible);
    free(visible);
}

size_t table_rows(const struct table *table)
{
    return table->n_cells / table->n;
}

static size_t total(const struct table *table)
{
    size_t sum = 0;
    for (size_t i = 0; i < table->n; i++)
        if (!table->hidden[i])
            sum += table->widths[i] + (sum ? GAP : 0);
    return sum;
}

/* The widest of the columns that may be narrower. */
static size_t widest(const struct table *table)
{
    size_t found = table->n;
    for (size_t i = 0; i < table->n; i++)
        if (!table->hidden[i] && table->columns[i].least && table->widths[i] > table->columns[i].least &&
            (found == table->n || table->widths[i] > table->widths[found]))
            found = i;
    return found;
}

/* The column to be left out first. */
static size_t least_wanted(const struct table *table)
{
    size_t found = table->n;
    for (size_t i = 0; i < table->n; i++)
        if (!table->hidden[i] && table->columns[i].leave_out > 0 &&
            (found == table->n || table->columns[i].leave_out > table->columns[found].leave_out))
            found = i;
    return found;
}

static void lay_out(struct table *table, size_t columns)
{
    for (size_t i = 0; i < table->n_cells; i++)
        if (table->cells[i].columns > table->widths[i % table->n])
            table->widths[i % table->n] = table->cells[i].columns;
    while (total(table) > columns) {
        size_t i = widest(table);
        if (i < table->n)
            table->widths[i]--;
        else if ((i = least_wanted(table)) < table->n)
            table->hidden[i] = true;
        else
            break;
    }
}

static void print_cell(const struct table *table, size_t column, enum style style, const char *text, bool last,
                       FILE *to)
{
    size_t width = table->widths[column];
    char *clipped = text_clip(text, width, table->columns[column].clip);
    int padding = (int)(width - text_columns(clipped));
    if (table->columns[column].to_the_right)
        fprintf(to, "%*s", padding, "");
    style_begin(to, style);
    fputs(clipped, to);
    style_end(to, style);
    if (!last && !table->columns[column].to_the_right)
        fprintf(to, "%*s", padding, "");
    if (!last)
        fprintf(to, "%*s", GAP, "");
    free(clipped);
}

static size_t last_column(const struct table *table)
{
    size_t last = 0;
    for (size_t i = 0; i < table->n; i++)
        if (!table->hidden[i])
            last = i;
    return last;
}

static void print_rows(struct table *table, FILE *to)
{
    size_t last = last_column(table);
    for (size_t i = 0; !table->titled && i < table->n; i++) {
        if (!table->hidden[i])
            print_cell(table, i, FAINT, table->columns[i].title, i == last, to);
        if (i == last)
            fputc('\n', to);
    }
    table->titled = true;
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t column = i % table->n;
        if (!table->hidden[column])
            print_cell(table, column, table->cells[i].style, table->cells[i].text, column == last, to);
        if (column == last)
            fputc('\n', to);
    }
}

static void forget(struct table *table)
{
    for (size_t i = 0; i < table->n_cells; i++)
        free(table->cells[i].text);
    table->n_cells = 0;
}

void table_print(struct table *table, FILE *to, size_t columns)
{
    lay_out(table, columns);
    print_rows(table, to);
    forget(table);
}

void table_flush(struct table *table)
{
    table_print(table, stdout, terminal_columns());
}

void table_end(struct table *table)
{
    if (table->n_cells > 0)
        table_flush(table);
    table_free(table);
}

void table_free(struct table *table)
{
    forget(table);
    free(table->cells);
    free(table->widths);
    free(table->hidden);
    free(table);
}
