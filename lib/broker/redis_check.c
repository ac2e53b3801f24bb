/* SPDX-License-Identifier: MIT
 *
 * What weir_check asks the server, and in which order.
 *
 * First the server itself, which is of interest also where the queue doesn't exist yet; then the types of the queue's
 * keys, since everything else would fail on a key of another type; then groups and consumers; then the delayed set.
 * check.c says what follows from it.
 *
 * What must stay true:
 *   - nothing is changed unless repairing was asked for;
 *   - whatever belongs together is asked for in one step, by a script, so that a queue at work yields no false
 * findings;
 *   - that CONFIG is denied, as it should be, is no failure.
 */
#include "base/error.h"
#include "broker/check.h"
#include "broker/redis_session.h"
#include "scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 300 };     /* delayed jobs that a script looks at in one go */
enum { SUSPECTS = 100 }; /* a job that is never finished is soon among the first that are pending */

struct check {
    struct redis_session *session;
    const weir_check_options *options;
    struct weir_findings findings;
    int64_t now_ms;        /* the server's */
    int64_t paused_for_ms; /* −1: it is not */
    bool has_stream, has_delayed, has_jobs, has_dead;
};

static void append(struct check *check, size_t n, const char *const *words, const struct weir_key *key)
{
    struct weir_buffer *out = weir_connection_out(check->session->connection);
    weir_command_begin(out, n + (key ? 1 : 0));
    for (size_t i = 0; i < n; i++)
        weir_command_text(out, words[i]);
    if (key)
        redis_key(out, key);
}

/* One command: its words, then the key where there is one. The reply lies in scratch, which is emptied first. */
static weir_status ask(struct check *check, const char *name, size_t n, const char *const *words,
                       const struct weir_key *key, struct weir_reply **ret, weir_error *err)
{
    weir_status status = redis_begin(check->session, err);
    if (status != WEIR_OK)
        return status;
    append(check, n, words, key);
    return redis_exchange(check->session, name, ret, err);
}

#define ASK(check, name, key, ret, err, ...)                                                                           \
    ask(check, name, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__},  \
        key, ret, err)

/* --- the server --- */

/* One setting; *ret "" where the user may not ask, or the server has no such command. */
static weir_status ask_setting(struct check *check, const char *name, char *ret, size_t size, bool *denied,
                               weir_error *err)
{
    struct weir_reply *reply;
    ret[0] = '\0';
    weir_status status = ASK(check, "CONFIG GET", NULL, &reply, err, "CONFIG", "GET", name);
    if (status == WEIR_ERR_PERMISSION || status == WEIR_ERR_UNSUPPORTED || status == WEIR_ERR_SERVER) {
        *denied = true;
        return WEIR_OK;
    }
    if (status != WEIR_OK)
        return status;
    if (weir_reply_is_array(reply, 2) && weir_reply_is_text(&reply->items[1]))
        snprintf(ret, size, "%s", reply->items[1].text);
    else
        *denied = true; /* some services hide what they don't want to be asked */
    return WEIR_OK;
}

static weir_status check_server(struct check *check, weir_error *err)
{
    struct weir_server_facts facts = {.snapshots = -1, .min_replicas = -1};
    struct weir_reply *reply;
    weir_status status = ASK(check, "INFO", NULL, &reply, err, "INFO");
    if (status != WEIR_OK)
        return status;
    if (!weir_reply_is_text(reply))
        return redis_surprise(check->session, "INFO", err);
    weir_read_info(reply->text, &facts);

    char save[64], fsync[16], replicas[16];
    status = ask_setting(check, "save", save, sizeof save, &facts.config_denied, err);
    if (status == WEIR_OK)
        status = ask_setting(check, "appendfsync", fsync, sizeof fsync, &facts.config_denied, err);
    if (status == WEIR_OK)
        status = ask_setting(check, "min-replicas-to-write", replicas, sizeof replicas, &facts.config_denied, err);
    if (status != WEIR_OK)
        return status;
    if (!facts.config_denied) {
        facts.snapshots = save[0] != '\0';
        facts.min_replicas = atoi(replicas);
        memcpy(facts.fsync, fsync, sizeof facts.fsync);
    }
    weir_judge_server(&facts, &check->findings);
    return WEIR_OK;
}

