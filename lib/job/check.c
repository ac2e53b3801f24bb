/* SPDX-License-Identifier: MIT
 *
 * What may be enqueued. Everything is checked before anything is sent, so that a refused job leaves no trace.
 */
#include "job/check.h"

#include "base/error.h"
#include "job/names.h"
#include "job/trace.h"

#include <string.h>

enum { MAX_NAME = 512 };
static const size_t MAX_VALUE = 512u * 1024 * 1024; /* the server's proto-max-bulk-len */

/* Names in messages are cut at 40 bytes, unprintable bytes shown as '?'. */
static const char *shown(const char *bytes, size_t len, char out[44])
{
    size_t n = len < 40 ? len : 40;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)bytes[i] < 0x20 || (unsigned char)bytes[i] > 0x7e ? '?' : bytes[i];
    memcpy(out + n, len > 40 ? "..." : "", len > 40 ? 4 : 1);
    return out;
}

static weir_status check_field(const weir_field *field, size_t i, weir_error *err)
{
    char name[44];
    if (!field->name || field->name_len == 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "field %zu has no name", i);
    if (field->name_len > MAX_VALUE || field->value_len > MAX_VALUE)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "field %zu (\"%s\") is longer than 512 MiB, the server's limit",
                              i, shown(field->name, field->name_len, name));
    if (!field->value && field->value_len > 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "field %zu (\"%s\") has a length but no value", i,
                              shown(field->name, field->name_len, name));
    if (field->name_len >= sizeof WEIR_RESERVED_PREFIX - 1 &&
        memcmp(field->name, WEIR_RESERVED_PREFIX, sizeof WEIR_RESERVED_PREFIX - 1) == 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "field %zu (\"%s\"): names that start with \"" WEIR_RESERVED_PREFIX
                              "\" are reserved; rename the field",
                              i, shown(field->name, field->name_len, name));
    return WEIR_OK;
}

weir_status weir_check_fields(const weir_fields *fields, weir_error *err)
{
    if (!fields || (fields->n > 0 && !fields->items))
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "fields is NULL");
    if (fields->n == 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "a job needs at least one field: the server stores no empty entry");
    if (fields->n > WEIR_MAX_FIELDS)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "a job of %zu fields is too large; at most %d are allowed",
                              fields->n, WEIR_MAX_FIELDS);
    for (size_t i = 0; i < fields->n; i++) {
        weir_status status = check_field(&fields->items[i], i, err);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

weir_status weir_check_enqueue_options(const weir_enqueue_options *options, weir_error *err)
{
    if (!options)
        return WEIR_OK;
    if (options->size != sizeof *options)
        return weir_error_set(
            err, WEIR_ERR_ARGUMENT,
            "options->size is %zu, not %zu: start from WEIR_ENQUEUE_OPTIONS_INIT, and compile against the "
            "headers of the library that is linked",
            options->size, sizeof *options);
    if (options->id) {
        size_t len = strnlen(options->id, WEIR_ID_SIZE);
        if (len == 0 || len == WEIR_ID_SIZE)
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "id must have 1 to %d bytes", WEIR_ID_SIZE - 1);
    }
    if (options->delay_ms < 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "delay_ms is negative; 0 means at once");
    if (options->run_at_ms < 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "run_at_ms is negative; 0 means unset");
    if (options->delay_ms > 0 && options->run_at_ms > 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "delay_ms and run_at_ms are both set; set one of them");
    static const int64_t far_future_ms = INT64_C(1) << 52; /* exact as a sorted set's score even when added to now */
    if (options->delay_ms > far_future_ms || options->run_at_ms > far_future_ms)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "delay_ms and run_at_ms can't exceed 2^52");
    if (options->traceparent &&
        !weir_is_traceparent(options->traceparent, strnlen(options->traceparent, WEIR_TRACEPARENT_LEN + 1)))
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "traceparent must have the form 00-<32 digits>-<16 digits>-<2 digits>, with lower-case "
                              "hexadecimal digits that are not all 0");
    if (options->idempotency_ms < 0 || options->idempotency_ms > far_future_ms)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "idempotency_ms must be from 0, for none, to 2^52");
    if (options->idempotency_ms > 0 && !options->id)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "idempotency_ms needs an id, by which a repeat is known");
    return WEIR_OK;
}

weir_status weir_check_name(const char *what, const char *name, weir_error *err)
{
    if (!name)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is not set", what);
    size_t len = strnlen(name, MAX_NAME + 1);
    if (len == 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is empty", what);
    if (len > MAX_NAME)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is longer than %d bytes", what, MAX_NAME);
    return WEIR_OK;
}
