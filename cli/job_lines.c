/* SPDX-License-Identifier: MIT */
#include "job_lines.h"

#include "fail.h"
#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool field_of_word(const char *word, weir_field *ret)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word)
        return false;
    *ret = (weir_field){word, (size_t)(equals - word), equals + 1, strlen(equals + 1)};
    return true;
}

static bool refuse(char error[LINE_ERROR_SIZE], const char *format, ...) WEIR_PRINTF(2, 3);

static bool refuse(char error[LINE_ERROR_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, LINE_ERROR_SIZE, format, args);
    va_end(args);
    return false;
}

static void *keep_in(struct line_job *job, void *memory)
{
    job->kept = keep_more(job->kept, (job->n_kept + 1) * sizeof *job->kept);
    return job->kept[job->n_kept++] = memory;
}

/* As the shortest text that reads back as the same number. */
static char *number_text(const json_t *number)
{
    char *text = NULL;
    for (size_t precision = 15; precision <= 17; precision++) {
        free(text);
        text = json_dumps(number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(precision));
        if (!text)
            fail(EXIT_FAILED, "no memory");
        if (json_is_integer(number) || strtod(text, NULL) == json_real_value(number))
            break;
    }
    return text;
}

/* The bytes of a text, number, boolean or {"base64": …}. */
static bool read_bytes(struct line_job *job, const json_t *value, const char **ret, size_t *ret_len, const char *what,
                       char error[LINE_ERROR_SIZE])
{
    if (json_is_string(value)) {
        *ret = json_string_value(value);
        *ret_len = json_string_length(value);
        return true;
    }
    if (json_is_boolean(value)) {
        *ret = json_is_true(value) ? "true" : "false";
        *ret_len = strlen(*ret);
        return true;
    }
    if (json_is_number(value)) {
        *ret = keep_in(job, number_text(value));
        *ret_len = strlen(*ret);
        return true;
    }
    const json_t *base64 =
        json_is_object(value) && json_object_size(value) == 1 ? json_object_get(value, "base64") : NULL;
    if (!json_is_string(base64))
        return refuse(error, "%.60s is %s; a value is a text, a number, true, false, or {\"base64\": \"…\"}", what,
                      json_is_null(value)     ? "null"
                      : json_is_array(value)  ? "a list"
                      : json_is_object(value) ? "an object"
                                              : "something else");
    void *bytes = base64_decode(json_string_value(base64), json_string_length(base64), ret_len);
    if (!bytes)
        return refuse(error, "%.60s is not base64 (A-Z, a-z, 0-9, +, /, and = to a multiple of four)", what);
    *ret = keep_in(job, bytes);
    return true;
}

static bool read_object(struct line_job *job, json_t *fields, char error[LINE_ERROR_SIZE])
{
    size_t n = 0;
    for (void *at = json_object_iter(fields); at; at = json_object_iter_next(fields, at)) {
        weir_field *field = &job->items[n++];
        field->name = json_object_iter_key(at);
        field->name_len = strlen(field->name);
        if (!read_bytes(job, json_object_iter_value(at), &field->value, &field->value_len, field->name, error))
            return false;
    }
    return true;
}

static bool read_list(struct line_job *job, const json_t *fields, char error[LINE_ERROR_SIZE])
{
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *item = json_array_get(fields, i);
        const json_t *name = json_object_get(item, "name"), *value = json_object_get(item, "value");
        weir_field *field = &job->items[i];
        if (!name || !value || json_object_size(item) != 2)
            return refuse(error, "field %zu is not {\"name\": …, \"value\": …}", i + 1);
        if (!read_bytes(job, name, &field->name, &field->name_len, "a name", error) ||
            !read_bytes(job, value, &field->value, &field->value_len, "a value", error))
            return false;
    }
    return true;
}

/* What the library would refuse, so that it is known before anything is sent. */
static bool check_name(const weir_field *field, char error[LINE_ERROR_SIZE])
{
    if (field->name_len == 0)
        return refuse(error, "a field has no name");
    if (field->name_len >= 5 && memcmp(field->name, "weir.", 5) == 0)
        return refuse(error, "\"%.*s\": names that begin with \"weir.\" are the library's own", (int)field->name_len,
                      field->name);
    return true;
}

