/* SPDX-License-Identifier: MIT
 *
 * What a user may do: every command that weir sends, on the key it is sent for, in a form that changes nothing.
 *
 * A worker asks for all of its commands when it is opened, so that a server that is too old, or an access list that
 * denies one of them, is known before the first job is read, and by name. Producers and dead letters ask only when a
 * script was denied, since the server doesn't say which of its commands it was: who never delays a job need not be
 * allowed to.
 *
 * What must stay true:
 *   - the forms change nothing: ids that can't be, an idle time that nobody reaches, names that nobody has, or a
 * mistake that the server finds after it has looked at the access list and before it does anything;
 *   - the table has what the scripts use. A test runs each role's whole life with the access lists of the
 *     documentation, and compares what was used with what is allowed.
 */
#include "base/error.h"
#include "broker/redis_session.h"
#include "scripts.h"

#include <stdio.h>
#include <string.h>

/* Words of a row that stand for something else. */
static const char KEY[] = "(key)", GROUP[] = "(group)", CONSUMER[] = "(consumer)", NOBODY[] = "(nobody)";

/* Not the very last id: XREADGROUP takes that for ">". */
#define LAST "18446744073709551615-0"

enum which { NO_KEY, STREAM, DELAYED, DELAYED_JOBS, DEAD, ONCE, PAUSED };

enum { WORDS = 10 };

struct access {
    unsigned uses;
    enum which key;
    bool wrong; /* where it is allowed the server answers with an error */
    const char *words[WORDS];
};

enum {
    WORKS = REDIS_WORKS,
    DELAYS = REDIS_DELAYS,
    REPEATS = REDIS_REPEATS,
    REQUEUES = REDIS_REQUEUES,
    KEEPS = REDIS_KEEPS,
    DELETES = REDIS_DELETES,
    OLD = REDIS_IS_OLD,
    ADDS = REDIS_ADDS,
    CHECKS = REDIS_CHECKS,
    REPAIRS = REDIS_REPAIRS,
    LOOKS = REDIS_LOOKS,
    LISTS = REDIS_LISTS,
    RUNS = REDIS_RUNS,
    DROPS = REDIS_DROPS,
    PAUSES = REDIS_PAUSES,
    REAPS = REDIS_REAPS,
    CLEARS = REDIS_CLEARS,
};

