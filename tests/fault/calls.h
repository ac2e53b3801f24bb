/* SPDX-License-Identifier: MIT
 *
 * What the files of the sweep over public calls share.
 */
#ifndef WEIR_TESTS_FAULT_CALLS_H
#define WEIR_TESTS_FAULT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <weir/weir.h>

struct scene {
    const char *url;
    struct test_server *server; /* NULL: in process */
    const struct operation *operation;

    weir_producer *producer;
    weir_dead *dead;
    weir_admin *admin;
    weir_queue *queue;
    weir_queue_group *group;
    size_t accepted, in_doubt; /* jobs */
    size_t visited;
    char letter[64];
};

struct operation {
    const char *name;
    void (*prepare)(struct scene *scene);
    weir_status (*run)(struct scene *scene, weir_error *err);
    bool needs_server; /* there must be dead letters, or jobs */
};

void calls_expect(bool good, const char *what, const weir_error *err);
void calls_untouched(const void *out, const void *before);

/* calls_admin.c */
extern const struct operation admin_calls[];
extern const size_t n_admin_calls;

#endif
