/* SPDX-License-Identifier: MIT
 *
 * What the coordinator and the workers agree on.
 */
#ifndef WORDCOUNT_JOB_H
#define WORDCOUNT_JOB_H

/* The fields of a job. */
#define JOB_RUN "run"     /* the Redis hash that takes the result */
#define JOB_PATH "path"   /* the file: absolute, any bytes but NUL */
#define JOB_WORDS "words" /* "any" for WORDS_ANY; absent for WORDS_PRINTING */

/* The consumer group that all workers are in. */
#define JOB_GROUP "wordcount"

#endif