/* --- keys --- */

static weir_status check_type(struct check *check, const struct weir_key *key, const char *expected, bool *ret_good,
                              weir_error *err)
{
    struct weir_reply *reply;
    weir_status status = ASK(check, "TYPE", key, &reply, err, "TYPE");
    if (status != WEIR_OK)
        return status;
    if (!weir_reply_is_text(reply))
        return redis_surprise(check->session, "TYPE", err);
    bool none = strcmp(reply->text, "none") == 0;
    *ret_good = strcmp(reply->text, expected) == 0;
    if (!none && !*ret_good)
        weir_judge_type(key->bytes, expected, reply->text, &check->findings);
    return WEIR_OK;
}

static weir_status check_types(struct check *check, weir_error *err)
{
    const struct weir_keys *keys = check->session->keys;
    weir_status status = check_type(check, &keys->stream, "stream", &check->has_stream, err);
    if (status == WEIR_OK)
        status = check_type(check, &keys->delayed, "zset", &check->has_delayed, err);
    if (status == WEIR_OK)
        status = check_type(check, &keys->delayed_jobs, "hash", &check->has_jobs, err);
    if (status == WEIR_OK)
        status = check_type(check, &keys->dead, "stream", &check->has_dead, err);
    return status;
}

/* --- groups --- */

/* A field of the flat map that XINFO answers with; NULL where it is missing. */
static const struct weir_reply *field(const struct weir_reply *map, const char *name)
{
    for (size_t i = 0; map->kind == WEIR_REPLY_ARRAY && i + 1 < map->len; i += 2)
        if (weir_reply_is_text(&map->items[i]) && strcmp(map->items[i].text, name) == 0)
            return &map->items[i + 1];
    return NULL;
}

static int64_t number(const struct weir_reply *map, const char *name, int64_t otherwise)
{
    const struct weir_reply *found = field(map, name);
    return found && found->kind == WEIR_REPLY_INTEGER && found->integer >= 0 ? found->integer : otherwise;
}

static weir_status look_at_consumers(struct check *check, const char *group, struct weir_group_facts *facts,
                                     weir_error *err)
{
    struct redis_session *session = check->session;
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 4);
    weir_command_text(out, "XINFO");
    weir_command_text(out, "CONSUMERS");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, group);
    struct weir_reply *reply;
    status = redis_exchange(session, "XINFO CONSUMERS", &reply, err);
    if (status != WEIR_OK)
        return status;
    facts->abandoned_since_ms = INT64_MAX;
    for (size_t i = 0; reply->kind == WEIR_REPLY_ARRAY && i < reply->len; i++) {
        int64_t idle_ms = number(&reply->items[i], "idle", 0);
        facts->consumers++;
        if (idle_ms < check->options->stale_ms) {
            facts->live++;
            continue;
        }
        uint64_t pending = (uint64_t)number(&reply->items[i], "pending", 0);
        facts->abandoned += pending;
        if (pending > 0 && idle_ms < facts->abandoned_since_ms)
            facts->abandoned_since_ms = idle_ms;
    }
    return WEIR_OK;
}

