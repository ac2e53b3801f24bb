/* SPDX-License-Identifier: MIT
 *
 * The API: jobs that wait or run. Enqueueing one, looking at one, and what is pending.
 */
#include "control/api.h"
#include "control/new_job.h"
#include "control/routes.h"

#include <stdlib.h>
#include <string.h>

/* --- enqueueing --- */

static void enqueue(struct control_worker *worker, struct control_task *task, const struct control_new_job *job)
{
    weir_producer *producer;
    weir_error err;
    weir_enqueue_result result = {.status = WEIR_OK};
    const weir_enqueue_job one = {&job->fields, &job->options};
    weir_status status = control_producer(worker, task->arguments[0].bytes, &producer, &err);
    if (status == WEIR_OK)
        status = weir_enqueue_bulk(producer, &one, 1, &result, &err);
    if (status != WEIR_OK) {
        control_answer_failure(&task->answer, &err, false);
        return;
    }
    json_t *answer = json_object();
    if (!answer || !control_json_set(answer, "id", control_json_text(result.id.text)) ||
        !control_json_set(answer, "duplicate", json_boolean(result.duplicate))) {
        json_decref(answer);
        answer = NULL;
    }
    control_answer_json(&task->answer, result.duplicate ? 200 : 201, answer);
}

void control_ask_enqueue(struct control_worker *worker, struct control_task *task)
{
    struct control_new_job job;
    char words[200];
    json_t *object = control_read_object(task);
    if (!object)
        return;
    const char *wrong = control_new_job_read(&job, object, words);
    if (wrong) {
        control_answer_error(&task->answer, 400, "argument", "%s", wrong);
    } else {
        enqueue(worker, task, &job);
        control_new_job_free(&job);
    }
    json_decref(object);
}

/* --- one job --- */

static bool set_job(json_t *object, const weir_job_info *job, const struct control_limits *limits)
{
    json_t *left_out, *fields = control_json_fields(&job->fields, limits, &left_out);
    bool good = control_json_set(object, "fields", fields);
    return control_json_set(object, "fields_left_out", left_out) && good &&
           control_json_set(object, "job_id", control_json_text(job->job_id)) &&
           control_json_set(object, "group", control_json_text_or_null(job->group)) &&
           control_json_set(object, "traceparent", control_json_text_or_null(job->traceparent)) &&
           control_json_set(object, "attempts", json_integer(job->attempts));
}

static int answer_job(const weir_job_info *job, void *context)
{
    struct control_task *task = context;
    json_t *object = json_object();
    if (!object || !control_json_set(object, "entry_id", control_json_text(job->id)) ||
        !control_json_set(object, "first_enqueued_ms", json_integer(job->first_enqueued_ms)) ||
        !set_job(object, job, &control_limits_one)) {
        json_decref(object);
        object = NULL;
    }
    control_answer_json(&task->answer, 200, object);
    return 0;
}

void control_ask_job(struct control_worker *worker, struct control_task *task)
{
    char entry[CONTROL_ENTRY_SIZE];
    weir_admin *admin;
    weir_error err;
    if (!control_read_entry(task, task->arguments[1].bytes, false, entry))
        return;
    weir_status status = control_admin(worker, &admin, &err);
    if (status == WEIR_OK)
        status = weir_admin_job(admin, task->arguments[0].bytes, entry, answer_job, task, &err);
    if (status != WEIR_OK)
        control_answer_failure(&task->answer, &err, true);
}

/* --- what is pending --- */

struct running {
    struct {
        char entry_id[CONTROL_ENTRY_SIZE];
        int64_t running_ms;
    } * items;
    size_t n, capacity;
};

struct pending {
    struct control_page page;
    struct running running;
    int64_t now_ms;
    char last[CONTROL_ENTRY_SIZE];
};

static int note_running(const weir_running_job *job, void *context)
{
    struct running *running = context;
    if (running->n == running->capacity) {
        size_t capacity = running->capacity ? 2 * running->capacity : 64;
        void *items = realloc(running->items, capacity * sizeof *running->items);
        if (!items)
            return 1;
        running->items = items;
        running->capacity = capacity;
    }
    snprintf(running->items[running->n].entry_id, CONTROL_ENTRY_SIZE, "%s", job->entry_id);
    running->items[running->n++].running_ms = job->running_ms;
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b); /* which begin with the id */
}

