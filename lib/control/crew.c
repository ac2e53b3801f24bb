/* SPDX-License-Identifier: MIT
 *
 * The crew: threads that ask Redis, so that nobody else has to wait for it.
 *
 * What must stay true:
 *   - a task that was given comes back, always, and with an answer;
 *   - a member that is idle for long keeps no connection.
 */
#include "base/clock.h"
#include "base/error.h"
#include "control/control.h"
#include "control/routes.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    IDLE_US = 30000000,
    STUCK_MS = 120000, /* and as long as Redis may take for so many commands, which are more than those of one step */
    STEP_COMMANDS = 16,
};

static void answer_stopping(struct control_task *task)
{
    control_answer_error(&task->answer, 503, "busy", "The server is being stopped.");
}

void control_crew_wake_loop(const struct control_crew *crew)
{
    uint64_t one = 1;
    ssize_t ignored = write(crew->wake_fd, &one, sizeof one); /* it can only be full, and then is readable */
    (void)ignored;
}

static void give_back(struct control_crew *crew, struct control_task *task)
{
    pthread_mutex_lock(&crew->mutex);
    task->next = crew->finished;
    crew->finished = task;
    pthread_mutex_unlock(&crew->mutex);
    control_crew_wake_loop(crew);
}

/* The next task; NULL: there is none for now, or, with `stopping`, for ever. Waits for a while. */
static struct control_task *next_task(struct control_crew *crew, bool *ret_stopping)
{
    int64_t until_us = weir_now_us() + IDLE_US;
    pthread_mutex_lock(&crew->mutex);
    bool in_time = true;
    while (!crew->waiting && !crew->stopping && in_time)
        in_time = weir_cond_wait_until(&crew->work, &crew->mutex, until_us);
    struct control_task *task = crew->waiting;
    if (task) {
        crew->waiting = task->next;
        if (!crew->waiting)
            crew->last_waiting = &crew->waiting;
    }
    *ret_stopping = crew->stopping;
    pthread_mutex_unlock(&crew->mutex);
    return task;
}

static void *worker_main(void *argument)
{
    struct control_worker *worker = argument;
    struct control_crew *crew = &worker->control->crew;
    for (;;) {
        bool stopping;
        struct control_task *task = next_task(crew, &stopping);
        if (!task && stopping)
            break;
        if (!task) {
            control_handles_close(worker);
            continue;
        }
        control_worker_progressed(worker);
        worker->n_tasks++;
        if (stopping)
            answer_stopping(task);
        else
            task->route->ask(worker, task);
        if (task->answer.code == 0)
            control_answer_error(&task->answer, 500, "memory", "There is no memory for the answer.");
        control_worker_waits(worker);
        give_back(crew, task);
    }
    control_handles_close(worker);
    return NULL;
}

static int start_thread(pthread_t *thread, void *(*main)(void *), void *argument)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(thread, NULL, main, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

weir_status control_crew_start(struct weir_control *control, weir_error *err)
{
    struct control_crew *crew = &control->crew;
    crew->last_waiting = &crew->waiting;
    crew->workers = calloc(control->options.threads, sizeof *crew->workers);
    if (!crew->workers)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the control plane");
    while (crew->n_workers < control->options.threads) {
        struct control_worker *worker = &crew->workers[crew->n_workers];
        worker->control = control;
        int rc = start_thread(&worker->thread, worker_main, worker);
        if (rc != 0)
            return weir_error_set(err, WEIR_ERR_SYSTEM, "no thread could be started: %s", strerror(rc));
        crew->n_workers++;
    }
    return WEIR_OK;
}

void control_crew_stop(struct weir_control *control)
{
    struct control_crew *crew = &control->crew;
    pthread_mutex_lock(&crew->mutex);
    crew->stopping = true;
    pthread_cond_broadcast(&crew->work);
    pthread_mutex_unlock(&crew->mutex);
    for (size_t i = 0; i < crew->n_workers; i++)
        pthread_join(crew->workers[i].thread, NULL);
}

void control_crew_free(struct control_crew *crew)
{
    free(crew->workers);
}

bool control_crew_give(struct control_crew *crew, struct control_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&crew->mutex);
    bool taken = !crew->stopping;
    if (taken) {
        *crew->last_waiting = task;
        crew->last_waiting = &task->next;
        pthread_cond_signal(&crew->work);
    }
    pthread_mutex_unlock(&crew->mutex);
    if (!taken)
        answer_stopping(task);
    return taken;
}

struct control_task *control_crew_take_back(struct control_crew *crew)
{
    uint64_t ignored;
    ssize_t n = read(crew->wake_fd, &ignored, sizeof ignored);
    (void)n;
    pthread_mutex_lock(&crew->mutex);
    struct control_task *finished = crew->finished;
    crew->finished = NULL;
    pthread_mutex_unlock(&crew->mutex);
    return finished;
}

bool control_is_stopping(struct weir_control *control)
{
    pthread_mutex_lock(&control->crew.mutex);
    bool stopping = control->crew.stopping;
    pthread_mutex_unlock(&control->crew.mutex);
    return stopping;
}

void control_worker_progressed(struct control_worker *worker)
{
    atomic_store(&worker->progress_us, weir_now_us());
}

void control_worker_waits(struct control_worker *worker)
{
    atomic_store(&worker->progress_us, 0);
}

int64_t control_crew_stalled_ms(const struct control_crew *crew)
{
    int64_t now_us = weir_now_us(), longest_us = 0;
    for (size_t i = 0; i < crew->n_workers; i++) {
        int64_t since_us = atomic_load(&crew->workers[i].progress_us);
        if (since_us > 0 && now_us - since_us > longest_us)
            longest_us = now_us - since_us;
    }
    return longest_us / 1000;
}

int64_t control_crew_may_stall_ms(const struct weir_control *control)
{
    const weir_connection_options *redis = &control->options.connection;
    return STUCK_MS + STEP_COMMANDS * (redis->connect_timeout_ms + redis->command_timeout_ms);
}
