/* SPDX-License-Identifier: MIT
 *
 * Dead letters, from code: one session of a broker behind a mutex.
 *
 * Every operation connects where it has to, and is repeated once where an idle connection turned out to be gone, if
 * repeating it can do no harm.
 */
#include "base/error.h"
#include "job/check.h"
#include "queue/core.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 100 };

struct weir_dead {
    pthread_mutex_t mutex;
    struct weir_broker *broker;
    struct weir_session *session;
};

weir_status weir_dead_open(weir_dead **ret, const weir_dead_options *options, weir_error *err)
{
    if (!ret || !options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", ret ? "options" : "ret");
    if (options->size != sizeof *options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "options->size is %zu, not %zu: start from WEIR_DEAD_OPTIONS_INIT", options->size,
                              sizeof *options);
    weir_status status = weir_check_name("stream", options->stream, err);
    if (status == WEIR_OK)
        status = weir_check_connection_options(&options->connection, err);
    if (status != WEIR_OK)
        return status;
    weir_dead *dead = calloc(1, sizeof *dead);
    if (!dead || pthread_mutex_init(&dead->mutex, NULL) != 0) {
        free(dead);
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for dead letters");
    }
    struct weir_broker_config config = {
        .url = options->url, .stream = options->stream, .connection = options->connection};
    status = weir_broker_open(&dead->broker, &config, err);
    if (status == WEIR_OK)
        status = dead->broker->ops->session_open(&dead->session, dead->broker, "dead", err);
    if (status == WEIR_OK)
        status = dead->broker->ops->connect(dead->session, err);
    if (status != WEIR_OK) {
        weir_dead_close(dead);
        return status;
    }
    *ret = dead;
    return WEIR_OK;
}

void weir_dead_close(weir_dead *dead)
{
    if (!dead)
        return;
    if (dead->broker) {
        const struct weir_broker_ops *ops = dead->broker->ops;
        ops->session_close(dead->session);
        ops->close(dead->broker);
    }
    pthread_mutex_destroy(&dead->mutex);
    free(dead);
}

/* One operation with all that it may need. */
struct call {
    struct weir_entry_id id;
    size_t max;
    weir_dead_visit_fn visit;
    void *user_data;
    size_t n;
    bool ended;
    uint64_t count;
    struct weir_entry_id last;
    struct weir_dead_step step;
    bool newest_first;
};

typedef weir_status (*operation)(weir_dead *dead, struct call *call, weir_error *err);

static weir_status list_page(weir_dead *dead, struct call *call, weir_error *err)
{
    const struct weir_broker_ops *ops = dead->broker->ops;
    return (call->newest_first ? ops->dead_list_newest : ops->dead_list)(
        dead->session, &call->id, call->max, call->visit, call->user_data, &call->n, &call->ended, err);
}

static weir_status get(weir_dead *dead, struct call *call, weir_error *err)
{
    return dead->broker->ops->dead_get(dead->session, call->id, call->visit, call->user_data, err);
}

static weir_status count(weir_dead *dead, struct call *call, weir_error *err)
{
    return dead->broker->ops->dead_count(dead->session, &call->count, err);
}

static weir_status requeue(weir_dead *dead, struct call *call, weir_error *err)
{
    return dead->broker->ops->dead_requeue(dead->session, call->id, err);
}

static weir_status delete (weir_dead *dead, struct call *call, weir_error *err)
{
    return dead->broker->ops->dead_delete(dead->session, call->id, err);
}

static weir_status purge(weir_dead *dead, struct call *call, weir_error *err)
{
    return dead->broker->ops->dead_purge(dead->session, &call->count, err);
}

/* Runs an operation with the lock held and the session connected; reads are repeated on a fresh connection. */
static weir_status perform(weir_dead *dead, operation run, bool repeatable, struct call *call, weir_error *err)
{
    pthread_mutex_lock(&dead->mutex);
    weir_status status = WEIR_OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        status = dead->broker->ops->connect(dead->session, err);
        if (status != WEIR_OK)
            break;
        status = run(dead, call, err);
        if (status != WEIR_ERR_IN_DOUBT || !repeatable || call->n > 0)
            break;
    }
    pthread_mutex_unlock(&dead->mutex);
    return status;
}

