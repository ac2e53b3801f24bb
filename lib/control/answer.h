/* SPDX-License-Identifier: MIT
 *
 * What is answered: a code, a body and a few headers.
 */
#ifndef WEIR_CONTROL_ANSWER_H
#define WEIR_CONTROL_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <weir/error.h>

struct control_answer {
    int code;         /* of HTTP; 0: nothing was said yet */
    const char *type; /* Content-Type. Static memory. */
    char *body;       /* malloc'd, or, with `fixed`, static */
    bool fixed;
    size_t len;
    const char *allow; /* methods, for 405; NULL: none. Static memory. */
    const char *etag;  /* NULL: it is never to be kept. Static memory. */
    bool page;         /* part of the dashboard, which may run its own scripts */
    bool challenge;    /* 401: say how to identify */
    bool later;        /* 503: say when to try again */
};

/* Frees the body. */
void control_answer_clear(struct control_answer *answer);

/* A body of JSON, which is taken; NULL stands for no memory. */
void control_answer_json(struct control_answer *answer, int code, json_t *taken);

/* Text that is malloc'd, and taken. */
void control_answer_text(struct control_answer *answer, int code, const char *type, char *taken, size_t len);

/* {"error": {"code", "message"}} */
void control_answer_error(struct control_answer *answer, int code, const char *name, const char *format, ...)
    WEIR_PRINTF(4, 5);

/* The same of a call of the library's that failed. reading: it changed nothing, so nothing is in doubt. */
void control_answer_failure(struct control_answer *answer, const weir_error *err, bool reading);

/* "in_doubt" for WEIR_ERR_IN_DOUBT and so on. */
void control_status_name(weir_status status, char out[32]);

/* {"code", "message"} of a failure, as above. NULL without memory. */
json_t *control_json_failure(const weir_error *err);

#endif
