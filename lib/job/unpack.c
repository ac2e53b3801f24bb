/* SPDX-License-Identifier: MIT
 *
 * A msgpack reader that reads straight from the bytes of a field.
 *
 * msgpack-c writes what we nest (map_encode.c), but its reader builds a tree of objects on the heap first, and sizes it
 * by what the bytes claim: five bytes ask for a hundred gigabytes. The mappers know what they expect, so they need only
 * the next head, and nothing is allocated here at all. The tests compare the two readers.
 *
 * What must stay true: nothing beyond `end` is read; a length that the remaining bytes can't hold is refused at once
 * (each value takes at least a byte), so that the work is bounded by the length of the field.
 */
#include "job/unpack.h"

#include <string.h>

static uint64_t big_endian(const unsigned char *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* The number of n bytes after the head; false where they aren't there. */
static bool read_number(struct weir_unpacker *u, size_t n, uint64_t *ret)
{
    if ((size_t)(u->end - u->at) < n)
        return false;
    *ret = big_endian(u->at, n);
    u->at += n;
    return true;
}

static bool read_uint(struct weir_unpacker *u, size_t size, struct weir_packed *ret)
{
    ret->kind = WEIR_PACKED_UINT;
    return read_number(u, size, &ret->as.u);
}

static bool read_int(struct weir_unpacker *u, size_t size, struct weir_packed *ret)
{
    uint64_t bits;
    if (!read_number(u, size, &bits))
        return false;
    if (bits >> (8 * size - 1) == 0) {
        ret->kind = WEIR_PACKED_UINT;
        ret->as.u = bits;
        return true;
    }
    ret->kind = WEIR_PACKED_INT;
    ret->as.i = (int64_t)(bits | (size < 8 ? UINT64_MAX << (8 * size % 64) : 0));
    return true;
}

static bool read_float(struct weir_unpacker *u, size_t size, struct weir_packed *ret)
{
    uint64_t bits;
    if (!read_number(u, size, &bits))
        return false;
    ret->kind = WEIR_PACKED_FLOAT;
    if (size == 4) {
        uint32_t narrow_bits = (uint32_t)bits;
        float narrow;
        memcpy(&narrow, &narrow_bits, sizeof narrow);
        ret->as.f = (double)narrow;
    } else {
        memcpy(&ret->as.f, &bits, sizeof ret->as.f);
    }
    return true;
}

static bool take_bytes(struct weir_unpacker *u, enum weir_packed_kind kind, uint64_t n, struct weir_packed *ret)
{
    if ((uint64_t)(u->end - u->at) < n)
        return false;
    ret->kind = kind;
    ret->bytes = (const char *)u->at;
    ret->n = (size_t)n;
    u->at += n;
    return true;
}

static bool read_bytes(struct weir_unpacker *u, enum weir_packed_kind kind, size_t size, struct weir_packed *ret)
{
    uint64_t n;
    return read_number(u, size, &n) && take_bytes(u, kind, n, ret);
}

static bool read_ext(struct weir_unpacker *u, uint64_t n, struct weir_packed *ret)
{
    return take_bytes(u, WEIR_PACKED_EXT, n + 1, ret); /* one byte for the type */
}

static bool take_values(struct weir_unpacker *u, enum weir_packed_kind kind, uint64_t n, struct weir_packed *ret)
{
    uint64_t values = kind == WEIR_PACKED_MAP ? 2 * n : n;
    if ((uint64_t)(u->end - u->at) < values)
        return false;
    ret->kind = kind;
    ret->n = (size_t)n;
    return true;
}

static bool read_values(struct weir_unpacker *u, enum weir_packed_kind kind, size_t size, struct weir_packed *ret)
{
    uint64_t n;
    return read_number(u, size, &n) && take_values(u, kind, n, ret);
}

static bool read_head(struct weir_unpacker *u, struct weir_packed *ret)
{
    if (u->at == u->end)
        return false;
    unsigned head = *u->at++;
    uint64_t n;
    if (head <= 0x7f) {
        ret->kind = WEIR_PACKED_UINT;
        ret->as.u = head;
        return true;
    }
    if (head <= 0x8f)
        return take_values(u, WEIR_PACKED_MAP, head & 0x0f, ret);
    if (head <= 0x9f)
        return take_values(u, WEIR_PACKED_ARRAY, head & 0x0f, ret);
    if (head <= 0xbf)
        return take_bytes(u, WEIR_PACKED_STR, head & 0x1f, ret);
    if (head >= 0xe0) {
        ret->kind = WEIR_PACKED_INT;
        ret->as.i = (int64_t)head - 0x100;
        return true;
    }
    switch (head) {
    case 0xc0:
        ret->kind = WEIR_PACKED_NIL;
        return true;
    case 0xc2:
    case 0xc3:
        ret->kind = WEIR_PACKED_BOOL;
        ret->as.boolean = head == 0xc3;
        return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return read_bytes(u, WEIR_PACKED_BIN, (size_t)1 << (head - 0xc4), ret);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return read_number(u, (size_t)1 << (head - 0xc7), &n) && read_ext(u, n, ret);
    case 0xca:
        return read_float(u, 4, ret);
    case 0xcb:
        return read_float(u, 8, ret);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return read_uint(u, (size_t)1 << (head - 0xcc), ret);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return read_int(u, (size_t)1 << (head - 0xd0), ret);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return read_ext(u, (uint64_t)1 << (head - 0xd4), ret);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return read_bytes(u, WEIR_PACKED_STR, (size_t)1 << (head - 0xd9), ret);
    case 0xdc:
    case 0xdd:
        return read_values(u, WEIR_PACKED_ARRAY, (size_t)2 << (head - 0xdc), ret);
    case 0xde:
    case 0xdf:
        return read_values(u, WEIR_PACKED_MAP, (size_t)2 << (head - 0xde), ret);
    default: /* 0xc1 is never used */
        return false;
    }
}

bool weir_unpack(struct weir_unpacker *unpacker, struct weir_packed *ret)
{
    struct weir_unpacker ahead = *unpacker;
    if (!read_head(&ahead, ret))
        return false;
    *unpacker = ahead;
    return true;
}

bool weir_unpack_skip(struct weir_unpacker *unpacker)
{
    struct weir_unpacker ahead = *unpacker;
    uint64_t left = 1;
    while (left > 0) {
        struct weir_packed value;
        if (left > (uint64_t)(ahead.end - ahead.at) || !weir_unpack(&ahead, &value))
            return false;
        left--;
        if (value.kind == WEIR_PACKED_ARRAY)
            left += value.n;
        else if (value.kind == WEIR_PACKED_MAP)
            left += 2 * (uint64_t)value.n;
    }
    *unpacker = ahead;
    return true;
}

const char *weir_packed_kind_text(enum weir_packed_kind kind)
{
    static const char *const texts[] = {
        [WEIR_PACKED_NIL] = "nil",          [WEIR_PACKED_BOOL] = "a bool",    [WEIR_PACKED_UINT] = "an integer",
        [WEIR_PACKED_INT] = "an integer",   [WEIR_PACKED_FLOAT] = "a number", [WEIR_PACKED_STR] = "a string",
        [WEIR_PACKED_BIN] = "a binary",     [WEIR_PACKED_ARRAY] = "an array", [WEIR_PACKED_MAP] = "a map",
        [WEIR_PACKED_EXT] = "an extension",
    };
    return texts[kind];
}
