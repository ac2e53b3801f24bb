/* SPDX-License-Identifier: MIT
 *
 * /health, /ready and /metrics: what is for machines.
 */
#include "control/api.h"
#include "control/listing.h"
#include "control/routes.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/metrics.h>

enum { PATIENCE_MS = 30000 };

/* --- health --- */

static json_t *loop_of(const char *name, bool ok, int64_t since_ms)
{
    json_t *object = json_object();
    if (object && control_json_set(object, "name", json_string(name)) &&
        control_json_set(object, "ok", json_boolean(ok)) &&
        control_json_set(object, "since_ms", control_json_count(since_ms)))
        return object;
    json_decref(object);
    return NULL;
}

/* "stream/group", percent-encoded. */
static json_t *loop_of_queue(weir_queue *queue, bool *ok)
{
    const char *stream = weir_queue_stream(queue), *group = weir_queue_group_name(queue);
    bool well = weir_queue_health(queue, 0, NULL) == WEIR_OK;
    *ok &= well;
    size_t stream_len = strlen(stream), group_len = strlen(group);
    char *name = malloc(CONTROL_ENCODED_SIZE(stream_len) + CONTROL_ENCODED_SIZE(group_len));
    if (!name)
        return NULL;
    size_t len = control_uri_encode(name, stream, stream_len);
    name[len++] = '/';
    control_uri_encode(name + len, group, group_len);
    json_t *loop = loop_of(name, well, -1);
    free(name);
    return loop;
}

void control_tell_health(struct weir_control *control, struct control_task *task)
{
    int64_t stalled_ms = control_crew_stalled_ms(&control->crew);
    bool ok = stalled_ms < control_crew_may_stall_ms(control);
    json_t *loops = json_array(), *object = json_object();
    bool good = loops && object && control_json_add(loops, loop_of("control plane", ok, stalled_ms));
    for (size_t i = 0; i < control->n_queues; i++)
        good = good && control_json_add(loops, loop_of_queue(control->queues[i], &ok));
    good = good && control_json_set(object, "status", json_string(ok ? "ok" : "stuck")) &&
           json_object_set(object, "loops", loops) == 0;
    json_decref(loops);
    if (!good) {
        json_decref(object);
        object = NULL;
    }
    control_answer_json(&task->answer, ok ? 200 : 503, object);
}

weir_status weir_control_health(weir_control *control, int64_t patience_ms, weir_error *err)
{
    if (!control || patience_ms < 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s", control ? "patience_ms is negative" : "control is NULL");
    int64_t now_us = weir_now_us(), asked_us = 0;
    if (atomic_compare_exchange_strong(&control->asked_us, &asked_us, now_us)) {
        control_crew_wake_loop(&control->crew);
        asked_us = now_us;
    }
    int64_t late_ms = (now_us - asked_us) / 1000, stalled_ms = control_crew_stalled_ms(&control->crew);
    if (late_ms > (patience_ms > 0 ? patience_ms : PATIENCE_MS))
        return weir_error_set(err, WEIR_ERR_STUCK, "the control plane's loop has not gone round for %" PRId64 " ms",
                              late_ms);
    if (stalled_ms >= control_crew_may_stall_ms(control))
        return weir_error_set(err, WEIR_ERR_STUCK,
                              "a thread of the control plane has been at one step for %" PRId64 " ms", stalled_ms);
    return WEIR_OK;
}

/* --- readiness --- */

static void answer_ready(struct control_task *task, weir_status status, weir_error *err)
{
    json_t *failure = status == WEIR_OK ? NULL : control_json_failure(err);
    json_t *object = json_object();
    if (!object || !control_json_set(object, "status", json_string(status == WEIR_OK ? "ready" : "not_ready")) ||
        !control_json_set(object, "reason", failure ? json_incref(json_object_get(failure, "message")) : json_null())) {
        json_decref(object);
        object = NULL;
    }
    json_decref(failure);
    control_answer_json(&task->answer, status == WEIR_OK ? 200 : 503, object);
}

/* Queues know; where there are none, the crew asks. */
void control_tell_ready(struct weir_control *control, struct control_task *task)
{
    weir_error err;
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < control->n_queues && status == WEIR_OK; i++)
        status = weir_queue_ready(control->queues[i], &err);
    if (control->n_queues > 0)
        answer_ready(task, status, &err);
}

