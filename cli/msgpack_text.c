/* SPDX-License-Identifier: MIT */
#include "msgpack_text.h"

#include "fail.h"
#include "text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 32 };

struct reader {
    const unsigned char *at, *end;
    FILE *to;
};

/* The next n bytes as a number; false: there are fewer. */
static bool number(struct reader *reader, size_t n, uint64_t *ret)
{
    if ((size_t)(reader->end - reader->at) < n)
        return false;
    *ret = 0;
    while (n-- > 0)
        *ret = *ret << 8 | *reader->at++;
    return true;
}

static bool text(struct reader *reader, uint64_t len)
{
    if ((uint64_t)(reader->end - reader->at) < len)
        return false;
    char *visible = text_visible(reader->at, (size_t)len, ALL_COLUMNS);
    fputc('"', reader->to);
    for (const char *c = visible; *c; c++)
        fprintf(reader->to, *c == '"' ? "\\%c" : "%c", *c);
    fputc('"', reader->to);
    free(visible);
    reader->at += len;
    return true;
}

static bool value(struct reader *reader, int depth);

static bool array(struct reader *reader, uint64_t n, int depth)
{
    fputc('[', reader->to);
    for (uint64_t i = 0; i < n; i++) {
        fputs(i ? ", " : "", reader->to);
        if (!value(reader, depth))
            return false;
    }
    return fputc(']', reader->to) != EOF;
}

static bool map(struct reader *reader, uint64_t n, int depth)
{
    fputc('{', reader->to);
    for (uint64_t i = 0; i < n; i++) {
        fputs(i ? ", " : "", reader->to);
        if (!value(reader, depth))
            return false;
        fputs(": ", reader->to);
        if (!value(reader, depth))
            return false;
    }
    return fputc('}', reader->to) != EOF;
}

static bool real(struct reader *reader, size_t size)
{
    uint64_t bits;
    if (!number(reader, size, &bits))
        return false;
    double number_ = 0;
    if (size == 4) {
        uint32_t low = (uint32_t)bits;
        float single;
        memcpy(&single, &low, 4);
        number_ = (double)single;
    } else {
        memcpy(&number_, &bits, 8);
    }
    return fprintf(reader->to, "%.17g", number_) > 0;
}

static bool whole(struct reader *reader, unsigned char type)
{
    uint64_t n;
    size_t size = (size_t)1 << (type & 3);
    if (!number(reader, size, &n))
        return false;
    if (type < 0xd0)
        return fprintf(reader->to, "%" PRIu64, n) > 0;
    int shift = (int)(64 - 8 * size); /* the sign's place */
    return fprintf(reader->to, "%" PRId64, (int64_t)(n << shift) >> shift) > 0;
}

/* What begins with its length: bin, ext, str, array and map of 8, 16 or 32 bits. */
static bool counted(struct reader *reader, unsigned char type, int depth)
{
    static const struct {
        unsigned char size, kind;
    } types[0xe0 - 0xc0] = {
        [0x04] = {1, 's'}, [0x05] = {2, 's'}, [0x06] = {4, 's'}, [0x07] = {1, 'e'}, [0x08] = {2, 'e'},
        [0x09] = {4, 'e'}, [0x19] = {1, 's'}, [0x1a] = {2, 's'}, [0x1b] = {4, 's'}, [0x1c] = {2, 'a'},
        [0x1d] = {4, 'a'}, [0x1e] = {2, 'm'}, [0x1f] = {4, 'm'},
    };
    uint64_t n;
    unsigned char kind = types[type - 0xc0].kind;
    if (!kind || !number(reader, types[type - 0xc0].size, &n))
        return false;
    if (kind == 'a')
        return array(reader, n, depth);
    if (kind == 'm')
        return map(reader, n, depth);
    return text(reader, n + (kind == 'e'));
}

static bool value(struct reader *reader, int depth)
{
    if (reader->at == reader->end || depth == DEPTH)
        return false;
    unsigned char type = *reader->at++;
    if (type < 0x80)
        return fprintf(reader->to, "%d", type) > 0;
    if (type < 0x90)
        return map(reader, type & 0x0f, depth + 1);
    if (type < 0xa0)
        return array(reader, type & 0x0f, depth + 1);
    if (type < 0xc0)
        return text(reader, type & 0x1f);
    if (type >= 0xe0)
        return fprintf(reader->to, "%d", type - 256) > 0;
    if (type == 0xc0 || type == 0xc2 || type == 0xc3)
        return fputs(type == 0xc0 ? "null" : type == 0xc2 ? "false" : "true", reader->to) >= 0;
    if (type == 0xca || type == 0xcb)
        return real(reader, type == 0xca ? 4 : 8);
    if (type >= 0xcc && type <= 0xd3)
        return whole(reader, type);
    if (type >= 0xd4 && type <= 0xd8)
        return text(reader, 1 + ((uint64_t)1 << (type - 0xd4)));
    return counted(reader, type, depth + 1);
}

char *msgpack_text(const void *bytes, size_t len)
{
    const unsigned char *first = bytes;
    bool nested = len > 0 && ((*first >= 0x80 && *first < 0xa0) || (*first >= 0xdc && *first <= 0xdf));
    if (!nested)
        return NULL;
    char *out = NULL;
    size_t size;
    struct reader reader = {.at = first, .end = first + len, .to = open_memstream(&out, &size)};
    if (!reader.to)
        fail(EXIT_FAILED, "no memory");
    bool good = value(&reader, 0) && reader.at == reader.end;
    if (fclose(reader.to) != 0)
        fail(EXIT_FAILED, "no memory");
    if (good)
        return out;
    free(out);
    return NULL;
}
