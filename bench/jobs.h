/* SPDX-License-Identifier: MIT
 *
 * The job that everything is measured with: a few fields, as weir takes them and as the bytes of XADD commands.
 */
#ifndef BENCH_JOBS_H
#define BENCH_JOBS_H

#include "bench.h"

struct job_template {
    weir_fields fields;
    weir_field *items;
    char *text;
};

/* As --payload and --fields say; 3 fields and 110 bytes where they don't. */
void job_template_init(struct job_template *job, const struct options *options);
void job_template_free(struct job_template *job);

/* A malloc'd XADD of the job, in the protocol's bytes. */
char *job_command(const struct job_template *job, const char *stream, size_t *ret_len);

/* Puts an XADD of these fields into the output of a hiredis connection. */
void append_job(redisContext *context, const char *stream, const weir_fields *fields);

/* A new stream with `jobs` of these, and with the group "bench" from its beginning. */
void stream_with_jobs(struct bench *bench, const struct job_template *job, uint64_t jobs, char out[STREAM_NAME_MAX]);

#endif
