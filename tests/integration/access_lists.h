/* SPDX-License-Identifier: MIT
 *
 * The access lists of docs/security.md, and whether a role's life needs all that is in one.
 */
#ifndef TEST_ACCESS_LISTS_H
#define TEST_ACCESS_LISTS_H

#include "scene.h"

enum { MAX_TOKENS = 64, TOKEN_SIZE = 48 };
#define EMAILS "emails"

struct list {
    char tokens[MAX_TOKENS][TOKEN_SIZE]; /* "~emails", "+xadd" */
    size_t n;
};

extern weir_error last_error; /* of the life that was lived last */

/* Adds the keys and commands of the page's block of that name. */
void add_block(struct list *list, const char *name);

/* The user "u" may do what is in the list, but for one token of it (NULL: all). */
void allow(struct test_server *server, const struct list *list, const char *without);

const char *user_url(struct scene *scene);

void command(struct scene *scene, const char *words);

/* How often the server has executed it, also in scripts; servers before 7.0 count subcommands together. */
long long executed(struct scene *scene, const char *name);

void expect_all_used(struct scene *scene, const struct list *list);

void expect_nothing_denied(struct scene *scene);

/* That the token was missed, and that the error says so: a command by its name, a key by that or by a command's. */
void expect_missed(const struct list *list, const char *token, weir_status status);

/* A role's life fails without any one of the tokens. */
void expect_each_missed(struct scene *scene, const struct list *list, weir_status (*live)(struct scene *scene));

/* id may be NULL; 0: not delayed, not idempotent. */
weir_status enqueue(weir_producer *producer, const char *id, int64_t delay_ms, int64_t window_ms);

/* A program's main: argv[1] is the page. */
int access_run(int argc, char **argv, int (*run_all)(void));

#endif