static const struct access table[] = {
    {WORKS, STREAM, false, {"XREADGROUP", "GROUP", GROUP, CONSUMER, "COUNT", "1", "STREAMS", KEY, LAST}},
    {WORKS, STREAM, false, {"XACK", KEY, GROUP, "0-0"}},
    {WORKS, STREAM, false, {"XPENDING", KEY, GROUP}},
    {WORKS, STREAM, false, {"XCLAIM", KEY, GROUP, CONSUMER, "0", "0-0", "JUSTID"}},
    {WORKS, STREAM, false, {"XAUTOCLAIM", KEY, GROUP, CONSUMER, "9007199254740991", LAST, "COUNT", "1", "JUSTID"}},
    {WORKS | LOOKS, STREAM, false, {"XINFO", "GROUPS", KEY}},
    {WORKS, STREAM, false, {"XINFO", "CONSUMERS", KEY, GROUP}},
    {LOOKS | REAPS, STREAM, true, {"XINFO", "CONSUMERS", KEY, NOBODY}},
    {LOOKS, STREAM, true, {"XINFO", "STREAM", KEY}},
    {LOOKS, DEAD, true, {"XINFO", "STREAM", KEY}},
    {LOOKS, STREAM, true, {"XPENDING", KEY, NOBODY}},
    {REAPS, STREAM, true, {"XGROUP", "DELCONSUMER", KEY, NOBODY, NOBODY}},
    {LOOKS, STREAM, false, {"EXISTS", KEY}},
    {LOOKS, DEAD, false, {"EXISTS", KEY}},
    {WORKS, STREAM, false, {"XGROUP", "DELCONSUMER", KEY, GROUP, NOBODY}},
    {WORKS, STREAM, false, {"XTRIM", KEY, "MINID", "0-0"}},
    {WORKS | REQUEUES | ADDS | RUNS, STREAM, true, {"XADD", KEY, "x", "n", "v"}},
    {KEEPS, STREAM, false, {"XLEN", KEY}},
    {DELETES, STREAM, false, {"XDEL", KEY, "0-0"}},
    {OLD | LOOKS, STREAM, false, {"XRANGE", KEY, "0-0", "0-0"}},
    {WORKS | DELAYS | LOOKS | RUNS | PAUSES, NO_KEY, false, {"TIME"}},
    {WORKS | DELAYS, DELAYED, true, {"ZADD", KEY, "x", "x"}},
    {WORKS, PAUSED, false, {"EXISTS", KEY}},
    {LOOKS, PAUSED, false, {"GET", KEY}},
    {PAUSES, PAUSED, true, {"SET", KEY, "x", "NX", "XX"}},
    {LOOKS | LISTS, DELAYED, false, {"ZCARD", KEY}},
    {RUNS, DELAYED, false, {"ZSCORE", KEY, NOBODY}},
    {WORKS | LOOKS | LISTS | RUNS, DELAYED, false, {"ZRANGE", KEY, "0", "0"}},
    {WORKS, DELAYED, false, {"ZRANGEBYSCORE", KEY, "1", "0"}},
    {WORKS | DELAYS | RUNS | DROPS, DELAYED, false, {"ZREM", KEY, NOBODY}},
    {WORKS | DELAYS, DELAYED_JOBS, true, {"HSET", KEY, "a", "b", "c"}},
    {WORKS | CHECKS, DELAYED_JOBS, false, {"HEXISTS", KEY, NOBODY}},
    {WORKS | LISTS | RUNS, DELAYED_JOBS, false, {"HGET", KEY, NOBODY}},
    {WORKS | REPAIRS | RUNS | DROPS, DELAYED_JOBS, false, {"HDEL", KEY, NOBODY}},
    {WORKS | REPAIRS | RUNS, DEAD, true, {"XADD", KEY, "x", "n", "v"}},
    {WORKS, DEAD, false, {"XLEN", KEY}},
    {WORKS, NO_KEY, false, {"MULTI"}},
    {WORKS, NO_KEY, false, {"EXEC"}},
    {REPEATS, ONCE, false, {"GET", KEY}},
    {REPEATS, ONCE, true, {"SET", KEY, "x", "NX", "XX"}},
    {CHECKS, DELAYED, false, {"ZSCAN", KEY, "0"}},
    {CHECKS, DELAYED, false, {"ZSCORE", KEY, NOBODY}},
    {CHECKS, DELAYED_JOBS, false, {"HSCAN", KEY, "0"}},
    {REQUEUES | CLEARS, DEAD, false, {"XRANGE", KEY, "0-0", "0-0"}},
    {REQUEUES | CLEARS, DEAD, false, {"XDEL", KEY, "0-0"}},
};
enum { ROWS = sizeof table / sizeof *table };

static const struct weir_key *key_of(const struct redis_session *session, const struct access *row)
{
    static const struct weir_key none = {"", 0};
    const struct weir_keys *keys = session->keys;
    const struct weir_key *const all[] = {
        [NO_KEY] = &none,           [STREAM] = &keys->stream,
        [DELAYED] = &keys->delayed, [DELAYED_JOBS] = &keys->delayed_jobs,
        [DEAD] = &keys->dead,       [ONCE] = &keys->once,
        [PAUSED] = &keys->paused,
    };
    return all[row->key];
}

static void append_row(const struct redis_session *session, const struct access *row, struct weir_buffer *out)
{
    size_t n = 0;
    while (n < WORDS && row->words[n])
        n++;
    weir_command_begin(out, n);
    for (size_t i = 0; i < n; i++) {
        const char *word = row->words[i];
        if (word == KEY)
            redis_key(out, key_of(session, row));
        else if (word == NOBODY)
            weir_command_bytes(out, "", 1); /* a NUL, which no name of weir's holds */
        else
            weir_command_text(out, word == GROUP      ? redis_config(session)->group
                                   : word == CONSUMER ? redis_config(session)->consumer
                                                      : word);
    }
}

