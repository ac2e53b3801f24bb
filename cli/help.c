/* SPDX-License-Identifier: MIT */
#include "help.h"

#include "json.h"
#include "terminal.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 80, OPTION_WIDTH = 26, NAME_WIDTH = 10 };

static const char summary[] = "Looks at the queues of a Redis server, and does what is to be done about them.";

const char *const environment[][2] = {
    {"WEIR_URL", "the server, where neither --url nor --url-file says it"},
    {"WEIR_TOKEN", "the token of weir serve, where neither --token-file nor --new-token says it"},
    {"NO_COLOR", "no colours, if it is set to anything"},
    {"TERM", "no colours and no progress bar if it is dumb or not set"},
};

static void print_option(const struct option_row *row)
{
    char left[64];
    snprintf(left, sizeof left, "  %s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
    printf("%-*s", OPTION_WIDTH, left);
    print_wrapped(row->help, strlen(left) < OPTION_WIDTH ? OPTION_WIDTH : strlen(left), OPTION_WIDTH, WIDTH);
}

static void print_options(unsigned uses, bool of_all)
{
    for (size_t i = 0; i < n_option_rows; i++) {
        bool is_of_all = option_rows[i].offset <= offsetof(struct options, version);
        if (is_of_all == of_all && (option_rows[i].uses & uses))
            print_option(&option_rows[i]);
    }
}

static void print_command(const struct command *command)
{
    unsigned uses = 0, special = 0;
    for (size_t i = 0; i < COMMAND_USES && command->uses[i].run; i++) {
        const struct command_use *use = &command->uses[i];
        printf("%s weir %s %s\n", i ? "      " : "usage:", command->name, use->synopsis);
        uses |= use->use;
    }
    printf("\nweir %s: %s.\n\n", command->name, command->summary);
    print_wrapped(command->details, 0, 0, WIDTH);
    if (command->uses[0].verb) {
        putchar('\n');
        for (size_t i = 0; i < COMMAND_USES && command->uses[i].run; i++) {
            printf("  %-*s", NAME_WIDTH, command->uses[i].verb);
            print_wrapped(command->uses[i].summary, NAME_WIDTH + 2, NAME_WIDTH + 2, WIDTH);
        }
    }
    for (size_t i = 0; i < n_option_rows; i++)
        if (option_rows[i].offset > offsetof(struct options, version))
            special |= option_rows[i].uses & uses;
    if (special) {
        puts("\noptions:");
        print_options(uses, false);
    }
    puts("\noptions of all subcommands:");
    print_options(uses, true);
    puts("\nexamples:");
    for (size_t i = 0; i < COMMAND_EXAMPLES && command->examples[i].line; i++)
        printf("  %s\n      %s\n", command->examples[i].line, command->examples[i].text);
}

static void print_all(void)
{
    printf("usage: weir SUBCOMMAND [ARGUMENT…] [OPTION…]\n\n%s\n\nsubcommands:\n", summary);
    for (size_t i = 0; i < n_commands; i++)
        printf("  %-*s %s\n", NAME_WIDTH, commands[i].name, commands[i].summary);
    puts("\noptions of all subcommands:");
    print_options(ALL_USES, true);
    puts("\nexamples:\n"
         "  weir ls\n      which queues there are, and what is wrong with them\n"
         "  weir stats emails\n      why that one isn't moving\n"
         "  weir dead emails requeue --all\n      try again what had failed\n"
         "  weir stats --help\n      more about a subcommand; all of it is in weir(1)");
}

void help_print(const struct command *command)
{
    if (command)
        print_command(command);
    else
        print_all();
}

static json_t *command_json(const struct command *command)
{
    json_t *uses = json_make("[]"), *examples = json_make("[]");
    unsigned mask = 0;
    for (size_t i = 0; i < COMMAND_USES && command->uses[i].run; i++) {
        const struct command_use *use = &command->uses[i];
        mask |= use->use;
        json_array_append_new(uses, json_make("{s:s?, s:i, s:s, s:s?}", "verb", use->verb, "use", (int)use->use,
                                              "synopsis", use->synopsis, "summary", use->summary));
    }
    for (size_t i = 0; i < COMMAND_EXAMPLES && command->examples[i].line; i++)
        json_array_append_new(
            examples, json_make("{s:s, s:s}", "line", command->examples[i].line, "text", command->examples[i].text));
    return json_make("{s:s, s:s, s:s, s:o, s:i, s:o}", "name", command->name, "summary", command->summary, "details",
                     command->details, "uses", uses, "mask", (int)mask, "examples", examples);
}

void help_describe(void)
{
    json_t *list = json_make("[]"), *options = json_make("[]"), *exits = json_make("[]"), *variables = json_make("[]");
    for (size_t i = 0; i < n_commands; i++)
        json_array_append_new(list, command_json(&commands[i]));
    for (size_t i = 0; i < n_option_rows; i++)
        json_array_append_new(options, json_make("{s:s, s:s?, s:i, s:s, s:b}", "name", option_rows[i].name, "value",
                                                 option_rows[i].value, "uses", (int)option_rows[i].uses, "help",
                                                 option_rows[i].help, "of_all",
                                                 option_rows[i].offset <= offsetof(struct options, version)));
#define ADD_EXIT(name, code, text) json_array_append_new(exits, json_make("{s:i, s:s}", "code", code, "text", text));
    EXIT_TABLE(ADD_EXIT)
    for (size_t i = 0; i < sizeof environment / sizeof *environment; i++)
        json_array_append_new(variables, json_make("{s:s, s:s}", "name", environment[i][0], "text", environment[i][1]));
    json_print(json_make("{s:s, s:o, s:o, s:o, s:o}", "summary", summary, "commands", list, "options", options, "exits",
                         exits, "environment", variables));
}
