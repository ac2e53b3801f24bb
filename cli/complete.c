/* SPDX-License-Identifier: MIT
 *
 * Whatever fails here ends in no suggestion: a message in the middle of a command line would help nobody. A server is
 * asked for names only, with short time-outs, and not for very many.
 */
#include "complete.h"

#include "commands.h"
#include "queues.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 700, MOST = 5000, MOST_STEPS = 200 };

static void suggest(const char *candidate, const char *begun)
{
    if (strncmp(candidate, begun, strlen(begun)) == 0 && !strpbrk(candidate, "\n"))
        puts(candidate);
}

static void suggest_streams(const char *url, const char *begun)
{
    weir_admin_options o = WEIR_ADMIN_OPTIONS_INIT;
    const char *of_environment = getenv("WEIR_URL");
    o.url = url ? url : of_environment && *of_environment ? of_environment : "redis://127.0.0.1:6379";
    o.connection.connect_timeout_ms = o.connection.command_timeout_ms = PATIENCE_MS;
    weir_admin *admin = NULL;
    if (weir_admin_open(&admin, &o, NULL) != WEIR_OK)
        return;
    weir_cursor cursor = {""};
    struct names names = {0};
    for (int step = 0; step < MOST_STEPS && names.n < MOST; step++)
        if (names_find_some(&names, admin, &cursor, NULL, NULL) != WEIR_OK || !cursor.text[0])
            break;
    names_sort(&names);
    for (size_t i = 0; i < names.n; i++)
        suggest(names.items[i], begun);
    names_free(&names);
    weir_admin_close(admin);
}

static const struct option_row *option_of(const char *word)
{
    for (size_t i = 0; i < n_option_rows; i++)
        if (strcmp(option_rows[i].name, word) == 0)
            return &option_rows[i];
    return NULL;
}

/* What stands before the unfinished word. */
struct before {
    const struct command *command;
    const char *verb, *url;
    size_t n_words;                   /* behind the subcommand, options left out */
    const struct option_row *waiting; /* an option whose value is the unfinished word */
    bool only_words;
};

static struct before read_before(int n, char **words)
{
    struct before before = {0};
    for (int i = 0; i < n; i++) {
        const struct option_row *row = before.only_words ? NULL : option_of(words[i]);
        if (before.waiting) {
            if (strcmp(before.waiting->name, "--url") == 0)
                before.url = words[i];
            before.waiting = NULL;
        } else if (!before.only_words && strcmp(words[i], "--") == 0) {
            before.only_words = true;
        } else if (!before.only_words && strncmp(words[i], "--url=", 6) == 0) {
            before.url = words[i] + 6;
        } else if (row) {
            before.waiting = row->value ? row : NULL;
        } else if (before.only_words || words[i][0] != '-') {
            if (!before.command)
                before.command = command_find(words[i]);
            else if (before.n_words++ == 1)
                before.verb = words[i];
        }
    }
    return before;
}

static unsigned uses_of(const struct before *before)
{
    unsigned all = 0;
    for (size_t i = 0; before->command && i < COMMAND_USES && before->command->uses[i].run; i++) {
        const struct command_use *use = &before->command->uses[i];
        if (before->verb && use->verb && strcmp(use->verb, before->verb) == 0)
            return use->use;
        all |= use->use;
    }
    return before->command ? all : ALL_USES;
}

static void suggest_options(const struct before *before, const char *begun)
{
    unsigned uses = uses_of(before);
    for (size_t i = 0; i < n_option_rows; i++) {
        bool of_all = option_rows[i].offset <= offsetof(struct options, version);
        if ((option_rows[i].uses & uses) && (before->command || of_all))
            suggest(option_rows[i].name, begun);
    }
}

static void suggest_value(const struct option_row *row, const char *begun)
{
    static const weir_dead_reason reasons[] = {WEIR_DEAD_EXHAUSTED, WEIR_DEAD_CRASHED, WEIR_DEAD_REJECTED,
                                               WEIR_DEAD_UNDECODABLE, WEIR_DEAD_PAYLOAD_LOST};
    if (strcmp(row->value, "FILE") == 0)
        puts("@files"); /* the shell knows better */
    if (strcmp(row->name, "--reason") == 0)
        for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
            suggest(weir_dead_reason_text(reasons[i]), begun);
}

static void suggest_words(const struct before *before, const char *begun)
{
    const struct command_use *first = &before->command->uses[0];
    bool takes_stream = first->streams || first->use == USE_ENQUEUE;
    if (takes_stream && (before->n_words == 0 || (!first->verb && first->most > 1 && first->use != USE_ENQUEUE)))
        suggest_streams(before->url, begun);
    if (first->verb && before->n_words == 1)
        for (size_t i = 0; i < COMMAND_USES && before->command->uses[i].run; i++)
            suggest(before->command->uses[i].verb, begun);
}

/* "--reason=cra": the same as "--reason" "cra", which the shell's side leaves the name out of. */
static bool suggest_joined(const char *word)
{
    const char *equals = word[0] == '-' ? strchr(word, '=') : NULL;
    if (!equals)
        return false;
    char *name = keep_text(word, (size_t)(equals - word));
    const struct option_row *row = option_of(name);
    if (row && row->value)
        suggest_value(row, equals + 1);
    free(name);
    return true;
}

int complete(int n, char **words)
{
    const char *begun = n > 0 ? words[n - 1] : "";
    struct before before = read_before(n > 0 ? n - 1 : 0, words);
    if (!before.waiting && !before.only_words && suggest_joined(begun))
        return 0;
    if (before.waiting)
        suggest_value(before.waiting, begun);
    else if (begun[0] == '-' && !before.only_words)
        suggest_options(&before, begun);
    else if (before.command)
        suggest_words(&before, begun);
    else
        for (size_t i = 0; i < n_commands; i++)
            suggest(commands[i].name, begun);
    return 0;
}
