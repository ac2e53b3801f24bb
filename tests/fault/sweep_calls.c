/* SPDX-License-Identifier: MIT
 *
 * Every public call that allocates or talks to a server, alone: each allocation, system call, thread, lock and byte of
 * it fails, and each command is refused. A call that fails says so with a code and words, leaves its out-parameters
 * alone and nothing behind, and works when it is made again.
 */
#include "calls.h"
#include "refuser.h"
#include "sweep.h"

#include "support/process.h"
#include "support/server.h"
#include "support/test.h"
#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

enum { BULK = 4, LETTERS = 3 };

void calls_expect(bool good, const char *what, const weir_error *err)
{
    if (!good)
        fault_off(NULL);
    if (!good)
        fail_msg("%s: %s: %s %s", sweep_point(), what, err ? weir_status_name(err->code) : "", err ? err->message : "");
}

void calls_untouched(const void *out, const void *before)
{
    calls_expect(out == before, "an out-parameter was written by a call that failed", NULL);
}

/* --- producers --- */

static weir_status open_producer(struct scene *scene, weir_error *err)
{
    static char sentinel;
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    weir_producer *producer = (weir_producer *)&sentinel;
    options.url = scene->url;
    options.stream = "jobs";
    options.connection.command_timeout_ms = options.connection.connect_timeout_ms = test_scaled_ms(20000);
    weir_status status = weir_producer_open(&producer, &options, err);
    if (status == WEIR_OK)
        scene->producer = producer;
    else
        calls_untouched(producer, &sentinel);
    return status;
}

static void count_job(struct scene *scene, weir_status status)
{
    scene->accepted += status == WEIR_OK;
    scene->in_doubt += status == WEIR_ERR_IN_DOUBT;
}

static weir_status enqueue_with(struct scene *scene, const weir_enqueue_options *options, weir_error *err)
{
    weir_id id = {"untouched"};
    weir_status status = weir_enqueue(
        scene->producer, WEIR_FIELDS(weir_field_text("n", "1"), weir_field_text("m", "2")), options, &id, err);
    calls_expect((status == WEIR_OK) == (strcmp(id.text, "untouched") != 0), "the id", err);
    count_job(scene, status);
    return status;
}

static weir_status enqueue(struct scene *scene, weir_error *err)
{
    return enqueue_with(scene, NULL, err);
}

static weir_status enqueue_delayed(struct scene *scene, weir_error *err)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.delay_ms = 3600000;
    return enqueue_with(scene, &options, err);
}

/* Repeating it is harmless, so it is never in doubt for long: the second time is a success, whatever the first was. */
static weir_status enqueue_idempotently(struct scene *scene, weir_error *err)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = "order-7";
    options.idempotency_ms = 3600000;
    return enqueue_with(scene, &options, err);
}

static weir_status enqueue_bulk(struct scene *scene, weir_error *err)
{
    const weir_fields *fields = WEIR_FIELDS(weir_field_text("n", "1"));
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.delay_ms = 3600000;
    const weir_enqueue_job jobs[BULK] = {{fields, NULL}, {fields, &delayed}, {fields, NULL}, {fields, &delayed}};
    weir_enqueue_result results[BULK];
    memset(results, 'x', sizeof results);
    weir_status status = weir_enqueue_bulk(scene->producer, jobs, BULK, results, err);
    bool all = true;
    for (size_t i = 0; i < BULK; i++) {
        calls_expect((results[i].status == WEIR_OK) == (results[i].id.text[0] != '\0'), "the id of a result", err);
        all &= results[i].status == WEIR_OK;
        count_job(scene, results[i].status);
    }
    calls_expect(all == (status == WEIR_OK), "the status of all is not that of each", err);
    return status;
}

struct number {
    int n;
};

