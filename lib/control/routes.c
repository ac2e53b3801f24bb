/* SPDX-License-Identifier: MIT */
#include "control/routes.h"

#include <stdio.h>
#include <string.h>

#define QUEUE "/api/queues/*"
#define CHANGE (CONTROL_CHANGE | CONTROL_BODY)

/* Of two patterns that an address fits, the upper one is meant. */
const struct control_route control_routes[] = {
    {"GET", "/health", CONTROL_OPEN, NULL, control_tell_health},
    {"GET", "/ready", CONTROL_OPEN, control_ask_ready, control_tell_ready},
    {"GET", "/metrics", 0, control_ask_metrics, NULL},
    {"GET", "/api/server", 0, control_ask_server, NULL},
    {"GET", "/api/queues", 0, control_ask_queues, NULL},
    {"GET", QUEUE, 0, control_ask_queue, NULL},
    {"POST", QUEUE "/pause", CHANGE, control_ask_pause, NULL},
    {"POST", QUEUE "/resume", CHANGE, control_ask_resume, NULL},
    {"POST", QUEUE "/jobs", CHANGE, control_ask_enqueue, NULL},
    {"GET", QUEUE "/jobs/*", 0, control_ask_job, NULL},
    {"GET", QUEUE "/pending", 0, control_ask_pending, NULL},
    {"GET", QUEUE "/delayed", 0, control_ask_delayed, NULL},
    {"DELETE", QUEUE "/delayed/*", CONTROL_CHANGE, control_ask_delayed_delete, NULL},
    {"POST", QUEUE "/delayed/*/run", CHANGE, control_ask_delayed_run, NULL},
    {"GET", QUEUE "/dead", 0, control_ask_dead, NULL},
    {"POST", QUEUE "/dead/requeue", CHANGE, control_ask_requeue_many, NULL},
    {"POST", QUEUE "/dead/delete", CHANGE, control_ask_delete_many, NULL},
    {"GET", QUEUE "/dead/*", 0, control_ask_letter, NULL},
    {"DELETE", QUEUE "/dead/*", CONTROL_CHANGE, control_ask_delete, NULL},
    {"POST", QUEUE "/dead/*/requeue", CHANGE, control_ask_requeue, NULL},
};
const size_t control_n_routes = sizeof control_routes / sizeof *control_routes;

static bool fits(const char *pattern, const struct control_uri *uri, struct control_text arguments[3])
{
    size_t n_arguments = 0;
    for (size_t i = 0; i < uri->n_segments; i++) {
        const struct control_text *segment = &uri->segments[i];
        if (*pattern++ != '/')
            return false;
        size_t len = strcspn(pattern, "/");
        if (len == 1 && *pattern == '*') {
            if (segment->len == 0 || n_arguments == 3)
                return false;
            arguments[n_arguments++] = *segment;
        } else if (len != segment->len || memcmp(pattern, segment->bytes, len) != 0) {
            return false;
        }
        pattern += len;
    }
    return uri->n_segments > 0 && *pattern == '\0';
}

const struct control_route *control_route_find(const char *method, const struct control_uri *uri,
                                               struct control_text arguments[3], char room[64])
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method, *pattern = NULL;
    room[0] = '\0';
    for (size_t i = 0; i < control_n_routes; i++) {
        const struct control_route *route = &control_routes[i];
        if (pattern ? strcmp(route->pattern, pattern) != 0 : !fits(route->pattern, uri, arguments))
            continue;
        pattern = route->pattern;
        if (strcmp(route->method, wanted) == 0)
            return route;
        size_t len = strlen(room);
        snprintf(room + len, 64 - len, "%s%s%s", len ? ", " : "", route->method,
                 strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
    }
    return NULL;
}