/* Whether the answer says that the command can be used, and is named where not. */
static weir_status judge(struct redis_session *session, const struct access *row, const struct weir_reply *reply,
                         weir_error *err)
{
    bool has_subcommand = strcmp(row->words[0], "XINFO") == 0 || strcmp(row->words[0], "XGROUP") == 0;
    char name[160];
    snprintf(name, sizeof name, "%s%s%s%s%.100s", row->words[0], has_subcommand ? " " : "",
             has_subcommand ? row->words[1] : "", row->key == NO_KEY ? "" : " ", key_of(session, row)->bytes);
    weir_error failure;
    weir_status status = redis_check(session, reply, name, &failure);
    /* these come after the access list; and what is wrong with a side key stops nothing that doesn't need it */
    if (status == WEIR_ERR_FULL || (status == WEIR_ERR_SERVER && (row->wrong || row->key != STREAM)))
        return WEIR_OK;
    if (status != WEIR_OK && err)
        *err = failure;
    return status;
}

/* XAUTOCLAIM answers with two elements before Redis 7.0, and then a deleted entry has to be looked for. */
static bool is_old(const struct access *row, const struct weir_reply *reply)
{
    return strcmp(row->words[0], "XAUTOCLAIM") == 0 && reply->kind == WEIR_REPLY_ARRAY && reply->len == 2;
}

/* Sends the rows of these uses. Returns the first failure, or the first denial alone. *old (or NULL): as above. */
static weir_status ask(struct redis_session *session, unsigned uses, bool denials, bool *old, weir_error *err)
{
    weir_status status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].uses & uses)
            append_row(session, &table[i], weir_connection_out(session->connection));
    weir_status first = WEIR_OK;
    for (size_t i = 0; i < ROWS; i++) {
        if (!(table[i].uses & uses))
            continue;
        struct weir_reply *reply;
        weir_error failure;
        status = redis_next(session, &session->scratch, &reply, err);
        if (status != WEIR_OK)
            return status;
        if (old)
            *old |= is_old(&table[i], reply);
        status = judge(session, &table[i], reply, &failure);
        if (first != WEIR_OK || status == WEIR_OK || (denials && status != WEIR_ERR_PERMISSION))
            continue;
        first = status;
        if (err)
            *err = failure;
    }
    return first;
}

weir_status redis_probe(struct weir_session *base, weir_error *err)
{
    struct redis_session *session = redis_session(base);
    weir_retention retention = redis_config(session)->retention;
    unsigned uses = WORKS | (retention == WEIR_KEEP_LAST ? KEEPS : retention == WEIR_DELETE_ON_ACK ? DELETES : 0);
    bool old = false;
    weir_status status = ask(session, uses, false, &old, err);
    if (status == WEIR_OK && old)
        status = ask(session, OLD, false, NULL, err);
    if (status == WEIR_OK)
        status = weir_script_load(session->connection, &weir_script_renew, err);
    if (status != WEIR_OK)
        return status;

    /* the scripts: one, with nothing to do */
    status = redis_begin(session, err);
    if (status != WEIR_OK)
        return status;
    redis_key(&session->arguments, &session->keys->stream);
    weir_command_text(&session->arguments, redis_config(session)->group);
    weir_command_text(&session->arguments, redis_config(session)->consumer);
    struct weir_reply *reply;
    return redis_script(session, &weir_script_renew, 1, 2, &reply, err);
}

void redis_explain_denial(struct redis_session *session, unsigned uses, weir_error *err)
{
    weir_error denial;
    if (err && weir_connection_is_up(session->connection) &&
        ask(session, uses, true, NULL, &denial) == WEIR_ERR_PERMISSION)
        *err = denial;
}
