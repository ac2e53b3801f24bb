/* SPDX-License-Identifier: MIT */
#include "job/sink.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

weir_status weir_sink_add(weir_field_sink *sink, const char *name, size_t name_len, const void *value, size_t value_len)
{
    if (!sink || !name || (!value && value_len > 0))
        return WEIR_ERR_ARGUMENT;
    size_t lengths[2] = {name_len, value_len};
    weir_buffer_append(&sink->bytes, name, name_len);
    weir_buffer_append(&sink->bytes, value, value_len);
    weir_buffer_append(&sink->bytes, "", 1); /* as a job's values are: NUL-terminated beyond their length */
    weir_buffer_append(&sink->lengths, lengths, sizeof lengths);
    return sink->bytes.failed || sink->lengths.failed ? WEIR_ERR_MEMORY : WEIR_OK;
}

size_t weir_sink_count(const struct weir_field_sink *sink)
{
    return sink->lengths.len / (2 * sizeof(size_t));
}

struct weir_sink_mark weir_sink_mark(const struct weir_field_sink *sink)
{
    return (struct weir_sink_mark){sink->bytes.len, sink->lengths.len, sink->bytes.failed || sink->lengths.failed};
}

void weir_sink_rewind(struct weir_field_sink *sink, struct weir_sink_mark mark)
{
    sink->bytes.len = mark.bytes;
    sink->lengths.len = mark.lengths;
    sink->bytes.failed = sink->lengths.failed = mark.failed;
}

weir_field *weir_sink_array(struct weir_field_sink *sink)
{
    if (sink->bytes.failed || sink->lengths.failed)
        return NULL;
    size_t n = weir_sink_count(sink);
    weir_field *fields = realloc(sink->fields, (n + 1) * sizeof *fields);
    if (!fields)
        return NULL;
    sink->fields = fields;
    const char *next = sink->bytes.bytes;
    for (size_t i = 0; i < n; i++) {
        size_t lengths[2];
        memcpy(lengths, sink->lengths.bytes + i * sizeof lengths, sizeof lengths);
        fields[i] = (weir_field){next, lengths[0], next + lengths[0], lengths[1]};
        next += lengths[0] + lengths[1] + 1;
    }
    return fields;
}

void weir_sink_clear(struct weir_field_sink *sink)
{
    weir_buffer_free(&sink->bytes);
    weir_buffer_free(&sink->lengths);
    free(sink->fields);
    sink->fields = NULL;
}

weir_field_sink *weir_sink_new(void)
{
    return calloc(1, sizeof(weir_field_sink));
}

weir_status weir_sink_fields(weir_field_sink *sink, weir_fields *ret, weir_error *err)
{
    if (!sink || !ret)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", sink ? "ret" : "sink");
    weir_field *fields = weir_sink_array(sink);
    if (!fields)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the fields");
    *ret = (weir_fields){fields, weir_sink_count(sink)};
    return WEIR_OK;
}

void weir_sink_free(weir_field_sink *sink)
{
    if (!sink)
        return;
    weir_sink_clear(sink);
    free(sink);
}
