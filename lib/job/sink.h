/* SPDX-License-Identifier: MIT */
#ifndef WEIR_JOB_SINK_H
#define WEIR_JOB_SINK_H

#include "base/buffer.h"

#include <weir/codec.h>

/* Where an encoder's fields gather: bytes one after the other, and how long each name and value is. Zeroed is empty. */
struct weir_field_sink {
    struct weir_buffer bytes;
    struct weir_buffer lengths; /* size_t pairs */
    weir_field *fields;         /* made of them on demand */
};

/* How many fields were added so far. */
size_t weir_sink_count(const struct weir_field_sink *sink);

/* Where a sink stands. Rewinding takes away what was added since, and forgets that memory was short meanwhile. */
struct weir_sink_mark {
    size_t bytes, lengths;
    bool failed;
};
struct weir_sink_mark weir_sink_mark(const struct weir_field_sink *sink);
void weir_sink_rewind(struct weir_field_sink *sink, struct weir_sink_mark mark);

/* All fields as an array, borrowed until the sink changes; NULL without memory, then or before. */
weir_field *weir_sink_array(struct weir_field_sink *sink);

/* Frees what the sink holds, not the sink. */
void weir_sink_clear(struct weir_field_sink *sink);

#endif
