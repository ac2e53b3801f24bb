/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include "base/clock.h"
#include "base/number.h"
#include "support/server.h"
#include "support/wait.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

_Thread_local weir_error last_error;

void expect_status(weir_status actual, weir_status expected, const char *call, const char *file, int line)
{
    if (strstr(last_error.message, TEST_PASSWORD) || strstr(last_error.server, TEST_PASSWORD))
        test_die("an error tells the password");
    if (actual == expected)
        return;
    print_error("%s:%d: %s\n  returned %s, not %s: %s %s\n", file, line, call, weir_status_name(actual),
                weir_status_name(expected), actual == WEIR_OK ? "" : last_error.message,
                actual == WEIR_OK ? "" : last_error.server);
    _fail(file, line);
}

int contract_setup(void **state)
{
    static unsigned n;
    struct contract *contract = calloc(1, sizeof *contract);
    assert_non_null(contract);
    contract_factory.fresh_url(contract->url, sizeof contract->url);
    snprintf(contract->stream, sizeof contract->stream, "jobs-%u", n++);
    *state = contract;
    return 0;
}

int contract_teardown(void **state)
{
    struct contract *contract = *state;
    for (size_t i = 0; i < contract->n_batches; i++)
        weir_batch_free(contract->batches[i]);
    for (size_t i = 0; i < contract->n_workers; i++) {
        contract_factory.ops->session_close(contract->sessions[i]);
        contract_factory.ops->close(contract->brokers[i]);
    }
    free(contract);
    return 0;
}

/* --- sessions --- */

struct weir_broker_config config_of(const struct contract *contract, const char *group, const char *consumer)
{
    return (struct weir_broker_config){
        .url = contract->url,
        .stream = contract->stream,
        .group = group,
        .consumer = consumer,
        .start_id = "0",
        .connection = WEIR_CONNECTION_OPTIONS_INIT(5000),
    };
}

struct weir_session *open_session(struct contract *contract, const struct weir_broker_config *config)
{
    assert_true(contract->n_workers < MAX_WORKERS);
    size_t i = contract->n_workers++;
    OK(weir_broker_open(&contract->brokers[i], config, &last_error));
    assert_ptr_equal(contract->brokers[i]->ops, contract_factory.ops);
    OK(contract_factory.ops->session_open(&contract->sessions[i], contract->brokers[i], "test", &last_error));
    return contract->sessions[i];
}

static struct weir_session *connected(struct contract *contract, const struct weir_broker_config *config)
{
    struct weir_session *session = open_session(contract, config);
    OK(session->ops->connect(session, &last_error));
    if (config->group) {
        bool created;
        OK(session->ops->create_group(session, "0", &created, &last_error));
    }
    return session;
}

struct weir_session *worker(struct contract *contract, const char *group, const char *consumer)
{
    struct weir_broker_config config = config_of(contract, group, consumer);
    return connected(contract, &config);
}

struct weir_session *worker_that_keeps(struct contract *contract, const char *group, const char *consumer,
                                       weir_retention retention)
{
    struct weir_broker_config config = config_of(contract, group, consumer);
    config.retention = retention;
    return connected(contract, &config);
}

struct weir_session *producer(struct contract *contract)
{
    struct weir_broker_config config = config_of(contract, NULL, NULL);
    return connected(contract, &config);
}

/* --- jobs --- */

void add_numbered(struct weir_session *session, size_t first, size_t n, weir_id *ids)
{
    struct numbered {
        char digits[WEIR_U64_DIGITS + 1];
        weir_field field;
        weir_fields fields;
    } *numbered = calloc(n, sizeof *numbered);
    struct weir_broker_add *adds = calloc(n, sizeof *adds);
    assert_true(numbered && adds);
    for (size_t i = 0; i < n; i++) {
        numbered[i].digits[weir_format_u64(numbered[i].digits, first + i)] = '\0';
        numbered[i].field = weir_field_text("n", numbered[i].digits);
        numbered[i].fields = (weir_fields){&numbered[i].field, 1};
        adds[i].fields = &numbered[i].fields;
    }
    weir_status status = session->ops->add(session, adds, n, &last_error);
    for (size_t i = 0; i < n && ids; i++)
        ids[i] = adds[i].id;
    free(numbered);
    free(adds);
    OK(status);
}

weir_id add_job(struct weir_session *session, const weir_fields *fields, const weir_enqueue_options *options)
{
    struct weir_broker_add add = {.fields = fields, .options = options, .status = WEIR_ERR_STATE};
    OK(session->ops->add(session, &add, 1, &last_error));
    OK(add.status);
    return add.id;
}