/* An entry id given by the caller. */
static weir_status parse_id(const char *text, struct weir_entry_id *ret, weir_error *err)
{
    if (text && weir_entry_id_parse(text, strlen(text), ret))
        return WEIR_OK;
    return weir_error_set(err, WEIR_ERR_ARGUMENT, "\"%.60s\" is not the id of a dead letter, such as 1700000000000-0",
                          text ? text : "NULL");
}

static weir_status perform_on(weir_dead *dead, operation run, bool repeatable, const char *id, struct call *call,
                              weir_error *err)
{
    if (!dead)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "dead is NULL");
    weir_status status = parse_id(id, &call->id, err);
    return status == WEIR_OK ? perform(dead, run, repeatable, call, err) : status;
}

static bool is_first_of_all(struct weir_entry_id id)
{
    return id.ms == 0 && id.seq == 0;
}

/* Page by page, from call->id on in the direction of the call. */
static weir_status list(weir_dead *dead, const char *from, size_t max, struct call *call, weir_error *err)
{
    if (!dead || !call->visit)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", dead ? "visit" : "dead");
    if (from && *from) {
        weir_status status = parse_id(from, &call->id, err);
        if (status != WEIR_OK)
            return status;
    }
    size_t page = PAGE;
    while (max > 0 && !call->ended &&
           !(call->newest_first ? is_first_of_all(call->id) : weir_entry_id_is_last(call->id))) {
        call->max = max < page ? max : page;
        call->n = 0;
        weir_status status = perform(dead, list_page, true, call, err);
        if (status == WEIR_ERR_IN_DOUBT && call->n == 0 && call->max > 1) { /* they may be too large together */
            page = call->max / 2;
            continue;
        }
        if (status != WEIR_OK)
            return status;
        if (call->n < call->max)
            break;
        max -= call->n;
    }
    return WEIR_OK;
}

weir_status weir_dead_list(weir_dead *dead, const char *after, size_t max, weir_dead_visit_fn visit, void *user_data,
                           weir_error *err)
{
    struct call call = {.visit = visit, .user_data = user_data};
    return list(dead, after, max, &call, err);
}

weir_status weir_dead_list_newest(weir_dead *dead, const char *before, size_t max, weir_dead_visit_fn visit,
                                  void *user_data, weir_error *err)
{
    struct call call = {.visit = visit, .user_data = user_data, .newest_first = true, .id = {UINT64_MAX, UINT64_MAX}};
    return list(dead, before, max, &call, err);
}

weir_status weir_dead_get(weir_dead *dead, const char *id, weir_dead_visit_fn visit, void *user_data, weir_error *err)
{
    struct call call = {.visit = visit, .user_data = user_data};
    if (!visit)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "visit is NULL");
    return perform_on(dead, get, true, id, &call, err);
}

weir_status weir_dead_count(weir_dead *dead, uint64_t *ret_count, weir_error *err)
{
    if (!dead || !ret_count)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", dead ? "ret_count" : "dead");
    struct call call = {0};
    weir_status status = perform(dead, count, true, &call, err);
    if (status == WEIR_OK)
        *ret_count = call.count;
    return status;
}

weir_status weir_dead_requeue(weir_dead *dead, const char *id, weir_error *err)
{
    struct call call = {0};
    return perform_on(dead, requeue, false, id, &call, err);
}

weir_status weir_dead_delete(weir_dead *dead, const char *id, weir_error *err)
{
    struct call call = {0};
    return perform_on(dead, delete, false, id, &call, err);
}

