/* SPDX-License-Identifier: MIT
 *
 * weir_admin: one session of a broker behind a mutex, for all queues.
 *
 * Every call says which stream it is about, connects where it has to, and is repeated once where an idle connection
 * turned out to be gone, if repeating it can do no harm and nothing was visited yet.
 *
 * What must stay true: a call holds at most one page, however much there is.
 */
#include "base/error.h"
#include "broker/admin.h"
#include "job/check.h"
#include "queue/core.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 100 };

static const char any_stream[] = "weir"; /* where none is meant */

struct weir_admin {
    pthread_mutex_t mutex;
    struct weir_broker *broker;
    struct weir_session *session;
    int64_t alive_ms;
};

/* --- opening and closing --- */

static weir_status check_options(const weir_admin_options *options, weir_error *err)
{
    if (options->size != sizeof *options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "options->size is %zu, not %zu: start from WEIR_ADMIN_OPTIONS_INIT", options->size,
                              sizeof *options);
    if (!options->url)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url is not set");
    if (options->alive_ms < 1)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "alive_ms must be 1 or more");
    return weir_check_connection_options(&options->connection, err);
}

weir_status weir_admin_open(weir_admin **ret, const weir_admin_options *options, weir_error *err)
{
    if (!ret || !options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", ret ? "options" : "ret");
    weir_status status = check_options(options, err);
    if (status != WEIR_OK)
        return status;
    weir_admin *admin = calloc(1, sizeof *admin);
    if (!admin || pthread_mutex_init(&admin->mutex, NULL) != 0) {
        free(admin);
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a handle");
    }
    admin->alive_ms = options->alive_ms;
    struct weir_broker_config config = {
        .url = options->url, .stream = any_stream, .connection = options->connection}; /* until the first select */
    status = weir_broker_open(&admin->broker, &config, err);
    if (status == WEIR_OK)
        status = admin->broker->ops->session_open(&admin->session, admin->broker, "admin", err);
    if (status == WEIR_OK)
        status = admin->broker->ops->connect(admin->session, err);
    if (status != WEIR_OK) {
        weir_admin_close(admin);
        return status;
    }
    *ret = admin;
    return WEIR_OK;
}

void weir_admin_close(weir_admin *admin)
{
    if (!admin)
        return;
    if (admin->broker) {
        const struct weir_broker_ops *ops = admin->broker->ops;
        ops->session_close(admin->session);
        ops->close(admin->broker);
    }
    pthread_mutex_destroy(&admin->mutex);
    free(admin);
}

/* --- one call --- */

/* All that an operation may need. */
struct call {
    const char *stream, *group, *consumer, *id;
    struct weir_entry_id entry;
    const weir_delayed_position *position;
    size_t max;
    int64_t ms;
    bool flag;
    uint64_t count;
    weir_cursor *cursor;
    struct weir_arena *arena;
    weir_queue_info *info;
    weir_server_info *server;
    weir_stream_visit_fn visit_stream;
    weir_consumer_visit_fn visit_consumer;
    weir_pending_visit_fn visit_pending;
    weir_job_visit_fn visit_job;
    void *user_data;
    struct weir_visit visited;
};

typedef weir_status (*operation)(weir_admin *admin, struct call *call, weir_error *err);

static const struct weir_admin_ops *ops_of(const weir_admin *admin)
{
    return admin->broker->ops->admin;
}

static weir_status perform(weir_admin *admin, operation run, bool repeatable, struct call *call, weir_error *err)
{
    if (!admin)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "admin is NULL");
    weir_status status = call->stream ? weir_check_name("stream", call->stream, err) : WEIR_OK;
    if (status == WEIR_OK && call->group)
        status = weir_check_name("group", call->group, err);
    if (status == WEIR_OK && call->consumer)
        status = weir_check_name("consumer", call->consumer, err);
    if (status != WEIR_OK)
        return status;

    pthread_mutex_lock(&admin->mutex);
    for (int attempt = 0; attempt < 2; attempt++) {
        status = call->stream ? ops_of(admin)->select(admin->session, call->stream, err) : WEIR_OK;
        if (status == WEIR_OK && call->stream)
            status = admin->broker->ops->connect(admin->session, err);
        if (status == WEIR_OK)
            status = run(admin, call, err);
        if (status != WEIR_ERR_IN_DOUBT || !repeatable || call->visited.n > 0)
            break;
    }
    pthread_mutex_unlock(&admin->mutex);
    return status;
}

