/* SPDX-License-Identifier: MIT
 *
 * What an admin sees of queues, and can do with delayed jobs and dead consumers.
 */
#include "contract.h"

#include "base/clock.h"
#include "broker/admin.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

static void of_an_unknown_queue_nothing_is_known(void **state)
{
    struct seen *seen = look(admin_of(*state));
    assert_false(seen->queue.exists);
    assert_true(seen->queue.now_ms > INT64_C(1700000000000));
    assert_true(seen->queue.next_due_ms < 0);
    assert_int_equal(seen->queue.length + seen->queue.delayed + seen->queue.dead + seen->queue.paused, 0);
    assert_int_equal(seen->queue.overdue_ms + seen->queue.paused_since_ms, 0);
    assert_int_equal(seen->queue.n_groups, 0);
}

static void of_the_server_is_known_what_it_is_and_that_it_takes_writes(void **state)
{
    struct weir_session *admin = admin_of(*state);
    weir_server_info server = {.size = 7, .writes = WEIR_ERR_FULL, .replica = true, .disk_fails = true};
    OK(admin->ops->admin->server(admin, &server, &last_error));
    assert_int_equal(server.size, 7); /* the caller's */
    assert_true(server.version[0] != '\0');
    assert_int_equal(server.writes, WEIR_OK);
    assert_false(server.replica || server.disk_fails);
    assert_false(look(admin)->queue.exists); /* it was not made by trying */
}

/* What is left of n where the server has no lag (before Redis 7.0), and neither nothing nor everything waits. */
static int64_t some_of(int64_t n)
{
    return contract_factory.counts() ? n : -1;
}

