/* SPDX-License-Identifier: MIT
 *
 * What the files of lib/control share.
 *
 * Two kinds of threads. The loop has everything of libevent's: it accepts, reads requests, decides who may, and writes
 * answers. It never waits for anything else. What has to ask Redis is a task, which the loop gives to the crew: a few
 * threads that wait for Redis as long as it takes, each over connections of its own. So neither a slow client nor a
 * slow server holds up /health, /metrics of the process, or another client, while one of the crew is free.
 *
 * A task is the loop's until it is given to the crew, the crew's until it comes back, and nobody else's ever. The crew
 * never touches libevent.
 */
#ifndef WEIR_CONTROL_CONTROL_H
#define WEIR_CONTROL_CONTROL_H

#include "control/answer.h"
#include "control/json.h"
#include "control/uri.h"

#include <event2/event.h>
#include <event2/http.h>
#include <pthread.h>
#include <stdatomic.h>
#include <weir/control.h>
#include <weir/dead.h>
#include <weir/diagnose.h>
#include <weir/producer.h>

enum {
    CONTROL_HEADERS_MAX = 16 * 1024,
    CONTROL_BODY_MAX = 1024 * 1024,
    CONTROL_BODY_HARD_MAX = 4 * 1024 * 1024, /* what is longer is not even read to its end */
    CONTROL_PAGE_MAX = 1000,
    CONTROL_PAGE_DEFAULT = 100,
    CONTROL_TEXT_MAX = 4 * 1024 * 1024, /* of a page */
    CONTROL_HANDLES = 4,                /* to queues, that a member of the crew keeps */
};

struct control_connection; /* connections.c */
struct control_route;      /* routes.h */
struct control_task;

/* One of the crew, and what it asks Redis with. */
struct control_worker {
    struct weir_control *control;
    pthread_t thread;
    _Atomic int64_t progress_us; /* when it last came a step further; 0: it waits for a task, or one of the others */

    /* its own */
    weir_admin *admin;
    struct {
        char *stream; /* NULL: nothing */
        weir_dead *dead;
        weir_producer *producer;
        uint64_t used; /* when last, in tasks */
    } handles[CONTROL_HANDLES];
    uint64_t n_tasks;
};

struct control_crew {
    struct control_worker *workers;
    size_t n_workers;
    int wake_fd; /* an eventfd: a task came back */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    struct control_task *waiting, **last_waiting;
    struct control_task *finished;
    bool stopping;
};

/* All queues there are: see listing.c. */
struct control_listing {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t taken;
    struct control_snapshot *newest; /* NULL: none yet */
    bool being_taken;
    uint64_t n_failures; /* how often it could not be taken, and why not the last time */
    weir_error failure;
};

/* How fast queues move: see rates.c. */
struct control_rates {
    pthread_mutex_t mutex; /* guards what follows */
    struct control_pace *paces;
    size_t n_paces;
    int64_t n_notes;
};

struct weir_control {
    /* written before the threads start */
    char *redis_url, *token, **hosts;
    size_t n_hosts;
    weir_queue **queues;
    size_t n_queues;
    weir_control_options options; /* texts are those above */
    char url[128];
    int64_t started_us;

    /* the loop's */
    pthread_t loop;
    struct event_base *base;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct event *came_back, *sweep, *stop;
    struct control_connection *connections; /* newest first */
    size_t n_connections, n_tasks;
    bool starved;     /* the last client could not be accepted */
    size_t received;  /* bytes of requests that aren't answered yet, of all connections */
    size_t answering; /* bytes of answers that aren't sent yet */

    _Atomic int64_t asked_us; /* when the loop was asked to show up, which it has not yet; 0: it has */
    int stop_fd;              /* an eventfd */
    bool running;             /* the loop's thread was started */
    struct control_crew crew;
    struct control_listing listing;
    struct control_rates rates;
};

/* A request, and its answer. */
struct control_task {
    struct control_task *next;
    struct evhttp_request *http; /* the loop's */
    const struct control_route *route;
    struct control_uri uri;
    struct control_text arguments[3]; /* the segments that the route leaves open: the queue, and so on */
    char *body;
    size_t body_len;
    bool identified; /* has shown the token */
    bool close;      /* nothing more is to be read from this connection */
    struct control_answer answer;
};

void control_task_free(struct control_task *task);

/* --- crew.c --- */

weir_status control_crew_start(struct weir_control *control, weir_error *err);

/* Ends after what each of them is at; tasks that waited are answered with 503. Accepts one that was never started. */
void control_crew_stop(struct weir_control *control);

/* Once it was stopped, and nobody looks at it any more. */
void control_crew_free(struct control_crew *crew);

/*
 * Gives a task to the crew; false where that is being stopped, and it is answered so. Takes back all that were
 * finished, as a list. Thread: the loop.
 */
bool control_crew_give(struct control_crew *crew, struct control_task *task);
struct control_task *control_crew_take_back(struct control_crew *crew);

/* Makes the loop take back, though there may be nothing. Thread: any. */
void control_crew_wake_loop(const struct control_crew *crew);

/* Whether the control plane is to end: what takes many steps ends early then. Thread: any. */
bool control_is_stopping(struct weir_control *control);

/* A task of many steps says so after each, so that a slow Redis is never taken for a worker that is stuck. */
void control_worker_progressed(struct control_worker *worker);

/* While it waits for another of the crew; control_worker_progressed ends that. */
void control_worker_waits(struct control_worker *worker);

/*
 * For how long the one that came a step further longest ago hasn't, ms; 0: all wait. And for how long it may: longer
 * than Redis may take for the commands of any step. Thread: any.
 */
int64_t control_crew_stalled_ms(const struct control_crew *crew);
int64_t control_crew_may_stall_ms(const struct weir_control *control);

/* --- handles.c: the worker's handles, opened where they aren't. Borrowed until the next task. --- */

weir_status control_admin(struct control_worker *worker, weir_admin **ret, weir_error *err);
weir_status control_dead(struct control_worker *worker, const char *stream, weir_dead **ret, weir_error *err);
weir_status control_producer(struct control_worker *worker, const char *stream, weir_producer **ret, weir_error *err);
void control_handles_close(struct control_worker *worker);

/* --- connections.c --- */

/* Of evhttp: a bufferevent for a connection that was just accepted. */
struct bufferevent *control_connection_new(struct event_base *base, void *control);

/* The request is complete, and being answered; then the answer is on its way, with `close` the last one. */
void control_connection_begin(struct weir_control *control, struct evhttp_request *http);
void control_connection_answer(struct weir_control *control, struct evhttp_request *http, size_t len, bool close);

/* A client could not be accepted: nobody is until the next sweep, which makes room. */
void control_connections_none_accepted(struct weir_control *control);

/* Drops those that are too slow, and forgets those that are gone. */
void control_connections_sweep(struct weir_control *control);

/* Forgets all, once evhttp is gone. */
void control_connections_free(struct weir_control *control);

/* --- intake.c --- */

/* Of evhttp: a request. */
void control_intake(struct evhttp_request *http, void *control);

/* Sends the task's answer, and frees the task. */
void control_reply(struct weir_control *control, struct control_task *task);

/* --- listing.c --- */

void control_listing_init(struct control_listing *listing);
void control_listing_free(struct control_listing *listing);

/* --- rates.c --- */

void control_rates_init(struct control_rates *rates);
void control_rates_free(struct control_rates *rates);

#endif
