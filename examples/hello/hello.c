/* SPDX-License-Identifier: MIT
 *
 * A producer and a worker in one program: enqueues three jobs, greets whom they name, and ends.
 */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

static weir_outcome greet(weir_job *job, void *user_data)
{
    const char *name = weir_job_field(job, "name", NULL);
    if (name == NULL)
        return WEIR_REJECT; /* not one of ours: to the dead letters with it */
    printf("hello, %s\n", name);
    sem_post(user_data);
    return WEIR_DONE;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"Ada", "Grace", "Barbara"};
    const char *url = argc > 1 ? argv[1] : getenv("WEIR_URL");
    sem_t greeted;
    sem_init(&greeted, 0, 0);

    weir_producer_options p = WEIR_PRODUCER_OPTIONS_INIT;
    p.url = url != NULL ? url : "redis://127.0.0.1:6379";
    p.stream = "hello";

    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = p.url;
    o.stream = p.stream;
    o.handler = greet;
    o.user_data = &greeted;

    weir_producer *producer = NULL;
    weir_queue *queue = NULL;
    weir_error err;
    weir_status status = weir_producer_open(&producer, &p, &err);
    for (int i = 0; i < 3 && status == WEIR_OK; i++)
        status = weir_enqueue(producer, WEIR_FIELDS(weir_field_text("name", names[i])), NULL, NULL, &err);
    if (status == WEIR_OK)
        status = weir_queue_open(&queue, &o, &err);
    if (status == WEIR_OK)
        status = weir_queue_start(queue, &err);

    if (status != WEIR_OK) {
        fprintf(stderr, "hello: %s\n", err.message);
    } else {
        for (int i = 0; i < 3; i++)
            sem_wait(&greeted);
        status = weir_queue_stop(queue, 10000);
    }
    weir_queue_close(queue);
    weir_producer_close(producer);
    return status == WEIR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
