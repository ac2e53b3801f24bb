/* SPDX-License-Identifier: MIT
 *
 * A worker that does what a test says:  worker URL STREAM MODE
 *
 *   done    finishes each job at once
 *   hold    finishes none until a line comes on standard input
 *   crash   is killed by its first job
 *   retry   fails each job, once a second at most: with a backoff that a test can see
 *   fail    fails each job for good
 *
 * It prints "ready" once it runs, "start ID" for each job, and ends, having stopped, at the end of standard input.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

static const char *mode;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static bool open_for_all;

static weir_outcome run(weir_job *job, void *user_data)
{
    (void)user_data;
    pthread_mutex_lock(&mutex);
    printf("start %s\n", weir_job_id(job));
    fflush(stdout);
    while (strcmp(mode, "hold") == 0 && !open_for_all)
        pthread_cond_wait(&released, &mutex);
    pthread_mutex_unlock(&mutex);
    if (strcmp(mode, "crash") == 0)
        raise(SIGKILL);
    if (strcmp(mode, "fail") == 0) {
        weir_job_error(job, "no such user\033[31m");
        return WEIR_REJECT;
    }
    weir_job_error(job, "try again");
    return strcmp(mode, "retry") == 0 ? WEIR_RETRY : WEIR_DONE;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    mode = argv[3];
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = argv[1];
    o.stream = argv[2];
    o.handler = run;
    o.concurrency = 1;
    o.prefetch_ms = 0;
    o.min_idle_ms = 200; /* what a crash leaves behind is taken over soon */
    o.claim_interval_ms = 20;
    o.pause_interval_ms = 20;
    o.backoff_base_ms = o.backoff_cap_ms = 3600000;
    o.connection.command_timeout_ms = 20000;
    weir_queue *queue = NULL;
    weir_error err;
    if (weir_queue_open(&queue, &o, &err) != WEIR_OK || weir_queue_start(queue, &err) != WEIR_OK) {
        fprintf(stderr, "worker: %s\n", err.message);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (int c; (c = getchar()) != EOF;) {
        pthread_mutex_lock(&mutex);
        open_for_all = true;
        pthread_cond_broadcast(&released);
        pthread_mutex_unlock(&mutex);
    }
    weir_queue_close(queue);
    return 0;
}
