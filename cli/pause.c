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

typedef weir_status (*switch_fn)(weir_admin *admin, const char *stream, bool *ret_changed, weir_error *err);

static enum exit_code turn(const struct options *options, bool paused, switch_fn turn_it)
{
    weir_admin *admin = server_admin(options);
    if (options->json)
        json_list_begin(NULL);
    for (size_t i = 0; i < options->n_words; i++) {
        const char *stream = options->words[i];
        bool changed;
        weir_error err;
        if (turn_it(admin, stream, &changed, &err) != WEIR_OK)
            fail_because(&err);
        weir_queue_info *info = server_info(admin, stream, false);
        bool known = queue_is_known(info);
        weir_queue_info_free(info);
        if (options->json) {
            json_list_item(json_make("{s:o, s:b, s:b, s:b}", "stream", json_name(stream), "paused", paused, "changed",
                                     changed, "exists", known));
            continue;
        }
        print_name(stream);
        printf(" %s %s\n", changed ? "is" : "was already", paused ? "paused" : changed ? "resumed" : "running");
        if (!known)
            complain("there is no queue \"%s\" yet; is the name right?", stream);
    }
    if (options->json)
        json_list_end(NULL);
    weir_admin_close(admin);
    return EXIT_DONE;
}

enum exit_code pause_run(const struct options *options)
{
    return turn(options, true, weir_admin_pause);
}

enum exit_code resume_run(const struct options *options)
{
    return turn(options, false, weir_admin_resume);
}

static void reap_group(const struct options *options, weir_admin *admin, const char *stream, const char *group)
{
    uint64_t count = 0;
    weir_error err;
    if (weir_admin_reap(admin, stream, group, options->idle_ms, &count, &err) != WEIR_OK)
        fail_because(&err);
    if (options->json) {
        json_list_item(json_make("{s:o, s:o, s:I}", "stream", json_name(stream), "group", json_name(group), "count",
                                 (json_int_t)count));
        return;
    }
    print_name(stream);
    fputs(", ", stdout);
    print_name(group);
    printf(": %s %s deleted\n", show_count((int64_t)count).text, count == 1 ? "consumer" : "consumers");
}

enum exit_code reap_run(const struct options *options)
{
    weir_admin *admin = server_admin(options);
    if (options->json)
        json_list_begin(NULL);
    for (size_t i = 0; i < options->n_words; i++) {
        weir_queue_info *info = server_info(admin, options->words[i], true);
        if (options->group)
            reap_group(options, admin, info->stream, options->group);
        for (size_t k = 0; !options->group && k < info->n_groups; k++)
            reap_group(options, admin, info->stream, info->groups[k]->name);
        weir_queue_info_free(info);
    }
    if (options->json)
        json_list_end(NULL);
    weir_admin_close(admin);
    return EXIT_DONE;
}
