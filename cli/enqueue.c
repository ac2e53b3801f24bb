/* SPDX-License-Identifier: MIT
 *
 * weir enqueue: one job from the command line, or one a line from a file.
 *
 * A file is read twice: first to see that every line is a job, so that a mistake in the last one doesn't leave half of
 * them enqueued; what comes from a pipe can be read but once.
 */
#include "commands.h"
#include "interrupt.h"
#include "job_lines.h"
#include "json.h"
#include "progress.h"
#include "server.h"
#include "text.h"
#include "units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BATCH = 1000, BATCH_BYTES = 8 << 20 };

/* Without the "job N: " of a bulk: here each job has a name of its own, or is the only one. */
static const char *without_index(const char *message)
{
    size_t digits = strncmp(message, "job ", 4) == 0 ? strspn(message + 4, "0123456789") : 0;
    return digits > 0 && strncmp(message + 4 + digits, ": ", 2) == 0 ? message + 4 + digits + 2 : message;
}

static weir_enqueue_options defaults_of(const struct options *options)
{
    weir_enqueue_options o = WEIR_ENQUEUE_OPTIONS_INIT;
    o.id = options->id;
    o.delay_ms = options->delay_ms;
    o.run_at_ms = options->run_at_ms;
    o.idempotency_ms = options->idempotency_ms;
    o.traceparent = options->traceparent;
    return o;
}

static void print_id(const char *id)
{
    char *visible = text_visible(id, strlen(id), ALL_COLUMNS);
    puts(visible);
    free(visible);
}

static json_t *result_json(const weir_enqueue_result *result)
{
    return json_make("{s:o, s:b}", "id", json_name(result->id.text), "duplicate", result->duplicate);
}

static json_t *totals_json(const char *stream, uint64_t enqueued, uint64_t duplicates, uint64_t failed)
{
    return json_make("{s:o, s:I, s:I, s:I}", "stream", json_name(stream), "enqueued", (json_int_t)enqueued,
                     "duplicates", (json_int_t)duplicates, "failed", (json_int_t)failed);
}

/* --- one job --- */

static enum exit_code enqueue_one(const struct options *options)
{
    size_t n = options->n_words - 1;
    weir_field *items = keep(n * sizeof *items);
    for (size_t i = 0; i < n; i++)
        if (!field_of_word(options->words[i + 1], &items[i]))
            fail(EXIT_USAGE, "\"%s\" is no field: say name=value", options->words[i + 1]);
    weir_fields fields = {items, n};
    weir_enqueue_options o = defaults_of(options);
    weir_enqueue_job job = {&fields, &o};
    weir_enqueue_result result;
    weir_producer *producer = server_producer(options, options->words[0]);
    weir_error err;
    weir_status status = weir_enqueue_bulk(producer, &job, 1, &result, &err);
    weir_producer_close(producer);
    free(items);
    if (status != WEIR_OK) {
        memmove(err.message, without_index(err.message), strlen(without_index(err.message)) + 1);
        return explain(&err);
    }
    if (options->json) {
        json_list_begin(NULL);
        json_list_item(result_json(&result));
        json_list_end(totals_json(options->words[0], !result.duplicate, result.duplicate, 0));
        return EXIT_DONE;
    }
    print_id(result.id.text);
    if (result.duplicate)
        complain("it was enqueued before: nothing was added");
    return EXIT_DONE;
}

/* --- many --- */

struct bulk {
    const struct options *options;
    weir_enqueue_options defaults;
    weir_producer *producer;
    struct progress progress;
    FILE *file;
    const char *name; /* of the file */
    uint64_t line, enqueued, duplicates, failed;
    uint64_t failing_since; /* the first line of those up to `line` that failed all; 0: that one didn't */
    off_t beginning;
    enum exit_code code;

    struct line_job jobs[BATCH];
    weir_enqueue_job list[BATCH];
    weir_enqueue_result results[BATCH];
    size_t n, bytes;
};

/* The next line that holds something. False: the end. */
static bool next_line(struct bulk *bulk, char **line, size_t *size, size_t *ret_len)
{
    ssize_t len;
    while (!interrupted && (len = getline(line, size, bulk->file)) >= 0) {
        bulk->line++;
        if (bulk->line <= bulk->options->skip || (size_t)len == strspn(*line, " \t\r\n"))
            continue;
        *ret_len = (size_t)len;
        return true;
    }
    if (ferror(bulk->file) && !interrupted)
        fail(EXIT_FAILED, "%s can't be read: %s", bulk->name, strerror(errno));
    return false;
}

