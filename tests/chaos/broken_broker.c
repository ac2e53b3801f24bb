/* SPDX-License-Identifier: MIT
 *
 * Brokers with a fault of their own, to see whether the checker finds it. The linker puts this weir_broker_open in the
 * place of the real one (--wrap), and the environment says which fault it is:
 *
 *   lost-ack       says that jobs are acked, and doesn't ack them
 *   ack-unrun      acks jobs that were never run
 *   double-claim   claims what other workers are working on
 *   retry-no-ack   copies a failed job into the delayed set, and doesn't ack it
 *   ack-no-retry   acks a failed job, and doesn't copy it
 *   slow-return    takes its time to connect again
 */
#include "broker/broker.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { EVERY = 10, SLOW_MS = 3000 };

/* The linker's names for the two. */
weir_status __real_weir_broker_open(struct weir_broker **ret, const struct weir_broker_config *config, weir_error *err);
weir_status __wrap_weir_broker_open(struct weir_broker **ret, const struct weir_broker_config *config, weir_error *err);

static const struct weir_broker_ops *real;
static struct weir_broker_ops broken;
static _Atomic unsigned count;

static bool is_hit(void)
{
    return ++count % EVERY == 0;
}

static weir_status settle_losing_acks(struct weir_session *session, struct weir_job *list, weir_error *err)
{
    for (struct weir_job *job = list; job; job = job->next)
        if (job->verdict == WEIR_VERDICT_ACK && is_hit())
            job->settled = WEIR_SETTLED; /* which the real one passes over */
    return real->settle(session, list, err);
}

static weir_status settle_acking_failures(struct weir_session *session, struct weir_job *list, weir_error *err)
{
    for (struct weir_job *job = list; job; job = job->next)
        if (job->verdict == WEIR_VERDICT_RETRY)
            job->verdict = WEIR_VERDICT_ACK;
    return real->settle(session, list, err);
}

static weir_status settle_copying_failures(struct weir_session *session, struct weir_job *list, weir_error *err)
{
    for (struct weir_job *job = list; job; job = job->next) {
        if (job->verdict != WEIR_VERDICT_RETRY || job->settled != WEIR_UNSETTLED || !is_hit())
            continue;
        weir_enqueue_options later = WEIR_ENQUEUE_OPTIONS_INIT;
        later.delay_ms = job->retry_delay_ms + 1;
        struct weir_broker_add add = {.fields = &job->fields, .options = &later};
        if (real->add(session, &add, 1, err) == WEIR_OK)
            job->settled = WEIR_SETTLED;
    }
    return real->settle(session, list, err);
}

static weir_status collect_and_drop(struct weir_session *session, struct weir_batch *batch, weir_error *err)
{
    weir_status status = real->read_collect(session, batch, err);
    for (size_t i = 0; status == WEIR_OK && i < batch->n; i++) {
        if (!is_hit())
            continue;
        batch->jobs[i].group = "nobody"; /* another group's jobs are acked unseen */
        batch->jobs[i].group_len = strlen("nobody");
    }
    return status;
}

static weir_status claim_all(struct weir_session *session, struct weir_entry_id *cursor, int64_t min_idle_ms,
                             size_t limit, struct weir_batch *batch, weir_error *err)
{
    (void)min_idle_ms;
    return real->claim(session, cursor, 0, limit, batch, err);
}

static weir_status connect_slowly(struct weir_session *session, weir_error *err)
{
    if (!real->connected(session) && ++count > 3) /* reader, acker, claimer: at first */
        poll(NULL, 0, SLOW_MS);
    return real->connect(session, err);
}

weir_status __wrap_weir_broker_open(struct weir_broker **ret, const struct weir_broker_config *config, weir_error *err)
{
    weir_status status = __real_weir_broker_open(ret, config, err);
    const char *fault = getenv("WEIR_CHAOS_BROKEN");
    if (status != WEIR_OK || !fault || !config->group) /* a producer is as it should be */
        return status;
    real = (*ret)->ops;
    broken = *real;
    if (strcmp(fault, "lost-ack") == 0)
        broken.settle = settle_losing_acks;
    else if (strcmp(fault, "ack-no-retry") == 0)
        broken.settle = settle_acking_failures;
    else if (strcmp(fault, "retry-no-ack") == 0)
        broken.settle = settle_copying_failures;
    else if (strcmp(fault, "ack-unrun") == 0)
        broken.read_collect = collect_and_drop;
    else if (strcmp(fault, "double-claim") == 0)
        broken.claim = claim_all;
    else if (strcmp(fault, "slow-return") == 0)
        broken.connect = connect_slowly;
    else
        abort();
    (*ret)->ops = &broken;
    return WEIR_OK;
}
