/* SPDX-License-Identifier: MIT
 *
 * From a request of evhttp's to a task, and from its answer back. All that decides who may is here, in one place and in
 * this order: is it HTTP we understand, does it come from a site of our own, does it mean anything, may whoever sent
 * it, and only then what does it say.
 */
#include "control/control.h"
#include "control/assets.h"
#include "control/guard.h"
#include "control/routes.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

enum { ANSWERING_MAX = 64 << 20 }; /* bytes of answers that clients haven't taken yet, of all together */

/* --- the request --- */

static const char *method_of(struct evhttp_request *http)
{
    switch (evhttp_request_get_command(http)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    default:
        return "?";
    }
}

static const char *header(struct evhttp_request *http, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(http), name);
}

/* How often a header is there. */
static int count_headers(struct evhttp_request *http, const char *name)
{
    const struct evkeyval *at;
    int n = 0;
    TAILQ_FOREACH(at, evhttp_request_get_input_headers(http), next)
    n += strcasecmp(at->key, name) == 0;
    return n;
}

/*
 * Where it isn't clear beyond doubt where the body ends, what comes after it is no request, and might be one for
 * somebody else on the way here: it is refused, or at least nothing more is read.
 */
static bool is_well_framed(struct control_task *task, const char *method)
{
    struct evhttp_request *http = task->http;
    const char *coding = header(http, "Transfer-Encoding"), *length = header(http, "Content-Length");
    bool ambiguous = (coding && (length || strcasecmp(coding, "chunked") != 0)) ||
                     count_headers(http, "Transfer-Encoding") > 1 || count_headers(http, "Content-Length") > 1 ||
                     count_headers(http, "Host") > 1;
    if (ambiguous)
        control_answer_error(&task->answer, 400, "bad_request", "It isn't clear where the body of the request ends.");
    bool takes_none = strcmp(method, "HEAD") == 0 || evhttp_request_get_command(http) == EVHTTP_REQ_TRACE;
    task->close = ambiguous || (takes_none && (coding || length)) ||      /* which evhttp doesn't read */
                  evhttp_request_get_command(http) == EVHTTP_REQ_CONNECT; /* nor says how long the answer is */
    return !ambiguous;
}

static bool parse_uri(struct control_task *task)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(task->http);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    const char *wrong = path ? control_uri_parse(&task->uri, *path ? path : "/", evhttp_uri_get_query(uri))
                             : "There is no address in the request.";
    if (wrong)
        control_answer_error(&task->answer, 400, "bad_request", "%s", wrong);
    return !wrong;
}

/* Not by the script of another site, nor by one whose name was made to mean this server. */
static bool is_from_here(const struct weir_control *control, struct control_task *task)
{
    const char *host = header(task->http, "Host"), *origin = header(task->http, "Origin");
    if (host && !control_host_is_allowed(host, (const char *const *)control->hosts, control->n_hosts)) {
        control_answer_error(&task->answer, 403, "host",
                             "This server is not known under the name %.200s. Ask for it by its address, or start it "
                             "with this name among its hosts.",
                             host);
        return false;
    }
    if (origin && !control_origin_is_own(origin, host)) {
        control_answer_error(&task->answer, 403, "origin", "The request comes from a page of another site.");
        return false;
    }
    return true;
}

/* --- who may --- */

static bool is_under_api(const struct control_uri *uri)
{
    return uri->n_segments > 0 && strcmp(uri->segments[0].bytes, "api") == 0;
}

static bool may(const struct weir_control *control, struct control_task *task)
{
    const struct control_route *route = task->route;
    bool shown = control->token && control_token_matches(header(task->http, "Authorization"), control->token);
    bool open = route ? route->flags & CONTROL_OPEN : !is_under_api(&task->uri);
    task->identified = shown;
    if (control->token && !shown && !open) {
        control_answer_error(&task->answer, 401, "unauthorized",
                             "This needs the token that the server was started with: Authorization: Bearer TOKEN.");
        return false;
    }
    if (!control->token && route && (route->flags & CONTROL_CHANGE)) {
        control_answer_error(&task->answer, 403, "no_token",
                             "This server was started without a token, so that it only shows. Start it with one to "
                             "change something.");
        return false;
    }
    return true;
}

/* --- the dashboard --- */

static bool answer_asset(struct control_task *task, const char *method)
{
    const char *name = task->uri.n_segments == 0   ? "index.html"
                       : task->uri.n_segments == 1 ? task->uri.segments[0].bytes
                                                   : "";
    const struct control_asset *asset = control_asset_find(name);
    if (!asset)
        return false;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        control_answer_error(&task->answer, 405, "method", "This can only be looked at.");
        task->answer.allow = "GET, HEAD";
        return true;
    }
    const char *known = header(task->http, "If-None-Match");
    bool same = known && strstr(known, asset->etag);
    task->answer = (struct control_answer){
        .code = same ? 304 : 200,
        .type = asset->type,
        .body = (char *)asset->bytes,
        .fixed = true,
        .len = same ? 0 : asset->len,
        .etag = asset->etag,
        .page = true,
    };
    return true;
}