void control_ask_ready(struct control_worker *worker, struct control_task *task)
{
    weir_server_info server = WEIR_SERVER_INFO_INIT;
    weir_admin *admin;
    weir_error err;
    weir_status status = control_admin(worker, &admin, &err);
    if (status == WEIR_OK)
        status = weir_admin_server(admin, NULL, &server, &err);
    answer_ready(task, status, &err);
}

/* --- metrics --- */

static int append(const char *text, size_t len, void *context)
{
    struct weir_buffer *buffer = context;
    weir_buffer_append(buffer, text, len);
    return buffer->failed;
}

/* Of the queues that this process works on. */
static void append_own(struct control_worker *worker, struct weir_buffer *text)
{
    const struct weir_control *control = worker->control;
    weir_queue_info **infos = calloc(control->n_queues + 1, sizeof(weir_queue_info *));
    weir_admin *admin;
    size_t n = 0;
    bool known = infos && control_admin(worker, &admin, NULL) == WEIR_OK;
    for (size_t i = 0; known && i < control->n_queues; i++) {
        const char *stream = weir_queue_stream(control->queues[i]);
        bool again = false;
        for (size_t j = 0; j < n; j++)
            again |= strcmp(infos[j]->stream, stream) == 0;
        weir_status status = again ? WEIR_OK : weir_admin_info(admin, stream, &infos[n], NULL);
        n += !again && status == WEIR_OK;
        known = !control_concerns_all(status); /* one time-out is as much as a scrape can bear */
        control_worker_progressed(worker);
    }
    if (n > 0)
        weir_metrics_write_info((const weir_queue_info *const *)infos, n, append, text, NULL);
    for (size_t i = 0; i < n; i++)
        weir_queue_info_free(infos[i]);
    free(infos);
}

/*
 * Of all that there are: this process works on none, and is there to look. Where it can't, that is a failure, which
 * Prometheus sees (`up`), while alerts on what queues do would take an empty page for all being well.
 */
static weir_status append_all(struct control_worker *worker, struct weir_buffer *text, weir_error *err)
{
    struct control_snapshot *snapshot;
    weir_status status = control_listing_get(worker, &snapshot, err);
    if (status != WEIR_OK)
        return status;
    const weir_queue_info **infos = calloc(snapshot->n + 1, sizeof(const weir_queue_info *));
    size_t n = 0;
    for (size_t i = 0; infos && i < snapshot->n; i++)
        if (snapshot->queues[i].info)
            infos[n++] = snapshot->queues[i].info;
    status = infos ? weir_metrics_write_info(infos, n, append, text, err)
                   : weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the metrics");
    free(infos);
    control_snapshot_release(&worker->control->listing, snapshot);
    return status;
}

void control_ask_metrics(struct control_worker *worker, struct control_task *task)
{
    const struct weir_control *control = worker->control;
    struct weir_buffer text = {0};
    weir_error err;
    weir_status status;
    if (control->n_queues > 0) {
        status = weir_metrics_write(control->queues, control->n_queues, append, &text, &err);
        append_own(worker, &text); /* nothing where Redis is away: what the process knows is there all the same */
    } else {
        status = append_all(worker, &text, &err);
    }
    if (text.failed || status != WEIR_OK) {
        weir_buffer_free(&text);
        if (status != WEIR_OK)
            control_answer_failure(&task->answer, &err, true);
        else
            control_answer_json(&task->answer, 500, NULL);
        return;
    }
    control_answer_text(&task->answer, 200, "text/plain; version=0.0.4; charset=utf-8", text.bytes, text.len);
}