/* What runs in this process, of the stream and group. */
static void find_running(const struct weir_control *control, const char *stream, const char *group, struct running *ret)
{
    for (size_t i = 0; i < control->n_queues; i++)
        if (strcmp(weir_queue_stream(control->queues[i]), stream) == 0 &&
            strcmp(weir_queue_group_name(control->queues[i]), group) == 0)
            weir_queue_running(control->queues[i], note_running, ret, NULL);
    if (ret->n > 0)
        qsort(ret->items, ret->n, sizeof *ret->items, compare);
}

static json_t *running_ms(const struct running *running, const char *entry_id)
{
    const char *found =
        running->n ? bsearch(entry_id, running->items, running->n, sizeof *running->items, compare) : NULL;
    size_t i = found ? (size_t)(found - (const char *)running->items) / sizeof *running->items : 0;
    return found ? json_integer(running->items[i].running_ms) : json_null();
}

static int note_pending(const weir_pending_info *info, void *context)
{
    struct pending *pending = context;
    int64_t put_ms = strtoll(info->entry_id, NULL, 10);
    json_t *object = json_object();
    if (object &&
        (!control_json_set(object, "entry_id", control_json_text(info->entry_id)) ||
         !control_json_set(object, "consumer", control_json_text(info->consumer)) ||
         !control_json_set(object, "idle_ms", json_integer(info->idle_ms)) ||
         !control_json_set(object, "age_ms", json_integer(pending->now_ms > put_ms ? pending->now_ms - put_ms : 0)) ||
         !control_json_set(object, "running_ms", running_ms(&pending->running, info->entry_id)) ||
         !control_json_set(object, "deliveries", json_integer((json_int_t)info->deliveries)) ||
         !control_json_set(object, "released", json_boolean(info->released)))) {
        json_decref(object);
        object = NULL;
    }
    snprintf(pending->last, sizeof pending->last, "%s", info->entry_id);
    return control_page_add(&pending->page, object);
}

/* The group that was asked for, or the only one there is; NULL: answered. Borrowed from the task or the info. */
static const char *group_of(struct control_task *task, const weir_queue_info *info)
{
    const struct control_text *group = control_uri_parameter(&task->uri, "group");
    const struct control_text *consumer = control_uri_parameter(&task->uri, "consumer");
    if ((group && group->len == 0) || (consumer && consumer->len == 0)) {
        control_answer_error(&task->answer, 400, "argument", "group and consumer must not be empty.");
        return NULL;
    }
    if (group)
        return group->bytes;
    if (info->n_groups == 1)
        return info->groups[0]->name;
    if (info->n_groups == 0)
        control_answer_error(&task->answer, 404, "no_group", "The stream has no consumer group.");
    else
        control_answer_error(&task->answer, 400, "argument", "The stream has several groups: say which, by `group`.");
    return NULL;
}

static weir_status list_pending(struct control_task *task, weir_admin *admin, const char *group, size_t count,
                                struct pending *pending, weir_error *err)
{
    const struct control_text *consumer = control_uri_parameter(&task->uri, "consumer");
    char after[CONTROL_ENTRY_SIZE];
    if (!control_read_after(task, after))
        return WEIR_OK;
    weir_status status = weir_admin_pending(admin, task->arguments[0].bytes, group, consumer ? consumer->bytes : NULL,
                                            after, count, note_pending, pending, err);
    if (status != WEIR_OK)
        return status;
    bool more = pending->page.n == count || pending->page.full;
    control_answer_json(&task->answer, 200,
                        control_page_end(&pending->page, more ? control_json_text(pending->last) : json_null()));
    return WEIR_OK;
}

void control_ask_pending(struct control_worker *worker, struct control_task *task)
{
    const char *stream = task->arguments[0].bytes, *group = NULL;
    weir_queue_info *info = NULL;
    weir_admin *admin;
    weir_error err;
    size_t count;
    if (!control_read_count(task, &count))
        return;
    weir_status status = control_admin(worker, &admin, &err);
    if (status == WEIR_OK)
        status = weir_admin_info(admin, stream, &info, &err);
    if (status == WEIR_OK)
        group = group_of(task, info);
    if (group) {
        struct pending pending = {.page = control_page_begin(NULL), .now_ms = info->now_ms};
        find_running(worker->control, stream, group, &pending.running);
        status = list_pending(task, admin, group, count, &pending, &err);
        control_page_drop(&pending.page);
        free(pending.running.items);
    }
    if (status != WEIR_OK)
        control_answer_failure(&task->answer, &err, true);
    weir_queue_info_free(info);
}
