/* SPDX-License-Identifier: MIT
 *
 * weir serve: the HTTP control plane and its dashboard, in a process of its own.
 */
#include "commands.h"
#include "json.h"
#include "notify.h"
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#ifdef WITH_CONTROL

#include <weir/control.h>

enum { TOKEN_BYTES = 24, TOKEN_ROOM = 2 * TOKEN_BYTES + 1 };

/* From --token-file, WEIR_TOKEN, or made for this run; NULL: there is none. */
static const char *find_token(const struct options *options)
{
    static char made[TOKEN_ROOM];
    if (options->token_file)
        return read_first_line(options->token_file, "the token");
    const char *of_environment = getenv("WEIR_TOKEN");
    if (!options->new_token)
        return of_environment && *of_environment ? of_environment : NULL;
    unsigned char bytes[TOKEN_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        fail(EXIT_FAILED, "no random token: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(made + 2 * i, 3, "%02x", bytes[i]);
    return made;
}

static void tell(const struct options *options, const char *url, const char *token)
{
    char address[400];
    snprintf(address, sizeof address, "%s%s%s", url, options->new_token ? "#token=" : "",
             options->new_token ? token : "");
    if (options->json)
        json_print(json_make("{s:s, s:b}", "url", address, "token", token != NULL));
    else
        printf("%s\n", address);
    fflush(stdout);
    if (!token)
        complain("there is no token, so that it only shows; --new-token or --token-file allow changes");
}

enum exit_code serve_run(const struct options *options)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN); /* clients come and go */
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);

    if (options->port > 65535)
        fail(EXIT_USAGE, "--port is at most 65535");
    weir_control_options o = WEIR_CONTROL_OPTIONS_INIT;
    o.url = server_url(options);
    o.address = options->address;
    o.port = (uint16_t)options->port;
    o.token = find_token(options);
    o.hosts = &options->host;
    o.n_hosts = options->host ? 1 : 0;
    o.alive_ms = options->alive_ms;
    o.connection = server_connection(options);
    weir_control *control = NULL;
    weir_error err;
    if (weir_control_start(&control, &o, &err) != WEIR_OK)
        return explain(&err);
    tell(options, weir_control_url(control), o.token);
    notify_until(&ends, options, control);
    weir_control_stop(control);
    return EXIT_DONE;
}

#else

enum exit_code serve_run(const struct options *options)
{
    (void)options;
    fail(EXIT_FAILED, "this weir was built without the control plane: build it with -Dcontrol=enabled, which needs "
                      "libevent (libevent-dev)");
}

#endif
