/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <inttypes.h>
#include <string.h>

struct number_text grouped(uint64_t number)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, number);

    struct number_text result;
    char *out = result.text;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return result;
}

/* The length of the UTF-8 character at `bytes` (2 … 4), or 0 where there is none that a terminal can show. */
static size_t utf8_length(const unsigned char *bytes, size_t n)
{
    size_t length = bytes[0] >= 0xf0 && bytes[0] <= 0xf4 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > n)
        return 0;
    if (bytes[0] == 0xc2 && bytes[1] < 0xa0)
        return 0; /* control characters */
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

void print_escaped(FILE *file, const char *bytes, size_t n)
{
    const unsigned char *at = (const unsigned char *)bytes;
    while (n > 0) {
        size_t length = 1;
        if (*at == '\n')
            fputs("\\n", file);
        else if (*at == '\\')
            fputs("\\\\", file);
        else if (*at >= ' ' && *at <= '~')
            putc(*at, file);
        else if (*at >= 0x80 && (length = utf8_length(at, n)) > 0)
            fwrite(at, 1, length, file);
        else
            length = 1, fprintf(file, "\\%03o", *at);
        at += length;
        n -= length;
    }
}
