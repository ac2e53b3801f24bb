/* SPDX-License-Identifier: MIT
 *
 * What an integration test starts from: a private server, a queue's options with short intervals, handlers that record,
 * and what the server holds. Everything that was opened through it is closed when the test ends, however it ends.
 *
 * A handler runs on a thread of the library, where an assertion can't fail: it records, and the test asserts.
 */
#ifndef TEST_INTEGRATION_FIXTURE_H
#define TEST_INTEGRATION_FIXTURE_H

#include "support/server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdbool.h>
#include <weir/weir.h>

#define STREAM "jobs"
#define GROUP "workers"
#define DELAYED "{jobs}:delayed"
#define DELAYED_JOBS "{jobs}:delayed:jobs"
#define DEAD "{jobs}:dead"

/* --- gates: handlers wait, the test decides --- */

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    bool open;
};

#define GATE_INIT                                                                                                      \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false                                                     \
    }

void gate_open(struct gate *gate);
void gate_wait(struct gate *gate); /* the test program ends where it is never opened */

/* --- the fixture --- */

enum { FIXTURE_QUEUES = 16 };

struct fixture {
    struct test_server *server;
    struct recorder *runs;   /* by the handlers below: the job's field "n", else its id; the attempt */
    struct recorder *dead;   /* by record_dead: the same; the attempts */
    struct recorder *events; /* by record_event: "job dead 1700000000000-0": kind, id; the kind */
    struct gate gate;        /* of handle_at_gate */
    void *context;           /* the test's own */

    void *shared;
    size_t shared_size;
    weir_queue *queues[FIXTURE_QUEUES];
    weir_producer *producer;
    weir_dead *letters;
};

/* For cmocka_unit_test_setup_teardown. *state is the fixture. */
int fixture_set_up(void **state);
int fixture_set_up_with(void **state, struct test_server *server); /* which it takes */
int fixture_tear_down(void **state);
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

/* The options of a queue of STREAM and GROUP: handle_done, record_event, the fixture as user_data, no jitter. */
weir_queue_options fixture_options(struct fixture *f);

/* Opened (and started), closed by the tear-down or by fixture_close, which stops it first. */
weir_queue *fixture_open(struct fixture *f, const weir_queue_options *options);
weir_queue *fixture_start(struct fixture *f, const weir_queue_options *options);
void fixture_close(struct fixture *f, weir_queue *queue);

/* Made on first use, for STREAM. */
weir_producer *fixture_producer(struct fixture *f);
weir_dead *fixture_letters(struct fixture *f);

/* A job with the one field "n". */
weir_id put(struct fixture *f, const char *n);
weir_id put_with(struct fixture *f, const char *n, const weir_enqueue_options *options);

/* Jobs with n = first, first + 1, …, in one bulk. */
void put_numbered(struct fixture *f, int first, int count);

/* The key of the recorders: field "n", else the id. Borrowed from the job. */
const char *name_of(const weir_job *job);

/* Handlers, for user_data = the fixture. Each records its call in f->runs first. */
weir_outcome handle_done(weir_job *job, void *fixture);
weir_outcome handle_retry(weir_job *job, void *fixture);
weir_outcome handle_reject(weir_job *job, void *fixture);
weir_outcome handle_at_gate(weir_job *job, void *fixture); /* waits for f->gate, and is done */

int record_dead(const weir_dead_letter *letter, void *fixture);
void record_event(const weir_event *event, void *fixture);

/* How many events of a kind there were. */
size_t events_of(struct fixture *f, weir_event_kind kind);
bool wait_events(struct fixture *f, weir_event_kind kind, size_t n);

/* --- workers in processes of their own --- */

/* Zeroed memory that children share; the atomics in it work across processes. Freed when the test ends. */
void *fixture_share(struct fixture *f, size_t size);

/*
 * A process with one queue, until SIGTERM, which stops it gracefully (its status is 0 then). options->user_data must be
 * shared memory; on_event is not called. Start it while this process has no queue running.
 */
pid_t fixture_worker(const weir_queue_options *options);

/* --- expectations --- */

/* Where calls leave their words: OK(weir_queue_start(queue, &last_error)). */
extern weir_error last_error;

void expect_status(weir_status expected, weir_status actual, const char *call, const char *file, int line);
#define OK(call) EXPECT(WEIR_OK, call)
#define EXPECT(status, call)                                                                                           \
    (last_error = (weir_error){.code = WEIR_OK}, expect_status(status, call, #call, __FILE__, __LINE__))

/* Waits until the command, words without spaces, answers the integer; false after TEST_TIMEOUT_MS. */
bool wait_integer(struct fixture *f, long long n, const char *command);

/* How many entries are pending in a group, for one consumer (NULL: all); −1 where there is no such group. */
long long pending_of(struct fixture *f, const char *stream, const char *group, const char *consumer);
bool wait_pending(struct fixture *f, long long n); /* in STREAM and GROUP */

/* Waits until a counter or gauge of the queue's stats is n: WAIT_STAT(queue, dead, 1). */
bool wait_stat(weir_queue *queue, size_t offset, uint64_t n);
#define WAIT_STAT(queue, member, n) wait_stat(queue, offsetof(weir_stats, member), n)

/* How often the server has executed a command ("xautoclaim"). */
long long calls_of(struct fixture *f, const char *command);
bool wait_more_calls(struct fixture *f, const char *command, long long n);

/* The server's time, ms. */
int64_t server_now_ms(struct fixture *f);

/* The entries of a stream, [[id, [name, value, …]], …]; to be freed. */
redisReply *entries_of(struct fixture *f, const char *stream);

/* The value of the last field of that name, or NULL; borrowed from the entry. */
const redisReply *field_of(const redisReply *entry, const char *name);
const char *text_of(const redisReply *entry, const char *name); /* "" where there is none */

#endif
