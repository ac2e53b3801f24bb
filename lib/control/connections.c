/* SPDX-License-Identifier: MIT
 *
 * The connections of HTTP clients: how many there are, how long each may take, and how much memory they cost together.
 *
 * evhttp bounds the length of headers and of a body, but neither how many connections there are, nor how slowly a
 * request may trickle in. So we count: evhttp lets us make the bufferevent of each connection that it accepts, and we
 * keep a reference of our own to it. One that evhttp is done with has lost its callbacks, and is let go of at the next
 * sweep. One that we are done with has its socket shut down, which evhttp takes for the client's doing.
 *
 * What must stay true:
 *   - there are never more than max_connections: at that point nothing more is accepted, and who is slow has to go, so
 *     that a thousand slow clients can't keep one other out for long. The same where the process has no file left for
 *     one more, or the listener would be woken again and again for a client that can't be accepted;
 *   - a request that is being answered is left alone: it is bounded by what Redis may take;
 *   - what requests hold in memory is bounded in total, whoever sends them.
 */
#include "base/clock.h"
#include "control/control.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    SWEEP_MS = 100,
    PRESSED_SWEEP_MS = 20,
    IDLE_MS = 60000,         /* between two requests of one connection */
    REQUEST_MS = 10000,      /* from the first byte of a request to its last */
    ANSWER_MS = 60000,       /* to take the answer */
    PRESSED_MS = 100,        /* the least that everybody has, also where there are too many, */
    PRESSED_KNOWN_MS = 1000, /* and who has sent a whole request before */
    RECEIVED_MAX = 16 << 20, /* bytes of requests that aren't complete or answered, of all connections together */
};

enum phase {
    PHASE_IDLE,      /* no byte of a request has come */
    PHASE_REQUEST,   /* it is coming in */
    PHASE_ANSWERING, /* it is complete, and not answered yet */
    PHASE_ANSWER,    /* the answer is on its way */
};

struct control_connection {
    struct control_connection *next;
    struct weir_control *control;
    struct bufferevent *buffers; /* a reference of our own */
    enum phase phase;
    int64_t since_ms; /* in this phase */
    size_t received;  /* since the last answer */
    size_t answer;    /* what is to be sent */
    bool known;       /* it has completed a request */
    bool close;       /* after the answer, also where evhttp would not: after a CONNECT */
    bool dropped;
};

static void enter(struct control_connection *connection, enum phase phase)
{
    connection->phase = phase;
    connection->since_ms = weir_now_ms();
}

/* evhttp notices, at the latest once it has read what the kernel still holds. All of it is thrown away: on_input(). */
static void drop(struct control_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->buffers);
    shutdown(bufferevent_getfd(connection->buffers), SHUT_RDWR);
    connection->dropped = true;
    evbuffer_drain(input, evbuffer_get_length(input));
    connection->control->received -= connection->received;
    connection->received = 0;
}

/* Whether evhttp is done with it. */
static bool is_gone(const struct control_connection *connection)
{
    bufferevent_event_cb on_event = NULL;
    bufferevent_getcb(connection->buffers, NULL, NULL, &on_event, NULL);
    return !on_event;
}

static void forget_answered(struct control_connection *connection)
{
    connection->control->received -= connection->received;
    connection->control->answering -= connection->answer;
    connection->received = connection->answer = 0;
}

static void let_go(struct control_connection *connection)
{
    forget_answered(connection);
    connection->control->n_connections--;
    bufferevent_disable(connection->buffers, EV_READ | EV_WRITE);
    bufferevent_free(connection->buffers); /* the last reference: closes the socket */
    free(connection);
}

/* --- memory --- */

/* The one that holds most of what is not answered yet, and may be dropped; NULL: there is none. */
static struct control_connection *greediest(const struct weir_control *control)
{
    struct control_connection *most = NULL;
    for (struct control_connection *at = control->connections; at; at = at->next)
        if (at->phase != PHASE_ANSWERING && !at->dropped && (!most || at->received > most->received))
            most = at;
    return most;
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *argument)
{
    struct control_connection *connection = argument;
    struct weir_control *control = connection->control;
    if (info->n_added == 0)
        return;
    if (connection->dropped) {
        evbuffer_drain(buffer, evbuffer_get_length(buffer));
        return;
    }
    if (connection->phase == PHASE_IDLE)
        enter(connection, PHASE_REQUEST);
    connection->received += info->n_added;
    control->received += info->n_added;
    struct control_connection *most = control->received > RECEIVED_MAX ? greediest(control) : NULL;
    if (most)
        drop(most);
}

/* --- coming and going --- */

static bool is_full(const struct weir_control *control)
{
    return control->n_connections >= control->options.max_connections;
}

static void sweep_soon(struct weir_control *control)
{
    const struct timeval period = {0, (is_full(control) ? PRESSED_SWEEP_MS : SWEEP_MS) * 1000};
    if (!evtimer_pending(control->sweep, NULL) || is_full(control))
        evtimer_add(control->sweep, &period);
}

