/* SPDX-License-Identifier: MIT */
#include "bare.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    BEST_BATCH = 512,
    RECEIVE = 64 * 1024,
    ID_MAX = 48, /* "$41\r\n" and an entry id */
};

/* Bytes to send. */
struct outgoing {
    char *bytes;
    size_t len, sent, capacity;
};

static void append(struct outgoing *out, const char *bytes, size_t len)
{
    if (out->sent == out->len)
        out->sent = out->len = 0;
    if (out->len + len > out->capacity) {
        out->capacity = 2 * (out->len + len);
        out->bytes = realloc(out->bytes, out->capacity);
        if (!out->bytes)
            die("no memory for %zu bytes of commands", out->capacity);
    }
    memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
}

/* As much as the socket takes. */
static void send_some(redisContext *context, struct outgoing *out)
{
    while (out->sent < out->len) {
        ssize_t n = send(context->fd, out->bytes + out->sent, out->len - out->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            die("the server is gone: %s", strerror(errno));
        out->sent += (size_t)n;
    }
}

/* The next reply, sending meanwhile. Free with freeReplyObject. */
static redisReply *next_reply(redisContext *context, struct outgoing *out)
{
    static char bytes[RECEIVE];
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(context->reader, &reply) != REDIS_OK)
            die("the server's answer can't be read: %s", context->reader->errstr);
        if (reply && ((redisReply *)reply)->type == REDIS_REPLY_ERROR)
            die("the server says: %s", ((redisReply *)reply)->str);
        if (reply)
            return reply;
        send_some(context, out);
        if (out->sent < out->len) {
            struct pollfd fd = {.fd = context->fd, .events = POLLIN | POLLOUT};
            poll(&fd, 1, -1);
            if (!(fd.revents & POLLIN))
                continue;
        }
        ssize_t n = recv(context->fd, bytes, sizeof bytes, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            die("the server is gone: %s", n == 0 ? "it closed the connection" : strerror(errno));
        if (redisReaderFeed(context->reader, bytes, (size_t)n) != REDIS_OK)
            die("no memory for the server's answer");
    }
}

struct cost bare_enqueue(struct bench *bench, const struct job_template *job, const char *stream, uint64_t jobs,
                         uint64_t batch)
{
    if (batch == 0)
        batch = BEST_BATCH;
    size_t len;
    char *command = job_command(job, stream, &len), *commands = must_alloc(len * batch);
    for (uint64_t i = 0; i < batch; i++)
        memcpy(commands + i * len, command, len);
    redisContext *context = bench_connect(bench);
    struct outgoing out = {0};

    struct meter meter;
    meter_start(&meter, bench, jobs);
    uint64_t sent = 0;
    for (uint64_t answered = 0; answered < jobs; answered++) {
        if (sent < jobs && sent - answered <= batch) { /* one batch is being answered: the next is to be there */
            uint64_t n = jobs - sent < batch ? jobs - sent : batch;
            append(&out, commands, n * len);
            sent += n;
            send_some(context, &out);
        }
        freeReplyObject(next_reply(context, &out));
    }
    struct cost cost = meter_stop(&meter, bench);
    free(out.bytes);
    free(command);
    free(commands);
    redisFree(context);
    return cost;
}

/* The entries of XREADGROUP's answer, [[stream, [[id, fields], …]]]; NULL for none. */
static const redisReply *entries_of(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_NIL)
        return NULL;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 || reply->element[0]->elements != 2)
        die("XREADGROUP: the server's answer is no list of entries");
    return reply->element[0]->element[1];
}

/* "$15\r\n1700000000000-0\r\n" */
static size_t format_argument(char *out, const char *bytes, size_t len)
{
    size_t n = 0;
    out[n++] = '$';
    if (len >= 10)
        out[n++] = (char)('0' + len / 10);
    out[n++] = (char)('0' + len % 10);
    out[n++] = '\r';
    out[n++] = '\n';
    memcpy(out + n, bytes, len);
    n += len;
    out[n++] = '\r';
    out[n++] = '\n';
    return n;
}

static void append_ack(struct outgoing *out, const char *stream, const redisReply *entries)
{
    char head[STREAM_NAME_MAX + 64], id[ID_MAX];
    int head_len = snprintf(head, sizeof head, "*%zu\r\n$4\r\nXACK\r\n$%zu\r\n%s\r\n$5\r\nbench\r\n",
                            3 + entries->elements, strlen(stream), stream);
    append(out, head, (size_t)head_len);
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry_id = entries->element[i]->element[0];
        append(out, id, format_argument(id, entry_id->str, (size_t)entry_id->len));
    }
}

