/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "fail.h"

#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static bool utf8 = true;

void text_init(void)
{
    setlocale(LC_CTYPE, "");
    utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    if (!utf8)
        setlocale(LC_CTYPE, "C.UTF-8"); /* for wcwidth */
}

bool text_is_utf8(void)
{
    return utf8;
}

/* How long the character is that begins here; 0: it is none. */
static size_t decode(const unsigned char *bytes, size_t len, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = bytes[0] < 0x80 ? 1 : bytes[0] < 0xc2 ? 0 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    if (n == 0 || n > len || bytes[0] > 0xf4)
        return 0;
    uint32_t c = n == 1 ? bytes[0] : bytes[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (bytes[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret = c;
    return n;
}

bool text_is_valid(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0, n; i < len; i += n) {
        uint32_t c;
        n = decode(at + i, len - i, &c);
        if (n == 0)
            return false;
    }
    return true;
}

/* Changes of direction, fillers, invisible operators, line and paragraph separators, private use, tags. */
static bool deceives(uint32_t c)
{
    return c == 0xad || c == 0x61c || c == 0x115f || c == 0x1160 || c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0x3164 || c == 0xfeff || c == 0xffa0 ||
           (c >= 0xe000 && c <= 0xf8ff) || (c >= 0xfff0 && c <= 0xfffb) || c >= 0xe0000;
}

/* The form of a character that isn't printed as it is; false: it is. */
static bool escape(uint32_t c, char out[16])
{
    if (c == '\n' || c == '\t' || c == '\r')
        snprintf(out, 16, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    else if (c < 0x20 || c == 0x7f)
        snprintf(out, 16, "\\x%02x", (unsigned)c);
    else if (c == 0x2026 && !utf8) /* in words of ours */
        snprintf(out, 16, "...");
    else if ((c >= 0x80 && c < 0xa0) || deceives(c) || (c >= 0x80 && (!utf8 || wcwidth((wchar_t)c) < 0)))
        snprintf(out, 16, "\\u{%x}", (unsigned)c);
    else
        return false;
    return true;
}

static size_t width_of(uint32_t c)
{
    int width = c < 0x80 ? 1 : wcwidth((wchar_t)c);
    return width < 0 ? 1 : (size_t)width;
}

char *text_visible(const void *bytes, size_t len, size_t max_columns)
{
    const unsigned char *at = bytes;
    char *out = NULL;
    size_t size, columns = 0;
    FILE *to = open_memstream(&out, &size);
    if (!to)
        fail(EXIT_FAILED, "no memory");
    for (size_t i = 0, n; i < len && columns <= max_columns; i += n) {
        uint32_t c = 0;
        char escaped[16];
        n = decode(at + i, len - i, &c);
        if (n == 0) {
            columns += (size_t)fprintf(to, "\\x%02x", at[i]);
            n = 1;
        } else if (escape(c, escaped)) {
            columns += (size_t)fprintf(to, "%s", escaped);
        } else {
            fwrite(at + i, 1, n, to);
            columns += width_of(c);
        }
    }
    if (fclose(to) != 0)
        fail(EXIT_FAILED, "no memory");
    return out;
}

size_t text_columns(const char *visible)
{
    const unsigned char *at = (const unsigned char *)visible;
    size_t columns = 0;
    for (size_t len = strlen(visible), n; len > 0; at += n, len -= n) {
        uint32_t c = 0;
        n = decode(at, len, &c);
        columns += n ? width_of(c) : 1;
        n += n == 0;
    }
    return columns;
}

/* How many bytes fit into so many columns, characters that join the one before included. */
static size_t fitting(const char *visible, size_t columns)
{
    const unsigned char *at = (const unsigned char *)visible;
    size_t used = 0;
    for (size_t len = strlen(visible), n; len > 0; at += n, len -= n) {
        uint32_t c = 0;
        n = decode(at, len, &c);
        size_t width = n ? width_of(c) : 1;
        n += n == 0;
        if (used + width > columns)
            break;
        used += width;
    }
    return (size_t)((const char *)at - visible);
}

/* The last characters that fit into so many columns. */
static const char *last_fitting(const char *visible, size_t columns)
{
    size_t surplus = text_columns(visible);
    const char *at = visible;
    while (surplus > columns) {
        uint32_t c = 0;
        size_t n = decode((const unsigned char *)at, strlen(at), &c);
        surplus -= n ? width_of(c) : 1;
        at += n ? n : 1;
    }
    uint32_t c = 0;
    for (size_t n; *at && (n = decode((const unsigned char *)at, strlen(at), &c)) > 0 && width_of(c) == 0;)
        at += n; /* what joined the last one that was left out */
    return at;
}

char *text_clip(const char *visible, size_t columns, enum clip clip)
{
    const char *ellipsis = utf8 ? "…" : "~";
    if (text_columns(visible) <= columns)
        return keep_text(visible, strlen(visible));
    if (columns == 0)
        return keep_text("", 0);
    size_t tail = clip == CLIP_MIDDLE ? (columns - 1) / 2 : 0;
    size_t head_len = fitting(visible, columns - 1 - tail);
    const char *end = tail ? last_fitting(visible, tail) : "";
    char *out = keep(head_len + strlen(ellipsis) + strlen(end) + 1);
    memcpy(out, visible, head_len);
    strcpy(out + head_len, ellipsis);
    strcat(out, end);
    return out;
}
