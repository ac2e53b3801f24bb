/* SPDX-License-Identifier: MIT
 *
 * The API: delayed jobs.
 */
#include "control/api.h"
#include "control/routes.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct delayed {
    struct control_page page;
    json_t *next; /* of the last one */
};

/* "due time:name", which a client needn't understand. */
static json_t *next_of(const weir_job_info *job)
{
    char due[40];
    snprintf(due, sizeof due, "%.17g:", job->due_ms);
    json_t *name = control_json_path(job->id, job->id_len);
    json_t *next = name ? json_sprintf("%s%s", due, json_string_value(name)) : NULL;
    json_decref(name);
    return next;
}

static json_t *delayed_of(const weir_job_info *job)
{
    json_t *object = json_object(), *left_out,
           *fields = control_json_fields(&job->fields, &control_limits_list, &left_out);
    bool good = control_json_set(object, "id", control_json_bytes(job->id, job->id_len, SIZE_MAX));
    good &= control_json_set(object, "path", control_json_path(job->id, job->id_len));
    good &= control_json_set(object, "job_id", control_json_text(job->job_id));
    good &= control_json_set(object, "group", control_json_text_or_null(job->group));
    good &= control_json_set(object, "traceparent", control_json_text_or_null(job->traceparent));
    good &= control_json_set(object, "attempts", json_integer(job->attempts));
    good &= control_json_set(object, "first_enqueued_ms", control_json_time(job->first_enqueued_ms));
    good &= control_json_set(object, "due_ms", control_json_due(job->due_ms));
    good &= control_json_set(object, "spoilt", json_boolean(job->spoilt));
    good &= control_json_set(object, "fields", fields);
    good &= control_json_set(object, "fields_left_out", left_out);
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static int note_delayed(const weir_job_info *job, void *context)
{
    struct delayed *delayed = context;
    json_decref(delayed->next);
    delayed->next = next_of(job);
    return control_page_add(&delayed->page, delayed_of(job));
}

/* The parameter `after`; false: answered. The position borrows from *ret_id, which is to be freed. */
static bool read_position(struct control_task *task, weir_delayed_position *ret, char **ret_id, bool *given)
{
    const struct control_text *after = control_uri_parameter(&task->uri, "after");
    *given = after && after->len > 0;
    *ret_id = NULL;
    if (!*given)
        return true;
    char *end = NULL;
    ret->due_ms = strtod(after->bytes, &end);
    ret->id = *ret_id = malloc(after->len + 1);
    if (!ret->id)
        control_answer_json(&task->answer, 500, NULL);
    else if (end == after->bytes || *end != ':' || !control_uri_decode(end + 1, *ret_id, &ret->id_len))
        control_answer_error(&task->answer, 400, "argument", "after has to be the `next` of another page.");
    else
        return true;
    return false;
}

void control_ask_delayed(struct control_worker *worker, struct control_task *task)
{
    weir_delayed_position after;
    weir_admin *admin;
    weir_error err;
    size_t count;
    char *id = NULL;
    bool given;
    if (!control_read_count(task, &count) || !read_position(task, &after, &id, &given)) {
        free(id);
        return;
    }
    struct delayed delayed = {.page = control_page_begin(NULL)};
    weir_status status = control_admin(worker, &admin, &err);
    if (status == WEIR_OK)
        status = weir_admin_delayed(admin, task->arguments[0].bytes, given ? &after : NULL, count, note_delayed,
                                    &delayed, &err);
    if (status == WEIR_OK) {
        bool more = delayed.page.n == count || delayed.page.full;
        control_answer_json(&task->answer, 200,
                            control_page_end(&delayed.page, more ? json_incref(delayed.next) : json_null()));
    } else {
        control_answer_failure(&task->answer, &err, true);
    }
    control_page_drop(&delayed.page);
    json_decref(delayed.next);
    free(id);
}

typedef weir_status (*change)(weir_admin *admin, const char *stream, const char *id, weir_error *err);

static void change_one(struct control_worker *worker, struct control_task *task, change change_it)
{
    weir_admin *admin;
    weir_error err;
    weir_status status = control_admin(worker, &admin, &err);
    if (status == WEIR_OK)
        status = change_it(admin, task->arguments[0].bytes, task->arguments[1].bytes, &err);
    control_answer_changed(task, status, &err);
}

void control_ask_delayed_run(struct control_worker *worker, struct control_task *task)
{
    if (control_read_nothing(task))
        change_one(worker, task, weir_admin_delayed_run);
}

void control_ask_delayed_delete(struct control_worker *worker, struct control_task *task)
{
    change_one(worker, task, weir_admin_delayed_delete);
}
