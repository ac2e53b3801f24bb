/* SPDX-License-Identifier: MIT
 *
 * G10: once weir_queue_close has returned, no callback is called and no memory of the caller is touched.
 *
 * What the caller owns (options, texts, codec, user_data) lies in pages of its own, which nobody may touch any more
 * after the close: whoever does ends the test program with a signal. Callbacks that come too late are counted besides.
 */
#include "scene.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* --- what the caller owns --- */

enum { TEXT = 128 };

struct payload {
    char *what;
};

struct caller {
    weir_queue_options options;
    weir_codec codec;
    char url[TEXT], stream[TEXT], group[TEXT], consumer[TEXT], codec_name[TEXT];
    atomic_size_t handlers, events, dead, lines; /* how often each was called */
};

/* Of all callers: these outlive them. */
static atomic_bool closed; /* no callback may begin */
static atomic_size_t n_late, n_decoded, n_cleared;

static void note_call(atomic_size_t *counter)
{
    n_late += closed;
    ++*counter;
}

static weir_status decode(const weir_fields *fields, void *value, weir_error *err)
{
    struct payload *payload = value;
    const weir_field *field = fields->n > 0 ? &fields->items[0] : NULL;
    if (!field || strcmp(field->name, "do") != 0) {
        snprintf(err->message, sizeof err->message, "there is no field \"do\"");
        return err->code = WEIR_ERR_DECODE;
    }
    payload->what = strdup(field->value);
    n_decoded++;
    return payload->what ? WEIR_OK : (err->code = WEIR_ERR_MEMORY);
}

static void clear(void *value)
{
    free(((struct payload *)value)->what);
    n_cleared++;
}

static weir_outcome count_handler(weir_job *job, void *context)
{
    struct caller *caller = context;
    note_call(&caller->handlers);
    const struct payload *payload = weir_job_payload(job);
    if (strcmp(payload->what, "retry") == 0)
        return WEIR_RETRY;
    return strcmp(payload->what, "reject") == 0 ? WEIR_REJECT : WEIR_DONE;
}

static void count_event(const weir_event *event, void *context)
{
    (void)event;
    note_call(&((struct caller *)context)->events);
}

static int count_dead(const weir_dead_letter *letter, void *context)
{
    (void)letter;
    note_call(&((struct caller *)context)->dead);
    return 0;
}

static void count_line(weir_log_level level, const char *line, void *context)
{
    (void)level;
    (void)line;
    note_call(&((struct caller *)context)->lines);
}

static struct caller *new_caller(struct scene *scene, const char *url)
{
    struct caller *caller = mmap(NULL, sizeof *caller, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(caller != MAP_FAILED);
    snprintf(caller->url, TEXT, "%s", url);
    snprintf(caller->stream, TEXT, "jobs");
    snprintf(caller->group, TEXT, "weir");
    snprintf(caller->consumer, TEXT, "caller");
    snprintf(caller->codec_name, TEXT, "payload");
    caller->codec = (weir_codec){.size = sizeof caller->codec,
                                 .name = caller->codec_name,
                                 .struct_size = sizeof(struct payload),
                                 .decode = decode,
                                 .clear = clear};
    caller->options = scene->options;
    caller->options.url = caller->url;
    caller->options.stream = caller->stream;
    caller->options.group = caller->group;
    caller->options.consumer = caller->consumer;
    caller->options.codec = &caller->codec;
    caller->options.handler = count_handler;
    caller->options.on_event = count_event;
    caller->options.on_dead = count_dead;
    caller->options.user_data = caller;
    weir_log_set(WEIR_LOG_DEBUG, count_line, caller);
    closed = false;
    return caller;
}

static weir_queue *start_caller(struct caller *caller)
{
    weir_queue *queue = NULL;
    weir_error err;
    if (weir_queue_open(&queue, &caller->options, &err) != WEIR_OK || weir_queue_start(queue, &err) != WEIR_OK)
        fail_msg("%s: %s", err.message, err.server);
    return queue;
}

/* After the close: from now on the caller's memory is nobody's. */
static void poison(struct caller *caller)
{
    closed = true;
    weir_log_set(WEIR_LOG_OFF, NULL, NULL);
    assert_int_equal(mprotect(caller, sizeof *caller, PROT_NONE), 0);
}

static void forget_caller(struct caller *caller)
{
    munmap(caller, sizeof *caller);
}

static bool as_few_threads(void *threads)
{
    return process_threads() <= *(int *)threads;
}

static void nothing_is_left(int threads, int fds)
{
    assert_true(wait_for(as_few_threads, &threads, TEST_TIMEOUT_MS));
    assert_int_equal(process_fds(), fds);
    assert_int_equal(n_late, 0);
    assert_int_equal(n_cleared, n_decoded);
}

static void *nothing_main(void *context)
{
    return context;
}

/* With the first thread a sanitizer starts one of its own, which must not be counted as left behind. */
static int set_up(void **state)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, nothing_main, NULL), 0);
    pthread_join(thread, NULL);
    n_late = n_decoded = n_cleared = 0;
    return scene_set_up(state);
}

