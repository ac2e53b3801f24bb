/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "base.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS_MAX = 32, FACTS_MAX = 24, NOTES_MAX = 8, TEXT_MAX = 200 };

enum kind { TEXT, NUMBER, FIGURE, RATIO };

struct cell {
    enum kind kind;
    const char *name;
    struct spread value; /* NUMBER: median */
    char text[TEXT_MAX];
};

struct fact {
    const char *group;
    struct cell cell;
};

struct row {
    struct row *next;
    size_t n;
    struct cell cells[CELLS_MAX];
};

struct report {
    const char *bench;
    size_t n_facts;
    struct fact facts[FACTS_MAX];
    struct row *first, *last;
    size_t n_notes;
    char notes[NOTES_MAX][2 * TEXT_MAX];
};

struct report *report_new(const char *bench)
{
    struct report *report = must_alloc(sizeof *report);
    report->bench = bench;
    return report;
}

void report_free(struct report *report)
{
    if (!report)
        return;
    for (struct row *row = report->first, *next; row; row = next) {
        next = row->next;
        free(row);
    }
    free(report);
}

static struct cell *add_fact(struct report *report, const char *group, const char *name)
{
    if (report->n_facts == FACTS_MAX)
        die("a report has at most %d facts", FACTS_MAX);
    struct fact *fact = &report->facts[report->n_facts++];
    fact->group = group;
    fact->cell.name = name;
    return &fact->cell;
}

void report_fact_text(struct report *report, const char *group, const char *name, const char *text)
{
    struct cell *cell = add_fact(report, group, name);
    cell->kind = TEXT;
    snprintf(cell->text, sizeof cell->text, "%s", text);
}

void report_fact_number(struct report *report, const char *group, const char *name, double value)
{
    struct cell *cell = add_fact(report, group, name);
    cell->kind = NUMBER;
    cell->value.median = value;
}

void report_row(struct report *report)
{
    struct row *row = must_alloc(sizeof *row);
    if (report->last)
        report->last->next = row;
    else
        report->first = row;
    report->last = row;
}

static struct cell *add_cell(struct report *report, enum kind kind, const char *name)
{
    struct row *row = report->last;
    if (!row || row->n == CELLS_MAX)
        die("a row has at most %d cells", CELLS_MAX);
    struct cell *cell = &row->cells[row->n++];
    cell->kind = kind;
    cell->name = name;
    return cell;
}

void report_text(struct report *report, const char *name, const char *text)
{
    struct cell *cell = add_cell(report, TEXT, name);
    snprintf(cell->text, sizeof cell->text, "%s", text);
}

void report_number(struct report *report, const char *name, double value)
{
    add_cell(report, NUMBER, name)->value.median = value;
}

void report_figure(struct report *report, const char *name, const struct series *series)
{
    add_cell(report, FIGURE, name)->value = series_spread(series);
}

void report_ratio(struct report *report, const char *name, const struct series *numerator,
                  const struct series *denominator)
{
    add_cell(report, RATIO, name)->value = series_ratio(numerator, denominator);
}

void report_note(struct report *report, const char *format, ...)
{
    if (report->n_notes == NOTES_MAX)
        die("a report has at most %d notes", NOTES_MAX);
    va_list args;
    va_start(args, format);
    vsnprintf(report->notes[report->n_notes++], sizeof *report->notes, format, args);
    va_end(args);
}

/* --- JSON --- */

