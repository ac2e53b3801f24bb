/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "support/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

weir_error last_error;

/* --- gates --- */

void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->opened);
    pthread_mutex_unlock(&gate->mutex);
}

void gate_wait(struct gate *gate)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 2 * TEST_TIMEOUT_MS / 1000; /* the test itself notices first */
    pthread_mutex_lock(&gate->mutex);
    while (!gate->open)
        if (pthread_cond_timedwait(&gate->opened, &gate->mutex, &until) == ETIMEDOUT)
            test_die("a gate was never opened");
    pthread_mutex_unlock(&gate->mutex);
}

/* --- the fixture --- */

int fixture_set_up(void **state)
{
    return fixture_set_up_with(state, test_server_start());
}

int fixture_set_up_with(void **state, struct test_server *server)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f)
        return -1;
    f->server = server;
    f->runs = recorder_new();
    f->dead = recorder_new();
    f->events = recorder_new();
    f->gate = (struct gate)GATE_INIT;
    *state = f;
    return 0;
}

int fixture_tear_down(void **state)
{
    struct fixture *f = *state;
    gate_open(&f->gate);
    for (size_t i = 0; i < FIXTURE_QUEUES; i++)
        weir_queue_close(f->queues[i]);
    weir_producer_close(f->producer);
    weir_dead_close(f->letters);
    test_server_stop(f->server);
    recorder_free(f->runs);
    recorder_free(f->dead);
    recorder_free(f->events);
    if (f->shared)
        munmap(f->shared, f->shared_size);
    free(f);
    return 0;
}

weir_queue_options fixture_options(struct fixture *f)
{
    weir_queue_options options = WEIR_QUEUE_OPTIONS_INIT;
    options.url = test_server_url(f->server);
    options.stream = STREAM;
    options.group = GROUP;
    options.handler = handle_done;
    options.on_event = record_event;
    options.user_data = f;
    options.backoff_jitter = 0;
    options.promote_interval_ms = 50;
    options.trim_interval_ms = 50;
    options.connection.connect_timeout_ms = options.connection.command_timeout_ms = TEST_TIMEOUT_MS;
    return options;
}

weir_queue *fixture_open(struct fixture *f, const weir_queue_options *options)
{
    size_t i = 0;
    while (i < FIXTURE_QUEUES && f->queues[i])
        i++;
    if (i == FIXTURE_QUEUES)
        test_die("a test opens more than %d queues", FIXTURE_QUEUES);
    OK(weir_queue_open(&f->queues[i], options, &last_error));
    return f->queues[i];
}

weir_queue *fixture_start(struct fixture *f, const weir_queue_options *options)
{
    weir_queue *queue = fixture_open(f, options);
    OK(weir_queue_start(queue, &last_error));
    return queue;
}

void fixture_close(struct fixture *f, weir_queue *queue)
{
    for (size_t i = 0; i < FIXTURE_QUEUES; i++)
        if (f->queues[i] == queue)
            f->queues[i] = NULL;
    EXPECT(WEIR_OK, weir_queue_stop(queue, TEST_TIMEOUT_MS));
    weir_queue_close(queue);
}

weir_producer *fixture_producer(struct fixture *f)
{
    if (!f->producer) {
        weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
        options.url = test_server_url(f->server);
        options.stream = STREAM;
        options.connection.command_timeout_ms = TEST_TIMEOUT_MS;
        OK(weir_producer_open(&f->producer, &options, &last_error));
    }
    return f->producer;
}

weir_dead *fixture_letters(struct fixture *f)
{
    if (!f->letters) {
        weir_dead_options options = WEIR_DEAD_OPTIONS_INIT;
        options.url = test_server_url(f->server);
        options.stream = STREAM;
        options.connection.command_timeout_ms = TEST_TIMEOUT_MS;
        OK(weir_dead_open(&f->letters, &options, &last_error));
    }
    return f->letters;
}

weir_id put_with(struct fixture *f, const char *n, const weir_enqueue_options *options)
{
    weir_id id = {""};
    OK(weir_enqueue(fixture_producer(f), WEIR_FIELDS(weir_field_text("n", n)), options, &id, &last_error));
    return id;
}

weir_id put(struct fixture *f, const char *n)
{
    return put_with(f, n, NULL);
}

