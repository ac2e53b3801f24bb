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

char *job_command(const struct job_template *job, const char *stream, size_t *ret_len)
{
    size_t n = 3 + 2 * job->fields.n, i = 0;
    const char **argv = must_alloc(n * sizeof *argv);
    size_t *lens = must_alloc(n * sizeof *lens);
    const char *head[] = {"XADD", stream, "*"};
    for (; i < 3; i++) {
        argv[i] = head[i];
        lens[i] = strlen(head[i]);
    }
    for (size_t j = 0; j < job->fields.n; j++) {
        argv[i] = job->items[j].name;
        lens[i++] = job->items[j].name_len;
        argv[i] = job->items[j].value;
        lens[i++] = job->items[j].value_len;
    }
    char *formatted;
    long long len = redisFormatCommandArgv(&formatted, (int)n, argv, lens);
    if (len < 0)
        die("no memory for a command");
    char *command = must_alloc((size_t)len);
    memcpy(command, formatted, (size_t)len);
    redisFreeCommand(formatted);
    free(argv);
    free(lens);
    *ret_len = (size_t)len;
    return command;
}

void stream_with_jobs(struct bench *bench, const struct job_template *job, uint64_t jobs, char out[STREAM_NAME_MAX])
{
    bench_stream_name(bench, out);
    bare_enqueue(bench, job, out, jobs, 0);
    freeReplyObject(bench_command(bench, "XGROUP CREATE %s bench 0", out));
}
