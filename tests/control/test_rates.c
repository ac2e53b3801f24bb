/* SPDX-License-Identifier: MIT */
#include "control/rates.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

static void speeds_are_differences_per_second(void **state)
{
    (void)state;
    const struct control_look none = {0}, from = {1000, 10, 5, 3, 1}, to = {3000, 30, 15, 4, 1};
    struct control_speed speed = control_speed_between(&from, &to);
    assert_int_equal(speed.over_ms, 2000);
    assert_true(speed.added == 10 && speed.delivered == 5 && speed.finished == 0.5 && speed.dead == 0);
    assert_int_equal(control_speed_between(&none, &to).over_ms, 0);
    assert_int_equal(control_speed_between(&to, &from).over_ms, 0);
    assert_int_equal(control_speed_between(&to, &to).over_ms, 0);

    const struct control_look anew = {5000, 3, -1, 9, 2};
    speed = control_speed_between(&to, &anew); /* fewer than before: the stream was deleted */
    assert_true(speed.added < 0 && speed.delivered < 0 && speed.finished == 2.5 && speed.dead == 0.5);
}

static void groups_are_added_up(void **state)
{
    (void)state;
    weir_group_info one = {.delivered = 10, .pending = 3}, two = {.delivered = 5, .pending = 0},
                    old = {.delivered = -1};
    const weir_group_info *known[] = {&one, &two}, *unknown[] = {&one, &old, &two};
    weir_queue_info info = {.now_ms = 7, .added = 20, .dead_added = 1, .groups = known, .n_groups = 2};
    struct control_look look = control_look_of(&info);
    assert_int_equal(look.now_ms, 7);
    assert_int_equal(look.added, 20);
    assert_int_equal(look.delivered, 15);
    assert_int_equal(look.finished, 12);
    assert_int_equal(look.dead, 1);
    info.groups = unknown;
    info.n_groups = 3;
    assert_int_equal(control_look_of(&info).delivered, -1);
    assert_int_equal(control_look_of(&info).finished, -1);
}

static void note(struct control_rates *rates, const char *stream, int64_t now_ms, int64_t added)
{
    const weir_queue_info info = {.stream = stream, .now_ms = now_ms, .added = added};
    control_rates_note(rates, &info);
}

static void the_last_two_looks_that_are_apart_count(void **state)
{
    (void)state;
    struct control_rates rates = {.n_paces = 0};
    control_rates_init(&rates);
    assert_int_equal(control_rates_get(&rates, "a").over_ms, 0);
    note(&rates, "a", 10000, 0);
    note(&rates, "b", 10000, 0);
    note(&rates, "a", 10999, 5); /* too soon */
    assert_int_equal(control_rates_get(&rates, "a").over_ms, 0);
    note(&rates, "a", 12000, 20);
    assert_int_equal(control_rates_get(&rates, "a").over_ms, 2000);
    assert_true(control_rates_get(&rates, "a").added == 10);
    note(&rates, "a", 13000, 21);
    assert_true(control_rates_get(&rates, "a").added == 1);
    assert_int_equal(control_rates_get(&rates, "b").over_ms, 0);
    note(&rates, "a", 5000, 100); /* another server's clock */
    assert_int_equal(control_rates_get(&rates, "a").over_ms, 0);
    note(&rates, "a", 6000, 101);
    assert_true(control_rates_get(&rates, "a").added == 1);
    control_rates_free(&rates);
}

/* However many queues there are. */
static void only_so_many_queues_are_remembered(void **state)
{
    (void)state;
    enum { QUEUES = 5000 };
    struct control_rates rates = {.n_paces = 0};
    control_rates_init(&rates);
    for (int look = 0; look < 2; look++) {
        for (int i = 0; i < QUEUES; i++) {
            char name[32];
            snprintf(name, sizeof name, "queue-%d", i * 7919 % QUEUES);
            note(&rates, name, 10000 + 1000 * look, look);
            note(&rates, "kept", 10000 + 1000 * look, look);
        }
        assert_true(rates.n_paces < QUEUES);
    }
    assert_int_equal(control_rates_get(&rates, "kept").over_ms, 1000);
    control_rates_free(&rates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speeds_are_differences_per_second),
        cmocka_unit_test(groups_are_added_up),
        cmocka_unit_test(the_last_two_looks_that_are_apart_count),
        cmocka_unit_test(only_so_many_queues_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
