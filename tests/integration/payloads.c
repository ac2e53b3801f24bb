/* SPDX-License-Identifier: MIT
 *
 * Payloads and names are bytes: what was enqueued arrives, the same and in the same order, on every way a job can take.
 */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the payloads --- */

enum { MAX_ROWS = 40, MIB = 1024 * 1024 };

static struct {
    weir_fields fields[MAX_ROWS];
    size_t n;
    atomic_int runs[2 * MAX_ROWS]; /* each is enqueued twice: at once, and delayed */
    atomic_int failures;
    void *memory[3 * MAX_ROWS];
    size_t n_memory;
} payloads;

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    assert_non_null(memory);
    assert_true(payloads.n_memory < COUNT_OF(payloads.memory));
    return payloads.memory[payloads.n_memory++] = memory;
}

static void add_payload(const weir_field *fields, size_t n)
{
    assert_true(payloads.n < MAX_ROWS);
    weir_field *copy = allocate(n * sizeof *copy);
    memcpy(copy, fields, n * sizeof *copy);
    payloads.fields[payloads.n++] = (weir_fields){copy, n};
}

static void add_value_of_length(size_t len)
{
    char *value = allocate(len + 1);
    for (size_t i = 0; i < len; i++)
        value[i] = (char)(i * 7 + i / 251);
    add_payload((weir_field[]){weir_field_bytes("value", value, len)}, 1);
}

static void add_fields(size_t n)
{
    enum { TEXT = 24 };
    weir_field *fields = allocate(n * sizeof *fields);
    char *texts = allocate(n * TEXT);
    for (size_t i = 0; i < n; i++) {
        snprintf(texts + i * TEXT, TEXT, "%zu", i);
        fields[i] = weir_field_text(texts + i * TEXT, texts + i * TEXT);
    }
    add_payload(fields, n);
}

#define BYTES(name, value) ((weir_field){name, sizeof(name) - 1, value, sizeof(value) - 1})

static void make_payloads(void)
{
    payloads.n = 0;
    payloads.failures = 0;
    memset(payloads.runs, 0, sizeof payloads.runs);
    add_payload((weir_field[]){BYTES("text", "a@b.c")}, 1);
    add_payload(
        (weir_field[]){BYTES("nul", "a\0b\0"), BYTES("lines", "\r\n$5\r\nhello\n"), BYTES("ff", "\xff\xfe\x80")}, 3);
    add_payload((weir_field[]){BYTES("empty", ""), {"null", 4, NULL, 0}, BYTES("last", "x")}, 3);
    add_payload((weir_field[]){BYTES("\xff\xc3(", "name is no UTF-8"), BYTES("a\0b", "name has a NUL")}, 2);
    add_payload((weir_field[]){BYTES(" ", "1"), BYTES("\n", "2"), BYTES("*", "3"), BYTES("weir", "4")}, 4);
    add_payload((weir_field[]){BYTES("same", "1"), BYTES("other", "2"), BYTES("same", "3"), BYTES("same", "3")}, 4);
    add_payload((weir_field[]){BYTES("number", "007"), BYTES("float", "1e3"), BYTES("nil", "nil"), BYTES("-0", "-0")},
                4);
    static const size_t lengths[] = {31, 32, 255, 256, 65535, 65536, MIB}; /* where msgpack's headers grow */
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        add_value_of_length(lengths[i]);
    static const size_t counts[] = {1, 5, 6, 7, 100, 1000, WEIR_MAX_FIELDS};
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        add_fields(counts[i]);
}

static void free_payloads(void)
{
    while (payloads.n_memory > 0)
        free(payloads.memory[--payloads.n_memory]);
}

/* Also that values are NUL-terminated. */
static bool same_fields(const weir_fields *a, const weir_fields *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++) {
        const weir_field *x = &a->items[i], *y = &b->items[i];
        same = x->name_len == y->name_len && memcmp(x->name, y->name, x->name_len) == 0 &&
               x->value_len == y->value_len && (x->value_len == 0 || memcmp(x->value, y->value, x->value_len) == 0) &&
               y->value[y->value_len] == '\0';
    }
    return same;
}

