/* SPDX-License-Identifier: MIT
 *
 * What a subcommand has found: rows of named cells, printed as a table or as one JSON object:
 *
 *     {"bench": "consume", "server": {…}, …, "rows": [{"concurrency": 10, "reference_per_s": 700000, …}]}
 *
 * A figure is its median over the runs; NAME_min and NAME_max stand beside it in the JSON. Rows may have different
 * cells: the table has a column for each name, in the order in which they were first used.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "series.h"

struct report;

struct report *report_new(const char *bench);
void report_free(struct report *report); /* accepts NULL */

/* Facts about the whole: the server, the number of runs. group: "server", or NULL for the object itself. */
void report_fact_text(struct report *report, const char *group, const char *name, const char *text);
void report_fact_number(struct report *report, const char *group, const char *name, double value);

/* Begins a row; the cells that follow are its. Texts are copied; names must live as long as the report. */
void report_row(struct report *report);
void report_text(struct report *report, const char *name, const char *text);
void report_number(struct report *report, const char *name, double value);
void report_figure(struct report *report, const char *name, const struct series *series);
void report_ratio(struct report *report, const char *name, const struct series *numerator,
                  const struct series *denominator);

/* A line under the table, "notes" in the JSON. Copied. */
void report_note(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

void report_print(const struct report *report, bool json);

#endif
