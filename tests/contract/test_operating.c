/* SPDX-License-Identifier: MIT
 *
 * What an operator sees of single jobs, pending and delayed ones, and can do with the latter.
 */
#include "contract.h"

#include "base/clock.h"
#include "broker/admin.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

static void add_delayed(struct weir_session *session, const char *id, int64_t run_at_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = id;
    options.run_at_ms = run_at_ms;
    add_job(session, WEIR_FIELDS(weir_field_text("n", "7")), &options);
}

/* --- pending --- */

struct pending {
    size_t n, released, stop_after;
    uint64_t deliveries;
    char last_id[WEIR_ENTRY_ID_SIZE], consumers[512];
};

static int note_pending(const weir_pending_info *info, void *context)
{
    struct pending *pending = context;
    struct weir_entry_id last, id;
    weir_entry_id_parse(info->entry_id, strlen(info->entry_id), &id);
    if (pending->n > 0) {
        weir_entry_id_parse(pending->last_id, strlen(pending->last_id), &last);
        assert_true(weir_entry_id_compare(last, id) < 0);
    }
    snprintf(pending->last_id, sizeof pending->last_id, "%s", info->entry_id);
    pending->deliveries += info->deliveries;
    pending->released += info->released;
    size_t len = strlen(pending->consumers);
    snprintf(pending->consumers + len, sizeof pending->consumers - len, "%s ", info->consumer);
    return ++pending->n == pending->stop_after;
}

static void what_is_pending_is_listed_by_pages(void **state)
{
    struct contract *contract = *state;
    struct weir_session *one = worker(contract, "g", "one"), *two = worker(contract, "g", "two");
    struct weir_session *admin = admin_of(contract);
    const struct weir_admin_ops *ops = admin->ops->admin;
    add_numbered(one, 0, 5, NULL);
    struct weir_batch *batch = read_batch(contract, one, 3);
    read_batch(contract, two, 2);
    settle(one, &batch->jobs[1], WEIR_VERDICT_RELEASE);

    struct pending seen = {0};
    struct weir_entry_id after = {0, 0};
    struct weir_visit visit;
    for (size_t expected = 2, page = 0; page < 3; page++, expected = page == 2 ? 1 : 2) {
        OK(ops->pending(admin, "g", NULL, &after, 2, note_pending, &seen, &visit, &last_error));
        assert_int_equal(visit.n, expected);
        assert_false(visit.ended);
    }
    OK(ops->pending(admin, "g", NULL, &after, 2, note_pending, &seen, &visit, &last_error));
    assert_int_equal(visit.n, 0);
    assert_int_equal(seen.n, 5);
    assert_int_equal(seen.deliveries, 4); /* the released one's was taken back */
    assert_int_equal(seen.released, 1);
    assert_string_equal(seen.consumers, "one one one two two ");

    seen = (struct pending){.stop_after = 1};
    after = (struct weir_entry_id){0, 0};
    OK(ops->pending(admin, "g", "two", &after, 10, note_pending, &seen, &visit, &last_error));
    assert_true(visit.ended);
    assert_int_equal(visit.n, 1);
    OK(ops->pending(admin, "g", "two", &after, 10, note_pending, &seen, &visit, &last_error));
    assert_int_equal(visit.n, 1);
    assert_string_equal(seen.consumers, "two two ");
    FAILS(WEIR_ERR_NO_GROUP, ops->pending(admin, "none", NULL, &after, 10, note_pending, &seen, &visit, &last_error));
}

/* --- jobs --- */

/* What the tests look at of a job. */
struct job {
    size_t n;
    char id[700], job_id[128], group[64], traceparent[64], value[64];
    size_t n_fields;
    uint32_t attempts;
    int64_t first_enqueued_ms;
    double due_ms;
    bool spoilt;
    struct weir_session *enqueue_through;
};

static int note_job(const weir_job_info *info, void *context)
{
    struct job *job = context;
    assert_int_equal(info->id_len, strlen(info->id));
    snprintf(job->id, sizeof job->id, "%s", info->id);
    snprintf(job->job_id, sizeof job->job_id, "%s", info->job_id);
    snprintf(job->group, sizeof job->group, "%s", info->group);
    snprintf(job->traceparent, sizeof job->traceparent, "%s", info->traceparent);
    snprintf(job->value, sizeof job->value, "%s", info->fields.n ? info->fields.items[0].value : "");
    job->n_fields = info->fields.n;
    job->attempts = info->attempts;
    job->first_enqueued_ms = info->first_enqueued_ms;
    job->due_ms = info->due_ms;
    job->spoilt = info->spoilt;
    job->n++;
    if (job->enqueue_through)
        add_numbered(job->enqueue_through, 0, 1, NULL);
    return 0;
}

