/* SPDX-License-Identifier: MIT */
#include "control/answer.h"

#include "base/buffer.h"
#include "control/json.h"
#include "control/msgpack_text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char type_json[] = "application/json; charset=utf-8";

void control_answer_clear(struct control_answer *answer)
{
    if (!answer->fixed)
        free(answer->body);
    *answer = (struct control_answer){0};
}

void control_answer_text(struct control_answer *answer, int code, const char *type, char *taken, size_t len)
{
    control_answer_clear(answer);
    *answer = (struct control_answer){.code = code, .type = type, .body = taken, .len = len};
}

static int append(const char *text, size_t len, void *context)
{
    struct weir_buffer *buffer = context;
    weir_buffer_append(buffer, text, len);
    return buffer->failed ? -1 : 0;
}

void control_answer_json(struct control_answer *answer, int code, json_t *taken)
{
    static char no_memory[] = "{\"error\":{\"code\":\"memory\",\"message\":\"There is no memory for the answer.\"}}\n";
    struct weir_buffer text = {0}; /* of our own: jansson's goes on after a piece that it had no memory for */
    bool good = taken && json_dump_callback(taken, append, &text, JSON_COMPACT) == 0 && !text.failed;
    json_decref(taken);
    if (good) {
        control_answer_text(answer, code, type_json, text.bytes, text.len);
    } else {
        weir_buffer_free(&text);
        control_answer_text(answer, 500, type_json, no_memory, strlen(no_memory));
        answer->fixed = true;
    }
}

/* Words may quote names of any bytes: what is no UTF-8 becomes a question mark. */
static json_t *words_of(char *words)
{
    size_t len = strlen(words), good;
    while ((good = control_utf8_len(words, len)) < len)
        words[good] = '?';
    return json_stringn_nocheck(words, len);
}

static json_t *error_of(const char *name, char *message)
{
    json_t *error = json_object();
    if (error && control_json_set(error, "code", control_json_text(name)) &&
        control_json_set(error, "message", words_of(message)))
        return error;
    json_decref(error);
    return NULL;
}

static void answer_error(struct control_answer *answer, int code, json_t *error)
{
    json_t *body = json_object();
    if (body && !control_json_set(body, "error", error)) {
        json_decref(body);
        body = NULL;
    } else if (!body) {
        json_decref(error);
    }
    control_answer_json(answer, code, body);
    answer->challenge = code == 401;
    answer->later = code == 503;
}

void control_answer_error(struct control_answer *answer, int code, const char *name, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    answer_error(answer, code, error_of(name, message));
}

void control_status_name(weir_status status, char out[32])
{
    static const char prefix[] = "WEIR_ERR_";
    const char *name = weir_status_name(status);
    if (strncmp(name, prefix, sizeof prefix - 1) == 0)
        name += sizeof prefix - 1;
    size_t n = 0;
    for (; name[n] && n < 31; n++)
        out[n] = (char)tolower((unsigned char)name[n]);
    out[n] = '\0';
}

static int code_of(weir_status status)
{
    switch (status) {
    case WEIR_ERR_ARGUMENT:
        return 400;
    case WEIR_ERR_NOT_FOUND:
    case WEIR_ERR_NO_GROUP:
        return 404;
    case WEIR_ERR_EXISTS:
    case WEIR_ERR_STATE:
    case WEIR_ERR_UNSUPPORTED:
        return 409;
    case WEIR_ERR_IN_DOUBT:
        return 504;
    case WEIR_ERR_MEMORY:
    case WEIR_ERR_SYSTEM:
        return 500;
    default:
        return 503;
    }
}

json_t *control_json_failure(const weir_error *err)
{
    char name[32], message[sizeof err->message + sizeof err->server + 8];
    control_status_name(err->code, name);
    snprintf(message, sizeof message, "%s%s%s", err->message, err->server[0] ? ": " : "", err->server);
    return error_of(name, message);
}

void control_answer_failure(struct control_answer *answer, const weir_error *err, bool reading)
{
    weir_error failure = *err;
    if (reading && failure.code == WEIR_ERR_IN_DOUBT)
        failure.code = WEIR_ERR_CONNECTION;
    answer_error(answer, code_of(failure.code), control_json_failure(&failure));
}
