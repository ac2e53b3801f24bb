/* SPDX-License-Identifier: MIT */
#include "json.h"

#include "fail.h"
#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static json_t *checked(json_t *value)
{
    if (!value)
        fail(EXIT_FAILED, "no memory");
    return value;
}

json_t *json_make(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_t *made = json_vpack_ex(NULL, 0, format, args);
    va_end(args);
    return checked(made);
}

/* --- bytes --- */

static char *base64_encode(const unsigned char *bytes, size_t len)
{
    char *out = keep((len + 2) / 3 * 4 + 1), *at = out;
    for (size_t i = 0; i < len; i += 3) {
        unsigned three =
            (unsigned)bytes[i] << 16 | (i + 1 < len ? bytes[i + 1] : 0u) << 8 | (i + 2 < len ? bytes[i + 2] : 0u);
        *at++ = alphabet[three >> 18];
        *at++ = alphabet[three >> 12 & 63];
        *at++ = i + 1 < len ? alphabet[three >> 6 & 63] : '=';
        *at++ = i + 2 < len ? alphabet[three & 63] : '=';
    }
    *at = '\0';
    return out;
}

void *base64_decode(const char *text, size_t len, size_t *ret_len)
{
    if (len % 4 != 0)
        return NULL;
    size_t padding = len == 0 ? 0 : (size_t)(text[len - 1] == '=') + (text[len - 1] == '=' && text[len - 2] == '=');
    unsigned char *out = keep(len / 4 * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i += 4) {
        unsigned four = 0;
        for (size_t k = i; k < i + 4; k++) {
            const char *found = k >= len - padding ? alphabet : text[k] ? strchr(alphabet, text[k]) : NULL;
            if (!found) {
                free(out);
                return NULL;
            }
            four = four << 6 | (unsigned)(found - alphabet);
        }
        out[n++] = (unsigned char)(four >> 16);
        out[n++] = (unsigned char)(four >> 8);
        out[n++] = (unsigned char)four;
    }
    *ret_len = n - padding;
    return out;
}

json_t *json_bytes(const void *bytes, size_t len)
{
    if (text_is_valid(bytes, len))
        return checked(json_stringn(bytes ? bytes : "", len));
    char *encoded = base64_encode(bytes, len);
    json_t *object = json_make("{s:s}", "base64", encoded);
    free(encoded);
    return object;
}

json_t *json_name(const char *text)
{
    return json_bytes(text, strlen(text));
}

json_t *json_name_or_null(const char *text)
{
    return text && *text ? json_name(text) : json_null();
}

json_t *json_sentence(const char *text)
{
    char *visible = text_visible(text, strlen(text), ALL_COLUMNS);
    json_t *json = json_name(visible);
    free(visible);
    return json;
}

json_t *json_maybe(int64_t n)
{
    return n < 0 ? json_null() : checked(json_integer(n));
}

json_t *json_due(double ms)
{
    if (!isfinite(ms) || ms < 0)
        return json_null();
    if (ms < 9e15 && ms == floor(ms))
        return checked(json_integer((json_int_t)ms));
    return checked(json_real(ms));
}

json_t *json_fields(const weir_fields *fields)
{
    json_t *list = checked(json_array());
    for (size_t i = 0; i < fields->n; i++) {
        const weir_field *field = &fields->items[i];
        json_array_append_new(list, json_make("{s:o, s:o}", "name", json_bytes(field->name, field->name_len), "value",
                                              json_bytes(field->value, field->value_len)));
    }
    return list;
}

/* --- printing --- */

static void dump(const json_t *value, size_t flags)
{
    if (json_dumpf(value, stdout, JSON_COMPACT | flags) != 0 && !ferror(stdout))
        fail(EXIT_FAILED, "no memory");
}

void json_print(json_t *object)
{
    dump(object, 0);
    putchar('\n');
    json_decref(object);
}

static size_t n_items;

/* The members without the braces. */
static bool embed(json_t *object)
{
    bool some = object && json_object_size(object) > 0;
    if (some)
        dump(object, JSON_EMBED);
    json_decref(object);
    return some;
}

void json_list_begin(json_t *head)
{
    putchar('{');
    fputs(embed(head) ? ",\"items\":[" : "\"items\":[", stdout);
    n_items = 0;
}

void json_list_item(json_t *item)
{
    fputs(n_items++ ? ",\n" : "\n", stdout);
    dump(item, 0);
    json_decref(item);
}

void json_list_end(json_t *tail)
{
    fputs(n_items ? "\n]" : "]", stdout);
    if (tail && json_object_size(tail) > 0)
        putchar(',');
    embed(tail);
    fputs("}\n", stdout);
}
