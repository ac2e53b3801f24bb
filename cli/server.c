/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "fail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char default_url[] = "redis://127.0.0.1:6379";

char *read_first_line(const char *path, const char *what)
{
    FILE *file = fopen(path, "r");
    if (!file)
        fail(EXIT_USAGE, "%s can't be read from %s: %s", what, path, strerror(errno));
    char *line = NULL;
    size_t size = 0;
    ssize_t len = getline(&line, &size, file);
    fclose(file);
    if (len < 0)
        fail(EXIT_USAGE, "%s is empty; its first line has to be %s", path, what);
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

const char *server_url(const struct options *options)
{
    static const char *url;
    if (url)
        return url;
    const char *of_environment = getenv("WEIR_URL");
    if (options->url)
        url = options->url;
    else if (options->url_file)
        url = read_first_line(options->url_file, "the URL");
    else
        url = of_environment && *of_environment ? of_environment : default_url;
    if (strncmp(url, "memory:", 7) == 0)
        fail(EXIT_USAGE, "a memory: URL names queues inside one process, which nobody else can see");
    return url;
}

weir_connection_options server_connection(const struct options *options)
{
    weir_connection_options connection = WEIR_CONNECTION_OPTIONS_INIT(options->timeout_ms);
    connection.connect_timeout_ms = options->timeout_ms;
    connection.client_name = "weir-cli";
    connection.tls_ca_file = options->tls_ca;
    connection.tls_cert_file = options->tls_cert;
    connection.tls_key_file = options->tls_key;
    connection.tls_server_name = options->tls_server_name;
    return connection;
}

static _Noreturn void fail_to_connect(const struct options *options, const weir_error *err)
{
    if (err->code == WEIR_ERR_CONNECTION && server_url(options) == default_url)
        complain("neither --url nor WEIR_URL says where the server is: looked for it at %s", default_url);
    fail_because(err);
}

static weir_status open_admin(const struct options *options, weir_admin **ret, weir_error *err)
{
    weir_admin_options o = WEIR_ADMIN_OPTIONS_INIT;
    o.url = server_url(options);
    o.alive_ms = options->alive_ms;
    o.connection = server_connection(options);
    return weir_admin_open(ret, &o, err);
}

weir_admin *server_admin(const struct options *options)
{
    weir_admin *admin = NULL;
    weir_error err;
    if (open_admin(options, &admin, &err) != WEIR_OK)
        fail_to_connect(options, &err);
    return admin;
}

weir_dead *server_dead(const struct options *options, const char *stream)
{
    weir_dead_options o = WEIR_DEAD_OPTIONS_INIT;
    o.url = server_url(options);
    o.stream = stream;
    o.connection = server_connection(options);
    weir_dead *dead = NULL;
    weir_error err;
    if (weir_dead_open(&dead, &o, &err) != WEIR_OK)
        fail_to_connect(options, &err);
    return dead;
}

weir_producer *server_producer(const struct options *options, const char *stream)
{
    weir_producer_options o = WEIR_PRODUCER_OPTIONS_INIT;
    o.url = server_url(options);
    o.stream = stream;
    o.connection = server_connection(options);
    weir_producer *producer = NULL;
    weir_error err;
    if (weir_producer_open(&producer, &o, &err) != WEIR_OK)
        fail_to_connect(options, &err);
    return producer;
}

bool queue_is_known(const weir_queue_info *info)
{
    return info->exists || info->delayed > 0 || info->dead > 0;
}

enum exit_code explain_missing(const char *stream)
{
    complain("there is no queue \"%s\"; weir ls lists those that there are", stream);
    return EXIT_MISSING;
}

bool queue_may_be(weir_admin *admin, const char *stream)
{
    weir_queue_info *info = NULL;
    bool may_be = weir_admin_info(admin, stream, &info, NULL) != WEIR_OK || queue_is_known(info) || info->paused;
    weir_queue_info_free(info);
    return may_be;
}

void server_must_have(const struct options *options, const char *stream)
{
    weir_admin *admin = NULL;
    if (open_admin(options, &admin, NULL) != WEIR_OK)
        return;
    bool may_be = queue_may_be(admin, stream);
    weir_admin_close(admin);
    if (!may_be)
        leave(explain_missing(stream));
}

weir_queue_info *server_info(weir_admin *admin, const char *stream)
{
    weir_queue_info *info = NULL;
    weir_error err;
    if (weir_admin_info(admin, stream, &info, &err) != WEIR_OK)
        fail_because(&err);
    if (!queue_is_known(info) && !info->paused)
        leave(explain_missing(stream));
    return info;
}
