/* SPDX-License-Identifier: MIT
 *
 * Jobs whose handler reports failure: when they run again, how often, and what the dead letters hold in the end.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static weir_queue_options failing(struct fixture *f, weir_backoff_kind backoff, int64_t base_ms)
{
    weir_queue_options options = fixture_options(f);
    options.handler = handle_retry;
    options.on_dead = record_dead;
    options.max_attempts = 3;
    options.backoff = backoff;
    options.backoff_base_ms = base_ms;
    return options;
}

/* Until the job has died, and is nowhere but in the dead letters: their one entry, to be freed. */
static redisReply *wait_dead(struct fixture *f)
{
    assert_true(wait_integer(f, 1, "XLEN " DEAD));
    assert_true(wait_pending(f, 0));
    assert_int_equal(test_server_integer(f->server, "ZCARD " DELAYED), 0);
    assert_int_equal(test_server_integer(f->server, "HLEN " DELAYED_JOBS), 0);
    return entries_of(f, DEAD);
}

static void a_failing_job_runs_max_attempts_times(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 20);
    int64_t before_ms = server_now_ms(f);
    weir_id id = put(f, "a");
    int64_t after_ms = server_now_ms(f);
    weir_queue *queue = fixture_start(f, &options);
    redisReply *dead = wait_dead(f);

    assert_int_equal(recorder_count(f->runs), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(recorder_get(f->runs, i).value, i + 1);
    assert_int_equal(recorder_count(f->dead), 1);
    assert_string_equal(recorder_get(f->dead, 0).key, "a");
    assert_int_equal(recorder_get(f->dead, 0).value, 3);

    const redisReply *letter = dead->element[0];
    assert_string_equal(text_of(letter, "n"), "a");
    assert_string_equal(text_of(letter, "weir.reason"), "exhausted");
    assert_string_equal(text_of(letter, "weir.error"), "attempt 3 failed");
    assert_string_equal(text_of(letter, "weir.attempts"), "3");
    assert_string_equal(text_of(letter, "weir.deliveries"), "1");
    assert_string_equal(text_of(letter, "weir.group"), GROUP);
    assert_string_equal(text_of(letter, "weir.id"), id.text);
    assert_string_not_equal(text_of(letter, "weir.source_id"), id.text); /* the entry of the last attempt */
    int64_t enqueued_ms = atoll(text_of(letter, "weir.first_enqueued_ms"));
    assert_true(enqueued_ms >= before_ms && enqueued_ms <= after_ms);
    freeReplyObject(dead);

    assert_true(wait_events(f, WEIR_EVENT_JOB_DEAD, 1));
    assert_int_equal(events_of(f, WEIR_EVENT_JOB_DEAD), 1);
    assert_true(WAIT_STAT(queue, dead, 1));
    weir_stats stats = WEIR_STATS_INIT;
    OK(weir_queue_stats(queue, &stats));
    assert_int_equal(stats.started, 3);
    assert_int_equal(stats.retried, 2);
    assert_int_equal(stats.done, 0);
}

/* --- the backoff --- */

static void expect_gaps(struct fixture *f, const weir_queue_options *options, const int64_t *least_ms, size_t n)
{
    put(f, "a");
    fixture_start(f, options);
    assert_true(recorder_wait_count(f->runs, n + 1, TEST_TIMEOUT_MS));
    for (size_t i = 0; i < n; i++) {
        int64_t gap_ms = recorder_get(f->runs, i + 1).at_ms - recorder_get(f->runs, i).at_ms;
        assert_true(gap_ms >= least_ms[i] - 2); /* two clocks, of whole milliseconds */
    }
    freeReplyObject(wait_dead(f));
    assert_int_equal(recorder_count(f->runs), n + 1);
}

static void a_fixed_backoff_is_the_base(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 120);
    expect_gaps(f, &options, (int64_t[]){120, 120}, 2);
}

static void a_linear_backoff_grows_by_the_base(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_LINEAR, 60);
    options.max_attempts = 4;
    expect_gaps(f, &options, (int64_t[]){60, 120, 180}, 3);
}

static void an_exponential_backoff_multiplies(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_EXPONENTIAL, 30);
    options.max_attempts = 4;
    options.backoff_factor = 3;
    expect_gaps(f, &options, (int64_t[]){30, 90, 270}, 3);
}

static void no_delay_exceeds_the_cap(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_EXPONENTIAL, 50);
    options.max_attempts = 6;
    options.backoff_factor = 1000; /* the second delay would be 50 s, the fifth 1,500 years */
    options.backoff_cap_ms = 60;
    options.backoff_jitter = 1;
    expect_gaps(f, &options, (int64_t[]){0, 0, 0, 0, 0}, 5);
}

