/* SPDX-License-Identifier: MIT
 *
 * weir: the command line. commands.c has the subcommands, options.c their options; each subcommand is a file.
 *
 * What must stay true: standard output has the answer and nothing else, standard error what went wrong and how far it
 * is; nothing that came from a job or a name gets to a terminal unseen (text.c); no password is ever printed.
 */
#include "commands.h"
#include "complete.h"
#include "help.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

/* What could not be written is a failure, but for a reader that has seen enough: SIGPIPE has ended us then. */
static enum exit_code finish(enum exit_code code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    complain("standard output can't be written: %s", strerror(errno));
    return code == EXIT_DONE ? EXIT_FAILED : code;
}

int main(int argc, char **argv)
{
    static struct options options = {
        .timeout_ms = 5000,
        .interval_ms = 2000,
        .alive_ms = 30000,
        .idle_ms = 300000,
        .stale_ms = 60000,
        .count = 50,
        .port = 8377,
    };
    text_init();
    signal(SIGPIPE, SIG_DFL);
    weir_log_set(WEIR_LOG_OFF, NULL, NULL);
    if (argc >= 2 && strcmp(argv[1], "__complete") == 0)
        return complete(argc - 2, argv + 2);
    if (argc == 2 && strcmp(argv[1], "__describe") == 0) {
        help_describe();
        return (int)finish(EXIT_DONE);
    }
    const struct command_use *use = NULL;
    const struct command *command = options_parse(&options, &use, argc, argv);
    if (options.version) {
        printf("weir %s\n", weir_version());
        return (int)finish(EXIT_DONE);
    }
    if (options.help || !command) {
        if (!options.help)
            fail(EXIT_USAGE, "which subcommand? weir --help lists them");
        help_print(command);
        return (int)finish(EXIT_DONE);
    }
    return (int)finish(use->run(&options));
}