/* WEIR_ERR_ARGUMENT where one of the pointers that a call can't do without is NULL. */
static weir_status require(const void *pointer, const char *name, weir_error *err)
{
    return pointer ? WEIR_OK : weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", name);
}

static weir_status parse_entry(const char *text, struct weir_entry_id *ret, weir_error *err)
{
    if (text && weir_entry_id_parse(text, strlen(text), ret))
        return WEIR_OK;
    return weir_error_set(err, WEIR_ERR_ARGUMENT, "\"%.60s\" is not the id of an entry, such as 1700000000000-0",
                          text ? text : "NULL");
}

/* --- queues --- */

/* A visitor may have been called before the connection failed: whether, nobody knows but itself. */
static weir_status streams(weir_admin *admin, struct call *call, weir_error *err)
{
    return ops_of(admin)->streams(admin->session, call->cursor, call->visit_stream, call->user_data, err);
}

weir_status weir_admin_streams(weir_admin *admin, weir_cursor *cursor, weir_stream_visit_fn visit, void *user_data,
                               weir_error *err)
{
    weir_status status = require(cursor, "cursor", err);
    if (status == WEIR_OK)
        status = require(visit, "visit", err);
    if (status == WEIR_OK && !memchr(cursor->text, '\0', sizeof cursor->text))
        status = weir_error_set(err, WEIR_ERR_ARGUMENT, "the cursor's text has no end");
    if (status != WEIR_OK)
        return status;
    struct call call = {.cursor = cursor, .visit_stream = visit, .user_data = user_data};
    return perform(admin, streams, true, &call, err); /* visits come last: a failure is before them */
}

/* What is handed out, and where it lies. */
struct kept_info {
    weir_queue_info info; /* first: one is the other */
    struct weir_arena arena;
};

static weir_status info(weir_admin *admin, struct call *call, weir_error *err)
{
    weir_arena_reset(call->arena, SIZE_MAX);
    *call->info = (weir_queue_info){.stream = weir_arena_copy(call->arena, call->stream, strlen(call->stream))};
    if (!call->info->stream)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for what is known of a queue");
    return ops_of(admin)->info(admin->session, admin->alive_ms, call->arena, call->info, err);
}

weir_status weir_admin_info(weir_admin *admin, const char *stream, weir_queue_info **ret, weir_error *err)
{
    weir_status status = require(stream, "stream", err);
    if (status == WEIR_OK)
        status = require(ret, "ret", err);
    if (status != WEIR_OK)
        return status;
    struct kept_info *kept = calloc(1, sizeof *kept);
    if (!kept)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for what is known of a queue");
    weir_arena_init(&kept->arena, 0);
    struct call call = {.stream = stream, .arena = &kept->arena, .info = &kept->info};
    status = perform(admin, info, true, &call, err);
    if (status == WEIR_OK)
        *ret = &kept->info;
    else
        weir_queue_info_free(&kept->info);
    return status;
}

void weir_queue_info_free(weir_queue_info *queue_info)
{
    struct kept_info *kept = (struct kept_info *)queue_info;
    if (!kept)
        return;
    weir_arena_free(&kept->arena);
    free(kept);
}

static weir_status consumers(weir_admin *admin, struct call *call, weir_error *err)
{
    return ops_of(admin)->consumers(admin->session, call->group, admin->alive_ms, call->visit_consumer, call->user_data,
                                    err);
}

weir_status weir_admin_consumers(weir_admin *admin, const char *stream, const char *group, weir_consumer_visit_fn visit,
                                 void *user_data, weir_error *err)
{
    weir_status status = require(stream, "stream", err);
    if (status == WEIR_OK)
        status = require(group, "group", err);
    if (status == WEIR_OK)
        status = require(visit, "visit", err);
    if (status != WEIR_OK)
        return status;
    struct call call = {.stream = stream, .group = group, .visit_consumer = visit, .user_data = user_data};
    return perform(admin, consumers, true, &call, err);
}