/* --- closed in the middle of everything --- */

static bool has_handled(void *context)
{
    return ((struct caller *)context)->handlers >= 20;
}

static void a_close_in_full_swing_is_the_end_of_it(void **state)
{
    enum { CYCLES = 150, JOBS = 40 };
    struct scene *scene = *state;
    static struct caller *callers[CYCLES];
    int threads = process_threads(), fds = process_fds() + 1; /* the control connection */
    for (int i = 0; i < CYCLES; i++) {
        for (int j = 0; j < JOBS / 5; j++) {
            scene_add(scene, "done");
            scene_add(scene, "retry");
            scene_add(scene, "reject");
            scene_add(scene, "done");
            freeReplyObject(test_server_command(scene->server, "XADD jobs * what is-this"));
        }
        struct caller *caller = callers[i] = new_caller(scene, test_server_url(scene->server));
        caller->options.backoff_base_ms = 1;
        caller->options.claim_interval_ms = caller->options.promote_interval_ms = 5;
        caller->options.trim_interval_ms = 10;
        caller->options.prefetch_ms = 1000;
        weir_queue *queue = start_caller(caller);
        if (i % 3 != 0)
            assert_true(wait_for(has_handled, caller, TEST_TIMEOUT_MS));
        if (i % 7 == 0) /* with three connections to make anew */
            freeReplyObject(test_server_command(scene->server, "CLIENT KILL TYPE normal SKIPME yes"));
        if (i % 2 == 0)
            assert_int_equal(weir_queue_stop(queue, 20000), WEIR_OK);
        weir_queue_close(queue);
        poison(caller);
    }
    nothing_is_left(threads, fds);
    for (int i = 0; i < CYCLES; i++)
        forget_caller(callers[i]);
}

/* The server is away, so that every thread is busy with getting there. */
static void a_close_during_an_outage_is_the_end_of_it(void **state)
{
    struct scene *scene = *state;
    scene_add(scene, "done");
    scene_use_proxy(scene, false);
    enum { CYCLES = 20 };
    static struct caller *callers[CYCLES];
    int threads = process_threads();
    for (int i = 0; i < CYCLES; i++) {
        struct caller *caller = callers[i] = new_caller(scene, test_proxy_url(scene->proxy));
        weir_queue *queue = start_caller(caller);
        if (i % 2 == 0)
            test_proxy_mute(scene->proxy, true);
        else
            test_proxy_refuse(scene->proxy, true);
        test_proxy_cut(scene->proxy);
        let_pass(5 * (i % 5));
        weir_queue_stop(queue, i % 4 < 2 ? 0 : 20);
        weir_queue_close(queue);
        poison(caller);
        test_proxy_heal(scene->proxy);
    }
    assert_true(wait_for(as_few_threads, &threads, TEST_TIMEOUT_MS));
    assert_int_equal(n_late, 0);
    for (int i = 0; i < CYCLES; i++)
        forget_caller(callers[i]);
}

/* --- callbacks that are running --- */

static atomic_bool in_callback, closing;

static bool is_true(void *flag)
{
    return *(atomic_bool *)flag;
}

static void slow_event(const weir_event *event, void *context)
{
    note_call(&((struct caller *)context)->events);
    if (event->kind != WEIR_EVENT_JOB_DEAD)
        return;
    in_callback = true;
    wait_for(is_true, &closing, TEST_TIMEOUT_MS);
    let_pass(200);
    note_call(&((struct caller *)context)->events);
    in_callback = false;
}

static void *close_main(void *queue)
{
    closing = true;
    weir_queue_stop(queue, 0);
    weir_queue_close(queue);
    closed = true;
    return NULL;
}

static void a_close_waits_for_a_callback_that_is_running(void **state)
{
    struct scene *scene = *state;
    in_callback = closing = false;
    struct caller *caller = new_caller(scene, test_server_url(scene->server));
    caller->options.on_event = slow_event;
    weir_queue *queue = start_caller(caller);
    scene_add(scene, "reject");
    assert_true(wait_for(is_true, &in_callback, TEST_TIMEOUT_MS));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, close_main, queue), 0);
    pthread_join(thread, NULL);
    assert_false(in_callback);
    poison(caller);
    assert_int_equal(n_late, 0);
    forget_caller(caller);
}