static void json_text(const char *text)
{
    putchar('"');
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void json_number(double value)
{
    if (!isfinite(value))
        fputs("null", stdout);
    else if (fabs(value) >= 1000 || value == rint(value))
        printf("%.0f", value);
    else
        printf("%.4g", value);
}

static void json_member(const char *name, const char *suffix, double value)
{
    printf("\"%s%s\": ", name, suffix);
    json_number(value);
}

static void json_cell(const struct cell *cell)
{
    switch (cell->kind) {
    case TEXT:
        printf("\"%s\": ", cell->name);
        json_text(cell->text);
        break;
    case NUMBER:
        json_member(cell->name, "", cell->value.median);
        break;
    case FIGURE:
        json_member(cell->name, "", cell->value.median);
        fputs(", ", stdout);
        json_member(cell->name, "_min", cell->value.min);
        fputs(", ", stdout);
        json_member(cell->name, "_max", cell->value.max);
        break;
    case RATIO:
        printf("\"%s\": {", cell->name);
        json_member("min", "", cell->value.min);
        fputs(", ", stdout);
        json_member("median", "", cell->value.median);
        fputs(", ", stdout);
        json_member("max", "", cell->value.max);
        putchar('}');
        break;
    }
}

static void print_json(const struct report *report)
{
    fputs("{\"bench\": ", stdout);
    json_text(report->bench);
    fputs(", \"server\": {", stdout);
    const char *separator = "";
    for (size_t i = 0; i < report->n_facts; i++) {
        if (!report->facts[i].group)
            continue;
        fputs(separator, stdout);
        json_cell(&report->facts[i].cell);
        separator = ", ";
    }
    putchar('}');
    for (size_t i = 0; i < report->n_facts; i++) {
        if (report->facts[i].group)
            continue;
        fputs(", ", stdout);
        json_cell(&report->facts[i].cell);
    }
    fputs(", \"rows\": [", stdout);
    for (const struct row *row = report->first; row; row = row->next) {
        fputs(row == report->first ? "{" : ", {", stdout);
        for (size_t i = 0; i < row->n; i++) {
            fputs(i == 0 ? "" : ", ", stdout);
            json_cell(&row->cells[i]);
        }
        putchar('}');
    }
    fputs("], \"notes\": [", stdout);
    for (size_t i = 0; i < report->n_notes; i++) {
        fputs(i == 0 ? "" : ", ", stdout);
        json_text(report->notes[i]);
    }
    puts("]}");
}

/* --- the table --- */

/* Three digits: 812k, 12.3M, 4.56, 0.0123. */
static void short_number(char *out, size_t size, double value)
{
    double magnitude = fabs(value);
    if (!isfinite(value))
        snprintf(out, size, "-");
    else if (magnitude >= 1e7)
        snprintf(out, size, "%.*fM", magnitude >= 1e8 ? 0 : 1, value / 1e6);
    else if (magnitude >= 1e4)
        snprintf(out, size, "%.*fk", magnitude >= 1e5 ? 0 : 1, value / 1e3);
    else if (value == rint(value) || magnitude >= 100)
        snprintf(out, size, "%.0f", value);
    else
        snprintf(out, size, "%.*f", magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3, value);
}

static void cell_text(char *out, size_t size, const struct cell *cell)
{
    char median[32], min[32], max[32];
    if (!cell) {
        out[0] = '\0';
        return;
    }
    short_number(median, sizeof median, cell->value.median);
    short_number(min, sizeof min, cell->value.min);
    short_number(max, sizeof max, cell->value.max);
    if (cell->kind == TEXT)
        snprintf(out, size, "%s", cell->text);
    else if (cell->kind == NUMBER)
        snprintf(out, size, "%s", median);
    else if (cell->kind == FIGURE)
        snprintf(out, size, "%s (%s-%s)", median, min, max);
    else if (isfinite(cell->value.median))
        snprintf(out, size, "%.2f (%.2f-%.2f)", cell->value.median, cell->value.min, cell->value.max);
    else
        snprintf(out, size, "-");
}

static const struct cell *find_cell(const struct row *row, const char *name)
{
    for (size_t i = 0; i < row->n; i++)
        if (strcmp(row->cells[i].name, name) == 0)
            return &row->cells[i];
    return NULL;
}

static size_t column_names(const struct report *report, const char **names)
{
    size_t n = 0;
    for (const struct row *row = report->first; row; row = row->next)
        for (size_t i = 0; i < row->n; i++) {
            size_t j = 0;
            while (j < n && strcmp(names[j], row->cells[i].name) != 0)
                j++;
            if (j == n && n < CELLS_MAX)
                names[n++] = row->cells[i].name;
        }
    return n;
}

enum { WIDTH_MAX = 150, ROWS_ACROSS = 6 };

/* The table's texts: a line for each row and one for the names; `turned`, a line for each name. */
struct table {
    size_t n_lines, n_columns;
    char (*cells)[TEXT_MAX];
    int *widths; /* of the columns */
};

static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80; /* not the rest of a character in UTF-8 */
    return width;
}

static struct table make_table(const struct report *report, bool turned)
{
    const char *names[CELLS_MAX];
    size_t n_names = column_names(report, names), n_rows = 0;
    for (const struct row *row = report->first; row; row = row->next)
        n_rows++;
    struct table table = {.n_lines = turned ? n_names : n_rows + 1, .n_columns = turned ? n_rows + 1 : n_names};
    table.cells = must_alloc(table.n_lines * table.n_columns * sizeof *table.cells);
    table.widths = must_alloc(table.n_columns * sizeof *table.widths);
    for (size_t i = 0; i < n_names; i++) {
        const struct row *row = report->first;
        for (size_t j = 0; j <= n_rows; j++) {
            size_t line = turned ? i : j, column = turned ? j : i;
            char *text = table.cells[line * table.n_columns + column];
            if (j == 0) {
                snprintf(text, TEXT_MAX, "%s", names[i]);
            } else {
                cell_text(text, TEXT_MAX, find_cell(row, names[i]));
                row = row->next;
            }
            if (width_of(text) > table.widths[column])
                table.widths[column] = width_of(text);
        }
    }
    return table;
}

static int table_width(const struct table *table)
{
    int width = 0;
    for (size_t i = 0; i < table->n_columns; i++)
        width += table->widths[i] + 2;
    return width;
}

static void table_free(struct table *table)
{
    free(table->cells);
    free(table->widths);
}

static void print_facts(const struct report *report)
{
    char text[TEXT_MAX];
    printf("%s:", report->bench);
    for (size_t i = 0; i < report->n_facts; i++) {
        cell_text(text, sizeof text, &report->facts[i].cell);
        printf("%s %s %s", i == 0 ? "" : ",", report->facts[i].cell.name, text);
    }
    puts("\nmedian (min-max) over the runs; ratios are taken run by run\n");
}

static void print_table(const struct report *report)
{
    size_t n_rows = 0;
    for (const struct row *row = report->first; row; row = row->next)
        n_rows++;
    struct table table = make_table(report, false);
    if (table_width(&table) > WIDTH_MAX && n_rows <= ROWS_ACROSS) {
        table_free(&table);
        table = make_table(report, true);
    }
    print_facts(report);
    for (size_t line = 0; line < table.n_lines; line++) {
        for (size_t i = 0; i < table.n_columns; i++) {
            const char *text = table.cells[line * table.n_columns + i];
            printf("%s%*s%s", i == 0 ? "" : "  ", table.widths[i] - width_of(text), "", text);
        }
        putchar('\n');
    }
    table_free(&table);
    for (size_t i = 0; i < report->n_notes; i++)
        printf("%s%s\n", i == 0 ? "\n" : "", report->notes[i]);
}

void report_print(const struct report *report, bool json)
{
    if (json)
        print_json(report);
    else
        print_table(report);
    if (fflush(stdout) != 0 || ferror(stdout))
        die("standard output: it could not be written");
}
