/* SPDX-License-Identifier: MIT
 *
 * What reader, acker and claimer have in common: connecting, backing off, complaining once, ending.
 *
 * What must stay true:
 *   - no failure is final: whatever the server says, the service tries again, with a jittered delay of at most 300 ms,
 * so that work goes on within a second of the server being able again, and costs next to nothing until then;
 *   - one line is logged when trouble begins and one when it ends, and at most one a second of each;
 *   - every wait ends at once when the queue is abandoned, and, for reader and claimer, when it is stopped.
 */
#include "base/clock.h"
#include "queue/core.h"

#include <stdio.h>

static const struct weir_backoff backoff = {
    .kind = WEIR_BACKOFF_EXPONENTIAL, .base_ms = 10, .cap_ms = 300, .factor = 2, .jitter = 0.5};

enum { QUIET_US = 1000000 }; /* between two lines of one service */

static bool must_end(const struct weir_queue *core, const struct weir_service *service)
{
    return core->state == CORE_ABANDONED || (core->state != CORE_RUNNING && service != &core->acker);
}

bool weir_core_take_over_begin(struct weir_queue *core, const struct weir_service *service)
{
    pthread_mutex_lock(&core->mutex);
    while (core->taking_over && !must_end(core, service))
        weir_cond_wait_until(&core->changed, &core->mutex, INT64_MAX);
    bool begun = !must_end(core, service);
    core->taking_over |= begun;
    pthread_mutex_unlock(&core->mutex);
    return begun;
}

void weir_core_take_over_end(struct weir_queue *core)
{
    pthread_mutex_lock(&core->mutex);
    core->taking_over = false;
    pthread_cond_broadcast(&core->changed);
    pthread_mutex_unlock(&core->mutex);
}

void weir_service_wait(struct weir_queue *core, struct weir_service *service, int64_t until_us)
{
    weir_cond_wait_until(&service->cond, &core->mutex, until_us);
}

static void note_loss(struct weir_queue *core, struct weir_service *service, const char *why)
{
    pthread_mutex_lock(&core->mutex);
    bool was_connected = service->connected;
    service->connected = false;
    service->lost |= was_connected;
    core->stats.disconnects += was_connected;
    pthread_mutex_unlock(&core->mutex);
    if (!was_connected)
        return;
    char text[400];
    snprintf(text, sizeof text, "%s: %s", service->name, why);
    weir_core_event(core, WEIR_EVENT_DISCONNECTED, "", text);
}

void weir_service_complain(struct weir_queue *core, struct weir_service *service, const weir_error *err)
{
    int64_t now_us = weir_now_us();
    bool again = service->complained || now_us - service->complained_us < QUIET_US;
    service->complained = true;
    if (again)
        return;
    service->complained_us = now_us;
    weir_core_log(core, WEIR_LOG_WARNING, "queue %s, %s: %s%s%s; trying again", core->options.stream, service->name,
                  err->message, err->server[0] ? ": " : "", err->server);
}

/* The group vanished (flush, XGROUP DESTROY): make it again, from the beginning of what is there. */
static bool recreate_group(struct weir_queue *core, struct weir_service *service, weir_error *err)
{
    bool created = false;
    if (core->ops->create_group(service->session, "0", &created, err) != WEIR_OK)
        return false;
    if (!created)
        return true;
    pthread_mutex_lock(&core->mutex);
    core->stats.groups_created++;
    pthread_mutex_unlock(&core->mutex);
    weir_core_log(core, WEIR_LOG_WARNING, "queue %s: the group %s had vanished and was created again",
                  core->options.stream, core->options.group);
    weir_core_event(core, WEIR_EVENT_GROUP_CREATED, "", core->options.group);
    return true;
}

static void note_group(struct weir_queue *core, bool missing)
{
    pthread_mutex_lock(&core->mutex);
    core->group_missing = missing;
    pthread_mutex_unlock(&core->mutex);
}

int64_t weir_service_note_trouble(struct weir_queue *core, struct weir_service *service, weir_status status,
                                  const weir_error *err)
{
    weir_error failure = *err;
    if (!core->ops->connected(service->session))
        note_loss(core, service, failure.message);
    if (status == WEIR_ERR_STOPPED)
        return 0;
    if (status == WEIR_ERR_NO_GROUP && recreate_group(core, service, &failure)) {
        note_group(core, false);
        return 0;
    }
    if (status == WEIR_ERR_NO_GROUP)
        note_group(core, true);
    weir_service_complain(core, service, &failure);

    if (service->failures < 30)
        service->failures++;
    int64_t delay_ms = weir_backoff_delay_ms(&backoff, service->failures, weir_random_unit(&service->random));
    return weir_now_us() + delay_ms * 1000;
}

void weir_service_pause(struct weir_queue *core, struct weir_service *service, int64_t until_us)
{
    pthread_mutex_lock(&core->mutex);
    while (!must_end(core, service) && weir_now_us() < until_us)
        weir_service_wait(core, service, until_us);
    pthread_mutex_unlock(&core->mutex);
}

void weir_service_trouble(struct weir_queue *core, struct weir_service *service, weir_status status,
                          const weir_error *err)
{
    weir_service_pause(core, service, weir_service_note_trouble(core, service, status, err));
}

void weir_service_fine(struct weir_queue *core, struct weir_service *service)
{
    service->failures = 0;
    if (!service->complained)
        return;
    service->complained = false;
    int64_t now_us = weir_now_us();
    bool loud = now_us - service->relieved_us >= QUIET_US;
    if (!loud)
        return;
    service->relieved_us = now_us;
    weir_core_log(core, WEIR_LOG_WARNING, "queue %s, %s: works again", core->options.stream, service->name);
}

bool weir_service_connect(struct weir_queue *core, struct weir_service *service)
{
    if (core->ops->connected(service->session))
        return true;
    weir_error err = {.code = WEIR_ERR_CONNECTION};
    note_loss(core, service, "connecting again");
    weir_status status = core->ops->connect(service->session, &err);
    if (status != WEIR_OK) {
        weir_service_trouble(core, service, status, &err);
        return false;
    }
    pthread_mutex_lock(&core->mutex);
    service->connected = true;
    core->stats.connects++;
    core->stats.reconnects += service->lost;
    service->lost = false;
    weir_service_note_traffic(core, service);
    pthread_mutex_unlock(&core->mutex);
    weir_core_log(core, WEIR_LOG_INFO, "queue %s, %s: connected", core->options.stream, service->name);
    weir_core_event(core, WEIR_EVENT_CONNECTED, "", service->name);
    return true;
}

void weir_service_exit(struct weir_queue *core, struct weir_service *service)
{
    weir_watch_this_thread(NULL);
    core->ops->disconnect(service->session);
    pthread_mutex_lock(&core->mutex);
    weir_service_note_traffic(core, service);
    service->alive = service->connected = false;
    pthread_cond_broadcast(&core->changed);
    pthread_cond_signal(&core->acker.cond);
    if (core->state == CORE_ABANDONED && !service->joinable)
        pthread_detach(pthread_self());
    if (!weir_core_free_if_last(core))
        pthread_mutex_unlock(&core->mutex);
}
