/* SPDX-License-Identifier: MIT
 *
 * The whole terminal as a screen that is drawn again and again, and keys as they are pressed.
 */
#ifndef WEIR_CLI_SCREEN_H
#define WEIR_CLI_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

enum key {
    KEY_NONE = 0, /* the time is over, or the window has another size */
    KEY_UP = 256,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_INTERRUPT, /* a signal asks to end */
};

/* Takes the terminal over. It is given back by screen_close, and in any case when the program ends. */
void screen_open(void);
void screen_close(void);

/* Waits for a key: a character, or one of the above. */
int screen_key(int64_t timeout_ms);

/* Replaces what is shown by these lines. */
void screen_draw(const char *lines);

#endif
