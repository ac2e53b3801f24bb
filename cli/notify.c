/* SPDX-License-Identifier: MIT
 *
 * Nobody is woken for nothing: without a watchdog, and once it is ready, this waits for signals alone.
 */
#include "notify.h"

#include "progress.h"
#include "server.h"
#include "text.h"

#ifdef WITH_SYSTEMD

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum {
    TRY_MS = 1000,       /* between two attempts to reach Redis, and for how long one waits at most */
    PATIENCE_MS = 10000, /* from then on it is ready without Redis, */
    LATER_MS = 10000,    /* and tries less often */
};

/* How far it has come. */
struct start {
    int64_t began_ms;
    bool reached, ready;
};

/* Tries to reach Redis once more, and tells what came of it. */
static void go_on(struct start *start, const struct options *options, const char *url)
{
    weir_admin_options o = WEIR_ADMIN_OPTIONS_INIT;
    o.url = server_url(options);
    o.connection = server_connection(options);
    if (o.connection.command_timeout_ms > TRY_MS)
        o.connection.command_timeout_ms = o.connection.connect_timeout_ms = TRY_MS;
    weir_admin *admin = NULL;
    weir_error err = {.message = ""};
    start->reached = weir_admin_open(&admin, &o, &err) == WEIR_OK;
    weir_admin_close(admin);
    bool ready = start->ready || start->reached || monotonic_ms() - start->began_ms >= PATIENCE_MS;
    char *message = text_visible(err.message, strlen(err.message), ALL_COLUMNS); /* a line feed would end it */
    sd_notifyf(0, "%sSTATUS=%s%s%s", ready && !start->ready ? "READY=1\n" : "", url,
               start->reached ? "" : ", waiting for Redis: ", start->reached ? "" : message);
    if (ready && !start->ready && !start->reached)
        complain("Redis can't be reached yet; it serves all the same, and tries again: %s", message);
    start->ready = ready;
    free(message);
}

/* How long systemd's watchdog may wait for the next word, so that one may come late; 0: it has none. */
static int64_t watchdog_ms(void)
{
    uint64_t us = 0;
    if (sd_watchdog_enabled(0, &us) <= 0)
        return 0;
    return us >= 2000 ? (int64_t)(us / 2000) : 1;
}

/* Until when nothing is to be done; 0: for ever. */
static int64_t pause_of(const struct start *start, int64_t watchdog_ms)
{
    int64_t try_ms = start->reached ? 0 : start->ready ? LATER_MS : TRY_MS;
    if (try_ms > 0 && watchdog_ms > 0)
        return try_ms < watchdog_ms ? try_ms : watchdog_ms;
    return try_ms > 0 ? try_ms : watchdog_ms;
}

void notify_until(const sigset_t *ends, const struct options *options, weir_control *control)
{
    int64_t interval_ms = watchdog_ms();
    struct start start = {.began_ms = monotonic_ms(), .reached = getenv("NOTIFY_SOCKET") == NULL};
    bool ended;
    do {
        if (interval_ms > 0 && weir_control_health(control, interval_ms, NULL) == WEIR_OK)
            sd_notify(0, "WATCHDOG=1");
        if (!start.reached)
            go_on(&start, options, weir_control_url(control));
        int64_t pause_ms = pause_of(&start, interval_ms);
        const struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000};
        ended = (pause_ms > 0 ? sigtimedwait(ends, NULL, &pause) : sigwaitinfo(ends, NULL)) > 0;
    } while (!ended);
    sd_notify(0, "STOPPING=1");
}

#else

void notify_until(const sigset_t *ends, const struct options *options, weir_control *control)
{
    (void)options, (void)control;
    while (sigwaitinfo(ends, NULL) < 0)
        ;
}

#endif