static bool field_is_the_last_of_its_name(const weir_job *job)
{
    const weir_fields *fields = weir_job_fields(job);
    for (size_t i = 0; i < fields->n && i < 10; i++) {
        if (strlen(fields->items[i].name) != fields->items[i].name_len)
            continue; /* can't be asked for by this call */
        size_t last = i;
        for (size_t j = i + 1; j < fields->n; j++)
            if (fields->items[j].name_len == fields->items[i].name_len &&
                memcmp(fields->items[j].name, fields->items[i].name, fields->items[i].name_len) == 0)
                last = j;
        size_t len = 12345;
        if (weir_job_field(job, fields->items[i].name, &len) != fields->items[last].value ||
            len != fields->items[last].value_len)
            return false;
    }
    return weir_job_field(job, "there is no such field", NULL) == NULL;
}

static void expect(bool right, const char *what, const char *id)
{
    if (right)
        return;
    print_error("payload %s: %s\n", id, what);
    atomic_fetch_add(&payloads.failures, 1);
}

/* The job's id is its number in the table. Its runs: fail, be rejected, and, once it was requeued, be done. */
static weir_outcome compare_and_go_on(weir_job *job, void *fixture)
{
    size_t i = (size_t)atoi(weir_job_id(job));
    expect(same_fields(&payloads.fields[i % payloads.n], weir_job_fields(job)), "not what was enqueued",
           weir_job_id(job));
    expect(field_is_the_last_of_its_name(job), "weir_job_field finds another field", weir_job_id(job));
    int run = atomic_fetch_add(&payloads.runs[i], 1);
    if (run == 2)
        recorder_add(((struct fixture *)fixture)->runs, weir_job_id(job), run);
    return run == 0 ? WEIR_RETRY : run == 1 ? WEIR_REJECT : WEIR_DONE;
}

static int compare_dead(const weir_dead_letter *letter, void *fixture)
{
    (void)fixture;
    size_t i = (size_t)atoi(letter->job_id);
    expect(same_fields(&payloads.fields[i % payloads.n], &letter->fields), "its letter differs", letter->job_id);
    return 0;
}

static void payloads_arrive_on_every_way(void **state)
{
    struct fixture *f = *state;
    make_payloads();
    weir_enqueue_job jobs[2 * MAX_ROWS];
    weir_enqueue_options options[2 * MAX_ROWS];
    char ids[2 * MAX_ROWS][24];
    size_t n = 2 * payloads.n;
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%zu", i);
        options[i] = (weir_enqueue_options)WEIR_ENQUEUE_OPTIONS_INIT;
        options[i].id = ids[i];
        options[i].delay_ms = i < payloads.n ? 0 : 1;
        jobs[i] = (weir_enqueue_job){&payloads.fields[i % payloads.n], &options[i]};
    }
    OK(weir_enqueue_bulk(fixture_producer(f), jobs, n, NULL, &last_error));

    weir_queue_options queue = fixture_options(f);
    queue.handler = compare_and_go_on;
    queue.on_dead = compare_dead;
    queue.backoff_base_ms = 0;
    weir_queue *running = fixture_start(f, &queue);
    assert_true(wait_integer(f, (long long)n, "XLEN " DEAD));
    size_t listed = 0;
    OK(weir_dead_list(fixture_letters(f), NULL, SIZE_MAX, compare_dead, &listed, &last_error));
    uint64_t requeued = 0;
    OK(weir_dead_requeue_all(fixture_letters(f), &requeued, &last_error));
    assert_int_equal(requeued, n);
    assert_true(recorder_wait_count(f->runs, n, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    fixture_close(f, running);
    assert_int_equal(recorder_distinct_keys(f->runs), n);
    assert_int_equal(payloads.failures, 0);
    free_payloads();
}

/* --- what is refused --- */

static void expect_refused(struct fixture *f, const weir_fields *fields, const char *id, const char *why)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = id;
    weir_id ret = {"untouched"};
    EXPECT(WEIR_ERR_ARGUMENT, weir_enqueue(fixture_producer(f), fields, &options, &ret, &last_error));
    assert_string_equal(ret.text, "untouched");
    if (!strstr(last_error.message, why))
        fail_msg("\"%s\" doesn't say \"%s\"", last_error.message, why);

    options.delay_ms = 10;
    EXPECT(WEIR_ERR_ARGUMENT, weir_enqueue(fixture_producer(f), fields, &options, &ret, &last_error));
    weir_enqueue_job jobs[] = {{WEIR_FIELDS(weir_field_text("n", "good")), NULL}, {fields, &options}};
    weir_enqueue_result results[2];
    EXPECT(WEIR_ERR_ARGUMENT, weir_enqueue_bulk(fixture_producer(f), jobs, 2, results, &last_error));
    assert_non_null(strstr(last_error.message, "job 1"));
    assert_non_null(strstr(last_error.message, why));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(results[i].status, WEIR_ERR_ARGUMENT);
        assert_string_equal(results[i].id.text, "");
    }
}

