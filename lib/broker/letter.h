/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BROKER_LETTER_H
#define WEIR_BROKER_LETTER_H

#include "base/arena.h"
#include "job/entry_id.h"

#include <stdbool.h>
#include <weir/dead.h>

/*
 * Reads an entry of a dead stream: takes the library's own fields out of `raw` (of the arena, reordered in place) into
 * the letter. Tolerates every spoiled or missing one. False only without memory.
 */
bool weir_letter_read(struct weir_arena *arena, struct weir_entry_id id, weir_field *raw, size_t n_raw,
                      weir_dead_letter *ret);

#endif
