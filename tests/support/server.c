/* SPDX-License-Identifier: MIT */
#include "support/server.h"

#include "support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGS = 64, PORT_ATTEMPTS = 10, NOT_FOUND = 127, SKIPPED = 77 };

struct test_server {
    struct test_server *next; /* in the list of those to clean up */
    char directory[64];
    char socket[96];
    char url[160];
    char tcp_url[96];
    char output[96];
    char configuration[96]; /* a file; "": none */
    int port;               /* 0: no TCP */
    int second_port;
    bool port_is_settled, tls;
    char *extra[MAX_ARGS + 1];
    pid_t pid; /* 0: not running */

    pthread_mutex_t mutex;
    redisContext *control; /* guarded by the mutex; NULL: not connected */
};

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct test_server *list;
static pid_t list_owner;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void kill_and_wait(struct test_server *server)
{
    if (server->pid == 0)
        return;
    kill(server->pid, SIGKILL);
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    server->pid = 0;
}

/* At exit and from test_die: servers of tests that failed before they could stop them. */
static void clean_up(void)
{
    if (getpid() != list_owner || pthread_mutex_trylock(&list_mutex) != 0)
        return;
    for (struct test_server *server = list; server; server = server->next) {
        kill_and_wait(server);
        nftw(server->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    list = NULL;
    pthread_mutex_unlock(&list_mutex);
}

static void remember(struct test_server *server)
{
    pthread_mutex_lock(&list_mutex);
    if (list_owner != getpid()) {
        if (list_owner == 0)
            atexit(clean_up);
        list_owner = getpid();
        list = NULL; /* those of the parent that forked us */
    }
    test_on_die(clean_up);
    server->next = list;
    list = server;
    pthread_mutex_unlock(&list_mutex);
}

static void forget(const struct test_server *server)
{
    pthread_mutex_lock(&list_mutex);
    for (struct test_server **link = &list; *link; link = &(*link)->next)
        if (*link == server) {
            *link = server->next;
            break;
        }
    pthread_mutex_unlock(&list_mutex);
}

void test_server_show_output(const struct test_server *server)
{
    FILE *file = fopen(server->output, "re");
    if (!file)
        return;
    char line[512];
    while (fgets(line, sizeof line, file))
        fputs(line, stderr);
    fclose(file);
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        test_die("no free port: %s", strerror(errno));
    close(fd);
    return ntohs(address.sin_port);
}

/* In the child, where only async-signal-safe functions may be called. */
static _Noreturn void become_server(const struct test_server *server, pid_t parent, char *const *argv)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int output = open(server->output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int input = open("/dev/null", O_RDONLY);
    if (getppid() != parent || output < 0 || input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 ||
        dup2(output, 2) < 0)
        _exit(1);
    for (int fd = 3; fd < 4096; fd++)
        close(fd); /* a connection that the test closes must not stay open here */
    execvp(argv[0], argv);
    _exit(errno == ENOENT ? NOT_FOUND : 1);
}

static const char *program(void)
{
    const char *named = getenv("WEIR_TEST_REDIS_SERVER");
    return named && *named ? named : "redis-server";
}

static void spawn(struct test_server *server)
{
    char port[16], second_port[16];
    snprintf(port, sizeof port, "%d", server->port);
    snprintf(second_port, sizeof second_port, "%d", server->second_port);
    bool sentinel = server->configuration[0] != '\0';
    const char *fixed[] = {
        program(),
        sentinel ? server->configuration : "--protected-mode",
        sentinel ? "--sentinel" : "yes",
        "--port",
        server->tls ? "0" : port,
        "--bind",
        "127.0.0.1",
        "--unixsocket",
        server->socket,
        "--dir",
        server->directory,
        sentinel ? "--loglevel" : "--save",
        sentinel ? "notice" : "",
        "--daemonize",
        "no",
        "--logfile",
        "",
        "--user", /* up to the next option; not for a sentinel */
        TEST_USER,
        "on",
        ">" TEST_PASSWORD,
        "~*",
        "&*",
        "+@all",
        "--tls-port", /* last, for a server that was built without TLS */
        port,
    };
    const size_t n_fixed = sizeof fixed / sizeof *fixed - (sentinel ? 9 : server->tls ? 0 : 2);
    char *argv[sizeof fixed / sizeof *fixed + MAX_ARGS + 1];
    memcpy(argv, fixed, n_fixed * sizeof *fixed);
    memcpy(argv + n_fixed, server->extra, sizeof server->extra);
    for (char **arg = argv + n_fixed; *arg; arg++)
        if (strcmp(*arg, TEST_SERVER_FREE_PORT) == 0)
            *arg = second_port;

    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        test_die("fork: %s", strerror(errno));
    if (pid == 0)
        become_server(server, parent, argv);
    server->pid = pid;
}

/* Whether it answers anything but -LOADING. */
static bool serves(const struct test_server *server)
{
    struct timeval timeout = {.tv_sec = 1};
    redisContext *context = redisConnectUnixWithTimeout(server->socket, timeout);
    bool ok = false;
    if (context && !context->err && redisSetTimeout(context, timeout) == REDIS_OK) {
        redisReply *reply = redisCommand(context, "PING");
        ok = reply && !(reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "LOADING", 7) == 0);
        if (reply)
            freeReplyObject(reply);
    }
    if (context)
        redisFree(context);
    return ok;
}

/* Waits until it serves. False where it ended instead, with *ret_status its exit status. */
static bool wait_until_serving(struct test_server *server, int *ret_status)
{
    for (int64_t deadline_ms = test_now_ms() + TEST_TIMEOUT_MS; test_now_ms() < deadline_ms; poll(NULL, 0, 2)) {
        int status;
        if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
            server->pid = 0;
            *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
            return false;
        }
        if (serves(server))
            return true;
    }
    test_server_show_output(server);
    test_die("the server at %s does not get ready", server->socket);
}

