/* SPDX-License-Identifier: MIT
 *
 * The W3C trace context of whoever enqueued a job. weir carries it and looks at nothing but its form, so that a handler
 * can hand it to a tracing library unseen. Later versions of the standard may append to it; 55 bytes is what all have.
 */
#include "job/trace.h"

#include <string.h>

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    return true;
}

static bool is_id(const char *text, size_t len)
{
    static const char zeros[] = "00000000000000000000000000000000";
    return is_hex(text, len) && memcmp(text, zeros, len) != 0;
}

bool weir_is_traceparent(const char *text, size_t len)
{
    return len == WEIR_TRACEPARENT_LEN && is_hex(text, 2) && memcmp(text, "ff", 2) != 0 && text[2] == '-' &&
           is_id(text + 3, 32) && text[35] == '-' && is_id(text + 36, 16) && text[52] == '-' && is_hex(text + 53, 2);
}