static weir_outcome fail_and_note_deliveries(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->dead, "deliveries", weir_job_deliveries(job));
    return handle_retry(job, fixture);
}

/* Attempts are the delivery count then, and max_deliveries, which is about crashes, must not cut them short. */
static void without_backoff_the_claimer_retries(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_NONE, 1000000);
    options.backoff_cap_ms = 1000000;
    options.handler = fail_and_note_deliveries;
    options.on_dead = NULL;
    options.min_idle_ms = 200;
    options.max_deliveries = 1;
    /* idle since the server delivered it, which may have been some time before the handler began */
    expect_gaps(f, &options, (int64_t[]){100, 100}, 2);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(recorder_get(f->runs, i).value, i + 1);
        assert_int_equal(recorder_get_key(f->dead, "deliveries", i).value, i + 1);
    }
    assert_int_equal(calls_of(f, "zadd"), 1); /* by weir_queue_open, which tries it */
    redisReply *dead = entries_of(f, DEAD);
    assert_string_equal(text_of(dead->element[0], "weir.reason"), "exhausted");
    assert_string_equal(text_of(dead->element[0], "weir.attempts"), "3");
    freeReplyObject(dead);
}

/* --- what the handler says of the delay --- */

static weir_outcome retry_in(weir_job *job, void *fixture)
{
    static const int64_t delays_ms[] = {150, 0, 150};
    recorder_add(((struct fixture *)fixture)->runs, weir_job_id(job), weir_job_attempt(job));
    if (weir_job_attempt(job) == 4)
        return WEIR_DONE;
    weir_job_retry_in(job, delays_ms[weir_job_attempt(job) - 1]);
    weir_job_retry_in(job, -1); /* ignored */
    return WEIR_RETRY;
}

static void expect_own_delays(struct fixture *f, weir_backoff_kind backoff)
{
    weir_queue_options options = failing(f, backoff, 3600000);
    options.backoff_cap_ms = 3600000;
    options.handler = retry_in;
    options.max_attempts = 4;
    weir_id id = put(f, "a");
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 4, TEST_TIMEOUT_MS));
    for (size_t i = 0; i < 3; i++) {
        struct recorded run = recorder_get(f->runs, i), next = recorder_get(f->runs, i + 1);
        assert_string_equal(run.key, id.text);
        assert_int_equal(next.value, i + 2);
        assert_true(next.at_ms - run.at_ms >= (i == 1 ? 0 : 148));
    }
    assert_true(wait_pending(f, 0));
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD), 0);
}

static void a_handler_may_choose_the_delay(void **state)
{
    expect_own_delays(*state, WEIR_BACKOFF_FIXED);
}

static void a_handler_may_choose_the_delay_without_backoff(void **state)
{
    expect_own_delays(*state, WEIR_BACKOFF_NONE);
}

/* --- other ways to fail --- */

static void a_rejected_job_is_dead_at_once(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 0);
    options.handler = handle_reject;
    put(f, "a");
    fixture_start(f, &options);
    redisReply *dead = wait_dead(f);
    assert_string_equal(text_of(dead->element[0], "weir.reason"), "rejected");
    assert_string_equal(text_of(dead->element[0], "weir.error"), "rejected by the test");
    assert_string_equal(text_of(dead->element[0], "weir.attempts"), "1");
    freeReplyObject(dead);
    assert_int_equal(recorder_count(f->runs), 1);
    assert_int_equal(recorder_count(f->dead), 1);
}

static weir_outcome return_nonsense(weir_job *job, void *fixture)
{
    handle_done(job, fixture);
    return (weir_outcome)77;
}

static void an_unknown_outcome_counts_as_a_failure(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 0);
    options.handler = return_nonsense;
    put(f, "a");
    fixture_start(f, &options);
    redisReply *dead = wait_dead(f);
    assert_int_equal(recorder_count(f->runs), 3);
    assert_string_equal(text_of(dead->element[0], "weir.reason"), "exhausted");
    assert_non_null(strstr(text_of(dead->element[0], "weir.error"), "77"));
    freeReplyObject(dead);
}

static weir_outcome reject_with_many_words(weir_job *job, void *fixture)
{
    (void)fixture;
    char text[3000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    weir_job_error(job, "the first words");
    weir_job_error(job, "%d%% %s", 42, text);
    return WEIR_REJECT;
}

static void the_last_words_count_and_are_cut(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 0);
    options.handler = reject_with_many_words;
    put(f, "a");
    fixture_start(f, &options);
    redisReply *dead = wait_dead(f);
    const redisReply *words = field_of(dead->element[0], "weir.error");
    assert_int_equal(words->len, 1023);
    assert_memory_equal(words->str, "42% ", 4);
    assert_int_equal(strspn(words->str + 4, "x"), 1019);
    freeReplyObject(dead);
}

