/* SPDX-License-Identifier: MIT */
#include "note_by_hand.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME(literal) literal, sizeof(literal) - 1

static weir_status fail(weir_error *err, const char *field, const char *why)
{
    if (err) {
        *err = (weir_error){.code = WEIR_ERR_DECODE};
        snprintf(err->message, sizeof err->message, "note.%s: %s", field, why);
    }
    return WEIR_ERR_DECODE;
}

weir_status note_encode_by_hand(const struct note *note, weir_field_sink *sink, weir_error *err)
{
    char tries[16], sent[24];
    if (!note->to || !note->body)
        return fail(err, note->to ? "body" : "to", "is NULL");
    size_t subject_len = strnlen(note->subject, sizeof note->subject);
    if (subject_len == sizeof note->subject)
        return fail(err, "subject", "is not terminated");
    int tries_len = snprintf(tries, sizeof tries, "%" PRIu32, note->tries);
    int sent_len = snprintf(sent, sizeof sent, "%" PRId64, note->sent_ms);
    bool ok = weir_sink_add(sink, NAME("to"), note->to, strlen(note->to)) == WEIR_OK &&
              weir_sink_add(sink, NAME("subject"), note->subject, subject_len) == WEIR_OK &&
              weir_sink_add(sink, NAME("body"), note->body, strlen(note->body)) == WEIR_OK &&
              weir_sink_add(sink, NAME("tries"), tries, (size_t)tries_len) == WEIR_OK &&
              weir_sink_add(sink, NAME("sent_ms"), sent, (size_t)sent_len) == WEIR_OK &&
              weir_sink_add(sink, NAME("html"), note->html ? "true" : "false", note->html ? 4 : 5) == WEIR_OK;
    return ok ? WEIR_OK : WEIR_ERR_MEMORY;
}

static bool is_named(const weir_field *field, const char *name, size_t len)
{
    return field->name_len == len && memcmp(field->name, name, len) == 0;
}

/* The whole value as a number of this range. */
static bool parse_number(const weir_field *field, int64_t least, int64_t most, int64_t *ret)
{
    char *end;
    errno = 0;
    long long value = strtoll(field->value, &end, 10);
    if (field->value_len == 0 || (size_t)(end - field->value) != field->value_len || errno != 0 || value < least ||
        value > most)
        return false;
    *ret = value;
    return true;
}

/* A text: no NUL within. */
static bool is_text(const weir_field *field)
{
    return !memchr(field->value, '\0', field->value_len);
}

weir_status note_decode_by_hand(const weir_fields *fields, struct note *note, weir_error *err)
{
    bool has_subject = false, has_sent = false, has_html = false;
    *note = (struct note){.tries = 3};
    for (size_t i = 0; i < fields->n; i++) {
        const weir_field *field = &fields->items[i];
        int64_t number;
        if (is_named(field, NAME("to"))) {
            if (!is_text(field))
                return fail(err, "to", "contains NUL");
            note->to = (char *)field->value;
        } else if (is_named(field, NAME("subject"))) {
            if (!is_text(field) || field->value_len >= sizeof note->subject)
                return fail(err, "subject", "contains NUL, or is too long");
            memcpy(note->subject, field->value, field->value_len + 1);
            has_subject = true;
        } else if (is_named(field, NAME("body"))) {
            if (!is_text(field))
                return fail(err, "body", "contains NUL");
            note->body = (char *)field->value;
        } else if (is_named(field, NAME("tries"))) {
            if (!parse_number(field, 0, UINT32_MAX, &number))
                return fail(err, "tries", "is no number from 0 to 4294967295");
            note->tries = (uint32_t)number;
        } else if (is_named(field, NAME("sent_ms"))) {
            if (!parse_number(field, INT64_MIN, INT64_MAX, &note->sent_ms))
                return fail(err, "sent_ms", "is no number");
            has_sent = true;
        } else if (is_named(field, NAME("html"))) {
            bool yes = field->value_len == 4 && memcmp(field->value, "true", 4) == 0;
            if (!yes && (field->value_len != 5 || memcmp(field->value, "false", 5) != 0))
                return fail(err, "html", "is neither true nor false");
            note->html = yes;
            has_html = true;
        }
    }
    if (!note->to || !note->body || !has_subject || !has_sent || !has_html)
        return fail(err, "?", "a field is missing");
    return WEIR_OK;
}
