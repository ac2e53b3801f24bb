/* SPDX-License-Identifier: MIT
 *
 * A worker as a service of systemd: it says when it is ready, feeds the watchdog for as long as the queue's threads go
 * round their loops, shows its numbers in `systemctl status`, and stops in time when it is told to. The unit is
 * docs/operations/weir-worker.service. Without systemd it is an ordinary worker.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <weir/weir.h>

enum { STOP_MS = 20000 }; /* less than the unit's TimeoutStopSec */

static weir_outcome handle(weir_job *job, void *user_data)
{
    (void)user_data;
    const char *text = weir_job_field(job, "text", NULL);
    if (text == NULL)
        return WEIR_REJECT;
    printf("%s\n", text);
    fflush(stdout);
    return WEIR_DONE;
}

/* How often systemd wants to hear of us; once a second where it doesn't. */
static struct timespec interval(bool *ret_watched)
{
    uint64_t us = 0;
    *ret_watched = sd_watchdog_enabled(0, &us) > 0;
    us = *ret_watched ? us / 2 : 1000000;
    return (struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
}

static void tell_numbers(weir_queue *queue, const char *trouble)
{
    weir_stats stats = WEIR_STATS_INIT;
    weir_queue_stats(queue, &stats);
    sd_notifyf(0, "STATUS=%" PRIu64 " done, %" PRIu64 " retried, %" PRIu64 " dead, %" PRIu64 " running%s%s", stats.done,
               stats.retried, stats.dead, stats.running, trouble[0] ? "; " : "", trouble);
}

/* Until a signal comes. */
static void watch(weir_queue *queue, const sigset_t *signals)
{
    bool watched, ready = false;
    struct timespec pause = interval(&watched);
    do {
        weir_error err = {.message = ""};
        bool well = weir_queue_health(queue, 0, &err) == WEIR_OK;
        if (well && watched)
            sd_notify(0, "WATCHDOG=1"); /* where it stays away, systemd kills and restarts us */
        if (well && weir_queue_ready(queue, &err) == WEIR_OK && !ready) {
            ready = true;
            sd_notify(0, "READY=1");
        }
        tell_numbers(queue, err.message);
    } while (sigtimedwait(signals, NULL, &pause) < 0);
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : getenv("WEIR_URL");
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = url != NULL ? url : "redis://127.0.0.1:6379";
    o.stream = "messages";
    o.handler = handle;

    weir_queue *queue = NULL;
    weir_error err;
    weir_status status = weir_queue_open(&queue, &o, &err);
    if (status == WEIR_OK)
        status = weir_queue_start(queue, &err);
    if (status != WEIR_OK) {
        fprintf(stderr, "service: %s\n", err.message);
    } else {
        watch(queue, &signals);
        sd_notify(0, "STOPPING=1");
        status = weir_queue_stop(queue, STOP_MS);
    }
    weir_queue_close(queue);
    return status == WEIR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
