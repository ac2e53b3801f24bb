/* SPDX-License-Identifier: MIT */
#include "queue/verdict.h"

#include "support/test.h"

static const struct weir_policy fixed = {
    .max_attempts = 3, .max_deliveries = 5, .backoff = {WEIR_BACKOFF_FIXED, 500, 1000, 2, 0}};
static const struct weir_policy none = {
    .max_attempts = 3, .max_deliveries = 5, .backoff = {WEIR_BACKOFF_NONE, 500, 1000, 2, 0}};
static const struct weir_policy patient = {
    .max_attempts = 10, .max_deliveries = 5, .backoff = {WEIR_BACKOFF_NONE, 0, 0, 1, 0}};

static void attempts_follow_the_table(void **state)
{
    (void)state;
    static const struct {
        const struct weir_policy *policy;
        uint32_t failed, deliveries, attempt;
    } cases[] = {
        {&fixed, 0, 1, 1},
        {&fixed, 2, 1, 3},
        {&fixed, 0, 4, 1}, /* crashes are not attempts */
        {&fixed, UINT32_MAX, 1, UINT32_MAX},
        {&none, 0, 1, 1},
        {&none, 0, 3, 3}, /* but there each delivery is one */
        {&none, 2, 2, 4}, /* retried once with weir_job_retry_in */
        {&none, 0, 0, 1},
        {&none, UINT32_MAX, 9, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(weir_attempt_of(cases[i].policy, cases[i].failed, cases[i].deliveries), cases[i].attempt);
}

static void poison_is_what_was_delivered_too_often(void **state)
{
    (void)state;
    assert_false(weir_is_poison(&fixed, 5));
    assert_true(weir_is_poison(&fixed, 6));
    assert_false(weir_is_poison(&none, 5));
    assert_true(weir_is_poison(&none, 6));
    assert_false(weir_is_poison(&patient, 10)); /* ten attempts are ten deliveries */
    assert_true(weir_is_poison(&patient, 11));
}

static void decisions_follow_the_table(void **state)
{
    (void)state;
    static const struct {
        const struct weir_policy *policy;
        weir_outcome outcome;
        uint32_t attempt;
        int64_t asked_ms;
        struct weir_decision decision;
    } cases[] = {
        {&fixed, WEIR_DONE, 1, -1, {WEIR_VERDICT_ACK, 0, 0, 0}},
        {&fixed, WEIR_DONE, 3, 77, {WEIR_VERDICT_ACK, 2, 0, 0}},
        {&fixed, WEIR_REJECT, 1, -1, {WEIR_VERDICT_BURY, 1, 0, WEIR_DEAD_REJECTED}},
        {&fixed, WEIR_REJECT, 3, -1, {WEIR_VERDICT_BURY, 3, 0, WEIR_DEAD_REJECTED}},
        {&fixed, WEIR_RETRY, 2, -1, {WEIR_VERDICT_RETRY, 2, 500, 0}},
        {&fixed, WEIR_RETRY, 2, 77, {WEIR_VERDICT_RETRY, 2, 77, 0}},
        {&fixed, WEIR_RETRY, 2, 0, {WEIR_VERDICT_RETRY, 2, 0, 0}},
        {&fixed, WEIR_RETRY, 3, -1, {WEIR_VERDICT_BURY, 3, 0, WEIR_DEAD_EXHAUSTED}},
        {&fixed, WEIR_RETRY, 3, 77, {WEIR_VERDICT_BURY, 3, 0, WEIR_DEAD_EXHAUSTED}},
        {&fixed, WEIR_RETRY, UINT32_MAX, -1, {WEIR_VERDICT_BURY, UINT32_MAX, 0, WEIR_DEAD_EXHAUSTED}},
        {&none, WEIR_RETRY, 2, -1, {WEIR_VERDICT_KEEP, 2, 0, 0}},
        {&none, WEIR_RETRY, 2, 77, {WEIR_VERDICT_RETRY, 2, 77, 0}},
        {&none, WEIR_RETRY, 3, -1, {WEIR_VERDICT_BURY, 3, 0, WEIR_DEAD_EXHAUSTED}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weir_decision decision =
            weir_decide(cases[i].policy, cases[i].outcome, cases[i].attempt, cases[i].asked_ms, 0.5);
        assert_int_equal(decision.verdict, cases[i].decision.verdict);
        assert_int_equal(decision.attempts, cases[i].decision.attempts);
        assert_int_equal(decision.retry_delay_ms, cases[i].decision.retry_delay_ms);
        if (decision.verdict == WEIR_VERDICT_BURY)
            assert_int_equal(decision.reason, cases[i].decision.reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_follow_the_table),
        cmocka_unit_test(poison_is_what_was_delivered_too_often),
        cmocka_unit_test(decisions_follow_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
