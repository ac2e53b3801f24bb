/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include <stdlib.h>
#include <string.h>

/* Jobs n = 0 … n − 1, dead. */
static void bury_numbered(struct contract *contract, struct weir_session *session, size_t n)
{
    add_numbered(session, 0, n, NULL);
    struct weir_batch *batch = read_batch(contract, session, n);
    assert_int_equal(batch->n, n);
    settle_all(session, batch, WEIR_VERDICT_BURY);
}

struct visit {
    struct weir_session *enqueue_through; /* NULL: don't */
    size_t stop_after;                    /* 0: never */
    size_t n;
    struct letter letters[512];
};

static int visit_letter(const weir_dead_letter *letter, void *context)
{
    struct visit *visit = context;
    if (visit->n < COUNT_OF(visit->letters))
        visit->letters[visit->n] = letter_of(letter);
    visit->n++;
    if (visit->enqueue_through)
        add_numbered(visit->enqueue_through, 0, 1, NULL);
    return visit->n == visit->stop_after;
}

static void letters_are_listed_page_by_page_oldest_first(void **state)
{
    struct contract *contract = *state;
    enum { N = 437 };
    struct weir_session *session = worker(contract, "g", "c");
    bury_numbered(contract, session, N);
    assert_int_equal(count_dead(session), N);

    struct visit *visit = calloc(1, sizeof *visit);
    struct weir_entry_id after = {0, 0};
    for (size_t n = 100; n == 100;) {
        size_t before = visit->n;
        bool ended = true;
        OK(session->ops->dead_list(session, &after, 100, visit_letter, visit, &n, &ended, &last_error));
        assert_false(ended);
        assert_int_equal(visit->n - before, n);
        assert_int_equal(weir_entry_id_compare(after, visit->letters[visit->n - 1].id), 0);
    }
    assert_int_equal(visit->n, N);
    for (size_t i = 0; i < N; i++) {
        char number[16];
        snprintf(number, sizeof number, "%zu", i);
        assert_string_equal(visit->letters[i].number, number);
    }
    free(visit);
}

static void a_listing_visits_no_more_than_asked_for(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    bury_numbered(contract, session, 5);
    struct visit visit = {.n = 0};
    struct weir_entry_id after = {0, 0};
    bool ended = true;
    size_t n = 0;
    OK(session->ops->dead_list(session, &after, 2, visit_letter, &visit, &n, &ended, &last_error));
    assert_int_equal(n, 2);
    assert_int_equal(visit.n, 2);
    assert_false(ended);
    OK(session->ops->dead_list(session, &after, 2, visit_letter, &visit, &n, &ended, &last_error));
    assert_string_equal(visit.letters[2].number, "2");
    assert_string_equal(visit.letters[3].number, "3");
    OK(session->ops->dead_list(session, &after, 100, visit_letter, &visit, &n, &ended, &last_error));
    assert_int_equal(n, 1);
    OK(session->ops->dead_list(session, &after, 100, visit_letter, &visit, &n, &ended, &last_error));
    assert_int_equal(n, 0);
    assert_int_equal(visit.n, 5);
    assert_false(ended);
}

static void a_visitor_can_end_the_listing(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    bury_numbered(contract, session, 5);
    struct visit visit = {.stop_after = 3};
    struct weir_entry_id after = {0, 0};
    bool ended = false;
    size_t n = 0;
    OK(session->ops->dead_list(session, &after, 100, visit_letter, &visit, &n, &ended, &last_error));
    assert_true(ended);
    assert_int_equal(n, 3);
    assert_int_equal(visit.n, 3);
    assert_int_equal(weir_entry_id_compare(after, visit.letters[2].id), 0);
}

static void a_visitor_may_use_the_same_broker(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *other = producer(contract);
    bury_numbered(contract, session, 3);
    struct visit visit = {.enqueue_through = other};
    struct weir_entry_id after = {0, 0};
    bool ended;
    size_t n = 0;
    OK(session->ops->dead_list(session, &after, 100, visit_letter, &visit, &n, &ended, &last_error));
    assert_int_equal(n, 3);
    OK(session->ops->dead_get(session, after, visit_letter, &visit, &last_error));
    assert_int_equal(read_batch(contract, session, 10)->n, 4);
}