static void settle_port(struct test_server *server)
{
    if (server->port == 0)
        return;
    if (!server->port_is_settled) {
        server->port = free_port();
        server->second_port = free_port();
    }
    snprintf(server->tcp_url, sizeof server->tcp_url, "%s://" TEST_LOGIN "127.0.0.1:%d",
             server->tls ? "rediss" : "redis", server->port);
}

static void launch(struct test_server *server)
{
    /* between looking for a free port and its use somebody else may take it: try again, with another at first start */
    int attempts = server->port ? PORT_ATTEMPTS : 1;
    for (int i = 0; i < attempts; i++) {
        settle_port(server);
        unlink(server->socket);
        spawn(server);
        int status = 0;
        if (wait_until_serving(server, &status)) {
            server->port_is_settled = true;
            return;
        }
        if (status == NOT_FOUND) {
            bool must_run = getenv("WEIR_TEST_NO_SKIP") != NULL;
            fprintf(stderr, "test: no redis-server in PATH%s\n", must_run ? "" : ": skipped");
            clean_up();
            _exit(must_run ? 1 : SKIPPED);
        }
    }
    test_server_show_output(server);
    test_die("the server did not start");
}

int test_server_version(void)
{
    char command[512];
    int major = 0, minor = 0, patch = 0;
    snprintf(command, sizeof command, "'%s' --version", program());
    FILE *output = popen(command, "re");
    if (!output || fscanf(output, "%*s server v=%d.%d.%d", &major, &minor, &patch) != 3)
        test_die("%s doesn't tell its version", program());
    pclose(output);
    return major * 10000 + minor * 100 + patch;
}

/* Options that an old server doesn't have, and can be tested without: what they allow is allowed there. */
static bool is_too_new(const char *argument)
{
    static const char *const since_7_0[] = {"--enable-debug-command", "--cluster-port",
                                            "--loading-process-events-interval-bytes"};
    for (size_t i = 0; i < sizeof since_7_0 / sizeof *since_7_0; i++)
        if (strcmp(argument, since_7_0[i]) == 0)
            return test_server_version() < 70000;
    return false;
}

/* Made, with its directory, and not running. */
static struct test_server *make(bool tcp, bool tls, const char *const *extra_args)
{
    struct test_server *server = calloc(1, sizeof *server);
    if (!server || pthread_mutex_init(&server->mutex, NULL) != 0)
        test_die("out of memory");
    snprintf(server->directory, sizeof server->directory, "/tmp/weir-test-XXXXXX");
    if (!mkdtemp(server->directory))
        test_die("mkdtemp: %s", strerror(errno));
    snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->directory);
    snprintf(server->url, sizeof server->url, "unix://" TEST_LOGIN "%s", server->socket);
    snprintf(server->output, sizeof server->output, "%s/output", server->directory);
    size_t n = 0;
    for (size_t i = 0; extra_args && extra_args[i]; i++) {
        if (is_too_new(extra_args[i])) {
            i++; /* and its value */
            continue;
        }
        if (n == MAX_ARGS)
            test_die("more than %d extra arguments for the server", MAX_ARGS);
        server->extra[n++] = strdup(extra_args[i]);
    }
    server->port = tcp;
    server->tls = tls;
    remember(server);
    return server;
}

static struct test_server *start(bool tcp, bool tls, const char *const *extra_args)
{
    struct test_server *server = make(tcp, tls, extra_args);
    launch(server);
    return server;
}

struct test_server *test_server_start_sentinel(const char *configuration)
{
    struct test_server *server = make(true, false, NULL);
    snprintf(server->configuration, sizeof server->configuration, "%s/sentinel.conf", server->directory);
    FILE *file = fopen(server->configuration, "we");
    if (!file || fputs(configuration, file) < 0 || fclose(file) != 0)
        test_die("%s: %s", server->configuration, strerror(errno));
    launch(server);
    return server;
}

struct test_server *test_server_start(void)
{
    return start(false, false, NULL);
}

struct test_server *test_server_start_with(const char *const *extra_args)
{
    return start(false, false, extra_args);
}

struct test_server *test_server_start_tcp(const char *const *extra_args)
{
    return start(true, false, extra_args);
}