static weir_status newest(weir_dead *dead, struct call *call, weir_error *err)
{
    return dead->broker->ops->dead_newest(dead->session, &call->last, err);
}

static weir_status requeue_some(weir_dead *dead, struct call *call, weir_error *err)
{
    return dead->broker->ops->dead_requeue_some(dead->session, &call->step, err);
}

static weir_status delete_some(weir_dead *dead, struct call *call, weir_error *err)
{
    return dead->broker->ops->dead_delete_some(dead->session, &call->step, err);
}

/* Up to the newest letter now: what dies later is left alone, or a job that fails at once would go round for ever. */
static weir_status bounds_of(weir_dead *dead, const weir_dead_range *range, struct weir_dead_step *ret, weir_error *err)
{
    struct call call = {0};
    weir_status status = WEIR_OK;
    *ret = (struct weir_dead_step){.max = PAGE};
    if (range->after && *range->after)
        status = parse_id(range->after, &ret->after, err);
    if (status == WEIR_OK && range->up_to && *range->up_to)
        return parse_id(range->up_to, &ret->last, err);
    if (status == WEIR_OK)
        status = perform(dead, newest, true, &call, err);
    ret->last = call.last;
    return status;
}

/* Step by step. `run` is one that uses call->step. */
static weir_status go_through(weir_dead *dead, operation run, const weir_dead_range *range, struct weir_dead_step step,
                              weir_dead_progress *ret, weir_error *err)
{
    size_t left = range->max == 0 ? SIZE_MAX : range->max;
    struct call call = {.step = step};
    weir_status status = WEIR_OK;
    bool over = weir_entry_id_is_last(step.after);
    while (status == WEIR_OK && left > 0 && !over) {
        call.step.max = left < PAGE ? left : PAGE;
        call.step.done = call.step.seen = 0;
        status = perform(dead, run, false, &call, err);
        ret->done += call.step.done;
        left -= call.step.seen < left ? call.step.seen : left;
        over = status == WEIR_OK && (call.step.seen == 0 || weir_entry_id_is_last(call.step.after));
    }
    if (!over)
        weir_entry_id_format(call.step.after, ret->next);
    return status;
}

static weir_status on_range(weir_dead *dead, operation run, const weir_dead_range *range, weir_dead_stays_fn stays,
                            void *user_data, weir_dead_progress *ret, weir_error *err)
{
    weir_dead_progress progress = {0};
    if (!ret)
        ret = &progress;
    *ret = progress;
    if (!dead || !range)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", dead ? "range" : "dead");
    struct weir_dead_step step;
    weir_status status = bounds_of(dead, range, &step, err);
    step.stays = stays;
    step.user_data = user_data;
    return status == WEIR_OK ? go_through(dead, run, range, step, ret, err) : status;
}

weir_status weir_dead_requeue_range(weir_dead *dead, const weir_dead_range *range, weir_dead_stays_fn stays,
                                    void *user_data, weir_dead_progress *ret, weir_error *err)
{
    return on_range(dead, requeue_some, range, stays, user_data, ret, err);
}

weir_status weir_dead_delete_range(weir_dead *dead, const weir_dead_range *range, weir_dead_progress *ret,
                                   weir_error *err)
{
    return on_range(dead, delete_some, range, NULL, NULL, ret, err);
}

weir_status weir_dead_requeue_all(weir_dead *dead, uint64_t *ret_count, weir_error *err)
{
    weir_dead_progress progress;
    weir_status status = weir_dead_requeue_range(dead, &(weir_dead_range){0}, NULL, NULL, &progress, err);
    if (dead && ret_count)
        *ret_count = progress.done;
    return status;
}

weir_status weir_dead_purge(weir_dead *dead, uint64_t *ret_count, weir_error *err)
{
    if (!dead)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "dead is NULL");
    struct call call = {0};
    weir_status status = perform(dead, purge, false, &call, err);
    if (ret_count)
        *ret_count = call.count;
    return status;
}