/* --- the body --- */

static bool read_body(struct control_task *task)
{
    struct evbuffer *buffer = evhttp_request_get_input_buffer(task->http);
    size_t len = evbuffer_get_length(buffer);
    if (!(task->route->flags & CONTROL_BODY))
        return true;
    if (!control_type_is_json(header(task->http, "Content-Type"))) {
        control_answer_error(&task->answer, 415, "media_type", "Send JSON, with Content-Type: application/json.");
        return false;
    }
    if (len > CONTROL_BODY_MAX) {
        control_answer_error(&task->answer, 413, "too_large", "The body is longer than 1 MiB.");
        return false;
    }
    task->body = malloc(len + 1);
    if (!task->body || evbuffer_copyout(buffer, task->body, len) != (ev_ssize_t)len) {
        control_answer_json(&task->answer, 500, NULL);
        return false;
    }
    task->body[len] = '\0';
    task->body_len = len;
    return true;
}

/* --- all of it --- */

static void find_route(struct control_task *task, const char *method)
{
    static const char *const allows[] = {"GET, HEAD", "POST", "DELETE", "GET, HEAD, DELETE"};
    char room[64];
    task->route = control_route_find(method, &task->uri, task->arguments, room);
    if (task->route)
        return;
    if (room[0] == '\0') {
        control_answer_error(&task->answer, 404, "no_path", "There is nothing at this address: see docs/openapi.yaml.");
        return;
    }
    control_answer_error(&task->answer, 405, "method", "This address takes %s.", room);
    for (size_t i = 0; i < sizeof allows / sizeof *allows; i++)
        if (strcmp(room, allows[i]) == 0)
            task->answer.allow = allows[i];
}

/* Whether it goes to the crew; else it is answered. */
static bool look_at(struct weir_control *control, struct control_task *task)
{
    const char *method = method_of(task->http);
    if (!is_well_framed(task, method) || !parse_uri(task) || !is_from_here(control, task) || answer_asset(task, method))
        return false;
    find_route(task, method);
    if (!may(control, task) || !task->route || !read_body(task))
        return false;
    if (task->route->tell)
        task->route->tell(control, task);
    return task->answer.code == 0;
}

void control_intake(struct evhttp_request *http, void *argument)
{
    struct weir_control *control = argument;
    struct control_task *task = calloc(1, sizeof *task);
    if (!task) {
        evhttp_send_error(http, 500, NULL);
        return;
    }
    task->http = http;
    control->n_tasks++;
    control_connection_begin(control, http);
    if (!look_at(control, task) || !control_crew_give(&control->crew, task))
        control_reply(control, task);
}

void control_task_free(struct control_task *task)
{
    control_uri_free(&task->uri);
    control_answer_clear(&task->answer);
    free(task->body);
    free(task);
}

/* --- the answer --- */

static void free_body(const void *bytes, size_t len, void *context)
{
    (void)len, (void)context;
    free((void *)bytes);
}

static void add_headers(struct evkeyvalq *headers, const struct control_answer *answer)
{
    static const char *const always[][2] = {
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        evhttp_add_header(headers, always[i][0], always[i][1]);
    evhttp_add_header(headers, "Content-Security-Policy",
                      answer->page ? "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                                     "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
                                   : "default-src 'none'; frame-ancestors 'none'");
    evhttp_add_header(headers, "Content-Type", answer->type);
    evhttp_add_header(headers, "Cache-Control", answer->etag ? "no-cache" : "no-store");
    if (answer->etag)
        evhttp_add_header(headers, "ETag", answer->etag);
    if (answer->allow)
        evhttp_add_header(headers, "Allow", answer->allow);
    if (answer->challenge)
        evhttp_add_header(headers, "WWW-Authenticate", "Bearer");
    if (answer->later)
        evhttp_add_header(headers, "Retry-After", "1");
}

void control_reply(struct weir_control *control, struct control_task *task)
{
    struct evhttp_request *http = task->http;
    struct control_answer *answer = &task->answer;
    if (control->answering + answer->len > ANSWERING_MAX)
        control_answer_error(answer, 503, "busy", "Too many answers wait for clients that are slow to take them.");
    add_headers(evhttp_request_get_output_headers(http), answer);
    if (task->close)
        evhttp_add_header(evhttp_request_get_output_headers(http), "Connection", "close");
    struct evbuffer *body = evbuffer_new();
    if (body && evhttp_request_get_command(http) == EVHTTP_REQ_HEAD) {
        char len[24];
        snprintf(len, sizeof len, "%zu", answer->len);
        evhttp_add_header(evhttp_request_get_output_headers(http), "Content-Length", len);
    } else if (body && answer->len > 0) {
        evbuffer_add_reference(body, answer->body, answer->len, answer->fixed ? NULL : free_body, NULL);
        answer->body = NULL; /* the buffer's now */
    }
    control_connection_answer(control, http, answer->len, task->close);
    evhttp_send_reply(http, answer->code, NULL, body);
    if (body)
        evbuffer_free(body);
    control->n_tasks--;
    control_task_free(task);
}