struct test_server *test_server_start_tls(const char *const *extra_args)
{
    return start(true, true, extra_args);
}

/* One that has it ends for want of a certificate; one that has not, for another reason. */
bool test_server_has_tls(void)
{
    char command[512], line[512];
    bool has = false;
    snprintf(command, sizeof command, "'%s' --port 0 --tls-port 1 2>&1", program());
    FILE *output = popen(command, "re");
    if (!output)
        test_die("%s can't be run", program());
    while (fgets(line, sizeof line, output))
        has |= strstr(line, "No tls-cert-file") != NULL;
    pclose(output);
    return has;
}

static void drop_control(struct test_server *server)
{
    pthread_mutex_lock(&server->mutex);
    redisFree(server->control);
    server->control = NULL;
    pthread_mutex_unlock(&server->mutex);
}

void test_server_stop(struct test_server *server)
{
    if (!server)
        return;
    test_server_kill(server);
    forget(server);
    nftw(server->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; server->extra[i]; i++)
        free(server->extra[i]);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

const char *test_server_url(const struct test_server *server)
{
    return server->url;
}

const char *test_server_socket(const struct test_server *server)
{
    return server->socket;
}

const char *test_server_tcp_url(const struct test_server *server)
{
    return server->tcp_url;
}

int test_server_tcp_port(const struct test_server *server)
{
    return server->port;
}

int test_server_second_port(const struct test_server *server)
{
    return server->second_port;
}

pid_t test_server_pid(const struct test_server *server)
{
    return server->pid;
}

void test_server_kill(struct test_server *server)
{
    kill_and_wait(server);
    drop_control(server);
}

void test_server_restart(struct test_server *server)
{
    test_server_kill(server);
    launch(server);
}

void test_server_pause(struct test_server *server)
{
    int status;
    if (kill(server->pid, SIGSTOP) != 0 || waitpid(server->pid, &status, WUNTRACED) != server->pid ||
        !WIFSTOPPED(status))
        test_die("the server could not be paused");
}

void test_server_resume(struct test_server *server)
{
    if (kill(server->pid, SIGCONT) != 0)
        test_die("the server could not be resumed: %s", strerror(errno));
}

static const char *password_of(const struct test_server *server)
{
    for (size_t i = 0; server->extra[i]; i++)
        if (strcmp(server->extra[i], "--requirepass") == 0)
            return server->extra[i + 1];
    return NULL;
}

/* It may be that the server has crashed: its output then says why. */
static _Noreturn void die_of(const struct test_server *server, const char *command, const char *why)
{
    test_server_show_output(server);
    test_die("control command \"%s\": %s", command, why);
}

/* The server never speaks first on this connection, so that anything to read is its end. */
static bool has_ended(const redisContext *context)
{
    struct pollfd fd = {.fd = context->fd, .events = POLLIN};
    return context->err || poll(&fd, 1, 0) != 0;
}

/* With the mutex held: the control connection, made again where it was lost. */
static redisContext *control(struct test_server *server)
{
    if (server->control && !has_ended(server->control))
        return server->control;
    redisFree(server->control);
    int timeout_ms = TEST_TIMEOUT_MS;
    struct timeval timeout = {.tv_sec = timeout_ms / 1000};
    server->control = redisConnectUnixWithTimeout(server->socket, timeout);
    if (!server->control || server->control->err)
        die_of(server, "to connect", server->control ? server->control->errstr : "out of memory");
    redisSetTimeout(server->control, timeout);
    const char *password = password_of(server);
    if (password)
        freeReplyObject(redisCommand(server->control, "AUTH %s", password));
    return server->control;
}

/* NULL where the connection was lost, if that may be. */
static redisReply *command_va(struct test_server *server, bool may_fail, const char *fmt, va_list args)
{
    pthread_mutex_lock(&server->mutex);
    redisContext *context = control(server);
    redisReply *reply = redisvCommand(context, fmt, args);
    if (!reply && !may_fail)
        die_of(server, fmt, context->errstr);
    pthread_mutex_unlock(&server->mutex);
    return reply;
}

redisReply *test_server_command(struct test_server *server, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    redisReply *reply = command_va(server, false, fmt, args);
    va_end(args);
    return reply;
}

redisReply *test_server_try(struct test_server *server, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    redisReply *reply = command_va(server, true, fmt, args);
    va_end(args);
    return reply;
}

redisReply *test_server_argv(struct test_server *server, int argc, const char **argv, const size_t *lens)
{
    pthread_mutex_lock(&server->mutex);
    redisContext *context = control(server);
    redisReply *reply = redisCommandArgv(context, argc, argv, lens);
    if (!reply)
        die_of(server, argv[0], context->errstr);
    pthread_mutex_unlock(&server->mutex);
    return reply;
}

long long test_server_integer(struct test_server *server, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    redisReply *reply = command_va(server, false, fmt, args);
    va_end(args);
    if (reply->type != REDIS_REPLY_INTEGER)
        test_die("\"%s\" answered no integer but %s", fmt, reply->str ? reply->str : "something else");
    long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}