/* Whether there is an entry behind `last`: also where the server counts no lag. */
static weir_status look_behind(struct check *check, const char *last, struct weir_group_facts *facts, weir_error *err)
{
    char from[WEIR_ENTRY_ID_SIZE + 1];
    snprintf(from, sizeof from, "(%s", last);
    struct redis_session *session = check->session;
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 6);
    weir_command_text(out, "XRANGE");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, from);
    weir_command_text(out, "+");
    weir_command_text(out, "COUNT");
    weir_command_text(out, "1");
    struct weir_reply *reply;
    status = redis_exchange(session, "XRANGE", &reply, err);
    if (status != WEIR_OK || !weir_reply_is_array(reply, 1))
        return status;
    const struct weir_reply *entry = &reply->items[0];
    struct weir_entry_id id;
    facts->unread = true;
    if (weir_reply_is_array(entry, 2) && weir_reply_is_text(&entry->items[0]) &&
        weir_entry_id_parse(entry->items[0].text, entry->items[0].len, &id))
        facts->unread_for_ms = weir_age_ms(check->now_ms, id.ms);
    return WEIR_OK;
}

/* Of the first that are pending, the one that was handed out most often; `id` keeps its name. */
static weir_status look_for_poison(struct check *check, struct weir_group_facts *facts, char id[WEIR_ENTRY_ID_SIZE],
                                   weir_error *err)
{
    struct redis_session *session = check->session;
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 6);
    weir_command_text(out, "XPENDING");
    redis_key(out, &session->keys->stream);
    weir_command_text(out, facts->name);
    weir_command_text(out, "-");
    weir_command_text(out, "+");
    weir_command_i64(out, SUSPECTS);
    struct weir_reply *reply;
    status = redis_exchange(session, "XPENDING", &reply, err);
    for (size_t i = 0; status == WEIR_OK && reply->kind == WEIR_REPLY_ARRAY && i < reply->len; i++) {
        const struct weir_reply *entry = &reply->items[i];
        if (!weir_reply_is_array(entry, 4) || !weir_reply_is_text(&entry->items[0]) ||
            entry->items[3].kind != WEIR_REPLY_INTEGER || entry->items[3].integer <= facts->most_deliveries)
            continue;
        facts->most_deliveries = entry->items[3].integer;
        facts->most_delivered_id = id;
        snprintf(id, WEIR_ENTRY_ID_SIZE, "%s", entry->items[0].text);
    }
    return status;
}

/* Of the groups, what is needed after the reply to XINFO GROUPS is gone. */
struct group {
    char *name;
    char last[WEIR_ENTRY_ID_SIZE];
    int64_t pending, lag;
};

static weir_status list_groups(struct check *check, struct group **ret, size_t *ret_n, weir_error *err)
{
    struct weir_reply *reply;
    *ret = NULL;
    *ret_n = 0;
    weir_status status = ASK(check, "XINFO GROUPS", &check->session->keys->stream, &reply, err, "XINFO", "GROUPS");
    if (status != WEIR_OK)
        return status;
    if (reply->kind != WEIR_REPLY_ARRAY)
        return redis_surprise(check->session, "XINFO GROUPS", err);
    struct group *groups = calloc(reply->len ? reply->len : 1, sizeof *groups);
    if (!groups)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the groups");
    for (size_t i = 0; i < reply->len; i++) {
        const struct weir_reply *name = field(&reply->items[i], "name");
        const struct weir_reply *last = field(&reply->items[i], "last-delivered-id");
        if (!name || !last || !weir_reply_is_text(name) || !weir_reply_is_text(last) ||
            last->len >= sizeof groups->last)
            continue; /* not what a server says */
        struct group *group = &groups[*ret_n];
        group->name = strdup(name->text);
        if (!group->name)
            break;
        snprintf(group->last, sizeof group->last, "%s", last->text);
        group->pending = number(&reply->items[i], "pending", 0);
        group->lag = number(&reply->items[i], "lag", -1);
        ++*ret_n;
    }
    *ret = groups;
    return WEIR_OK;
}