static void what_cannot_be_a_job_is_refused_unsent(void **state)
{
    struct fixture *f = *state;
    fixture_producer(f);
    long long commands = calls_of(f, "xadd") + calls_of(f, "evalsha") + calls_of(f, "script|load");
    weir_field *many = calloc(WEIR_MAX_FIELDS + 1, sizeof *many);
    for (size_t i = 0; i <= WEIR_MAX_FIELDS; i++)
        many[i] = weir_field_text("n", "x");
    weir_fields none = {NULL, 0}, too_many = {many, WEIR_MAX_FIELDS + 1}, dangling = {NULL, 3};
    char long_id[200];
    memset(long_id, 'x', sizeof long_id);
    long_id[80] = '\0';
    const weir_fields *good = WEIR_FIELDS(weir_field_text("n", "x"));

    expect_refused(f, NULL, NULL, "fields is NULL");
    expect_refused(f, &none, NULL, "at least one field");
    expect_refused(f, &dangling, NULL, "fields is NULL");
    expect_refused(f, &too_many, NULL, "3500");
    expect_refused(f, WEIR_FIELDS(weir_field_text("a", "x"), weir_field_text("", "x")), NULL, "field 1 has no name");
    expect_refused(f, WEIR_FIELDS({NULL, 3, "x", 1}), NULL, "field 0 has no name");
    expect_refused(f, WEIR_FIELDS({"to", 2, NULL, 1}), NULL, "\"to\"");
    expect_refused(f, WEIR_FIELDS(weir_field_text("weir.id", "x")), NULL, "\"weir.id\"");
    expect_refused(f, WEIR_FIELDS(weir_field_text("n", "x"), weir_field_text("weir.", "x")), NULL, "reserved");
    expect_refused(f, WEIR_FIELDS({"weir.\xff\n", 7, "x", 1}), NULL, "weir.??");
    expect_refused(f, good, "", "1 to 79 bytes");
    expect_refused(f, good, long_id, "1 to 79 bytes");
    assert_int_equal(calls_of(f, "xadd") + calls_of(f, "evalsha") + calls_of(f, "script|load"), commands);
    assert_int_equal(test_server_integer(f->server, "DBSIZE"), 0);

    long_id[79] = '\0';
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = long_id;
    weir_id id = put_with(f, "x", &options);
    assert_string_equal(id.text, long_id);
    OK(weir_enqueue(fixture_producer(f), WEIR_FIELDS(weir_field_text("weirdo", "x"), weir_field_text("Weir.x", "x")),
                    NULL, NULL, &last_error));
    free(many);
}

/* --- names of streams, groups and consumers --- */

static weir_outcome reject_once(weir_job *job, void *fixture)
{
    size_t before = recorder_count(((struct fixture *)fixture)->runs);
    handle_done(job, fixture);
    return before == 0 ? WEIR_RETRY : before == 1 ? WEIR_REJECT : WEIR_DONE;
}

struct awaited_letter {
    struct fixture *f;
    const char *dead_key;
};

static bool has_a_letter(void *context)
{
    struct awaited_letter *awaited = context;
    size_t lens[] = {4, strlen(awaited->dead_key)};
    redisReply *reply = test_server_argv(awaited->f->server, 2, (const char *[]){"XLEN", awaited->dead_key}, lens);
    bool has = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    freeReplyObject(reply);
    return has;
}

