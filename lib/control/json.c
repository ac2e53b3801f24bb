/* SPDX-License-Identifier: MIT */
#include "control/json.h"

#include "control/msgpack_text.h"
#include "control/uri.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct control_limits control_limits_list = {100, 1024, SIZE_MAX};
const struct control_limits control_limits_one = {3500, 1024 * 1024, 1024 * 1024};

bool control_json_set(json_t *object, const char *key, json_t *taken)
{
    return json_object_set_new(object, key, taken) == 0;
}

bool control_json_add(json_t *array, json_t *taken)
{
    return json_array_append_new(array, taken) == 0;
}

static json_t *string_of(struct weir_buffer *text)
{
    json_t *string = text->failed ? NULL : json_stringn_nocheck(text->bytes ? text->bytes : "", text->len);
    weir_buffer_free(text);
    return string;
}

static json_t *base64_of(const char *bytes, size_t len)
{
    struct weir_buffer text = {0};
    control_base64_write(&text, bytes, len);
    return string_of(&text);
}

/* JSON text as a string; null where it is no msgpack. */
static json_t *msgpack_of(const char *bytes, size_t len)
{
    struct weir_buffer text = {0};
    if (len <= CONTROL_MSGPACK_TEXT_MAX && control_msgpack_write(&text, bytes, len))
        return string_of(&text);
    weir_buffer_free(&text);
    return json_null();
}

json_t *control_json_bytes(const char *bytes, size_t len, size_t most)
{
    size_t shown = len < most ? len : most;
    size_t text = control_utf8_len(bytes, shown);
    if (text == len)
        return json_stringn_nocheck(bytes, len);
    if (shown < len && shown - text < 4 && control_utf8_len(bytes, len < text + 4 ? len : text + 4) > shown)
        shown = text; /* it was cut within a character: before it */
    json_t *object = json_object();
    bool good = object && control_json_set(object, "base64", base64_of(bytes, shown)) &&
                control_json_set(object, "msgpack", msgpack_of(bytes, len)) &&
                control_json_set(object, "size", json_integer((json_int_t)len)) &&
                control_json_set(object, "truncated", json_boolean(shown < len));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

json_t *control_json_text(const char *text)
{
    return control_json_bytes(text, strlen(text), SIZE_MAX);
}

json_t *control_json_text_or_null(const char *text)
{
    return *text ? control_json_text(text) : json_null();
}

json_t *control_json_path(const char *bytes, size_t len)
{
    struct weir_buffer text = {0};
    char *room = weir_buffer_reserve(&text, CONTROL_ENCODED_SIZE(len));
    if (room)
        text.len = control_uri_encode(room, bytes, len);
    return string_of(&text);
}

json_t *control_json_count(int64_t n)
{
    return n < 0 ? json_null() : json_integer(n);
}

json_t *control_json_time(int64_t ms)
{
    return ms == 0 ? json_null() : json_integer(ms);
}

json_t *control_json_due(double ms)
{
    if (!isfinite(ms))
        return json_null();
    if (ms == floor(ms) && fabs(ms) < 9e15)
        return json_integer((json_int_t)ms);
    return json_real(ms);
}

bool control_json_whole(const json_t *value, int64_t *ret)
{
    double real = json_real_value(value);
    *ret = json_is_integer(value) ? json_integer_value(value) : fabs(real) < 9e15 ? (int64_t)real : 0;
    return json_is_integer(value) || (json_is_real(value) && (double)*ret == real);
}

static json_t *field_of(const weir_field *field, size_t most)
{
    json_t *object = json_object();
    if (object && control_json_set(object, "name", control_json_bytes(field->name, field->name_len, most)) &&
        control_json_set(object, "value", control_json_bytes(field->value, field->value_len, most)))
        return object;
    json_decref(object);
    return NULL;
}

json_t *control_json_fields(const weir_fields *fields, const struct control_limits *limits, json_t **ret_left_out)
{
    json_t *array = json_array();
    size_t n = fields->n < limits->fields ? fields->n : limits->fields, left = limits->total_bytes;
    for (size_t i = 0; array && i < n; i++) {
        const weir_field *field = &fields->items[i];
        size_t most = limits->value_bytes < left ? limits->value_bytes : left;
        left -= field->value_len < most ? field->value_len : most;
        if (!control_json_add(array, field_of(field, most))) {
            json_decref(array);
            array = NULL;
        }
    }
    *ret_left_out = json_integer((json_int_t)(fields->n - n));
    return array;
}

json_t *control_json_finding(const weir_finding *finding)
{
    json_t *object = json_object();
    if (object && control_json_set(object, "name", control_json_text(weir_finding_name(finding->code))) &&
        control_json_set(object, "severity", control_json_text(weir_severity_name(finding->severity))) &&
        control_json_set(object, "text", control_json_text(finding->text)) &&
        control_json_set(object, "fix", control_json_text(finding->fix)) &&
        control_json_set(object, "count", finding->count ? json_integer((json_int_t)finding->count) : json_null()))
        return object;
    json_decref(object);
    return NULL;
}

size_t control_json_size(const json_t *value)
{
    enum { OTHERS = 8, EACH = 4 };
    size_t size = OTHERS, i;
    const char *key;
    json_t *member;
    if (json_is_string(value))
        return json_string_length(value) + EACH;
    if (json_is_array(value)) {
        json_array_foreach(value, i, member) size += control_json_size(member);
    } else if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, member) size += strlen(key) + EACH + control_json_size(member);
    }
    return size;
}