static weir_status check_groups(struct check *check, uint64_t *ret_n, weir_error *err)
{
    struct group *groups;
    size_t n;
    weir_status status = list_groups(check, &groups, &n, err);
    *ret_n = n;
    for (size_t i = 0; i < n; i++) {
        char suspect[WEIR_ENTRY_ID_SIZE];
        struct weir_group_facts facts = {
            .name = groups[i].name,
            .lag = groups[i].lag,
            .pending = (uint64_t)groups[i].pending,
            .paused = check->paused_for_ms >= 0,
            .patience_ms = check->options->stale_ms,
        };
        if (status == WEIR_OK)
            status = look_at_consumers(check, groups[i].name, &facts, err);
        if (status == WEIR_OK)
            status = look_behind(check, groups[i].last, &facts, err);
        if (status == WEIR_OK && facts.pending > 0)
            status = look_for_poison(check, &facts, suspect, err);
        if (status == WEIR_ERR_NO_GROUP)
            status = WEIR_OK; /* deleted meanwhile */
        else if (status == WEIR_OK)
            weir_judge_group(&facts, &check->findings);
        free(groups[i].name);
    }
    free(groups);
    return status;
}

/* --- the queue --- */

static weir_status count(struct check *check, const char *command, const struct weir_key *key, uint64_t *ret,
                         weir_error *err)
{
    struct weir_reply *reply;
    weir_status status = ASK(check, command, key, &reply, err, command);
    if (status != WEIR_OK)
        return status;
    if (reply->kind != WEIR_REPLY_INTEGER || reply->integer < 0)
        return redis_surprise(check->session, command, err);
    *ret = (uint64_t)reply->integer;
    return WEIR_OK;
}

static weir_status ask_time(struct check *check, weir_error *err)
{
    struct weir_reply *reply;
    weir_status status = ASK(check, "TIME", NULL, &reply, err, "TIME");
    if (status != WEIR_OK)
        return status;
    if (!weir_reply_is_array(reply, 2) || !weir_reply_is_text(&reply->items[0]) ||
        !weir_reply_is_text(&reply->items[1]))
        return redis_surprise(check->session, "TIME", err);
    check->now_ms =
        (int64_t)strtoll(reply->items[0].text, NULL, 10) * 1000 + strtoll(reply->items[1].text, NULL, 10) / 1000;
    return WEIR_OK;
}

static weir_status look_for_overdue(struct check *check, struct weir_queue_facts *facts, weir_error *err)
{
    struct redis_session *session = check->session;
    const struct weir_key *delayed = &session->keys->delayed;
    weir_status status = count(check, "ZCARD", delayed, &facts->delayed, err);
    if (status == WEIR_OK)
        status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 4);
    weir_command_text(out, "ZCOUNT");
    redis_key(out, delayed);
    weir_command_text(out, "-inf");
    weir_command_i64(out, check->now_ms - check->options->stale_ms);
    weir_command_begin(out, 5);
    weir_command_text(out, "ZRANGE");
    redis_key(out, delayed);
    weir_command_text(out, "0");
    weir_command_text(out, "0");
    weir_command_text(out, "WITHSCORES");
    struct weir_reply *overdue, *first;
    status = redis_exchange(session, "ZCOUNT", &overdue, err);
    if (status != WEIR_OK)
        return status;
    status = redis_exchange(session, "ZRANGE", &first, err);
    if (status != WEIR_OK)
        return status;
    if (overdue->kind != WEIR_REPLY_INTEGER || overdue->integer < 0)
        return redis_surprise(session, "ZCOUNT", err);
    facts->overdue = (uint64_t)overdue->integer;
    if (weir_reply_is_array(first, 2) && weir_reply_is_text(&first->items[1])) {
        double due_ms = strtod(first->items[1].text, NULL);
        double by_ms = (double)check->now_ms - due_ms;
        facts->overdue_by_ms = by_ms > 0 && by_ms < 9e15 ? (int64_t)by_ms : 0;
    }
    return WEIR_OK;
}

