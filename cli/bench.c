/* SPDX-License-Identifier: MIT
 *
 * weir bench: weir-bench, which lies beside this program, where it is installed, in the build folder, or in PATH.
 */
#include "commands.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const places[] = {"weir-bench", "../libexec/weir/weir-bench", "../bench/weir-bench"};

enum exit_code bench_run(const struct options *options)
{
    char **argv = keep((options->n_words + 3) * sizeof *argv);
    argv[0] = keep_text("weir-bench", strlen("weir-bench"));
    for (size_t i = 0; i < options->n_words; i++)
        argv[i + 1] = keep_text(options->words[i], strlen(options->words[i]));
    size_t n = options->n_words + 1;
    if (n == 1)
        argv[n++] = keep_text("--help", strlen("--help"));
    argv[n] = NULL;

    char own[PATH_MAX], path[PATH_MAX + 40];
    ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);
    own[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(own, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s/%s", own, places[i]);
        execv(path, argv);
    }
    execvp("weir-bench", argv);
    fail(EXIT_FAILED,
         "weir-bench can't be run: %s. meson install puts it beside weir where that was configured with "
         "-Dbench=true; the Debian packages leave it out",
         strerror(errno));
}
