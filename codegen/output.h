/* SPDX-License-Identifier: MIT */
#ifndef CODEGEN_OUTPUT_H
#define CODEGEN_OUTPUT_H

#include "base/buffer.h"

#include <stdbool.h>

/* A file that is to be written. */
struct output {
    const char *path;
    struct weir_buffer text;
    const char *temporary; /* while it is being written */
};

/*
 * Writes all files, or none: each under a temporary name beside its place first, and renamed when all are whole. Says
 * what failed. The texts are freed.
 */
bool write_outputs(struct output *outputs, size_t n);

#endif
