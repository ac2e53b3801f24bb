/* SPDX-License-Identifier: MIT */
#include "confirm.h"

#include "fail.h"
#include "terminal.h"
#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void confirm(const struct options *options, const char *question, ...)
{
    if (options->yes)
        return;
    if (!terminal_is(stdin))
        fail(EXIT_DECLINED, "this can't be undone, and nobody is there to be asked: say --yes");
    char text[512], *line = NULL;
    size_t size = 0;
    va_list args;
    va_start(args, question);
    vsnprintf(text, sizeof text, question, args);
    va_end(args);
    char *visible = text_visible(text, strlen(text), ALL_COLUMNS);
    fprintf(stderr, "%s [y/N] ", visible);
    free(visible);
    fflush(stderr);
    bool yes = getline(&line, &size, stdin) > 0 &&
               (strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0 || strcmp(line, "Y\n") == 0);
    free(line);
    if (!yes)
        fail(EXIT_DECLINED, "nothing was done");
}
