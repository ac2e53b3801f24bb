/* SPDX-License-Identifier: MIT
 *
 * A queue, its groups and its workers as JSON.
 */
#include "control/api.h"

#include <string.h>

/* --- groups --- */

static json_t *group_of(const weir_group_info *group)
{
    json_t *object = json_object();
    bool good = object && control_json_set(object, "name", control_json_text(group->name)) &&
                control_json_set(object, "path", control_json_path(group->name, strlen(group->name))) &&
                control_json_set(object, "last_delivered_id", control_json_text(group->last_delivered_id)) &&
                control_json_set(object, "most_deliveries", json_integer(group->most_deliveries)) &&
                control_json_set(object, "most_delivered_id", control_json_text_or_null(group->most_delivered_id));
#define MEMBER(kind, member, metric, label, value, text)                                                               \
    good = good && control_json_set(object, #member, control_json_count(group->member));
    WEIR_GROUP_INFO_TABLE(MEMBER)
#undef MEMBER
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *groups_of(const weir_queue_info *info)
{
    json_t *array = json_array();
    for (size_t i = 0; array && info && i < info->n_groups; i++) {
        if (!control_json_add(array, group_of(info->groups[i]))) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

/* --- findings --- */

struct findings {
    json_t *array;
    bool failed;
};

static void note_finding(const weir_finding *finding, void *context)
{
    struct findings *findings = context;
    findings->failed = findings->failed || !control_json_add(findings->array, control_json_finding(finding));
}

static json_t *findings_of(const weir_queue_info *info, const weir_server_info *server)
{
    struct findings findings = {.array = json_array()};
    if (findings.array && (info || server))
        weir_diagnose(info, server, note_finding, &findings);
    if (!findings.failed)
        return findings.array;
    json_decref(findings.array);
    return NULL;
}

/* --- the queue --- */

static bool set_numbers(json_t *object, const weir_queue_info *info)
{
    bool good =
        control_json_set(object, "exists", json_boolean(info->exists)) &&
        control_json_set(object, "now_ms", json_integer(info->now_ms)) &&
        control_json_set(object, "paused_since_ms", control_json_time(info->paused_since_ms)) &&
        control_json_set(object, "next_due_ms", info->delayed > 0 ? control_json_due(info->next_due_ms) : json_null());
#define MEMBER(kind, member, metric, label, value, text)                                                               \
    good = good && control_json_set(object, #member, control_json_count(info->member));
    WEIR_QUEUE_INFO_TABLE(MEMBER)
#undef MEMBER
    return good && control_json_set(object, "paused", json_boolean(info->paused > 0));
}

json_t *control_json_queue(const char *stream, const weir_queue_info *info, const weir_server_info *server,
                           const weir_error *failure)
{
    const weir_queue_info nothing = {.added = -1, .dead_added = -1};
    json_t *object = json_object();
    if (object && control_json_set(object, "stream", control_json_text(stream)) &&
        control_json_set(object, "path", control_json_path(stream, strlen(stream))) &&
        set_numbers(object, info ? info : &nothing) && control_json_set(object, "groups", groups_of(info)) &&
        control_json_set(object, "findings", info ? findings_of(info, server) : json_array()) &&
        control_json_set(object, "error", info ? json_null() : control_json_failure(failure)))
        return object;
    json_decref(object);
    return NULL;
}

json_t *control_json_findings_of_server(const weir_server_info *server)
{
    return findings_of(NULL, server);
}

/* --- workers --- */

static json_t *histogram_of(const weir_histogram *histogram)
{
    json_t *buckets = json_array();
    bool good = buckets != NULL;
    for (size_t i = 0; i < WEIR_HISTOGRAM_BUCKETS && good; i++) {
        uint64_t bound = weir_histogram_bound_us(i);
        if (histogram->buckets[i] > 0)
            good = control_json_add(
                buckets, json_pack("[o, I]", bound == UINT64_MAX ? json_null() : json_integer((json_int_t)bound),
                                   (json_int_t)histogram->buckets[i]));
    }
    if (!good) {
        json_decref(buckets);
        return NULL;
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "count", (json_int_t)histogram->count, "sum_us",
                     (json_int_t)histogram->sum_us, "p50_us", (json_int_t)weir_histogram_quantile_us(histogram, 0.5),
                     "p99_us", (json_int_t)weir_histogram_quantile_us(histogram, 0.99), "buckets", buckets);
}

struct numbers {
    json_t *counters, *gauges, *histograms;
};

#define SET_COUNTER(member) control_json_set(to->counters, #member, json_integer((json_int_t)stats->member))
#define SET_GAUGE(member) control_json_set(to->gauges, #member, json_integer((json_int_t)stats->member))
#define SET_FLAG(member) SET_GAUGE(member)
#define SET_HISTOGRAM(member) control_json_set(to->histograms, #member, histogram_of(&stats->member))

static bool set_stats(struct numbers *to, const weir_stats *stats)
{
    bool good = true;
#define MEMBER(kind, member, metric, label, value, text) good = good && SET_##kind(member);
    WEIR_STATS_TABLE(MEMBER)
#undef MEMBER
    return good;
}

json_t *control_json_worker(weir_queue *queue)
{
    weir_stats stats = WEIR_STATS_INIT;
    weir_queue_stats(queue, &stats);
    struct numbers numbers = {json_object(), json_object(), json_object()};
    json_t *object = json_object();
    bool good = object && numbers.counters && numbers.gauges && numbers.histograms && set_stats(&numbers, &stats) &&
                control_json_set(object, "group", control_json_text(weir_queue_group_name(queue))) &&
                control_json_set(object, "consumer", control_json_text(weir_queue_consumer(queue))) &&
                json_object_set(object, "counters", numbers.counters) == 0 &&
                json_object_set(object, "gauges", numbers.gauges) == 0 &&
                json_object_set(object, "histograms", numbers.histograms) == 0;
    json_decref(numbers.counters);
    json_decref(numbers.gauges);
    json_decref(numbers.histograms);
    if (good)
        return object;
    json_decref(object);
    return NULL;
}