static void a_stream_without_letters_has_none(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = producer(contract);
    struct visit visit = {.n = 0};
    struct weir_entry_id after = {0, 0};
    bool ended = false;
    size_t n = 99;
    uint64_t count = 99;
    assert_int_equal(count_dead(session), 0);
    OK(session->ops->dead_list(session, &after, 100, visit_letter, &visit, &n, &ended, &last_error));
    assert_int_equal(n, 0);
    assert_false(ended);
    OK(session->ops->dead_purge(session, &count, &last_error));
    assert_int_equal(count, 0);
}

static void a_letter_is_found_by_its_id(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    bury_numbered(contract, session, 3);
    struct visit visit = {.n = 0};
    struct weir_entry_id after = {0, 0};
    bool ended;
    size_t n;
    OK(session->ops->dead_list(session, &after, 100, visit_letter, &visit, &n, &ended, &last_error));
    struct weir_entry_id id = visit.letters[1].id;

    visit.n = 0;
    OK(session->ops->dead_get(session, id, visit_letter, &visit, &last_error));
    assert_int_equal(visit.n, 1);
    assert_string_equal(visit.letters[0].number, "1");
    assert_int_equal(weir_entry_id_compare(visit.letters[0].id, id), 0);

    OK(session->ops->dead_delete(session, id, &last_error));
    FAILS(WEIR_ERR_NOT_FOUND, session->ops->dead_get(session, id, visit_letter, &visit, &last_error));
    FAILS(WEIR_ERR_NOT_FOUND, session->ops->dead_delete(session, id, &last_error));
    FAILS(WEIR_ERR_NOT_FOUND, session->ops->dead_requeue(session, id, &last_error));
    FAILS(WEIR_ERR_NOT_FOUND,
          session->ops->dead_get(session, (struct weir_entry_id){1, 1}, visit_letter, &visit, &last_error));
    assert_int_equal(visit.n, 1);
    assert_int_equal(count_dead(session), 2);

    uint64_t count = 0;
    OK(session->ops->dead_purge(session, &count, &last_error));
    assert_int_equal(count, 2);
    assert_int_equal(count_dead(session), 0);
    assert_int_equal(read_batch(contract, session, 10)->n, 0);
}

static void a_requeued_job_starts_anew_as_itself(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *other = worker(contract, "h", "c");
    weir_enqueue_options own_id = WEIR_ENQUEUE_OPTIONS_INIT;
    own_id.id = "mine";
    const weir_fields *fields =
        WEIR_FIELDS(weir_field_text("b", "1"), weir_field_text("n", "0"), weir_field_text("b", ""));

    for (int has_own_id = 0; has_own_id < 2; has_own_id++) {
        weir_id id = add_job(session, fields, has_own_id ? &own_id : NULL);
        settle(other, read_one(contract, other), WEIR_VERDICT_ACK);
        struct weir_job *job = read_one(contract, session);
        struct weir_entry_id first_entry = job->entry;
        int64_t enqueued_ms = job->enqueued_ms;
        pass_time_since_enqueued(job);
        job->attempts = 5;
        weir_job_set_error(job, "why");
        assert_int_equal(settle(session, job, WEIR_VERDICT_BURY), WEIR_SETTLED);
        OK(session->ops->dead_requeue(session, only_letter(session).id, &last_error));
        assert_int_equal(count_dead(session), 0);

        struct weir_session *readers[] = {session, other};
        for (size_t i = 0; i < 2; i++) {
            job = read_one(contract, readers[i]);
            assert_true(weir_entry_id_compare(job->entry, first_entry) > 0);
            assert_string_equal(weir_job_id(job), id.text);
            assert_int_equal(job->attempts, 0);
            assert_int_equal(job->deliveries, 1);
            assert_int_equal(job->enqueued_ms, enqueued_ms);
            assert_int_equal(job->group_len, 1);
            assert_memory_equal(job->group, "g", 1);
            expect_fields(&job->fields, fields);
            settle(readers[i], job, WEIR_VERDICT_ACK);
        }
    }
}