static weir_status encode(const void *value, weir_field_sink *sink, weir_error *err)
{
    char text[16], long_text[600];
    int len = snprintf(text, sizeof text, "%d", ((const struct number *)value)->n);
    memset(long_text, 'x', sizeof long_text);
    weir_status status = weir_sink_add(sink, "n", 1, text, (size_t)len);
    if (status == WEIR_OK)
        status = weir_sink_add(sink, "x", 1, long_text, sizeof long_text);
    if (status != WEIR_OK && err)
        *err = (weir_error){.code = status, .message = "the sink"};
    return status;
}

static weir_status decode(const weir_fields *fields, void *value, weir_error *err)
{
    (void)fields, (void)value, (void)err;
    return WEIR_OK;
}

static const weir_codec codec = {
    .size = sizeof codec, .name = "number", .struct_size = sizeof(struct number), .decode = decode, .encode = encode};

static weir_status enqueue_payloads(struct scene *scene, weir_error *err)
{
    static const struct number numbers[BULK] = {{1}, {2}, {3}, {4}};
    weir_enqueue_result results[BULK];
    memset(results, 'x', sizeof results);
    weir_status status = weir_enqueue_payload_bulk(scene->producer, &codec, numbers, BULK, NULL, results, err);
    bool all = true;
    for (size_t i = 0; i < BULK; i++) {
        all &= results[i].status == WEIR_OK;
        count_job(scene, results[i].status);
    }
    calls_expect(all == (status == WEIR_OK), "the status of all is not that of each", err);
    return status;
}

static void with_producer(struct scene *scene)
{
    weir_error err;
    calls_expect(open_producer(scene, &err) == WEIR_OK, "no producer", &err);
}

/* --- dead letters --- */

static weir_status open_dead(struct scene *scene, weir_error *err)
{
    static char sentinel;
    weir_dead_options options = WEIR_DEAD_OPTIONS_INIT;
    weir_dead *dead = (weir_dead *)&sentinel;
    options.url = scene->url;
    options.stream = "jobs";
    options.connection.command_timeout_ms = options.connection.connect_timeout_ms = test_scaled_ms(20000);
    weir_status status = weir_dead_open(&dead, &options, err);
    if (status == WEIR_OK)
        scene->dead = dead;
    else
        calls_untouched(dead, &sentinel);
    return status;
}

static void with_letters(struct scene *scene)
{
    weir_error err;
    calls_expect(open_dead(scene, &err) == WEIR_OK, "no dead letters", &err);
    for (int i = 0; i < LETTERS; i++) {
        redisReply *id = test_server_command(scene->server, "XADD {jobs}:dead * n %d weir.reason rejected", i);
        snprintf(scene->letter, sizeof scene->letter, "%s", id->str);
        freeReplyObject(id);
    }
}

static int visit(const weir_dead_letter *letter, void *user_data)
{
    struct scene *scene = user_data;
    calls_expect(letter->reason == WEIR_DEAD_REJECTED && letter->fields.n == 1, "another letter than was written",
                 NULL);
    scene->visited++;
    return 0;
}

static weir_status list(struct scene *scene, weir_error *err)
{
    scene->visited = 0;
    weir_status status = weir_dead_list(scene->dead, NULL, 100, visit, scene, err);
    calls_expect(status != WEIR_OK || scene->visited == 3, "not all letters", err);
    return status;
}

static weir_status get(struct scene *scene, weir_error *err)
{
    scene->visited = 0;
    weir_status status = weir_dead_get(scene->dead, scene->letter, visit, scene, err);
    calls_expect(status != WEIR_OK || scene->visited == 1, "not the letter", err);
    return status;
}

static weir_status count(struct scene *scene, weir_error *err)
{
    uint64_t n = 77;
    weir_status status = weir_dead_count(scene->dead, &n, err);
    calls_expect(n == (status == WEIR_OK ? 3 : 77), "the count", err);
    return status;
}

static weir_status requeue(struct scene *scene, weir_error *err)
{
    weir_status status = weir_dead_requeue(scene->dead, scene->letter, err);
    count_job(scene, status);
    return status;
}

