/* SPDX-License-Identifier: MIT */
#ifndef WEIR_JOB_PACK_H
#define WEIR_JOB_PACK_H

#include "base/arena.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <weir/field.h>

/*
 * A job while it is delayed: the msgpack array [attempts, first_enqueued_ms, group, f1, v1, f2, v2, …] that lies in
 * {S}:delayed:jobs. group is "" where the job concerns every group; names and values are msgpack strings (raw bytes).
 */
struct weir_packed_job {
    uint32_t attempts;
    int64_t first_enqueued_ms;
    const char *group;
    size_t group_len;
    const char *id;          /* a weir.id field to write besides the others; NULL: none */
    const char *traceparent; /* the same, weir.traceparent */
    weir_fields fields;
};

/* Appends the msgpack form to out, whose `failed` tells of missing memory. */
void weir_pack_job(struct weir_buffer *out, const struct weir_packed_job *job);

/*
 * Reads it back; everything points into `bytes` or the arena. weir.id and weir.traceparent are left among the fields.
 * False where it isn't such an array, says more than it holds, or memory ran out.
 */
bool weir_unpack_job(const char *bytes, size_t len, struct weir_arena *arena, struct weir_packed_job *ret);

#endif
