/* SPDX-License-Identifier: MIT
 *
 * A worker with the control plane inside, for the tests of it.
 *
 *     worker URL [--address A] [--token T] [--host NAME]… [--queue STREAM]… [--connections N] [--threads N] [--timeout
 *         MS] [--control-url URL]
 *
 * The control plane asks Redis by the latter URL, if given. Prints its address. What a job does is in its field "do":
 * done, retry, reject, or hold, which lasts until a line "open" comes by standard input. A line "hang" makes the next
 * on_stats hang until "open". At the end of standard input it stops, prints what the stop has said, and ends.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/control.h>
#include <weir/weir.h>

enum { QUEUES_MAX = 4, HOSTS_MAX = 4 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool gate_is_open, hang;

static void wait_at_gate(void)
{
    pthread_mutex_lock(&mutex);
    while (!gate_is_open)
        pthread_cond_wait(&opened, &mutex);
    pthread_mutex_unlock(&mutex);
}

static weir_outcome handle(weir_job *job, void *user_data)
{
    (void)user_data;
    const char *what = weir_job_field(job, "do", NULL);
    if (what && strcmp(what, "hold") == 0)
        wait_at_gate();
    if (what && strcmp(what, "reject") == 0) {
        weir_job_error(job, "as it was told");
        return WEIR_REJECT;
    }
    return what && strcmp(what, "retry") == 0 ? WEIR_RETRY : WEIR_DONE;
}

static void on_stats(const weir_stats *stats, void *user_data)
{
    (void)stats, (void)user_data;
    pthread_mutex_lock(&mutex);
    bool now = hang;
    pthread_mutex_unlock(&mutex);
    if (now)
        wait_at_gate();
}

static void die(const char *what, const weir_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    exit(1);
}

static weir_queue *start_queue(const char *url, const char *stream)
{
    weir_queue_options options = WEIR_QUEUE_OPTIONS_INIT;
    weir_queue *queue = NULL;
    weir_error err;
    options.url = url;
    options.stream = stream;
    options.group = "workers";
    options.consumer = "here";
    options.handler = handle;
    options.on_stats = on_stats;
    options.stats_interval_ms = 10;
    options.concurrency = 4;
    options.max_attempts = 2;
    options.backoff_base_ms = options.backoff_cap_ms = 3600000;
    options.pause_interval_ms = 10;
    if (weir_queue_open(&queue, &options, &err) != WEIR_OK || weir_queue_start(queue, &err) != WEIR_OK)
        die("queue", &err);
    return queue;
}

static void obey(void)
{
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        pthread_mutex_lock(&mutex);
        gate_is_open |= strcmp(line, "open\n") == 0;
        hang |= strcmp(line, "hang\n") == 0;
        pthread_cond_broadcast(&opened);
        pthread_mutex_unlock(&mutex);
    }
}

int main(int argc, char **argv)
{
    enum {
        ADDRESS = 'a',
        TOKEN = 't',
        HOST = 'h',
        QUEUE = 'q',
        CONNECTIONS = 'c',
        THREADS = 'n',
        TIMEOUT = 'm',
        URL = 'u'
    };
    static const struct option names[] = {{"address", required_argument, NULL, ADDRESS},
                                          {"token", required_argument, NULL, TOKEN},
                                          {"host", required_argument, NULL, HOST},
                                          {"queue", required_argument, NULL, QUEUE},
                                          {"connections", required_argument, NULL, CONNECTIONS},
                                          {"threads", required_argument, NULL, THREADS},
                                          {"timeout", required_argument, NULL, TIMEOUT},
                                          {"control-url", required_argument, NULL, URL},
                                          {NULL, 0, NULL, 0}};
    weir_control_options options = WEIR_CONTROL_OPTIONS_INIT;
    weir_queue *queues[QUEUES_MAX];
    const char *streams[QUEUES_MAX], *hosts[HOSTS_MAX];
    options.port = 0;
    options.queues = queues;
    options.hosts = hosts;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == ADDRESS)
            options.address = optarg;
        else if (c == TOKEN)
            options.token = optarg;
        else if (c == HOST && options.n_hosts < HOSTS_MAX)
            hosts[options.n_hosts++] = optarg;
        else if (c == QUEUE && options.n_queues < QUEUES_MAX)
            streams[options.n_queues++] = optarg;
        else if (c == CONNECTIONS)
            options.max_connections = (uint32_t)atoi(optarg);
        else if (c == THREADS)
            options.threads = (uint32_t)atoi(optarg);
        else if (c == TIMEOUT)
            options.connection.command_timeout_ms = options.connection.connect_timeout_ms = atoi(optarg);
        else if (c == URL)
            options.url = optarg;
        else
            return 2;
    }
    const char *url = argv[optind];
    for (size_t i = 0; i < options.n_queues; i++)
        queues[i] = start_queue(url, streams[i]);
    if (!options.url)
        options.url = url;

    weir_control *control = NULL;
    weir_error err;
    if (weir_control_start(&control, &options, &err) != WEIR_OK)
        die("control", &err);
    printf("%s\n", weir_control_url(control));
    fflush(stdout);
    obey();

    weir_control_stop(control);
    for (size_t i = 0; i < options.n_queues; i++) {
        printf("%s\n", weir_status_name(weir_queue_stop(queues[i], 30000)));
        weir_queue_close(queues[i]);
    }
    return 0;
}
