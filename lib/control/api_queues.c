/* SPDX-License-Identifier: MIT
 *
 * The API: the server, its queues, one of them, and pausing it.
 */
#include "control/api.h"
#include "control/listing.h"
#include "control/rates.h"
#include "control/routes.h"

#include "base/clock.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <weir/version.h>

/* --- the server --- */

static json_t *redis_of(const weir_server_info *server)
{
    return json_pack("{s:s, s:I, s:o, s:s}", "version", server->version, "used_memory", (json_int_t)server->used_memory,
                     "max_memory", server->max_memory ? json_integer((json_int_t)server->max_memory) : json_null(),
                     "memory_policy", server->memory_policy);
}

static json_t *server_of(struct weir_control *control, const struct control_task *task, int64_t now_ms,
                         const weir_server_info *server, const weir_error *failure)
{
    json_t *object = json_object(), *error = failure ? control_json_failure(failure) : NULL;
    bool good =
        object && control_json_set(object, "version", control_json_text(weir_version())) &&
        control_json_set(object, "now_ms", json_integer(now_ms)) &&
        control_json_set(object, "uptime_ms", json_integer((weir_now_us() - control->started_us) / 1000)) &&
        control_json_set(object, "token", json_boolean(control->token)) &&
        control_json_set(object, "write", json_boolean(task->identified)) &&
        control_json_set(object, "alive_ms", json_integer(control->options.alive_ms)) &&
        control_json_set(object, "workers", json_integer((json_int_t)control->n_queues)) &&
        control_json_set(object, "redis", server ? redis_of(server) : json_null()) &&
        control_json_set(object, "trouble", error ? json_incref(json_object_get(error, "message")) : json_null()) &&
        control_json_set(object, "findings", server ? control_json_findings_of_server(server) : json_array());
    json_decref(error);
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

void control_ask_server(struct control_worker *worker, struct control_task *task)
{
    weir_server_info server = WEIR_SERVER_INFO_INIT;
    weir_error err;
    weir_admin *admin;
    weir_status status = control_admin(worker, &admin, &err);
    if (status == WEIR_OK)
        status = weir_admin_server(admin, NULL, &server, &err);
    weir_queue_info *any = NULL; /* for the time by its clock */
    if (status == WEIR_OK)
        weir_admin_info(admin, "weir", &any, NULL);
    int64_t now_ms = any ? any->now_ms : weir_wall_ms();
    weir_queue_info_free(any);
    bool known = status == WEIR_OK;
    control_answer_json(&task->answer, 200,
                        server_of(worker->control, task, now_ms, known ? &server : NULL, known ? NULL : &err));
}

/* --- the list --- */

enum { STREAM_MAX = 512 };

/* Whether the name has the text in it; ASCII letters in either case. */
static bool matches(const char *name, const struct control_text *text)
{
    if (!text || text->len == 0)
        return true;
    for (; *name; name++) {
        size_t i = 0;
        while (i < text->len && name[i] && tolower((unsigned char)name[i]) == tolower((unsigned char)text->bytes[i]))
            i++;
        if (i == text->len)
            return true;
    }
    return false;
}

static json_t *page_of(const struct control_snapshot *snapshot, const struct control_task *task, const char *after,
                       size_t count)
{
    const struct control_text *match = control_uri_parameter(&task->uri, "match");
    const weir_server_info *server = snapshot->server_known ? &snapshot->server : NULL;
    struct control_page page = control_page_begin(NULL);
    size_t first = control_snapshot_after(snapshot, *after ? after : NULL), total = 0;
    const struct control_listed *last = NULL;
    bool more = false;
    for (size_t i = 0; i < snapshot->n; i++) {
        const struct control_listed *listed = &snapshot->queues[i];
        if (!matches(listed->stream, match))
            continue;
        total++;
        if (i < first || more)
            continue;
        more = page.n >= count || page.full;
        if (more)
            continue;
        control_page_add(&page, control_json_queue(listed->stream, listed->info, server, &listed->failure));
        last = listed;
    }
    json_t *next = more ? control_json_path(last->stream, strlen(last->stream)) : json_null();
    json_t *object = control_page_end(&page, next);
    if (object && control_json_set(object, "total", json_integer((json_int_t)total)) &&
        control_json_set(object, "age_ms", json_integer((weir_now_us() - snapshot->taken_us) / 1000)))
        return object;
    json_decref(object);
    return NULL;
}

/* The parameter `after`, the `path` of a queue; "": there is none. False: answered. */
static bool read_after(struct control_task *task, char ret[CONTROL_ENCODED_SIZE(STREAM_MAX)])
{
    const struct control_text *after = control_uri_parameter(&task->uri, "after");
    size_t len = 0;
    ret[0] = '\0';
    if (!after || (after->len < CONTROL_ENCODED_SIZE(STREAM_MAX) && control_uri_decode(after->bytes, ret, &len) &&
                   len <= STREAM_MAX))
        return true;
    control_answer_error(&task->answer, 400, "argument", "after has to be the `next` of another page.");
    return false;
}

void control_ask_queues(struct control_worker *worker, struct control_task *task)
{
    char after[CONTROL_ENCODED_SIZE(STREAM_MAX)];
    size_t count;
    struct control_snapshot *snapshot;
    weir_error err;
    if (!control_read_count(task, &count) || !read_after(task, after))
        return;
    const struct control_text *match = control_uri_parameter(&task->uri, "match");
    if (match && match->len > STREAM_MAX) {
        control_answer_error(&task->answer, 400, "argument", "No name is longer than 512 bytes.");
        return;
    }
    if (control_listing_get(worker, &snapshot, &err) != WEIR_OK) {
        control_answer_failure(&task->answer, &err, true);
        return;
    }
    control_answer_json(&task->answer, 200, page_of(snapshot, task, after, count));
    control_snapshot_release(&worker->control->listing, snapshot);
}

/* --- one queue --- */

enum { CONSUMERS_MAX = 500 };

struct consumer {
    json_t *object;
    uint64_t pending;
    int64_t idle_ms;
};

struct consumers {
    const struct weir_control *control;
    const char *stream, *group;
    struct consumer *items;
    size_t n, capacity;
    bool failed;
};

static bool is_local(const struct consumers *consumers, const char *name)
{
    for (size_t i = 0; i < consumers->control->n_queues; i++) {
        const weir_queue *queue = consumers->control->queues[i];
        if (strcmp(weir_queue_stream(queue), consumers->stream) == 0 &&
            strcmp(weir_queue_group_name(queue), consumers->group) == 0 &&
            strcmp(weir_queue_consumer(queue), name) == 0)
            return true;
    }
    return false;
}

static json_t *consumer_of(const struct consumers *consumers, const weir_consumer_info *info)
{
    json_t *object = json_object();
    if (object && control_json_set(object, "group", control_json_text(consumers->group)) &&
        control_json_set(object, "name", control_json_text(info->name)) &&
        control_json_set(object, "path", control_json_path(info->name, strlen(info->name))) &&
        control_json_set(object, "pending", json_integer((json_int_t)info->pending)) &&
        control_json_set(object, "idle_ms", json_integer(info->idle_ms)) &&
        control_json_set(object, "alive", json_boolean(info->alive)) &&
        control_json_set(object, "local", json_boolean(is_local(consumers, info->name))))
        return object;
    json_decref(object);
    return NULL;
}

static int note_consumer(const weir_consumer_info *info, void *context)
{
    struct consumers *consumers = context;
    if (consumers->n == consumers->capacity) {
        size_t capacity = consumers->capacity ? 2 * consumers->capacity : 64;
        struct consumer *items = realloc(consumers->items, capacity * sizeof *items);
        consumers->failed = !items;
        if (!items)
            return 1;
        consumers->items = items;
        consumers->capacity = capacity;
    }
    json_t *object = consumer_of(consumers, info);
    consumers->items[consumers->n++] = (struct consumer){object, info->pending, info->idle_ms};
    consumers->failed = !object;
    return !object;
}

/* Those with jobs in hand first, then those seen last first. */
static int compare(const void *a, const void *b)
{
    const struct consumer *one = a, *two = b;
    if ((one->pending > 0) != (two->pending > 0))
        return one->pending > 0 ? -1 : 1;
    return one->idle_ms < two->idle_ms ? -1 : one->idle_ms > two->idle_ms;
}

/* Takes what was noted. */
static bool set_consumers(json_t *object, struct consumers *consumers)
{
    json_t *array = json_array();
    size_t n = consumers->n < CONSUMERS_MAX ? consumers->n : CONSUMERS_MAX;
    if (consumers->n > 0)
        qsort(consumers->items, consumers->n, sizeof *consumers->items, compare);
    bool good = array && !consumers->failed;
    for (size_t i = 0; i < consumers->n; i++) {
        if (good && i < n)
            good = json_array_append(array, consumers->items[i].object) == 0;
        json_decref(consumers->items[i].object);
    }
    free(consumers->items);
    if (!good) {
        json_decref(array);
        return false;
    }
    return control_json_set(object, "consumers", array) &&
           control_json_set(object, "consumers_left_out", json_integer((json_int_t)(consumers->n - n)));
}

static weir_status ask_consumers(struct control_worker *worker, weir_admin *admin, const weir_queue_info *info,
                                 struct consumers *ret, weir_error *err)
{
    *ret = (struct consumers){.control = worker->control, .stream = info->stream};
    for (size_t i = 0; i < info->n_groups && !ret->failed; i++) {
        ret->group = info->groups[i]->name;
        weir_status status = weir_admin_consumers(admin, info->stream, ret->group, note_consumer, ret, err);
        if (status != WEIR_OK && status != WEIR_ERR_NO_GROUP) /* it may be gone meanwhile */
            return status;
    }
    return WEIR_OK;
}

static json_t *per_second(double n)
{
    return n < 0 ? json_null() : json_real(n);
}

static json_t *rates_of(struct weir_control *control, const char *stream)
{
    struct control_speed speed = control_rates_get(&control->rates, stream);
    if (speed.over_ms == 0 || speed.added < 0 || speed.dead < 0)
        return json_null();
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "over_ms", (json_int_t)speed.over_ms, "added",
                     per_second(speed.added), "read", per_second(speed.delivered), "finished",
                     per_second(speed.finished), "dead", per_second(speed.dead));
}

