/* SPDX-License-Identifier: MIT
 *
 * weir pause, weir resume, weir reap: what is done to a queue as a whole.
 */
#include "commands.h"
#include "json.h"
#include "server.h"
#include "text.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

static void print_name(const char *name)
{
    char *visible = text_visible(name, strlen(name), ALL_COLUMNS);
    fputs(visible, stdout);
    free(visible);
}

/* What is wrong with one queue is no reason to leave the others out; what is wrong with the server is. */
static bool is_of_one(enum exit_code code)
{
    return code == EXIT_MISSING || code == EXIT_FAILED;
}

static enum exit_code fail_at(const char *stream, const weir_error *err)
{
    complain("%s was left as it is:", stream);
    return explain(err);
}

/* Whether there is such a queue; where it can't be looked at, whatever is wrong with it isn't its name. */
static bool is_there(weir_admin *admin, const char *stream)
{
    weir_queue_info *info = NULL;
    bool there = weir_admin_info(admin, stream, &info, NULL) != WEIR_OK || queue_is_known(info);
    weir_queue_info_free(info);
    return there;
}

typedef weir_status (*switch_fn)(weir_admin *admin, const char *stream, bool *ret_changed, weir_error *err);

static enum exit_code turn_one(const struct options *options, weir_admin *admin, const char *stream, bool paused,
                               switch_fn turn_it)
{
    bool changed;
    weir_error err;
    if (turn_it(admin, stream, &changed, &err) != WEIR_OK)
        return fail_at(stream, &err);
    bool there = is_there(admin, stream);
    if (options->json) {
        json_list_item(json_make("{s:o, s:b, s:b, s:b}", "stream", json_name(stream), "paused", paused, "changed",
                                 changed, "exists", there));
        return EXIT_DONE;
    }
    print_name(stream);
    printf(" %s %s\n", changed ? "is" : "was already", paused ? "paused" : changed ? "resumed" : "running");
    if (!there)
        complain("there is no queue \"%s\" yet; is the name right?", stream);
    return EXIT_DONE;
}

static enum exit_code turn(const struct options *options, bool paused, switch_fn turn_it)
{
    weir_admin *admin = server_admin(options);
    enum exit_code code = EXIT_DONE;
    if (options->json)
        json_list_begin(NULL);
    for (size_t i = 0; i < options->n_words && (code == EXIT_DONE || is_of_one(code)); i++) {
        enum exit_code one = turn_one(options, admin, options->words[i], paused, turn_it);
        code = one != EXIT_DONE ? one : code;
    }
    if (options->json)
        json_list_end(NULL);
    weir_admin_close(admin);
    return code;
}

enum exit_code pause_run(const struct options *options)
{
    return turn(options, true, weir_admin_pause);
}

enum exit_code resume_run(const struct options *options)
{
    return turn(options, false, weir_admin_resume);
}

/* --- reap --- */

static enum exit_code reap_group(const struct options *options, weir_admin *admin, const char *stream,
                                 const char *group)
{
    uint64_t count = 0;
    weir_error err;
    if (weir_admin_reap(admin, stream, group, options->idle_ms, &count, &err) != WEIR_OK)
        return fail_at(stream, &err);
    if (options->json) {
        json_list_item(json_make("{s:o, s:o, s:I}", "stream", json_name(stream), "group", json_name(group), "count",
                                 (json_int_t)count));
        return EXIT_DONE;
    }
    print_name(stream);
    fputs(", ", stdout);
    print_name(group);
    printf(": %s %s deleted\n", show_count((int64_t)count).text, count == 1 ? "consumer" : "consumers");
    return EXIT_DONE;
}

static enum exit_code reap_queue(const struct options *options, weir_admin *admin, const char *stream)
{
    weir_queue_info *info = NULL;
    weir_error err;
    if (weir_admin_info(admin, stream, &info, &err) != WEIR_OK)
        return fail_at(stream, &err);
    enum exit_code code = EXIT_DONE;
    if (!queue_is_known(info) && !info->paused)
        code = explain_missing(stream);
    else if (options->group)
        code = reap_group(options, admin, stream, options->group);
    for (size_t i = 0; !options->group && i < info->n_groups && code == EXIT_DONE; i++)
        code = reap_group(options, admin, stream, info->groups[i]->name);
    weir_queue_info_free(info);
    return code;
}

enum exit_code reap_run(const struct options *options)
{
    weir_admin *admin = server_admin(options);
    enum exit_code code = EXIT_DONE;
    if (options->json)
        json_list_begin(NULL);
    for (size_t i = 0; i < options->n_words && (code == EXIT_DONE || is_of_one(code)); i++) {
        enum exit_code one = reap_queue(options, admin, options->words[i]);
        code = one != EXIT_DONE ? one : code;
    }
    if (options->json)
        json_list_end(NULL);
    weir_admin_close(admin);
    return code;
}
