/* SPDX-License-Identifier: MIT */
#ifndef WEIR_JOB_UNPACK_H
#define WEIR_JOB_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One msgpack value's head: what it is, and its content where that is no list of other values. */
enum weir_packed_kind {
    WEIR_PACKED_NIL,
    WEIR_PACKED_BOOL,
    WEIR_PACKED_UINT, /* ≥ 0 */
    WEIR_PACKED_INT,  /* < 0 */
    WEIR_PACKED_FLOAT,
    WEIR_PACKED_STR,
    WEIR_PACKED_BIN,
    WEIR_PACKED_ARRAY, /* n values follow */
    WEIR_PACKED_MAP,   /* n pairs of values follow */
    WEIR_PACKED_EXT,
};

struct weir_packed {
    enum weir_packed_kind kind;
    union {
        bool boolean;
        uint64_t u;
        int64_t i;
        double f;
    } as;
    const char *bytes; /* STR, BIN, EXT */
    size_t n;          /* bytes, values, or pairs */
};

struct weir_unpacker {
    const unsigned char *at, *end;
};

/* Reads one head. False where the bytes end before it does, or aren't msgpack; then nothing was read. */
bool weir_unpack(struct weir_unpacker *unpacker, struct weir_packed *ret);

/* Reads over one whole value, whatever is in it. Uses neither memory nor stack in proportion to it. */
bool weir_unpack_skip(struct weir_unpacker *unpacker);

/* "a string", "an array": for messages. */
const char *weir_packed_kind_text(enum weir_packed_kind kind);

#endif
