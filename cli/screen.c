/* SPDX-License-Identifier: MIT */
#include "screen.h"

#include "fail.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool is_open;
static volatile sig_atomic_t ended;

static void on_end(int number)
{
    (void)number;
    ended = 1;
}

static void on_resize(int number)
{
    (void)number; /* poll returns, and the next drawing asks for the size */
}

void screen_close(void)
{
    if (!is_open)
        return;
    is_open = false;
    fputs("\033[?7h\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

void screen_open(void)
{
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        fail(EXIT_FAILED, "the terminal can't be set up: %s", strerror(errno));
    struct sigaction end = {.sa_handler = on_end}, resize = {.sa_handler = on_resize};
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGHUP, &end, NULL);
    sigaction(SIGWINCH, &resize, NULL);

    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* the screen would be left as it is */
    is_open = true;
    before_leaving(screen_close);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    fputs("\033[?1049h\033[?25l\033[?7l", stdout); /* what is too wide is cut, and doesn't go on in the next line */
}

/* The next byte, if there is one within the time; −1: there is not. */
static int next_byte(int64_t timeout_ms)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    unsigned char byte;
    if (ended || poll(&in, 1, (int)timeout_ms) <= 0)
        return -1;
    ssize_t n = read(STDIN_FILENO, &byte, 1);
    if (n == 0 || (n < 0 && errno != EINTR))
        ended = 1; /* the terminal is gone */
    return n == 1 ? byte : -1;
}

static int key_of_sequence(void)
{
    enum { SOON_MS = 50 };
    int byte = next_byte(SOON_MS), number = 0;
    if (byte != '[' && byte != 'O')
        return KEY_NONE;
    byte = next_byte(SOON_MS);
    for (; byte >= '0' && byte <= '9'; byte = next_byte(SOON_MS))
        number = byte - '0';
    switch (byte) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    case '~':
        return number == 5   ? KEY_PAGE_UP
               : number == 6 ? KEY_PAGE_DOWN
               : number == 1 ? KEY_HOME
               : number == 4 ? KEY_END
                             : 0;
    default:
        return KEY_NONE;
    }
}

int screen_key(int64_t timeout_ms)
{
    int byte = next_byte(timeout_ms > 0 ? timeout_ms : 0);
    if (ended)
        return KEY_INTERRUPT;
    return byte == '\033' ? key_of_sequence() : byte < 0 ? KEY_NONE : byte;
}

void screen_draw(const char *lines)
{
    fputs("\033[H", stdout);
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        fwrite(lines, 1, len, stdout);
        fputs("\033[K", stdout);
        lines += len;
        if (*lines == '\n' && lines[1])
            fputs("\r\n", stdout);
        lines += *lines == '\n';
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}
