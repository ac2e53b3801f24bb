/* SPDX-License-Identifier: MIT
 *
 * What both brokers' answers to weir_admin have in common: pure functions of what was found.
 */
#include "broker/admin.h"

#include "base/error.h"
#include "base/number.h"

weir_job_info weir_job_info_of(const struct weir_job *job)
{
    return (weir_job_info){
        .id = "",
        .job_id = weir_job_id(job),
        .group = job->group ? job->group : "",
        .traceparent = job->traceparent ? job->traceparent : "",
        .attempts = job->attempts,
        .first_enqueued_ms = job->enqueued_ms,
        .fields = job->fields,
    };
}

weir_status weir_no_delayed_job(const char *id, weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NOT_FOUND, "there is no delayed job \"%.100s\"", id);
}

int64_t weir_age_ms(int64_t now_ms, uint64_t then_ms)
{
    return now_ms > 0 && then_ms < (uint64_t)now_ms ? now_ms - (int64_t)then_ms : 0;
}

int64_t weir_paused_since_ms(const char *text, size_t len)
{
    int64_t since_ms;
    bool is_time = weir_parse_i64(text, len, &since_ms) && since_ms >= INT64_C(1000000000000);
    return is_time ? since_ms : 0;
}

void weir_group_info_complete(const weir_queue_info *queue, weir_group_info *group)
{
    group->oldest_runnable_ms =
        group->oldest_waiting_ms > queue->overdue_ms ? group->oldest_waiting_ms : queue->overdue_ms;
}
