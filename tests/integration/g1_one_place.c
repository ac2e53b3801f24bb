/* SPDX-License-Identifier: MIT
 *
 * G1: a job that was accepted is at every instant in exactly one place: waiting, pending, delayed, dead or done.
 *
 * While workers run, fail, delay, reject, get killed and have dead jobs put back, this looks at all places in one step,
 * again and again, and counts in how many each job is.
 */
#include "fixture.h"

#include "support/process.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 2000, BATCH = 10, WORKERS = 3 };

struct shared {
    atomic_bool done[N]; /* set before the handler says so */
    atomic_int runs[N];
};

/* --- the jobs --- */

/* Dead for good: what is never done. */
static bool is_hopeless(int n)
{
    return n % 16 == 3;
}

static weir_outcome done(struct shared *shared, int n)
{
    atomic_store(&shared->done[n], true);
    return WEIR_DONE;
}

static weir_outcome live_as_numbered(weir_job *job, void *context)
{
    struct shared *shared = context;
    int n = atoi(name_of(job) + strlen("job-"));
    int run = atomic_fetch_add(&shared->runs[n], 1) + 1;
    if (is_hopeless(n))
        return WEIR_REJECT;
    switch (n % 8) {
    case 2: /* fails twice */
        return run > 2 ? done(shared, n) : WEIR_RETRY;
    case 3: /* rejected, until it is put back */
        return run > 1 ? done(shared, n) : WEIR_REJECT;
    case 4: /* fails until it is exhausted, and is put back */
        return run > 3 ? done(shared, n) : WEIR_RETRY;
    case 5: /* chooses its own delay; and was delayed to begin with */
        weir_job_retry_in(job, 7);
        return run > 1 ? done(shared, n) : WEIR_RETRY;
    default:
        return done(shared, n);
    }
}

static void put_batch(struct fixture *f, int first)
{
    struct {
        char text[16];
        weir_field field;
        weir_fields fields;
        weir_enqueue_options options;
    } rows[BATCH];
    weir_enqueue_job jobs[BATCH];
    for (int i = 0; i < BATCH; i++) {
        snprintf(rows[i].text, sizeof rows[i].text, "job-%06d", first + i);
        rows[i].field = weir_field_text("n", rows[i].text);
        rows[i].fields = (weir_fields){&rows[i].field, 1};
        rows[i].options = (weir_enqueue_options)WEIR_ENQUEUE_OPTIONS_INIT;
        rows[i].options.delay_ms = (first + i) % 8 == 5 ? 1 + (first + i) % 40 : 0;
        jobs[i] = (weir_enqueue_job){&rows[i].fields, &rows[i].options};
    }
    OK(weir_enqueue_bulk(fixture_producer(f), jobs, BATCH, NULL, &last_error));
}

/* --- all places, at one instant --- */

struct census {
    int places[N];
    int waiting, pending, delayed, dead;
};

/* The number in bytes that contain "job-000123"; −1 where they don't. */
static int number_in(const char *bytes, size_t len)
{
    const char *found = memmem(bytes, len, "job-", 4);
    return found ? atoi(found + 4) : -1;
}

static int number_of(const redisReply *entry)
{
    const redisReply *name = field_of(entry, "n");
    return name ? number_in(name->str, name->len) : -1;
}

static int compare_entry_ids(const char *a, const char *b)
{
    unsigned long long a_ms = 0, a_seq = 0, b_ms = 0, b_seq = 0;
    sscanf(a, "%llu-%llu", &a_ms, &a_seq);
    sscanf(b, "%llu-%llu", &b_ms, &b_seq);
    if (a_ms != b_ms)
        return a_ms < b_ms ? -1 : 1;
    return a_seq < b_seq ? -1 : a_seq > b_seq;
}

static const char *last_delivered(const redisReply *groups)
{
    const redisReply *group = groups->element[0];
    for (size_t i = 0; i + 1 < group->elements; i += 2)
        if (strcmp(group->element[i]->str, "last-delivered-id") == 0)
            return group->element[i + 1]->str;
    fail_msg("the group has no last-delivered-id");
    return "";
}

static void count_stream(struct census *census, const redisReply *entries, const redisReply *pending,
                         const redisReply *groups)
{
    const char *last = last_delivered(groups);
    size_t next = 0; /* both are in ascending order */
    for (size_t i = 0; i < entries->elements; i++) {
        const char *id = entries->element[i]->element[0]->str;
        int n = number_of(entries->element[i]);
        assert_in_range(n, 0, N - 1);
        if (next < pending->elements && strcmp(pending->element[next]->element[0]->str, id) == 0) {
            next++;
            census->pending++;
            census->places[n]++;
        } else if (compare_entry_ids(id, last) > 0) {
            census->waiting++;
            census->places[n]++;
        }
    }
    assert_int_equal(next, pending->elements); /* each pending entry is in the stream */
}

