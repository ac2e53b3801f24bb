/* SPDX-License-Identifier: MIT
 *
 * The command line.
 */
#ifndef WORDCOUNT_OPTIONS_H
#define WORDCOUNT_OPTIONS_H

#include "count.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes, beside 128 + the signal that ended a run. */
enum { EXIT_COUNTED = 0, EXIT_UNCOUNTED = 1, EXIT_TROUBLE = 2 };

enum mode { MODE_COUNT, MODE_WORKER };

struct options {
    enum mode mode;
    const char *url;
    const char *stream; /* NULL: the default of the mode */

    /* MODE_COUNT */
    const char *dir;
    const char *run; /* NULL: a new name */
    size_t workers;
    enum word_rule rule;
    bool json;
    bool keep;

    /* both: a coordinator hands these on to the workers that it starts */
    uint32_t concurrency;
    int64_t delay_us;
};

/* The stream of a worker, and of a run without workers of its own. */
#define DEFAULT_STREAM "wordcount"

/* Reads the command line. Prints and exits by itself for --help and --version, and where something is wrong. */
struct options options_parse(int argc, char **argv);

#endif