void expect_number(const struct weir_job *job, size_t number)
{
    size_t len = 0;
    const char *value = weir_job_field(job, "n", &len);
    uint64_t actual;
    assert_non_null(value);
    assert_true(weir_parse_u64(value, len, &actual));
    assert_int_equal(actual, number);
}

void expect_numbered(const struct weir_batch *batch, size_t first, size_t n)
{
    assert_int_equal(batch->n, n);
    for (size_t i = 0; i < n; i++) {
        expect_number(&batch->jobs[i], first + i);
        if (i > 0)
            assert_true(weir_entry_id_compare(batch->jobs[i - 1].entry, batch->jobs[i].entry) < 0);
    }
}

void expect_fields(const weir_fields *actual, const weir_fields *expected)
{
    assert_int_equal(actual->n, expected->n);
    for (size_t i = 0; i < expected->n; i++) {
        const weir_field *a = &actual->items[i], *b = &expected->items[i];
        assert_int_equal(a->name_len, b->name_len);
        assert_memory_equal(a->name, b->name, b->name_len);
        assert_int_equal(a->value_len, b->value_len);
        if (b->value_len)
            assert_memory_equal(a->value, b->value, b->value_len);
        assert_int_equal(a->value[a->value_len], '\0');
    }
}

/* --- batches --- */

struct weir_batch *new_batch(struct contract *contract)
{
    assert_true(contract->n_batches < MAX_BATCHES);
    struct weir_batch *batch = weir_batch_new((size_t)256 << 20);
    assert_non_null(batch);
    contract->batches[contract->n_batches++] = batch;
    return batch;
}

struct weir_batch *read_batch(struct contract *contract, struct weir_session *session, size_t count)
{
    struct weir_batch *batch = new_batch(contract);
    OK(session->ops->read_submit(session, count, 0, &last_error));
    OK(session->ops->read_collect(session, batch, &last_error));
    return batch;
}

struct weir_batch *claim_batch(struct contract *contract, struct weir_session *session, int64_t min_idle_ms)
{
    struct weir_batch *batch = new_batch(contract);
    struct weir_entry_id cursor = {0, 0};
    OK(session->ops->claim(session, &cursor, min_idle_ms, 10000, batch, &last_error));
    assert_true(cursor.ms == 0 && cursor.seq == 0);
    return batch;
}

bool nothing_in_flight(void *context, struct weir_entry_id entry)
{
    (void)context;
    (void)entry;
    return false;
}

struct weir_batch *recover_batch(struct contract *contract, struct weir_session *session)
{
    struct weir_batch *batch = new_batch(contract);
    struct weir_entry_id after = {0, 0};
    bool more;
    OK(session->ops->recover(session, &after, 10000, false, INT64_MAX, nothing_in_flight, NULL, batch, &more,
                             &last_error));
    return batch;
}

struct weir_job *read_one(struct contract *contract, struct weir_session *session)
{
    struct weir_batch *batch = read_batch(contract, session, 10);
    assert_int_equal(batch->n, 1);
    return &batch->jobs[0];
}

struct weir_job *claim_one(struct contract *contract, struct weir_session *session)
{
    struct weir_batch *batch = claim_batch(contract, session, 0);
    assert_int_equal(batch->n, 1);
    return &batch->jobs[0];
}

enum weir_settled settle(struct weir_session *session, struct weir_job *job, enum weir_verdict verdict)
{
    job->next = NULL;
    job->verdict = verdict;
    job->settled = WEIR_UNSETTLED;
    OK(session->ops->settle(session, job, &last_error));
    return job->settled;
}

void settle_all(struct weir_session *session, struct weir_batch *batch, enum weir_verdict verdict)
{
    for (size_t i = 0; i < batch->n; i++) {
        batch->jobs[i].next = i + 1 < batch->n ? &batch->jobs[i + 1] : NULL;
        batch->jobs[i].verdict = verdict;
        batch->jobs[i].settled = WEIR_UNSETTLED;
    }
    if (batch->n > 0)
        OK(session->ops->settle(session, &batch->jobs[0], &last_error));
    for (size_t i = 0; i < batch->n; i++)
        assert_int_equal(batch->jobs[i].settled, WEIR_SETTLED);
}

void pass_time_since_enqueued(const struct weir_job *job)
{
    while (weir_wall_ms() <= job->enqueued_ms + 1)
        sched_yield();
}