static void count_delayed(struct census *census, const redisReply *members, const redisReply *packed)
{
    assert_int_equal(members->elements * 2, packed->elements);
    for (size_t i = 0; i < packed->elements; i += 2) {
        bool found = false;
        for (size_t j = 0; j < members->elements && !found; j++)
            found = strcmp(members->element[j]->str, packed->element[i]->str) == 0;
        assert_true(found);
        int n = number_in(packed->element[i + 1]->str, packed->element[i + 1]->len);
        assert_in_range(n, 0, N - 1);
        census->delayed++;
        census->places[n]++;
    }
}

static void count_dead(struct census *census, const redisReply *entries)
{
    for (size_t i = 0; i < entries->elements; i++) {
        int n = number_of(entries->element[i]);
        assert_in_range(n, 0, N - 1);
        census->dead++;
        census->places[n]++;
    }
}

static struct census take_census(struct fixture *f)
{
    static const char *const commands[] = {
        "MULTI",
        "XRANGE " STREAM " - +",
        "XPENDING " STREAM " " GROUP " - + 100000",
        "XINFO GROUPS " STREAM,
        "ZRANGE " DELAYED " 0 -1",
        "HGETALL " DELAYED_JOBS,
        "XRANGE " DEAD " - +",
    };
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        freeReplyObject(test_server_command(f->server, commands[i]));
    redisReply *all = test_server_command(f->server, "EXEC");
    assert_int_equal(all->elements, COUNT_OF(commands) - 1);
    struct census census = {0};
    count_stream(&census, all->element[0], all->element[1], all->element[2]);
    count_delayed(&census, all->element[3], all->element[4]);
    count_dead(&census, all->element[5]);
    freeReplyObject(all);
    return census;
}

/* Of the first `accepted` jobs each is in one place; the others are in none. */
static struct census expect_one_place_each(struct fixture *f, const struct shared *shared, int accepted)
{
    struct census census = take_census(f);
    for (int n = 0; n < N; n++) {
        int places = census.places[n] + (census.places[n] == 0 && atomic_load(&shared->done[n]));
        if (places != (n < accepted))
            fail_msg("job %d is in %d places", n, places);
    }
    return census;
}

/* --- the run --- */

static bool nothing_is_on_its_way(const struct census *census)
{
    return census->waiting + census->pending + census->delayed == 0;
}

static int count_hopeless(void)
{
    int hopeless = 0;
    for (int n = 0; n < N; n++)
        hopeless += is_hopeless(n);
    return hopeless;
}

static void each_job_is_in_one_place(void **state)
{
    struct fixture *f = *state;
    struct shared *shared = fixture_share(f, sizeof *shared);
    weir_queue_options options = fixture_options(f);
    options.handler = live_as_numbered;
    options.user_data = shared;
    options.concurrency = 4;
    options.max_attempts = 3;
    options.max_deliveries = 20;
    options.min_idle_ms = 150;
    options.backoff = WEIR_BACKOFF_LINEAR;
    options.backoff_base_ms = 5;
    options.promote_interval_ms = 10;
    weir_queue_close(fixture_open(f, &options)); /* the group is there before the first look */
    f->queues[0] = NULL;

    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        workers[i] = fixture_worker(&options);
    for (int accepted = 0; accepted < N;) {
        put_batch(f, accepted);
        accepted += BATCH;
        for (int i = 0; i < 3; i++)
            expect_one_place_each(f, shared, accepted);
        if (accepted % 50 == 0)
            OK(weir_dead_requeue_all(fixture_letters(f), NULL, &last_error));
        if (accepted % 400 == 0) { /* a worker dies, another comes */
            int victim = accepted / 400 % WORKERS;
            child_kill(workers[victim]);
            expect_one_place_each(f, shared, accepted);
            workers[victim] = fixture_worker(&options);
        }
    }

    struct census census = {0};
    int64_t give_up_ms = test_now_ms() + TEST_TIMEOUT_MS;
    int hopeless = count_hopeless();
    do {
        census = expect_one_place_each(f, shared, N);
        if (nothing_is_on_its_way(&census) && census.dead > hopeless)
            OK(weir_dead_requeue_all(fixture_letters(f), NULL, &last_error));
    } while (test_now_ms() < give_up_ms && (!nothing_is_on_its_way(&census) || census.dead > hopeless));

    for (int i = 0; i < WORKERS; i++) {
        child_signal(workers[i], SIGTERM);
        assert_int_equal(child_wait(workers[i], TEST_TIMEOUT_MS), 0);
    }
    assert_true(nothing_is_on_its_way(&census));
    assert_int_equal(census.dead, hopeless);
    for (int n = 0; n < N; n++)
        assert_int_equal(shared->done[n], !is_hopeless(n));
    census = expect_one_place_each(f, shared, N);
    assert_int_equal(census.dead, hopeless);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WITH_FIXTURE(each_job_is_in_one_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
