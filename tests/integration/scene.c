/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void record_line(weir_log_level level, const char *line, void *scene)
{
    recorder_add(((struct scene *)scene)->log, line, level);
}

static struct scene *new_scene(struct test_server *server)
{
    signal(SIGPIPE, SIG_IGN); /* the test's own hiredis */
    struct scene *scene = calloc(1, sizeof *scene);
    if (!scene || pthread_mutex_init(&scene->mutex, NULL) != 0 || pthread_cond_init(&scene->changed, NULL) != 0)
        test_die("no memory for a scene");
    scene->server = server;
    scene->ran = recorder_new();
    scene->done = recorder_new();
    scene->events = recorder_new();
    scene->log = recorder_new();
    scene->options = (weir_queue_options)WEIR_QUEUE_OPTIONS_INIT;
    scene->options.url = test_server_url(server);
    scene->options.stream = "jobs";
    scene->options.handler = scene_handler;
    scene->options.on_event = scene_on_event;
    scene->options.user_data = scene;
    weir_log_set(WEIR_LOG_WARNING, record_line, scene);
    return scene;
}

struct scene *scene_new(const char *const *extra_args)
{
    return new_scene(test_server_start_with(extra_args));
}

struct scene *scene_new_tcp(const char *const *extra_args)
{
    return new_scene(test_server_start_tcp(extra_args));
}

void scene_close(struct scene *scene)
{
    scene_release(scene);
    scene_finish_later(scene, WEIR_DONE);
    if (scene->queue)
        weir_queue_stop(scene->queue, 1000);
    scene_finish_later(scene, WEIR_DONE);
    weir_queue_close(scene->queue);
    scene->queue = NULL;
    scene_finish_later(scene, WEIR_DONE);
    recorder_clear(scene->ran);
    recorder_clear(scene->done);
    recorder_clear(scene->events);
    scene->n_handled = 0;
    scene_hold(scene);
}

static bool one_thread_left(void *context)
{
    (void)context;
    return process_threads() <= (SANITIZED ? 2 : 1); /* a sanitizer may have one of its own */
}

void scene_free(struct scene *scene)
{
    if (!scene)
        return;
    scene_close(scene);
    scene_release(scene);
    weir_producer_close(scene->producer);
    test_proxy_stop(scene->proxy);
    test_server_stop(scene->server);
    wait_for(one_thread_left, NULL, TEST_TIMEOUT_MS); /* handlers that a stop left behind use the scene */
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
    recorder_free(scene->ran);
    recorder_free(scene->done);
    recorder_free(scene->events);
    recorder_free(scene->log);
    pthread_cond_destroy(&scene->changed);
    pthread_mutex_destroy(&scene->mutex);
    free(scene);
}

int scene_set_up(void **state)
{
    *state = scene_new(NULL);
    return 0;
}

int scene_tear_down(void **state)
{
    scene_free(*state);
    return 0;
}

void scene_use_proxy(struct scene *scene, bool tcp)
{
    scene->proxy = test_proxy_start(test_server_socket(scene->server));
    scene->options.url = tcp ? test_proxy_tcp_url(scene->proxy) : test_proxy_url(scene->proxy);
}

void scene_open(struct scene *scene)
{
    weir_error err;
    assert_null(scene->queue);
    if (weir_queue_open(&scene->queue, &scene->options, &err) != WEIR_OK)
        fail_msg("open: %s: %s", err.message, err.server);
}

void scene_start(struct scene *scene)
{
    weir_error err;
    if (!scene->queue)
        scene_open(scene);
    if (weir_queue_start(scene->queue, &err) != WEIR_OK)
        fail_msg("start: %s", err.message);
}

/* --- the handler --- */

static void wait_for_release(struct scene *scene, const weir_job *heeding)
{
    pthread_mutex_lock(&scene->mutex);
    while (!scene->released && !(heeding && weir_job_cancelled(heeding))) {
        if (!heeding) {
            pthread_cond_wait(&scene->changed, &scene->mutex);
            continue;
        }
        pthread_mutex_unlock(&scene->mutex);
        poll(NULL, 0, 1);
        pthread_mutex_lock(&scene->mutex);
    }
    pthread_mutex_unlock(&scene->mutex);
}

static void keep_for_later(struct scene *scene, weir_job *job)
{
    pthread_mutex_lock(&scene->mutex);
    if (scene->n_later == COUNT_OF(scene->later))
        test_die("more asynchronous jobs than a scene has room for");
    scene->later[scene->n_later++] = job;
    pthread_mutex_unlock(&scene->mutex);
}

