/* SPDX-License-Identifier: MIT
 *
 * Delayed jobs: three reminders, enqueued in one go, which come when they are due.
 */
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <weir/weir.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* weir_job_enqueued_ms is by the server's clock, which on another machine may differ a little from ours. */
static weir_outcome remind(weir_job *job, void *user_data)
{
    const char *of = weir_job_field(job, "of", NULL);
    if (of == NULL)
        return WEIR_REJECT;
    printf("%s, after %" PRId64 " ms\n", of, now_ms() - weir_job_enqueued_ms(job));
    sem_post(user_data);
    return WEIR_DONE;
}

static weir_status enqueue_all(const char *url, const char *stream, weir_error *err)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = stream;

    weir_enqueue_options in_a_while = WEIR_ENQUEUE_OPTIONS_INIT;
    in_a_while.delay_ms = 400;
    weir_enqueue_options at_a_time = WEIR_ENQUEUE_OPTIONS_INIT;
    at_a_time.run_at_ms = now_ms() + 200;

    const weir_enqueue_job jobs[] = {
        {WEIR_FIELDS(weir_field_text("of", "tea")), &in_a_while},
        {WEIR_FIELDS(weir_field_text("of", "milk")), &at_a_time},
        {WEIR_FIELDS(weir_field_text("of", "water")), NULL}, /* at once */
    };

    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, err);
    if (status == WEIR_OK)
        status = weir_enqueue_bulk(producer, jobs, sizeof jobs / sizeof *jobs, NULL, err);
    weir_producer_close(producer);
    return status;
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : getenv("WEIR_URL");
    sem_t reminded;
    sem_init(&reminded, 0, 0);

    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = url != NULL ? url : "redis://127.0.0.1:6379";
    o.stream = "reminders";
    o.handler = remind;
    o.user_data = &reminded;
    o.promote_interval_ms = 20; /* how late a delayed job may be; the default is 500 */

    weir_queue *queue = NULL;
    weir_error err;
    weir_status status = weir_queue_open(&queue, &o, &err);
    if (status == WEIR_OK)
        status = weir_queue_start(queue, &err);
    if (status == WEIR_OK)
        status = enqueue_all(o.url, o.stream, &err);

    if (status != WEIR_OK) {
        fprintf(stderr, "delayed: %s\n", err.message);
    } else {
        for (int i = 0; i < 3; i++)
            sem_wait(&reminded);
        status = weir_queue_stop(queue, 10000);
    }
    weir_queue_close(queue);
    return status == WEIR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