static weir_outcome fail_wordlessly_at_last(weir_job *job, void *fixture)
{
    recorder_add(((struct fixture *)fixture)->runs, name_of(job), weir_job_attempt(job));
    if (weir_job_attempt(job) == 1)
        weir_job_error(job, "only the first time");
    return WEIR_RETRY;
}

static void words_are_of_the_last_attempt(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 0);
    options.handler = fail_wordlessly_at_last;
    put(f, "a");
    fixture_start(f, &options);
    redisReply *dead = wait_dead(f);
    assert_non_null(field_of(dead->element[0], "weir.error"));
    assert_string_equal(text_of(dead->element[0], "weir.error"), "");
    freeReplyObject(dead);
}

/* --- on_dead --- */

/* What the callback sees, and its answer. */
struct obituary {
    weir_dead_letter seen;
    char job_id[WEIR_ID_SIZE], entry_id[WEIR_ID_SIZE], id[WEIR_ID_SIZE];
    char group[32], reason[32], error[64], n[32];
    long long letters_before, pending_before;
    int answer;
};

static int tell_obituary(const weir_dead_letter *letter, void *fixture)
{
    struct fixture *f = fixture;
    struct obituary *obituary = f->context;
    obituary->seen = *letter;
    snprintf(obituary->job_id, sizeof obituary->job_id, "%s", letter->job_id);
    snprintf(obituary->entry_id, sizeof obituary->entry_id, "%s", letter->entry_id);
    snprintf(obituary->id, sizeof obituary->id, "%s", letter->id);
    snprintf(obituary->group, sizeof obituary->group, "%s", letter->group);
    snprintf(obituary->reason, sizeof obituary->reason, "%s", letter->reason_text);
    snprintf(obituary->error, sizeof obituary->error, "%s", letter->error);
    if (letter->fields.n == 1)
        snprintf(obituary->n, sizeof obituary->n, "%.*s", (int)letter->fields.items[0].value_len,
                 letter->fields.items[0].value);
    obituary->letters_before = test_server_integer(f->server, "XLEN " DEAD);
    obituary->pending_before = pending_of(f, STREAM, GROUP, NULL);
    recorder_add(f->dead, "told", letter->attempts);
    return obituary->answer;
}

static void on_dead_is_told_before_the_letter_is_written(void **state)
{
    struct fixture *f = *state;
    struct obituary obituary = {.answer = 0};
    f->context = &obituary;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 0);
    options.on_dead = tell_obituary;
    options.max_attempts = 2;
    weir_enqueue_options own = WEIR_ENQUEUE_OPTIONS_INIT;
    own.id = "order-7";
    put_with(f, "a", &own);
    fixture_start(f, &options);
    redisReply *dead = wait_dead(f);

    assert_int_equal(recorder_count(f->dead), 1);
    assert_int_equal(obituary.letters_before, 0);
    assert_int_equal(obituary.pending_before, 1);
    assert_string_equal(obituary.job_id, "order-7");
    assert_string_equal(obituary.entry_id, text_of(dead->element[0], "weir.source_id"));
    assert_string_equal(obituary.id, "");
    assert_string_equal(obituary.group, GROUP);
    assert_int_equal(obituary.seen.reason, WEIR_DEAD_EXHAUSTED);
    assert_string_equal(obituary.reason, "exhausted");
    assert_string_equal(obituary.error, "attempt 2 failed");
    assert_int_equal(obituary.seen.attempts, 2);
    assert_int_equal(obituary.seen.deliveries, 1);
    assert_string_equal(obituary.n, "a");
    assert_null(obituary.seen.payload);
    char enqueued[32];
    snprintf(enqueued, sizeof enqueued, "%lld", (long long)obituary.seen.first_enqueued_ms);
    assert_string_equal(enqueued, text_of(dead->element[0], "weir.first_enqueued_ms"));
    freeReplyObject(dead);
}

static void an_on_dead_that_fails_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct obituary obituary = {.answer = -1};
    f->context = &obituary;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 0);
    options.on_dead = tell_obituary;
    put(f, "a");
    fixture_start(f, &options);
    redisReply *dead = wait_dead(f);
    assert_string_equal(text_of(dead->element[0], "n"), "a");
    freeReplyObject(dead);
    assert_int_equal(recorder_count(f->dead), 1);
}