/* Through retry, burial, requeueing and trimming: every key and every script. */
static void expect_name_to_work(struct fixture *f, const char *stream, const char *group, const char *consumer,
                                const char *dead_key)
{
    recorder_clear(f->runs);
    weir_producer_options producer_options = WEIR_PRODUCER_OPTIONS_INIT;
    producer_options.url = test_server_url(f->server);
    producer_options.stream = stream;
    weir_producer *producer = NULL;
    OK(weir_producer_open(&producer, &producer_options, &last_error));
    weir_enqueue_options in = WEIR_ENQUEUE_OPTIONS_INIT;
    in.delay_ms = 1;
    OK(weir_enqueue(producer, WEIR_FIELDS(weir_field_text("n", "x")), &in, NULL, &last_error));
    weir_producer_close(producer);

    weir_queue_options options = fixture_options(f);
    options.stream = stream;
    options.group = group;
    options.consumer = consumer;
    options.handler = reject_once;
    options.backoff_base_ms = 0;
    weir_queue *queue = fixture_start(f, &options);
    assert_string_equal(weir_queue_consumer(queue), consumer);
    struct awaited_letter awaited = {f, dead_key};
    assert_true(wait_for(has_a_letter, &awaited, TEST_TIMEOUT_MS));

    weir_dead_options dead_options = WEIR_DEAD_OPTIONS_INIT;
    dead_options.url = test_server_url(f->server);
    dead_options.stream = stream;
    weir_dead *dead = NULL;
    OK(weir_dead_open(&dead, &dead_options, &last_error));
    uint64_t requeued = 0;
    OK(weir_dead_requeue_all(dead, &requeued, &last_error));
    weir_dead_close(dead);
    assert_int_equal(requeued, 1);
    assert_true(recorder_wait_count(f->runs, 3, TEST_TIMEOUT_MS));
    fixture_close(f, queue);
    assert_int_equal(recorder_count(f->runs), 3);
    freeReplyObject(test_server_command(f->server, "FLUSHALL"));
}

static void names_are_bytes(void **state)
{
    struct fixture *f = *state;
    char long_name[513], long_key[600];
    memset(long_name, 'n', 512);
    long_name[512] = '\0';
    snprintf(long_key, sizeof long_key, "{%s}:dead", long_name);
    expect_name_to_work(f, "emails", "senders", "me", "{emails}:dead");
    expect_name_to_work(f, "two words", "two words", "two words", "{two words}:dead");
    expect_name_to_work(f, "{t1}:emails", "{g}", "{c}", "{t1}:emails:dead");
    expect_name_to_work(f, "a{}b", "a{}b", "a{}b", "{a{}b}:dead");
    expect_name_to_work(f, "emails{", "}{", "{}", "{emails{}:dead");
    expect_name_to_work(f, "\xff\xfe", "\xff", "\xff\xfd", "{\xff\xfe}:dead");
    expect_name_to_work(f, "line\nbreak\r\n", "line\nbreak", "a\tb", "{line\nbreak\r\n}:dead");
    expect_name_to_work(f, "%s%n*?[a]", "%s%n", "%d", "{%s%n*?[a]}:dead");
    expect_name_to_work(f, "$", "$", "0", "{$}:dead");
    expect_name_to_work(f, long_name, long_name, long_name, long_key);
}

/* --- more fields than weir itself would enqueue --- */

enum { MOST_FOREIGN = 5000, MOST_MOVABLE = 3900 };

static void add_foreign(struct fixture *f, size_t n, const char *first_value)
{
    enum { ARGUMENTS = 3 + 2 * MOST_FOREIGN };
    static const char *arguments[ARGUMENTS] = {"XADD", STREAM, "*"};
    static size_t lens[ARGUMENTS];
    static char names[MOST_FOREIGN][24];
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "%zu", i);
        arguments[3 + 2 * i] = i == 0 ? "n" : names[i];
        arguments[4 + 2 * i] = i == 0 ? first_value : names[i];
    }
    for (size_t i = 0; i < 3 + 2 * n; i++)
        lens[i] = strlen(arguments[i]);
    freeReplyObject(test_server_argv(f->server, (int)(3 + 2 * n), arguments, lens));
}

static weir_outcome do_as_named(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->runs, name_of(job), (long long)weir_job_fields(job)->n);
    if (strcmp(name_of(job), "done") == 0)
        return WEIR_DONE;
    return strcmp(name_of(job), "retry") == 0 ? WEIR_RETRY : WEIR_REJECT;
}

