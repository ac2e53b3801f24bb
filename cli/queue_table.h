/* SPDX-License-Identifier: MIT
 *
 * The table of queues that ls and top show.
 */
#ifndef WEIR_CLI_QUEUE_TABLE_H
#define WEIR_CLI_QUEUE_TABLE_H

#include "queues.h"
#include "table.h"

/* The column of groups is left out where no queue has several. */
struct table *queue_table_new(const struct look *looks, size_t n, bool with_rates);

/* A row for each group. rates: NULL where the table has none. */
void queue_table_add(struct table *table, const struct look *look, const struct rates *rates);

#endif
