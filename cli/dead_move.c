/* SPDX-License-Identifier: MIT
 *
 * weir dead requeue and purge: some by their ids, all of them, or those that died of one reason.
 */
#include "commands.h"
#include "confirm.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "server.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, ID_SIZE = 48, TOLD_FAILURES = 10 };

/* What became of the letters. */
struct tally {
    uint64_t count, failures;
    bool cut_short; /* interrupted, before all was done */
    json_t *failed;
    enum exit_code code;
    struct progress progress;
};

typedef weir_status (*move_fn)(weir_dead *dead, const char *id, weir_error *err);

/* Says of the first few why they stay. words: the library's, where err has none. */
static void note_failure(struct tally *tally, const char *id, const weir_error *err, const char *words)
{
    const char *message = words ? words : err->message;
    progress_end(&tally->progress);
    if (++tally->failures <= TOLD_FAILURES)
        complain("%s: %s", id, message);
    else if (tally->failures == TOLD_FAILURES + 1)
        complain("and more");
    tally->code = exit_code_of(err->code);
    json_array_append_new(tally->failed, json_make("{s:o, s:s, s:o}", "id", json_name(id), "code",
                                                   weir_status_name(err->code), "message", json_sentence(message)));
}

/* Moves one. False: no use in going on. */
static bool move_one(struct tally *tally, weir_dead *dead, const char *id, move_fn move)
{
    weir_error err;
    weir_status status = move(dead, id, &err);
    tally->count += status == WEIR_OK;
    if (status == WEIR_OK)
        return true;
    note_failure(tally, id, &err, NULL);
    return status == WEIR_ERR_NOT_FOUND || status == WEIR_ERR_STATE || status == WEIR_ERR_UNSUPPORTED;
}

/* --- all of them: requeued a range at a time, so that it can be told how far it is --- */

/* The youngest letter there is when the command begins; what dies later is not meant. False: there is none. */
static int note_id(const weir_dead_letter *letter, void *id)
{
    snprintf(id, ID_SIZE, "%s", letter->id);
    return 1;
}

static bool find_youngest(weir_dead *dead, char id[ID_SIZE])
{
    weir_error err;
    id[0] = '\0';
    if (weir_dead_list_newest(dead, NULL, 1, note_id, id, &err) != WEIR_OK)
        fail_because(&err);
    return id[0] != '\0';
}

static void note_stay(const char *id, weir_status why, const char *words, void *context)
{
    note_failure(context, id, &(weir_error){.code = why}, words);
}

static void requeue_all(struct tally *tally, weir_dead *dead, uint64_t total)
{
    char youngest[ID_SIZE];
    if (!find_youngest(dead, youngest))
        return;
    weir_dead_progress went = {.next = ""};
    progress_begin(&tally->progress, "requeueing", total);
    do {
        char after[ID_SIZE];
        weir_error err;
        snprintf(after, sizeof after, "%s", went.next);
        weir_dead_range range = {.after = after, .up_to = youngest, .max = PAGE};
        weir_status status = weir_dead_requeue_range(dead, &range, note_stay, tally, &went, &err);
        tally->count += went.done;
        progress_set(&tally->progress, tally->count);
        if (status != WEIR_OK) {
            progress_end(&tally->progress);
            tally->code = explain(&err);
            return;
        }
    } while (went.next[0] && !interrupted);
    tally->cut_short = went.next[0];
    progress_end(&tally->progress);
}

/* A million takes a second. */
static void purge_all(struct tally *tally, weir_dead *dead)
{
    weir_error err;
    if (weir_dead_purge(dead, &tally->count, &err) != WEIR_OK)
        tally->code = explain(&err);
}

/* --- those of one reason: page by page, since what lists must not move --- */

struct page {
    const char *reason;
    char ids[PAGE][ID_SIZE];
    size_t n;
    char after[ID_SIZE], youngest[ID_SIZE];
    size_t visited;
    bool ended;
};

static int gather(const weir_dead_letter *letter, void *context)
{
    struct page *page = context;
    page->visited++;
    snprintf(page->after, sizeof page->after, "%s", letter->id);
    if (strcmp(letter->reason_text, page->reason) == 0)
        snprintf(page->ids[page->n++], ID_SIZE, "%s", letter->id);
    page->ended = strcmp(letter->id, page->youngest) == 0;
    return page->ended;
}

