/* SPDX-License-Identifier: MIT
 *
 * Jobs survive every move as they were: odd and large ones, and many of them under many hands.
 */
#include "contract.h"

#include "base/clock.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

struct expected_letter {
    const weir_fields *fields;
    struct weir_entry_id id;
};

static int check_letter(const weir_dead_letter *letter, void *context)
{
    struct expected_letter *expected = context;
    expect_fields(&letter->fields, expected->fields);
    weir_entry_id_parse(letter->id, strlen(letter->id), &expected->id);
    return 0;
}

/* Every move there is: enqueued with a delay, promoted, read, retried, promoted, claimed, buried, listed, requeued. */
static void expect_survival(struct contract *contract, const weir_fields *fields)
{
    struct weir_session *session = worker(contract, "g", "c");
    add_job(session, fields, NULL);
    struct weir_job *job = read_one(contract, session);
    expect_fields(&job->fields, fields);
    settle(session, job, WEIR_VERDICT_ACK);

    weir_enqueue_options delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    delayed.run_at_ms = 1;
    delayed.id = "id";
    add_job(session, fields, &delayed);
    promote_until(session, 1);
    job = read_one(contract, session);
    expect_fields(&job->fields, fields);

    retry_now(session, job, 1);
    promote_until(session, 1);
    expect_fields(&read_one(contract, session)->fields, fields);
    job = recover_batch(contract, session)->jobs;
    expect_fields(&job->fields, fields);
    job = claim_one(contract, session);
    expect_fields(&job->fields, fields);

    assert_int_equal(settle(session, job, WEIR_VERDICT_BURY), WEIR_SETTLED);
    struct expected_letter expected = {.fields = fields};
    struct weir_entry_id after = {0, 0};
    size_t n = 0;
    bool ended;
    OK(session->ops->dead_list(session, &after, 10, check_letter, &expected, &n, &ended, &last_error));
    assert_int_equal(n, 1);
    OK(session->ops->dead_get(session, expected.id, check_letter, &expected, &last_error));
    OK(session->ops->dead_requeue(session, expected.id, &last_error));
    job = read_one(contract, session);
    expect_fields(&job->fields, fields);
    assert_string_equal(weir_job_id(job), "id");
}

static void bytes_of_any_kind_survive(void **state)
{
    static char all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)i;
    const weir_field items[] = {
        {"empty", 5, "", 0},
        {"null", 4, NULL, 0},
        {"nul", 3, "\0", 1},
        {"a\0b\xff", 4, "x\0y", 3},
        {"\xff\xfe", 2, "\xff\xff\xff", 3},
        {"all", 3, all, sizeof all},
        {"number", 6, "-9223372036854775808", 20},
        {"12", 2, "1e3", 3},
        {"twice", 5, "1", 1},
        {"twice", 5, "2", 1},
        {"\r\n$5\r\n", 6, "*1\r\n", 4},
        {"weir", 4, "not ours", 8},
        {"WEIR.ID", 7, "nor this", 8},
    };
    expect_survival(*state, &(weir_fields){items, COUNT_OF(items)});
}

static void a_large_value_survives(void **state)
{
    size_t size = (size_t)1 << 20;
    char *large = malloc(size);
    assert_non_null(large);
    for (size_t i = 0; i < size; i++)
        large[i] = (char)(i * 31 >> 3);
    const weir_field items[] = {{"large", 5, large, size}, {"small", 5, "s", 1}};
    expect_survival(*state, &(weir_fields){items, COUNT_OF(items)});
    free(large);
}

static void expect_many_fields_survive(struct contract *contract, size_t n)
{
    struct {
        char name[WEIR_U64_DIGITS];
        char value[WEIR_U64_DIGITS];
    } *texts = calloc(n, sizeof *texts);
    weir_field *items = calloc(n, sizeof *items);
    assert_true(texts && items);
    for (size_t i = 0; i < n; i++) {
        size_t name_len = weir_format_u64(texts[i].name, i), value_len = weir_format_u64(texts[i].value, i * i);
        items[i] = (weir_field){texts[i].name, name_len, texts[i].value, value_len};
    }
    expect_survival(contract, &(weir_fields){items, n});
    free(items);
    free(texts);
}

static void a_thousand_fields_survive(void **state)
{
    expect_many_fields_survive(*state, 1000);
}

static void as_many_fields_as_are_allowed_survive(void **state)
{
    expect_many_fields_survive(*state, WEIR_MAX_FIELDS);
}

/*
 * Workers of one group that read, ack, retry, bury, release, claim and trim at the same time. In the end every job was
 * acked or is dead, none is left, and none was settled by two.
 */
enum { N_HANDS = 3, N_JOBS = 1500 };

struct hands {
    struct weir_session *session;
    struct weir_batch *batch;
    unsigned seed;
    atomic_uint *finished; /* by number: how often a job was acked, owned, or buried */
    atomic_size_t *n_finished;
    weir_status status;
    weir_error error;
    bool gave_up;
};

