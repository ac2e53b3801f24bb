/* SPDX-License-Identifier: MIT */
#include "feeder.h"

#include "config.h"
#include "support/wait.h"
#include "writer.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEED_MS = 10,
    ANSWER_MS = 1000,
    SLOW_ANSWER_US = 10000, /* for a single XADD */
    TOXICS_MAX = 64,
    TICK_MS = 5,
    USUAL_LATENESS_US = 1000,
    REPORT_US = 50000,
    NOTABLE_US = 2000,
};

struct toxic {
    char doing[16];
    size_t pad_len;
};

struct feeder {
    char socket[128];
    atomic_bool ending;
    pthread_t feeding, probing;
    redisContext *context; /* the feeding thread's */
    long n;

    pthread_mutex_t mutex; /* guards what follows */
    struct toxic toxics[TOXICS_MAX];
    size_t n_toxics;
};

/* --- enqueueing as another language would --- */

static redisContext *connect_to(const char *socket)
{
    struct timeval timeout = {.tv_sec = ANSWER_MS / 1000, .tv_usec = ANSWER_MS % 1000 * 1000};
    redisContext *context = redisConnectUnixWithTimeout(socket, timeout);
    if (context && (context->err || redisSetTimeout(context, timeout) != REDIS_OK)) {
        redisFree(context);
        context = NULL;
    }
    return context;
}

static redisReply *xadd(redisContext *context, const char *name, const struct toxic *job)
{
    const char *argv[] = {"XADD", CHAOS_STREAM, "*", "n", name, "do", job->doing, "pad", NULL};
    size_t lens[9];
    for (int i = 0; i < 8; i++)
        lens[i] = strlen(argv[i]);
    int argc = job->pad_len > 0 ? 9 : 7;
    char *pad = NULL;
    if (job->pad_len > 0) {
        pad = calloc(1, job->pad_len);
        argv[8] = pad;
        lens[8] = job->pad_len;
    }
    if (strcmp(job->doing, "odd") == 0) { /* fields of weir's own that are none */
        argv[7] = "weir.attempts";
        argv[8] = "many";
        lens[7] = strlen(argv[7]);
        lens[8] = strlen(argv[8]);
        argc = 9;
    }
    redisReply *reply = redisCommandArgv(context, argc, argv, lens);
    free(pad);
    return reply;
}

/* With what came of it in the history. False where the connection failed. */
static bool add(redisContext *context, const char *name, const struct toxic *job)
{
    history_say("intent %s 0 %s", name, job->doing);
    int64_t from_us = history_now_us();
    redisReply *reply = xadd(context, name, job);
    int64_t took_us = history_now_us() - from_us;
    if (took_us > SLOW_ANSWER_US && job->pad_len == 0)
        history_say("lost %" PRId64 " server", took_us);
    if (!reply) {
        history_say("doubt %s", name);
        return false;
    }
    if (reply->type == REDIS_REPLY_STRING)
        history_say("accepted %s %s", name, reply->str);
    else
        history_say("refused %s %.60s", name, reply->str ? reply->str : "?");
    freeReplyObject(reply);
    return true;
}

static struct toxic next_job(struct feeder *feeder)
{
    struct toxic job = {.doing = "done"};
    pthread_mutex_lock(&feeder->mutex);
    if (feeder->n_toxics > 0) {
        job = feeder->toxics[0];
        memmove(feeder->toxics, feeder->toxics + 1, --feeder->n_toxics * sizeof *feeder->toxics);
    }
    pthread_mutex_unlock(&feeder->mutex);
    return job;
}

static void *feed(void *argument)
{
    struct feeder *feeder = argument;
    while (!feeder->ending) {
        poll(NULL, 0, FEED_MS);
        if (!feeder->context)
            feeder->context = connect_to(feeder->socket);
        if (!feeder->context)
            continue;
        struct toxic job = next_job(feeder);
        char name[32];
        snprintf(name, sizeof name, "c-%ld", ++feeder->n);
        if (add(feeder->context, name, &job))
            continue;
        redisFree(feeder->context);
        feeder->context = NULL;
    }
    return NULL;
}

/* --- the machine --- */

/* Sleeps a little all the time, and notes how much longer that took than it should have. */
static void *probe(void *argument)
{
    struct feeder *feeder = argument;
    int64_t late_us = 0, reported_us = history_now_us();
    while (!feeder->ending) {
        int64_t from_us = history_now_us();
        poll(NULL, 0, TICK_MS);
        int64_t now_us = history_now_us();
        int64_t late_by_us = now_us - from_us - TICK_MS * 1000;
        if (late_by_us > USUAL_LATENESS_US)
            late_us += late_by_us;
        if (now_us - reported_us < REPORT_US)
            continue;
        if (late_us > NOTABLE_US)
            history_say("lost %" PRId64 " machine", late_us);
        late_us = 0;
        reported_us = now_us;
    }
    return NULL;
}

struct feeder *feeder_start(const char *socket)
{
    struct feeder *feeder = calloc(1, sizeof *feeder);
    if (!feeder || pthread_mutex_init(&feeder->mutex, NULL) != 0)
        test_die("no memory for a feeder");
    snprintf(feeder->socket, sizeof feeder->socket, "%s", socket);
    if (pthread_create(&feeder->feeding, NULL, feed, feeder) != 0 ||
        pthread_create(&feeder->probing, NULL, probe, feeder) != 0)
        test_die("no thread for a feeder");
    return feeder;
}

void feeder_stop(struct feeder *feeder)
{
    feeder->ending = true;
    pthread_join(feeder->feeding, NULL);
    pthread_join(feeder->probing, NULL);
    if (feeder->context)
        redisFree(feeder->context);
    pthread_mutex_destroy(&feeder->mutex);
    free(feeder);
}

void feeder_add_toxic(struct feeder *feeder, const char *doing, size_t pad_len)
{
    pthread_mutex_lock(&feeder->mutex);
    if (feeder->n_toxics < TOXICS_MAX) {
        struct toxic *toxic = &feeder->toxics[feeder->n_toxics++];
        snprintf(toxic->doing, sizeof toxic->doing, "%s", doing);
        toxic->pad_len = pad_len;
    }
    pthread_mutex_unlock(&feeder->mutex);
}

void feeder_add_tail(const char *socket, int n)
{
    redisContext *context = connect_to(socket);
    for (int i = 0; context && i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "tail-%d", i);
        add(context, name, &(struct toxic){.doing = "done"});
    }
    if (!context)
        test_die("the server can't be reached at the end");
    redisFree(context);
}