void put_numbered(struct fixture *f, int first, int count)
{
    struct {
        char text[16];
        weir_field field;
        weir_fields fields;
    } *rows = calloc((size_t)count, sizeof *rows);
    weir_enqueue_job *jobs = calloc((size_t)count, sizeof *jobs);
    assert_true(rows && jobs);
    for (int i = 0; i < count; i++) {
        snprintf(rows[i].text, sizeof rows[i].text, "%d", first + i);
        rows[i].field = weir_field_text("n", rows[i].text);
        rows[i].fields = (weir_fields){&rows[i].field, 1};
        jobs[i].fields = &rows[i].fields;
    }
    OK(weir_enqueue_bulk(fixture_producer(f), jobs, (size_t)count, NULL, &last_error));
    free(rows);
    free(jobs);
}

const char *name_of(const weir_job *job)
{
    const char *n = weir_job_field(job, "n", NULL);
    return n ? n : weir_job_id(job);
}

static void record(weir_job *job, struct fixture *f)
{
    recorder_add(f->runs, name_of(job), weir_job_attempt(job));
}

weir_outcome handle_done(weir_job *job, void *fixture)
{
    record(job, fixture);
    return WEIR_DONE;
}

weir_outcome handle_retry(weir_job *job, void *fixture)
{
    record(job, fixture);
    weir_job_error(job, "attempt %u failed", weir_job_attempt(job));
    return WEIR_RETRY;
}

weir_outcome handle_reject(weir_job *job, void *fixture)
{
    record(job, fixture);
    weir_job_error(job, "rejected by the test");
    return WEIR_REJECT;
}

weir_outcome handle_at_gate(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    record(job, f);
    gate_wait(&f->gate);
    return WEIR_DONE;
}

int record_dead(const weir_dead_letter *letter, void *fixture)
{
    struct fixture *f = fixture;
    const char *key = letter->job_id;
    for (size_t i = 0; i < letter->fields.n; i++)
        if (letter->fields.items[i].name_len == 1 && letter->fields.items[i].name[0] == 'n')
            key = letter->fields.items[i].value;
    recorder_add(f->dead, key, letter->attempts);
    return 0;
}

void record_event(const weir_event *event, void *fixture)
{
    struct fixture *f = fixture;
    char key[200];
    snprintf(key, sizeof key, "%s %s", weir_event_kind_text(event->kind), event->id);
    recorder_add(f->events, key, event->kind);
}

size_t events_of(struct fixture *f, weir_event_kind kind)
{
    size_t n = 0, all = recorder_count(f->events);
    for (size_t i = 0; i < all; i++)
        n += recorder_get(f->events, i).value == (long long)kind;
    return n;
}

struct awaited_events {
    struct fixture *f;
    weir_event_kind kind;
    size_t n;
};

static bool enough_events(void *context)
{
    struct awaited_events *awaited = context;
    return events_of(awaited->f, awaited->kind) >= awaited->n;
}

bool wait_events(struct fixture *f, weir_event_kind kind, size_t n)
{
    struct awaited_events awaited = {f, kind, n};
    return wait_for(enough_events, &awaited, TEST_TIMEOUT_MS);
}

/* --- workers in processes of their own --- */

void *fixture_share(struct fixture *f, size_t size)
{
    f->shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    f->shared_size = size;
    if (f->shared == MAP_FAILED)
        test_die("no shared memory: %s", strerror(errno));
    return f->shared;
}

static int work_until_told(void *context)
{
    weir_queue_options options = *(const weir_queue_options *)context;
    options.on_event = NULL;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* some are to crash */
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);

    weir_queue *queue = NULL;
    weir_error err;
    if (weir_queue_open(&queue, &options, &err) != WEIR_OK || weir_queue_start(queue, &err) != WEIR_OK) {
        fprintf(stderr, "worker: %s\n", err.message);
        return 1;
    }
    int signal;
    sigwait(&term, &signal);
    weir_status status = weir_queue_stop(queue, TEST_TIMEOUT_MS);
    weir_queue_close(queue);
    return status == WEIR_OK ? 0 : 1;
}

pid_t fixture_worker(const weir_queue_options *options)
{
    return child_run(work_until_told, (void *)options);
}

/* --- expectations --- */

void expect_status(weir_status expected, weir_status actual, const char *call, const char *file, int line)
{
    if (strstr(last_error.message, TEST_PASSWORD) || strstr(last_error.server, TEST_PASSWORD))
        test_die("an error tells the password");
    if (actual == expected)
        return;
    print_error("%s: %s instead of %s: %s %s\n", call, weir_status_name(actual), weir_status_name(expected),
                last_error.message, last_error.server);
    _fail(file, line);
}

