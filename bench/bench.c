/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include "redis/url.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_S = 60, CONNECT_TIMEOUT_S = 5 };

static redisContext *refused(redisContext *context, char *ret_error, size_t error_size, const char *what,
                             const char *words)
{
    snprintf(ret_error, error_size, "%s: %s", what, words);
    if (context)
        redisFree(context);
    return NULL;
}

/* AUTH or SELECT. False where the server refuses; ret_error has its words. */
static bool introduce(redisContext *context, char *ret_error, size_t error_size, int argc, const char **argv)
{
    redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
    bool ok = reply && reply->type != REDIS_REPLY_ERROR;
    if (!ok)
        snprintf(ret_error, error_size, "%s: %s", argv[0], reply ? reply->str : context->errstr);
    if (reply)
        freeReplyObject(reply);
    return ok;
}

redisContext *bench_connect_url(const char *text, char *ret_error, size_t error_size)
{
    struct weir_url url;
    weir_error err;
    if (weir_url_parse(text, &url, &err) != WEIR_OK)
        return refused(NULL, ret_error, error_size, "--url", err.message);
    if (url.tls || url.kind != WEIR_URL_DIRECT) {
        weir_url_clear(&url);
        return refused(NULL, ret_error, error_size, "--url", "only redis:// and unix:// are measured");
    }
    struct timeval connect = {.tv_sec = CONNECT_TIMEOUT_S}, timeout = {.tv_sec = TIMEOUT_S};
    const struct weir_endpoint *server = url.endpoints;
    redisContext *context = server->port ? redisConnectWithTimeout(server->host, server->port, connect)
                                         : redisConnectUnixWithTimeout(server->host, connect);
    char where[200], words[WEIR_ENDPOINT_TEXT_SIZE];
    snprintf(where, sizeof where, "can't connect to %s", weir_endpoint_words(server, words));
    char db[16];
    snprintf(db, sizeof db, "%d", url.db);
    bool ok = context && !context->err;
    if (!ok) {
        context = refused(context, ret_error, error_size, where, context ? context->errstr : "out of memory");
    } else {
        redisSetTimeout(context, timeout);
        if (url.password && url.user)
            ok = introduce(context, ret_error, error_size, 3, (const char *[]){"AUTH", url.user, url.password});
        else if (url.password)
            ok = introduce(context, ret_error, error_size, 2, (const char *[]){"AUTH", url.password});
        if (ok && url.db)
            ok = introduce(context, ret_error, error_size, 2, (const char *[]){"SELECT", db});
        if (ok)
            ok = introduce(context, ret_error, error_size, 1, (const char *[]){"PING"});
        if (!ok) {
            redisFree(context);
            context = NULL;
        }
    }
    weir_url_clear(&url);
    return context;
}

redisContext *bench_connect(const struct bench *bench)
{
    char error[400];
    redisContext *context = bench_connect_url(bench->url, error, sizeof error);
    if (!context)
        die("%s; is the server running, and the --url right?", error);
    return context;
}

static redisReply *command_va(struct bench *bench, const char *format, va_list args)
{
    redisReply *reply = redisvCommand(bench->control, format, args);
    if (!reply)
        die("the server is gone: %s", bench->control->errstr);
    if (reply->type == REDIS_REPLY_ERROR)
        die("%s: the server says: %s", format, reply->str);
    return reply;
}

redisReply *bench_command(struct bench *bench, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = command_va(bench, format, args);
    va_end(args);
    return reply;
}

long long bench_integer(struct bench *bench, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = command_va(bench, format, args);
    va_end(args);
    if (reply->type != REDIS_REPLY_INTEGER)
        die("%s: the server's answer is no number", format);
    long long value = reply->integer;
    freeReplyObject(reply);
    return value;
}

static double number_in(const char *info, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\n%s:", name);
    const char *found = strstr(info, key);
    return found ? strtod(found + strlen(key), NULL) : NAN;
}

double bench_info(struct bench *bench, const char *section, const char *name)
{
    redisReply *reply = bench_command(bench, "INFO %s", section);
    double value = number_in(reply->str, name);
    freeReplyObject(reply);
    return value;
}

