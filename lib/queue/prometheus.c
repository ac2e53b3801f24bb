/* SPDX-License-Identifier: MIT
 *
 * Prometheus' text format.
 *
 * What must stay true: whatever bytes a name has, the text is one that Prometheus accepts, and two names never become
 * one label. Labels are UTF-8, so a byte that is not part of any is written as U+FFFD and two hexadecimal digits; for
 * the way back to be clear the bytes of U+FFFD are, too.
 */
#include "queue/prometheus.h"

#include "base/error.h"
#include "base/histogram.h"
#include "base/number.h"

#include <string.h>

enum {
    PIECE = 16 * 1024,
    FIRST_BUCKET = 7, /* 2^7 µs */
    LAST_BUCKET = 32,
};

static void add(struct weir_prometheus *out, const char *text)
{
    weir_buffer_append(&out->text, text, strlen(text));
}

static void pass_on(struct weir_prometheus *out)
{
    if (!out->ended && !out->text.failed && out->text.len > 0)
        out->ended = out->write(out->text.bytes, out->text.len, out->user_data) != 0;
    bool failed = out->text.failed;
    weir_buffer_clear(&out->text, SIZE_MAX);
    out->text.failed = failed;
}

static void end_line(struct weir_prometheus *out)
{
    add(out, "\n");
    if (out->text.len >= PIECE)
        pass_on(out);
}

void weir_prometheus_family(struct weir_prometheus *out, const char *name, const char *type, const char *help)
{
    add(out, "# HELP ");
    add(out, name);
    add(out, " ");
    add(out, help);
    end_line(out);
    add(out, "# TYPE ");
    add(out, name);
    add(out, " ");
    add(out, type);
    end_line(out);
}

/* How many bytes from here on are one character of UTF-8; 0: none. The text ends with a NUL. */
static size_t character(const unsigned char *text)
{
    static const struct {
        unsigned char first, last, second_first, second_last;
        size_t len;
    } rows[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (text[0] < rows[i].first || text[0] > rows[i].last)
            continue;
        if (rows[i].len > 1 && (text[1] < rows[i].second_first || text[1] > rows[i].second_last))
            return 0;
        for (size_t j = 2; j < rows[i].len; j++)
            if (text[j] < 0x80 || text[j] > 0xbf)
                return 0;
        return rows[i].len;
    }
    return 0;
}

static void add_label_value(struct weir_prometheus *out, const char *value)
{
    static const char REPLACEMENT[] = "\xef\xbf\xbd", DIGITS[] = "0123456789abcdef";
    for (const unsigned char *at = (const unsigned char *)value; *at;) {
        size_t len = character(at);
        if (len == 0 || (len == 3 && memcmp(at, REPLACEMENT, 3) == 0)) {
            char hex[] = {DIGITS[*at >> 4], DIGITS[*at & 15], '\0'};
            add(out, REPLACEMENT);
            add(out, hex);
            at++;
            continue;
        }
        if (*at == '\\' || *at == '"')
            add(out, "\\");
        if (*at == '\n')
            add(out, "\\n");
        else
            weir_buffer_append(&out->text, (const char *)at, len);
        at += len;
    }
}

/* `name{label="value",…} `, after which the value comes. */
static void begin_sample(struct weir_prometheus *out, const char *name, const char *suffix,
                         const struct weir_label *labels, size_t n)
{
    add(out, name);
    add(out, suffix);
    const char *before = "{";
    for (size_t i = 0; i < n; i++) {
        if (labels[i].name[0] == '\0')
            continue;
        add(out, before);
        add(out, labels[i].name);
        add(out, "=\"");
        add_label_value(out, labels[i].value);
        add(out, "\"");
        before = ",";
    }
    add(out, *before == ',' ? "} " : " ");
}

static void add_u64(struct weir_prometheus *out, uint64_t value)
{
    char digits[WEIR_U64_DIGITS];
    weir_buffer_append(&out->text, digits, weir_format_u64(digits, value));
}

/* A number of seconds that is given in 10^places-ths of one, without the zeros at its end. */
static size_t format_seconds(char out[WEIR_U64_DIGITS + 8], uint64_t value, size_t places)
{
    uint64_t unit = 1;
    for (size_t i = 0; i < places; i++)
        unit *= 10;
    size_t len = weir_format_u64(out, value / unit);
    uint64_t rest = value % unit;
    if (rest == 0)
        return len;
    out[len++] = '.';
    for (uint64_t digit = unit / 10; rest > 0; digit /= 10) {
        out[len++] = (char)('0' + rest / digit);
        rest %= digit;
    }
    return len;
}

static void add_seconds(struct weir_prometheus *out, uint64_t value, size_t places)
{
    char text[WEIR_U64_DIGITS + 8];
    weir_buffer_append(&out->text, text, format_seconds(text, value, places));
}

void weir_prometheus_u64(struct weir_prometheus *out, const char *name, const struct weir_label *labels, size_t n,
                         uint64_t value)
{
    begin_sample(out, name, "", labels, n);
    add_u64(out, value);
    end_line(out);
}

void weir_prometheus_ms(struct weir_prometheus *out, const char *name, const struct weir_label *labels, size_t n,
                        uint64_t value_ms)
{
    begin_sample(out, name, "", labels, n);
    add_seconds(out, value_ms, 3);
    end_line(out);
}

void weir_prometheus_histogram(struct weir_prometheus *out, const char *name, const struct weir_label *labels, size_t n,
                               const weir_histogram *histogram)
{
    struct weir_label with_bound[4];
    char bound[WEIR_U64_DIGITS + 8];
    memcpy(with_bound, labels, n * sizeof *labels);
    with_bound[n] = (struct weir_label){"le", bound};
    uint64_t count = 0;
    size_t bucket = 0;
    for (int power = FIRST_BUCKET; power <= LAST_BUCKET; power++) {
        uint64_t bound_us = UINT64_C(1) << power;
        for (; bucket <= weir_histogram_bucket(bound_us); bucket++)
            count += histogram->buckets[bucket];
        bound[format_seconds(bound, bound_us, 6)] = '\0';
        begin_sample(out, name, "_bucket", with_bound, n + 1);
        add_u64(out, count);
        end_line(out);
    }
    with_bound[n].value = "+Inf";
    begin_sample(out, name, "_bucket", with_bound, n + 1);
    add_u64(out, histogram->count);
    end_line(out);
    begin_sample(out, name, "_sum", labels, n);
    add_seconds(out, histogram->sum_us, 6);
    end_line(out);
    begin_sample(out, name, "_count", labels, n);
    add_u64(out, histogram->count);
    end_line(out);
}

weir_status weir_prometheus_finish(struct weir_prometheus *out, weir_error *err)
{
    pass_on(out);
    bool failed = out->text.failed;
    weir_buffer_free(&out->text);
    return failed ? weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the metrics") : WEIR_OK;
}
