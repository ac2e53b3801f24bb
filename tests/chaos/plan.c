/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "dice.h"
#include "support/proxy.h"
#include "support/wait.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    LONG_PERCENT = 12,
    QUIET_END_MS = 1000, /* the last moment of the load is without new faults */
    HANG_AT_MOST_EVERY_MS = 20000,
};

static const struct {
    const char *text;
    enum fault_lane lane;
    enum fault_target target;
    int weight;
    int64_t least_ms, most_ms;
    bool may_be_long;
} kinds[] = {
#define FAULT_ROW(name, text, lane, target, weight, least, most, may_be_long)                                          \
    {text, lane, target, weight, least, most, may_be_long},
    FAULT_TABLE(FAULT_ROW)
#undef FAULT_ROW
};

/* How long a lane rests between two faults. */
static const struct {
    const char *name;
    int64_t least_ms, most_ms;
} lanes[N_LANES] = {
    {"server lane", 1500, 5000},
    {"network lane", 500, 3500},
    {"process lane", 500, 3500},
    {"toxic lane", 3000, 9000},
};

const char *fault_text(enum fault_kind kind)
{
    return kinds[kind].text;
}

enum fault_lane fault_lane(enum fault_kind kind)
{
    return kinds[kind].lane;
}

void fault_target_name(const struct fault *fault, char name[static 16])
{
    enum fault_target target = kinds[fault->kind].target;
    if (target == TARGET_NONE)
        snprintf(name, 16, "-");
    else if (target == TARGET_PATH && fault->target == PATH_PRODUCERS)
        snprintf(name, 16, "producers");
    else if (target == TARGET_PATH && fault->target == PATH_ALL_WORKERS)
        snprintf(name, 16, "workers");
    else
        snprintf(name, 16, "%c%d", target == TARGET_PRODUCER ? 'p' : 'w', fault->target);
}

static enum fault_kind draw_kind(struct dice *dice, enum fault_lane lane)
{
    int weights[N_FAULT_KINDS];
    for (int kind = 0; kind < N_FAULT_KINDS; kind++)
        weights[kind] = kinds[kind].lane == lane ? kinds[kind].weight : 0;
    return (enum fault_kind)dice_weighted(dice, weights, N_FAULT_KINDS);
}

static int draw_target(struct dice *dice, const struct chaos_config *config, enum fault_kind kind)
{
    int worker = (int)dice_between(dice, 0, config->workers - 1);
    int producer = (int)dice_between(dice, 0, config->producers - 1);
    bool all = dice_chance(dice, 25), producers = dice_chance(dice, 20);
    switch (kinds[kind].target) {
    case TARGET_WORKER:
        return worker;
    case TARGET_PRODUCER:
        return producer;
    case TARGET_PATH:
        return producers ? PATH_PRODUCERS : all ? PATH_ALL_WORKERS : worker;
    case TARGET_NONE:
        break;
    }
    return 0;
}

static int64_t draw_amount(struct dice *dice, enum fault_kind kind)
{
    int64_t small = dice_between(dice, 0, 1000), bytes = dice_between(dice, 0, 3000);
    int64_t jump_s = dice_between(dice, 1, 100000) * (dice_chance(dice, 50) ? 1 : -1);
    switch (kind) {
    case FAULT_KILL_WORKER:
    case FAULT_KILL_PRODUCER:
    case FAULT_TERM_WORKER:
        return small;
    case FAULT_SLOW:
        return 10 + small / 5;
    case FAULT_TRICKLE:
        return 1 + small / 200;
    case FAULT_CUT_AFTER:
        return bytes;
    case FAULT_CLOCK_JUMP:
        return jump_s;
    case FAULT_TOXIC_HUGE:
        return bytes * 1024;
    default:
        return 0;
    }
}