double bench_server_cpu_us(struct bench *bench)
{
    redisReply *reply = bench_command(bench, "INFO cpu");
    double seconds = number_in(reply->str, "used_cpu_user") + number_in(reply->str, "used_cpu_sys");
    freeReplyObject(reply);
    return seconds * 1e6;
}

/* --- streams --- */

void stream_name(const struct shared *shared, unsigned i, char out[STREAM_NAME_MAX])
{
    snprintf(out, STREAM_NAME_MAX, "weir-bench:%s:%u", shared->run, i);
}

void bench_stream_name(struct bench *bench, char out[STREAM_NAME_MAX])
{
    stream_name(bench->shared, atomic_fetch_add(&bench->shared->n_streams, 1), out);
}

void drop_stream(redisContext *context, const char *stream)
{
    redisReply *reply =
        redisCommand(context, "DEL %s {%s}:delayed {%s}:delayed:jobs {%s}:dead", stream, stream, stream, stream);
    if (reply)
        freeReplyObject(reply);
}

void bench_drop(struct bench *bench, const char *stream)
{
    drop_stream(bench->control, stream);
}

/* --- measuring --- */

void meter_start(struct meter *meter, struct bench *bench, uint64_t jobs)
{
    meter->jobs = jobs;
    meter->server_us = bench_server_cpu_us(bench);
    meter->client_us = cpu_self_us();
    meter->started_ns = now_ns();
}

struct cost meter_stop(const struct meter *meter, struct bench *bench)
{
    struct cost cost = {.jobs = meter->jobs, .seconds = (double)(now_ns() - meter->started_ns) / 1e9};
    cost.client_us = cpu_self_us() - meter->client_us;
    cost.server_us = bench_server_cpu_us(bench) - meter->server_us;
    return cost;
}

void tally_add(struct tally *tally, struct cost cost)
{
    double jobs = (double)cost.jobs;
    tally->jobs = cost.jobs;
    series_add(&tally->per_s, jobs / cost.seconds);
    series_add(&tally->client_us, cost.client_us / jobs);
    series_add(&tally->server_us, cost.server_us / jobs);
}

void bench_compare(struct bench *bench, struct comparison *comparison)
{
    const struct comparison *c = comparison;
    report_fact_number(bench->report, NULL, "jobs", (double)c->jobs);
    report_fact_number(bench->report, NULL, "runs", (double)c->runs);
    uint64_t warm_up = c->jobs / 10 ? c->jobs / 10 : 1;
    c->run(bench, c->context, 0, true, warm_up);
    c->run(bench, c->context, 0, false, warm_up);
    for (uint64_t run = 0; run < c->runs; run++)
        for (size_t i = 0; i < c->n_cases; i++) {
            tally_add(&c->reference[i], c->run(bench, c->context, i, true, c->jobs));
            tally_add(&c->weir[i], c->run(bench, c->context, i, false, c->jobs));
        }
    for (size_t i = 0; i < c->n_cases; i++) {
        report_row(bench->report);
        c->row(bench, c->context, i);
        report_figure(bench->report, "reference_per_s", &c->reference[i].per_s);
        report_figure(bench->report, "weir_per_s", &c->weir[i].per_s);
        report_ratio(bench->report, "ratio", &c->weir[i].per_s, &c->reference[i].per_s);
        report_figure(bench->report, "reference_cpu_us", &c->reference[i].client_us);
        report_figure(bench->report, "weir_cpu_us", &c->weir[i].client_us);
        report_ratio(bench->report, "cpu_ratio", &c->weir[i].client_us, &c->reference[i].client_us);
        report_figure(bench->report, "reference_server_cpu_us", &c->reference[i].server_us);
        report_figure(bench->report, "weir_server_cpu_us", &c->weir[i].server_us);
        report_ratio(bench->report, "server_cpu_ratio", &c->weir[i].server_us, &c->reference[i].server_us);
        if (c->more)
            c->more(bench, c->context, i, c->weir);
    }
}

void must(weir_status status, const weir_error *err, const char *what)
{
    if (status == WEIR_OK)
        return;
    die("%s: %s: %s%s%s", what, weir_status_name(status), err->message, err->server[0] ? ": " : "", err->server);
}
