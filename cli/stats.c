/* SPDX-License-Identifier: MIT
 *
 * weir stats: all that is known of one queue, and why it isn't moving.
 */
#include "commands.h"
#include "json.h"
#include "progress.h"
#include "queues.h"
#include "server.h"
#include "table.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN_WORKERS = 20 };

/* --- workers --- */

struct worker {
    char *group, *name;
    uint64_t pending;
    int64_t idle_ms;
    bool alive;
};

struct workers {
    const char *group; /* of those that are being added */
    struct worker *items;
    size_t n;
};

static int add_worker(const weir_consumer_info *consumer, void *context)
{
    struct workers *workers = context;
    workers->items = keep_more(workers->items, (workers->n + 1) * sizeof *workers->items);
    workers->items[workers->n++] = (struct worker){
        .group = keep_text(workers->group, strlen(workers->group)),
        .name = keep_text(consumer->name, strlen(consumer->name)),
        .pending = consumer->pending,
        .idle_ms = consumer->idle_ms,
        .alive = consumer->alive,
    };
    return 0;
}

/* Those with most in hand first, then those that were seen last. */
static int compare_workers(const void *a, const void *b)
{
    const struct worker *x = a, *y = b;
    if (x->pending != y->pending)
        return x->pending > y->pending ? -1 : 1;
    return (x->idle_ms > y->idle_ms) - (x->idle_ms < y->idle_ms);
}

static weir_status find_workers(weir_admin *admin, const weir_queue_info *info, struct workers *ret, weir_error *err)
{
    *ret = (struct workers){0};
    for (size_t i = 0; i < info->n_groups; i++) {
        ret->group = info->groups[i]->name;
        weir_status status = weir_admin_consumers(admin, info->stream, ret->group, add_worker, ret, err);
        if (status != WEIR_OK && status != WEIR_ERR_NO_GROUP) /* deleted since */
            return status;
    }
    if (ret->n > 0)
        qsort(ret->items, ret->n, sizeof *ret->items, compare_workers);
    return WEIR_OK;
}

static void free_workers(struct workers *workers)
{
    for (size_t i = 0; i < workers->n; i++) {
        free(workers->items[i].group);
        free(workers->items[i].name);
    }
    free(workers->items);
}

/* --- for people --- */

static void print_bytes(enum style style, const char *text)
{
    char *visible = text_visible(text, strlen(text), ALL_COLUMNS);
    style_begin(stdout, style);
    fputs(visible, stdout);
    style_end(stdout, style);
    free(visible);
}

static void print_numbers(const struct look *look, const struct rates *rates)
{
    const weir_queue_info *info = look->info;
    printf("  entries   %s in the stream\n  delayed   %s", show_count(info->length).text,
           show_count(info->delayed).text);
    if (info->overdue_ms > 0)
        printf(", the first has been due for %s", show_span(info->overdue_ms).text);
    else if (info->delayed > 0 && info->next_due_ms < 9e15)
        printf(", the next is due in %s", show_span((int64_t)info->next_due_ms - info->now_ms).text);
    printf("\n  dead      %s\n", show_count(info->dead).text);
    if (info->paused)
        printf("  paused    %s%s\n", info->paused_since_ms > 0 ? "for " : "yes",
               info->paused_since_ms > 0 ? show_span(info->now_ms - info->paused_since_ms).text : "");
    if (rates)
        printf("  a second  %s added, %s finished, %s died\n", rates->added < 0 ? "?" : show_rate(rates->added).text,
               rates->finished < 0 ? "?" : show_rate(rates->finished).text,
               rates->dead < 0 ? "?" : show_rate(rates->dead).text);
}

static void print_groups(const weir_queue_info *info)
{
    static const struct column columns[] = {
        {.title = "group", .least = 6, .clip = CLIP_MIDDLE},
        {.title = "waiting", .to_the_right = true},
        {.title = "running", .to_the_right = true},
        {.title = "oldest", .to_the_right = true},
        {.title = "workers", .to_the_right = true},
        {.title = "gone", .to_the_right = true, .leave_out = 2},
        {.title = "delivered", .to_the_right = true, .leave_out = 1},
    };
    if (info->n_groups == 0)
        return;
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < info->n_groups; i++) {
        const weir_group_info *group = info->groups[i];
        table_bytes(table, STRONG, group->name, strlen(group->name));
        table_cell(table, PLAIN, show_count(group->waiting).text);
        table_cell(table, PLAIN, show_count(group->pending).text);
        table_cell(table, PLAIN, group->oldest_runnable_ms > 0 ? show_span(group->oldest_runnable_ms).text : "");
        table_cell(table, group->consumers_alive ? PLAIN : WARNING, show_count(group->consumers_alive).text);
        table_cell(table, PLAIN, show_count(group->consumers_idle).text);
        table_cell(table, PLAIN, show_count(group->delivered).text);
    }
    putchar('\n');
    table_end(table);
}