static void a_job_can_die_and_be_requeued_again(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    weir_id id;
    add_numbered(session, 0, 1, &id);
    for (int round = 0; round < 3; round++) {
        struct weir_job *job = read_one(contract, session);
        retry_now(session, job, 1);
        promote_until(session, 1);
        job = read_one(contract, session);
        assert_string_equal(weir_job_id(job), id.text);
        assert_int_equal(job->attempts, 1);
        settle(session, job, WEIR_VERDICT_BURY);
        assert_string_equal(only_letter(session).job_id, id.text);
        OK(session->ops->dead_requeue(session, only_letter(session).id, &last_error));
    }
}

static void a_lost_payload_is_not_requeued(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, 1, NULL);
    contract_factory.delete_entry(contract, read_one(contract, session)->entry);
    struct weir_job *job = claim_one(contract, session);
    job->reason = WEIR_DEAD_PAYLOAD_LOST;
    settle(session, job, WEIR_VERDICT_BURY);
    FAILS(WEIR_ERR_STATE, session->ops->dead_requeue(session, only_letter(session).id, &last_error));
    assert_int_equal(count_dead(session), 1);
    assert_int_equal(read_batch(contract, session, 10)->n, 0);
    OK(session->ops->dead_delete(session, only_letter(session).id, &last_error));
}

static void letters_are_listed_newest_first(void **state)
{
    struct contract *contract = *state;
    enum { N = 250 };
    struct weir_session *session = worker(contract, "g", "c");
    bury_numbered(contract, session, N);
    struct visit *visit = calloc(1, sizeof *visit);
    struct weir_entry_id before = {UINT64_MAX, UINT64_MAX};
    bool ended = true;
    for (size_t n = 100; n == 100;)
        OK(session->ops->dead_list_newest(session, &before, 100, visit_letter, visit, &n, &ended, &last_error));
    assert_int_equal(visit->n, N);
    for (size_t i = 0; i < N; i++) {
        char number[16];
        snprintf(number, sizeof number, "%zu", N - 1 - i);
        assert_string_equal(visit->letters[i].number, number);
    }
    assert_int_equal(weir_entry_id_compare(before, visit->letters[N - 1].id), 0);

    before = visit->letters[9].id; /* what is before it, and the letter itself is not */
    size_t n = 0;
    *visit = (struct visit){.stop_after = 2};
    OK(session->ops->dead_list_newest(session, &before, 100, visit_letter, visit, &n, &ended, &last_error));
    assert_int_equal(n, 2);
    assert_true(ended);
    assert_string_equal(visit->letters[0].number, "239");
    free(visit);
}

/* The ids of all letters, oldest first. */
static struct visit *all_letters(struct weir_session *session)
{
    struct visit *visit = calloc(1, sizeof *visit);
    struct weir_entry_id after = {0, 0};
    bool ended;
    size_t n;
    OK(session->ops->dead_list(session, &after, COUNT_OF(visit->letters), visit_letter, visit, &n, &ended,
                               &last_error));
    return visit;
}

struct stayed {
    size_t n;
    char id[WEIR_ENTRY_ID_SIZE];
    weir_status why;
    struct weir_session *enqueue_through;
};

static void note_stay(const char *id, weir_status why, const char *words, void *context)
{
    struct stayed *stayed = context;
    stayed->n++;
    stayed->why = why;
    snprintf(stayed->id, sizeof stayed->id, "%s", id);
    assert_non_null(strstr(words, id));
    if (stayed->enqueue_through)
        add_numbered(stayed->enqueue_through, 0, 1, NULL);
}

