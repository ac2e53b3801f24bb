/* SPDX-License-Identifier: MIT
 *
 * Names of queues: a listing may tell one twice, and what is shown must not.
 */
#include "cli/fail.h"
#include "cli/queues.h"

#include "support/test.h"

#include <string.h>

static void names_are_sorted_and_different(void **state)
{
    (void)state;
    static const char *const found[] = {"b", "a", "b", "c", "a", "ab", "b"};
    struct names names = {0};
    names.items = keep(sizeof found);
    for (; names.n < COUNT_OF(found); names.n++)
        names.items[names.n] = keep_text(found[names.n], strlen(found[names.n]));
    names_sort(&names);
    assert_int_equal(names.n, 4);
    static const char *const expected[] = {"a", "ab", "b", "c"};
    for (size_t i = 0; i < names.n; i++)
        assert_string_equal(names.items[i], expected[i]);
    names_free(&names);
    assert_int_equal(names.n, 0);
    names_sort(&names);
    names_free(&names);
}

static weir_queue_info queue_at(int64_t now_ms, int64_t added, const weir_group_info *const *groups)
{
    return (weir_queue_info){.now_ms = now_ms, .added = added, .dead_added = 0, .groups = groups, .n_groups = 1};
}

static void rates_are_what_came_and_went_between_two_looks(void **state)
{
    (void)state;
    const weir_group_info then = {.name = "g", .delivered = 100, .pending = 10}, *thens[] = {&then};
    const weir_group_info now = {.name = "g", .delivered = 130, .pending = 4}, *nows[] = {&now};
    const weir_group_info other = {.name = "h", .delivered = 130}, *others[] = {&other};
    const weir_group_info untold = {.name = "g", .delivered = -1}, *untolds[] = {&untold};
    weir_queue_info before = queue_at(1000, 50, thens), after = queue_at(3000, 60, nows);
    struct rates rates = look_rates(&before, &after);
    assert_true(rates.added == 5 && rates.finished == 18 && rates.dead == 0);

    after = queue_at(3000, -1, others); /* Redis 6.2, and a group that is new */
    rates = look_rates(&before, &after);
    assert_true(rates.added < 0 && rates.finished < 0);
    after = queue_at(3000, 10, untolds); /* the stream was deleted, and made again */
    rates = look_rates(&before, &after);
    assert_true(rates.added < 0 && rates.finished < 0);
    after = queue_at(1000, 60, nows); /* no time has passed */
    rates = look_rates(&before, &after);
    assert_true(rates.added < 0 && rates.finished < 0 && rates.dead < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_sorted_and_different),
        cmocka_unit_test(rates_are_what_came_and_went_between_two_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
