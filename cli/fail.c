/* SPDX-License-Identifier: MIT */
#include "fail.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char command[64] = "weir";

void fail_set_command(const char *name, const char *verb)
{
    snprintf(command, sizeof command, "weir %.20s%s%.20s", name, verb ? " " : "", verb ? verb : "");
}

static void (*give_back_all)(void);

void before_leaving(void (*give_back)(void))
{
    give_back_all = give_back;
    atexit(give_back);
}

void leave(enum exit_code code)
{
    if (give_back_all)
        give_back_all();
    fflush(stdout);
    _exit((int)code);
}

static void say(const char *before, const char *format, va_list args)
{
    char line[2048];
    vsnprintf(line, sizeof line, format, args);
    char *visible = text_visible(line, strlen(line), ALL_COLUMNS);
    fflush(stdout);
    fprintf(stderr, "%s%s\n", before, visible);
    free(visible);
}

void complain(const char *format, ...)
{
    char before[80];
    snprintf(before, sizeof before, "%s: ", command);
    va_list args;
    va_start(args, format);
    say(before, format, args);
    va_end(args);
}

void fail(enum exit_code code, const char *format, ...)
{
    char before[80];
    snprintf(before, sizeof before, "%s: ", command);
    va_list args;
    va_start(args, format);
    say(before, format, args);
    va_end(args);
    leave(code);
}

enum exit_code exit_code_of(weir_status status)
{
    switch (status) {
    case WEIR_OK:
        return EXIT_DONE;
    case WEIR_ERR_ARGUMENT:
        return EXIT_USAGE;
    case WEIR_ERR_CONNECTION:
    case WEIR_ERR_UNAVAILABLE:
        return EXIT_UNREACHABLE;
    case WEIR_ERR_AUTH:
    case WEIR_ERR_PERMISSION:
        return EXIT_REFUSED;
    case WEIR_ERR_NOT_FOUND:
    case WEIR_ERR_NO_GROUP:
        return EXIT_MISSING;
    case WEIR_ERR_IN_DOUBT:
        return EXIT_DOUBT;
    case WEIR_ERR_FULL:
        return EXIT_FULL;
    default:
        return EXIT_FAILED;
    }
}

static void continue_line(const char *format, ...) WEIR_PRINTF(1, 2);

static void continue_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("    ", format, args);
    va_end(args);
}

static const char *advice_on(weir_status status)
{
    switch (status) {
    case WEIR_ERR_CONNECTION:
        return "Is the server running, and is --url or WEIR_URL right?";
    case WEIR_ERR_AUTH:
        return "The user and the password are those of the URL: redis://user:password@host:port, %XX for what is "
               "special.";
    case WEIR_ERR_PERMISSION:
        return "docs/security.md has the access lists that suffice.";
    case WEIR_ERR_UNAVAILABLE:
        return "It may be starting or failing over: try again.";
    case WEIR_ERR_IN_DOUBT:
        return "Look whether it was done before you do it again.";
    case WEIR_ERR_FULL:
        return "Raise its maxmemory, let the queues drain, or delete what nobody needs.";
    case WEIR_ERR_NO_GROUP:
        return "weir stats STREAM shows which groups there are.";
    default:
        return NULL;
    }
}

enum exit_code explain(const weir_error *err)
{
    complain("%s", err->message);
    if (err->server[0] && !strstr(err->message, err->server))
        continue_line("The server says: %s", err->server);
    const char *advice = advice_on(err->code);
    if (advice)
        continue_line("%s", advice);
    return exit_code_of(err->code);
}

void fail_because(const weir_error *err)
{
    leave(explain(err));
}

void *keep(size_t size)
{
    return keep_more(NULL, size);
}

void *keep_more(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (!memory) {
        fputs("weir: no memory\n", stderr);
        leave(EXIT_FAILED);
    }
    return memory;
}

char *keep_text(const char *text, size_t len)
{
    char *copy = keep(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}