static void expect_numbered_fields(const redisReply *letter, size_t n)
{
    const redisReply *fields = letter->element[1];
    assert_true(fields->elements >= 2 * n);
    for (size_t i = 1; i < n; i++) {
        assert_int_equal(atoi(fields->element[2 * i]->str), i);
        assert_string_equal(fields->element[2 * i]->str, fields->element[2 * i + 1]->str);
    }
}

/* The letter of a job with n fields, wherever it stands: huge ones are written apart. Ours come to seven more. */
static redisReply *letter_with(redisReply *dead, size_t n)
{
    for (size_t i = 0; i < dead->elements; i++)
        if (dead->element[i]->element[1]->elements == 2 * (n + 7))
            return dead->element[i];
    fail_msg("no letter has %zu fields", n);
    return NULL;
}

static void huge_jobs_of_others_are_handled(void **state)
{
    struct fixture *f = *state;
    add_foreign(f, MOST_FOREIGN, "done");
    add_foreign(f, MOST_FOREIGN, "retry");
    put(f, "done");
    weir_queue_options options = fixture_options(f);
    options.handler = do_as_named;
    options.min_idle_ms = 100;
    options.max_deliveries = options.max_attempts = 3;
    fixture_start(f, &options);
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    assert_true(wait_pending(f, 0));
    assert_int_equal(recorder_count_key(f->runs, "done"), 2);
    assert_int_equal(recorder_count_key(f->runs, "retry"), 3);
    assert_int_equal(recorder_get_key(f->runs, "retry", 2).value, MOST_FOREIGN);
    redisReply *dead = entries_of(f, DEAD);
    expect_numbered_fields(dead->element[0], MOST_FOREIGN);
    freeReplyObject(dead);
}

/* What is too large for a script to put back is said to be, stays, and holds no other up. */
static void huge_letters_are_kept(void **state)
{
    struct fixture *f = *state;
    static const size_t counts[] = {MOST_FOREIGN, MOST_MOVABLE + 100, MOST_MOVABLE, 1};
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        add_foreign(f, counts[i], "reject");
    weir_queue_options options = fixture_options(f);
    options.handler = do_as_named;
    options.concurrency = 1;
    weir_queue *queue = fixture_start(f, &options);
    assert_true(wait_integer(f, COUNT_OF(counts), "XLEN " DEAD));
    fixture_close(f, queue);
    redisReply *dead = entries_of(f, DEAD);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        expect_numbered_fields(letter_with(dead, counts[i]), counts[i]);
        assert_string_equal(text_of(letter_with(dead, counts[i]), "weir.reason"), "rejected");
    }
    const char *huge = letter_with(dead, MOST_FOREIGN)->element[0]->str;
    EXPECT(WEIR_ERR_UNSUPPORTED, weir_dead_requeue(fixture_letters(f), huge, &last_error));
    assert_non_null(strstr(last_error.message, "too many fields"));
    assert_non_null(strstr(last_error.message, huge));
    freeReplyObject(dead);

    uint64_t requeued = 0;
    OK(weir_dead_requeue_all(fixture_letters(f), &requeued, &last_error));
    assert_int_equal(requeued, 2);
    assert_int_equal(test_server_integer(f->server, "XLEN " DEAD), 2);
    recorder_clear(f->runs);
    options.handler = handle_done;
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 2, TEST_TIMEOUT_MS));
}

static void limit_answers(struct fixture *f)
{
    const char *limit[] = {"CONFIG", "SET", "client-output-buffer-limit", "normal 1000000 0 0"};
    freeReplyObject(test_server_argv(f->server, COUNT_OF(limit), limit, NULL));
}

/*
 * An answer that is too large, here for the server's output buffer, costs the connection, and would cost the next one,
 * too: less is asked for, be it read, claimed or recovered.
 */
static void jobs_that_are_too_large_together_come_one_by_one(void **state)
{
    enum { JOBS = 16, LEN = 400000 };
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.min_idle_ms = 86400000; /* what has been claimed once is only found by recovering */
    weir_queue *queue = fixture_open(f, &options);
    char *value = calloc(1, LEN);
    assert_non_null(value);
    for (int i = 0; i < JOBS; i++)
        freeReplyObject(
            test_server_command(f->server, "XADD " STREAM " %d-1 n %d value %b", i + 1, i, value, (size_t)LEN));
    free(value);
    freeReplyObject(
        test_server_command(f->server, "XREADGROUP GROUP " GROUP " gone COUNT %d STREAMS " STREAM " >", JOBS / 2));
    for (int i = 0; i < JOBS / 2; i++)
        freeReplyObject(
            test_server_command(f->server, "XCLAIM " STREAM " " GROUP " gone 0 %d-1 IDLE 90000000 JUSTID", i + 1));
    limit_answers(f);

    OK(weir_queue_start(queue, &last_error));
    assert_true(WAIT_STAT(queue, done, JOBS));
    assert_int_equal(recorder_distinct_keys(f->runs), JOBS);
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD), 0);
}

