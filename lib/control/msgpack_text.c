/* SPDX-License-Identifier: MIT
 *
 * msgpack as JSON text. The bytes are whatever somebody has put into a field: every length is checked against what is
 * there, nesting is bounded, and so is the text, to which everything that is read adds something.
 */
#include "control/msgpack_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

struct reader {
    const unsigned char *at, *end;
    struct weir_buffer *out; /* NULL: it is only read */
    size_t start;            /* of what is written */
};

/* --- UTF-8 and base64 --- */

size_t control_utf8_len(const char *bytes, size_t len)
{
    const unsigned char *text = (const unsigned char *)bytes;
    size_t i = 0;
    while (i < len) {
        unsigned char c = text[i];
        size_t n = c < 0x80                 ? 1
                   : c >= 0xc2 && c <= 0xdf ? 2
                   : c >= 0xe0 && c <= 0xef ? 3
                   : c >= 0xf0 && c <= 0xf4 ? 4
                                            : 0;
        if (n == 0 || n > len - i)
            return i;
        for (size_t j = 1; j < n; j++)
            if ((text[i + j] & 0xc0) != 0x80)
                return i;
        if ((c == 0xe0 && text[i + 1] < 0xa0) || (c == 0xed && text[i + 1] > 0x9f) ||
            (c == 0xf0 && text[i + 1] < 0x90) || (c == 0xf4 && text[i + 1] > 0x8f))
            return i;
        i += n;
    }
    return len;
}

void control_base64_write(struct weir_buffer *out, const char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *from = (const unsigned char *)bytes;
    for (size_t i = 0; i < len; i += 3) {
        unsigned n = (unsigned)from[i] << 16;
        if (i + 1 < len)
            n |= (unsigned)from[i + 1] << 8;
        if (i + 2 < len)
            n |= from[i + 2];
        const char four[] = {digits[n >> 18], digits[n >> 12 & 63], i + 1 < len ? digits[n >> 6 & 63] : '=',
                             i + 2 < len ? digits[n & 63] : '='};
        weir_buffer_append(out, four, sizeof four);
    }
}

/* --- writing --- */

static void add(struct reader *reader, const char *text)
{
    if (reader->out)
        weir_buffer_append(reader->out, text, strlen(text));
}

static bool has_room(const struct reader *reader)
{
    return !reader->out || (!reader->out->failed && reader->out->len - reader->start <= CONTROL_MSGPACK_TEXT_MAX);
}

static void add_base64(struct reader *reader, const char *before, const unsigned char *bytes, size_t len)
{
    add(reader, before);
    if (reader->out)
        control_base64_write(reader->out, (const char *)bytes, len);
    add(reader, "\"}");
}