/* Reads all lines of a file that can be read twice. Returns how many jobs there are. */
static uint64_t check_lines(struct bulk *bulk)
{
    char *line = NULL, error[LINE_ERROR_SIZE];
    size_t size = 0, len;
    uint64_t n = 0;
    progress_begin(&bulk->progress, "checking", 0);
    for (; next_line(bulk, &line, &size, &len); n++) {
        struct line_job job;
        if (!line_job_read(&job, line, len, &bulk->defaults, error)) {
            progress_end(&bulk->progress);
            fail(EXIT_USAGE, "%s, line %" PRIu64 ": %s. Nothing was enqueued", bulk->name, bulk->line, error);
        }
        line_job_free(&job);
        progress_set(&bulk->progress, n);
    }
    progress_end(&bulk->progress);
    free(line);
    if (fseeko(bulk->file, bulk->beginning, SEEK_SET) != 0)
        fail(EXIT_FAILED, "%s can't be read again: %s", bulk->name, strerror(errno));
    bulk->line = 0;
    return n;
}

/* Says of lines that follow each other, and that all failed alike, why they did. */
static void tell_failure(struct bulk *bulk, size_t from, size_t to, const weir_error *err)
{
    weir_status status = bulk->results[from].status;
    uint64_t first = bulk->jobs[from].line, last = bulk->jobs[to - 1].line;
    char lines[64];
    if (first == last)
        snprintf(lines, sizeof lines, "line %" PRIu64, first);
    else
        snprintf(lines, sizeof lines, "lines %" PRIu64 " to %" PRIu64, first, last);
    complain("%s, %s: %s%s", bulk->name, lines,
             status == err->code ? without_index(err->message) : weir_status_text(status),
             status == WEIR_ERR_IN_DOUBT ? "; they may have been enqueued all the same" : "");
    bulk->failed += to - from;
    bulk->failing_since = to == bulk->n ? first : 0;
    if (bulk->code == EXIT_DONE || status == WEIR_ERR_IN_DOUBT)
        bulk->code = exit_code_of(status);
}

/* One of them was refused before anything was sent, and so none was. */
static void tell_refusal(struct bulk *bulk, const weir_error *err)
{
    size_t which = strncmp(err->message, "job ", 4) == 0 ? strtoul(err->message + 4, NULL, 10) : 0;
    complain("%s, line %" PRIu64 ": %s. Because of it nothing was sent of lines %" PRIu64 " to %" PRIu64, bulk->name,
             bulk->jobs[which < bulk->n ? which : 0].line, without_index(err->message), bulk->jobs[0].line,
             bulk->jobs[bulk->n - 1].line);
    bulk->failed += bulk->n;
    bulk->failing_since = bulk->jobs[0].line;
    bulk->code = EXIT_USAGE;
}

static void tell_failures(struct bulk *bulk, const weir_error *err)
{
    for (size_t i = 0, end; i < bulk->n; i = end) {
        for (end = i + 1; end < bulk->n && bulk->results[end].status == bulk->results[i].status;)
            end++;
        if (bulk->results[i].status != WEIR_OK)
            tell_failure(bulk, i, end, err);
    }
}

static void print_ids(const struct bulk *bulk)
{
    for (size_t i = 0; i < bulk->n && bulk->options->ids; i++) {
        if (bulk->results[i].status != WEIR_OK)
            continue;
        if (bulk->options->json)
            json_list_item(result_json(&bulk->results[i]));
        else
            print_id(bulk->results[i].id.text);
    }
    if (bulk->options->ids && fflush(stdout) != 0)
        interrupted = 1; /* who wants the ids would never learn of the rest */
}

/* Sends what was gathered. False: no use in going on. */
static bool send_batch(struct bulk *bulk)
{
    weir_error err = {.code = WEIR_OK};
    if (bulk->n == 0)
        return true;
    for (size_t i = 0; i < bulk->n; i++)
        bulk->list[i] = (weir_enqueue_job){&bulk->jobs[i].fields, &bulk->jobs[i].options};
    bulk->failing_since = 0;
    weir_status status = weir_enqueue_bulk(bulk->producer, bulk->list, bulk->n, bulk->results, &err);
    bool refused = status == WEIR_ERR_ARGUMENT; /* and there are no results */
    for (size_t i = 0; i < bulk->n && !refused; i++) {
        bool good = bulk->results[i].status == WEIR_OK;
        bulk->duplicates += good && bulk->results[i].duplicate;
        bulk->enqueued += good && !bulk->results[i].duplicate;
    }
    if (bulk->options->ids)
        progress_end(&bulk->progress);
    if (!refused)
        print_ids(bulk);
    if (status != WEIR_OK) {
        progress_end(&bulk->progress);
        (refused ? tell_refusal : tell_failures)(bulk, &err);
    }
    for (size_t i = 0; i < bulk->n; i++)
        line_job_free(&bulk->jobs[i]);
    bulk->n = bulk->bytes = 0;
    progress_set(&bulk->progress, bulk->enqueued + bulk->duplicates + bulk->failed);
    return status == WEIR_OK || status == WEIR_ERR_EXISTS;
}