static json_t *workers_of(const struct weir_control *control, const char *stream)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < control->n_queues; i++) {
        if (strcmp(weir_queue_stream(control->queues[i]), stream) != 0)
            continue;
        if (!control_json_add(array, control_json_worker(control->queues[i]))) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

/* All of it; takes what was noted of consumers. */
static json_t *detail_of(struct weir_control *control, const weir_queue_info *info, const weir_server_info *server,
                         struct consumers *consumers)
{
    json_t *object = control_json_queue(info->stream, info, server, NULL);
    bool good = set_consumers(object, consumers);
    if (good && object && control_json_set(object, "rates", rates_of(control, info->stream)) &&
        control_json_set(object, "workers", workers_of(control, info->stream)))
        return object;
    json_decref(object);
    return NULL;
}

void control_ask_queue(struct control_worker *worker, struct control_task *task)
{
    const char *stream = task->arguments[0].bytes;
    weir_server_info server = WEIR_SERVER_INFO_INIT;
    struct consumers consumers = {0};
    weir_queue_info *info = NULL;
    weir_admin *admin;
    weir_error err;
    weir_status status = control_admin(worker, &admin, &err);
    if (status == WEIR_OK)
        status = weir_admin_info(admin, stream, &info, &err);
    if (status == WEIR_OK)
        status = ask_consumers(worker, admin, info, &consumers, &err);
    if (status == WEIR_OK) {
        bool known = weir_admin_server(admin, stream, &server, NULL) == WEIR_OK;
        control_rates_note(&worker->control->rates, info);
        control_answer_json(&task->answer, 200, detail_of(worker->control, info, known ? &server : NULL, &consumers));
    } else {
        json_t *unused = json_object();
        set_consumers(unused, &consumers);
        json_decref(unused);
        control_answer_failure(&task->answer, &err, true);
    }
    weir_queue_info_free(info);
}

/* --- pausing --- */

static void pause_or_resume(struct control_worker *worker, struct control_task *task, bool paused)
{
    const char *stream = task->arguments[0].bytes;
    weir_admin *admin;
    weir_error err;
    bool changed = false;
    if (!control_read_nothing(task))
        return;
    weir_status status = control_admin(worker, &admin, &err);
    if (status == WEIR_OK)
        status = (paused ? weir_admin_pause : weir_admin_resume)(admin, stream, &changed, &err);
    if (status == WEIR_OK)
        control_answer_json(&task->answer, 200, json_pack("{s:b, s:b}", "paused", paused, "changed", changed));
    else
        control_answer_failure(&task->answer, &err, false);
}

void control_ask_pause(struct control_worker *worker, struct control_task *task)
{
    pause_or_resume(worker, task, true);
}

void control_ask_resume(struct control_worker *worker, struct control_task *task)
{
    pause_or_resume(worker, task, false);
}