/* --- handlers that outlive the queue --- */

/* What a handler holds on to after the close. It lives as long as the handler. */
static struct {
    struct recorder *events;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool released;
    weir_job *jobs[16];
    size_t n;
} left = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int set_up_left(void **state)
{
    left.events = recorder_new();
    left.released = false;
    left.n = 0;
    return set_up(state);
}

static int tear_down_left(void **state)
{
    int status = scene_tear_down(state);
    recorder_free(left.events);
    return status;
}

#define LEFT_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_left, tear_down_left)

static void release_left(void)
{
    pthread_mutex_lock(&left.mutex);
    left.released = true;
    pthread_cond_broadcast(&left.changed);
    pthread_mutex_unlock(&left.mutex);
}

static void wait_until_released(void)
{
    pthread_mutex_lock(&left.mutex);
    while (!left.released)
        pthread_cond_wait(&left.changed, &left.mutex);
    pthread_mutex_unlock(&left.mutex);
}

/* All that may be asked of a job, as one text. */
static void describe(weir_job *job, char text[256])
{
    const struct payload *payload = weir_job_payload(job);
    size_t len;
    const char *field = weir_job_field(job, "do", &len);
    snprintf(text, 256, "%s %s %u %u %zu %s %zu %s %lld %lld", weir_job_id(job), weir_job_entry_id(job),
             weir_job_attempt(job), weir_job_deliveries(job), weir_job_fields(job)->n, field, len, payload->what,
             (long long)weir_job_enqueued_ms(job), (long long)weir_job_deadline(job));
}

/* Hangs until the queue is closed, and uses its job before and after. */
static weir_outcome outlive(weir_job *job, void *context)
{
    (void)context;
    char before[256], after[256], what[16];
    describe(job, before);
    snprintf(what, sizeof what, "%s", ((const struct payload *)weir_job_payload(job))->what);
    recorder_add(left.events, "hangs", 0);
    wait_until_released();
    describe(job, after);
    weir_job_error(job, "closed %s", "under me");
    weir_job_retry_in(job, 5);
    recorder_add(left.events, strcmp(before, after) == 0 && weir_job_cancelled(job) ? "same" : after, 0);
    return strcmp(what, "retry") == 0 ? WEIR_RETRY : strcmp(what, "reject") == 0 ? WEIR_REJECT : WEIR_DONE;
}

static void expect_left(const char *key, size_t n)
{
    if (!recorder_wait_count_key(left.events, key, n, TEST_TIMEOUT_MS))
        fail_msg("%zu × \"%s\" was waited for in vain", n, key);
}

static void a_job_lives_as_long_as_its_handler(void **state)
{
    struct scene *scene = *state;
    int threads = process_threads(), fds = process_fds() + 1;
    struct caller *caller = new_caller(scene, test_server_url(scene->server));
    caller->options.handler = outlive;
    caller->options.max_attempts = 1;
    weir_queue *queue = start_caller(caller);
    static const char *const outcomes[] = {"done", "retry", "reject"};
    for (size_t i = 0; i < COUNT_OF(outcomes); i++)
        scene_add(scene, outcomes[i]);
    expect_left("hangs", 3);
    assert_int_equal(weir_queue_stop(queue, 0), WEIR_ERR_DEADLINE);
    weir_queue_close(queue);
    poison(caller);

    release_left();
    expect_left("same", 3);
    nothing_is_left(threads, fds);
    assert_int_equal(scene_pending(scene), 3); /* they run again elsewhere, once their leases have run out */
    assert_int_equal(test_server_integer(scene->server, "EXISTS {jobs}:dead {jobs}:delayed"), 0);
    forget_caller(caller);
}

static void keep_left(weir_job *job)
{
    pthread_mutex_lock(&left.mutex);
    left.jobs[left.n++] = job;
    pthread_mutex_unlock(&left.mutex);
}

/* "now": at once, "slow": once released, "early": finished by another thread before it returns. */
static weir_outcome go_on_later(weir_job *job, void *context)
{
    (void)context;
    char what[16];
    snprintf(what, sizeof what, "%s", ((const struct payload *)weir_job_payload(job))->what);
    keep_left(job);
    recorder_add(left.events, what, 0);
    if (strcmp(what, "now") != 0)
        wait_until_released();
    return WEIR_LATER;
}

static void *finish_main(void *job)
{
    weir_status status = weir_job_finish(job, WEIR_RETRY);
    recorder_add(left.events, status == WEIR_OK ? "finished" : "not finished", status);
    return NULL;
}

