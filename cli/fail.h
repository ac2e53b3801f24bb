/* SPDX-License-Identifier: MIT
 *
 * How the command line ends, and what it says on standard error.
 */
#ifndef WEIR_CLI_FAIL_H
#define WEIR_CLI_FAIL_H

#include <stddef.h>
#include <weir/error.h>

/* X(name, code, text): stable, and documented in weir(1). */
#define EXIT_TABLE(X)                                                                                                  \
    X(DONE, 0, "done")                                                                                                 \
    X(FAILED, 1, "something failed for another reason than those below; nothing, or only a part, was done")            \
    X(USAGE, 2, "the command line can't be understood; nothing was done")                                              \
    X(UNREACHABLE, 3, "the server can't be reached or can't serve now: worth another try")                             \
    X(REFUSED, 4, "the server refuses the user, the password, or a command or key of this user")                       \
    X(MISSING, 5, "there is no such queue, group, job or dead letter")                                                 \
    X(DOUBT, 6, "the connection failed after something was sent: it may or may not have been done")                    \
    X(FULL, 7, "the server is out of memory: what was to be stored was not")                                           \
    X(FOUND, 8, "check found warnings or errors")                                                                      \
    X(DECLINED, 9, "a question was not answered by yes; nothing was done")                                             \
    X(INTERRUPTED, 130, "interrupted; what was done until then is said")

#define EXIT_ENUM_ENTRY(name, code, text) EXIT_##name = code,
enum exit_code { EXIT_TABLE(EXIT_ENUM_ENTRY) };
#undef EXIT_ENUM_ENTRY

/* What is put before each message: "weir ls". */
void fail_set_command(const char *name, const char *verb);

/* One line on standard error; control characters are made visible. */
void complain(const char *format, ...) WEIR_PRINTF(1, 2);

/* Ends the program at once: output is written, but nothing that is held is freed. */
_Noreturn void leave(enum exit_code code);

/* Is called by leave, and at exit: gives back what outlives a process, such as a terminal's mode. */
void before_leaving(void (*give_back)(void));

/* complain, and leave. */
_Noreturn void fail(enum exit_code code, const char *format, ...) WEIR_PRINTF(2, 3);

enum exit_code exit_code_of(weir_status status);

/* Says what err says, and the server's words where there were any, and what to do. Returns the exit code. */
enum exit_code explain(const weir_error *err);
_Noreturn void fail_because(const weir_error *err);

/* Never return NULL: without memory the program ends. */
void *keep(size_t size);
void *keep_more(void *old, size_t size);
char *keep_text(const char *text, size_t len);

#endif