static void add_text(struct reader *reader, const unsigned char *bytes, size_t len)
{
    if (!reader->out)
        return;
    if (control_utf8_len((const char *)bytes, len) < len) {
        add_base64(reader, "{\"base64\":\"", bytes, len);
        return;
    }
    add(reader, "\"");
    for (size_t i = 0; i < len; i++) {
        char escaped[8];
        if (bytes[i] == '"' || bytes[i] == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", bytes[i]);
        else if (bytes[i] < 0x20 || bytes[i] == 0x7f)
            snprintf(escaped, sizeof escaped, "\\u%04x", bytes[i]);
        else
            snprintf(escaped, sizeof escaped, "%c", bytes[i]);
        add(reader, escaped);
    }
    add(reader, "\"");
}

static void add_real(struct reader *reader, double value)
{
    char text[40];
    if (!reader->out)
        return;
    if (isnan(value) || isinf(value)) {
        add(reader, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) { /* the shortest that reads back the same */
        snprintf(text, sizeof text, "%.*g", digits, value);
        double again = 0;
        if (sscanf(text, "%lf", &again) == 1 && again == value)
            break;
    }
    for (char *comma = text; *comma; comma++) /* whatever the locale says */
        if (*comma == ',')
            *comma = '.';
    add(reader, text);
}

/* --- reading --- */

static bool take(struct reader *reader, size_t n, const unsigned char **ret)
{
    if ((size_t)(reader->end - reader->at) < n)
        return false;
    *ret = reader->at;
    reader->at += n;
    return true;
}

static bool take_number(struct reader *reader, size_t size, uint64_t *ret)
{
    const unsigned char *bytes;
    if (!take(reader, size, &bytes))
        return false;
    *ret = 0;
    for (size_t i = 0; i < size; i++)
        *ret = *ret << 8 | bytes[i];
    return true;
}

static bool write_value(struct reader *reader, int depth);

static bool write_array(struct reader *reader, uint64_t n, int depth)
{
    add(reader, "[");
    for (uint64_t i = 0; i < n; i++) {
        add(reader, i > 0 ? "," : "");
        if (!write_value(reader, depth + 1))
            return false;
    }
    add(reader, "]");
    return true;
}

static bool write_pairs(struct reader *reader, uint64_t n, bool as_object, int depth)
{
    add(reader, as_object ? "{" : "[");
    for (uint64_t i = 0; i < n; i++) {
        add(reader, i > 0 ? "," : "");
        add(reader, as_object ? "" : "[");
        if (!write_value(reader, depth + 1))
            return false;
        add(reader, as_object ? ":" : ",");
        if (!write_value(reader, depth + 1))
            return false;
        add(reader, as_object ? "" : "]");
    }
    add(reader, as_object ? "}" : "]");
    return true;
}

/* Reads a key; whether it is text that an object of JSON can have as one. */
static bool read_key(struct reader *reader, int depth)
{
    const unsigned char *key = reader->at;
    if (!write_value(reader, depth + 1))
        return false;
    size_t head = *key >= 0xa0 && *key <= 0xbf ? 1 : *key == 0xd9 ? 2 : *key == 0xda ? 3 : *key == 0xdb ? 5 : 0;
    if (head == 0)
        return false;
    size_t len = (size_t)(reader->at - key) - head;
    return control_utf8_len((const char *)key + head, len) == len;
}

/* Looks ahead, without writing anything. */
static bool keys_are_text(const struct reader *reader, uint64_t n, int depth)
{
    struct reader ahead = {reader->at, reader->end, NULL, 0};
    for (uint64_t i = 0; i < n; i++)
        if (!read_key(&ahead, depth) || !write_value(&ahead, depth + 1))
            return false;
    return true;
}

static bool write_map(struct reader *reader, uint64_t n, int depth)
{
    /* who only looks ahead doesn't do so again for each map in the map, or it would take for ever */
    return write_pairs(reader, n, reader->out && keys_are_text(reader, n, depth), depth);
}

static bool write_bytes(struct reader *reader, size_t size_bytes, bool text)
{
    uint64_t len;
    const unsigned char *bytes;
    if (!take_number(reader, size_bytes, &len) || !take(reader, len, &bytes))
        return false;
    if (text)
        add_text(reader, bytes, len);
    else
        add_base64(reader, "{\"base64\":\"", bytes, len);
    return true;
}

static bool write_extension(struct reader *reader, uint64_t len)
{
    const unsigned char *type, *bytes;
    if (!take(reader, 1, &type) || !take(reader, len, &bytes))
        return false;
    char before[40];
    snprintf(before, sizeof before, "{\"ext\":%d,\"base64\":\"", (signed char)*type);
    add_base64(reader, before, bytes, len);
    return true;
}

static bool write_sized_extension(struct reader *reader, size_t size_bytes)
{
    uint64_t len;
    return take_number(reader, size_bytes, &len) && write_extension(reader, len);
}

static bool write_unsigned(struct reader *reader, size_t size)
{
    uint64_t number;
    char text[24];
    if (!take_number(reader, size, &number))
        return false;
    snprintf(text, sizeof text, "%" PRIu64, number);
    add(reader, text);
    return true;
}

static bool write_signed(struct reader *reader, size_t size)
{
    uint64_t bits;
    char text[24];
    if (!take_number(reader, size, &bits))
        return false;
    unsigned shift = (unsigned)(64 - 8 * size);
    snprintf(text, sizeof text, "%" PRId64, (int64_t)(bits << shift) >> shift);
    add(reader, text);
    return true;
}

static bool write_real(struct reader *reader, size_t size)
{
    uint64_t bits;
    if (!take_number(reader, size, &bits))
        return false;
    if (size == sizeof(float)) {
        uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        add_real(reader, (double)value);
    } else {
        double value;
        memcpy(&value, &bits, sizeof value);
        add_real(reader, value);
    }
    return true;
}

static bool write_collection(struct reader *reader, size_t size_bytes, bool map, int depth)
{
    uint64_t n;
    if (!take_number(reader, size_bytes, &n))
        return false;
    return map ? write_map(reader, n, depth) : write_array(reader, n, depth);
}

/* What a first byte from 0xc0 to 0xdf announces. */
static bool write_announced(struct reader *reader, unsigned char c, int depth)
{
    switch (c) {
    case 0xc0:
        add(reader, "null");
        return true;
    case 0xc2:
    case 0xc3:
        add(reader, c == 0xc2 ? "false" : "true");
        return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return write_bytes(reader, (size_t)1 << (c - 0xc4), false);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return write_sized_extension(reader, (size_t)1 << (c - 0xc7));
    case 0xca:
    case 0xcb:
        return write_real(reader, c == 0xca ? sizeof(float) : sizeof(double));
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        return write_unsigned(reader, (size_t)1 << (c - 0xcc));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return write_signed(reader, (size_t)1 << (c - 0xd0));
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return write_extension(reader, (uint64_t)1 << (c - 0xd4));
    case 0xd9:
    case 0xda:
    case 0xdb:
        return write_bytes(reader, (size_t)1 << (c - 0xd9), true);
    case 0xdc:
    case 0xdd:
        return write_collection(reader, c == 0xdc ? 2 : 4, false, depth);
    case 0xde:
    case 0xdf:
        return write_collection(reader, c == 0xde ? 2 : 4, true, depth);
    default: /* 0xc1 is none */
        return false;
    }
}

static bool write_value(struct reader *reader, int depth)
{
    const unsigned char *first, *bytes;
    char text[8];
    if (depth > DEPTH_MAX || !has_room(reader) || !take(reader, 1, &first))
        return false;
    unsigned char c = *first;
    if (c >= 0xc0 && c <= 0xdf)
        return write_announced(reader, c, depth);
    if (c >= 0x80 && c <= 0x8f)
        return write_map(reader, c & 15, depth);
    if (c >= 0x90 && c <= 0x9f)
        return write_array(reader, c & 15, depth);
    if (c >= 0xa0 && c <= 0xbf) {
        if (!take(reader, c & 31, &bytes))
            return false;
        add_text(reader, bytes, c & 31);
        return true;
    }
    snprintf(text, sizeof text, "%d", c < 0x80 ? c : c - 256);
    add(reader, text);
    return true;
}

bool control_msgpack_write(struct weir_buffer *out, const char *bytes, size_t len)
{
    struct reader reader = {(const unsigned char *)bytes, (const unsigned char *)bytes + len, out, out->len};
    unsigned char c = len > 0 ? *reader.at : 0;
    bool composed = (c >= 0x80 && c <= 0x9f) || (c >= 0xdc && c <= 0xdf);
    return composed && write_value(&reader, 0) && reader.at == reader.end && has_room(&reader);
}
