/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT_ATTEMPTS = 10, START_TIMEOUT_US = 15 * 1000000, NOT_FOUND = 127 };

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void private_server_stop(struct private_server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        server->pid = 0;
    }
    if (server->directory[0])
        nftw(server->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    server->directory[0] = '\0';
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die("no free port on 127.0.0.1: %s", strerror(errno));
    close(fd);
    return ntohs(address.sin_port);
}

static const char *program(void)
{
    const char *named = getenv("WEIR_BENCH_REDIS_SERVER");
    return named && *named ? named : "redis-server";
}

static _Noreturn void become_server(const struct private_server *server, pid_t parent, bool aof)
{
    char port[16], socket_path[96], output_path[96];
    snprintf(port, sizeof port, "%d", server->port);
    snprintf(socket_path, sizeof socket_path, "%s/redis.sock", server->directory);
    snprintf(output_path, sizeof output_path, "%s/output", server->directory);
    const char *argv[] = {program(),
                          "--port",
                          port,
                          "--bind",
                          "127.0.0.1",
                          "--unixsocket",
                          socket_path,
                          "--dir",
                          server->directory,
                          "--save",
                          "",
                          "--logfile",
                          "",
                          "--appendonly",
                          aof ? "yes" : "no",
                          "--appendfsync",
                          "everysec",
                          NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* an interrupt from the terminal is ours: what it held is still to be deleted */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int output = open(output_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (getppid() != parent || output < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
        _exit(1);
    execvp(argv[0], (char *const *)argv);
    _exit(errno == ENOENT ? NOT_FOUND : 1);
}

static bool answers(const char *socket_path)
{
    redisContext *context = redisConnectUnix(socket_path);
    redisReply *reply = context && !context->err ? redisCommand(context, "PING") : NULL;
    bool ok = reply && reply->type == REDIS_REPLY_STATUS;
    if (reply)
        freeReplyObject(reply);
    if (context)
        redisFree(context);
    return ok;
}

static void show_output(const struct private_server *server)
{
    char path[96], line[512];
    snprintf(path, sizeof path, "%s/output", server->directory);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        fputs(line, stderr);
    if (file)
        fclose(file);
}

/* True once it answers; false where it ended instead, with its wait status. */
static bool launch(struct private_server *server, bool aof, int *ret_status)
{
    char socket_path[96];
    snprintf(socket_path, sizeof socket_path, "%s/redis.sock", server->directory);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        die("no process for redis-server: %s", strerror(errno));
    if (pid == 0)
        become_server(server, parent, aof);
    server->pid = pid;
    for (int64_t give_up_us = now_us() + START_TIMEOUT_US; now_us() < give_up_us; pause_us(5000)) {
        if (waitpid(pid, ret_status, WNOHANG) == pid) {
            server->pid = 0;
            return false;
        }
        if (answers(socket_path))
            return true;
    }
    show_output(server);
    private_server_stop(server);
    die("redis-server doesn't answer");
}

void private_server_start(struct private_server *server, bool unix_socket, bool aof)
{
    const char *parent = getenv("TMPDIR");
    *server = (struct private_server){0};
    int len = snprintf(server->directory, sizeof server->directory, "%s/weir-bench-XXXXXX",
                       parent && *parent ? parent : "/tmp");
    if (len >= (int)sizeof server->directory)
        die("TMPDIR is too long for a unix socket: set it to /tmp");
    if (!mkdtemp(server->directory)) {
        server->directory[0] = '\0';
        die("no temporary directory in %s: %s", parent && *parent ? parent : "/tmp", strerror(errno));
    }
    int status = 0;
    for (int i = 0; i < PORT_ATTEMPTS; i++) { /* somebody else may take the port before the server does */
        server->port = unix_socket ? 0 : free_port();
        if (unix_socket)
            snprintf(server->url, sizeof server->url, "unix://%s/redis.sock", server->directory);
        else
            snprintf(server->url, sizeof server->url, "redis://127.0.0.1:%d", server->port);
        if (launch(server, aof, &status))
            return;
        if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
            break;
    }
    bool missing = WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND;
    if (!missing)
        show_output(server);
    private_server_stop(server);
    if (missing)
        die("there is no %s to be started: install redis-server, or name a running server with --url", program());
    die("redis-server did not start; its words are above");
}
