/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include "broker/memory_broker.h"

#include <stdlib.h>
#include <string.h>

static const struct weir_broker_ops *const ops = &weir_memory_broker_ops;

static weir_status open_named(struct weir_broker **ret, size_t name_len, char fill)
{
    char url[512] = "memory:";
    memset(url + strlen(url), fill, name_len);
    struct weir_broker_config config = {.url = url, .stream = "s", .group = "g", .consumer = "c"};
    return weir_broker_open(ret, &config, &last_error);
}

static void a_store_has_a_name_of_1_to_255_bytes(void **state)
{
    (void)state;
    struct weir_broker *broker = NULL;
    const size_t wrong[] = {0, 256, 300};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        FAILS(WEIR_ERR_ARGUMENT, open_named(&broker, wrong[i], 'x'));
        assert_non_null(strstr(last_error.message, "url"));
        assert_null(broker);
    }
    const size_t right[] = {1, 255};
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        OK(open_named(&broker, right[i], 'x'));
        ops->close(broker);
        broker = NULL;
    }
}

static struct weir_session *open_in(struct weir_broker *broker)
{
    struct weir_session *session;
    OK(ops->session_open(&session, broker, "test", &last_error));
    OK(ops->connect(session, &last_error));
    return session;
}

/* Whether this call made the group, which tells whether the stream was new. */
static bool group_is_new(struct weir_broker *broker)
{
    struct weir_session *session = open_in(broker);
    bool created;
    OK(ops->create_group(session, "0", &created, &last_error));
    ops->session_close(session);
    return created;
}

static void a_store_is_shared_by_name_and_gone_with_its_last_broker(void **state)
{
    (void)state;
    struct weir_broker *first, *second, *other;
    OK(open_named(&first, 3, 'a'));
    OK(open_named(&second, 3, 'a'));
    OK(open_named(&other, 3, 'b'));
    assert_true(group_is_new(first));
    assert_false(group_is_new(second));
    assert_true(group_is_new(other));

    ops->close(first);
    assert_false(group_is_new(second));
    ops->close(second);
    OK(open_named(&first, 3, 'a'));
    assert_true(group_is_new(first));
    ops->close(first);
    ops->close(other);
}

/* An ack must not look at everything that is pending, nor an append move it. Quadratic work would take minutes. */
static void a_hundred_thousand_pending_entries_are_acked_in_any_order(void **state)
{
    struct contract *contract = *state;
    enum { N = 100000 };
    struct weir_session *session = worker(contract, "g", "c");
    add_numbered(session, 0, N, NULL);
    struct weir_batch *batch = read_batch(contract, session, N);
    assert_int_equal(batch->n, N);
    for (size_t i = 0; i < N; i++)
        settle(session, &batch->jobs[i * 7919 % N], WEIR_VERDICT_ACK);
    assert_int_equal(claim_batch(contract, session, 0)->n, 0);
}

/* What has gone through leaves no slots behind, with one entry that never goes and holes between the others. */
static void a_log_is_as_large_as_what_it_holds(void **state)
{
    (void)state;
    struct memory_log log = {0};
    static char item;
    for (uint64_t i = 0; i < 200000; i++) {
        assert_true(weir_memory_log_reserve(&log));
        weir_memory_log_append(&log, (struct weir_entry_id){i, 0}, &item);
        if (i >= 10)
            assert_ptr_equal(weir_memory_log_remove(&log, (struct weir_entry_id){i - 9, 0}), &item);
        assert_ptr_equal(weir_memory_log_find(&log, (struct weir_entry_id){0, 0}), &item);
    }
    assert_int_equal(log.live, 10);
    assert_true(log.capacity <= 64);
    size_t at = log.begin, n = 0;
    while (weir_memory_log_next(&log, &at))
        n++;
    assert_int_equal(n, 10);
    free(log.slots);
}

static int start(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_has_a_name_of_1_to_255_bytes),
        cmocka_unit_test(a_store_is_shared_by_name_and_gone_with_its_last_broker),
        cmocka_unit_test(a_log_is_as_large_as_what_it_holds),
        CONTRACT_TEST(a_hundred_thousand_pending_entries_are_acked_in_any_order),
    };
    return cmocka_run_group_tests_name("memory only", tests, NULL, NULL);
}

static void stop(void)
{
}

static void fresh_url(char *out, size_t size)
{
    static unsigned n;
    snprintf(out, size, "memory:contract-%u", n++);
}

static void delete_entry(const struct contract *contract, struct weir_entry_id id)
{
    assert_true(weir_memory_broker_delete_entry(contract->brokers[0], id));
}

static bool counts(void)
{
    return true;
}

const struct contract_factory contract_factory = {
    &weir_memory_broker_ops, start, stop, fresh_url, delete_entry, counts};