static void a_job_is_shown_by_its_entry(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = "mail-17";
    options.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    add_job(session, WEIR_FIELDS(weir_field_text("to", "a@b.c"), weir_field_text("subject", "hi")), &options);
    retry_now(session, read_one(contract, session), 3);
    promote_until(session, 1);
    struct weir_job *job = read_one(contract, session);

    struct job seen = {0};
    OK(admin->ops->admin->entry(admin, job->entry, note_job, &seen, &last_error));
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.id, weir_job_entry_id(job));
    assert_string_equal(seen.job_id, "mail-17");
    assert_string_equal(seen.group, "g");
    assert_string_equal(seen.traceparent, options.traceparent);
    assert_string_equal(seen.value, "a@b.c");
    assert_int_equal(seen.n_fields, 2);
    assert_int_equal(seen.attempts, 3);
    assert_int_equal(seen.first_enqueued_ms, job->enqueued_ms);
    assert_false(seen.spoilt);
    job->entry.seq++;
    FAILS(WEIR_ERR_NOT_FOUND, admin->ops->admin->entry(admin, job->entry, note_job, &seen, &last_error));
}

static struct job only_delayed(struct weir_session *admin)
{
    struct job seen = {0};
    struct weir_visit visit;
    OK(admin->ops->admin->delayed(admin, NULL, 10, note_job, &seen, &visit, &last_error));
    assert_int_equal(visit.n, 1);
    return seen;
}

static void a_delayed_job_is_shown_whole(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    int64_t before_ms = look(admin)->queue.now_ms;
    add_delayed(session, "mail-17", INT64_C(4000000000000));
    struct job seen = only_delayed(admin);
    assert_string_equal(seen.id, "mail-17");
    assert_string_equal(seen.job_id, "mail-17");
    assert_string_equal(seen.group, "");
    assert_string_equal(seen.traceparent, "");
    assert_string_equal(seen.value, "7");
    assert_int_equal(seen.n_fields, 1);
    assert_int_equal(seen.attempts, 0);
    assert_int_equal((int64_t)seen.due_ms, INT64_C(4000000000000));
    assert_in_range(seen.first_enqueued_ms, before_ms, look(admin)->queue.now_ms);
    assert_false(seen.spoilt);
}

static void a_retry_is_shown_with_its_attempts(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    weir_id id;
    add_numbered(session, 42, 1, &id);
    struct weir_job *job = read_one(contract, session);
    job->attempts = 2;
    job->retry_delay_ms = HOUR_MS;
    assert_int_equal(settle(session, job, WEIR_VERDICT_RETRY), WEIR_SETTLED);
    struct job seen = only_delayed(admin);
    assert_string_equal(seen.job_id, id.text);
    assert_string_equal(seen.group, "g");
    assert_string_equal(seen.value, "42");
    assert_int_equal(seen.attempts, 2);
    assert_int_equal(seen.first_enqueued_ms, job->enqueued_ms);
    assert_int_equal(seen.n_fields, 1);
}

/* The id of the i-th in order: several are due at the same time, and their names decide. */
static void delayed_id(size_t i, char out[16])
{
    snprintf(out, 16, "%c%05zu", "AZ_az"[i % 5], i / 5 % 100000);
}

static int64_t delayed_due_ms(size_t i)
{
    return INT64_C(4000000000000) + (int64_t)(i / 50);
}

/* By due time, then by the bytes of the name. */
static int compare_delayed(const void *a, const void *b)
{
    size_t one = *(const size_t *)a, two = *(const size_t *)b;
    char first[16], second[16];
    delayed_id(one, first);
    delayed_id(two, second);
    int64_t due = delayed_due_ms(one), other = delayed_due_ms(two);
    return due != other ? (due < other ? -1 : 1) : strcmp(first, second);
}

enum { DELAYED = 437 };

struct listing {
    size_t n;
    const size_t *order;
    double last_due_ms;
    char last_id[16];
};

static int expect_next(const weir_job_info *info, void *context)
{
    struct listing *listing = context;
    char expected[16];
    assert_true(listing->n < DELAYED);
    delayed_id(listing->order[listing->n], expected);
    assert_string_equal(info->id, expected);
    assert_int_equal((int64_t)info->due_ms, delayed_due_ms(listing->order[listing->n]));
    listing->last_due_ms = info->due_ms;
    snprintf(listing->last_id, sizeof listing->last_id, "%s", info->id);
    listing->n++;
    return 0;
}

static void add_many_delayed(struct weir_session *session, size_t order[DELAYED])
{
    for (size_t i = 0; i < DELAYED; i++) {
        char id[16];
        size_t shuffled = i * 7919 % DELAYED;
        delayed_id(shuffled, id);
        add_delayed(session, id, delayed_due_ms(shuffled));
        order[i] = i;
    }
    qsort(order, DELAYED, sizeof *order, compare_delayed);
}

static void delayed_jobs_are_listed_by_pages_in_order(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    size_t order[DELAYED];
    add_many_delayed(session, order);
    struct listing listing = {.order = order};
    struct weir_visit visit = {.n = 30};
    while (visit.n == 30) {
        weir_delayed_position after = {listing.last_due_ms, listing.last_id, strlen(listing.last_id)};
        OK(admin->ops->admin->delayed(admin, listing.n > 0 ? &after : NULL, 30, expect_next, &listing, &visit,
                                      &last_error));
        assert_false(visit.ended);
    }
    assert_int_equal(listing.n, DELAYED);
}