void retry_now(struct weir_session *session, struct weir_job *job, uint32_t attempts)
{
    job->attempts = attempts;
    job->retry_delay_ms = 0;
    assert_int_equal(settle(session, job, WEIR_VERDICT_RETRY), WEIR_SETTLED);
}

size_t promote(struct weir_session *session, int64_t *ret_next_ms)
{
    size_t moved = 0;
    int64_t next_ms = 0;
    OK(session->ops->promote(session, 10000, &moved, &next_ms, &last_error));
    if (ret_next_ms)
        *ret_next_ms = next_ms;
    return moved;
}

void promote_until(struct weir_session *session, size_t n)
{
    int64_t give_up_ms = weir_now_ms() + LONG_MS;
    size_t moved = 0;
    while ((moved += promote(session, NULL)) < n && weir_now_ms() < give_up_ms)
        sched_yield();
    assert_int_equal(moved, n);
}

uint64_t count_dead(struct weir_session *session)
{
    uint64_t n = UINT64_MAX;
    OK(session->ops->dead_count(session, &n, &last_error));
    return n;
}

/* --- dead letters --- */

struct letter letter_of(const weir_dead_letter *letter)
{
    struct letter copy = {
        .reason = letter->reason,
        .attempts = letter->attempts,
        .deliveries = letter->deliveries,
        .first_enqueued_ms = letter->first_enqueued_ms,
        .n_fields = letter->fields.n,
    };
    weir_entry_id_parse(letter->id, strlen(letter->id), &copy.id);
    snprintf(copy.job_id, sizeof copy.job_id, "%s", letter->job_id);
    snprintf(copy.entry_id, sizeof copy.entry_id, "%s", letter->entry_id);
    snprintf(copy.group, sizeof copy.group, "%s", letter->group);
    snprintf(copy.reason_text, sizeof copy.reason_text, "%s", letter->reason_text);
    snprintf(copy.error, sizeof copy.error, "%s", letter->error);
    snprintf(copy.traceparent, sizeof copy.traceparent, "%s", letter->traceparent);
    for (size_t i = 0; i < letter->fields.n; i++)
        if (letter->fields.items[i].name_len == 1 && letter->fields.items[i].name[0] == 'n')
            snprintf(copy.number, sizeof copy.number, "%s", letter->fields.items[i].value);
    return copy;
}

static int copy_letter(const weir_dead_letter *letter, void *context)
{
    *(struct letter *)context = letter_of(letter);
    return 0;
}

struct letter only_letter(struct weir_session *session)
{
    struct letter letter = {0};
    struct weir_entry_id after = {0, 0};
    size_t n = 0;
    bool ended;
    assert_int_equal(count_dead(session), 1);
    OK(session->ops->dead_list(session, &after, 10, copy_letter, &letter, &n, &ended, &last_error));
    assert_int_equal(n, 1);
    return letter;
}

/* --- threads --- */

struct side_thread {
    pthread_t thread;
    void (*fn)(void *context);
    void *context;
    atomic_bool ended;
};

struct weir_session *admin_of(struct contract *contract)
{
    struct weir_broker_config config = config_of(contract, NULL, NULL);
    config.stream = "weir";
    struct weir_session *session = open_session(contract, &config);
    OK(session->ops->admin->select(session, contract->stream, &last_error));
    OK(session->ops->connect(session, &last_error));
    return session;
}

struct seen *look_with(struct weir_session *session, int64_t alive_ms)
{
    static struct seen seen;
    weir_arena_free(&seen.arena);
    seen = (struct seen){.queue = {.stream = "x"}};
    OK(session->ops->admin->info(session, alive_ms, &seen.arena, &seen.queue, &last_error));
    if (seen.queue.n_groups > 0)
        seen.group = *seen.queue.groups[0];
    return &seen;
}

struct seen *look(struct weir_session *session)
{
    return look_with(session, HOUR_MS);
}

static void *run_side_thread(void *context)
{
    struct side_thread *thread = context;
    thread->fn(thread->context);
    atomic_store(&thread->ended, true);
    return NULL;
}

struct side_thread *run_beside(void (*fn)(void *context), void *context)
{
    struct side_thread *thread = calloc(1, sizeof *thread);
    assert_non_null(thread);
    thread->fn = fn;
    thread->context = context;
    assert_int_equal(pthread_create(&thread->thread, NULL, run_side_thread, thread), 0);
    return thread;
}

bool side_thread_ended(struct side_thread *thread)
{
    return atomic_load(&thread->ended);
}

void side_thread_join(struct side_thread *thread)
{
    pthread_join(thread->thread, NULL);
    free(thread);
}
