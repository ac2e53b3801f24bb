/* SPDX-License-Identifier: MIT */
#include "job/entry_id.h"

#include "base/number.h"

#include <string.h>

bool weir_entry_id_parse(const char *text, size_t len, struct weir_entry_id *ret)
{
    struct weir_entry_id id = {0, 0};
    const char *dash = len ? memchr(text, '-', len) : NULL;
    size_t ms_len = dash ? (size_t)(dash - text) : len;
    if (!weir_parse_u64(text, ms_len, &id.ms))
        return false;
    if (dash && !weir_parse_u64(dash + 1, len - ms_len - 1, &id.seq))
        return false;
    *ret = id;
    return true;
}

size_t weir_entry_id_format(struct weir_entry_id id, char out[WEIR_ENTRY_ID_SIZE])
{
    size_t len = weir_format_u64(out, id.ms);
    out[len++] = '-';
    len += weir_format_u64(out + len, id.seq);
    out[len] = '\0';
    return len;
}

int weir_entry_id_compare(struct weir_entry_id a, struct weir_entry_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

bool weir_entry_id_is_last(struct weir_entry_id id)
{
    return id.ms == UINT64_MAX && id.seq == UINT64_MAX;
}

struct weir_entry_id weir_entry_id_next(struct weir_entry_id id)
{
    if (id.seq != UINT64_MAX)
        return (struct weir_entry_id){id.ms, id.seq + 1};
    if (id.ms != UINT64_MAX)
        return (struct weir_entry_id){id.ms + 1, 0};
    return id;
}
