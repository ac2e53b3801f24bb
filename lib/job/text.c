/* SPDX-License-Identifier: MIT
 *
 * Text forms: how one value of a struct lies in one field of a job.
 *
 * Called by the mappers for every scalar field, so integers take no detour over stdio. Doubles do: what printf and
 * strtod do is exact, and they are only asked for digits, never for a layout, so that the C library's locale (which a
 * program may set to one with a decimal comma) can't reach the wire.
 *
 * What must stay true: whatever is written reads back as the same value, bit for bit but for the kind of a NaN; nothing
 * beyond `len` is ever read.
 */
#include "job/text.h"

#include "base/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- integers --- */

int64_t weir_int_max(size_t size)
{
    return (int64_t)(UINT64_MAX >> (65 - 8 * size));
}

int64_t weir_int_min(size_t size)
{
    return -weir_int_max(size) - 1;
}

uint64_t weir_uint_max(size_t size)
{
    return UINT64_MAX >> (64 - 8 * size);
}

static bool all_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return len > 0;
}

enum weir_text weir_text_read_uint(const char *text, size_t len, size_t size, uint64_t *ret)
{
    bool sign = len > 0 && text[0] == '+';
    uint64_t value;
    if (!all_digits(text + sign, len - sign))
        return WEIR_TEXT_MALFORMED;
    if (!weir_parse_u64(text + sign, len - sign, &value) || value > weir_uint_max(size))
        return WEIR_TEXT_RANGE;
    *ret = value;
    return WEIR_TEXT_OK;
}

enum weir_text weir_text_read_int(const char *text, size_t len, size_t size, int64_t *ret)
{
    bool plus = len > 0 && text[0] == '+', minus = len > 0 && text[0] == '-';
    int64_t value;
    if (!all_digits(text + (plus || minus), len - (plus || minus)))
        return WEIR_TEXT_MALFORMED;
    if (!weir_parse_i64(text + plus, len - plus, &value) || value > weir_int_max(size) || value < weir_int_min(size))
        return WEIR_TEXT_RANGE;
    *ret = value;
    return WEIR_TEXT_OK;
}

size_t weir_text_write_uint(char *out, uint64_t value)
{
    return weir_format_u64(out, value);
}

size_t weir_text_write_int(char *out, int64_t value)
{
    if (value >= 0)
        return weir_format_u64(out, (uint64_t)value);
    out[0] = '-';
    return 1 + weir_format_u64(out + 1, 0 - (uint64_t)value);
}

enum weir_text weir_text_read_bool(const char *text, size_t len, bool *ret)
{
    bool yes = (len == 4 && memcmp(text, "true", 4) == 0) || (len == 1 && text[0] == '1');
    bool no = (len == 5 && memcmp(text, "false", 5) == 0) || (len == 1 && text[0] == '0');
    if (!yes && !no)
        return WEIR_TEXT_MALFORMED;
    *ret = yes;
    return WEIR_TEXT_OK;
}