struct bufferevent *control_connection_new(struct event_base *base, void *argument)
{
    struct weir_control *control = argument;
    struct control_connection *connection = calloc(1, sizeof *connection);
    struct bufferevent *buffers = connection ? bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE) : NULL;
    if (!buffers || !evbuffer_add_cb(bufferevent_get_input(buffers), on_input, connection)) {
        if (buffers)
            bufferevent_free(buffers);
        free(connection);
        return NULL; /* evhttp makes one of its own, and fails as well */
    }
    bufferevent_setwatermark(buffers, EV_READ, 0, CONTROL_BODY_HARD_MAX + CONTROL_HEADERS_MAX);
    bufferevent_incref(buffers);
    *connection = (struct control_connection){
        .next = control->connections, .control = control, .buffers = buffers, .since_ms = weir_now_ms()};
    control->connections = connection;
    control->n_connections++;
    if (is_full(control))
        evconnlistener_disable(control->listener);
    sweep_soon(control);
    return buffers;
}

void control_connections_none_accepted(struct weir_control *control)
{
    evconnlistener_disable(control->listener);
    control->starved = true;
    sweep_soon(control);
}

static struct control_connection *find(const struct weir_control *control, struct evhttp_request *http)
{
    struct evhttp_connection *of = evhttp_request_get_connection(http);
    struct bufferevent *buffers = of ? evhttp_connection_get_bufferevent(of) : NULL;
    for (struct control_connection *at = control->connections; at; at = at->next)
        if (at->buffers == buffers)
            return at;
    return NULL;
}

void control_connection_begin(struct weir_control *control, struct evhttp_request *http)
{
    struct control_connection *connection = find(control, http);
    if (!connection)
        return;
    enter(connection, PHASE_ANSWERING);
    connection->known = true;
}

static void on_sent(struct evhttp_request *http, void *argument)
{
    struct control_connection *connection = find(argument, http);
    if (!connection)
        return;
    forget_answered(connection);
    size_t more = evbuffer_get_length(bufferevent_get_input(connection->buffers)); /* of the next request */
    connection->received = more;
    connection->control->received += more;
    enter(connection, more > 0 ? PHASE_REQUEST : PHASE_IDLE);
    if (connection->close)
        drop(connection);
}

void control_connection_answer(struct weir_control *control, struct evhttp_request *http, size_t len, bool close)
{
    struct control_connection *connection = find(control, http);
    if (!connection)
        return;
    enter(connection, PHASE_ANSWER);
    connection->answer = len;
    connection->close = close;
    control->answering += len;
    evhttp_request_set_on_complete_cb(http, on_sent, control);
}

/* --- the sweep --- */

static bool is_too_slow(const struct control_connection *connection, int64_t now_ms)
{
    static const int64_t limits[] = {[PHASE_IDLE] = IDLE_MS,
                                     [PHASE_REQUEST] = REQUEST_MS,
                                     [PHASE_ANSWERING] = INT64_MAX,
                                     [PHASE_ANSWER] = ANSWER_MS};
    return now_ms - connection->since_ms > limits[connection->phase];
}

/* Drops those that have been slow for longest than that, and have or haven't ever completed a request; how many. */
static size_t drop_slow(struct weir_control *control, bool known, int64_t before_ms, size_t most)
{
    size_t n = 0;
    for (struct control_connection *at = control->connections; at && n < most; at = at->next) {
        if (at->phase == PHASE_ANSWERING || at->dropped || at->known != known || at->since_ms > before_ms)
            continue;
        drop(at);
        n++;
    }
    return n;
}

/* Where all places are taken: makes some free, first of those who have never sent a whole request. */
static void make_room(struct weir_control *control, int64_t now_ms)
{
    size_t wanted = control->options.max_connections / 2;
    if (drop_slow(control, false, now_ms - PRESSED_MS, wanted) == 0)
        drop_slow(control, true, now_ms - PRESSED_KNOWN_MS, wanted);
}

void control_connections_sweep(struct weir_control *control)
{
    int64_t now_ms = weir_now_ms();
    for (struct control_connection **at = &control->connections, *one; (one = *at);) {
        if (is_gone(one)) {
            *at = one->next;
            let_go(one);
            continue;
        }
        if (!one->dropped && is_too_slow(one, now_ms))
            drop(one);
        at = &one->next;
    }
    if (is_full(control) || control->starved)
        make_room(control, now_ms);
    control->starved = false;
    if (!is_full(control) && control->listener)
        evconnlistener_enable(control->listener);
    if (control->n_connections > 0)
        sweep_soon(control);
}

void control_connections_free(struct weir_control *control)
{
    for (struct control_connection *at = control->connections, *next; at; at = next) {
        next = at->next;
        let_go(at);
    }
    control->connections = NULL;
}
