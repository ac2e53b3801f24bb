/* SPDX-License-Identifier: MIT
 *
 * Entries of a dead stream, read as letters. Anybody may have written them, so nothing is taken for granted: a missing
 * field is empty, a number that doesn't parse is 0, a reason that isn't known is WEIR_DEAD_OTHER with its text kept.
 */
#include "broker/letter.h"

#include "base/number.h"
#include "job/names.h"
#include "job/trace.h"

#include <string.h>
#include <weir/producer.h>

static bool is_named(const weir_field *field, const char *name)
{
    return field->name_len == strlen(name) && memcmp(field->name, name, field->name_len) == 0;
}

static uint32_t as_u32(const weir_field *field)
{
    uint64_t value;
    return weir_parse_u64(field->value, field->value_len, &value) && value <= UINT32_MAX ? (uint32_t)value : 0;
}

static weir_dead_reason reason_of(const char *text)
{
    for (int reason = 0; reason < WEIR_DEAD_OTHER; reason++)
        if (strcmp(text, weir_dead_reason_text((weir_dead_reason)reason)) == 0)
            return (weir_dead_reason)reason;
    return WEIR_DEAD_OTHER;
}

/* Values of the arena are NUL-terminated, so that they can be handed out as texts. */
static bool take(weir_dead_letter *letter, const weir_field *field)
{
    if (is_named(field, WEIR_NAME_REASON)) {
        letter->reason_text = field->value;
        letter->reason = reason_of(field->value);
    } else if (is_named(field, WEIR_NAME_ERROR)) {
        letter->error = field->value;
    } else if (is_named(field, WEIR_NAME_ID)) {
        if (field->value_len == 0 || field->value_len >= WEIR_ID_SIZE || memchr(field->value, '\0', field->value_len))
            return false; /* as for a job: it is known by its entry's id, and the field stays */
        letter->job_id = field->value;
    } else if (is_named(field, WEIR_NAME_SOURCE_ID)) {
        letter->entry_id = field->value;
    } else if (is_named(field, WEIR_NAME_GROUP)) {
        letter->group = field->value;
    } else if (is_named(field, WEIR_NAME_TRACEPARENT)) {
        if (!weir_is_traceparent(field->value, field->value_len))
            return false; /* as for a job */
        letter->traceparent = field->value;
    } else if (is_named(field, WEIR_NAME_ATTEMPTS)) {
        letter->attempts = as_u32(field);
    } else if (is_named(field, WEIR_NAME_DELIVERIES)) {
        letter->deliveries = as_u32(field);
    } else if (is_named(field, WEIR_NAME_FIRST_ENQUEUED)) {
        weir_parse_i64(field->value, field->value_len, &letter->first_enqueued_ms);
    } else {
        return false;
    }
    return true;
}

bool weir_letter_read(struct weir_arena *arena, struct weir_entry_id id, weir_field *raw, size_t n_raw,
                      weir_dead_letter *ret)
{
    char text[WEIR_ENTRY_ID_SIZE];
    weir_dead_letter letter = {
        .id = weir_arena_copy(arena, text, weir_entry_id_format(id, text)),
        .entry_id = "",
        .group = "",
        .reason = WEIR_DEAD_OTHER,
        .reason_text = "",
        .error = "",
        .traceparent = "",
    };
    if (!letter.id)
        return false;

    size_t kept = 0;
    for (size_t i = 0; i < n_raw; i++)
        if (!take(&letter, &raw[i]))
            raw[kept++] = raw[i];
    if (!letter.job_id)
        letter.job_id = letter.entry_id;
    letter.fields = (weir_fields){raw, kept};
    *ret = letter;
    return true;
}