static void a_range_is_requeued_step_by_step(void **state)
{
    struct contract *contract = *state;
    enum { N = 60 };
    struct weir_session *session = worker(contract, "g", "c");
    bury_numbered(contract, session, N);
    struct visit *letters = all_letters(session);
    struct weir_dead_step step = {.after = letters->letters[9].id, .last = letters->letters[44].id, .max = 25};
    OK(session->ops->dead_requeue_some(session, &step, &last_error));
    assert_int_equal(step.done, 25);
    assert_int_equal(step.seen, 25);
    assert_int_equal(weir_entry_id_compare(step.after, letters->letters[34].id), 0);
    OK(session->ops->dead_requeue_some(session, &step, &last_error));
    assert_int_equal(step.done, 10);
    OK(session->ops->dead_requeue_some(session, &step, &last_error));
    assert_int_equal(step.done + step.seen, 0);
    assert_int_equal(count_dead(session), N - 35);
    expect_numbered(read_batch(contract, session, N), 10, 35);
    free(letters);
}

static void what_can_not_be_requeued_stays_and_is_told(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c");
    bury_numbered(contract, session, 1);
    add_numbered(session, 1, 1, NULL);
    contract_factory.delete_entry(contract, read_one(contract, session)->entry);
    struct weir_job *job = claim_one(contract, session);
    job->reason = WEIR_DEAD_PAYLOAD_LOST;
    settle(session, job, WEIR_VERDICT_BURY);
    bury_numbered(contract, session, 1);
    struct visit *letters = all_letters(session);
    struct stayed stayed = {.enqueue_through = session};
    struct weir_dead_step step = {.last = {UINT64_MAX, 0}, .max = 100, .stays = note_stay, .user_data = &stayed};
    OK(session->ops->dead_requeue_some(session, &step, &last_error));
    assert_int_equal(step.done, 2);
    assert_int_equal(step.seen, 3);
    assert_int_equal(stayed.n, 1);
    assert_int_equal(stayed.why, WEIR_ERR_STATE);
    char id[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(letters->letters[1].id, id);
    assert_string_equal(stayed.id, id);
    step = (struct weir_dead_step){.last = {UINT64_MAX, 0}, .max = 100};
    OK(session->ops->dead_requeue_some(session, &step, &last_error)); /* nobody wants to know */
    assert_int_equal(step.done, 0);
    assert_int_equal(step.seen, 1);
    free(letters);
}

static void a_range_is_deleted_step_by_step(void **state)
{
    struct contract *contract = *state;
    enum { N = 60 };
    struct weir_session *session = worker(contract, "g", "c");
    bury_numbered(contract, session, N);
    struct visit *letters = all_letters(session);
    struct weir_dead_step step = {.after = letters->letters[9].id, .last = letters->letters[44].id, .max = 25};
    OK(session->ops->dead_delete_some(session, &step, &last_error));
    assert_int_equal(step.done, 25);
    OK(session->ops->dead_delete_some(session, &step, &last_error));
    assert_int_equal(step.done, 10);
    OK(session->ops->dead_delete_some(session, &step, &last_error));
    assert_int_equal(step.seen, 0);
    free(letters);
    letters = all_letters(session);
    assert_int_equal(letters->n, N - 35);
    assert_string_equal(letters->letters[9].number, "9");
    assert_string_equal(letters->letters[10].number, "45");
    assert_int_equal(read_batch(contract, session, 10)->n, 0);
    free(letters);
}

int run_dead_letter_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(letters_are_listed_page_by_page_oldest_first),
        CONTRACT_TEST(a_listing_visits_no_more_than_asked_for),
        CONTRACT_TEST(a_visitor_can_end_the_listing),
        CONTRACT_TEST(a_visitor_may_use_the_same_broker),
        CONTRACT_TEST(a_stream_without_letters_has_none),
        CONTRACT_TEST(a_letter_is_found_by_its_id),
        CONTRACT_TEST(a_requeued_job_starts_anew_as_itself),
        CONTRACT_TEST(a_job_can_die_and_be_requeued_again),
        CONTRACT_TEST(a_lost_payload_is_not_requeued),
        CONTRACT_TEST(letters_are_listed_newest_first),
        CONTRACT_TEST(a_range_is_requeued_step_by_step),
        CONTRACT_TEST(what_can_not_be_requeued_stays_and_is_told),
        CONTRACT_TEST(a_range_is_deleted_step_by_step),
    };
    return cmocka_run_group_tests_name("dead letters", tests, NULL, NULL);
}
