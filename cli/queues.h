/* SPDX-License-Identifier: MIT
 *
 * Queues as ls, stats and top show them: which there are, what is known of each, and what is wrong with it.
 */
#ifndef WEIR_CLI_QUEUES_H
#define WEIR_CLI_QUEUES_H

#include "terminal.h"

#include <jansson.h>
#include <weir/weir.h>

/* --- names --- */

struct names {
    char **items;
    size_t n, capacity;
};

/* All queues whose names match the glob (NULL: all), sorted. Ends the program where that fails. */
void names_find(struct names *ret, weir_admin *admin, const char *pattern);

/* One step of finding them, for who has other things to do as well; names_sort at the end. */
weir_status names_find_some(struct names *names, weir_admin *admin, weir_cursor *cursor, const char *pattern,
                            weir_error *err);
void names_sort(struct names *names);
void names_free(struct names *names);

/* --- what is wrong --- */

struct trouble {
    weir_finding_code code;
    weir_severity severity;
    char *text, *fix;
    uint64_t count;
};

/* What is known of one queue at one time. */
struct look {
    weir_queue_info *info; /* NULL: nothing, because of: */
    char *stream;
    weir_error error;
    struct trouble *troubles; /* the most important first */
    size_t n_troubles;
};

/* Asks about the server once, or, where queues may be on several, for each queue. */
struct doctor {
    weir_admin *admin;
    bool many_servers;
    bool asked, answered;
    weir_server_info server;
};

struct doctor doctor_of(weir_admin *admin, const char *url);

/*
 * Looks. A queue of which nothing can be said, since a key holds another type, is one with an error; whatever concerns
 * all queues is a failure. look_free in both cases.
 */
weir_status look_at(struct doctor *doctor, const char *stream, struct look *ret, weir_error *err);
void look_free(struct look *look);

/* What keeps it from moving, in a few words: the names of its warnings, errors and pauses; "" where all is well. */
char *look_why(const struct look *look);

/* WARNING, BAD, or PLAIN where all is well. */
enum style look_style(const struct look *look);

/* The object Queue of docs/command-line.md, without braces of a list. */
json_t *look_json(const struct look *look);

/* --- rates --- */

/* A second, between two looks; below 0: not known. */
struct rates {
    double added, finished, dead;
};

struct rates look_rates(const weir_queue_info *before, const weir_queue_info *after);

json_t *rates_json(const struct rates *rates, int64_t over_ms);

#endif
