/* SPDX-License-Identifier: MIT */
#include "queues.h"

#include "fail.h"
#include "json.h"
#include "progress.h"
#include "text.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- names --- */

struct finding_names {
    struct names *names;
    const char *pattern;
};

static int add_name(const char *stream, void *context)
{
    struct finding_names *finding = context;
    struct names *names = finding->names;
    if (finding->pattern && fnmatch(finding->pattern, stream, 0) != 0)
        return 0;
    if (names->n == names->capacity) {
        names->capacity = names->capacity ? 2 * names->capacity : 64;
        names->items = keep_more(names->items, names->capacity * sizeof *names->items);
    }
    names->items[names->n++] = keep_text(stream, strlen(stream));
    return 0;
}

weir_status names_find_some(struct names *names, weir_admin *admin, weir_cursor *cursor, const char *pattern,
                            weir_error *err)
{
    return weir_admin_streams(admin, cursor, add_name, &(struct finding_names){names, pattern}, err);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void names_sort(struct names *names)
{
    if (names->n == 0)
        return;
    qsort(names->items, names->n, sizeof *names->items, compare_names);
    size_t n = 1;
    for (size_t i = 1; i < names->n; i++) {
        if (strcmp(names->items[i], names->items[n - 1]) != 0)
            names->items[n++] = names->items[i];
        else
            free(names->items[i]);
    }
    names->n = n;
}

void names_find(struct names *ret, weir_admin *admin, const char *pattern)
{
    weir_cursor cursor = {""};
    weir_error err;
    struct progress progress;
    *ret = (struct names){0};
    progress_begin(&progress, "looking for queues", 0);
    do {
        if (names_find_some(ret, admin, &cursor, pattern, &err) != WEIR_OK) {
            progress_end(&progress);
            fail_because(&err);
        }
        progress_set(&progress, ret->n);
    } while (cursor.text[0]);
    progress_end(&progress);
    names_sort(ret);
}

void names_free(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){0};
}

/* --- what is wrong --- */

struct doctor doctor_of(weir_admin *admin, const char *url)
{
    return (struct doctor){.admin = admin, .many_servers = strstr(url, "+cluster://") != NULL};
}

static void note(const weir_finding *finding, void *context)
{
    struct look *look = context;
    look->troubles = keep_more(look->troubles, (look->n_troubles + 1) * sizeof *look->troubles);
    look->troubles[look->n_troubles++] = (struct trouble){
        .code = finding->code,
        .severity = finding->severity,
        .text = text_visible(finding->text, strlen(finding->text), ALL_COLUMNS),
        .fix = text_visible(finding->fix, strlen(finding->fix), ALL_COLUMNS),
        .count = finding->count,
    };
}

weir_status look_at(struct doctor *doctor, const char *stream, struct look *ret, weir_error *err)
{
    *ret = (struct look){.stream = keep_text(stream, strlen(stream))};
    weir_status status = weir_admin_info(doctor->admin, stream, &ret->info, &ret->error);
    if (status == WEIR_ERR_SERVER)
        return WEIR_OK;
    if (status != WEIR_OK) {
        *err = ret->error;
        return status;
    }
    if (!doctor->asked || doctor->many_servers) {
        doctor->server = (weir_server_info)WEIR_SERVER_INFO_INIT;
        doctor->answered = weir_admin_server(doctor->admin, stream, &doctor->server, NULL) == WEIR_OK;
        doctor->asked = true; /* who may not ask for it does without */
    }
    weir_diagnose(ret->info, doctor->answered ? &doctor->server : NULL, note, ret);
    return WEIR_OK;
}

void look_free(struct look *look)
{
    weir_queue_info_free(look->info);
    free(look->stream);
    for (size_t i = 0; i < look->n_troubles; i++) {
        free(look->troubles[i].text);
        free(look->troubles[i].fix);
    }
    free(look->troubles);
    *look = (struct look){0};
}

static bool concerns(const struct trouble *trouble)
{
    return trouble->severity != WEIR_NOTICE || trouble->code == WEIR_FINDING_PAUSED;
}

char *look_why(const struct look *look)
{
    char *why = NULL;
    size_t size;
    FILE *to = open_memstream(&why, &size);
    if (!to)
        fail(EXIT_FAILED, "no memory");
    bool first = true;
    if (!look->info)
        fprintf(to, "%s", look->error.message);
    for (size_t i = 0; i < look->n_troubles; i++) {
        bool said = false; /* of another group */
        for (size_t k = 0; k < i; k++)
            said |= look->troubles[k].code == look->troubles[i].code;
        if (!said && concerns(&look->troubles[i])) {
            fprintf(to, "%s%s", first ? "" : ", ", weir_finding_name(look->troubles[i].code));
            first = false;
        }
    }
    if (fclose(to) != 0)
        fail(EXIT_FAILED, "no memory");
    return why;
}

