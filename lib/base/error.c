/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct status_row {
    weir_status status;
    bool retriable;
    const char *name;
    const char *text;
};

#define STATUS_ROW(status, number, retriable, text) {status, retriable, #status, text},
static const struct status_row rows[] = {WEIR_STATUS_TABLE(STATUS_ROW)};
#undef STATUS_ROW

static const struct status_row *row_of(weir_status status)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return &rows[i];
    return NULL;
}

const char *weir_status_name(weir_status status)
{
    const struct status_row *row = row_of(status);
    return row ? row->name : "unknown status";
}

const char *weir_status_text(weir_status status)
{
    const struct status_row *row = row_of(status);
    return row ? row->text : "unknown status";
}

bool weir_status_retriable(weir_status status)
{
    const struct status_row *row = row_of(status);
    return row && row->retriable;
}

weir_status weir_error_set(weir_error *err, weir_status code, const char *format, ...)
{
    if (!err)
        return code;
    err->code = code;
    err->retriable = weir_status_retriable(code);
    err->server[0] = '\0';
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return code;
}

weir_status weir_error_nothing_sent(weir_status status, weir_error *err)
{
    if (status != WEIR_ERR_IN_DOUBT)
        return status;
    if (err) {
        err->code = WEIR_ERR_CONNECTION;
        err->retriable = weir_status_retriable(WEIR_ERR_CONNECTION);
    }
    return WEIR_ERR_CONNECTION;
}

void weir_error_server_words(weir_error *err, const char *words, size_t len)
{
    if (!err)
        return;
    if (len >= sizeof err->server)
        len = sizeof err->server - 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)words[i];
        err->server[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    err->server[len] = '\0';
}
