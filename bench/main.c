/* SPDX-License-Identifier: MIT
 *
 * weir-bench: measures weir against bare hiredis loops on the same server.
 *
 * Two processes. The supervisor starts the private server and the proxy, forks the process that measures, waits for its
 * end or for a signal, and cleans up: it kills what it started, and deletes on a --url server every key that could have
 * been made. So nothing is left behind, even where the measuring process is interrupted or crashes.
 */
#include "allocations.h"
#include "bench.h"
#include "delay_proxy.h"
#include "server.h"
#include "subcommands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

static struct private_server server;
static struct delay_proxy proxy;
static pid_t supervisor; /* whose these are; the process that measures inherits the list of what to do at exit */

static void stop_helpers(void)
{
    if (getpid() != supervisor)
        return;
    delay_proxy_stop(&proxy);
    private_server_stop(&server);
}

static struct shared *new_shared(void)
{
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t random;
    if (shared == MAP_FAILED || getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        die("no shared memory: %s", strerror(errno));
    snprintf(shared->run, sizeof shared->run, "%016llx", (unsigned long long)random);
    atomic_init(&shared->n_streams, 0);
    return shared;
}

static void describe_server(struct bench *bench)
{
    redisReply *reply = bench_command(bench, "INFO server");
    char version[32] = "?";
    const char *found = strstr(reply->str, "\nvalkey_version:");
    report_fact_text(bench->report, "server", "name", found ? "valkey" : "redis");
    found = found ? found : strstr(reply->str, "\nredis_version:");
    if (found)
        sscanf(strchr(found, ':') + 1, "%31[0-9.]", version);
    freeReplyObject(reply);
    report_fact_text(bench->report, "server", "version", version);
    report_fact_text(bench->report, "server", "where", bench->is_private ? "private, started for this" : "of --url");
    report_fact_text(bench->report, "server", "transport",
                     strncmp(bench->url, "unix:", 5) == 0 ? "unix socket" : "TCP");
    if (bench->is_private)
        report_fact_text(bench->report, "server", "persistence", bench->options.aof ? "AOF everysec" : "none");
    if (bench->options.delay_us)
        report_fact_number(bench->report, "server", "added_round_trip_us", (double)bench->options.delay_us);
}

static _Noreturn void measure(struct bench *bench)
{
    bench->control = bench_connect(bench);
    bench->report = report_new(bench->command->name);
    describe_server(bench);
    bench->command->run(bench);
    report_print(bench->report, bench->options.json);
    report_free(bench->report);
    redisFree(bench->control);
    exit(0);
}

static pid_t start_measuring(struct bench *bench, const sigset_t *before)
{
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        die("no process to measure with: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    signal(SIGINT, SIG_IGN); /* the supervisor's business */
    sigprocmask(SIG_SETMASK, before, NULL);
    measure(bench);
}

/* Waits for the child's end or for a signal, which ends it. Returns the exit status. */
static int supervise(pid_t child, const sigset_t *signals)
{
    int status, signal_number = 0;
    for (;;) {
        siginfo_t info;
        int got = sigwaitinfo(signals, &info);
        if (got < 0)
            continue;
        if (got != SIGCHLD) {
            signal_number = got;
            kill(child, SIGKILL);
        }
        if (waitpid(child, &status, got == SIGCHLD ? WNOHANG : 0) == child)
            break;
    }
    if (signal_number)
        return 128 + signal_number;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "weir-bench: the measuring process was ended by signal %d (%s)\n", WTERMSIG(status),
            strsignal(WTERMSIG(status)));
    return 1;
}

/* Until they stay away: commands of a process that was killed may still be on their way. */
static void drop_all_streams(const struct bench *bench, bool interrupted)
{
    char error[400], name[STREAM_NAME_MAX];
    unsigned n = atomic_load(&bench->shared->n_streams);
    for (int round = 0; round < (interrupted ? 5 : 1) && n > 0; round++) {
        if (round > 0)
            pause_us(100000);
        redisContext *context = bench_connect_url(bench->options.url, error, sizeof error);
        if (!context) {
            fprintf(stderr, "weir-bench: keys weir-bench:%s:* may be left on the server: %s\n", bench->shared->run,
                    error);
            return;
        }
        for (unsigned i = 0; i < n; i++) {
            stream_name(bench->shared, i, name);
            drop_stream(context, name);
        }
        redisFree(context);
    }
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    bench.command = options_parse(&bench.options, argc, argv);
    if (!bench.command)
        return 0;
    if (bench.command->run == memory_run)
        allocations_preload(argv);

    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &before);
    signal(SIGPIPE, SIG_IGN);

    supervisor = getpid();
    atexit(stop_helpers);
    bench.is_private = !bench.options.url;
    if (bench.is_private)
        private_server_start(&server, bench.options.unix_socket, bench.options.aof);
    bench.url = bench.is_private ? server.url : bench.options.url;
    if (bench.options.delay_us) {
        delay_proxy_start(&proxy, bench.url, bench.options.delay_us);
        bench.url = proxy.url;
    }
    bench.shared = new_shared();
    int status = supervise(start_measuring(&bench, &before), &signals);
    if (!bench.is_private)
        drop_all_streams(&bench, status != 0);
    return status;
}