static enum weir_verdict choose_verdict(struct hands *hands, struct weir_job *job)
{
    static const enum weir_verdict verdicts[] = {WEIR_VERDICT_ACK, WEIR_VERDICT_BURY, WEIR_VERDICT_RETRY,
                                                 WEIR_VERDICT_RELEASE};
    hands->seed = hands->seed * 1103515245 + 12345;
    job->retry_delay_ms = hands->seed >> 16 & 1;
    return verdicts[hands->seed >> 20 & 3];
}

static weir_status settle_chosen(struct hands *hands)
{
    struct weir_batch *batch = hands->batch;
    for (size_t i = 0; i < batch->n; i++) {
        struct weir_job *job = &batch->jobs[i];
        job->verdict = choose_verdict(hands, job);
        job->attempts += job->verdict == WEIR_VERDICT_RETRY;
        job->next = i + 1 < batch->n ? &batch->jobs[i + 1] : NULL;
    }
    weir_status status =
        batch->n > 0 ? hands->session->ops->settle(hands->session, batch->jobs, &hands->error) : WEIR_OK;
    for (size_t i = 0; i < batch->n && status == WEIR_OK; i++) {
        struct weir_job *job = &batch->jobs[i];
        bool finished = job->verdict == WEIR_VERDICT_ACK || job->verdict == WEIR_VERDICT_BURY;
        uint64_t number = 0;
        size_t len = 0;
        const char *text = weir_job_field(job, "n", &len);
        if (!finished || job->settled != WEIR_SETTLED || !text || !weir_parse_u64(text, len, &number) ||
            number >= N_JOBS)
            continue;
        if (atomic_fetch_add(&hands->finished[number], 1) == 0)
            atomic_fetch_add(hands->n_finished, 1);
    }
    return status;
}

static weir_status work_once(struct hands *hands, unsigned round)
{
    struct weir_session *session = hands->session;
    const struct weir_broker_ops *ops = session->ops;
    weir_error *error = &hands->error;
    size_t n;
    int64_t next_ms;
    struct weir_entry_id cursor = {0, 0};
    weir_status status = ops->read_submit(session, 20, 1, error);
    if (status == WEIR_OK)
        status = ops->read_collect(session, hands->batch, error);
    if (status == WEIR_OK)
        status = settle_chosen(hands);
    weir_batch_reset(hands->batch, 65536);
    if (status == WEIR_OK)
        status = ops->promote(session, 50, &n, &next_ms, error);
    /* released ones alone are so idle: nobody takes what another works on */
    if (status == WEIR_OK)
        status = ops->claim(session, &cursor, HOUR_MS, 20, hands->batch, error);
    if (status == WEIR_OK)
        status = settle_chosen(hands);
    weir_batch_reset(hands->batch, 65536);
    if (status == WEIR_OK && round % 4 == 0)
        status = ops->trim(session, 0, 100, &n, error);
    return status;
}

static void work(void *context)
{
    struct hands *hands = context;
    int64_t give_up_ms = weir_now_ms() + LONG_MS;
    for (unsigned round = 0; atomic_load(hands->n_finished) < N_JOBS && hands->status == WEIR_OK; round++) {
        hands->status = work_once(hands, round);
        if (weir_now_ms() > give_up_ms) {
            hands->gave_up = true;
            return;
        }
    }
}

static void every_job_is_finished_once_under_many_hands(void **state)
{
    struct contract *contract = *state;
    static atomic_uint finished[N_JOBS];
    atomic_size_t n_finished = 0;
    struct hands hands[N_HANDS];
    struct side_thread *threads[N_HANDS];
    for (size_t i = 0; i < N_JOBS; i++)
        atomic_store(&finished[i], 0);
    for (size_t i = 0; i < N_HANDS; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        hands[i] = (struct hands){.session = worker(contract, "g", name),
                                  .batch = new_batch(contract),
                                  .seed = (unsigned)i,
                                  .finished = finished,
                                  .n_finished = &n_finished};
    }
    struct weir_session *session = producer(contract);
    for (size_t i = 0; i < N_HANDS; i++)
        threads[i] = run_beside(work, &hands[i]);
    for (size_t i = 0; i < N_JOBS; i += 100)
        add_numbered(session, i, 100, NULL);
    for (size_t i = 0; i < N_HANDS; i++)
        side_thread_join(threads[i]);
    for (size_t i = 0; i < N_HANDS; i++) {
        last_error = hands[i].error;
        OK(hands[i].status);
        assert_false(hands[i].gave_up);
    }

    for (size_t i = 0; i < N_JOBS; i++)
        assert_int_equal(atomic_load(&finished[i]), 1);
    assert_int_equal(read_batch(contract, hands[0].session, N_JOBS)->n, 0);
    assert_int_equal(claim_batch(contract, hands[0].session, 0)->n, 0);
    int64_t next_ms;
    assert_int_equal(promote(session, &next_ms), 0);
    assert_int_equal(next_ms, -1);
    assert_in_range(count_dead(session), 1, N_JOBS - 1);
}

int run_survival_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(bytes_of_any_kind_survive),
        CONTRACT_TEST(a_large_value_survives),
        CONTRACT_TEST(a_thousand_fields_survive),
        CONTRACT_TEST(as_many_fields_as_are_allowed_survive),
        CONTRACT_TEST(every_job_is_finished_once_under_many_hands),
    };
    return cmocka_run_group_tests_name("survival", tests, NULL, NULL);
}
