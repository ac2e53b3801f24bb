/* SPDX-License-Identifier: MIT
 *
 * What a seed determines: the configuration and the plan.
 */
#include "dice.h"
#include "plan.h"
#include "support/proxy.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600000 };

static char *plan_text(uint64_t seed, int64_t load_ms)
{
    struct chaos_config config = chaos_config_draw(seed, load_ms);
    size_t n;
    struct fault *faults = plan_draw(&config, &n);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "%d %d %u %lld %lld\n", config.workers, config.producers, config.concurrency,
            (long long)config.min_idle_ms, (long long)config.block_ms);
    plan_print(out, faults, n);
    fclose(out);
    free(faults);
    return text;
}

static void a_seed_gives_one_plan(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        char *a = plan_text(seed, 120000), *b = plan_text(seed, 120000), *other = plan_text(seed + 1, 120000);
        assert_string_equal(a, b);
        assert_string_not_equal(a, other);
        free(a);
        free(b);
        free(other);
    }
}

/* By heart: another version of the harness that draws differently can't replay what an older one reported. */
static void a_plan_stays_what_it_was(void **state)
{
    (void)state;
    char *text = plan_text(1, 6000);
    assert_string_equal(text, "3 3 7 3000 100\n"
                              "   1.     1.371 s  term-worker        w0            0 ms  360/3\n"
                              "   2.     1.624 s  cut                workers       0 ms  0/3\n"
                              "   3.     3.142 s  trickle            w2          861 ms  2/2\n"
                              "   4.     3.216 s  toxic-crash        -             0 ms  0/2\n"
                              "   5.     3.541 s  term-worker        w2            0 ms  156/3\n");
    free(text);
}

static void every_fault_comes(void **state)
{
    (void)state;
    struct chaos_config config = chaos_config_draw(7, HOUR_MS);
    size_t n, of_kind[N_FAULT_KINDS] = {0};
    struct fault *faults = plan_draw(&config, &n);
    for (size_t i = 0; i < n; i++)
        of_kind[faults[i].kind]++;
    for (int kind = 0; kind < N_FAULT_KINDS; kind++)
        if (of_kind[kind] < 10)
            fail_msg("%s: %zu in an hour", fault_text((enum fault_kind)kind), of_kind[kind]);
    free(faults);
}

static void faults_of_a_lane_do_not_overlap(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct chaos_config config = chaos_config_draw(seed, HOUR_MS / 10);
        size_t n, overlaps = 0;
        struct fault *faults = plan_draw(&config, &n);
        int64_t end_ms[N_LANES] = {0}, last_ms = 0;
        for (size_t i = 0; i < n; i++) {
            const struct fault *fault = &faults[i];
            enum fault_lane lane = fault_lane(fault->kind);
            assert_int_equal(fault->no, i + 1);
            assert_true(fault->at_ms >= last_ms);
            assert_true(fault->at_ms >= end_ms[lane]);
            assert_true(fault->at_ms + fault->length_ms < config.load_ms);
            for (int other = 0; other < N_LANES; other++)
                overlaps += other != (int)lane && end_ms[other] > fault->at_ms;
            last_ms = fault->at_ms;
            end_ms[lane] = fault->at_ms + fault->length_ms;
        }
        assert_true(overlaps > 0);
        free(faults);
    }
}

static void targets_exist(void **state)
{
    (void)state;
    struct chaos_config config = chaos_config_draw(11, HOUR_MS);
    size_t n, all = 0, producers = 0;
    struct fault *faults = plan_draw(&config, &n);
    for (size_t i = 0; i < n; i++) {
        char name[16];
        fault_target_name(&faults[i], name);
        if (name[0] == 'w' && strcmp(name, "workers") != 0)
            assert_in_range(faults[i].target, 0, config.workers - 1);
        if (name[0] == 'p' && strcmp(name, "producers") != 0)
            assert_in_range(faults[i].target, 0, config.producers - 1);
        if (faults[i].kind == FAULT_ONE_WAY)
            assert_true(faults[i].directions == TEST_PROXY_REQUESTS || faults[i].directions == TEST_PROXY_REPLIES);
        all += strcmp(name, "workers") == 0;
        producers += strcmp(name, "producers") == 0;
    }
    assert_true(all > 10 && producers > 10);
    free(faults);
}

static void a_soak_is_not_ended(void **state)
{
    (void)state;
    struct chaos_config config = chaos_config_draw(13, HOUR_MS);
    config.calm = true;
    size_t n, others = 0;
    struct fault *faults = plan_draw(&config, &n);
    for (size_t i = 0; i < n; i++) {
        static const enum fault_kind never[] = {FAULT_REDIS_KILL, FAULT_TOXIC_CRASH, FAULT_TOXIC_EXIT,
                                                FAULT_TOXIC_HANG};
        for (size_t k = 0; k < sizeof never / sizeof *never; k++)
            assert_int_not_equal(faults[i].kind, never[k]);
        bool ends = faults[i].kind == FAULT_KILL_WORKER || faults[i].kind == FAULT_TERM_WORKER ||
                    faults[i].kind == FAULT_KILL_PRODUCER;
        assert_false(ends && faults[i].target == 0);
        others += ends;
    }
    assert_true(others > 10);
    free(faults);
}

static void dice_are_fair_enough(void **state)
{
    (void)state;
    static const int weights[] = {1, 0, 3};
    struct dice dice = dice_new(5, "fairness", 0);
    size_t counts[3] = {0}, sixes = 0;
    for (int i = 0; i < 6000; i++) {
        int64_t eyes = dice_between(&dice, 1, 6);
        assert_in_range(eyes, 1, 6);
        sixes += eyes == 6;
        counts[dice_weighted(&dice, weights, 3)]++;
    }
    assert_in_range(sixes, 800, 1200);
    assert_in_range(counts[0], 1300, 1700);
    assert_int_equal(counts[1], 0);
    struct dice same = dice_new(5, "fairness", 0), other = dice_new(5, "fairness", 1);
    assert_int_not_equal(dice_u64(&same), dice_u64(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_one_plan), cmocka_unit_test(a_plan_stays_what_it_was),
        cmocka_unit_test(every_fault_comes),     cmocka_unit_test(faults_of_a_lane_do_not_overlap),
        cmocka_unit_test(targets_exist),         cmocka_unit_test(a_soak_is_not_ended),
        cmocka_unit_test(dice_are_fair_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
