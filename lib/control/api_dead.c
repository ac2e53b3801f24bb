/* SPDX-License-Identifier: MIT
 *
 * The API: dead letters.
 */
#include "control/api.h"
#include "control/routes.h"

#include <stdlib.h>
#include <string.h>

/* --- looking --- */

struct letters {
    struct control_page page;
    char last[CONTROL_ENTRY_SIZE];
};

static json_t *letter_of(const weir_dead_letter *letter, const struct control_limits *limits)
{
    json_t *object = json_object(), *left_out, *fields = control_json_fields(&letter->fields, limits, &left_out);
    bool good = control_json_set(object, "id", control_json_text(letter->id));
    good &= control_json_set(object, "job_id", control_json_text(letter->job_id));
    good &= control_json_set(object, "entry_id", control_json_text_or_null(letter->entry_id));
    good &= control_json_set(object, "group", control_json_text_or_null(letter->group));
    good &= control_json_set(object, "reason", control_json_text(letter->reason_text));
    good &= control_json_set(object, "error", control_json_text(letter->error));
    good &= control_json_set(object, "attempts", json_integer(letter->attempts));
    good &= control_json_set(object, "deliveries", json_integer(letter->deliveries));
    good &= control_json_set(object, "died_ms", json_integer(strtoll(letter->id, NULL, 10)));
    good &= control_json_set(object, "first_enqueued_ms", control_json_time(letter->first_enqueued_ms));
    good &= control_json_set(object, "traceparent", control_json_text_or_null(letter->traceparent));
    good &= control_json_set(object, "fields", fields);
    good &= control_json_set(object, "fields_left_out", left_out);
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static int note_letter(const weir_dead_letter *letter, void *context)
{
    struct letters *letters = context;
    snprintf(letters->last, sizeof letters->last, "%s", letter->id);
    return control_page_add(&letters->page, letter_of(letter, &control_limits_list));
}

/* The parameter `order`. False: answered. */
static bool read_order(struct control_task *task, bool *ret_newest)
{
    const struct control_text *order = control_uri_parameter(&task->uri, "order");
    *ret_newest = order && strcmp(order->bytes, "newest") == 0;
    if (!order || *ret_newest || strcmp(order->bytes, "oldest") == 0)
        return true;
    control_answer_error(&task->answer, 400, "argument", "order has to be oldest or newest.");
    return false;
}

void control_ask_dead(struct control_worker *worker, struct control_task *task)
{
    char after[CONTROL_ENTRY_SIZE];
    weir_dead *dead;
    weir_error err;
    uint64_t total = 0;
    size_t count;
    bool newest;
    if (!control_read_count(task, &count) || !control_read_after(task, after) || !read_order(task, &newest))
        return;
    struct letters letters = {.page = control_page_begin(NULL)};
    weir_status status = control_dead(worker, task->arguments[0].bytes, &dead, &err);
    if (status == WEIR_OK)
        status = (newest ? weir_dead_list_newest : weir_dead_list)(dead, after, count, note_letter, &letters, &err);
    if (status == WEIR_OK)
        status = weir_dead_count(dead, &total, &err);
    if (status == WEIR_OK) {
        bool more = letters.page.n == count || letters.page.full;
        json_t *object = control_page_end(&letters.page, more ? control_json_text(letters.last) : json_null());
        if (object && !control_json_set(object, "total", json_integer((json_int_t)total))) {
            json_decref(object);
            object = NULL;
        }
        control_answer_json(&task->answer, 200, object);
    } else {
        control_answer_failure(&task->answer, &err, true);
    }
    control_page_drop(&letters.page);
}

static int answer_letter(const weir_dead_letter *letter, void *context)
{
    struct control_task *task = context;
    control_answer_json(&task->answer, 200, letter_of(letter, &control_limits_one));
    return 0;
}

void control_ask_letter(struct control_worker *worker, struct control_task *task)
{
    char id[CONTROL_ENTRY_SIZE];
    weir_dead *dead;
    weir_error err;
    if (!control_read_entry(task, task->arguments[1].bytes, false, id))
        return;
    weir_status status = control_dead(worker, task->arguments[0].bytes, &dead, &err);
    if (status == WEIR_OK)
        status = weir_dead_get(dead, id, answer_letter, task, &err);
    if (status != WEIR_OK)
        control_answer_failure(&task->answer, &err, true);
}

/* --- one of them --- */

typedef weir_status (*change)(weir_dead *dead, const char *id, weir_error *err);

static void change_one(struct control_worker *worker, struct control_task *task, change change_it)
{
    char id[CONTROL_ENTRY_SIZE];
    weir_dead *dead;
    weir_error err;
    if (!control_read_entry(task, task->arguments[1].bytes, false, id))
        return;
    weir_status status = control_dead(worker, task->arguments[0].bytes, &dead, &err);
    if (status == WEIR_OK)
        status = change_it(dead, id, &err);
    control_answer_changed(task, status, &err);
}

void control_ask_requeue(struct control_worker *worker, struct control_task *task)
{
    if (control_read_nothing(task))
        change_one(worker, task, weir_dead_requeue);
}

void control_ask_delete(struct control_worker *worker, struct control_task *task)
{
    change_one(worker, task, weir_dead_delete);
}

/* --- several of them --- */

/* What is to be done with each, or with a range. */
struct verb {
    change one;
    bool requeues;
};

struct several {
    uint64_t done;
    json_t *failed;
    bool no_memory;
};

static void note_failure(struct several *several, const char *id, const weir_error *err)
{
    json_t *failure = control_json_failure(err);
    if (!failure || !control_json_set(failure, "id", control_json_text(id))) {
        json_decref(failure);
        failure = NULL;
    }
    several->no_memory |= !failure || !control_json_add(several->failed, failure);
}

static void note_stay(const char *id, weir_status why, const char *words, void *context)
{
    weir_error err = {.code = why};
    snprintf(err.message, sizeof err.message, "%s", words);
    note_failure(context, id, &err);
}

static void answer_several(struct control_task *task, struct several *several, const char *next)
{
    json_t *object = several->no_memory ? NULL : json_object();
    bool good = object && control_json_set(object, "count", json_integer((json_int_t)several->done)) &&
                json_object_set(object, "failed", several->failed) == 0 &&
                control_json_set(object, "next", *next ? control_json_text(next) : json_null());
    if (!good) {
        json_decref(object);
        object = NULL;
    }
    control_answer_json(&task->answer, 200, object);
}

/* What went wrong with one is a fact about that one; the rest of the failures end it. */
static bool concerns_one(weir_status status)
{
    return status == WEIR_ERR_NOT_FOUND || status == WEIR_ERR_STATE || status == WEIR_ERR_UNSUPPORTED;
}

static void change_ids(struct control_worker *worker, struct control_task *task, weir_dead *dead, const json_t *ids,
                       const struct verb *verb, struct several *several)
{
    size_t i;
    json_t *item;
    json_array_foreach(ids, i, item)
    {
        weir_error err;
        char id[CONTROL_ENTRY_SIZE];
        control_read_entry(task, json_string_value(item), false, id); /* it is one: see check_ids */
        weir_status status = verb->one(dead, id, &err);
        several->done += status == WEIR_OK;
        control_worker_progressed(worker);
        if (concerns_one(status)) {
            note_failure(several, json_string_value(item), &err);
        } else if (status != WEIR_OK) {
            control_answer_failure(&task->answer, &err, false);
            return;
        }
        if (control_is_stopping(worker->control)) {
            control_answer_error(&task->answer, 503, "busy", "The server is being stopped; some of it was done.");
            return;
        }
    }
    answer_several(task, several, "");
}

static void change_range(struct control_task *task, weir_dead *dead, const weir_dead_range *range,
                         const struct verb *verb, struct several *several)
{
    weir_dead_progress progress;
    weir_error err;
    weir_status status = verb->requeues ? weir_dead_requeue_range(dead, range, note_stay, several, &progress, &err)
                                        : weir_dead_delete_range(dead, range, &progress, &err);
    several->done = progress.done;
    if (status == WEIR_OK)
        answer_several(task, several, progress.next);
    else
        control_answer_failure(&task->answer, &err, false);
}

static bool refuse(struct control_task *task, const char *words)
{
    control_answer_error(&task->answer, 400, "argument", "%s", words);
    return false;
}

/* NULL: it is no text, or has a NUL in it, behind which there could be anything. */
static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/* {"ids": […]}: 1 to 1000 of them. */
static bool check_ids(struct control_task *task, const json_t *ids)
{
    size_t i;
    json_t *item;
    char ignored[CONTROL_ENTRY_SIZE];
    if (!json_is_array(ids) || json_array_size(ids) < 1 || json_array_size(ids) > CONTROL_PAGE_MAX)
        return refuse(task, "ids has to be an array of 1 to 1000 ids.");
    json_array_foreach(ids, i, item)
    {
        if (!text_of(item))
            return refuse(task, "ids has to be an array of text.");
        if (!control_read_entry(task, text_of(item), false, ignored))
            return false;
    }
    return true;
}

struct range {
    weir_dead_range all; /* of the texts below */
    char after[CONTROL_ENTRY_SIZE], up_to[CONTROL_ENTRY_SIZE];
};

/* {"all": true, "up_to", "after", "count"} */
static bool read_range(struct control_task *task, const json_t *object, struct range *ret)
{
    const char *up_to = text_of(json_object_get(object, "up_to")), *after = text_of(json_object_get(object, "after"));
    const json_t *count = json_object_get(object, "count");
    int64_t n = CONTROL_PAGE_MAX;
    if (!json_is_true(json_object_get(object, "all")))
        return refuse(task, "Say which: {\"ids\": […]}, or {\"all\": true, \"up_to\": …}.");
    if (!up_to || (!after && json_object_get(object, "after")))
        return refuse(task, "up_to has to be the id of the youngest, and after the id that was gone to before.");
    if (count && (!control_json_whole(count, &n) || n < 1 || n > CONTROL_PAGE_MAX))
        return refuse(task, "count has to be from 1 to 1000.");
    *ret = (struct range){.all = {.after = ret->after, .up_to = ret->up_to, .max = (size_t)n}};
    return control_read_entry(task, up_to, false, ret->up_to) &&
           (!after || control_read_entry(task, after, false, ret->after));
}

static void change_several(struct control_worker *worker, struct control_task *task, const struct verb *verb)
{
    static const char *const members_of_some[] = {"ids", NULL};
    static const char *const members_of_all[] = {"all", "up_to", "after", "count", NULL};
    json_t *object = control_read_object(task);
    json_t *ids = json_object_get(object, "ids");
    struct range range;
    bool good = object && control_has_only(task, object, ids ? members_of_some : members_of_all) &&
                (ids ? check_ids(task, ids) : read_range(task, object, &range));
    if (good) {
        struct several several = {.failed = json_array()};
        weir_dead *dead;
        weir_error err;
        if (!several.failed)
            control_answer_json(&task->answer, 500, NULL);
        else if (control_dead(worker, task->arguments[0].bytes, &dead, &err) != WEIR_OK)
            control_answer_failure(&task->answer, &err, false);
        else if (ids)
            change_ids(worker, task, dead, ids, verb, &several);
        else
            change_range(task, dead, &range.all, verb, &several);
        json_decref(several.failed);
    }
    json_decref(object);
}

void control_ask_requeue_many(struct control_worker *worker, struct control_task *task)
{
    change_several(worker, task, &(struct verb){weir_dead_requeue, true});
}

void control_ask_delete_many(struct control_worker *worker, struct control_task *task)
{
    change_several(worker, task, &(struct verb){weir_dead_delete, false});
}
