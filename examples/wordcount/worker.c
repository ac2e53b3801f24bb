/* SPDX-License-Identifier: MIT
 *
 * Delivery is at least once: a worker that dies after it has stored a result, and before the job is acked, leaves a job
 * that another worker runs again. So all that a job does is to store, under the file's path, what is always the same.
 */
#include "worker.h"
#include "job_mapper.h"
#include "results.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <weir/weir.h>

struct worker {
    const struct options *options;
    pthread_key_t results; /* each of the queue's threads has its own connection: a hiredis context isn't shareable */
};

static void pause_us(int64_t us)
{
    struct timespec rest = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    while (nanosleep(&rest, &rest) != 0)
        ;
}

static void close_results(void *results)
{
    results_close(results);
}

/* This thread's connection; NULL where there is no memory. */
static struct results *own_results(const struct worker *worker)
{
    struct results *results = pthread_getspecific(worker->results);
    if (results != NULL)
        return results;
    results = results_open(worker->options->url);
    if (results != NULL && pthread_setspecific(worker->results, results) != 0) {
        results_close(results);
        return NULL;
    }
    return results;
}

/* That Redis is away for a moment is no fault of the file: its attempts aren't spent on that. */
static bool store(weir_job *job, struct results *results, const struct file_job *file, const struct counts *counts)
{
    for (int tries = 0; !results_store(results, file->run, file->path, strlen(file->path), counts); tries++) {
        if (tries == 100 || weir_job_cancelled(job)) {
            weir_job_error(job, "the result could not be stored: %s", results_reason(results));
            return false;
        }
        pause_us(100000);
    }
    return true;
}

static weir_outcome count(weir_job *job, const struct file_job *file, struct worker *worker)
{
    if (file->path[0] == '\0') {
        weir_job_error(job, "not a job of weir-wordcount");
        return WEIR_REJECT;
    }
    struct results *results = own_results(worker);
    if (results == NULL)
        return WEIR_RETRY;

    if (weir_job_attempt(job) > 1 || weir_job_deliveries(job) > 1)
        (void)results_note_rerun(results, file->run); /* only for the progress line */
    if (worker->options->delay_us > 0)
        pause_us(worker->options->delay_us);

    struct counts counts;
    int failure = count_file(file->path, file->words, &counts);
    if (failure != 0) {
        weir_job_error(job, "%s", strerror(failure));
        return WEIR_RETRY;
    }
    return store(job, results, file, &counts) ? WEIR_DONE : WEIR_RETRY;
}
FILE_JOB_HANDLER(count, struct worker);

static void wait_for_signal(void)
{
    sigset_t signals;
    int signal_number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    while (sigwait(&signals, &signal_number) != 0)
        ;
}

int worker_run(const struct options *options)
{
    struct worker worker = {.options = options};
    weir_queue *queue = NULL;
    weir_error err;

    if (pthread_key_create(&worker.results, close_results) != 0) {
        fprintf(stderr, "weir-wordcount: no memory\n");
        return EXIT_TROUBLE;
    }

    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = options->url;
    o.stream = options->stream != NULL ? options->stream : DEFAULT_STREAM;
    o.group = JOB_GROUP;
    count_attach(&o, &worker);
    o.concurrency = options->concurrency;
    o.connection.client_name = "weir-wordcount";

    /* A killed worker's files are taken over after 2 s; to be killed often isn't a file's fault. */
    o.min_idle_ms = 2000;
    o.max_deliveries = 100;

    /* A file that can't be read is tried again after about 0.1 s and 0.2 s. */
    o.max_attempts = 3;
    o.backoff = WEIR_BACKOFF_EXPONENTIAL;
    o.backoff_base_ms = 100;
    o.promote_interval_ms = 50;

    int code = EXIT_TROUBLE;
    if (weir_queue_open(&queue, &o, &err) != WEIR_OK || weir_queue_start(queue, &err) != WEIR_OK) {
        fprintf(stderr, "weir-wordcount: %s\n", err.message);
    } else {
        wait_for_signal();
        if (weir_queue_stop(queue, 10000) == WEIR_OK)
            code = EXIT_COUNTED;
        else
            fprintf(stderr, "weir-wordcount: stopped with files begun; another worker takes them over\n");
    }
    weir_queue_close(queue);
    return code;
}