static weir_status requeue_all(struct scene *scene, weir_error *err)
{
    uint64_t n = 0;
    weir_status status = weir_dead_requeue_all(scene->dead, &n, err);
    scene->accepted += n;
    scene->in_doubt += status != WEIR_OK ? LETTERS : 0; /* they move in one step */
    return status;
}

static weir_status delete_range(struct scene *scene, weir_error *err)
{
    weir_dead_range range = {.max = 2};
    weir_dead_progress progress;
    weir_status status = weir_dead_delete_range(scene->dead, &range, &progress, err);
    calls_expect(progress.done <= 2, "the count", err);
    return status;
}

static weir_status list_newest(struct scene *scene, weir_error *err)
{
    scene->visited = 0;
    return weir_dead_list_newest(scene->dead, NULL, 100, visit, scene, err);
}

static weir_status delete_letter(struct scene *scene, weir_error *err)
{
    return weir_dead_delete(scene->dead, scene->letter, err);
}

static weir_status purge(struct scene *scene, weir_error *err)
{
    uint64_t n = 77;
    weir_status status = weir_dead_purge(scene->dead, &n, err);
    calls_expect(n <= LETTERS, "the count, which is written on failure, too", err);
    return status;
}

/* --- queues --- */

static weir_outcome handle(weir_job *job, void *user_data)
{
    (void)job, (void)user_data;
    return WEIR_DONE;
}

static weir_queue_options queue_options(struct scene *scene)
{
    weir_queue_options options = WEIR_QUEUE_OPTIONS_INIT;
    options.url = scene->url;
    options.stream = "jobs";
    options.handler = handle;
    options.codec = &codec;
    options.connection.client_name = "sweep";
    options.connection.command_timeout_ms = options.connection.connect_timeout_ms = test_scaled_ms(20000);
    return options;
}

static weir_status open_queue(struct scene *scene, weir_error *err)
{
    static char sentinel;
    weir_queue *queue = (weir_queue *)&sentinel;
    weir_queue_options options = queue_options(scene);
    weir_status status = weir_queue_open(&queue, &options, err);
    if (status == WEIR_OK)
        scene->queue = queue;
    else
        calls_untouched(queue, &sentinel);
    return status;
}

static weir_status open_group(struct scene *scene, weir_error *err)
{
    static char sentinel;
    weir_queue_group *group = (weir_queue_group *)&sentinel;
    const weir_queue_options options[] = {queue_options(scene), queue_options(scene)};
    weir_status status = weir_queue_group_open(&group, options, COUNT_OF(options), err);
    if (status == WEIR_OK)
        scene->group = group;
    else
        calls_untouched(group, &sentinel);
    return status;
}

static void with_queue(struct scene *scene)
{
    weir_error err;
    calls_expect(open_queue(scene, &err) == WEIR_OK, "no queue", &err);
}

static void with_group(struct scene *scene)
{
    weir_error err;
    calls_expect(open_group(scene, &err) == WEIR_OK, "no group of queues", &err);
}

static weir_status start_queue(struct scene *scene, weir_error *err)
{
    weir_status status = weir_queue_start(scene->queue, err);
    calls_expect(weir_queue_stop(scene->queue, test_scaled_ms(20000)) == WEIR_OK, "can't be stopped", NULL);
    return status;
}

static weir_status start_group(struct scene *scene, weir_error *err)
{
    weir_status status = weir_queue_group_start(scene->group, err);
    calls_expect(weir_queue_group_stop(scene->group, test_scaled_ms(20000)) == WEIR_OK, "can't be stopped", NULL);
    return status;
}

static weir_status ask_queue(struct scene *scene, weir_error *err)
{
    (void)err;
    weir_stats stats = WEIR_STATS_INIT;
    return weir_queue_stats(scene->queue, &stats);
}

