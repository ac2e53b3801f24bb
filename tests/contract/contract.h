/* SPDX-License-Identifier: MIT
 *
 * What every broker promises, tested on each of them. This header has what the tests share: the few things that differ
 * between brokers, a fixture with a fresh stream for each test, and short words for what tests do all the time.
 *
 * All of them fail the test where an operation doesn't return WEIR_OK. cmocka's assertions end the test with a longjmp,
 * so they, and everything here, are for the main thread; other threads note what they saw.
 */
#ifndef WEIR_TESTS_CONTRACT_H
#define WEIR_TESTS_CONTRACT_H

#include "broker/admin.h"
#include "broker/broker.h"
#include "support/test.h"

#include <stdio.h>

enum { MAX_WORKERS = 12, MAX_BATCHES = 64 };

/* Longer than any test may take, shorter than what its timeouts would be. Where a test passes nobody waits so long. */
#define LONG_MS 20000
#define HOUR_MS 3600000

struct contract {
    char url[256], stream[64];
    struct weir_broker *brokers[MAX_WORKERS];
    struct weir_session *sessions[MAX_WORKERS];
    size_t n_workers;
    struct weir_batch *batches[MAX_BATCHES];
    size_t n_batches;
};

/* What differs: memory.c and redis.c define it. */
struct contract_factory {
    const struct weir_broker_ops *ops;
    int (*start)(void); /* how many tests of the broker's own failed */
    void (*stop)(void);
    void (*fresh_url)(char *out, size_t size);
    void (*delete_entry)(const struct contract *contract, struct weir_entry_id id); /* XDEL */
    bool (*counts)(void); /* what was ever added and delivered */
};
extern const struct contract_factory contract_factory;

/* The error of the last operation; OK and FAILS show it where they fail. */
extern _Thread_local weir_error last_error;

void expect_status(weir_status actual, weir_status expected, const char *call, const char *file, int line);
#define OK(call) expect_status((call), WEIR_OK, #call, __FILE__, __LINE__)
#define FAILS(status, call) expect_status((call), (status), #call, __FILE__, __LINE__)

/* A test with its own fixture, which the test finds in *state. */
int contract_setup(void **state);
int contract_teardown(void **state);
#define CONTRACT_TEST(function) cmocka_unit_test_setup_teardown(function, contract_setup, contract_teardown)

/* One group of tests a file. */
int run_session_tests(void);
int run_reading_tests(void);
int run_enqueueing_tests(void);
int run_idempotency_tests(void);
int run_settling_tests(void);
int run_taking_over_tests(void);
int run_housekeeping_tests(void);
int run_dead_letter_tests(void);
int run_survival_tests(void);
int run_pausing_tests(void);
int run_inspecting_tests(void);
int run_operating_tests(void);
int run_tracing_tests(void);

/* --- sessions: closed by the fixture --- */

struct weir_broker_config config_of(const struct contract *contract, const char *group, const char *consumer);

/* Opened and not connected. */
struct weir_session *open_session(struct contract *contract, const struct weir_broker_config *config);

/* Connected, and its group created at 0 where it was missing. */
struct weir_session *worker(struct contract *contract, const char *group, const char *consumer);
struct weir_session *worker_that_keeps(struct contract *contract, const char *group, const char *consumer,
                                       weir_retention retention);

/* Connected, without a group. */
struct weir_session *producer(struct contract *contract);

/* --- jobs --- */

/* Adds jobs with the one field n = first, first + 1, …; ids may be NULL. */
void add_numbered(struct weir_session *session, size_t first, size_t n, weir_id *ids);

weir_id add_job(struct weir_session *session, const weir_fields *fields, const weir_enqueue_options *options);

/* Expects that the batch has exactly the jobs n = first, first + 1, … */
void expect_numbered(const struct weir_batch *batch, size_t first, size_t n);
void expect_number(const struct weir_job *job, size_t number);

void expect_fields(const weir_fields *actual, const weir_fields *expected);

/* --- batches: freed by the fixture --- */

struct weir_batch *new_batch(struct contract *contract);
struct weir_batch *read_batch(struct contract *contract, struct weir_session *session, size_t count);

/* One sweep over all that is pending. */
struct weir_batch *claim_batch(struct contract *contract, struct weir_session *session, int64_t min_idle_ms);

/* All that is pending for the session's consumer. */
struct weir_batch *recover_batch(struct contract *contract, struct weir_session *session);
bool nothing_in_flight(void *context, struct weir_entry_id entry);

/* The one job that the next read, or a claim of anything pending, gives. */
struct weir_job *read_one(struct contract *contract, struct weir_session *session);
struct weir_job *claim_one(struct contract *contract, struct weir_session *session);

enum weir_settled settle(struct weir_session *session, struct weir_job *job, enum weir_verdict verdict);
void settle_all(struct weir_session *session, struct weir_batch *batch, enum weir_verdict verdict);

/* Until the clock shows another time than when the job was enqueued, so that the two can't be taken for each other. */
void pass_time_since_enqueued(const struct weir_job *job);

/* Fails a run of the job, so that it is in the delayed set and due at once. */
void retry_now(struct weir_session *session, struct weir_job *job, uint32_t attempts);

/* Promotes once: how many moved. */
size_t promote(struct weir_session *session, int64_t *ret_next_ms);

/* Promotes until n have moved. */
void promote_until(struct weir_session *session, size_t n);

uint64_t count_dead(struct weir_session *session);

/* A session for weir_admin's operations: connected, and about the test's stream. */
struct weir_session *admin_of(struct contract *contract);

/* What it sees; of the last look alone. */
struct seen {
    struct weir_arena arena;
    weir_queue_info queue;
    weir_group_info group; /* the first one, or zeros */
};
struct seen *look(struct weir_session *admin);
struct seen *look_with(struct weir_session *admin, int64_t alive_ms);

/* What the tests look at in a dead letter; texts are cut to what they need. */
struct letter {
    struct weir_entry_id id;
    char job_id[128], entry_id[64], group[64], reason_text[64], error[128], traceparent[64];
    weir_dead_reason reason;
    uint32_t attempts, deliveries;
    int64_t first_enqueued_ms;
    size_t n_fields;
    char number[16]; /* the field n, where there is one */
};

struct letter letter_of(const weir_dead_letter *letter);
struct letter only_letter(struct weir_session *session);

/* Runs fn(context) on a thread of its own. */
struct side_thread;
struct side_thread *run_beside(void (*fn)(void *context), void *context);
bool side_thread_ended(struct side_thread *thread);
void side_thread_join(struct side_thread *thread);

#endif