static weir_outcome act(struct scene *scene, weir_job *job, const char *what)
{
    if (strncmp(what, "hold", 4) == 0)
        wait_for_release(scene, NULL);
    if (strcmp(what, "heed") == 0)
        wait_for_release(scene, job);
    if (strcmp(what, "stop") == 0)
        recorder_add(scene->events, "stop in handler", weir_queue_stop(scene->queue, 1000));
    if (strcmp(what, "close") == 0)
        weir_queue_close(scene->queue);
    if (strstr(what, "retry")) {
        weir_job_error(job, "it was told to fail");
        return WEIR_RETRY;
    }
    return strstr(what, "reject") ? WEIR_REJECT : WEIR_DONE;
}

weir_outcome scene_handler(weir_job *job, void *context)
{
    struct scene *scene = context;
    const char *what = weir_job_field(job, "do", NULL);
    char text[32];
    snprintf(text, sizeof text, "%s", what ? what : "");
    uint32_t attempt = weir_job_attempt(job);
    if (strcmp(text, "later") == 0) {
        keep_for_later(scene, job); /* it may be gone from here on */
        recorder_add(scene->ran, text, attempt);
        return WEIR_LATER;
    }
    recorder_add(scene->ran, text, attempt);
    weir_outcome outcome = act(scene, job, text);
    recorder_add(scene->done, text, outcome);
    scene->n_handled++;
    return outcome;
}

void scene_on_event(const weir_event *event, void *scene)
{
    recorder_add(((struct scene *)scene)->events, weir_event_kind_text(event->kind), 0);
}

void scene_release(struct scene *scene)
{
    pthread_mutex_lock(&scene->mutex);
    scene->released = true;
    pthread_cond_broadcast(&scene->changed);
    pthread_mutex_unlock(&scene->mutex);
}

void scene_hold(struct scene *scene)
{
    pthread_mutex_lock(&scene->mutex);
    scene->released = false;
    pthread_mutex_unlock(&scene->mutex);
}

size_t scene_finish_later(struct scene *scene, weir_outcome outcome)
{
    size_t n = 0;
    for (;; n++) {
        pthread_mutex_lock(&scene->mutex);
        weir_job *job = scene->n_later > 0 ? scene->later[--scene->n_later] : NULL;
        pthread_mutex_unlock(&scene->mutex);
        if (!job)
            return n;
        if (weir_job_finish(job, outcome) != WEIR_OK)
            test_die("an asynchronous job could not be finished");
        recorder_add(scene->done, "later", outcome);
    }
}

/* --- jobs --- */

void scene_add(struct scene *scene, const char *what)
{
    redisReply *reply = test_server_command(scene->server, "XADD %s * do %s", scene->options.stream, what);
    if (reply->type != REDIS_REPLY_STRING)
        test_die("XADD: %s", reply->str);
    freeReplyObject(reply);
}

void scene_add_many(struct scene *scene, const char *what, size_t n)
{
    weir_error err;
    if (!scene->producer) {
        weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
        options.url = test_server_url(scene->server);
        options.stream = scene->options.stream;
        if (weir_producer_open(&scene->producer, &options, &err) != WEIR_OK)
            test_die("producer: %s", err.message);
    }
    const weir_field field = weir_field_text("do", what);
    const weir_fields fields = {&field, 1};
    weir_enqueue_job *jobs = calloc(n + 1, sizeof *jobs);
    for (size_t i = 0; jobs && i < n; i++)
        jobs[i].fields = &fields;
    if (!jobs || weir_enqueue_bulk(scene->producer, jobs, n, NULL, &err) != WEIR_OK)
        test_die("bulk: %s", err.message);
    free(jobs);
}

weir_stats scene_stats(struct scene *scene)
{
    weir_stats stats = WEIR_STATS_INIT;
    if (weir_queue_stats(scene->queue, &stats) != WEIR_OK)
        test_die("no statistics");
    return stats;
}

long long scene_pending(struct scene *scene)
{
    redisReply *reply =
        test_server_command(scene->server, "XPENDING %s %s", scene->options.stream, scene->options.group);
    long long n = reply->type == REDIS_REPLY_ARRAY ? reply->element[0]->integer : -1;
    freeReplyObject(reply);
    return n;
}

long long scene_length(struct scene *scene)
{
    return test_server_integer(scene->server, "XLEN %s", scene->options.stream);
}

/* --- waiting --- */

