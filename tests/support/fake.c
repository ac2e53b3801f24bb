/* SPDX-License-Identifier: MIT */
#include "support/fake.h"

#include "support/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 64, LOG_MAX = 1 << 16, COMMAND_MAX = 256 };

struct client {
    int fd;
    redisReader *reader;
};

struct fake_server {
    int listener, port, wake[2];
    pthread_t thread;
    struct client clients[CLIENTS_MAX];
    int n_clients;

    pthread_mutex_t mutex;   /* guards what follows */
    struct fake_rule *rules; /* copies */
    size_t n_rules;
    char *commands[LOG_MAX];
    size_t n_commands;
};

static const struct fake_rule always[] = {
    {"AUTH", "+OK\r\n"},   {"CLIENT SETNAME", "+OK\r\n"},    {"CLIENT ID", ":7\r\n"},
    {"ASKING", "+OK\r\n"}, {"", "-ERR not one of mine\r\n"},
};

static void drop(struct fake_server *server, int i)
{
    close(server->clients[i].fd);
    redisReaderFree(server->clients[i].reader);
    server->clients[i] = server->clients[--server->n_clients];
}

static void welcome(struct fake_server *server)
{
    int fd = accept(server->listener, NULL, NULL);
    if (fd < 0)
        return;
    if (server->n_clients == CLIENTS_MAX)
        test_die("too many clients of a fake server");
    server->clients[server->n_clients++] = (struct client){fd, redisReaderCreate()};
}

/* The words of a command with spaces between them. */
static void join(const redisReply *command, char out[COMMAND_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < command->elements && len < COMMAND_MAX; i++)
        len += (size_t)snprintf(out + len, COMMAND_MAX - len, "%s%s", i ? " " : "", command->element[i]->str);
}

static char *copy(const char *text)
{
    char *out = text ? strdup(text) : NULL;
    if (text && !out)
        test_die("out of memory");
    return out;
}

/* To be freed; NULL: none. */
static char *answer_to(struct fake_server *server, const char *command)
{
    pthread_mutex_lock(&server->mutex);
    if (server->n_commands < LOG_MAX)
        server->commands[server->n_commands++] = copy(command);
    const struct fake_rule *rule = server->rules, *end = rule ? rule + server->n_rules : NULL;
    while (rule < end && strncmp(command, rule->command, strlen(rule->command)) != 0)
        rule++;
    if (rule == end)
        for (rule = always; strncmp(command, rule->command, strlen(rule->command)) != 0;)
            rule++;
    char *reply = copy(rule->reply);
    pthread_mutex_unlock(&server->mutex);
    return reply;
}

/* False: the connection is over. */
static bool serve(struct fake_server *server, struct client *client)
{
    char bytes[4096];
    ssize_t n = recv(client->fd, bytes, sizeof bytes, 0);
    if (n <= 0 || redisReaderFeed(client->reader, bytes, (size_t)n) != REDIS_OK)
        return false;
    void *command;
    while (redisReaderGetReply(client->reader, &command) == REDIS_OK && command) {
        char words[COMMAND_MAX];
        join(command, words);
        freeReplyObject(command);
        char *reply = answer_to(server, words);
        bool over = reply && (!*reply || send(client->fd, reply, strlen(reply), MSG_NOSIGNAL) < 0);
        free(reply);
        if (over)
            return false;
    }
    return true;
}

static void *run(void *context)
{
    struct fake_server *server = context;
    for (;;) {
        struct pollfd fds[CLIENTS_MAX + 2] = {{.fd = server->wake[0], .events = POLLIN},
                                              {.fd = server->listener, .events = POLLIN}};
        int n = server->n_clients;
        for (int i = 0; i < n; i++)
            fds[i + 2] = (struct pollfd){.fd = server->clients[i].fd, .events = POLLIN};
        if (poll(fds, (nfds_t)n + 2, -1) < 0 && errno != EINTR)
            test_die("poll: %s", strerror(errno));
        if (fds[0].revents)
            return NULL;
        for (int i = n - 1; i >= 0; i--)
            if (fds[i + 2].revents && !serve(server, &server->clients[i]))
                drop(server, i);
        if (fds[1].revents)
            welcome(server);
    }
}

struct fake_server *fake_server_start(void)
{
    struct fake_server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (!server || pthread_mutex_init(&server->mutex, NULL) != 0)
        test_die("out of memory");
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, len) != 0 ||
        listen(server->listener, 64) != 0 || getsockname(server->listener, (struct sockaddr *)&address, &len) != 0 ||
        pipe(server->wake) != 0 || pthread_create(&server->thread, NULL, run, server) != 0)
        test_die("no fake server: %s", strerror(errno));
    server->port = ntohs(address.sin_port);
    return server;
}

void fake_server_kill(struct fake_server *server)
{
    if (server->listener < 0)
        return;
    if (write(server->wake[1], "!", 1) != 1)
        test_die("write: %s", strerror(errno));
    pthread_join(server->thread, NULL);
    while (server->n_clients > 0)
        drop(server, 0);
    close(server->listener);
    server->listener = -1;
}

static void free_rules(struct fake_server *server)
{
    for (size_t i = 0; i < server->n_rules; i++) {
        free((char *)server->rules[i].command);
        free((char *)server->rules[i].reply);
    }
    free(server->rules);
}

void fake_server_stop(struct fake_server *server)
{
    if (!server)
        return;
    fake_server_kill(server);
    close(server->wake[0]);
    close(server->wake[1]);
    for (size_t i = 0; i < server->n_commands; i++)
        free(server->commands[i]);
    free_rules(server);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

int fake_server_port(const struct fake_server *server)
{
    return server->port;
}

void fake_server_rules(struct fake_server *server, const struct fake_rule *rules, size_t n)
{
    pthread_mutex_lock(&server->mutex);
    free_rules(server);
    server->rules = calloc(n + 1, sizeof *server->rules);
    if (!server->rules)
        test_die("out of memory");
    for (size_t i = 0; i < n; i++)
        server->rules[i] = (struct fake_rule){copy(rules[i].command), copy(rules[i].reply)};
    server->n_rules = n;
    pthread_mutex_unlock(&server->mutex);
}

size_t fake_server_asked(struct fake_server *server, const char *command)
{
    size_t n = 0;
    pthread_mutex_lock(&server->mutex);
    for (size_t i = 0; i < server->n_commands; i++)
        n += strncmp(server->commands[i], command, strlen(command)) == 0;
    pthread_mutex_unlock(&server->mutex);
    return n;
}