static void finish_left(size_t from, size_t to)
{
    pthread_t threads[COUNT_OF(left.jobs)];
    for (size_t i = from; i < to; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, finish_main, left.jobs[i]), 0);
    for (size_t i = from; i < to; i++)
        pthread_join(threads[i], NULL);
}

static void asynchronous_jobs_are_finished_after_the_close(void **state)
{
    struct scene *scene = *state;
    int threads = process_threads(), fds = process_fds() + 1;
    struct caller *caller = new_caller(scene, test_server_url(scene->server));
    caller->options.handler = go_on_later;
    caller->options.concurrency = 16;
    weir_queue *queue = start_caller(caller);
    for (int i = 0; i < 6; i++)
        scene_add(scene, "now");
    expect_left("now", 6);
    scene_add(scene, "slow");
    expect_left("slow", 1);
    scene_add(scene, "early");
    expect_left("early", 1);
    assert_int_equal(weir_queue_stop(queue, 0), WEIR_ERR_DEADLINE);
    weir_queue_close(queue);
    poison(caller);

    assert_int_equal(weir_job_finish(NULL, WEIR_DONE), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_job_finish(left.jobs[0], WEIR_LATER), WEIR_ERR_ARGUMENT);
    assert_true(weir_job_cancelled(left.jobs[0]));
    finish_left(7, 8); /* whose handler has not returned */
    finish_left(0, 6);
    expect_left("finished", 7);
    release_left();
    finish_left(6, 7); /* whose handler has returned, or not yet */
    expect_left("finished", 8);
    nothing_is_left(threads, fds);
    assert_int_equal(scene_pending(scene), 8);
    forget_caller(caller);
}

/* --- threads that outlive the queue: a resolver that doesn't answer --- */

static atomic_bool resolver_hangs;
static atomic_size_t n_resolving;

static bool resolver_answers(void *context)
{
    (void)context;
    return !resolver_hangs;
}

/* Stands before the C library's: hiredis calls this one. */
__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **ret)
{
    if (resolver_hangs) {
        n_resolving++;
        wait_for(resolver_answers, NULL, TEST_TIMEOUT_MS);
        n_resolving--;
        return EAI_AGAIN;
    }
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, ret);
}

static void late_line(weir_log_level level, const char *line, void *context)
{
    (void)context;
    print_message("    %s: %s\n", weir_log_level_name(level), line);
    n_late++;
}

static bool reader_and_claimer_are_resolving(void *context)
{
    (void)context;
    return n_resolving >= 2;
}

static int64_t stop_resolving(struct scene *scene)
{
    int threads = process_threads();
    struct caller *caller = new_caller(scene, test_proxy_tcp_url(scene->proxy));
    weir_queue *queue = NULL;
    assert_int_equal(weir_queue_open(&queue, &caller->options, NULL), WEIR_OK);
    resolver_hangs = true;
    assert_int_equal(weir_queue_start(queue, NULL), WEIR_OK);
    assert_true(wait_for(reader_and_claimer_are_resolving, NULL, TEST_TIMEOUT_MS));
    int64_t from_ms = test_now_ms();
    assert_int_equal(weir_queue_stop(queue, 200), WEIR_ERR_DEADLINE);
    int64_t took_ms = test_now_ms() - from_ms;
    weir_queue_close(queue);
    int64_t closed_ms = test_now_ms() - from_ms;
    poison(caller);
    weir_log_set(WEIR_LOG_DEBUG, late_line, NULL);
    resolver_hangs = false; /* and there is something to complain of */
    assert_true(wait_for(as_few_threads, &threads, TEST_TIMEOUT_MS));
    assert_int_equal(n_late, 0);
    forget_caller(caller);
    return took_ms > closed_ms - 100 ? took_ms : closed_ms - 100;
}

static void a_resolver_that_hangs_keeps_nobody(void **state)
{
    struct scene *scene = *state;
    scene_use_proxy(scene, true);
    assert_within(scene, "stop while resolving", stop_resolving, 200 + 100);
}

int main(void)
{
#define CALLER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        CALLER_TEST(a_close_in_full_swing_is_the_end_of_it),
        CALLER_TEST(a_close_during_an_outage_is_the_end_of_it),
        CALLER_TEST(a_close_waits_for_a_callback_that_is_running),
        LEFT_TEST(a_job_lives_as_long_as_its_handler),
        LEFT_TEST(asynchronous_jobs_are_finished_after_the_close),
        CALLER_TEST(a_resolver_that_hangs_keeps_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