static int draw_directions(struct dice *dice, enum fault_kind kind)
{
    int one = dice_chance(dice, 50) ? TEST_PROXY_REQUESTS : TEST_PROXY_REPLIES;
    int any = (int)dice_between(dice, TEST_PROXY_REQUESTS, TEST_PROXY_BOTH);
    if (kind == FAULT_ONE_WAY || kind == FAULT_CUT_AFTER)
        return one;
    return kind == FAULT_BLACK_HOLE ? TEST_PROXY_BOTH : any;
}

static struct fault draw_fault(struct dice *dice, const struct chaos_config *config, enum fault_lane lane)
{
    enum fault_kind kind = draw_kind(dice, lane);
    struct fault fault = {.kind = kind};
    fault.target = draw_target(dice, config, kind);
    fault.length_ms = dice_between(dice, kinds[kind].least_ms, kinds[kind].most_ms);
    bool is_long = dice_chance(dice, LONG_PERCENT);
    int64_t beyond_ms = dice_between(dice, 200, 1500);
    if (kinds[kind].may_be_long && is_long)
        fault.length_ms = config->min_idle_ms + beyond_ms;
    if (kind == FAULT_HALF_OPEN)
        fault.length_ms = config->detection_ms; /* it never heals: what has healed by then is the client */
    fault.amount = draw_amount(dice, kind);
    fault.directions = draw_directions(dice, kind);
    return fault;
}

/* It would end what a soak watches. */
static bool is_too_rough(const struct chaos_config *config, const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_REDIS_KILL:
    case FAULT_TOXIC_CRASH:
    case FAULT_TOXIC_EXIT:
    case FAULT_TOXIC_HANG:
        return config->calm;
    case FAULT_KILL_WORKER:
    case FAULT_TERM_WORKER:
    case FAULT_KILL_PRODUCER:
        return config->calm && fault->target == 0;
    default:
        return false;
    }
}

static int by_time(const void *a, const void *b)
{
    const struct fault *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    return (int)kinds[x->kind].lane - (int)kinds[y->kind].lane;
}

struct fault *plan_draw(const struct chaos_config *config, size_t *ret_n)
{
    struct fault *faults = NULL;
    size_t n = 0;
    int64_t last_hang_ms = -HANG_AT_MOST_EVERY_MS;
    for (int lane = 0; lane < N_LANES; lane++) {
        struct dice dice = dice_new(config->seed, lanes[lane].name, 0);
        int64_t at_ms = 0;
        for (;;) {
            at_ms += dice_between(&dice, lanes[lane].least_ms, lanes[lane].most_ms);
            struct fault fault = draw_fault(&dice, config, (enum fault_lane)lane);
            fault.at_ms = at_ms;
            if (at_ms + fault.length_ms > config->load_ms - QUIET_END_MS)
                break;
            if (is_too_rough(config, &fault))
                continue;
            if (fault.kind == FAULT_TOXIC_HANG) { /* each takes a slot of several workers, for good */
                if (at_ms - last_hang_ms < HANG_AT_MOST_EVERY_MS)
                    continue;
                last_hang_ms = at_ms;
            }
            struct fault *grown = realloc(faults, (n + 1) * sizeof *faults);
            if (!grown)
                test_die("no memory for a plan");
            faults = grown;
            faults[n++] = fault;
            at_ms += fault.length_ms;
        }
    }
    if (n > 0)
        qsort(faults, n, sizeof *faults, by_time);
    for (size_t i = 0; i < n; i++)
        faults[i].no = (int)i + 1;
    *ret_n = n;
    return faults;
}

void plan_print(FILE *out, const struct fault *faults, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct fault *fault = &faults[i];
        char target[16];
        fault_target_name(fault, target);
        fprintf(out, "%4d. %9.3f s  %-18s %-9s %5" PRId64 " ms  %" PRId64 "/%d\n", fault->no,
                (double)fault->at_ms / 1000, fault_text(fault->kind), target, fault->length_ms, fault->amount,
                fault->directions);
    }
}
