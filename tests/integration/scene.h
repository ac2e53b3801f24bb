/* SPDX-License-Identifier: MIT
 *
 * What tests of a running queue have in common: a private server, perhaps a proxy before it, one queue and one producer
 * of the stream "jobs", and what handler, callbacks and log were told.
 *
 * A job says itself what its handler does, in its field "do":
 *   done, retry, reject   that
 *   hold                  waits until scene_release, whatever happens, and is done; "hold retry" and "hold reject" fail
 *   heed                  waits until scene_release, or until it is cancelled, and is done
 *   later                 goes on asynchronously, until scene_finish_later
 *   stop, close           calls that on its own queue, records what it answered, and is done
 */
#ifndef TEST_INTEGRATION_SCENE_H
#define TEST_INTEGRATION_SCENE_H

#include "support/process.h"
#include "support/proxy.h"
#include "support/server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <weir/weir.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||               \
    __has_feature(thread_sanitizer)
enum { SANITIZED = 1 }; /* time is real, processor time and memory are not */
#else
enum { SANITIZED = 0 };
#endif

struct scene {
    struct test_server *server;
    struct test_proxy *proxy;
    weir_queue_options options; /* for scene_open; set up with the scene's own callbacks */
    weir_queue *queue;
    weir_producer *producer;

    struct recorder *ran;    /* each handler's beginning: the job's "do"; value: weir_job_attempt */
    struct recorder *done;   /* each handler's end, and each scene_finish_later */
    struct recorder *events; /* weir_event_kind_text, or what a callback wants to tell */
    struct recorder *log;    /* lines of warnings and errors */
    atomic_size_t n_handled; /* handlers that returned */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool released;
    weir_job *later[64];
    size_t n_later;
};

/* A server, without TCP and without a queue; extra_args as test_server_start_with. The log is the scene's from now on.
 */
struct scene *scene_new(const char *const *extra_args);
struct scene *scene_new_tcp(const char *const *extra_args);

/* Lets go of every handler, closes all, stops the server. Accepts NULL. */
void scene_free(struct scene *scene);

/* As a cmocka set-up (default server) and tear-down. */
int scene_set_up(void **state);
int scene_tear_down(void **state);
#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

/* A proxy before the server, which the queue goes through: by its unix socket, or by TCP. */
void scene_use_proxy(struct scene *scene, bool tcp);

/* Opens the queue with scene->options; starts it. */
void scene_open(struct scene *scene);
void scene_start(struct scene *scene);

/* Closes the queue, if there is one, and forgets what was recorded. The log stays. */
void scene_close(struct scene *scene);

/* The one handler, event and dead-letter callback; user_data is the scene. */
weir_outcome scene_handler(weir_job *job, void *scene);
void scene_on_event(const weir_event *event, void *scene);

/* XADD jobs * do <what>, straight to the server. */
void scene_add(struct scene *scene, const char *what);

/* n of them, through the scene's producer. */
void scene_add_many(struct scene *scene, const char *what, size_t n);

/* Ends all holding and heeding, now and in future; scene_hold begins it anew. */
void scene_release(struct scene *scene);
void scene_hold(struct scene *scene);

/* Finishes the jobs that went on asynchronously; returns how many. */
size_t scene_finish_later(struct scene *scene, weir_outcome outcome);

weir_stats scene_stats(struct scene *scene);

/* Entries pending in the queue's group; entries in its stream. */
long long scene_pending(struct scene *scene);
long long scene_length(struct scene *scene);

/* Waits; the test program ends with what was waited for where that doesn't happen. */
void scene_await_ran(struct scene *scene, const char *what, size_t n);
void scene_await_event(struct scene *scene, const char *kind, size_t n);
void scene_await_handled(struct scene *scene, size_t n);
void scene_await_pending(struct scene *scene, long long n);
void scene_await_connected(struct scene *scene);

/* A port of 127.0.0.1 (0: any) that connecting to never succeeds nor fails, as on a network that drops packets. */
struct dead_port {
    int port;
    int fds[8];
};
void dead_port_open(struct dead_port *dead, int port);
void dead_port_close(struct dead_port *dead);

/* Time itself as the subject. */
void let_pass(int ms);

/*
 * A limit of the contract, on a machine that may be busy with other things: measures up to three times, and fails if
 * none of them is within the limit. Prints what it measured.
 */
void assert_within(struct scene *scene, const char *what, int64_t (*measure_ms)(struct scene *), int64_t limit_ms);

#endif