/* Goes through all delayed jobs, or all due times, for what has lost its other half. */
static weir_status look_for_strays(struct check *check, const char *which, uint64_t *ret_strays, uint64_t *ret_repaired,
                                   weir_error *err)
{
    struct redis_session *session = check->session;
    const struct weir_keys *keys = session->keys;
    char cursor[32] = "0";
    do {
        weir_status status = redis_begin(session, err);
        if (status != WEIR_OK)
            return status;
        redis_key(&session->arguments, &keys->delayed);
        redis_key(&session->arguments, &keys->delayed_jobs);
        redis_key(&session->arguments, &keys->dead);
        weir_command_text(&session->arguments, which);
        weir_command_text(&session->arguments, cursor);
        weir_command_i64(&session->arguments, PAGE);
        weir_command_text(&session->arguments, check->options->repair ? "1" : "0");
        struct weir_reply *reply;
        status = redis_script(session, &weir_script_strays, 3, 4, &reply, err);
        if (status == WEIR_ERR_PERMISSION)
            redis_explain_denial(session, REDIS_CHECKS | (check->options->repair ? REDIS_REPAIRS : 0), err);
        if (status != WEIR_OK)
            return status;
        if (!weir_reply_is_array(reply, 3) || !weir_reply_is_text(&reply->items[0]) ||
            reply->items[1].kind != WEIR_REPLY_INTEGER || reply->items[2].kind != WEIR_REPLY_INTEGER ||
            reply->items[0].len >= sizeof cursor)
            return redis_surprise(session, "strays", err);
        snprintf(cursor, sizeof cursor, "%s", reply->items[0].text);
        *ret_strays += (uint64_t)reply->items[1].integer;
        *ret_repaired += (uint64_t)reply->items[2].integer;
    } while (strcmp(cursor, "0") != 0);
    return WEIR_OK;
}

static weir_status look_for_pause(struct check *check, weir_error *err)
{
    struct weir_reply *reply;
    weir_status status = ASK(check, "GET", &check->session->keys->paused, &reply, err, "GET");
    if (status != WEIR_OK || !weir_reply_is_text(reply))
        return status;
    int64_t since_ms = weir_paused_since_ms(reply->text, reply->len);
    check->paused_for_ms = since_ms > 0 && since_ms <= check->now_ms ? check->now_ms - since_ms : 0;
    return WEIR_OK;
}

static weir_status check_queue(struct check *check, weir_error *err)
{
    const struct weir_keys *keys = check->session->keys;
    struct weir_queue_facts facts = {0};
    uint64_t none = 0;
    weir_status status = ask_time(check, err);
    if (status == WEIR_OK)
        status = look_for_pause(check, err);
    facts.paused_for_ms = check->paused_for_ms;
    if (status == WEIR_OK)
        weir_judge_pause(&facts, &check->findings);
    if (status == WEIR_OK && check->has_stream)
        status = count(check, "XLEN", &keys->stream, &facts.entries, err);
    if (status == WEIR_OK && check->has_stream)
        status = check_groups(check, &facts.groups, err);
    if (status == WEIR_OK && check->has_delayed)
        status = look_for_overdue(check, &facts, err);
    if (status == WEIR_OK && check->has_jobs)
        status = look_for_strays(check, "jobs", &facts.orphans, &facts.repaired, err);
    check->has_dead |= facts.repaired > 0;
    if (status == WEIR_OK && check->has_delayed)
        status = look_for_strays(check, "members", &facts.no_payload, &none, err);
    if (status == WEIR_OK && check->has_dead)
        status = count(check, "XLEN", &keys->dead, &facts.dead, err);
    if (status == WEIR_OK)
        weir_judge_queue(&facts, &check->findings);
    return status;
}

weir_status redis_check_all(struct weir_session *base, const weir_check_options *options, size_t *ret_findings,
                            weir_error *err)
{
    struct check check = {
        .session = redis_session(base),
        .options = options,
        .findings = {.on_finding = options->on_finding, .user_data = options->user_data},
        .paused_for_ms = -1,
    };
    weir_status status = check_server(&check, err);
    if (status == WEIR_OK)
        status = check_types(&check, err);
    if (status == WEIR_OK)
        status = check_queue(&check, err);
    if (status == WEIR_OK && ret_findings)
        *ret_findings = check.findings.n;
    return status;
}
