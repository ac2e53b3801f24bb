/* SPDX-License-Identifier: MIT
 *
 * What the coordinator and the workers agree on. weir-codegen makes job_mapper.h of it.
 */
#ifndef WORDCOUNT_JOB_H
#define WORDCOUNT_JOB_H

#include "count.h"

#include <weir/codegen.h>

/* The consumer group that all workers are in. */
#define JOB_GROUP "wordcount"

/** A file that is to be counted. */
struct WEIR_JOB file_job {
    char *run;  /**< the Redis hash that takes the result */
    char *path; /**< absolute; any bytes but NUL */
    enum word_rule words WEIR_FIELD(default = WORDS_PRINTING);
};

#endif
