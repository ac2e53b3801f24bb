/* SPDX-License-Identifier: MIT
 *
 * What a member of the crew asks Redis with: one weir_admin for all queues, and a few handles to dead letters and
 * producers, which belong to one queue each; the one that was used least recently makes room for another.
 */
#include "control/control.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

weir_status control_admin(struct control_worker *worker, weir_admin **ret, weir_error *err)
{
    if (!worker->admin) {
        weir_admin_options options = WEIR_ADMIN_OPTIONS_INIT;
        options.url = worker->control->redis_url;
        options.alive_ms = worker->control->options.alive_ms;
        options.connection = worker->control->options.connection;
        weir_status status = weir_admin_open(&worker->admin, &options, err);
        if (status != WEIR_OK)
            return status;
    }
    *ret = worker->admin;
    return WEIR_OK;
}

static void close_handle(struct control_worker *worker, size_t i)
{
    weir_dead_close(worker->handles[i].dead);
    weir_producer_close(worker->handles[i].producer);
    free(worker->handles[i].stream);
    memset(&worker->handles[i], 0, sizeof worker->handles[i]);
}

/* Where the handles of the stream are, or will be. */
static weir_status find(struct control_worker *worker, const char *stream, size_t *ret, weir_error *err)
{
    size_t oldest = 0;
    for (size_t i = 0; i < CONTROL_HANDLES; i++) {
        if (worker->handles[i].stream && strcmp(worker->handles[i].stream, stream) == 0) {
            worker->handles[i].used = worker->n_tasks;
            *ret = i;
            return WEIR_OK;
        }
        if (worker->handles[i].used < worker->handles[oldest].used)
            oldest = i;
    }
    close_handle(worker, oldest);
    worker->handles[oldest].stream = strdup(stream);
    worker->handles[oldest].used = worker->n_tasks;
    *ret = oldest;
    if (!worker->handles[oldest].stream)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a handle");
    return WEIR_OK;
}

weir_status control_dead(struct control_worker *worker, const char *stream, weir_dead **ret, weir_error *err)
{
    size_t i;
    weir_status status = find(worker, stream, &i, err);
    if (status == WEIR_OK && !worker->handles[i].dead) {
        weir_dead_options options = WEIR_DEAD_OPTIONS_INIT;
        options.url = worker->control->redis_url;
        options.stream = stream;
        options.connection = worker->control->options.connection;
        status = weir_dead_open(&worker->handles[i].dead, &options, err);
    }
    *ret = worker->handles[i].dead;
    return status;
}

weir_status control_producer(struct control_worker *worker, const char *stream, weir_producer **ret, weir_error *err)
{
    size_t i;
    weir_status status = find(worker, stream, &i, err);
    if (status == WEIR_OK && !worker->handles[i].producer) {
        weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
        options.url = worker->control->redis_url;
        options.stream = stream;
        options.connection = worker->control->options.connection;
        status = weir_producer_open(&worker->handles[i].producer, &options, err);
    }
    *ret = worker->handles[i].producer;
    return status;
}

void control_handles_close(struct control_worker *worker)
{
    weir_admin_close(worker->admin);
    worker->admin = NULL;
    for (size_t i = 0; i < CONTROL_HANDLES; i++)
        close_handle(worker, i);
}