/* --- floating point: reading --- */

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* [digits][.[digits]][e[sign]digits], at least one digit before the exponent. */
static bool is_decimal(const char *text, size_t len)
{
    size_t i = 0, digits = 0;
    for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
        digits++;
    if (i < len && text[i] == '.')
        for (i++; i < len && text[i] >= '0' && text[i] <= '9'; i++)
            digits++;
    if (digits == 0 || i == len)
        return digits > 0;
    if (text[i] != 'e' && text[i] != 'E')
        return false;
    i++;
    if (i < len && (text[i] == '+' || text[i] == '-'))
        i++;
    return all_digits(text + i, len - i);
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

enum { LONGEST_DECIMAL = 1200 }; /* all digits of the smallest double are 1,076 */

/* Reads as the type that `narrow` says; both through one function, so that they can't differ. */
static enum weir_text read_floating(const char *text, size_t len, bool narrow, double *ret)
{
    bool minus = len > 0 && text[0] == '-', sign = minus || (len > 0 && text[0] == '+');
    const char *rest = text + sign;
    size_t rest_len = len - sign;
    double value;
    if (is_word(rest, rest_len, "inf") || is_word(rest, rest_len, "infinity")) {
        value = (double)INFINITY;
    } else if (is_word(rest, rest_len, "nan")) {
        value = (double)NAN;
    } else {
        char copy[LONGEST_DECIMAL + 1];
        if (rest_len > LONGEST_DECIMAL || !is_decimal(rest, rest_len))
            return WEIR_TEXT_MALFORMED;
        memcpy(copy, rest, rest_len);
        copy[rest_len] = '\0';
        pthread_once(&c_locale_once, make_c_locale);
        locale_t before = c_locale ? uselocale(c_locale) : (locale_t)0;
        value = narrow ? (double)strtof(copy, NULL) : strtod(copy, NULL);
        if (before)
            uselocale(before);
        if (isinf(value))
            return WEIR_TEXT_RANGE;
    }
    *ret = minus ? -value : value;
    return WEIR_TEXT_OK;
}

enum weir_text weir_text_read_double(const char *text, size_t len, double *ret)
{
    return read_floating(text, len, false, ret);
}

enum weir_text weir_text_read_float(const char *text, size_t len, float *ret)
{
    double value;
    enum weir_text result = read_floating(text, len, true, &value);
    if (result == WEIR_TEXT_OK)
        *ret = (float)value;
    return result;
}

/* --- floating point: writing --- */

/* d.ddd × 10^exponent, as digits alone. */
struct decimal {
    char digits[20];
    size_t n;
    int exponent;
};

/* The value (positive, finite) rounded to n digits. */
static void round_to(double value, size_t n, struct decimal *ret)
{
    char text[64];
    snprintf(text, sizeof text, "%.*e", (int)n - 1, value);
    ret->n = 0;
    const char *at = text;
    for (; *at != 'e'; at++) /* the decimal point may be anything */
        if (*at >= '0' && *at <= '9')
            ret->digits[ret->n++] = *at;
    ret->exponent = (int)strtol(at + 1, NULL, 10);
}

/* One more in the last digit. */
static void round_up(struct decimal *decimal)
{
    size_t i = decimal->n;
    while (i > 0 && decimal->digits[i - 1] == '9')
        decimal->digits[--i] = '0';
    if (i > 0) {
        decimal->digits[i - 1]++;
    } else {
        decimal->digits[0] = '1';
        decimal->exponent++;
    }
}

static bool reads_back(const struct decimal *decimal, double value, bool narrow)
{
    char text[48];
    int len = snprintf(text, sizeof text, "%.*se%d", (int)decimal->n, decimal->digits,
                       decimal->exponent - (int)decimal->n + 1);
    double back;
    return read_floating(text, (size_t)len, narrow, &back) == WEIR_TEXT_OK && back == value;
}

/*
 * The fewest digits. Rounding to ever more digits finds them, but for powers of two: there the values below are closer
 * than those above, and what reads back may be the neighbour above of the rounded digits.
 */
static void shortest(double value, bool narrow, struct decimal *ret)
{
    size_t sure = narrow ? FLT_DIG : DBL_DIG; /* so many digits survive: zeros at their end are no digits */
    size_t most = narrow ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;
    bool subnormal = value < (narrow ? (double)FLT_MIN : DBL_MIN);
    for (size_t n = subnormal ? 1 : sure; n <= most; n++) {
        round_to(value, n, ret);
        if (reads_back(ret, value, narrow))
            break;
        round_up(ret);
        if (reads_back(ret, value, narrow))
            break;
    }
    while (ret->n > 1 && ret->digits[ret->n - 1] == '0')
        ret->n--;
}

/* 123.45, 0.00012, 1.5e300: plain where the exponent is in −7 … 20, as JavaScript and others have it. */
static size_t lay_out(const struct decimal *decimal, char *out)
{
    char *at = out;
    int exponent = decimal->exponent, n = (int)decimal->n;
    if (exponent < -7 || exponent > 20) {
        *at++ = decimal->digits[0];
        if (n > 1) {
            *at++ = '.';
            memcpy(at, decimal->digits + 1, decimal->n - 1);
            at += n - 1;
        }
        *at++ = 'e';
        return (size_t)(at - out) + weir_text_write_int(at, exponent);
    }
    if (exponent < 0) {
        memcpy(at, "0.", 2);
        at += 2;
        for (int i = -1; i > exponent; i--)
            *at++ = '0';
        memcpy(at, decimal->digits, decimal->n);
        return (size_t)(at - out) + decimal->n;
    }
    for (int i = 0; i < n || i <= exponent; i++) {
        if (i == exponent + 1)
            *at++ = '.';
        *at++ = i < n ? decimal->digits[i] : '0';
    }
    return (size_t)(at - out);
}

static size_t write_floating(char *out, double value, bool narrow)
{
    if (isnan(value)) {
        memcpy(out, "nan", 3);
        return 3;
    }
    size_t sign = signbit(value) ? 1 : 0;
    if (sign)
        out[0] = '-';
    double magnitude = fabs(value);
    if (isinf(value)) {
        memcpy(out + sign, "inf", 3);
        return sign + 3;
    }
    if (magnitude == 0) {
        out[sign] = '0';
        return sign + 1;
    }
    struct decimal decimal;
    shortest(magnitude, narrow, &decimal);
    return sign + lay_out(&decimal, out + sign);
}

size_t weir_text_write_double(char *out, double value)
{
    return write_floating(out, value, false);
}

size_t weir_text_write_float(char *out, float value)
{
    return write_floating(out, (double)value, true);
}