/* 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 */
static bool is_traceparent(const char *text)
{
    static const char form[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx", digits[] = "0123456789abcdef";
    size_t i = 0;
    while (form[i] && text[i] && (form[i] == 'x' ? strchr(digits, text[i]) != NULL : form[i] == text[i]))
        i++;
    return !form[i] && !text[i] && strncmp(text, "ff", 2) != 0 && strspn(text + 3, "0") < 32 &&
           strspn(text + 36, "0") < 16;
}

static bool check_options(const weir_enqueue_options *options, char error[LINE_ERROR_SIZE])
{
    static const int64_t most_ms = INT64_C(1) << 52; /* 142,000 years */
    if (options->delay_ms > most_ms || options->run_at_ms > most_ms || options->idempotency_ms > most_ms)
        return refuse(error, "\"delay_ms\", \"run_at_ms\" and \"idempotency_ms\" are at most 2^52");
    if (options->traceparent && !is_traceparent(options->traceparent))
        return refuse(error, "\"traceparent\" has to be of the form 00-<32 digits>-<16 digits>-<2 digits>, with "
                             "lower-case hexadecimal digits that are not all 0");
    if (options->id && (!*options->id || strlen(options->id) >= WEIR_ID_SIZE))
        return refuse(error, "\"id\" has to be of 1 to %d bytes", WEIR_ID_SIZE - 1);
    if (options->delay_ms > 0 && options->run_at_ms > 0)
        return refuse(error, "say either \"delay_ms\" or \"run_at_ms\"");
    if (options->idempotency_ms > 0 && !options->id)
        return refuse(error, "\"idempotency_ms\" goes with \"id\"");
    return true;
}

static bool read_fields(struct line_job *job, char error[LINE_ERROR_SIZE])
{
    json_t *fields = json_object_get(job->json, "fields");
    if (!json_is_object(fields) && !json_is_array(fields))
        return refuse(error, "there is no \"fields\": {\"fields\": {\"to\": \"ada@example.org\"}}");
    size_t n = json_is_object(fields) ? json_object_size(fields) : json_array_size(fields);
    if (n == 0 || n > WEIR_MAX_FIELDS)
        return refuse(error, "a job has 1 to %d fields, not %zu", WEIR_MAX_FIELDS, n);
    job->items = keep(n * sizeof *job->items);
    job->fields = (weir_fields){job->items, n};
    bool good = json_is_object(fields) ? read_object(job, fields, error) : read_list(job, fields, error);
    for (size_t i = 0; good && i < n; i++)
        good = check_name(&job->items[i], error);
    return good;
}

static bool read_text(const json_t *value, const char *name, const char **ret, char error[LINE_ERROR_SIZE])
{
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return refuse(error, "\"%s\" has to be a text without NUL", name);
    *ret = json_string_value(value);
    return true;
}

static bool read_ms(const json_t *value, const char *name, int64_t *ret, char error[LINE_ERROR_SIZE])
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return refuse(error, "\"%s\" has to be a whole number of milliseconds, 0 or more", name);
    *ret = json_integer_value(value);
    return true;
}

static bool read_member(struct line_job *job, const char *name, const json_t *value, char error[LINE_ERROR_SIZE])
{
    weir_enqueue_options *options = &job->options;
    if (strcmp(name, "fields") == 0)
        return true;
    if (strcmp(name, "id") == 0)
        return read_text(value, name, &options->id, error);
    if (strcmp(name, "traceparent") == 0)
        return read_text(value, name, &options->traceparent, error);
    if (strcmp(name, "delay_ms") == 0)
        return read_ms(value, name, &options->delay_ms, error);
    if (strcmp(name, "run_at_ms") == 0)
        return read_ms(value, name, &options->run_at_ms, error);
    if (strcmp(name, "idempotency_ms") == 0)
        return read_ms(value, name, &options->idempotency_ms, error);
    return refuse(error,
                  "\"%.60s\" is nothing that a job has; fields go into \"fields\", and besides there may be \"id\", "
                  "\"delay_ms\", \"run_at_ms\", \"idempotency_ms\" and \"traceparent\"",
                  name);
}

static bool read_members(struct line_job *job, const weir_enqueue_options *defaults, char error[LINE_ERROR_SIZE])
{
    job->options = *defaults;
    if (json_object_get(job->json, "delay_ms") || json_object_get(job->json, "run_at_ms"))
        job->options.delay_ms = job->options.run_at_ms = 0;
    for (void *at = json_object_iter(job->json); at; at = json_object_iter_next(job->json, at))
        if (!read_member(job, json_object_iter_key(at), json_object_iter_value(at), error))
            return false;
    if (!job->options.id && !json_object_get(job->json, "idempotency_ms"))
        job->options.idempotency_ms = 0; /* a default that isn't for this one */
    return check_options(&job->options, error) && read_fields(job, error);
}

bool line_job_read(struct line_job *ret, const char *line, size_t len, const weir_enqueue_options *defaults,
                   char error[LINE_ERROR_SIZE])
{
    json_error_t json_error;
    *ret = (struct line_job){.json = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &json_error)};
    if (!ret->json)
        return refuse(error, "not JSON: %s, in column %d", json_error.text, json_error.column);
    bool good = json_is_object(ret->json)
                    ? read_members(ret, defaults, error)
                    : refuse(error, "a job is an object: {\"fields\": {\"to\": \"ada@example.org\"}}");
    if (!good)
        line_job_free(ret);
    return good;
}

void line_job_free(struct line_job *job)
{
    for (size_t i = 0; i < job->n_kept; i++)
        free(job->kept[i]);
    free(job->kept);
    free(job->items);
    json_decref(job->json);
    *job = (struct line_job){0};
}