static weir_status server(weir_admin *admin, struct call *call, weir_error *err)
{
    return ops_of(admin)->server(admin->session, call->server, err);
}

weir_status weir_admin_server(weir_admin *admin, const char *stream, weir_server_info *ret, weir_error *err)
{
    weir_status status = require(ret, "ret", err);
    if (status == WEIR_OK && ret->size != sizeof *ret)
        status = weir_error_set(err, WEIR_ERR_ARGUMENT, "ret->size is %zu, not %zu: start from WEIR_SERVER_INFO_INIT",
                                ret->size, sizeof *ret);
    if (status != WEIR_OK)
        return status;
    weir_server_info found = *ret;
    struct call call = {.stream = stream ? stream : any_stream, .server = &found};
    status = perform(admin, server, true, &call, err);
    if (status == WEIR_OK)
        *ret = found;
    return status;
}

/* --- jobs --- */

static weir_status pending_page(weir_admin *admin, struct call *call, weir_error *err)
{
    return ops_of(admin)->pending(admin->session, call->group, call->consumer, &call->entry, call->max,
                                  call->visit_pending, call->user_data, &call->visited, err);
}

weir_status weir_admin_pending(weir_admin *admin, const char *stream, const char *group, const char *consumer,
                               const char *after, size_t max, weir_pending_visit_fn visit, void *user_data,
                               weir_error *err)
{
    struct call call = {
        .stream = stream, .group = group, .consumer = consumer, .visit_pending = visit, .user_data = user_data};
    weir_status status = require(stream, "stream", err);
    if (status == WEIR_OK)
        status = require(group, "group", err);
    if (status == WEIR_OK)
        status = require(visit, "visit", err);
    if (status == WEIR_OK && after && *after)
        status = parse_entry(after, &call.entry, err);
    while (status == WEIR_OK && max > 0 && !weir_entry_id_is_last(call.entry)) {
        call.max = max < PAGE ? max : PAGE;
        call.visited = (struct weir_visit){0};
        status = perform(admin, pending_page, true, &call, err);
        if (call.visited.n < call.max || call.visited.ended)
            break;
        max -= call.visited.n;
    }
    return status;
}

static weir_status entry(weir_admin *admin, struct call *call, weir_error *err)
{
    return ops_of(admin)->entry(admin->session, call->entry, call->visit_job, call->user_data, err);
}

weir_status weir_admin_job(weir_admin *admin, const char *stream, const char *entry_id, weir_job_visit_fn visit,
                           void *user_data, weir_error *err)
{
    struct call call = {.stream = stream, .visit_job = visit, .user_data = user_data};
    weir_status status = require(stream, "stream", err);
    if (status == WEIR_OK)
        status = require(visit, "visit", err);
    if (status == WEIR_OK)
        status = parse_entry(entry_id, &call.entry, err);
    return status == WEIR_OK ? perform(admin, entry, true, &call, err) : status;
}

/* --- delayed jobs --- */

/* Passes jobs on, and remembers where the page ends: what it visited is gone when the next one is asked for. */
struct delayed_listing {
    weir_job_visit_fn visit;
    void *user_data;
    weir_delayed_position last;
    char *id; /* last.id */
    size_t capacity;
    bool out_of_memory;
};

static int note_and_visit(const weir_job_info *job, void *context)
{
    struct delayed_listing *listing = context;
    if (job->id_len + 1 > listing->capacity) {
        char *id = realloc(listing->id, job->id_len + 1);
        if (!id) {
            listing->out_of_memory = true;
            return 1;
        }
        listing->id = id;
        listing->capacity = job->id_len + 1;
    }
    memcpy(listing->id, job->id, job->id_len);
    listing->last = (weir_delayed_position){job->due_ms, listing->id, job->id_len};
    return listing->visit(job, listing->user_data);
}

static weir_status delayed_page(weir_admin *admin, struct call *call, weir_error *err)
{
    return ops_of(admin)->delayed(admin->session, call->position, call->max, call->visit_job, call->user_data,
                                  &call->visited, err);
}

