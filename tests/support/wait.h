/* SPDX-License-Identifier: MIT
 *
 * Waiting for events, never for time: conditions that are checked again until they hold, and a recorder that handlers
 * and callbacks write to while the test waits for what it expects.
 */
#ifndef TEST_SUPPORT_WAIT_H
#define TEST_SUPPORT_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long anything may take before a test gives up. It is generous: a test that passes never waits so long. */
#define TEST_TIMEOUT_MS test_scaled_ms(30000)

/* ms × WEIR_TEST_TIMEOUT_SCALE (an environment variable, a number ≥ 1 such as 10; for valgrind and slow machines). */
int test_scaled_ms(int ms);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t test_now_ms(void);

/* Checks the condition every few milliseconds until it holds (true) or timeout_ms have passed (its last value). */
bool wait_for(bool (*condition)(void *context), void *context, int timeout_ms);

/* Prints a printf-style line, removes the servers' directories, ends the test program. From any thread. */
_Noreturn void test_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Called by test_die before it ends the program. The last one set counts. */
void test_on_die(void (*cleanup)(void));

/* Events in the order in which they were added. Thread-safe. */
struct recorder;

struct recorded {
    const char *key; /* valid until recorder_clear or recorder_free */
    long long value;
    int64_t at_ms; /* as test_now_ms */
};

struct recorder *recorder_new(void);
void recorder_free(struct recorder *recorder); /* accepts NULL */

/* Adds an event; the key is copied. */
void recorder_add(struct recorder *recorder, const char *key, long long value);
void recorder_clear(struct recorder *recorder);

size_t recorder_count(struct recorder *recorder);
size_t recorder_count_key(struct recorder *recorder, const char *key);

/* Waits until there are at least n events; false once timeout_ms have passed. */
bool recorder_wait_count(struct recorder *recorder, size_t n, int timeout_ms);
bool recorder_wait_count_key(struct recorder *recorder, const char *key, size_t n, int timeout_ms);

/* The i-th event, or the i-th of a key, from 0. The program ends where there is none. */
struct recorded recorder_get(struct recorder *recorder, size_t i);
struct recorded recorder_get_key(struct recorder *recorder, const char *key, size_t i);

/* How many different keys there are, and how many events the most frequent one has. */
size_t recorder_distinct_keys(struct recorder *recorder);
size_t recorder_most_of_a_key(struct recorder *recorder);

#endif
