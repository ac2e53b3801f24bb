/* SPDX-License-Identifier: MIT
 *
 * The table of subcommands, of which --help, the completion and weir(1) are made.
 */
#ifndef WEIR_CLI_COMMANDS_H
#define WEIR_CLI_COMMANDS_H

#include "fail.h"
#include "options.h"

/* One thing that a subcommand can do: "dead S requeue". */
struct command_use {
    const char *verb; /* NULL: there is but one */
    enum use use;
    const char *synopsis; /* what stands behind the subcommand's name */
    const char *summary;  /* where there are verbs */
    size_t least, most;   /* words besides the verb */
    bool streams;         /* the words are names of streams, all of them; else the first one at most */
    enum exit_code (*run)(const struct options *options);
};

struct command_example {
    const char *line, *text;
};

enum { COMMAND_USES = 4, COMMAND_EXAMPLES = 4 };

struct command {
    const char *name;
    const char *summary; /* one line without a full stop */
    const char *details; /* paragraphs, separated by empty lines */
    struct command_use uses[COMMAND_USES];
    struct command_example examples[COMMAND_EXAMPLES];
};

extern const struct command commands[];
extern const size_t n_commands;

const struct command *command_find(const char *name);

enum exit_code enqueue_run(const struct options *options);
enum exit_code ls_run(const struct options *options);
enum exit_code stats_run(const struct options *options);
enum exit_code top_run(const struct options *options);
enum exit_code pending_run(const struct options *options);
enum exit_code pending_show(const struct options *options);
enum exit_code delayed_ls(const struct options *options);
enum exit_code delayed_run(const struct options *options);
enum exit_code delayed_rm(const struct options *options);
enum exit_code dead_ls(const struct options *options);
enum exit_code dead_show(const struct options *options);
enum exit_code dead_requeue(const struct options *options);
enum exit_code dead_purge(const struct options *options);
enum exit_code pause_run(const struct options *options);
enum exit_code resume_run(const struct options *options);
enum exit_code reap_run(const struct options *options);
enum exit_code check_run(const struct options *options);
enum exit_code serve_run(const struct options *options);
enum exit_code bench_run(const struct options *options);

#endif
