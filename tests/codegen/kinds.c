/* SPDX-License-Identifier: MIT
 *
 * The functions of the custom fields of kinds.h.
 */
#include "kinds.h"

#include <stdlib.h>
#include <string.h>

static weir_status fail(weir_error *err, const char *words)
{
    snprintf(err->message, sizeof err->message, "%s", words);
    return WEIR_ERR_DECODE;
}

weir_status write_timeout(const struct timeout *value, weir_value_sink *sink, weir_error *err)
{
    char text[32];
    if (value->seconds < 0)
        return fail(err, "a timeout can't be negative");
    int len = snprintf(text, sizeof text, "%" PRId64, value->seconds);
    weir_status status = weir_value_write(sink, text, (size_t)len);
    return status == WEIR_OK ? weir_value_write(sink, "s", 1) : status;
}

weir_status read_timeout(const char *bytes, size_t len, struct timeout *value, weir_error *err)
{
    char text[32] = "";
    if (len < 2 || len >= sizeof text || bytes[len - 1] != 's')
        return fail(err, "not a timeout like 5s");
    memcpy(text, bytes, len - 1);
    char *end;
    value->seconds = strtoll(text, &end, 10);
    return *end == '\0' && value->seconds >= 0 ? WEIR_OK : fail(err, "not a timeout like 5s");
}

weir_status write_owned(char *const *value, weir_value_sink *sink, weir_error *err)
{
    return *value ? weir_value_write(sink, *value, strlen(*value)) : fail(err, "nothing is owned");
}

weir_status read_owned(const char *bytes, size_t len, char **value, weir_error *err)
{
    if (len > 0 && bytes[0] == '!')
        return fail(err, "this can't be owned");
    if (len > 0 && bytes[0] == '~')
        return WEIR_ERR_DECODE; /* without a word */
    *value = malloc(len + 1);
    if (!*value)
        return WEIR_ERR_MEMORY;
    memcpy(*value, bytes, len);
    (*value)[len] = '\0';
    return WEIR_OK;
}

void clear_owned(char **value)
{
    free(*value);
    *value = NULL;
}
