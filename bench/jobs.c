/* SPDX-License-Identifier: MIT */
#include "jobs.h"

#include "bare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 32 };

void job_template_init(struct job_template *job, const struct options *options)
{
    size_t payload = options->payload ? options->payload : 110, n = options->fields ? options->fields : 3;
    job->items = must_alloc(n * sizeof *job->items);
    job->text = must_alloc(n * NAME_MAX_LEN + payload);
    job->fields = (weir_fields){job->items, n};
    char *names = job->text, *values = job->text + n * NAME_MAX_LEN;
    memset(values, 'v', payload);
    for (size_t i = 0; i < n; i++) {
        char *name = names + i * NAME_MAX_LEN;
        snprintf(name, NAME_MAX_LEN, "field%zu", i);
        size_t len = payload / n + (i < payload % n);
        job->items[i] = weir_field_bytes(name, values, len);
        values += len;
    }
}

void job_template_free(struct job_template *job)
{
    free(job->items);
    free(job->text);
}

/* A malloc'd XADD of hiredis; redisFreeCommand frees it. */
static char *format_job(const char *stream, const weir_fields *fields, size_t *ret_len)
{
    enum { FIELDS_MAX = 1000 };
    const char *argv[3 + 2 * FIELDS_MAX] = {"XADD", stream, "*"};
    size_t lens[3 + 2 * FIELDS_MAX] = {4, strlen(stream), 1}, n = 3;
    for (size_t i = 0; i < fields->n; i++) {
        argv[n] = fields->items[i].name;
        lens[n++] = fields->items[i].name_len;
        argv[n] = fields->items[i].value;
        lens[n++] = fields->items[i].value_len;
    }
    char *formatted;
    long long len = redisFormatCommandArgv(&formatted, (int)n, argv, lens);
    if (len < 0)
        die("no memory for a command");
    *ret_len = (size_t)len;
    return formatted;
}

char *job_command(const struct job_template *job, const char *stream, size_t *ret_len)
{
    char *formatted = format_job(stream, &job->fields, ret_len), *command = must_alloc(*ret_len);
    memcpy(command, formatted, *ret_len);
    redisFreeCommand(formatted);
    return command;
}

void append_job(redisContext *context, const char *stream, const weir_fields *fields)
{
    size_t len;
    char *formatted = format_job(stream, fields, &len);
    redisAppendFormattedCommand(context, formatted, len);
    redisFreeCommand(formatted);
}

void stream_with_jobs(struct bench *bench, const struct job_template *job, uint64_t jobs, char out[STREAM_NAME_MAX])
{
    bench_stream_name(bench, out);
    if (jobs > 0)
        bare_enqueue(bench, job, out, jobs, 0);
    freeReplyObject(bench_command(bench, "XGROUP CREATE %s bench 0 MKSTREAM", out));
}
