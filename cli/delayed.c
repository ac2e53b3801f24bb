/* SPDX-License-Identifier: MIT
 *
 * weir delayed: jobs that wait for their time.
 */
#include "commands.h"
#include "confirm.h"
#include "fields.h"
#include "interrupt.h"
#include "json.h"
#include "server.h"
#include "table.h"
#include "units.h"

#include <math.h>
#include <stdlib.h>

enum { PAGE = 100 };

struct listing {
    const struct options *options;
    struct table *table;
    int64_t now_ms;
    uint64_t n;
};

static json_t *delayed_json(const weir_job_info *job)
{
    return json_make("{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:b, s:o}", "id", json_bytes(job->id, job->id_len), "job_id",
                     json_name(job->job_id), "group", json_name_or_null(job->group), "traceparent",
                     json_name_or_null(job->traceparent), "attempts", (json_int_t)job->attempts, "first_enqueued_ms",
                     json_maybe(job->first_enqueued_ms > 0 ? job->first_enqueued_ms : -1), "due_ms",
                     json_due(job->due_ms), "spoilt", job->spoilt, "fields", json_fields(&job->fields));
}

static struct shown due_in(double due_ms, int64_t now_ms)
{
    struct shown shown = {"never"};
    if (!isfinite(due_ms) || due_ms > 9e15)
        return shown;
    if (due_ms > (double)now_ms)
        return show_span((int64_t)due_ms - now_ms);
    snprintf(shown.text, sizeof shown.text, "-%.30s", show_span(now_ms - (due_ms > 0 ? (int64_t)due_ms : 0)).text);
    return shown;
}

static int visit(const weir_job_info *job, void *context)
{
    struct listing *listing = context;
    listing->n++;
    if (listing->options->json) {
        json_list_item(delayed_json(job));
        return 0;
    }
    char *line = fields_line(&job->fields);
    table_bytes(listing->table, PLAIN, job->id, job->id_len);
    table_cell(listing->table, PLAIN, due_in(job->due_ms, listing->now_ms).text);
    table_cell(listing->table, job->attempts ? WARNING : FAINT, show_count(job->attempts).text);
    table_cell(listing->table, job->spoilt ? BAD : PLAIN, job->spoilt ? "(spoilt)" : line);
    free(line);
    if (table_rows(listing->table) == PAGE)
        table_flush(listing->table);
    return 0;
}

static void list(struct listing *listing, weir_admin *admin)
{
    const struct options *options = listing->options;
    weir_error err;
    size_t max = options->all ? SIZE_MAX : (size_t)options->count;
    if (weir_admin_delayed(admin, options->words[0], NULL, max, visit, listing, &err) != WEIR_OK)
        fail_because(&err);
}

enum exit_code delayed_ls(const struct options *options)
{
    static const struct column columns[] = {
        {.title = "id", .least = 12, .clip = CLIP_MIDDLE},
        {.title = "due in", .to_the_right = true},
        {.title = "failed runs", .to_the_right = true, .leave_out = 1},
        {.title = "job", .least = 12},
    };
    weir_admin *admin = server_admin(options);
    weir_queue_info *info = server_info(admin, options->words[0]);
    struct listing listing = {.options = options, .now_ms = info->now_ms};
    if (options->json) {
        json_list_begin(json_make("{s:o, s:I, s:I}", "stream", json_name(info->stream), "now_ms",
                                  (json_int_t)info->now_ms, "total", (json_int_t)info->delayed));
        list(&listing, admin);
        json_list_end(NULL);
    } else {
        listing.table = table_new(columns, sizeof columns / sizeof *columns);
        list(&listing, admin);
        table_end(listing.table);
        if (listing.n == 0 && (info->delayed == 0 || options->count > 0))
            complain("no job is delayed");
        else if ((uint64_t)info->delayed > listing.n)
            print_remark("%s of %s: --all shows all, --count N more", show_count((int64_t)listing.n).text,
                         show_count(info->delayed).text);
    }
    weir_queue_info_free(info);
    weir_admin_close(admin);
    return EXIT_DONE;
}

typedef weir_status (*move_fn)(weir_admin *admin, const char *stream, const char *id, weir_error *err);

/* Does it to each of the ids; what isn't there is said, and the rest is done all the same. */
static enum exit_code move(const struct options *options, weir_admin *admin, const char *done, move_fn move_it)
{
    enum exit_code code = EXIT_DONE;
    uint64_t count = 0;
    json_t *failed = json_make("[]");
    interrupt_catch();
    for (size_t i = 1; i < options->n_words; i++) {
        if (interrupted) {
            complain("interrupted: \"%s\" and what follows is where it was", options->words[i]);
            code = code == EXIT_DONE ? EXIT_INTERRUPTED : code;
            break;
        }
        weir_error err;
        weir_status status = move_it(admin, options->words[0], options->words[i], &err);
        count += status == WEIR_OK;
        if (status == WEIR_OK)
            continue;
        code = explain(&err);
        json_array_append_new(failed, json_make("{s:o, s:s, s:o}", "id", json_name(options->words[i]), "code",
                                                weir_status_name(status), "message", json_sentence(err.message)));
        if (status != WEIR_ERR_NOT_FOUND)
            break;
    }
    if (options->json)
        json_print(json_make("{s:o, s:I, s:o}", "stream", json_name(options->words[0]), "count", (json_int_t)count,
                             "failed", failed));
    else
        printf("%s %s %s\n", show_count((int64_t)count).text, count == 1 ? "job" : "jobs", done);
    if (!options->json)
        json_decref(failed);
    weir_admin_close(admin);
    return code;
}

enum exit_code delayed_run(const struct options *options)
{
    return move(options, server_admin(options), "moved into the stream", weir_admin_delayed_run);
}

enum exit_code delayed_rm(const struct options *options)
{
    weir_admin *admin = server_admin(options);
    size_t n = options->n_words - 1;
    confirm(options, "Delete %s delayed %s of %s for good?", show_count((int64_t)n).text, n == 1 ? "job" : "jobs",
            options->words[0]);
    return move(options, admin, "deleted", weir_admin_delayed_delete);
}