static void what_waits_and_what_is_pending_is_counted(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    struct seen *seen = look(admin);
    assert_true(seen->queue.exists);
    assert_int_equal(seen->queue.length, 0);
    assert_int_equal(seen->queue.n_groups, 1);
    assert_string_equal(seen->group.name, "g");
    assert_string_equal(seen->group.last_delivered_id, "0-0");
    assert_int_equal(seen->group.waiting, 0);

    add_numbered(session, 0, 5, NULL);
    seen = look(admin);
    assert_int_equal(seen->queue.length, 5);
    assert_int_equal(seen->group.waiting, 5);
    assert_int_equal(seen->group.pending, 0);

    struct weir_batch *batch = read_batch(contract, session, 2);
    settle(session, &batch->jobs[0], WEIR_VERDICT_ACK);
    seen = look(admin);
    char last[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(batch->jobs[1].entry, last);
    assert_int_equal(seen->queue.length, 5);
    assert_int_equal(seen->group.waiting, some_of(3));
    assert_int_equal(seen->group.pending, 1);
    assert_string_equal(seen->group.last_delivered_id, last);

    settle(session, &batch->jobs[1], WEIR_VERDICT_BURY);
    settle_all(session, read_batch(contract, session, 10), WEIR_VERDICT_ACK);
    seen = look(admin);
    assert_int_equal(seen->group.waiting + seen->group.pending, 0);
    assert_int_equal(seen->queue.dead, 1);
}

/* Counts that only grow, from which rates follow. Redis has them since 7.0. */
static void what_was_added_and_delivered_is_counted_for_ever(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    bool counted = contract_factory.counts();
    assert_int_equal(look(admin)->queue.added, counted ? 0 : -1);
    assert_int_equal(look(admin)->queue.dead_added, 0); /* there is no such stream */

    add_numbered(session, 0, 5, NULL);
    struct weir_batch *batch = read_batch(contract, session, 3);
    settle(session, &batch->jobs[0], WEIR_VERDICT_BURY);
    settle(session, &batch->jobs[1], WEIR_VERDICT_ACK);
    struct seen *seen = look(admin);
    assert_int_equal(seen->queue.added, counted ? 5 : -1);
    assert_int_equal(seen->queue.dead_added, counted ? 1 : -1);
    assert_int_equal(seen->group.delivered, counted ? 3 : -1);
    assert_int_equal(seen->group.pending, 1);

    uint64_t purged;
    size_t trimmed;
    settle(session, &batch->jobs[2], WEIR_VERDICT_ACK);
    settle_all(session, read_batch(contract, session, 10), WEIR_VERDICT_ACK);
    OK(session->ops->trim(session, 0, 100, &trimmed, &last_error));
    OK(session->ops->dead_purge(session, &purged, &last_error));
    seen = look(admin);
    assert_int_equal(seen->queue.length + seen->queue.dead, 0);
    assert_int_equal(seen->queue.added, counted ? 5 : -1);
    assert_int_equal(seen->queue.dead_added, counted ? 1 : -1);
    assert_int_equal(seen->group.delivered, counted ? 5 : -1);
}

/* As if its worker had gone silent. */
static void deliver_again(struct contract *contract, struct weir_session *session, const struct weir_job *job)
{
    struct weir_entry_id cursor = job->entry;
    struct weir_batch *batch = new_batch(contract);
    OK(session->ops->claim(session, &cursor, 0, 1, batch, &last_error));
    assert_int_equal(batch->n, 1);
    assert_string_equal(weir_job_entry_id(&batch->jobs[0]), weir_job_entry_id(job));
}

/* Among the first that are pending: a job that kills its workers is soon one of them. */
static void the_suspect_is_what_was_delivered_most_often(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    assert_int_equal(look(admin)->group.most_deliveries, 0);
    assert_string_equal(look(admin)->group.most_delivered_id, "");
    add_numbered(session, 0, 12, NULL);
    struct weir_batch *batch = read_batch(contract, session, 12);
    assert_int_equal(batch->n, 12);
    struct seen *seen = look(admin);
    assert_int_equal(seen->group.most_deliveries, 1);
    assert_string_equal(seen->group.most_delivered_id, weir_job_entry_id(&batch->jobs[0]));

    deliver_again(contract, session, &batch->jobs[4]);
    deliver_again(contract, session, &batch->jobs[10]);
    deliver_again(contract, session, &batch->jobs[10]);
    seen = look(admin);
    assert_int_equal(seen->group.most_deliveries, 2);
    assert_string_equal(seen->group.most_delivered_id, weir_job_entry_id(&batch->jobs[4]));
    settle(session, &batch->jobs[0], WEIR_VERDICT_ACK); /* the eleventh is the tenth now */
    seen = look(admin);
    assert_int_equal(seen->group.most_deliveries, 3);
    assert_string_equal(seen->group.most_delivered_id, weir_job_entry_id(&batch->jobs[10]));
}

static void each_group_has_its_own_numbers(void **state)
{
    struct contract *contract = *state;
    struct weir_session *slow = worker(contract, "slow", "c"), *fast = worker(contract, "fast", "c");
    struct weir_session *admin = admin_of(contract);
    add_numbered(slow, 0, 4, NULL);
    settle_all(fast, read_batch(contract, fast, 3), WEIR_VERDICT_ACK);
    read_batch(contract, slow, 1);
    struct seen *seen = look(admin);
    assert_int_equal(seen->queue.n_groups, 2);
    for (size_t i = 0; i < 2; i++) {
        const weir_group_info *group = seen->queue.groups[i];
        bool is_slow = strcmp(group->name, "slow") == 0;
        assert_int_equal(group->waiting, some_of(is_slow ? 3 : 1));
        assert_int_equal(group->pending, is_slow ? 1 : 0);
    }
}

/* Redis loses count where an entry that waited is deleted. What can be known is; the rest is never a wrong number. */
static void a_deletion_makes_no_number_wrong(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    weir_id ids[6];
    struct weir_entry_id id;
    add_numbered(session, 0, 6, ids);
    weir_entry_id_parse(ids[3].text, strlen(ids[3].text), &id);
    contract_factory.delete_entry(contract, id);
    assert_int_equal(look(admin)->group.waiting, 5); /* all that there is */

    struct weir_batch *batch = read_batch(contract, session, 2);
    int64_t waiting = look(admin)->group.waiting;
    assert_true(waiting == 3 || waiting == -1);
    assert_true(look(admin)->group.oldest_waiting_ms >= 0);

    settle_all(session, batch, WEIR_VERDICT_ACK);
    settle_all(session, read_batch(contract, session, 10), WEIR_VERDICT_ACK);
    assert_int_equal(look(admin)->group.waiting, 0);
    add_numbered(session, 0, 2, NULL);
    waiting = look(admin)->group.waiting;
    assert_true(waiting == 2 || waiting == -1);
}

static void ages_are_those_of_the_oldest(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    add_numbered(session, 0, 1, NULL);
    const struct weir_job *job = read_one(contract, session);
    pass_time_since_enqueued(job);
    weir_id id;
    add_numbered(session, 1, 1, &id);
    add_numbered(session, 2, 1, NULL);
    struct weir_entry_id waiting;
    weir_entry_id_parse(id.text, strlen(id.text), &waiting);
    while (look(admin)->group.oldest_waiting_ms < 3)
        sched_yield();
    struct seen *seen = look(admin);
    assert_int_equal(seen->group.oldest_waiting_ms, seen->queue.now_ms - (int64_t)waiting.ms);
    assert_int_equal(seen->group.oldest_pending_ms, seen->queue.now_ms - (int64_t)job->entry.ms);
    assert_int_equal(seen->group.oldest_runnable_ms, seen->group.oldest_waiting_ms);
}

static weir_enqueue_options at_ms(const char *id, int64_t run_at_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = id;
    options.run_at_ms = run_at_ms;
    return options;
}

static void add_delayed(struct weir_session *session, const char *id, int64_t run_at_ms)
{
    weir_enqueue_options options = at_ms(id, run_at_ms);
    add_job(session, WEIR_FIELDS(weir_field_text("n", "7")), &options);
}

static void delayed_jobs_are_runnable_once_they_are_due(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    add_delayed(session, "later", INT64_C(4000000000000));
    struct seen *seen = look(admin);
    assert_int_equal(seen->queue.delayed, 1);
    assert_int_equal((int64_t)seen->queue.next_due_ms, INT64_C(4000000000000));
    assert_int_equal(seen->queue.overdue_ms + seen->group.oldest_runnable_ms, 0);

    add_delayed(session, "long ago", 1000);
    seen = look(admin);
    assert_int_equal(seen->queue.delayed, 2);
    assert_int_equal((int64_t)seen->queue.next_due_ms, 1000);
    assert_int_equal(seen->queue.overdue_ms, seen->queue.now_ms - 1000);
    assert_int_equal(seen->group.oldest_runnable_ms, seen->queue.overdue_ms);
    assert_int_equal(seen->group.oldest_waiting_ms, 0);
}

static void a_pause_is_seen_with_its_time(void **state)
{
    struct contract *contract = *state;
    struct weir_session *admin = admin_of(contract);
    bool changed;
    int64_t before_ms = look(admin)->queue.now_ms;
    OK(admin->ops->set_paused(admin, true, &changed, &last_error));
    struct seen *seen = look(admin);
    assert_int_equal(seen->queue.paused, 1);
    assert_in_range(seen->queue.paused_since_ms, before_ms, seen->queue.now_ms);
    assert_false(seen->queue.exists);
    OK(admin->ops->set_paused(admin, false, &changed, &last_error));
    assert_int_equal(look(admin)->queue.paused, 0);
}

static void a_session_is_about_what_it_selects(void **state)
{
    struct contract *contract = *state;
    struct weir_session *session = worker(contract, "g", "c"), *admin = admin_of(contract);
    add_numbered(session, 0, 3, NULL);
    char other[80];
    for (int i = 0; i < 5; i++) { /* of a cluster, on all nodes */
        snprintf(other, sizeof other, "%s-%d", contract->stream, i);
        OK(admin->ops->admin->select(admin, other, &last_error));
        OK(admin->ops->connect(admin, &last_error));
        assert_false(look(admin)->queue.exists);
        bool changed;
        OK(admin->ops->set_paused(admin, true, &changed, &last_error));
        assert_int_equal(look(admin)->queue.paused, 1);
        OK(admin->ops->set_paused(admin, false, &changed, &last_error));

        OK(admin->ops->admin->select(admin, contract->stream, &last_error));
        OK(admin->ops->connect(admin, &last_error));
        assert_int_equal(look(admin)->group.waiting, 3);
        assert_int_equal(look(admin)->queue.paused, 0);
    }
}

/* --- which there are --- */

struct names {
    const char *wanted[4];
    size_t n_wanted[4], n;
    const char *never;
};

static int note_name(const char *name, void *context)
{
    struct names *names = context;
    names->n++;
    for (size_t i = 0; i < COUNT_OF(names->wanted); i++)
        names->n_wanted[i] += names->wanted[i] && strcmp(names->wanted[i], name) == 0;
    assert_null(strstr(name, names->never));
    assert_null(strstr(name, ":dead"));
    assert_null(strstr(name, ":delayed"));
    return 0;
}

static void go_through_all(struct weir_session *admin, struct names *names)
{
    weir_cursor cursor = {""};
    int steps = 0;
    do {
        OK(admin->ops->admin->streams(admin, &cursor, note_name, names, &last_error));
        assert_true(++steps < 10000);
    } while (cursor.text[0]);
}

static void every_queue_is_found(void **state)
{
    struct contract *contract = *state;
    struct weir_session *admin = admin_of(contract);
    char tagged[80], delayed[80], untouched[80];
    snprintf(tagged, sizeof tagged, "{%s}:tagged", contract->stream);
    snprintf(delayed, sizeof delayed, "%s-delayed", contract->stream);
    snprintf(untouched, sizeof untouched, "%s-untouched", contract->stream);
    struct weir_session *plain = worker(contract, "g", "c");
    add_numbered(plain, 0, 1, NULL);
    settle(plain, read_one(contract, plain), WEIR_VERDICT_BURY); /* which makes a stream of dead letters */

    struct weir_broker_config config = config_of(contract, NULL, NULL);
    config.stream = tagged;
    struct weir_session *other = open_session(contract, &config);
    OK(other->ops->connect(other, &last_error));
    add_numbered(other, 0, 1, NULL);
    config.stream = delayed;
    other = open_session(contract, &config);
    OK(other->ops->connect(other, &last_error));
    add_delayed(other, "x", INT64_C(4000000000000)); /* no stream yet */

    OK(admin->ops->admin->select(admin, untouched, &last_error));
    struct names names = {.wanted = {contract->stream, tagged, delayed}, .never = untouched};
    go_through_all(admin, &names);
    for (size_t i = 0; i < 3; i++)
        assert_true(names.n_wanted[i] >= 1);
}

static void a_foreign_cursor_is_refused(void **state)
{
    struct weir_session *admin = admin_of(*state);
    static const char *const wrong[] = {"x", "0:x:1", "-1", "99999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        weir_cursor cursor;
        struct names names = {.never = "?"};
        snprintf(cursor.text, sizeof cursor.text, "%s", wrong[i]);
        FAILS(WEIR_ERR_ARGUMENT, admin->ops->admin->streams(admin, &cursor, note_name, &names, &last_error));
        assert_int_equal(names.n, 0);
    }
}

/* --- consumers --- */

struct consumers {
    size_t n, alive;
    uint64_t pending;
    char names[8][16];
};

static int note_consumer(const weir_consumer_info *consumer, void *context)
{
    struct consumers *consumers = context;
    snprintf(consumers->names[consumers->n++], sizeof consumers->names[0], "%s", consumer->name);
    consumers->alive += consumer->alive;
    consumers->pending += consumer->pending;
    assert_true(consumer->idle_ms >= 0);
    return strcmp(consumer->name, "last") == 0;
}

static void consumers_are_shown_with_what_they_have(void **state)
{
    struct contract *contract = *state;
    struct weir_session *one = worker(contract, "g", "one"), *two = worker(contract, "g", "two");
    struct weir_session *admin = admin_of(contract);
    add_numbered(one, 0, 3, NULL);
    read_batch(contract, one, 2);
    read_batch(contract, two, 10);
    struct consumers seen = {0};
    OK(admin->ops->admin->consumers(admin, "g", HOUR_MS, note_consumer, &seen, &last_error));
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.alive, 2);
    assert_int_equal(seen.pending, 3);
    assert_string_not_equal(seen.names[0], seen.names[1]);
    assert_int_equal(look(admin)->group.consumers_alive, 2);
    assert_int_equal(look(admin)->group.consumers_idle, 0);

    seen = (struct consumers){0};
    OK(admin->ops->admin->consumers(admin, "g", 0, note_consumer, &seen, &last_error));
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.alive, 0);
    assert_int_equal(look_with(admin, 0)->group.consumers_alive, 0);
    assert_int_equal(look_with(admin, 0)->group.consumers_idle, 2);
    FAILS(WEIR_ERR_NO_GROUP, admin->ops->admin->consumers(admin, "none", 0, note_consumer, &seen, &last_error));
}

