/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include "fail.h"
#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_is(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

static size_t size_of_terminal(bool rows, size_t otherwise)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return otherwise;
    size_t n = rows ? size.ws_row : size.ws_col;
    return n ? n : otherwise;
}

size_t terminal_columns(void)
{
    return terminal_is(stdout) ? size_of_terminal(false, 80) : ALL_COLUMNS;
}

size_t terminal_rows(void)
{
    return size_of_terminal(true, 24);
}

bool terminal_has_colours(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return terminal_is(stdout) && !(no_color && *no_color) && term && *term && strcmp(term, "dumb") != 0;
}

void style_begin(FILE *to, enum style style)
{
    static const char *const codes[] = {[FAINT] = "2", [STRONG] = "1", [GOOD] = "32", [WARNING] = "33", [BAD] = "31;1"};
    if (style != PLAIN && terminal_has_colours())
        fprintf(to, "\033[%sm", codes[style]);
}

void style_end(FILE *to, enum style style)
{
    if (style != PLAIN && terminal_has_colours())
        fputs("\033[0m", to);
}

void print_wrapped(const char *text, size_t at, size_t margin, size_t columns)
{
    bool behind_space = false;
    while (*text) {
        size_t len = strcspn(text, " \n");
        char *word = keep_text(text, len);
        size_t width = text_columns(word);
        if (behind_space && at + 1 + width > columns) {
            printf("\n%*s", (int)margin, "");
            at = margin;
        } else if (behind_space) {
            putchar(' ');
            at++;
        }
        fputs(word, stdout);
        at += width;
        free(word);
        text += len;
        behind_space = *text == ' ';
        if (*text == '\n') {
            printf("\n%*s", text[1] == '\n' ? 0 : (int)margin, "");
            at = margin;
        }
        text += *text != '\0';
    }
    putchar('\n');
}

void print_remark(const char *format, ...)
{
    char text[512];
    if (!terminal_is(stdout))
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    putchar('\n');
    print_wrapped(text, 0, 0, terminal_columns());
}
