/* SPDX-License-Identifier: MIT
 *
 * weir top: all queues, again and again.
 *
 * Each round looks at every queue that is known, and goes one step on with looking for queues, so that a database with
 * many other keys costs no more a round than one without. A round that fails leaves what was seen before, and says so.
 */
#include "commands.h"
#include "json.h"
#include "progress.h"
#include "queue_table.h"
#include "queues.h"
#include "screen.h"
#include "server.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One queue. */
struct row {
    struct look look;
    struct rates rates;
    int64_t over_ms; /* the rates; 0: there are none yet */
};

struct top {
    const struct options *options;
    struct doctor doctor;
    const char *pattern;
    struct row *rows; /* by name */
    size_t n;
    size_t *order; /* which are shown, and in which order */
    size_t n_order, n_trouble;
    size_t first; /* in `order`, at the top of the screen */
    int sorted_by;
    bool only_trouble, ending;
    char problem[400]; /* of the last round; empty: none */
    weir_cursor cursor;
    struct names found; /* since the cursor was at the beginning */
};

/* --- which are shown, in which order --- */

static const struct top *sorting; /* for qsort */

static double measure(const struct row *row, int by)
{
    const weir_queue_info *info = row->look.info;
    double sum = 0, oldest = 0;
    if (!info)
        return -1;
    for (size_t i = 0; i < info->n_groups; i++) {
        const weir_group_info *group = info->groups[i];
        sum += (double)(by == 'w' ? group->waiting : group->pending);
        oldest = (double)group->oldest_runnable_ms > oldest ? (double)group->oldest_runnable_ms : oldest;
    }
    switch (by) {
    case 'o':
        return oldest;
    case 'f':
        return row->rates.finished;
    case 'd':
        return (double)info->dead;
    default:
        return by == 'w' && info->n_groups == 0 ? (double)info->length : sum;
    }
}

static int compare_rows(const void *a, const void *b)
{
    size_t i = *(const size_t *)a, k = *(const size_t *)b;
    if (sorting->sorted_by != 'n') {
        double x = measure(&sorting->rows[i], sorting->sorted_by), y = measure(&sorting->rows[k], sorting->sorted_by);
        if (x != y)
            return x > y ? -1 : 1;
    }
    return (i > k) - (i < k);
}

static void put_in_order(struct top *top)
{
    top->order = keep_more(top->order, top->n * sizeof *top->order);
    top->n_order = top->n_trouble = 0;
    for (size_t i = 0; i < top->n; i++) {
        bool trouble = look_style(&top->rows[i].look) != PLAIN;
        top->n_trouble += trouble;
        if (trouble || !top->only_trouble)
            top->order[top->n_order++] = i;
    }
    sorting = top;
    if (top->n_order > 0)
        qsort(top->order, top->n_order, sizeof *top->order, compare_rows);
}

/* --- drawing --- */

static const char *name_of_order(int by)
{
    switch (by) {
    case 'w':
        return "waiting";
    case 'r':
        return "running";
    case 'o':
        return "oldest";
    case 'f':
        return "done a second";
    case 'd':
        return "dead";
    default:
        return "name";
    }
}

static void add_line(FILE *to, enum style style, size_t columns, const char *text)
{
    char *visible = text_visible(text, strlen(text), columns);
    char *clipped = text_clip(visible, columns, CLIP_END);
    style_begin(to, style);
    fputs(clipped, to);
    style_end(to, style);
    fputc('\n', to);
    free(visible);
    free(clipped);
}

static size_t page_of(void)
{
    size_t rows = terminal_rows();
    return rows > 5 ? rows - 4 : 1; /* two lines above, the titles, the keys below */
}