weir_status weir_admin_delayed(weir_admin *admin, const char *stream, const weir_delayed_position *after, size_t max,
                               weir_job_visit_fn visit, void *user_data, weir_error *err)
{
    struct delayed_listing listing = {.visit = visit, .user_data = user_data};
    struct call call = {.stream = stream, .position = after, .visit_job = note_and_visit, .user_data = &listing};
    weir_status status = require(stream, "stream", err);
    if (status == WEIR_OK)
        status = require(visit, "visit", err);
    if (status == WEIR_OK && after)
        status = require(after->id, "after->id", err);
    size_t page = PAGE;
    while (status == WEIR_OK && max > 0) {
        call.max = max < page ? max : page;
        call.visited = (struct weir_visit){0};
        status = perform(admin, delayed_page, true, &call, err);
        if (status == WEIR_ERR_IN_DOUBT && call.visited.n == 0 && call.max > 1) { /* too large together, maybe */
            page = call.max / 2;
            status = WEIR_OK;
            continue;
        }
        if (listing.out_of_memory)
            status = weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a delayed job");
        if (call.visited.n < call.max || call.visited.ended)
            break;
        call.position = &listing.last;
        max -= call.visited.n;
    }
    free(listing.id);
    return status;
}

static weir_status delayed_run(weir_admin *admin, struct call *call, weir_error *err)
{
    return ops_of(admin)->delayed_run(admin->session, call->id, err);
}

static weir_status delayed_delete(weir_admin *admin, struct call *call, weir_error *err)
{
    return ops_of(admin)->delayed_delete(admin->session, call->id, err);
}

static weir_status on_delayed(weir_admin *admin, operation run, const char *stream, const char *id, weir_error *err)
{
    struct call call = {.stream = stream, .id = id};
    weir_status status = require(stream, "stream", err);
    if (status == WEIR_OK)
        status = require(id, "id", err);
    return status == WEIR_OK ? perform(admin, run, false, &call, err) : status;
}

weir_status weir_admin_delayed_run(weir_admin *admin, const char *stream, const char *id, weir_error *err)
{
    return on_delayed(admin, delayed_run, stream, id, err);
}

weir_status weir_admin_delayed_delete(weir_admin *admin, const char *stream, const char *id, weir_error *err)
{
    return on_delayed(admin, delayed_delete, stream, id, err);
}

/* --- pausing, reaping --- */

static weir_status set_paused(weir_admin *admin, struct call *call, weir_error *err)
{
    bool paused = call->flag;
    return admin->broker->ops->set_paused(admin->session, paused, &call->flag, err);
}

static weir_status pause_or_resume(weir_admin *admin, const char *stream, bool paused, bool *ret_changed,
                                   weir_error *err)
{
    struct call call = {.stream = stream, .flag = paused};
    weir_status status = require(stream, "stream", err);
    if (status == WEIR_OK)
        status = perform(admin, set_paused, true, &call, err);
    if (status == WEIR_OK && ret_changed)
        *ret_changed = call.flag;
    return status;
}

weir_status weir_admin_pause(weir_admin *admin, const char *stream, bool *ret_changed, weir_error *err)
{
    return pause_or_resume(admin, stream, true, ret_changed, err);
}

weir_status weir_admin_resume(weir_admin *admin, const char *stream, bool *ret_changed, weir_error *err)
{
    return pause_or_resume(admin, stream, false, ret_changed, err);
}

static weir_status reap(weir_admin *admin, struct call *call, weir_error *err)
{
    return ops_of(admin)->reap(admin->session, call->group, call->ms, &call->count, err);
}

weir_status weir_admin_reap(weir_admin *admin, const char *stream, const char *group, int64_t idle_ms,
                            uint64_t *ret_count, weir_error *err)
{
    struct call call = {.stream = stream, .group = group, .ms = idle_ms};
    weir_status status = require(stream, "stream", err);
    if (status == WEIR_OK)
        status = require(group, "group", err);
    if (status == WEIR_OK && idle_ms < 0)
        status = weir_error_set(err, WEIR_ERR_ARGUMENT, "idle_ms is negative");
    if (status == WEIR_OK)
        status = perform(admin, reap, false, &call, err);
    if (status == WEIR_OK && ret_count)
        *ret_count = call.count;
    return status;
}