static void move_some(const struct options *options, struct tally *tally, weir_dead *dead, const char *what,
                      uint64_t total, move_fn move)
{
    struct page *page = keep(sizeof *page);
    *page = (struct page){.reason = options->reason};
    page->ended = !find_youngest(dead, page->youngest);
    progress_begin(&tally->progress, what, total);
    uint64_t visited = 0;
    bool going = true;
    while (going && !page->ended && !interrupted) {
        weir_error err;
        page->n = page->visited = 0;
        if (weir_dead_list(dead, page->after, PAGE, gather, page, &err) != WEIR_OK) {
            progress_end(&tally->progress);
            tally->code = explain(&err);
            break;
        }
        size_t i = 0;
        for (; i < page->n && going && !interrupted; i++) {
            going = move_one(tally, dead, page->ids[i], move);
            progress_set(&tally->progress, visited + i);
        }
        tally->cut_short = interrupted && (i < page->n || !page->ended);
        visited += page->visited;
        going &= page->visited > 0; /* the youngest may be gone meanwhile */
    }
    progress_end(&tally->progress);
    free(page);
}

/* --- both commands --- */

static void check_words(const struct options *options)
{
    if (options->all && options->n_words > 1)
        fail(EXIT_USAGE, "say either ids or --all, not both");
    if (!options->all && options->n_words == 1)
        fail(EXIT_USAGE, "which? Say their ids, as weir dead STREAM ls shows them, or --all");
    if (options->reason && !options->all)
        fail(EXIT_USAGE, "--reason goes with --all");
    for (size_t i = 1; i < options->n_words; i++)
        if (!is_entry_id(options->words[i]))
            fail(EXIT_USAGE, "\"%s\" is not the id of a dead letter, such as 1700000000000-0", options->words[i]);
}

static enum exit_code tell(const struct options *options, struct tally *tally, const char *done)
{
    if (tally->cut_short && tally->code == EXIT_DONE)
        tally->code = EXIT_INTERRUPTED;
    if (options->json) {
        json_print(json_make("{s:o, s:I, s:o}", "stream", json_name(options->words[0]), "count",
                             (json_int_t)tally->count, "failed", tally->failed));
        return tally->code;
    }
    json_decref(tally->failed);
    printf("%s %s %s\n", show_count((int64_t)tally->count).text, tally->count == 1 ? "job" : "jobs", done);
    if (tally->cut_short)
        complain("interrupted: the others are where they were; say it again to go on");
    return tally->code;
}

static enum exit_code run(const struct options *options, weir_dead *dead, uint64_t total, const char *what,
                          const char *done, bool requeue)
{
    struct tally tally = {.failed = json_make("[]")};
    interrupt_catch();
    move_fn move = requeue ? weir_dead_requeue : weir_dead_delete;
    if (options->all && options->reason)
        move_some(options, &tally, dead, what, total, move);
    else if (options->all && requeue)
        requeue_all(&tally, dead, total);
    else if (options->all)
        purge_all(&tally, dead);
    bool going = true;
    size_t i = 1;
    for (; i < options->n_words && going && !interrupted; i++)
        going = move_one(&tally, dead, options->words[i], move);
    tally.cut_short |= going && i < options->n_words;
    weir_dead_close(dead);
    return tell(options, &tally, done);
}

static weir_dead *open_and_count(const struct options *options, uint64_t *ret_total)
{
    check_words(options);
    weir_dead *dead = server_dead(options, options->words[0]);
    weir_error err;
    if (weir_dead_count(dead, ret_total, &err) != WEIR_OK)
        fail_because(&err);
    if (*ret_total == 0)
        server_must_have(options, options->words[0]);
    return dead;
}

enum exit_code dead_requeue(const struct options *options)
{
    uint64_t total;
    weir_dead *dead = open_and_count(options, &total);
    return run(options, dead, total, "requeueing", "put back", true);
}

enum exit_code dead_purge(const struct options *options)
{
    uint64_t total;
    weir_dead *dead = open_and_count(options, &total);
    uint64_t n = options->all ? total : options->n_words - 1;
    if (options->reason)
        confirm(options, "Delete those of %s dead letters of %s that were \"%s\" for good?",
                show_count((int64_t)total).text, options->words[0], options->reason);
    else
        confirm(options, "Delete %s dead %s of %s for good?", show_count((int64_t)n).text,
                n == 1 ? "letter" : "letters", options->words[0]);
    return run(options, dead, total, "deleting", "deleted", false);
}