static const struct operation operations[] = {
    {"weir_producer_open", NULL, open_producer, false},
    {"weir_enqueue", with_producer, enqueue, false},
    {"weir_enqueue, delayed", with_producer, enqueue_delayed, false},
    {"weir_enqueue, idempotent", with_producer, enqueue_idempotently, false},
    {"weir_enqueue_bulk", with_producer, enqueue_bulk, false},
    {"weir_enqueue_payload_bulk", with_producer, enqueue_payloads, false},
    {"weir_dead_open", NULL, open_dead, false},
    {"weir_dead_list", with_letters, list, true},
    {"weir_dead_list_newest", with_letters, list_newest, true},
    {"weir_dead_delete_range", with_letters, delete_range, true},
    {"weir_dead_get", with_letters, get, true},
    {"weir_dead_count", with_letters, count, true},
    {"weir_dead_requeue", with_letters, requeue, true},
    {"weir_dead_requeue_all", with_letters, requeue_all, true},
    {"weir_dead_delete", with_letters, delete_letter, true},
    {"weir_dead_purge", with_letters, purge, true},
    {"weir_queue_open", NULL, open_queue, false},
    {"weir_queue_group_open", NULL, open_group, false},
    {"weir_queue_start", with_queue, start_queue, false},
    {"weir_queue_group_start", with_group, start_group, false},
    {"weir_queue_stats", with_queue, ask_queue, false},
};

/* --- the sweep --- */

/* A thread that was joined may be seen for a moment longer; and a sanitizer may have one of its own from the first on.
 */
static bool only_threads(void *context)
{
    return process_threads() <= *(const int *)context;
}

static void expect_jobs(struct scene *scene)
{
    if (!scene->server)
        return;
    long long n =
        test_server_integer(scene->server, "XLEN jobs") + test_server_integer(scene->server, "ZCARD {jobs}:delayed");
    if (scene->operation->run == enqueue_idempotently)
        calls_expect(n == 1, "an idempotent job is not there once", NULL);
    else
        calls_expect(n >= (long long)scene->accepted && n <= (long long)(scene->accepted + scene->in_doubt),
                     "accepted jobs and those that are there differ", NULL);
    calls_expect(test_server_integer(scene->server, "HLEN {jobs}:delayed:jobs") ==
                     test_server_integer(scene->server, "ZCARD {jobs}:delayed"),
                 "half a job", NULL);
}

static void close_all(struct scene *scene)
{
    weir_producer_close(scene->producer);
    weir_dead_close(scene->dead);
    weir_admin_close(scene->admin);
    weir_queue_close(scene->queue);
    weir_queue_group_close(scene->group);
    scene->producer = NULL;
    scene->dead = NULL;
    scene->admin = NULL;
    scene->queue = NULL;
    scene->group = NULL;
}

/* Not there any more, because the first call did it, and its answer was lost. */
static bool was_done_before(weir_status first, weir_status second)
{
    return first == WEIR_ERR_IN_DOUBT && second == WEIR_ERR_NOT_FOUND;
}

static size_t call(void *context, const struct fault *fault, size_t n, size_t *ret_seen)
{
    struct scene *scene = context;
    scene->accepted = scene->in_doubt = 0;
    if (scene->server) {
        freeReplyObject(test_server_command(scene->server, "FLUSHALL"));
        freeReplyObject(test_server_command(scene->server, "SCRIPT FLUSH"));
    }
    int fds = process_fds(), threads = process_threads();
    long blocks = fault_live_blocks();
    if (scene->operation->prepare)
        scene->operation->prepare(scene);

    weir_error err = {.code = WEIR_OK};
    fault_arm(fault, n);
    weir_status status = scene->operation->run(scene, &err);
    size_t hits = fault_off(ret_seen);
    calls_expect(fault->kind != FAULT_REFUSAL || status != WEIR_ERR_IN_DOUBT, "a refusal leaves no doubt", &err);
    if (status != WEIR_OK) {
        calls_expect(hits > 0 && err.code == status && err.message[0] != '\0', "a failure without words, or a reason",
                     &err);
        weir_status again = scene->operation->run(scene, &err);
        calls_expect(again == WEIR_OK || was_done_before(status, again), "failed once, and again without a fault",
                     &err);
    }
    close_all(scene);
    expect_jobs(scene);
    calls_expect(process_fds() == fds, "descriptors are left over", NULL);
    calls_expect(n == SIZE_MAX || wait_for(only_threads, &threads, TEST_TIMEOUT_MS), "threads are left over", NULL);
    bool has_threads = scene->operation->run == start_queue || scene->operation->run == start_group;
    blocks = fault_live_blocks() - blocks;
    calls_expect(n == SIZE_MAX || has_threads || blocks == 0, "memory is left over", NULL);
    return hits;
}

