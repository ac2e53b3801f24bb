/* SPDX-License-Identifier: MIT
 *
 * The job of weir-bench codec. weir-codegen makes note_job.h and note_job.c of it.
 */
#ifndef BENCH_NOTE_H
#define BENCH_NOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/codegen.h>

/** A mail, in the fields that are usual: texts, numbers, a flag. */
struct WEIR_JOB note {
    char *to;
    char subject[80];
    char *body;
    uint32_t tries WEIR_FIELD(default = 3);
    int64_t sent_ms;
    bool html;
};

#endif