/* And one that is too large alone holds up no other: neither where it is read, nor where it is claimed or recovered. */
static void a_job_that_cannot_be_received_holds_no_other_up(void **state)
{
    enum { JOBS = 6, LEN = 1500000 };
    struct fixture *f = *state;
    weir_queue_options options = fixture_options(f);
    options.min_idle_ms = test_scaled_ms(500);
    weir_queue *queue = fixture_open(f, &options);
    char *value = calloc(1, LEN);
    assert_non_null(value);
    put_numbered(f, 0, JOBS / 2);
    for (int i = 0; i < 2; i++)
        freeReplyObject(test_server_command(f->server, "XADD " STREAM " * large %b", value, (size_t)LEN));
    free(value);
    put_numbered(f, JOBS / 2, JOBS / 2);
    limit_answers(f);
    OK(weir_queue_start(queue, &last_error));
    assert_true(WAIT_STAT(queue, done, JOBS));
    assert_true(wait_more_calls(f, "xautoclaim", 10));
    put_numbered(f, JOBS, JOBS);
    assert_true(WAIT_STAT(queue, done, 2 * JOBS));
    assert_int_equal(recorder_most_of_a_key(f->runs), 1);
    assert_true(wait_pending(f, 2));
}

static int count_letter(const weir_dead_letter *letter, void *n)
{
    (void)letter;
    ++*(size_t *)n;
    return 0;
}

static int count_job(const weir_job_info *job, void *n)
{
    (void)job;
    ++*(size_t *)n;
    return 0;
}

/* The same of pages of a listing. */
static void a_listing_of_what_is_too_large_together_is_complete(void **state)
{
    enum { JOBS = 7, LEN = 400000 };
    struct fixture *f = *state;
    char *value = calloc(1, LEN);
    assert_non_null(value);
    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.delay_ms = 86400000;
    for (int i = 0; i < JOBS; i++) {
        freeReplyObject(test_server_command(f->server, "XADD " DEAD " * value %b", value, (size_t)LEN));
        OK(weir_enqueue(fixture_producer(f), WEIR_FIELDS(weir_field_bytes("value", value, LEN)), &delayed, NULL,
                        &last_error));
    }
    free(value);
    weir_admin_options options = WEIR_ADMIN_OPTIONS_INIT;
    options.url = test_server_url(f->server);
    weir_admin *admin = NULL;
    OK(weir_admin_open(&admin, &options, &last_error));
    weir_dead *letters = fixture_letters(f);
    limit_answers(f);
    size_t n_oldest = 0, n_newest = 0, n_delayed = 0;
    OK(weir_dead_list(letters, NULL, SIZE_MAX, count_letter, &n_oldest, &last_error));
    OK(weir_dead_list_newest(letters, NULL, SIZE_MAX, count_letter, &n_newest, &last_error));
    weir_status status = weir_admin_delayed(admin, STREAM, NULL, SIZE_MAX, count_job, &n_delayed, &last_error);
    weir_admin_close(admin);
    OK(status);
    assert_int_equal(n_oldest, JOBS);
    assert_int_equal(n_newest, JOBS);
    assert_int_equal(n_delayed, JOBS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(payloads_arrive_on_every_way),
        WITH_FIXTURE(what_cannot_be_a_job_is_refused_unsent),
        WITH_FIXTURE(names_are_bytes),
        WITH_FIXTURE(huge_jobs_of_others_are_handled),
        WITH_FIXTURE(huge_letters_are_kept),
        WITH_FIXTURE(jobs_that_are_too_large_together_come_one_by_one),
        WITH_FIXTURE(a_job_that_cannot_be_received_holds_no_other_up),
        WITH_FIXTURE(a_listing_of_what_is_too_large_together_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
