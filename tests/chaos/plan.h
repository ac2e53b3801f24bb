/* SPDX-License-Identifier: MIT
 *
 * The faults of a run, drawn from its seed: what, whom, when, for how long. They come in four lanes that know nothing
 * of each other, so that faults of different lanes overlap and those of one lane don't.
 */
#ifndef CHAOS_PLAN_H
#define CHAOS_PLAN_H

#include "config.h"

#include <stddef.h>
#include <stdio.h>

enum fault_lane { LANE_SERVER, LANE_NETWORK, LANE_PROCESS, LANE_TOXIC, N_LANES };

enum fault_target { TARGET_NONE, TARGET_WORKER, TARGET_PRODUCER, TARGET_PATH };

/*
 * X(name, text, lane, target, weight, least ms, most ms, long). Long: some last for longer than a lease. The weight is
 * how likely it is among those of its lane.
 */
#define FAULT_TABLE(X)                                                                                                 \
    X(REDIS_KILL, "redis-kill", LANE_SERVER, TARGET_NONE, 4, 0, 1500, false)                                           \
    X(REDIS_STOP, "redis-stop", LANE_SERVER, TARGET_NONE, 3, 200, 2000, true)                                          \
    X(DEBUG_SLEEP, "debug-sleep", LANE_SERVER, TARGET_NONE, 2, 100, 1500, true)                                        \
    X(CLIENT_KILL, "client-kill", LANE_SERVER, TARGET_NONE, 4, 0, 0, false)                                            \
    X(CLIENT_PAUSE, "client-pause", LANE_SERVER, TARGET_NONE, 2, 100, 1500, true)                                      \
    X(CLIENT_PAUSE_WRITE, "client-pause-write", LANE_SERVER, TARGET_NONE, 2, 100, 1500, false)                         \
    X(SCRIPT_FLUSH, "script-flush", LANE_SERVER, TARGET_NONE, 3, 0, 0, false)                                          \
    X(SLOW, "slow", LANE_NETWORK, TARGET_PATH, 2, 300, 2000, false)                                                    \
    X(CUT, "cut", LANE_NETWORK, TARGET_PATH, 3, 0, 0, false)                                                           \
    X(CUT_AFTER, "cut-after", LANE_NETWORK, TARGET_PATH, 4, 200, 1000, false)                                          \
    X(HALF_OPEN, "half-open", LANE_NETWORK, TARGET_PATH, 2, 0, 0, false)                                               \
    X(BLACK_HOLE, "black-hole", LANE_NETWORK, TARGET_PATH, 2, 200, 2000, true)                                         \
    X(ONE_WAY, "one-way", LANE_NETWORK, TARGET_PATH, 4, 200, 2000, true)                                               \
    X(TRICKLE, "trickle", LANE_NETWORK, TARGET_PATH, 2, 300, 2000, false)                                              \
    X(REFUSE, "refuse", LANE_NETWORK, TARGET_PATH, 2, 100, 1500, true)                                                 \
    X(MUTE, "mute", LANE_NETWORK, TARGET_PATH, 2, 100, 1500, false)                                                    \
    X(KILL_WORKER, "kill-worker", LANE_PROCESS, TARGET_WORKER, 4, 0, 0, false)                                         \
    X(STOP_WORKER, "stop-worker", LANE_PROCESS, TARGET_WORKER, 4, 100, 1500, true)                                     \
    X(TERM_WORKER, "term-worker", LANE_PROCESS, TARGET_WORKER, 3, 0, 0, false)                                         \
    X(KILL_PRODUCER, "kill-producer", LANE_PROCESS, TARGET_PRODUCER, 2, 0, 0, false)                                   \
    X(STOP_PRODUCER, "stop-producer", LANE_PROCESS, TARGET_PRODUCER, 2, 100, 1500, false)                              \
    X(CLOCK_JUMP, "clock-jump", LANE_PROCESS, TARGET_WORKER, 2, 0, 0, false)                                           \
    X(TOXIC_CRASH, "toxic-crash", LANE_TOXIC, TARGET_NONE, 2, 0, 0, false)                                             \
    X(TOXIC_EXIT, "toxic-exit", LANE_TOXIC, TARGET_NONE, 1, 0, 0, false)                                               \
    X(TOXIC_HANG, "toxic-hang", LANE_TOXIC, TARGET_NONE, 2, 0, 0, false)                                               \
    X(TOXIC_UNDECODABLE, "toxic-undecodable", LANE_TOXIC, TARGET_NONE, 3, 0, 0, false)                                 \
    X(TOXIC_HUGE, "toxic-huge", LANE_TOXIC, TARGET_NONE, 3, 0, 0, false)                                               \
    X(TOXIC_ODD, "toxic-odd", LANE_TOXIC, TARGET_NONE, 2, 0, 0, false)

#define FAULT_ENUM_ENTRY(name, text, lane, target, weight, least, most, long) FAULT_##name,
enum fault_kind { FAULT_TABLE(FAULT_ENUM_ENTRY) N_FAULT_KINDS };
#undef FAULT_ENUM_ENTRY

/* Paths: a worker's number, or one of these. */
enum { PATH_PRODUCERS = 100, PATH_ALL_WORKERS = 101 };

struct fault {
    int no; /* from 1, by time */
    enum fault_kind kind;
    int target; /* a worker, a producer, or a path */
    int64_t at_ms, length_ms;
    int64_t amount; /* bytes, milliseconds of delay or until the restart, seconds of a jump, bytes of a huge job */
    int directions; /* a set of test_proxy_direction */
};

/* All faults, by time; to be freed. */
struct fault *plan_draw(const struct chaos_config *config, size_t *ret_n);

const char *fault_text(enum fault_kind kind);
enum fault_lane fault_lane(enum fault_kind kind);

/* "w2", "p0", "workers", "producers", or "-". */
void fault_target_name(const struct fault *fault, char name[static 16]);

void plan_print(FILE *out, const struct fault *faults, size_t n);

#endif