/* What a test waited for in vain, with what there is to know. */
static _Noreturn void in_vain(struct scene *scene, const char *what, const char *detail, size_t n)
{
    for (size_t i = 0, lines = recorder_count(scene->log); i < lines && i < 20; i++)
        fprintf(stderr, "log: %s\n", recorder_get(scene->log, i).key);
    weir_stats stats = WEIR_STATS_INIT;
    if (scene->queue && weir_queue_stats(scene->queue, &stats) == WEIR_OK)
        fprintf(stderr, "started %llu, done %llu, waiting %llu, running %llu, unreported %llu, connected %llu\n",
                (unsigned long long)stats.started, (unsigned long long)stats.done, (unsigned long long)stats.waiting,
                (unsigned long long)stats.running, (unsigned long long)stats.unreported,
                (unsigned long long)stats.connected);
    test_die("%s \"%s\" × %zu was waited for in vain; handled: %zu", what, detail, n, (size_t)scene->n_handled);
}

void scene_await_ran(struct scene *scene, const char *what, size_t n)
{
    if (!recorder_wait_count_key(scene->ran, what, n, TEST_TIMEOUT_MS))
        in_vain(scene, "a run of", what, n);
}

void scene_await_event(struct scene *scene, const char *kind, size_t n)
{
    if (!recorder_wait_count_key(scene->events, kind, n, TEST_TIMEOUT_MS))
        in_vain(scene, "the event", kind, n);
}

struct expectation {
    struct scene *scene;
    long long n;
};

static bool handled(void *context)
{
    struct expectation *expected = context;
    return (long long)expected->scene->n_handled >= expected->n;
}

void scene_await_handled(struct scene *scene, size_t n)
{
    if (!wait_for(handled, &(struct expectation){scene, (long long)n}, TEST_TIMEOUT_MS))
        in_vain(scene, "handling", "jobs", n);
}

static bool has_pending(void *context)
{
    struct expectation *expected = context;
    return scene_pending(expected->scene) == expected->n;
}

void scene_await_pending(struct scene *scene, long long n)
{
    if (!wait_for(has_pending, &(struct expectation){scene, n}, TEST_TIMEOUT_MS))
        in_vain(scene, "pending", "entries", (size_t)n);
}

static bool all_connected(void *scene)
{
    return scene_stats(scene).connected == 3;
}

void scene_await_connected(struct scene *scene)
{
    if (!wait_for(all_connected, scene, TEST_TIMEOUT_MS))
        in_vain(scene, "being", "connected", 3);
}

/* A listener that accepts nothing: once its backlog is full, the kernel drops whoever else wants to connect. */
void dead_port_open(struct dead_port *dead, int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof address;
    int on = 1;
    for (size_t i = 0; i < COUNT_OF(dead->fds); i++)
        dead->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (i > 0 ? SOCK_NONBLOCK : 0), 0);
    if (dead->fds[0] < 0 || setsockopt(dead->fds[0], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(dead->fds[0], (struct sockaddr *)&address, len) != 0 || listen(dead->fds[0], 0) != 0 ||
        getsockname(dead->fds[0], (struct sockaddr *)&address, &len) != 0)
        test_die("no dead port");
    dead->port = ntohs(address.sin_port);
    for (size_t i = 1; i < COUNT_OF(dead->fds); i++)
        if (connect(dead->fds[i], (struct sockaddr *)&address, len) == 0)
            test_die("a dead port accepts at once");
    struct pollfd last = {.fd = dead->fds[COUNT_OF(dead->fds) - 1], .events = POLLOUT};
    if (poll(&last, 1, 20) != 0)
        test_die("a dead port accepts");
}

void dead_port_close(struct dead_port *dead)
{
    for (size_t i = 0; i < COUNT_OF(dead->fds); i++)
        close(dead->fds[i]);
}

void let_pass(int ms)
{
    for (int64_t until_ms = test_now_ms() + ms, left_ms = ms; left_ms > 0; left_ms = until_ms - test_now_ms())
        poll(NULL, 0, (int)left_ms);
}

void assert_within(struct scene *scene, const char *what, int64_t (*measure_ms)(struct scene *), int64_t limit_ms)
{
    int64_t took_ms = 0;
    for (int attempt = 0; attempt < 3; attempt++) {
        took_ms = measure_ms(scene);
        print_message("    %s: %lld ms (limit %lld)\n", what, (long long)took_ms, (long long)limit_ms);
        if (took_ms <= limit_ms)
            return;
    }
    fail_msg("%s: %lld ms; the limit is %lld ms", what, (long long)took_ms, (long long)limit_ms);
}
