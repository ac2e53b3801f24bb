/* SPDX-License-Identifier: MIT
 *
 * The files of a directory: what `find DIR -type f` prints.
 */
#ifndef WORDCOUNT_TREE_H
#define WORDCOUNT_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* Receives one regular file; returns false to end the walk. */
typedef bool (*tree_visit_fn)(const char *path, size_t path_len, void *user_data);

/*
 * Receives what could not be looked into, and the errno that says why. A file has been visited or complained about,
 * never left out.
 */
typedef void (*tree_complain_fn)(const char *path, int failure, void *user_data);

/* Visits every regular file under dir, in no particular order. Returns false where visit ended the walk. */
bool tree_walk(const char *dir, tree_visit_fn visit, tree_complain_fn complain, void *user_data);

/* The path, made absolute without resolving links, so that it means the same in every process. NULL: errno says why. */
char *tree_absolute(const char *path);

#endif