static struct test_server *server;
static char refused_url[128];

/* All operations at one kind of fault, as one sweep: many of them see none of it. */
static size_t total_points, total_hits;

static void sweep_operations(const struct fault *fault, size_t most)
{
    struct scene here[] = {{.url = "memory:calls"},
                           {.url = test_server_url(server), .server = server},
                           {.url = test_server_tcp_url(server), .server = server}};
    struct scene refused[] = {{.url = refused_url, .server = server}};
    bool refuses = fault->kind == FAULT_REFUSAL;
    struct scene *scenes = refuses ? refused : here;
    for (size_t i = 0; i < (refuses ? COUNT_OF(refused) : COUNT_OF(here)); i++) {
        for (size_t j = 0; j < COUNT_OF(operations) + n_admin_calls; j++) {
            const struct operation *operation =
                j < COUNT_OF(operations) ? &operations[j] : &admin_calls[j - COUNT_OF(operations)];
            struct scene *scene = &scenes[i];
            scene->operation = operation;
            if (operation->needs_server && !scene->server)
                continue;
            if (fault->from_there && operation->run == enqueue_idempotently)
                continue; /* it asks again until its timeout, which is long here */
            char title[120];
            snprintf(title, sizeof title, "%s on %.20s", operation->name, scene->url);
            total_hits += sweep_quietly(title, call, scene, fault, most, &total_points);
        }
    }
}

static void report(const char *what)
{
    print_message("public calls, %s: %zu points, %zu faults\n", what, total_points, total_hits);
    assert_true(total_hits > 0);
    total_points = total_hits = 0;
}

static void allocations(void **state)
{
    (void)state;
    weir_log_set(WEIR_LOG_OFF, NULL, NULL);
    sweep_operations(&(struct fault){.kind = FAULT_ALLOCATION}, sweep_most(12, 1000));
    report("each allocation");
    sweep_operations(&(struct fault){.kind = FAULT_ALLOCATION, .from_there = true}, sweep_most(5, 1000));
    report("all allocations from there on");
}

static void system_calls(void **state)
{
    (void)state;
    for (size_t i = 0; sweep_plausible(i).kind != FAULT_KINDS; i++) {
        struct fault fault = sweep_plausible(i);
        sweep_operations(&fault, sweep_most(1, 4));
    }
    report("system calls");
}

static void bytes(void **state)
{
    (void)state;
    sweep_operations(&(struct fault){.kind = FAULT_REPLY_BYTE}, sweep_most(3, 25));
    sweep_operations(&(struct fault){.kind = FAULT_REQUEST_BYTE}, sweep_most(3, 15));
    report("bytes");
}

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; refuser_words(i); i++)
        sweep_operations(&(struct fault){.kind = FAULT_REFUSAL, .words = refuser_words(i)}, sweep_most(1, 6));
    report("refusals");
}

int main(void)
{
    int port = refuser_start();
    server = test_server_start_tcp(NULL);
    refuser_aim(test_server_tcp_port(server));
    snprintf(refused_url, sizeof refused_url, "redis://" TEST_LOGIN "127.0.0.1:%d", port);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations),
        cmocka_unit_test(system_calls),
        cmocka_unit_test(bytes),
        cmocka_unit_test(refusals),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_server_stop(server);
    return failed;
}