struct awaited_integer {
    struct fixture *f;
    const char *command;
    long long n;
};

static bool answers(void *context)
{
    struct awaited_integer *awaited = context;
    return test_server_integer(awaited->f->server, awaited->command) == awaited->n;
}

bool wait_integer(struct fixture *f, long long n, const char *command)
{
    struct awaited_integer awaited = {f, command, n};
    return wait_for(answers, &awaited, TEST_TIMEOUT_MS);
}

long long pending_of(struct fixture *f, const char *stream, const char *group, const char *consumer)
{
    redisReply *reply = test_server_command(f->server, "XPENDING %s %s", stream, group);
    long long n = reply->type == REDIS_REPLY_ARRAY ? reply->element[0]->integer : -1;
    if (n > 0 && consumer) {
        redisReply *consumers = reply->element[3];
        n = 0;
        for (size_t i = 0; i < consumers->elements; i++)
            if (strcmp(consumers->element[i]->element[0]->str, consumer) == 0)
                n = atoll(consumers->element[i]->element[1]->str);
    }
    freeReplyObject(reply);
    return n;
}

static bool that_many_pending(void *context)
{
    struct awaited_integer *awaited = context;
    return pending_of(awaited->f, STREAM, GROUP, NULL) == awaited->n;
}

bool wait_pending(struct fixture *f, long long n)
{
    struct awaited_integer awaited = {f, NULL, n};
    return wait_for(that_many_pending, &awaited, TEST_TIMEOUT_MS);
}

struct awaited_stat {
    weir_queue *queue;
    size_t offset;
    uint64_t n;
};

static bool stat_is(void *context)
{
    struct awaited_stat *awaited = context;
    weir_stats stats = WEIR_STATS_INIT;
    uint64_t value = 0;
    if (weir_queue_stats(awaited->queue, &stats) == WEIR_OK)
        memcpy(&value, (char *)&stats + awaited->offset, sizeof value);
    return value == awaited->n;
}

bool wait_stat(weir_queue *queue, size_t offset, uint64_t n)
{
    struct awaited_stat awaited = {queue, offset, n};
    return wait_for(stat_is, &awaited, TEST_TIMEOUT_MS);
}

long long calls_of(struct fixture *f, const char *command)
{
    redisReply *reply = test_server_command(f->server, "INFO commandstats");
    char key[64];
    snprintf(key, sizeof key, "cmdstat_%s:calls=", command);
    const char *found = strstr(reply->str, key);
    if (!found) { /* servers before 7.0 count subcommands together */
        snprintf(key, sizeof key, "cmdstat_%.*s:calls=", (int)strcspn(command, "|"), command);
        found = strstr(reply->str, key);
    }
    long long calls = found ? atoll(found + strlen(key)) : 0;
    freeReplyObject(reply);
    return calls;
}

static bool called_so_often(void *context)
{
    struct awaited_integer *awaited = context;
    return calls_of(awaited->f, awaited->command) >= awaited->n;
}

bool wait_more_calls(struct fixture *f, const char *command, long long n)
{
    struct awaited_integer awaited = {f, command, calls_of(f, command) + n};
    return wait_for(called_so_often, &awaited, TEST_TIMEOUT_MS);
}

int64_t server_now_ms(struct fixture *f)
{
    redisReply *reply = test_server_command(f->server, "TIME");
    int64_t now_ms = (int64_t)atoll(reply->element[0]->str) * 1000 + atoll(reply->element[1]->str) / 1000;
    freeReplyObject(reply);
    return now_ms;
}

redisReply *entries_of(struct fixture *f, const char *stream)
{
    redisReply *reply = test_server_command(f->server, "XRANGE %s - +", stream);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    return reply;
}

const redisReply *field_of(const redisReply *entry, const char *name)
{
    const redisReply *fields = entry->element[1], *found = NULL;
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (fields->element[i]->len == strlen(name) && memcmp(fields->element[i]->str, name, strlen(name)) == 0)
            found = fields->element[i + 1];
    return found;
}

const char *text_of(const redisReply *entry, const char *name)
{
    const redisReply *field = field_of(entry, name);
    return field ? field->str : "";
}
