/* SPDX-License-Identifier: MIT
 *
 * weir pending: the jobs that workers have in hand.
 */
#include "commands.h"
#include "fields.h"
#include "json.h"
#include "server.h"
#include "table.h"
#include "units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 100 };

struct listing {
    const struct options *options;
    const char *group;
    struct table *table;
    int64_t now_ms;
    uint64_t n; /* visited */
};

static int64_t age_of(const char *entry_id, int64_t now_ms)
{
    int64_t then_ms = (int64_t)strtoull(entry_id, NULL, 10);
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

static json_t *pending_json(const struct listing *listing, const weir_pending_info *pending)
{
    return json_make("{s:s, s:o, s:o, s:I, s:I, s:I, s:b}", "entry_id", pending->entry_id, "group",
                     json_name(listing->group), "consumer", json_name(pending->consumer), "idle_ms",
                     (json_int_t)pending->idle_ms, "age_ms", (json_int_t)age_of(pending->entry_id, listing->now_ms),
                     "deliveries", (json_int_t)pending->deliveries, "released", pending->released);
}

static int visit(const weir_pending_info *pending, void *context)
{
    struct listing *listing = context;
    listing->n++;
    if (listing->options->json) {
        json_list_item(pending_json(listing, pending));
        return 0;
    }
    struct table *table = listing->table;
    table_cell(table, PLAIN, pending->entry_id);
    table_bytes(table, PLAIN, listing->group, strlen(listing->group));
    table_bytes(table, PLAIN, pending->consumer, strlen(pending->consumer));
    table_cell(table, PLAIN, show_span(age_of(pending->entry_id, listing->now_ms)).text);
    table_cell(table, PLAIN, pending->released ? "released" : show_span(pending->idle_ms).text);
    table_cell(table,
               pending->deliveries > 2   ? BAD
               : pending->deliveries > 1 ? WARNING
                                         : PLAIN,
               show_count((int64_t)pending->deliveries).text);
    if (table_rows(table) == PAGE)
        table_flush(table);
    return 0;
}

static const struct column columns[] = {
    {.title = "entry"},
    {.title = "group", .least = 6, .leave_out = 1, .clip = CLIP_MIDDLE},
    {.title = "consumer", .least = 8, .clip = CLIP_MIDDLE},
    {.title = "age", .to_the_right = true},
    {.title = "idle", .to_the_right = true},
    {.title = "deliveries", .to_the_right = true},
};

static void list_groups(struct listing *listing, weir_admin *admin, const weir_queue_info *info)
{
    const struct options *options = listing->options;
    bool found = false;
    for (size_t i = 0; i < info->n_groups; i++) {
        listing->group = info->groups[i]->name;
        if (options->group && strcmp(options->group, listing->group) != 0)
            continue;
        found = true;
        weir_error err;
        size_t max = options->all ? SIZE_MAX : options->count > listing->n ? (size_t)(options->count - listing->n) : 0;
        if (weir_admin_pending(admin, options->words[0], listing->group, options->consumer, options->after, max, visit,
                               listing, &err) != WEIR_OK)
            fail_because(&err);
    }
    if (options->group && !found)
        fail(EXIT_MISSING, "\"%s\" has no consumer group \"%s\"; weir stats shows those that there are", info->stream,
             options->group);
}

enum exit_code pending_run(const struct options *options)
{
    weir_admin *admin = server_admin(options);
    weir_queue_info *info = server_info(admin, options->words[0]);
    struct listing listing = {.options = options, .now_ms = info->now_ms};
    uint64_t total = 0;
    for (size_t i = 0; i < info->n_groups; i++)
        if (!options->group || strcmp(options->group, info->groups[i]->name) == 0)
            total += (uint64_t)info->groups[i]->pending;
    if (options->json) {
        json_list_begin(json_make("{s:o}", "stream", json_name(info->stream)));
        list_groups(&listing, admin, info);
        json_list_end(json_make("{s:I}", "total", (json_int_t)total));
    } else {
        listing.table = table_new(columns, sizeof columns / sizeof *columns);
        if (info->n_groups < 2)
            table_hide(listing.table, 1);
        list_groups(&listing, admin, info);
        table_end(listing.table);
        if (listing.n == 0 && (total == 0 || options->count > 0))
            complain("no job is pending%s", options->consumer || options->after ? " of which that is true" : "");
        else if (total > listing.n && !options->consumer && !options->after)
            print_remark("%s of %s: --all shows all, --count N more", show_count((int64_t)listing.n).text,
                         show_count((int64_t)total).text);
    }
    weir_queue_info_free(info);
    weir_admin_close(admin);
    return EXIT_DONE;
}

/* --- show --- */

static int show(const weir_job_info *job, void *context)
{
    const struct options *options = context;
    if (options->json) {
        json_list_item(json_make("{s:s, s:o, s:o, s:o, s:I, s:I, s:o}", "entry_id", job->id, "job_id",
                                 json_name(job->job_id), "group", json_name_or_null(job->group), "traceparent",
                                 json_name_or_null(job->traceparent), "attempts", (json_int_t)job->attempts,
                                 "first_enqueued_ms", (json_int_t)job->first_enqueued_ms, "fields",
                                 json_fields(&job->fields)));
        return 0;
    }
    style_begin(stdout, STRONG);
    printf("%s", job->id);
    style_end(stdout, STRONG);
    putchar('\n');
    char attempts[24];
    snprintf(attempts, sizeof attempts, "%" PRIu32, job->attempts);
    property_print("job id", strcmp(job->job_id, job->id) == 0 ? "" : job->job_id);
    property_print("only for", job->group);
    property_print("enqueued", show_time((double)job->first_enqueued_ms).text);
    property_print("failed runs", attempts);
    property_print("traceparent", job->traceparent);
    fields_print(&job->fields);
    return 0;
}

enum exit_code pending_show(const struct options *options)
{
    weir_admin *admin = server_admin(options);
    enum exit_code code = EXIT_DONE;
    if (options->json)
        json_list_begin(json_make("{s:o}", "stream", json_name(options->words[0])));
    for (size_t i = 1; i < options->n_words; i++) {
        weir_error err;
        weir_status status = weir_admin_job(admin, options->words[0], options->words[i], show, (void *)options, &err);
        if (status != WEIR_OK)
            code = explain(&err);
        if (status != WEIR_OK && status != WEIR_ERR_NOT_FOUND)
            break;
    }
    if (options->json)
        json_list_end(NULL);
    weir_admin_close(admin);
    return code;
}
