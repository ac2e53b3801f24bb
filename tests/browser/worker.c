/* SPDX-License-Identifier: MIT
 *
 * A worker with the control plane inside, for the tests of the dashboard; without --stream the control plane alone.
 *
 *     WEIR_URL=… WEIR_TOKEN=… worker FOLDER [--port N] [--stream S] [--consumer NAME] [--concurrency N]
 *                                           [--max-deliveries N] [--min-idle-ms N]
 *
 * Prints its address, and works until SIGTERM. What a job does is in its field "do": done, reject, crash (which kills
 * the process), or hold, which lasts until somebody writes into the pipe FOLDER/hold, where there is one. Once it is
 * done there is an empty file FOLDER/NAME, by its field "name". A dead job that is put back is done, too, where it has
 * the field "once".
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/control.h>
#include <weir/weir.h>

static const char *folder;

static void path_of(const char *name, char out[512])
{
    snprintf(out, 512, "%s/%s", folder, name);
}

/* False where it was there already. */
static bool make(const char *name)
{
    char path[512];
    path_of(name, path);
    int file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (file >= 0)
        close(file);
    return file >= 0;
}

/* Opening a pipe for reading waits for somebody who opens it for writing. */
static void wait_for_writer(void)
{
    char path[512];
    path_of("hold", path);
    int pipe = open(path, O_RDONLY);
    if (pipe >= 0)
        close(pipe);
}

static const char *field(weir_job *job, const char *name)
{
    const char *value = weir_job_field(job, name, NULL);
    return value ? value : "";
}

/* What may be made the name of a file. */
static bool first_time(weir_job *job)
{
    char name[300];
    snprintf(name, sizeof name, "seen-%.200s", field(job, "name"));
    return make(name);
}

static weir_outcome handle(weir_job *job, void *user_data)
{
    (void)user_data;
    const char *what = field(job, "do");
    if (strcmp(what, "crash") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(what, "reject") == 0 && (!*field(job, "once") || first_time(job))) {
        weir_job_error(job, "no such mailbox <script>document.title = 'caught'</script>");
        return WEIR_REJECT;
    }
    if (strcmp(what, "hold") == 0)
        wait_for_writer();
    if (*field(job, "name"))
        make(field(job, "name"));
    return WEIR_DONE;
}

struct program {
    const char *stream, *consumer;
    int port, concurrency, max_deliveries, min_idle_ms;
};

static bool read_arguments(struct program *program, int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},
        {"stream", required_argument, NULL, 's'},
        {"consumer", required_argument, NULL, 'c'},
        {"concurrency", required_argument, NULL, 'n'},
        {"max-deliveries", required_argument, NULL, 'd'},
        {"min-idle-ms", required_argument, NULL, 'i'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p':
            program->port = atoi(optarg);
            break;
        case 's':
            program->stream = optarg;
            break;
        case 'c':
            program->consumer = optarg;
            break;
        case 'n':
            program->concurrency = atoi(optarg);
            break;
        case 'd':
            program->max_deliveries = atoi(optarg);
            break;
        case 'i':
            program->min_idle_ms = atoi(optarg);
            break;
        default:
            return false;
        }
    }
    folder = argv[optind];
    return folder != NULL;
}

static weir_queue *open_queue(const struct program *program, weir_error *err)
{
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = getenv("WEIR_URL");
    o.stream = program->stream;
    o.group = "workers";
    o.consumer = program->consumer;
    o.handler = handle;
    o.concurrency = (uint32_t)program->concurrency;
    o.max_deliveries = (uint32_t)program->max_deliveries;
    o.min_idle_ms = program->min_idle_ms;
    o.pause_interval_ms = o.promote_interval_ms = 50;
    o.connection.command_timeout_ms = 10000;
    weir_queue *queue = NULL;
    weir_queue_open(&queue, &o, err);
    return queue;
}

static weir_control *start_control(const struct program *program, weir_queue *const *queue, weir_error *err)
{
    const char *token = getenv("WEIR_TOKEN");
    weir_control_options o = WEIR_CONTROL_OPTIONS_INIT;
    o.url = getenv("WEIR_URL");
    o.port = (uint16_t)program->port;
    o.token = token && *token ? token : NULL;
    o.queues = queue;
    o.n_queues = *queue ? 1 : 0;
    weir_control *control = NULL;
    weir_control_start(&control, &o, err);
    return control;
}

/* From now on they wait for sigwait. */
static sigset_t hold_back_signals(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    return stop;
}

int main(int argc, char **argv)
{
    struct program program = {.concurrency = 4, .max_deliveries = 5, .min_idle_ms = 30000};
    weir_error err = {0};
    if (!read_arguments(&program, argc, argv))
        return 2;
    sigset_t stop = hold_back_signals();
    weir_queue *queue = program.stream ? open_queue(&program, &err) : NULL;
    weir_control *control = program.stream && !queue ? NULL : start_control(&program, &queue, &err);
    if (control) {
        printf("%s\n", weir_control_url(control)); /* before the first job, which may kill the process */
        fflush(stdout);
    }
    if (control && (!queue || weir_queue_start(queue, &err) == WEIR_OK))
        sigwait(&stop, &(int){0});
    if (err.code != WEIR_OK)
        fprintf(stderr, "%s\n", err.message);
    weir_control_stop(control);
    weir_queue_close(queue); /* stops it first */
    return err.code != WEIR_OK;
}