/* After what came before it was sent. */
static void tell_bad_line(struct bulk *bulk, const char *error)
{
    complain("%s, line %" PRIu64 ": %s", bulk->name, bulk->line, error);
    bulk->failed++;
    if (bulk->failing_since == 0)
        bulk->failing_since = bulk->line;
    if (bulk->code == EXIT_DONE)
        bulk->code = EXIT_USAGE;
}

static void send_lines(struct bulk *bulk)
{
    char *line = NULL, error[LINE_ERROR_SIZE];
    size_t size = 0, len;
    bool going = true, good = true;
    while (going && next_line(bulk, &line, &size, &len)) {
        good = line_job_read(&bulk->jobs[bulk->n], line, len, &bulk->defaults, error);
        if (!good)
            break;
        bulk->jobs[bulk->n++].line = bulk->line;
        bulk->bytes += len;
        if (bulk->n == BATCH || bulk->bytes >= BATCH_BYTES)
            going = send_batch(bulk);
    }
    if (going)
        send_batch(bulk);
    progress_end(&bulk->progress);
    if (!good)
        tell_bad_line(bulk, error);
    free(line);
}

static void tell_bulk(const struct bulk *bulk)
{
    const char *stream = bulk->options->words[0];
    if (bulk->options->json) {
        json_list_end(totals_json(stream, bulk->enqueued, bulk->duplicates, bulk->failed));
    } else if (!bulk->options->ids) {
        char *visible = text_visible(stream, strlen(stream), ALL_COLUMNS);
        printf("%s %s enqueued into %s", show_count((int64_t)bulk->enqueued).text, bulk->enqueued == 1 ? "job" : "jobs",
               visible);
        free(visible);
        if (bulk->duplicates > 0)
            printf("; %s had been before", show_count((int64_t)bulk->duplicates).text);
        putchar('\n');
    }
    uint64_t behind = bulk->failing_since > 0 ? bulk->failing_since - 1 : bulk->line;
    if (bulk->failed > 0)
        complain("%" PRIu64 " failed; --skip %" PRIu64 " goes on with line %" PRIu64, bulk->failed, behind, behind + 1);
    else if (interrupted)
        complain("interrupted after line %" PRIu64 "; --skip %" PRIu64 " goes on", bulk->line, bulk->line);
}

static enum exit_code enqueue_many(const struct options *options)
{
    struct bulk *bulk = keep(sizeof *bulk);
    memset(bulk, 0, sizeof *bulk);
    bulk->options = options;
    bulk->defaults = defaults_of(options);
    bool from_stdin = strcmp(options->file, "-") == 0;
    bulk->name = from_stdin ? "standard input" : options->file;
    bulk->file = from_stdin ? stdin : fopen(options->file, "r");
    if (!bulk->file)
        fail(EXIT_USAGE, "%s can't be read: %s", options->file, strerror(errno));
    struct stat about;
    bool regular = fstat(fileno(bulk->file), &about) == 0 && S_ISREG(about.st_mode);
    bulk->beginning = regular ? ftello(bulk->file) : 0; /* somebody may have read standard input before */
    uint64_t total = regular ? check_lines(bulk) : 0;

    interrupt_catch();
    signal(SIGPIPE, SIG_IGN); /* so that it can be said how far it came */
    bulk->producer = server_producer(options, options->words[0]);
    progress_begin(&bulk->progress, "enqueueing", total);
    if (options->json)
        json_list_begin(NULL);
    send_lines(bulk);
    weir_producer_close(bulk->producer);
    tell_bulk(bulk);
    enum exit_code code = interrupted && bulk->code == EXIT_DONE ? EXIT_INTERRUPTED : bulk->code;
    if (code == EXIT_USAGE && bulk->enqueued + bulk->duplicates > 0)
        code = EXIT_FAILED; /* a part was done */
    if (!from_stdin)
        fclose(bulk->file);
    free(bulk);
    return code;
}

enum exit_code enqueue_run(const struct options *options)
{
    if (options->file && options->n_words > 1)
        fail(EXIT_USAGE, "say either fields or --file, not both");
    if (options->delay_ms > 0 && options->run_at_ms > 0)
        fail(EXIT_USAGE, "say either --delay or --at");
    if (options->file && options->id)
        fail(EXIT_USAGE, "--id is for one job; in a file each line has its own: {\"id\": \"mail-17\", \"fields\": …}");
    if (options->file)
        return enqueue_many(options);
    if (options->n_words == 1)
        fail(EXIT_USAGE, "no field: say name=value, or --file FILE (- is standard input)");
    if (options->ids || options->skip)
        fail(EXIT_USAGE, "--ids and --skip go with --file");
    if (options->idempotency_ms && !options->id)
        fail(EXIT_USAGE, "--idempotency goes with --id");
    return enqueue_one(options);
}