/* The rows from `first` on, as many as there is room for. */
static void draw_rows(const struct top *top, FILE *to, size_t columns, size_t room)
{
    size_t n = top->n_order - top->first < room ? top->n_order - top->first : room;
    struct look *looks = keep((n + 1) * sizeof *looks);
    for (size_t i = 0; i < n; i++)
        looks[i] = top->rows[top->order[top->first + i]].look;
    struct table *table = queue_table_new(looks, n, true);
    for (size_t i = 0; i < n && table_rows(table) < room; i++)
        queue_table_add(table, &looks[i], &top->rows[top->order[top->first + i]].rates);
    char *text = NULL;
    size_t size;
    FILE *lines = open_memstream(&text, &size);
    if (!lines)
        fail(EXIT_FAILED, "no memory");
    table_print(table, lines, columns);
    if (fclose(lines) != 0)
        fail(EXIT_FAILED, "no memory");
    const char *at = text;
    for (size_t i = 0; i < room + 1 && *at; i++) { /* a queue may have more lines than there is room for */
        size_t len = strcspn(at, "\n");
        fwrite(at, 1, len, to);
        fputc('\n', to);
        at += len + (at[len] == '\n');
    }
    free(text);
    table_free(table);
    free(looks);
}

static void draw(struct top *top)
{
    size_t columns = terminal_columns(), room = page_of();
    char *frame = NULL, line[512], clock[16];
    size_t size;
    time_t now = time(NULL);
    struct tm parts;
    localtime_r(&now, &parts);
    strftime(clock, sizeof clock, "%H:%M:%S", &parts);
    if (top->first >= top->n_order)
        top->first = top->n_order > 0 ? top->n_order - 1 : 0;

    FILE *to = open_memstream(&frame, &size);
    if (!to)
        fail(EXIT_FAILED, "no memory");
    snprintf(line, sizeof line, "weir top  %s  %s %s, %s with trouble, by %s%s", clock,
             show_count((int64_t)top->n).text, top->n == 1 ? "queue" : "queues",
             show_count((int64_t)top->n_trouble).text, name_of_order(top->sorted_by),
             top->only_trouble ? ", only those with trouble" : "");
    add_line(to, STRONG, columns, line);
    add_line(to, BAD, columns, top->problem);
    draw_rows(top, to, columns, room);
    snprintf(line, sizeof line, "%s%s of %s  q quit  sort: n w r o f d  t trouble  arrows move",
             show_count((int64_t)(top->n_order ? top->first + 1 : 0)).text, top->n_order > room ? "-…" : "",
             show_count((int64_t)top->n_order).text);
    add_line(to, FAINT, columns, line);
    if (fclose(to) != 0)
        fail(EXIT_FAILED, "no memory");
    screen_draw(frame);
    free(frame);
}

/* --- looking --- */

static void keep_problem(struct top *top, const weir_error *err)
{
    snprintf(top->problem, sizeof top->problem, "trying again: %s", err->message);
}

static void free_row(struct row *row)
{
    look_free(&row->look);
}

static int compare_with_row(const void *name, const void *row)
{
    return strcmp(name, ((const struct row *)row)->look.stream);
}

/* All names have been gone through: these are the queues from now on. What was seen of them stays. */
static void take_names(struct top *top, struct names *names)
{
    names_sort(names);
    struct row *rows = keep((names->n + 1) * sizeof *rows);
    for (size_t i = 0; i < names->n; i++) {
        struct row *old =
            top->n ? bsearch(names->items[i], top->rows, top->n, sizeof *top->rows, compare_with_row) : NULL;
        rows[i] = (struct row){.rates = {-1, -1, -1}};
        if (old) {
            rows[i] = *old;
            old->look = (struct look){.stream = keep_text(names->items[i], strlen(names->items[i]))};
        } else {
            rows[i].look.stream = keep_text(names->items[i], strlen(names->items[i]));
        }
    }
    for (size_t i = 0; i < top->n; i++)
        free_row(&top->rows[i]);
    free(top->rows);
    top->rows = rows;
    top->n = names->n;
    names_free(names);
}

static void handle_key(struct top *top, int key);

static bool look_at_row(struct top *top, struct row *row, weir_error *err)
{
    struct look look;
    if (look_at(&top->doctor, row->look.stream, &look, err) != WEIR_OK) {
        look_free(&look);
        return false;
    }
    bool twice = row->look.info && look.info;
    row->rates = twice ? look_rates(row->look.info, look.info) : (struct rates){-1, -1, -1};
    row->over_ms = twice ? look.info->now_ms - row->look.info->now_ms : 0;
    look_free(&row->look);
    row->look = look;
    return true;
}