/* Where the last page ended, the job may have been run or deleted meanwhile: nothing is left out or shown twice. */
static void a_page_goes_on_where_the_last_one_ended(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    size_t order[DELAYED];
    add_many_delayed(session, order);
    struct listing listing = {.order = order};
    struct weir_visit visit;
    OK(admin->ops->admin->delayed(admin, NULL, 120, expect_next, &listing, &visit, &last_error));
    OK(admin->ops->admin->delayed_delete(admin, listing.last_id, &last_error));
    for (size_t i = 0; i < 10; i++) {
        char id[16];
        delayed_id(order[i], id);
        OK(admin->ops->admin->delayed_run(admin, id, &last_error));
    }
    weir_delayed_position after = {listing.last_due_ms, listing.last_id, strlen(listing.last_id)};
    OK(admin->ops->admin->delayed(admin, &after, DELAYED, expect_next, &listing, &visit, &last_error));
    assert_int_equal(listing.n, DELAYED);

    /* positions that no job ever had */
    const struct {
        weir_delayed_position after;
        size_t n;
    } cases[] = {
        {{0, "", 0}, DELAYED - 11}, {{4e12, "", 0}, DELAYED - 11}, {{4e12 - 0.5, "zzz", 3}, DELAYED - 11},
        {{9e18, "", 0}, 0},         {{4e12 + 8, "\xff", 1}, 0},    {{4e12 + 7.5, "zzz", 3}, DELAYED - 400},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct job seen = {0};
        OK(admin->ops->admin->delayed(admin, &cases[i].after, 10000, note_job, &seen, &visit, &last_error));
        assert_int_equal(visit.n, cases[i].n);
    }
}

static void a_delayed_job_is_run_now(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    add_delayed(session, "one", INT64_C(4000000000000));
    add_delayed(session, "two", INT64_C(4000000000000));
    add_delayed(session, "due", 1);
    OK(admin->ops->admin->delayed_run(admin, "two", &last_error));
    struct weir_job *job = read_one(contract, session);
    assert_string_equal(weir_job_id(job), "two");
    expect_number(job, 7);
    assert_int_equal(look(admin)->queue.delayed, 2);
    FAILS(WEIR_ERR_NOT_FOUND, admin->ops->admin->delayed_run(admin, "two", &last_error));
    assert_non_null(strstr(last_error.message, "two"));
    FAILS(WEIR_ERR_NOT_FOUND, admin->ops->admin->delayed_run(admin, "", &last_error));
    assert_int_equal(read_batch(contract, session, 10)->n, 0);
    assert_int_equal(promote(session, NULL), 1); /* the one that is due */
}

static void a_delayed_job_is_deleted(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    add_delayed(session, "one", 1);
    add_delayed(session, "two", 1);
    OK(admin->ops->admin->delayed_delete(admin, "one", &last_error));
    FAILS(WEIR_ERR_NOT_FOUND, admin->ops->admin->delayed_delete(admin, "one", &last_error));
    FAILS(WEIR_ERR_NOT_FOUND, admin->ops->admin->delayed_run(admin, "one", &last_error));
    assert_int_equal(promote(session, NULL), 1);
    assert_string_equal(weir_job_id(read_one(contract, session)), "two");
    add_delayed(session, "one", 1); /* it is forgotten whole */
    assert_int_equal(promote(session, NULL), 1);
}

static void visitors_may_use_the_same_broker(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    add_delayed(session, "one", INT64_C(4000000000000));
    add_delayed(session, "two", INT64_C(4000000000000));
    struct job seen = {.enqueue_through = session};
    struct weir_visit visit;
    OK(admin->ops->admin->delayed(admin, NULL, 10, note_job, &seen, &visit, &last_error));
    OK(admin->ops->admin->entry(admin, read_batch(contract, session, 1)->jobs[0].entry, note_job, &seen, &last_error));
    assert_int_equal(look(admin)->queue.length, 3);
}

int run_operating_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(what_is_pending_is_listed_by_pages),
        CONTRACT_TEST(a_job_is_shown_by_its_entry),
        CONTRACT_TEST(a_delayed_job_is_shown_whole),
        CONTRACT_TEST(a_retry_is_shown_with_its_attempts),
        CONTRACT_TEST(delayed_jobs_are_listed_by_pages_in_order),
        CONTRACT_TEST(a_page_goes_on_where_the_last_one_ended),
        CONTRACT_TEST(a_delayed_job_is_run_now),
        CONTRACT_TEST(a_delayed_job_is_deleted),
        CONTRACT_TEST(visitors_may_use_the_same_broker),
    };
    return cmocka_run_group_tests_name("operating", tests, NULL, NULL);
}
