/* SPDX-License-Identifier: MIT */
#include "results.h"
#include "server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct results {
    char *url;
    redisContext *context; /* NULL where not connected */
    char reason[256];
};

struct argument {
    const char *bytes;
    size_t n;
};

static struct argument text(const char *text)
{
    return (struct argument){text, strlen(text)};
}

struct results *results_open(const char *url)
{
    struct results *results = calloc(1, sizeof *results);
    if (results != NULL && (results->url = strdup(url)) == NULL) {
        free(results);
        return NULL;
    }
    return results;
}

static void disconnect(struct results *results)
{
    redisFree(results->context);
    results->context = NULL;
}

void results_close(struct results *results)
{
    if (results == NULL)
        return;
    disconnect(results);
    free(results->url);
    free(results);
}

const char *results_reason(const struct results *results)
{
    return results->reason;
}

/* Runs one command. NULL, with the reason noted, where there is no answer, an error, or one of another type. */
static redisReply *ask(struct results *results, int type, const struct argument *arguments, int n)
{
    const char *argv[8];
    size_t lengths[8];
    for (int i = 0; i < n; i++) {
        argv[i] = arguments[i].bytes;
        lengths[i] = arguments[i].n;
    }

    if (results->context == NULL)
        results->context = server_connect(results->url, results->reason, sizeof results->reason);
    if (results->context == NULL)
        return NULL;

    redisReply *reply = redisCommandArgv(results->context, n, argv, lengths);
    if (reply == NULL) {
        snprintf(results->reason, sizeof results->reason, "%s", results->context->errstr);
        disconnect(results);
        return NULL;
    }
    if (reply->type != type) {
        snprintf(results->reason, sizeof results->reason, "%s",
                 reply->type == REDIS_REPLY_ERROR ? reply->str : "Redis gave an answer of another kind than expected");
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

/* ask, for commands that answer with a number. */
static bool ask_number(struct results *results, const struct argument *arguments, int n, uint64_t *ret)
{
    redisReply *reply = ask(results, REDIS_REPLY_INTEGER, arguments, n);
    if (reply == NULL)
        return false;
    if (ret != NULL)
        *ret = (uint64_t)reply->integer;
    freeReplyObject(reply);
    return true;
}

bool results_create(struct results *results, const char *run)
{
    struct argument command[] = {text("HSETNX"), text(run), text(""), text("0")};
    uint64_t created = 0;
    if (!ask_number(results, command, 4, &created))
        return false;
    if (created == 0)
        snprintf(results->reason, sizeof results->reason, "a run of this name exists already");
    return created == 1;
}

/* Runs a command that writes a field, if the run still exists: both in one step. */
static bool write_field(struct results *results, const char *run, const char *command, struct argument field,
                        const char *value)
{
    static const char script[] = "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end "
                                 "redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3]) return 1";
    struct argument eval[] = {text("EVAL"), text(script), text("1"), text(run), text(command), field, text(value)};
    return ask_number(results, eval, 7, NULL);
}

bool results_store(struct results *results, const char *run, const char *path, size_t path_len,
                   const struct counts *counts)
{
    char value[80];
    snprintf(value, sizeof value, "%" PRIu64 " %" PRIu64 " %" PRIu64, counts->lines, counts->words, counts->bytes);
    return write_field(results, run, "HSET", (struct argument){path, path_len}, value);
}

bool results_note_rerun(struct results *results, const char *run)
{
    return write_field(results, run, "HINCRBY", text(""), "1");
}

bool results_has(struct results *results, const char *run, const char *path, size_t path_len, bool *ret)
{
    struct argument command[] = {text("HEXISTS"), text(run), {path, path_len}};
    uint64_t exists = 0;
    if (!ask_number(results, command, 3, &exists))
        return false;
    *ret = exists == 1;
    return true;
}

bool results_progress(struct results *results, const char *run, uint64_t *ret_done, uint64_t *ret_reruns)
{
    struct argument count[] = {text("HLEN"), text(run)};
    struct argument reruns[] = {text("HGET"), text(run), text("")};
    uint64_t fields = 0;

    if (!ask_number(results, count, 2, &fields))
        return false;
    if (fields == 0) {
        snprintf(results->reason, sizeof results->reason, "the results of this run are gone");
        return false;
    }
    redisReply *reply = ask(results, REDIS_REPLY_STRING, reruns, 3);
    if (reply == NULL)
        return false;
    *ret_done = fields - 1;
    *ret_reruns = strtoull(reply->str, NULL, 10);
    freeReplyObject(reply);
    return true;
}

static bool read_counts(const redisReply *value, struct counts *ret)
{
    return value->type == REDIS_REPLY_STRING &&
           sscanf(value->str, "%" SCNu64 " %" SCNu64 " %" SCNu64, &ret->lines, &ret->words, &ret->bytes) == 3;
}

/* Adds up one page of the scan: pairs of path and counts. */
static bool add_page(const redisReply *page, struct counts *sum, uint64_t *files)
{
    for (size_t i = 0; i + 1 < page->elements; i += 2) {
        struct counts counts;
        if (page->element[i]->len == 0)
            continue; /* the reruns */
        if (!read_counts(page->element[i + 1], &counts))
            return false;
        sum->lines += counts.lines;
        sum->words += counts.words;
        sum->bytes += counts.bytes;
        ++*files;
    }
    return true;
}

/* HSCAN gives each field exactly once here: the hash has only ever grown, and is complete. */
bool results_sum(struct results *results, const char *run, struct counts *ret_sum, uint64_t *ret_files)
{
    struct counts sum = {0};
    uint64_t files = 0;
    char cursor[24] = "0";

    do {
        struct argument command[] = {text("HSCAN"), text(run), text(cursor), text("COUNT"), text("1000")};
        redisReply *reply = ask(results, REDIS_REPLY_ARRAY, command, 5);
        if (reply == NULL)
            return false;
        bool good = reply->elements == 2 && reply->element[0]->type == REDIS_REPLY_STRING &&
                    reply->element[0]->len < sizeof cursor && add_page(reply->element[1], &sum, &files);
        if (good)
            memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);
        else
            snprintf(results->reason, sizeof results->reason, "%s has something that isn't a result", run);
        freeReplyObject(reply);
        if (!good)
            return false;
    } while (strcmp(cursor, "0") != 0);

    *ret_sum = sum;
    *ret_files = files;
    return true;
}

bool results_delete(struct results *results, const char *name)
{
    struct argument command[] = {text("UNLINK"), text(name)};
    return ask_number(results, command, 2, NULL);
}
