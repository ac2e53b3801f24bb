/* SPDX-License-Identifier: MIT
 *
 * weir dead ls and show; dead_move.c requeues and purges.
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
#include <time.h>

enum { PAGE = 100 };

struct listing {
    const struct options *options;
    struct table *table;
    int64_t now_ms;
    uint64_t n;
};

static int64_t died_ms(const weir_dead_letter *letter)
{
    return (int64_t)strtoull(letter->id, NULL, 10);
}

static json_t *letter_json(const weir_dead_letter *letter)
{
    return json_make("{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "id", letter->id, "job_id",
                     json_name(letter->job_id), "entry_id", json_name_or_null(letter->entry_id), "group",
                     json_name_or_null(letter->group), "reason", json_name(letter->reason_text), "error",
                     json_name(letter->error), "attempts", (json_int_t)letter->attempts, "deliveries",
                     (json_int_t)letter->deliveries, "died_ms", (json_int_t)died_ms(letter), "first_enqueued_ms",
                     json_maybe(letter->first_enqueued_ms > 0 ? letter->first_enqueued_ms : -1), "traceparent",
                     json_name_or_null(letter->traceparent), "fields", json_fields(&letter->fields));
}

/* --- ls --- */

static int visit(const weir_dead_letter *letter, void *context)
{
    struct listing *listing = context;
    const struct options *options = listing->options;
    if (options->reason && strcmp(options->reason, letter->reason_text) != 0)
        return 0;
    if (!options->all && listing->n == options->count)
        return 1;
    listing->n++;
    if (options->json) {
        json_list_item(letter_json(letter));
        return 0;
    }
    char *line = fields_line(&letter->fields), died[60];
    int64_t ago_ms = listing->now_ms - died_ms(letter);
    snprintf(died, sizeof died, "%s ago", show_span(ago_ms > 0 ? ago_ms : 0).text);
    table_cell(listing->table, PLAIN, letter->id);
    table_cell(listing->table, PLAIN, died);
    table_bytes(listing->table, WARNING, letter->reason_text, strlen(letter->reason_text));
    table_bytes(listing->table, PLAIN, letter->error, strlen(letter->error));
    table_cell(listing->table, PLAIN, line);
    free(line);
    if (table_rows(listing->table) == PAGE)
        table_flush(listing->table);
    return 0;
}

static void list(struct listing *listing, weir_dead *dead)
{
    const struct options *options = listing->options;
    bool to_the_end = options->all || options->reason;
    weir_error err;
    size_t max = to_the_end ? SIZE_MAX : (size_t)options->count;
    if ((options->newest ? weir_dead_list_newest : weir_dead_list)(dead, options->after, max, visit, listing, &err) !=
        WEIR_OK)
        fail_because(&err);
}

enum exit_code dead_ls(const struct options *options)
{
    static const struct column columns[] = {
        {.title = "id"},
        {.title = "died", .to_the_right = true, .leave_out = 2},
        {.title = "reason", .least = 8},
        {.title = "error", .least = 12},
        {.title = "job", .least = 12, .leave_out = 1},
    };
    weir_dead *dead = server_dead(options, options->words[0]);
    uint64_t total;
    weir_error err;
    if (weir_dead_count(dead, &total, &err) != WEIR_OK)
        fail_because(&err);
    if (total == 0)
        server_must_have(options, options->words[0]);
    struct listing listing = {.options = options, .now_ms = (int64_t)time(NULL) * 1000};
    if (options->json) {
        json_list_begin(json_make("{s:o, s:I}", "stream", json_name(options->words[0]), "total", (json_int_t)total));
        list(&listing, dead);
        json_list_end(NULL);
    } else {
        listing.table = table_new(columns, sizeof columns / sizeof *columns);
        list(&listing, dead);
        table_end(listing.table);
        if (listing.n == 0 && (total == 0 || options->count > 0))
            complain("no job is dead%s", options->reason || options->after ? " of which that is true" : "");
        else if (total > listing.n && !options->reason && !options->after)
            print_remark("%s of %s: --all shows all, --count N more, --newest the last ones",
                         show_count((int64_t)listing.n).text, show_count((int64_t)total).text);
    }
    weir_dead_close(dead);
    return EXIT_DONE;
}

/* --- show --- */

static int show(const weir_dead_letter *letter, void *context)
{
    const struct options *options = context;
    if (options->json) {
        json_list_item(letter_json(letter));
        return 0;
    }
    style_begin(stdout, STRONG);
    fputs(letter->id, stdout);
    style_end(stdout, STRONG);
    putchar('\n');
    char attempts[24], deliveries[24];
    snprintf(attempts, sizeof attempts, "%" PRIu32, letter->attempts);
    snprintf(deliveries, sizeof deliveries, "%" PRIu32, letter->deliveries);
    property_print("reason", letter->reason_text);
    property_print("error", letter->error);
    property_print("died", show_time((double)died_ms(letter)).text);
    property_print("enqueued", letter->first_enqueued_ms > 0 ? show_time((double)letter->first_enqueued_ms).text : "");
    property_print("job id", letter->job_id);
    property_print("entry", letter->entry_id);
    property_print("group", letter->group);
    property_print("failed runs", attempts);
    property_print("deliveries", deliveries);
    property_print("traceparent", letter->traceparent);
    fields_print(&letter->fields);
    return 0;
}

enum exit_code dead_show(const struct options *options)
{
    weir_dead *dead = server_dead(options, options->words[0]);
    enum exit_code code = EXIT_DONE;
    if (options->json)
        json_list_begin(json_make("{s:o}", "stream", json_name(options->words[0])));
    for (size_t i = 1; i < options->n_words; i++) {
        weir_error err;
        if (i > 1 && !options->json)
            putchar('\n');
        weir_status status = weir_dead_get(dead, options->words[i], show, (void *)options, &err);
        if (status != WEIR_OK)
            code = explain(&err);
        if (status != WEIR_OK && status != WEIR_ERR_NOT_FOUND)
            break;
    }
    if (options->json)
        json_list_end(NULL);
    weir_dead_close(dead);
    return code;
}
