/* SPDX-License-Identifier: MIT
 *
 * weir ls: all queues in a table, and in a word what is wrong with each.
 */
#include "commands.h"
#include "json.h"
#include "progress.h"
#include "queue_table.h"
#include "queues.h"
#include "server.h"
#include "units.h"

#include <stdlib.h>

static void say_how_many(size_t n_trouble, size_t n)
{
    if (n_trouble == 0)
        print_remark("%s %s, all is well", show_count((int64_t)n).text, n == 1 ? "queue" : "queues");
    else
        print_remark("%s of %s %s trouble: weir stats STREAM says what it is and what to do",
                     show_count((int64_t)n_trouble).text, show_count((int64_t)n).text,
                     n_trouble == 1 && n == 1 ? "has" : "have");
}

enum exit_code ls_run(const struct options *options)
{
    weir_admin *admin = server_admin(options);
    struct doctor doctor = doctor_of(admin, server_url(options));
    struct names names;
    names_find(&names, admin, options->n_words ? options->words[0] : NULL);

    struct look *looks = keep(names.n * sizeof *looks);
    struct progress progress;
    progress_begin(&progress, "looking at queues", names.n);
    size_t n = 0, n_trouble = 0;
    for (size_t i = 0; i < names.n; i++) {
        weir_error err;
        if (look_at(&doctor, names.items[i], &looks[n], &err) != WEIR_OK) {
            progress_end(&progress);
            fail_because(&err);
        }
        progress_set(&progress, i + 1);
        bool trouble = look_style(&looks[n]) != PLAIN;
        n_trouble += trouble;
        if (trouble || !options->trouble)
            n++;
        else
            look_free(&looks[n]);
    }
    progress_end(&progress);

    if (options->json) {
        json_list_begin(NULL);
        for (size_t i = 0; i < n; i++)
            json_list_item(look_json(&looks[i]));
        json_list_end(NULL);
    } else {
        struct table *table = queue_table_new(looks, n, false);
        for (size_t i = 0; i < n; i++)
            queue_table_add(table, &looks[i], NULL);
        table_end(table);
        if (names.n == 0)
            complain("there is no queue%s", options->n_words ? " whose name matches" : "");
        else
            say_how_many(n_trouble, names.n);
    }
    for (size_t i = 0; i < n; i++)
        look_free(&looks[i]);
    free(looks);
    names_free(&names);
    weir_admin_close(admin);
    return EXIT_DONE;
}