enum style look_style(const struct look *look)
{
    enum style style = look->info || look->error.code == WEIR_OK ? PLAIN : BAD;
    for (size_t i = 0; i < look->n_troubles; i++) {
        if (look->troubles[i].severity == WEIR_ERROR)
            return BAD;
        if (concerns(&look->troubles[i]))
            style = WARNING;
    }
    return style;
}

/* --- JSON --- */

static json_t *group_json(const weir_group_info *group)
{
    return json_make("{s:o, s:s, s:o, s:o, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I}", "name", json_name(group->name),
                     "last_delivered_id", group->last_delivered_id, "waiting", json_maybe(group->waiting), "delivered",
                     json_maybe(group->delivered), "pending", (json_int_t)group->pending, "most_deliveries",
                     (json_int_t)group->most_deliveries, "most_delivered_id",
                     json_name_or_null(group->most_delivered_id), "consumers_alive", (json_int_t)group->consumers_alive,
                     "consumers_idle", (json_int_t)group->consumers_idle, "oldest_waiting_ms",
                     (json_int_t)group->oldest_waiting_ms, "oldest_pending_ms", (json_int_t)group->oldest_pending_ms,
                     "oldest_runnable_ms", (json_int_t)group->oldest_runnable_ms);
}

json_t *look_json(const struct look *look)
{
    static const weir_queue_info nothing = {.n_groups = 0, .next_due_ms = -1};
    const weir_queue_info *info = look->info ? look->info : &nothing;
    json_t *groups = json_make("[]"), *findings = json_make("[]");
    for (size_t i = 0; i < info->n_groups; i++)
        json_array_append_new(groups, group_json(info->groups[i]));
    for (size_t i = 0; i < look->n_troubles; i++) {
        const struct trouble *trouble = &look->troubles[i];
        json_array_append_new(findings, json_make("{s:s, s:s, s:o, s:o, s:o}", "name", weir_finding_name(trouble->code),
                                                  "severity", weir_severity_name(trouble->severity), "text",
                                                  json_name(trouble->text), "fix", json_name(trouble->fix), "count",
                                                  json_maybe(trouble->count ? (int64_t)trouble->count : -1)));
    }
    json_t *error = look->info ? json_null()
                               : json_make("{s:s, s:o}", "code", weir_status_name(look->error.code), "message",
                                           json_sentence(look->error.message));
    return json_make("{s:o, s:b, s:I, s:I, s:o, s:I, s:I, s:o, s:b, s:o, s:I, s:o, s:o, s:o, s:o}", "stream",
                     json_name(look->stream), "exists", info->exists, "now_ms", (json_int_t)info->now_ms, "length",
                     (json_int_t)info->length, "added", json_maybe(info->added), "delayed", (json_int_t)info->delayed,
                     "dead", (json_int_t)info->dead, "dead_added", json_maybe(info->dead_added), "paused",
                     info->paused == 1, "paused_since_ms",
                     json_maybe(info->paused_since_ms > 0 ? info->paused_since_ms : -1), "overdue_ms",
                     (json_int_t)info->overdue_ms, "next_due_ms", json_due(info->next_due_ms), "groups", groups,
                     "findings", findings, "error", error);
}

/* --- rates --- */

static double per_second(int64_t before, int64_t after, int64_t over_ms)
{
    if (before < 0 || after < 0 || after < before) /* it was deleted meanwhile */
        return -1;
    return (double)(after - before) * 1000 / (double)over_ms;
}

struct rates look_rates(const weir_queue_info *before, const weir_queue_info *after)
{
    int64_t over_ms = after->now_ms - before->now_ms;
    struct rates rates = {-1, -1, -1};
    if (over_ms <= 0)
        return rates;
    rates.added = per_second(before->added, after->added, over_ms);
    rates.dead = per_second(before->dead_added, after->dead_added, over_ms);
    for (size_t i = 0; i < after->n_groups; i++) {
        const weir_group_info *now = after->groups[i], *then = NULL;
        for (size_t k = 0; k < before->n_groups; k++)
            if (strcmp(before->groups[k]->name, now->name) == 0)
                then = before->groups[k];
        if (!then || then->delivered < 0 || now->delivered < 0)
            continue;
        double finished = per_second(then->delivered - then->pending, now->delivered - now->pending, over_ms);
        if (finished >= 0)
            rates.finished = (rates.finished < 0 ? 0 : rates.finished) + finished;
    }
    return rates;
}

static json_t *rate_json(double rate)
{
    return rate < 0 ? json_null() : json_make("f", rate);
}

json_t *rates_json(const struct rates *rates, int64_t over_ms)
{
    return json_make("{s:I, s:o, s:o, s:o}", "over_ms", (json_int_t)over_ms, "added", rate_json(rates->added),
                     "finished", rate_json(rates->finished), "dead", rate_json(rates->dead));
}
