/* SPDX-License-Identifier: MIT
 *
 * Asynchronous handlers: a hundred jobs that each wait for a timer, on one event loop, without a thread for each.
 *
 * The handler returns WEIR_LATER, and the event loop ends the job with weir_job_finish. Events are added on the loop's
 * own thread only, so jobs come to it through a pipe: a pointer is written whole.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/weir.h>

enum { JOBS = 100 };

struct loop {
    struct event_base *base;
    int jobs_in;  /* the pipe's end for the handlers */
    int jobs_out; /* and for the loop */
    int finished;
    int now; /* jobs begun and not finished */
    int most;
};

/* One job on its way, from the pipe to its timer. */
struct task {
    struct loop *loop;
    weir_job *job;
};

/* On a thread of the queue. The job keeps its slot; the thread is free for the next. */
static weir_outcome hand_over(weir_job *job, void *user_data)
{
    struct loop *loop = user_data;
    if (write(loop->jobs_in, &job, sizeof job) != (ssize_t)sizeof job) {
        weir_job_error(job, "the event loop takes no more jobs");
        return WEIR_RETRY;
    }
    return WEIR_LATER;
}

/* On the loop's thread, as all that follows: a real program would have its answer from the network now. */
static void finish(evutil_socket_t unused, short what, void *user_data)
{
    struct task *task = user_data;
    struct loop *loop = task->loop;
    (void)unused;
    (void)what;

    weir_job_finish(task->job, WEIR_DONE);
    free(task);
    loop->now--;
    if (++loop->finished == JOBS)
        event_base_loopbreak(loop->base);
}

static void begin(evutil_socket_t pipe_end, short what, void *user_data)
{
    static const struct timeval a_while = {.tv_usec = 200000};
    struct loop *loop = user_data;
    weir_job *job;
    (void)what;

    if (read(pipe_end, &job, sizeof job) != (ssize_t)sizeof job)
        return;
    struct task *task = malloc(sizeof *task);
    if (task != NULL) {
        *task = (struct task){loop, job};
        if (event_base_once(loop->base, -1, EV_TIMEOUT, finish, task, &a_while) == 0) {
            loop->now++;
            loop->most = loop->now > loop->most ? loop->now : loop->most;
            return;
        }
        free(task);
    }
    weir_job_error(job, "no memory for a timer");
    weir_job_finish(job, WEIR_RETRY);
}

static weir_status enqueue_all(const char *url, const char *stream, weir_error *err)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = stream;
    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, err);
    if (status == WEIR_OK) {
        const weir_fields *fields = WEIR_FIELDS(weir_field_text("question", "how long is a while?"));
        weir_enqueue_job jobs[JOBS];
        for (int i = 0; i < JOBS; i++)
            jobs[i] = (weir_enqueue_job){.fields = fields};
        status = weir_enqueue_bulk(producer, jobs, JOBS, NULL, err);
    }
    weir_producer_close(producer);
    return status;
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : getenv("WEIR_URL");
    int ends[2];
    struct loop loop = {.base = event_base_new()};
    if (loop.base == NULL || pipe(ends) != 0) {
        perror("libevent");
        return EXIT_FAILURE;
    }
    loop.jobs_out = ends[0];
    loop.jobs_in = ends[1];
    struct event *arrival = event_new(loop.base, loop.jobs_out, EV_READ | EV_PERSIST, begin, &loop);

    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = url != NULL ? url : "redis://127.0.0.1:6379";
    o.stream = "questions";
    o.handler = hand_over;
    o.user_data = &loop;
    o.concurrency = 50; /* jobs at once; threads are few */

    weir_queue *queue = NULL;
    weir_error err = {.message = "no memory"};
    weir_status status = WEIR_ERR_MEMORY;
    if (arrival != NULL && event_add(arrival, NULL) == 0)
        status = enqueue_all(o.url, o.stream, &err);
    if (status == WEIR_OK)
        status = weir_queue_open(&queue, &o, &err);
    if (status == WEIR_OK)
        status = weir_queue_start(queue, &err);

    if (status != WEIR_OK) {
        fprintf(stderr, "libevent: %s\n", err.message);
    } else {
        event_base_dispatch(loop.base); /* until all are finished */
        status = weir_queue_stop(queue, 10000);
        printf("%d jobs finished, up to %d of them at once\n", loop.finished, loop.most);
    }

    weir_queue_close(queue); /* from here on no handler writes into the pipe */
    if (arrival != NULL)
        event_free(arrival);
    event_base_free(loop.base);
    close(loop.jobs_in);
    close(loop.jobs_out);
    return status == WEIR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
