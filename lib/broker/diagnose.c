/* SPDX-License-Identifier: MIT
 *
 * weir_diagnose: what weir_admin_info and weir_admin_server have seen, as facts for the judgements of check.c.
 *
 * weir_check and this say the same of the same state, in the same words; this knows less, since it looks at the ends of
 * lists alone. What it must never do is cry wolf: `weir ls` shows its answers for every queue. So what was not seen
 * counts as good.
 */
#include "broker/admin.h"
#include "broker/check.h"

#include <stdio.h>

enum { PATIENCE_MS = 10000 };

static struct weir_server_facts server_facts(const weir_server_info *server)
{
    struct weir_server_facts facts = {
        .replica = server->replica,
        .used_memory = server->used_memory,
        .max_memory = server->max_memory,
        .writes_fail = server->disk_fails,
        .refuses = server->writes == WEIR_ERR_FULL,
        .unavailable = server->writes == WEIR_ERR_UNAVAILABLE,
    };
    snprintf(facts.policy, sizeof facts.policy, "%s", server->memory_policy);
    return facts;
}

static struct weir_queue_facts queue_facts(const weir_queue_info *queue)
{
    struct weir_queue_facts facts = {
        .entries = (uint64_t)queue->length,
        .groups = queue->n_groups,
        .delayed = (uint64_t)queue->delayed,
        .dead = (uint64_t)queue->dead,
        .paused_for_ms = -1,
    };
    if (queue->paused && queue->paused_since_ms > 0)
        facts.paused_for_ms = weir_age_ms(queue->now_ms, (uint64_t)queue->paused_since_ms);
    else if (queue->paused)
        facts.paused_for_ms = 0;
    facts.overdue_uncounted = queue->overdue_ms >= PATIENCE_MS;
    facts.overdue_by_ms = queue->overdue_ms;
    return facts;
}

static struct weir_group_facts group_facts(const weir_queue_info *queue, const weir_group_info *group)
{
    bool waits = group->oldest_waiting_ms > 0 || group->waiting > 0;
    return (struct weir_group_facts){
        .name = group->name,
        .unread = waits,
        .lag = group->waiting,
        .unread_for_ms = group->oldest_waiting_ms,
        .consumers = (uint64_t)(group->consumers_alive + group->consumers_idle),
        .live = (uint64_t)group->consumers_alive,
        .pending = (uint64_t)group->pending,
        /* whose they are isn't known, but that of nobody's being alive all are of the dead */
        .abandoned = group->consumers_alive == 0 && !waits ? (uint64_t)group->pending : 0,
        .abandoned_since_ms = -1,
        .most_deliveries = group->most_deliveries,
        .most_delivered_id = group->most_delivered_id,
        .paused = queue->paused != 0,
        .patience_ms = PATIENCE_MS,
    };
}

size_t weir_diagnose(const weir_queue_info *queue, const weir_server_info *server, weir_finding_fn on_finding,
                     void *user_data)
{
    struct weir_findings findings = {.on_finding = on_finding, .user_data = user_data};
    struct weir_queue_facts facts = queue ? queue_facts(queue) : (struct weir_queue_facts){.paused_for_ms = -1};
    weir_judge_pause(&facts, &findings);
    if (server) {
        struct weir_server_facts of_server = server_facts(server);
        weir_judge_service(&of_server, &findings);
    }
    for (size_t i = 0; queue && i < queue->n_groups; i++) {
        struct weir_group_facts of_group = group_facts(queue, queue->groups[i]);
        weir_judge_group(&of_group, &findings);
    }
    if (queue)
        weir_judge_queue(&facts, &findings);
    return findings.n;
}