/* The reading loop. */
struct reading {
    redisContext *context;
    const char *stream;
    struct bare_reads reads;
    char *read, *blocking_read; /* commands */
    size_t read_len, blocking_read_len;
    struct outgoing out;
    uint64_t jobs, got, unacked;
    unsigned pending; /* reads that are not answered yet */
    bool backlog;     /* the last one was answered in full */
};

static void ask(struct reading *reading)
{
    while (reading->backlog && reading->pending < reading->reads.outstanding &&
           reading->got + reading->pending * reading->reads.count < reading->jobs) {
        append(&reading->out, reading->read, reading->read_len);
        reading->pending++;
    }
    if (reading->pending == 0 && reading->got < reading->jobs) {
        append(&reading->out, reading->blocking_read, reading->blocking_read_len);
        reading->pending++;
    }
}

static void take(struct reading *reading, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_INTEGER) { /* to an ack: a read's answer is an array, or nil */
        reading->unacked -= (uint64_t)reply->integer;
        return;
    }
    const redisReply *entries = entries_of(reply);
    uint64_t n = entries ? entries->elements : 0;
    reading->pending--;
    reading->got += n;
    reading->unacked += n;
    reading->backlog = n == reading->reads.count;
    if (!reading->backlog && !reading->reads.live && reading->got < reading->jobs && reading->pending == 0)
        die("%llu jobs were to be read, and the stream has %llu", (unsigned long long)reading->jobs,
            (unsigned long long)reading->got);
    if (n > 0)
        append_ack(&reading->out, reading->stream, entries);
    ask(reading);
    send_some(reading->context, &reading->out);
}

struct cost bare_consume(struct bench *bench, const char *stream, uint64_t jobs, struct bare_reads reads)
{
    struct reading reading = {
        .context = bench_connect(bench), .stream = stream, .reads = reads, .jobs = jobs, .backlog = true};
    reading.read_len = (size_t)redisFormatCommand(&reading.read, "XREADGROUP GROUP bench bare COUNT %llu STREAMS %s >",
                                                  (unsigned long long)reads.count, stream);
    reading.blocking_read_len = (size_t)redisFormatCommand(
        &reading.blocking_read, "XREADGROUP GROUP bench bare COUNT %llu BLOCK 2000 STREAMS %s >",
        (unsigned long long)reads.count, stream);

    struct meter meter;
    meter_start(&meter, bench, jobs);
    ask(&reading);
    while (reading.got < jobs || reading.unacked > 0) {
        redisReply *reply = next_reply(reading.context, &reading.out);
        take(&reading, reply);
        freeReplyObject(reply);
    }
    struct cost cost = meter_stop(&meter, bench);
    free(reading.out.bytes);
    redisFreeCommand(reading.read);
    redisFreeCommand(reading.blocking_read);
    redisFree(reading.context);
    return cost;
}

/* The best of several ways to read on this machine, each tried a few times. */
static struct bare_reads tune(struct bench *bench, const struct job_template *job, uint64_t jobs)
{
    static const struct bare_reads ways[] = {{2, 64, false},  {2, 128, false}, {2, 256, false}, {2, 512, false},
                                             {3, 128, false}, {3, 256, false}, {4, 64, false}};
    enum { N_WAYS = sizeof ways / sizeof *ways, ROUNDS = 3 };
    struct series seconds[N_WAYS] = {0};
    char stream[STREAM_NAME_MAX];
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < N_WAYS; i++) {
            stream_with_jobs(bench, job, jobs, stream);
            series_add(&seconds[i], bare_consume(bench, stream, jobs, ways[i]).seconds);
            bench_drop(bench, stream);
        }
    size_t best = 0;
    for (size_t i = 1; i < N_WAYS; i++)
        if (series_spread(&seconds[i]).median < series_spread(&seconds[best]).median)
            best = i;
    return ways[best];
}

struct bare_reads bare_reads_for(struct bench *bench, const struct job_template *job)
{
    const struct options *options = &bench->options;
    struct bare_reads reads = {.outstanding = 2, .count = options->batch ? options->batch : 256};
    if (options->batch == 0 && !options->quick)
        reads = tune(bench, job, 50000);
    report_note(bench->report, "reference: %u reads of %llu outstanding", reads.outstanding,
                (unsigned long long)reads.count);
    return reads;
}