static void callback_only_takes_the_letter_where_it_succeeds(void **state)
{
    struct fixture *f = *state;
    struct obituary obituary = {.answer = 0};
    f->context = &obituary;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 0);
    options.handler = handle_reject;
    options.on_dead = tell_obituary;
    options.dead_mode = WEIR_DEAD_CALLBACK_ONLY;
    put(f, "a");
    weir_queue *queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->dead, 1, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    assert_int_equal(test_server_integer(f->server, "EXISTS " DEAD " " DELAYED), 0);
    assert_true(WAIT_STAT(queue, dead, 1));

    obituary.answer = 1;
    put(f, "b");
    redisReply *dead = wait_dead(f);
    assert_string_equal(text_of(dead->element[0], "n"), "b");
    freeReplyObject(dead);
    assert_int_equal(recorder_count(f->dead), 2);
    assert_int_equal(recorder_count(f->runs), 2);
}

static void callback_only_without_a_callback_keeps_the_letter(void **state)
{
    struct fixture *f = *state;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 0);
    options.handler = handle_reject;
    options.on_dead = NULL;
    options.dead_mode = WEIR_DEAD_CALLBACK_ONLY;
    put(f, "a");
    fixture_start(f, &options);
    freeReplyObject(wait_dead(f));
}

/* --- what a handler sees over its attempts --- */

struct sighting {
    char id[WEIR_ID_SIZE], entry_id[WEIR_ID_SIZE];
    uint32_t attempt, deliveries;
    int64_t enqueued_ms;
    size_t n_fields;
};

static weir_outcome note_sighting(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    struct sighting *sighting = (struct sighting *)f->context + weir_job_attempt(job) - 1;
    snprintf(sighting->id, sizeof sighting->id, "%s", weir_job_id(job));
    snprintf(sighting->entry_id, sizeof sighting->entry_id, "%s", weir_job_entry_id(job));
    sighting->attempt = weir_job_attempt(job);
    sighting->deliveries = weir_job_deliveries(job);
    sighting->enqueued_ms = weir_job_enqueued_ms(job);
    sighting->n_fields = weir_job_fields(job)->n;
    handle_retry(job, fixture);
    return weir_job_attempt(job) == 3 ? WEIR_DONE : WEIR_RETRY;
}

static void expect_one_identity(struct fixture *f, const char *own_id)
{
    struct sighting sightings[3] = {0};
    f->context = sightings;
    weir_queue_options options = failing(f, WEIR_BACKOFF_FIXED, 30);
    options.handler = note_sighting;
    weir_enqueue_options own = WEIR_ENQUEUE_OPTIONS_INIT;
    own.id = own_id;
    weir_id id = put_with(f, "a", &own);
    if (own_id)
        assert_string_equal(id.text, own_id);
    fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 3, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(sightings[i].id, id.text);
        assert_int_equal(sightings[i].attempt, i + 1);
        assert_int_equal(sightings[i].deliveries, 1);
        assert_int_equal(sightings[i].enqueued_ms, sightings[0].enqueued_ms);
        assert_int_equal(sightings[i].n_fields, 1); /* none of ours among them */
    }
    if (!own_id)
        assert_string_equal(sightings[0].entry_id, id.text);
    assert_string_not_equal(sightings[1].entry_id, sightings[0].entry_id);
    assert_string_not_equal(sightings[2].entry_id, sightings[1].entry_id);
    assert_int_equal(recorder_count(f->dead), 0);
}

static void the_servers_id_stays_over_retries(void **state)
{
    expect_one_identity(*state, NULL);
}

static void an_own_id_stays_over_retries(void **state)
{
    expect_one_identity(*state, "order 7/\xff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_failing_job_runs_max_attempts_times),
        WITH_FIXTURE(a_fixed_backoff_is_the_base),
        WITH_FIXTURE(a_linear_backoff_grows_by_the_base),
        WITH_FIXTURE(an_exponential_backoff_multiplies),
        WITH_FIXTURE(no_delay_exceeds_the_cap),
        WITH_FIXTURE(without_backoff_the_claimer_retries),
        WITH_FIXTURE(a_handler_may_choose_the_delay),
        WITH_FIXTURE(a_handler_may_choose_the_delay_without_backoff),
        WITH_FIXTURE(a_rejected_job_is_dead_at_once),
        WITH_FIXTURE(an_unknown_outcome_counts_as_a_failure),
        WITH_FIXTURE(the_last_words_count_and_are_cut),
        WITH_FIXTURE(words_are_of_the_last_attempt),
        WITH_FIXTURE(on_dead_is_told_before_the_letter_is_written),
        WITH_FIXTURE(an_on_dead_that_fails_loses_nothing),
        WITH_FIXTURE(callback_only_takes_the_letter_where_it_succeeds),
        WITH_FIXTURE(callback_only_without_a_callback_keeps_the_letter),
        WITH_FIXTURE(the_servers_id_stays_over_retries),
        WITH_FIXTURE(an_own_id_stays_over_retries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
