/* SPDX-License-Identifier: MIT
 *
 * The calls of weir_admin, for the sweep.
 */
#include "calls.h"

#include "support/server.h"
#include "support/wait.h"

static weir_status open_admin(struct scene *scene, weir_error *err)
{
    static char sentinel;
    weir_admin_options options = WEIR_ADMIN_OPTIONS_INIT;
    options.url = scene->url;
    options.connection.client_name = "sweep";
    options.connection.command_timeout_ms = options.connection.connect_timeout_ms = test_scaled_ms(20000);
    weir_admin *admin = (weir_admin *)&sentinel;
    weir_status status = weir_admin_open(&admin, &options, err);
    if (status == WEIR_OK)
        scene->admin = admin;
    else
        calls_untouched(admin, &sentinel);
    return status;
}

/* A job that waits and one that is delayed for long; in process, the pause is all there is to see. */
static void with_admin(struct scene *scene)
{
    weir_error err;
    calls_expect(open_admin(scene, &err) == WEIR_OK, "no admin", &err);
    if (scene->server) {
        freeReplyObject(test_server_command(scene->server, "XGROUP CREATE jobs weir 0 MKSTREAM"));
        freeReplyObject(test_server_command(scene->server, "XADD jobs 5-5 n 1"));
        freeReplyObject(test_server_command(scene->server, "XREADGROUP GROUP weir c STREAMS jobs >"));
        freeReplyObject(test_server_command(scene->server, "ZADD {jobs}:delayed 4000000000000 mine"));
        freeReplyObject(test_server_command(scene->server, "HSET {jobs}:delayed:jobs mine x"));
        scene->accepted = 2;
    }
}

static weir_status ask_info(struct scene *scene, weir_error *err)
{
    static char sentinel;
    weir_queue_info *info = (weir_queue_info *)&sentinel;
    weir_status status = weir_admin_info(scene->admin, "jobs", &info, err);
    if (status != WEIR_OK)
        calls_untouched(info, &sentinel);
    else
        weir_queue_info_free(info);
    return status;
}

static int see_stream(const char *stream, void *user_data)
{
    (void)stream, (void)user_data;
    return 0;
}

static weir_status ask_streams(struct scene *scene, weir_error *err)
{
    weir_cursor cursor = {""};
    return weir_admin_streams(scene->admin, &cursor, see_stream, scene, err);
}

static int see_consumer(const weir_consumer_info *consumer, void *user_data)
{
    (void)consumer, (void)user_data;
    return 0;
}

static weir_status ask_consumers(struct scene *scene, weir_error *err)
{
    return weir_admin_consumers(scene->admin, "jobs", "weir", see_consumer, NULL, err);
}

static int see_pending(const weir_pending_info *pending, void *user_data)
{
    (void)pending, (void)user_data;
    return 0;
}

static weir_status ask_pending(struct scene *scene, weir_error *err)
{
    return weir_admin_pending(scene->admin, "jobs", "weir", NULL, NULL, 10, see_pending, NULL, err);
}

static int see_job(const weir_job_info *job, void *user_data)
{
    (void)job, (void)user_data;
    return 0;
}

static weir_status ask_job(struct scene *scene, weir_error *err)
{
    return weir_admin_job(scene->admin, "jobs", "5-5", see_job, NULL, err);
}

static weir_status ask_delayed(struct scene *scene, weir_error *err)
{
    return weir_admin_delayed(scene->admin, "jobs", NULL, 10, see_job, NULL, err);
}

static weir_status delete_delayed(struct scene *scene, weir_error *err)
{
    scene->accepted = 1;
    scene->in_doubt = 1;
    return weir_admin_delayed_delete(scene->admin, "jobs", "mine", err);
}

static weir_status run_delayed(struct scene *scene, weir_error *err)
{
    scene->accepted = 1; /* what is spoilt goes to the dead letters */
    scene->in_doubt = 1;
    return weir_admin_delayed_run(scene->admin, "jobs", "mine", err);
}

static weir_status pause_queue(struct scene *scene, weir_error *err)
{
    weir_status status = weir_admin_pause(scene->admin, "jobs", NULL, err);
    return status == WEIR_OK ? weir_admin_resume(scene->admin, "jobs", NULL, err) : status;
}

static weir_status reap(struct scene *scene, weir_error *err)
{
    uint64_t n = 77;
    weir_status status = weir_admin_reap(scene->admin, "jobs", "weir", 0, &n, err);
    calls_expect(status == WEIR_OK ? n == 0 : n == 77, "the count", err);
    return status;
}

const struct operation admin_calls[] = {
    {"weir_admin_open", NULL, open_admin, false},
    {"weir_admin_info", with_admin, ask_info, false},
    {"weir_admin_streams", with_admin, ask_streams, false},
    {"weir_admin_consumers", with_admin, ask_consumers, true},
    {"weir_admin_pending", with_admin, ask_pending, true},
    {"weir_admin_job", with_admin, ask_job, true},
    {"weir_admin_delayed", with_admin, ask_delayed, false},
    {"weir_admin_delayed_run", with_admin, run_delayed, true},
    {"weir_admin_delayed_delete", with_admin, delete_delayed, true},
    {"weir_admin_pause", with_admin, pause_queue, false},
    {"weir_admin_reap", with_admin, reap, true},
};
const size_t n_admin_calls = sizeof admin_calls / sizeof *admin_calls;