static void look_around(struct top *top)
{
    weir_error err;
    top->problem[0] = '\0';
    if (names_find_some(&top->found, top->doctor.admin, &top->cursor, top->pattern, &err) != WEIR_OK) {
        keep_problem(top, &err);
        top->cursor.text[0] = '\0'; /* begin again */
        names_free(&top->found);
        return;
    }
    if (!top->cursor.text[0])
        take_names(top, &top->found);
    top->doctor.asked = false;
    for (size_t i = 0; i < top->n && !top->ending; i++) {
        if (!look_at_row(top, &top->rows[i], &err)) {
            keep_problem(top, &err);
            return;
        }
        if (i % 64 == 63 && !top->options->json) /* a thousand queues take a while over a slow line */
            handle_key(top, screen_key(0));
    }
}

/* --- keys --- */

static void move(struct top *top, int64_t by)
{
    int64_t first = (int64_t)top->first + by;
    top->first = first < 0 ? 0 : (size_t)first;
}

static void handle_key(struct top *top, int key)
{
    switch (key) {
    case 'q':
    case KEY_INTERRUPT:
        top->ending = true;
        break;
    case 'n':
    case 'w':
    case 'r':
    case 'o':
    case 'f':
    case 'd':
        top->sorted_by = key;
        top->first = 0;
        break;
    case 't':
        top->only_trouble = !top->only_trouble;
        top->first = 0;
        break;
    case KEY_UP:
        move(top, -1);
        break;
    case KEY_DOWN:
        move(top, 1);
        break;
    case KEY_PAGE_UP:
        move(top, -(int64_t)page_of());
        break;
    case KEY_PAGE_DOWN:
        move(top, (int64_t)page_of());
        break;
    case KEY_HOME:
        top->first = 0;
        break;
    case KEY_END:
        top->first = top->n_order > page_of() ? top->n_order - page_of() : 0;
        break;
    default:
        break;
    }
}

/* --- in a terminal, or for programs --- */

static void show_rounds(struct top *top)
{
    screen_open();
    while (!top->ending) {
        look_around(top);
        int64_t until_ms = monotonic_ms() + top->options->interval_ms;
        do {
            put_in_order(top);
            draw(top);
            handle_key(top, screen_key(until_ms - monotonic_ms()));
        } while (!top->ending && monotonic_ms() < until_ms);
    }
    screen_close();
}

static void print_round(const struct top *top)
{
    json_t *items = json_make("[]");
    for (size_t i = 0; i < top->n_order; i++) {
        const struct row *row = &top->rows[top->order[i]];
        json_t *item = look_json(&row->look);
        json_object_set_new(item, "rates", row->over_ms > 0 ? rates_json(&row->rates, row->over_ms) : json_null());
        json_array_append_new(items, item);
    }
    json_print(json_make("{s:o}", "items", items));
    fflush(stdout);
}

/* An object a line. */
static void print_rounds(struct top *top)
{
    for (; !ferror(stdout); wait_ms(top->options->interval_ms)) {
        look_around(top);
        put_in_order(top);
        if (top->problem[0])
            complain("%s", top->problem);
        else
            print_round(top);
    }
}

enum exit_code top_run(const struct options *options)
{
    if (!options->json && (!terminal_is(stdin) || !terminal_is(stdout)))
        fail(EXIT_USAGE, "this needs a terminal; --json, weir ls, and weir stats STREAM --watch do without");
    struct top top = {
        .options = options,
        .pattern = options->n_words ? options->words[0] : NULL,
        .sorted_by = 'n',
        .only_trouble = options->trouble,
    };
    weir_admin *admin = server_admin(options);
    top.doctor = doctor_of(admin, server_url(options));
    struct names names;
    names_find(&names, admin, top.pattern);
    take_names(&top, &names);

    (options->json ? print_rounds : show_rounds)(&top);
    for (size_t i = 0; i < top.n; i++)
        free_row(&top.rows[i]);
    free(top.rows);
    free(top.order);
    names_free(&top.found);
    weir_admin_close(admin);
    return EXIT_DONE;
}