static void print_workers(const struct workers *workers, bool several_groups)
{
    static const struct column columns[] = {
        {.title = "worker", .least = 10, .clip = CLIP_MIDDLE},
        {.title = "group", .least = 6, .clip = CLIP_MIDDLE},
        {.title = "running", .to_the_right = true},
        {.title = "seen", .to_the_right = true},
    };
    if (workers->n == 0)
        return;
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    if (!several_groups)
        table_hide(table, 1);
    for (size_t i = 0; i < workers->n && i < SHOWN_WORKERS; i++) {
        const struct worker *worker = &workers->items[i];
        char seen[60];
        snprintf(seen, sizeof seen, "%s ago", show_span(worker->idle_ms).text);
        table_bytes(table, PLAIN, worker->name, strlen(worker->name));
        table_bytes(table, PLAIN, worker->group, strlen(worker->group));
        table_cell(table, PLAIN, show_count((int64_t)worker->pending).text);
        table_cell(table, worker->alive ? PLAIN : WARNING, seen);
    }
    putchar('\n');
    table_end(table);
    if (workers->n > SHOWN_WORKERS)
        printf("and %s more\n", show_count((int64_t)(workers->n - SHOWN_WORKERS)).text);
}

static void print_troubles(const struct look *look)
{
    static const enum style styles[] = {[WEIR_NOTICE] = STRONG, [WEIR_WARNING] = WARNING, [WEIR_ERROR] = BAD};
    putchar('\n');
    for (size_t i = 0; i < look->n_troubles; i++) {
        const struct trouble *trouble = &look->troubles[i];
        const char *name = weir_finding_name(trouble->code);
        print_bytes(styles[trouble->severity], name);
        fputs(": ", stdout);
        print_wrapped(trouble->text, text_columns(name) + 2, 4, terminal_columns());
        fputs("    ", stdout);
        print_wrapped(trouble->fix, 4, 4, terminal_columns());
    }
    if (look_style(look) == PLAIN)
        puts("Nothing keeps it from moving.");
}

static void print_for_people(const struct look *look, const struct rates *rates, const struct workers *workers)
{
    print_bytes(STRONG, look->stream);
    putchar('\n');
    print_numbers(look, rates);
    print_groups(look->info);
    print_workers(workers, look->info->n_groups > 1);
    print_troubles(look);
}

/* --- for programs --- */

static void print_json(const struct look *look, const struct rates *rates, int64_t over_ms,
                       const struct workers *workers)
{
    json_t *consumers = json_make("[]");
    for (size_t i = 0; i < workers->n; i++) {
        const struct worker *worker = &workers->items[i];
        json_array_append_new(consumers,
                              json_make("{s:o, s:o, s:I, s:I, s:b}", "group", json_name(worker->group), "name",
                                        json_name(worker->name), "pending", (json_int_t)worker->pending, "idle_ms",
                                        (json_int_t)worker->idle_ms, "alive", worker->alive));
    }
    json_t *object = look_json(look);
    json_object_set_new(object, "consumers", consumers);
    json_object_set_new(object, "rates", rates ? rates_json(rates, over_ms) : json_null());
    json_print(object);
}

/* --- once, or again and again --- */

/* Looks and prints. before: NULL at first; replaced by what was seen now. */
static weir_status look_once(const struct options *options, struct doctor *doctor, weir_queue_info **before,
                             weir_error *err)
{
    struct look look;
    struct workers workers = {0};
    weir_status status = look_at(doctor, options->words[0], &look, err);
    if (status == WEIR_OK && !look.info)
        *err = look.error, status = err->code;
    if (status == WEIR_OK && !queue_is_known(look.info) && !look.info->paused && !*before)
        leave(explain_missing(options->words[0]));
    if (status == WEIR_OK)
        status = find_workers(doctor->admin, look.info, &workers, err);
    if (status == WEIR_OK) {
        struct rates rates = *before ? look_rates(*before, look.info) : (struct rates){0};
        if (options->watch && terminal_is(stdout) && !options->json)
            fputs("\033[H\033[J", stdout);
        if (options->json)
            print_json(&look, *before ? &rates : NULL, *before ? look.info->now_ms - (*before)->now_ms : 0, &workers);
        else
            print_for_people(&look, *before ? &rates : NULL, &workers);
        fflush(stdout);
        weir_queue_info_free(*before);
        *before = look.info;
        look.info = NULL;
    }
    free_workers(&workers);
    look_free(&look);
    return status;
}

enum exit_code stats_run(const struct options *options)
{
    weir_admin *admin = server_admin(options);
    struct doctor doctor = doctor_of(admin, server_url(options));
    weir_queue_info *before = NULL;
    weir_error err;
    weir_status status = look_once(options, &doctor, &before, &err);
    while (status == WEIR_OK && options->watch && !ferror(stdout)) {
        wait_ms(options->interval_ms);
        doctor.asked = false;
        if (!options->json && !terminal_is(stdout))
            putchar('\n');
        if (look_once(options, &doctor, &before, &err) != WEIR_OK)
            explain(&err); /* and try again */
    }
    weir_queue_info_free(before);
    weir_admin_close(admin);
    return status == WEIR_OK ? EXIT_DONE : explain(&err);
}
