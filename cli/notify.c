/* SPDX-License-Identifier: MIT
 *
 * Nobody is woken for nothing: without a watchdog, and once it is ready, this waits for signals alone.
 */
#include "notify.h"

#include "server.h"
#include "text.h"

#ifdef WITH_SYSTEMD

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum { TRY_MS = 1000 }; /* between two attempts to reach Redis, and for how long one waits at most */

/* Whether Redis answers now. */
static bool reach(const struct options *options, const char *url)
{
    weir_admin_options o = WEIR_ADMIN_OPTIONS_INIT;
    o.url = server_url(options);
    o.connection = server_connection(options);
    if (o.connection.command_timeout_ms > TRY_MS)
        o.connection.command_timeout_ms = o.connection.connect_timeout_ms = TRY_MS;
    weir_admin *admin = NULL;
    weir_error err;
    bool reached = weir_admin_open(&admin, &o, &err) == WEIR_OK;
    weir_admin_close(admin);
    if (reached) {
        sd_notifyf(0, "READY=1\nSTATUS=%s", url);
        return true;
    }
    char *message = text_visible(err.message, strlen(err.message), ALL_COLUMNS); /* a line feed would end it */
    sd_notifyf(0, "STATUS=%s, waiting for Redis: %s", url, message);
    free(message);
    return false;
}

/* How long systemd's watchdog may wait for the next word, so that one may come late; 0: it has none. */
static int64_t watchdog_ms(void)
{
    uint64_t us = 0;
    if (sd_watchdog_enabled(0, &us) <= 0)
        return 0;
    return us >= 2000 ? (int64_t)(us / 2000) : 1;
}

void notify_until(const sigset_t *ends, const struct options *options, weir_control *control)
{
    int64_t interval_ms = watchdog_ms(), pause_ms;
    bool ready = getenv("NOTIFY_SOCKET") == NULL, ended;
    do {
        if (interval_ms > 0 && weir_control_health(control, interval_ms, NULL) == WEIR_OK)
            sd_notify(0, "WATCHDOG=1");
        if (!ready)
            ready = reach(options, weir_control_url(control));
        pause_ms = interval_ms > 0 && (ready || interval_ms < TRY_MS) ? interval_ms : ready ? 0 : TRY_MS;
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
