/* SPDX-License-Identifier: MIT */
#include "control/new_job.h"

#include "control/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 3500, NUMBER_SIZE = 40 };

/* --- values --- */

static int value_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* Whole groups of four, with = at the end. Writes no more than len / 4 × 3 bytes. */
static bool decode_base64(const char *text, size_t len, char *out, size_t *ret_len)
{
    size_t n = 0;
    if (len % 4 != 0)
        return false;
    for (size_t i = 0; i < len; i += 4) {
        unsigned bits = 0, padding = 0;
        for (size_t j = 0; j < 4; j++) {
            bool pads = text[i + j] == '=' && i + 4 == len && j >= 2;
            int value = pads ? 0 : value_of(text[i + j]);
            if (value < 0 || (padding > 0 && !pads))
                return false;
            padding += pads;
            bits = bits << 6 | (unsigned)value;
        }
        for (unsigned j = 0; j < 3 - padding; j++)
            out[n++] = (char)(bits >> (16 - 8 * j) & 255);
    }
    *ret_len = n;
    return true;
}

/* Enough for what read_value writes. */
static size_t room_for(const json_t *value)
{
    const json_t *text = json_is_object(value) ? json_object_get(value, "base64") : NULL;
    return json_is_string(text) ? json_string_length(text) + 1 : NUMBER_SIZE;
}

static size_t write_real(char *out, double number)
{
    for (int digits = 1; digits <= 17; digits++) { /* the shortest that reads back the same */
        double again;
        snprintf(out, NUMBER_SIZE, "%.*g", digits, number);
        if (sscanf(out, "%lf", &again) == 1 && again == number)
            break;
    }
    for (char *comma = out; *comma; comma++) /* whatever the locale says */
        if (*comma == ',')
            *comma = '.';
    return strlen(out);
}

/* Text as it is, numbers and booleans as their text, {"base64": …} decoded into *out, which moves on. */
static bool read_value(const json_t *value, char **out, const char **ret, size_t *ret_len)
{
    *ret = *out;
    if (json_is_string(value)) {
        *ret = json_string_value(value);
        *ret_len = json_string_length(value);
        return true;
    }
    if (json_is_integer(value)) {
        *ret_len = (size_t)snprintf(*out, NUMBER_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        *ret_len = write_real(*out, json_real_value(value));
    } else if (json_is_boolean(value)) {
        *ret_len = (size_t)snprintf(*out, NUMBER_SIZE, "%s", json_is_true(value) ? "true" : "false");
    } else {
        const json_t *text =
            json_is_object(value) && json_object_size(value) == 1 ? json_object_get(value, "base64") : NULL;
        if (!json_is_string(text) || !decode_base64(json_string_value(text), json_string_length(text), *out, ret_len))
            return false;
    }
    *out += room_for(value);
    return true;
}

/* --- fields --- */

static const char value_words[] = "A value has to be text, a number, a boolean, or {\"base64\": …}.";

static const char *read_object(const json_t *object, weir_field *fields, char *out)
{
    const char *name;
    json_t *value;
    size_t n = 0;
    json_object_foreach((json_t *)object, name, value)
    {
        weir_field *field = &fields[n++];
        field->name = name;
        field->name_len = strlen(name);
        if (!read_value(value, &out, &field->value, &field->value_len))
            return value_words;
    }
    return NULL;
}

static const char *read_array(const json_t *array, weir_field *fields, char *out)
{
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
    {
        const json_t *name = json_object_get(item, "name"), *value = json_object_get(item, "value");
        if (!name || !value || json_object_size(item) != 2)
            return "Each of the fields has to be {\"name\": …, \"value\": …}.";
        if (!read_value(name, &out, &fields[i].name, &fields[i].name_len) ||
            !read_value(value, &out, &fields[i].value, &fields[i].value_len))
            return value_words;
    }
    return NULL;
}

static size_t room_for_all(const json_t *fields)
{
    size_t room = 1, i;
    const char *name;
    json_t *value;
    if (json_is_object(fields)) {
        json_object_foreach((json_t *)fields, name, value) room += room_for(value);
    } else {
        json_array_foreach(fields, i, value) room +=
            room_for(json_object_get(value, "name")) + room_for(json_object_get(value, "value"));
    }
    return room;
}

static const char *read_fields(struct control_new_job *job, const json_t *fields)
{
    size_t n = json_is_object(fields) ? json_object_size(fields) : json_array_size(fields);
    if (!json_is_object(fields) && !json_is_array(fields))
        return "fields has to be an object, or an array of {\"name\": …, \"value\": …}.";
    if (n < 1 || n > FIELDS_MAX)
        return "A job has 1 to 3,500 fields.";
    weir_field *items = malloc(n * sizeof *items + room_for_all(fields));
    if (!items)
        return "There is no memory.";
    job->memory = items;
    job->fields = (weir_fields){items, n};
    return (json_is_object(fields) ? read_object : read_array)(fields, items, (char *)(items + n));
}

/* --- options --- */

static const char *read_ms(const json_t *value, int64_t *ret)
{
    *ret = 0;
    if (value && (!control_json_whole(value, ret) || *ret < 0))
        return "Times have to be milliseconds, whole numbers from 0 on.";
    return NULL;
}

static const char *read_text(const json_t *value, const char **ret)
{
    *ret = json_string_value(value);
    if (value && (!*ret || strlen(*ret) != json_string_length(value)))
        return "id and traceparent have to be text without NUL.";
    return NULL;
}

static const char *read_options(struct control_new_job *job, const json_t *object)
{
    weir_enqueue_options *options = &job->options;
    *options = (weir_enqueue_options)WEIR_ENQUEUE_OPTIONS_INIT;
    const char *wrong = read_text(json_object_get(object, "id"), &options->id);
    if (!wrong)
        wrong = read_text(json_object_get(object, "traceparent"), &options->traceparent);
    if (!wrong)
        wrong = read_ms(json_object_get(object, "delay_ms"), &options->delay_ms);
    if (!wrong)
        wrong = read_ms(json_object_get(object, "run_at_ms"), &options->run_at_ms);
    if (!wrong)
        wrong = read_ms(json_object_get(object, "idempotency_ms"), &options->idempotency_ms);
    return wrong;
}

static bool is_known(const char *member)
{
    static const char *const known[] = {"fields", "id", "delay_ms", "run_at_ms", "idempotency_ms", "traceparent"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(member, known[i]) == 0)
            return true;
    return false;
}

const char *control_new_job_read(struct control_new_job *ret, const json_t *object, char words[200])
{
    const char *member, *wrong = NULL;
    json_t *value;
    *ret = (struct control_new_job){.memory = NULL};
    json_object_foreach((json_t *)object, member, value)
    {
        if (is_known(member))
            continue;
        snprintf(words, 200, "A job has no member \"%.60s\".", member);
        return words;
    }
    wrong = read_options(ret, object);
    if (!wrong)
        wrong = read_fields(ret, json_object_get(object, "fields"));
    if (wrong)
        control_new_job_free(ret);
    return wrong;
}

void control_new_job_free(struct control_new_job *job)
{
    free(job->memory);
    job->memory = NULL;
}
