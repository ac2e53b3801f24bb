/* SPDX-License-Identifier: MIT
 *
 * Starting and stopping the control plane, and its loop.
 *
 * How it ends: the loop accepts nothing more, and goes on; the crew finishes what it is at, and answers the rest with
 * 503; the loop sends these answers, has a moment to get them out, and ends; then all connections are closed.
 */
#include "control/control.h"

#include "base/clock.h"
#include "base/error.h"
#include "control/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 512,
    LAST_WORDS_MS = 100, /* to get the last answers out */
};

/* --- options --- */

static weir_status check_options(const weir_control_options *options, weir_error *err)
{
    if (options->size != sizeof *options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "options->size is %zu, not %zu: start from WEIR_CONTROL_OPTIONS_INIT", options->size,
                              sizeof *options);
    if (!options->url)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url is not set");
    if (options->token && !control_token_is_good(options->token))
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "token must be %d to %d visible characters of ASCII",
                              CONTROL_TOKEN_MIN, CONTROL_TOKEN_MAX);
    if (options->n_hosts > 0 && !options->hosts)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "hosts is NULL");
    if (options->n_queues > 0 && !options->queues)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "queues is NULL");
    for (size_t i = 0; i < options->n_hosts; i++)
        if (!options->hosts[i] || !options->hosts[i][0])
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "hosts[%zu] is empty", i);
    for (size_t i = 0; i < options->n_queues; i++)
        if (!options->queues[i])
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "queues[%zu] is NULL", i);
    if (options->alive_ms < 1)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "alive_ms must be 1 or more");
    if (options->max_connections < 8 || options->max_connections > 4096)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "max_connections must be from 8 to 4096");
    if (options->threads < 1 || options->threads > 64)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "threads must be from 1 to 64");
    return WEIR_OK;
}

/* The one literal address; where it isn't this host's alone it needs a token. */
static weir_status address_of(const weir_control_options *options, struct sockaddr_storage *ret, socklen_t *ret_len,
                              weir_error *err)
{
    const char *address = options->address ? options->address : "127.0.0.1";
    struct sockaddr_in *four = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(options->port);
        *ret_len = sizeof *four;
    } else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(options->port);
        *ret_len = sizeof *six;
    } else {
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "address \"%.100s\" is no literal address, such as 127.0.0.1",
                              address);
    }
    if (!options->token && !control_address_is_loopback(address))
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "address %s can be reached from elsewhere: set a token, or listen on 127.0.0.1", address);
    return WEIR_OK;
}

static char *copy(const char *text, bool *ok)
{
    char *mine = text ? strdup(text) : NULL;
    *ok &= !text || mine;
    return mine;
}

/* False without memory. */
static bool copy_options(struct weir_control *control, const weir_control_options *options)
{
    bool ok = true;
    control->options = *options;
    control->redis_url = copy(options->url, &ok);
    control->token = copy(options->token, &ok);
    weir_connection_options *connection = &control->options.connection;
    connection->client_name = copy(connection->client_name, &ok);
    connection->tls_ca_file = copy(connection->tls_ca_file, &ok);
    connection->tls_cert_file = copy(connection->tls_cert_file, &ok);
    connection->tls_key_file = copy(connection->tls_key_file, &ok);
    connection->tls_server_name = copy(connection->tls_server_name, &ok);
    control->hosts = calloc(options->n_hosts + 1, sizeof *control->hosts);
    control->queues = calloc(options->n_queues + 1, sizeof(weir_queue *));
    if (!control->hosts || !control->queues)
        return false;
    for (; control->n_hosts < options->n_hosts; control->n_hosts++)
        control->hosts[control->n_hosts] = copy(options->hosts[control->n_hosts], &ok);
    for (; control->n_queues < options->n_queues; control->n_queues++)
        control->queues[control->n_queues] = options->queues[control->n_queues];
    return ok;
}

