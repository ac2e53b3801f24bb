/* SPDX-License-Identifier: MIT
 *
 * Which address means what: docs/openapi.yaml, row by row.
 */
#ifndef WEIR_CONTROL_ROUTES_H
#define WEIR_CONTROL_ROUTES_H

#include "control/control.h"

/* What a route asks for. */
enum control_flags {
    CONTROL_OPEN = 1,   /* anybody may, token or not */
    CONTROL_CHANGE = 2, /* it changes something: without a token nobody may */
    CONTROL_BODY = 4,   /* and takes JSON */
};

struct control_route {
    const char *method;  /* "GET", for HEAD too */
    const char *pattern; /* segments; a star stands for any one that isn't empty */
    unsigned flags;
    void (*ask)(struct control_worker *worker, struct control_task *task); /* by the crew; and, or */
    void (*tell)(struct weir_control *control, struct control_task *task); /* before, by the loop: it may answer */
};

extern const struct control_route control_routes[];
extern const size_t control_n_routes;

/*
 * Finds the route of a method and an address, and fills in the arguments. NULL: there is none; *ret_allow are the
 * methods that there are for the address then (",", separated; in `room`), empty where it means nothing.
 */
const struct control_route *control_route_find(const char *method, const struct control_uri *uri,
                                               struct control_text arguments[3], char room[64]);

/* The handlers. */
void control_tell_health(struct weir_control *control, struct control_task *task);
void control_tell_ready(struct weir_control *control, struct control_task *task);
void control_ask_ready(struct control_worker *worker, struct control_task *task);
void control_ask_metrics(struct control_worker *worker, struct control_task *task);
void control_ask_server(struct control_worker *worker, struct control_task *task);
void control_ask_queues(struct control_worker *worker, struct control_task *task);
void control_ask_queue(struct control_worker *worker, struct control_task *task);
void control_ask_pause(struct control_worker *worker, struct control_task *task);
void control_ask_resume(struct control_worker *worker, struct control_task *task);
void control_ask_enqueue(struct control_worker *worker, struct control_task *task);
void control_ask_job(struct control_worker *worker, struct control_task *task);
void control_ask_pending(struct control_worker *worker, struct control_task *task);
void control_ask_delayed(struct control_worker *worker, struct control_task *task);
void control_ask_delayed_run(struct control_worker *worker, struct control_task *task);
void control_ask_delayed_delete(struct control_worker *worker, struct control_task *task);
void control_ask_dead(struct control_worker *worker, struct control_task *task);
void control_ask_letter(struct control_worker *worker, struct control_task *task);
void control_ask_requeue(struct control_worker *worker, struct control_task *task);
void control_ask_delete(struct control_worker *worker, struct control_task *task);
void control_ask_requeue_many(struct control_worker *worker, struct control_task *task);
void control_ask_delete_many(struct control_worker *worker, struct control_task *task);

#endif
