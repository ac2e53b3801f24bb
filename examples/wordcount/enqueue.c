/* SPDX-License-Identifier: MIT */
#include "enqueue.h"
#include "job_mapper.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 512, TRIES = 50 };

struct enqueuer {
    weir_producer *producer;
    char *run;
    enum word_rule rule;
    uint64_t enqueued;
    struct file_job files[CHUNK]; /* those that aren't enqueued yet; their paths are ours */
    size_t n;
};

static weir_status no_memory(weir_error *err)
{
    *err = (weir_error){.code = WEIR_ERR_MEMORY, .message = "no memory"};
    return WEIR_ERR_MEMORY;
}

weir_status enqueuer_open(struct enqueuer **ret, const char *url, const char *stream, const char *run,
                          enum word_rule rule, weir_error *err)
{
    struct enqueuer *enqueuer = calloc(1, sizeof *enqueuer);
    if (enqueuer == NULL)
        return no_memory(err);
    enqueuer->run = (char *)run; /* only read: it is const in a job's handler, too */
    enqueuer->rule = rule;

    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = stream;
    weir_status status = weir_producer_open(&enqueuer->producer, &options, err);
    if (status == WEIR_OK)
        *ret = enqueuer;
    else
        free(enqueuer);
    return status;
}

void enqueuer_close(struct enqueuer *enqueuer)
{
    if (enqueuer == NULL)
        return;
    for (size_t i = 0; i < enqueuer->n; i++)
        free(enqueuer->files[i].path);
    weir_producer_close(enqueuer->producer);
    free(enqueuer);
}

weir_status enqueuer_add(struct enqueuer *enqueuer, const char *path, size_t path_len, weir_error *err)
{
    char *copy = malloc(path_len + 1);
    if (copy == NULL)
        return no_memory(err);
    memcpy(copy, path, path_len + 1);
    enqueuer->files[enqueuer->n] = (struct file_job){.run = enqueuer->run, .path = copy, .words = enqueuer->rule};
    return ++enqueuer->n < CHUNK ? WEIR_OK : enqueuer_flush(enqueuer, err);
}

/* One bulk. What went into the stream leaves the chunk; the rest moves up. */
static weir_status enqueue_chunk(struct enqueuer *enqueuer, weir_error *err)
{
    weir_enqueue_result results[CHUNK];
    weir_status status = file_job_enqueue_bulk(enqueuer->producer, enqueuer->files, enqueuer->n, NULL, results, err);

    size_t left = 0;
    for (size_t i = 0; i < enqueuer->n; i++) {
        if (status == WEIR_OK || results[i].status == WEIR_OK) {
            free(enqueuer->files[i].path);
            enqueuer->enqueued++;
        } else {
            enqueuer->files[left++] = enqueuer->files[i];
        }
    }
    enqueuer->n = left;
    return status;
}

weir_status enqueuer_flush(struct enqueuer *enqueuer, weir_error *err)
{
    weir_status status = enqueue_chunk(enqueuer, err);
    for (int tries = 1; status != WEIR_OK && err->retriable && tries < TRIES; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        status = enqueue_chunk(enqueuer, err);
    }
    return status;
}

uint64_t enqueuer_count(const struct enqueuer *enqueuer)
{
    return enqueuer->enqueued;
}
