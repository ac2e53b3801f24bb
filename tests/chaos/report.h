/* SPDX-License-Identifier: MIT
 *
 * What is printed of a verdict: the findings, each with all that the history knows of its job or process; the counts;
 * and, last, the one line that counts.
 */
#ifndef CHAOS_REPORT_H
#define CHAOS_REPORT_H

#include "checker.h"

#include <stdio.h>

void report_findings(FILE *out, const struct history *history, const struct verdict *verdict);
void report_counts(FILE *out, const struct history *history, const struct verdict *verdict);

/* "accepted N, done N, dead N, lost N, unexplained duplicates N, stalls N" */
void report_line(FILE *out, const struct verdict *verdict);

#endif