static void free_secret(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void free_options(struct weir_control *control)
{
    const weir_connection_options *connection = &control->options.connection;
    free((char *)connection->client_name);
    free((char *)connection->tls_ca_file);
    free((char *)connection->tls_cert_file);
    free((char *)connection->tls_key_file);
    free((char *)connection->tls_server_name);
    for (size_t i = 0; i < control->n_hosts; i++)
        free(control->hosts[i]);
    free(control->hosts);
    free(control->queues);
    free_secret(control->token);
    free_secret(control->redis_url);
}

/* A queue's URL that can't be, a file that isn't there: known now, and not at the first request. Redis may be away. */
static weir_status try_redis(const struct weir_control *control, weir_error *err)
{
    weir_admin_options options = WEIR_ADMIN_OPTIONS_INIT;
    options.url = control->redis_url;
    options.connection = control->options.connection;
    weir_admin *admin = NULL;
    weir_error failure;
    weir_status status = weir_admin_open(&admin, &options, &failure);
    weir_admin_close(admin);
    if (status != WEIR_ERR_ARGUMENT && status != WEIR_ERR_UNSUPPORTED && status != WEIR_ERR_MEMORY)
        return WEIR_OK;
    if (err)
        *err = failure;
    return status;
}

/* --- the loop --- */

static void on_came_back(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    struct weir_control *control = argument;
    struct control_task *task = control_crew_take_back(&control->crew), *next;
    atomic_store(&control->asked_us, 0);
    for (; task; task = next) {
        next = task->next;
        control_reply(control, task);
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *argument)
{
    (void)fd, (void)what;
    control_connections_sweep(argument);
}

/* First: accept nothing more. Second, once the crew has ended: answer what it has left, and end. */
static void on_stop(evutil_socket_t fd, short what, void *argument)
{
    struct weir_control *control = argument;
    uint64_t which = 0;
    if (read(fd, &which, sizeof which) != sizeof which)
        return;
    if (control->listener)
        evconnlistener_disable(control->listener);
    control->options.max_connections = 0; /* and never again */
    if (which < 2)
        return;
    on_came_back(fd, what, control);
    const struct timeval last_words = {0, LAST_WORDS_MS * 1000};
    event_base_loopexit(control->base, control->n_connections > 0 ? &last_words : NULL);
}

/* libevent calls it with what is evhttp's; it is the loop's thread that calls. */
static _Thread_local struct weir_control *of_this_loop;

static void on_accept_failed(struct evconnlistener *listener, void *http)
{
    (void)listener, (void)http;
    control_connections_none_accepted(of_this_loop);
}

static void *loop_main(void *argument)
{
    struct weir_control *control = argument;
    of_this_loop = control;
    event_base_dispatch(control->base);
    return NULL;
}

/* --- starting --- */

static weir_status no_memory(weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the control plane");
}

static weir_status listen_on(struct weir_control *control, weir_error *err)
{
    struct sockaddr_storage address;
    socklen_t len;
    weir_status status = address_of(&control->options, &address, &len, err);
    if (status != WEIR_OK)
        return status;
    control->listener = evconnlistener_new_bind(control->base, NULL, NULL,
                                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                                BACKLOG, (struct sockaddr *)&address, (int)len);
    if (!control->listener)
        return weir_error_set(err, WEIR_ERR_SYSTEM, "can't listen on %s, port %u: %s",
                              control->options.address ? control->options.address : "127.0.0.1",
                              (unsigned)control->options.port, strerror(errno));
    evconnlistener_set_error_cb(control->listener, on_accept_failed);
    char text[INET6_ADDRSTRLEN] = "?";
    bool six = address.ss_family == AF_INET6;
    getsockname(evconnlistener_get_fd(control->listener), (struct sockaddr *)&address, &len);
    inet_ntop(address.ss_family,
              six ? (void *)&((struct sockaddr_in6 *)&address)->sin6_addr
                  : (void *)&((struct sockaddr_in *)&address)->sin_addr,
              text, sizeof text);
    unsigned port =
        ntohs(six ? ((struct sockaddr_in6 *)&address)->sin6_port : ((struct sockaddr_in *)&address)->sin_port);
    snprintf(control->url, sizeof control->url, six ? "http://[%s]:%u/" : "http://%s:%u/", text, port);
    return WEIR_OK;
}

static weir_status set_up_http(struct weir_control *control, weir_error *err)
{
    control->base = event_base_new();
    control->http = control->base ? evhttp_new(control->base) : NULL;
    if (!control->http)
        return no_memory(err);
    evhttp_set_max_headers_size(control->http, CONTROL_HEADERS_MAX);
    evhttp_set_max_body_size(control->http, CONTROL_BODY_HARD_MAX);
    evhttp_set_allowed_methods(control->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                                  EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH |
                                                  EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT);
    evhttp_set_bevcb(control->http, control_connection_new, control);
    evhttp_set_gencb(control->http, control_intake, control);
    weir_status status = listen_on(control, err);
    if (status == WEIR_OK && !evhttp_bind_listener(control->http, control->listener)) {
        evconnlistener_free(control->listener);
        control->listener = NULL;
        status = no_memory(err);
    }
    return status;
}

static weir_status set_up_events(struct weir_control *control, weir_error *err)
{
    control->crew.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    control->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (control->crew.wake_fd < 0 || control->stop_fd < 0)
        return weir_error_set(err, WEIR_ERR_SYSTEM, "no eventfd: %s", strerror(errno));
    control->came_back = event_new(control->base, control->crew.wake_fd, EV_READ | EV_PERSIST, on_came_back, control);
    control->stop = event_new(control->base, control->stop_fd, EV_READ | EV_PERSIST, on_stop, control);
    control->sweep = evtimer_new(control->base, on_sweep, control);
    if (!control->came_back || !control->stop || !control->sweep || event_add(control->came_back, NULL) != 0 ||
        event_add(control->stop, NULL) != 0)
        return no_memory(err);
    return WEIR_OK;
}

static weir_status start_threads(struct weir_control *control, weir_error *err)
{
    weir_status status = control_crew_start(control, err);
    if (status != WEIR_OK)
        return status;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&control->loop, NULL, loop_main, control);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return weir_error_set(err, WEIR_ERR_SYSTEM, "no thread could be started: %s", strerror(rc));
    control->running = true;
    return WEIR_OK;
}

/* With nothing but its locks; NULL without memory. */
static struct weir_control *new_control(void)
{
    struct weir_control *control = calloc(1, sizeof *control);
    if (!control)
        return NULL;
    control->crew.wake_fd = control->stop_fd = -1;
    control->started_us = weir_now_us();
    json_object_seed(0);                            /* not by several threads at once */
    pthread_mutex_init(&control->crew.mutex, NULL); /* which can't fail here */
    weir_cond_init(&control->crew.work);
    control_listing_init(&control->listing);
    control_rates_init(&control->rates);
    return control;
}

weir_status weir_control_start(weir_control **ret, const weir_control_options *options, weir_error *err)
{
    if (!ret || !options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", ret ? "options" : "ret");
    weir_status status = check_options(options, err);
    if (status != WEIR_OK)
        return status;
    struct weir_control *control = new_control();
    if (!control)
        return no_memory(err);
    if (!copy_options(control, options))
        status = no_memory(err);
    if (status == WEIR_OK)
        status = try_redis(control, err);
    if (status == WEIR_OK)
        status = set_up_http(control, err);
    if (status == WEIR_OK)
        status = set_up_events(control, err);
    if (status == WEIR_OK)
        status = start_threads(control, err);
    if (status != WEIR_OK) {
        weir_control_stop(control);
        return status;
    }
    *ret = control;
    return WEIR_OK;
}

const char *weir_control_url(const weir_control *control)
{
    return control ? control->url : "";
}

/* --- stopping --- */

static void tell_loop(const struct weir_control *control, uint64_t what)
{
    ssize_t ignored = write(control->stop_fd, &what, sizeof what);
    (void)ignored;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void weir_control_stop(weir_control *control)
{
    if (!control)
        return;
    if (control->running)
        tell_loop(control, 1);
    control_crew_stop(control);
    if (control->running) {
        tell_loop(control, 2);
        pthread_join(control->loop, NULL);
    }
    if (control->http)
        evhttp_free(control->http); /* with the listener, and all connections */
    control_connections_free(control);
    free_event(control->came_back);
    free_event(control->stop);
    free_event(control->sweep);
    if (control->base)
        event_base_free(control->base);
    if (control->crew.wake_fd >= 0)
        close(control->crew.wake_fd);
    if (control->stop_fd >= 0)
        close(control->stop_fd);
    control_crew_free(&control->crew);
    control_listing_free(&control->listing);
    control_rates_free(&control->rates);
    pthread_mutex_destroy(&control->crew.mutex);
    pthread_cond_destroy(&control->crew.work);
    free_options(control);
    free(control);
}