static void dead_consumers_are_reaped_but_what_is_pending_stays(void **state)
{
    struct contract *contract = *state;
    struct weir_session *busy = worker(contract, "g", "busy"), *idle = worker(contract, "g", "idle");
    struct weir_session *admin = admin_of(contract);
    add_numbered(busy, 0, 1, NULL);
    read_batch(contract, busy, 1);
    OK(idle->ops->touch(idle, &last_error));
    uint64_t n = 7;
    OK(admin->ops->admin->reap(admin, "g", HOUR_MS, &n, &last_error));
    assert_int_equal(n, 0);
    OK(admin->ops->admin->reap(admin, "g", 0, &n, &last_error));
    assert_int_equal(n, 1);
    struct consumers seen = {0};
    OK(admin->ops->admin->consumers(admin, "g", HOUR_MS, note_consumer, &seen, &last_error));
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.names[0], "busy");
    assert_int_equal(look(admin)->group.pending, 1);
    FAILS(WEIR_ERR_NO_GROUP, admin->ops->admin->reap(admin, "none", 0, &n, &last_error));
}

int run_inspecting_tests(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(of_an_unknown_queue_nothing_is_known),
        CONTRACT_TEST(of_the_server_is_known_what_it_is_and_that_it_takes_writes),
        CONTRACT_TEST(what_waits_and_what_is_pending_is_counted),
        CONTRACT_TEST(what_was_added_and_delivered_is_counted_for_ever),
        CONTRACT_TEST(the_suspect_is_what_was_delivered_most_often),
        CONTRACT_TEST(each_group_has_its_own_numbers),
        CONTRACT_TEST(a_deletion_makes_no_number_wrong),
        CONTRACT_TEST(ages_are_those_of_the_oldest),
        CONTRACT_TEST(delayed_jobs_are_runnable_once_they_are_due),
        CONTRACT_TEST(a_pause_is_seen_with_its_time),
        CONTRACT_TEST(a_session_is_about_what_it_selects),
        CONTRACT_TEST(every_queue_is_found),
        CONTRACT_TEST(a_foreign_cursor_is_refused),
        CONTRACT_TEST(consumers_are_shown_with_what_they_have),
        CONTRACT_TEST(dead_consumers_are_reaped_but_what_is_pending_stays),
    };
    return cmocka_run_group_tests_name("inspecting", tests, NULL, NULL);
}
