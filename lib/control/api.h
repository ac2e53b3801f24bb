/* SPDX-License-Identifier: MIT
 *
 * What the handlers of the API have in common: reading a request's parameters, and answering in JSON.
 */
#ifndef WEIR_CONTROL_API_H
#define WEIR_CONTROL_API_H

#include "control/control.h"

enum { CONTROL_ENTRY_SIZE = 48 };

/* The parameter `count`. False: it was answered that it is none. */
bool control_read_count(struct control_task *task, size_t *ret);

/* The parameter `after` as the id of an entry; empty where there is none. False: answered. */
bool control_read_after(struct control_task *task, char ret[CONTROL_ENTRY_SIZE]);

/* An entry's id of the address, or of the body. False: answered. */
bool control_read_entry(struct control_task *task, const char *text, bool short_form, char ret[CONTROL_ENTRY_SIZE]);

/* The body as a JSON object; NULL: answered. To be released. */
json_t *control_read_object(struct control_task *task);

/* Whether the object has no member but these, NULL-terminated. False: answered. */
bool control_has_only(struct control_task *task, const json_t *object, const char *const *names);

/* The body is an empty object. False: answered. */
bool control_read_nothing(struct control_task *task);

/* {"count": 1} or the failure. */
void control_answer_changed(struct control_task *task, weir_status status, const weir_error *err);

/* A page being gathered: items, until their text is long enough. */
struct control_page {
    json_t *items;
    size_t n, text;
    bool full;   /* ended early, because of its length */
    bool failed; /* no memory */
    void *context;
};
struct control_page control_page_begin(void *context);

/* Takes the item. 0 to go on, 1 where it is full or has failed: what a visitor returns. */
int control_page_add(struct control_page *page, json_t *taken);

/* {"items", "next", …}: the object, for more members; takes `next`. NULL without memory. */
json_t *control_page_end(struct control_page *page, json_t *next);

/* Drops it, where the listing has failed. */
void control_page_drop(struct control_page *page);

/* "Queue" of docs/openapi.yaml; either info or failure is NULL. */
json_t *control_json_queue(const char *stream, const weir_queue_info *info, const weir_server_info *server,
                           const weir_error *failure);

/* What is wrong with the server alone. */
json_t *control_json_findings_of_server(const weir_server_info *server);

/* The worker's share, "Worker". */
json_t *control_json_worker(weir_queue *queue);

#endif
