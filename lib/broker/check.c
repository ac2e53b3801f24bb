/* SPDX-License-Identifier: MIT
 *
 * From facts to findings.
 *
 * redis_check.c asks the server and fills the facts in; this file decides what is worth saying, and says it. So each
 * finding can be tested without a server that is in that state, and a second broker would judge alike.
 *
 * What must stay true: texts are whole sentences without a newline; each says what it means for jobs, and the fix says
 * what to do, with the names of the settings or calls.
 */
#include "broker/check.h"

#include "base/error.h"
#include "base/number.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    weir_severity severity;
    const char *name;
} table[] = {
#define ROW(code, severity, name) [code] = {severity, name},
    WEIR_FINDING_TABLE(ROW)
#undef ROW
};
enum { CODES = sizeof table / sizeof *table };

const char *weir_finding_name(weir_finding_code code)
{
    return (size_t)code < CODES ? table[code].name : "unknown";
}

const char *weir_severity_name(weir_severity severity)
{
    static const char *const names[] = {"notice", "warning", "error"};
    return (size_t)severity < sizeof names / sizeof *names ? names[severity] : "unknown";
}

/* Names of groups can be any bytes, and are cut: what is no printable UTF-8 becomes '?'. */
static void make_printable(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at; at++) {
        size_t more = *at < 0x80 ? 0 : *at < 0xc2 ? 4 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : *at < 0xf5 ? 3 : 4;
        size_t n = 0;
        while (n < more && (at[n + 1] & 0xc0) == 0x80)
            n++;
        if (n < more || *at < 0x20 || *at == 0x7f)
            *at = '?';
        else
            at += more;
    }
}

static void report(struct weir_findings *findings, weir_finding_code code, uint64_t count, bool repaired,
                   const char *fix, const char *format, ...) WEIR_PRINTF(6, 7);

static void report(struct weir_findings *findings, weir_finding_code code, uint64_t count, bool repaired,
                   const char *fix, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    make_printable(text);
    findings->n++;
    const weir_finding finding = {
        .code = code,
        .severity = table[code].severity,
        .text = text,
        .fix = fix,
        .count = count,
        .repaired = repaired,
    };
    if (findings->on_finding)
        findings->on_finding(&finding, findings->user_data);
}

/* Times in texts: the largest unit that leaves at least two of it. */
static const char *span(int64_t ms, char out[40])
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "days"}, {3600000, "hours"}, {60000, "minutes"}, {1000, "seconds"}, {1, "milliseconds"}};
    size_t i = 0;
    while (i + 1 < sizeof units / sizeof *units && ms < 2 * units[i].ms)
        i++;
    snprintf(out, 40, "%" PRId64 " %s", ms / units[i].ms, units[i].name);
    return out;
}

static const char *plural(uint64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

/* --- the server --- */

static bool deletes(const struct weir_server_facts *facts)
{
    return strncmp(facts->policy, "allkeys", 7) == 0;
}

static void judge_eviction(const struct weir_server_facts *facts, struct weir_findings *findings)
{
    if (deletes(facts))
        report(findings, WEIR_FINDING_EVICTION, 0, false, "Set maxmemory-policy to noeviction.",
               "The server's maxmemory-policy is %s: when memory is short it deletes streams, and with them jobs%s.",
               facts->policy, facts->max_memory ? "" : " (there is no maxmemory now)");
    if (strncmp(facts->policy, "volatile", 8) == 0)
        report(findings, WEIR_FINDING_WINDOW_EVICTION, 0, false,
               "Set maxmemory-policy to noeviction where idempotency_ms is relied on.",
               "The server's maxmemory-policy is %s: when memory is short it forgets the windows of idempotent "
               "enqueues, and a repeat adds the job again.",
               facts->policy);
}

static void judge_memory(const struct weir_server_facts *facts, struct weir_findings *findings)
{
    double percent = facts->max_memory ? 100.0 * (double)facts->used_memory / (double)facts->max_memory : 0;
    if (facts->refuses || (percent >= 100 && !deletes(facts)))
        report(findings, WEIR_FINDING_FULL, facts->used_memory, false,
               "Raise maxmemory, or make room: let workers finish what they have, delete dead letters and other keys "
               "that nobody needs.",
               "The server is out of memory: it has reached its maxmemory, and refuses new jobs, delayed jobs that are "
               "due, retries and dead letters until there is room.");
    else if (percent >= 90)
        report(findings, WEIR_FINDING_MEMORY, facts->used_memory, false,
               deletes(facts) ? "Raise maxmemory." : "Raise maxmemory, or let the queues drain.",
               "The server uses %.0f %% of its maxmemory: soon it %s.", percent,
               deletes(facts) ? "deletes keys" : "refuses to take jobs");
}

static void judge_writes(const struct weir_server_facts *facts, struct weir_findings *findings)
{
    if (facts->replica)
        report(findings, WEIR_FINDING_REPLICA, 0, false, "Connect to its primary, or through redis+sentinel://.",
               "The server is a replica: it takes no writes, so that nothing can be enqueued or worked off here.");
    else if (facts->writes_fail || facts->unavailable)
        report(findings, WEIR_FINDING_WRITES_FAIL, 0, false, "Look at the server's log and at the space on its disk.",
               "The server could not write its data to disk the last time%s: jobs are not safe, and it %s writes.",
               facts->writes_fail ? "" : ", or is not ready", facts->unavailable ? "refuses" : "may refuse");
}

static void judge_persistence(const struct weir_server_facts *facts, struct weir_findings *findings)
{
    if (!facts->aof && facts->snapshots == 0)
        report(findings, WEIR_FINDING_NO_PERSISTENCE, 0, false, "Set appendonly to yes.",
               "The server keeps nothing on disk: a restart loses all jobs.");
    else if (!facts->aof)
        report(findings, WEIR_FINDING_NO_AOF, 0, false, "Set appendonly to yes.",
               "The server has no append-only file: a restart loses the jobs that came since the last snapshot, and "
               "runs again what was done since.");
    else if (facts->fsync[0] && strcmp(facts->fsync, "always") != 0)
        report(findings, WEIR_FINDING_FSYNC, 0, false, "Set appendfsync to always where that is too much.",
               "The server's appendfsync is %s: a crash of its host loses %s.", facts->fsync,
               strcmp(facts->fsync, "everysec") == 0 ? "about the last second of jobs"
                                                     : "what the system has not yet written by itself");
}

void weir_judge_server(const struct weir_server_facts *facts, struct weir_findings *findings)
{
    if (facts->version < 60200)
        report(findings, WEIR_FINDING_OLD_SERVER, 0, false, "Use Redis 6.2, Valkey 7.2, or a later one.",
               "The server is of version %s, which lacks commands that weir needs.",
               facts->version_text[0] ? facts->version_text : "(unknown)");
    judge_eviction(facts, findings);
    judge_memory(facts, findings);
    judge_writes(facts, findings);
    judge_persistence(facts, findings);
    if (facts->replicas > 0 && facts->min_replicas <= 0)
        report(findings, WEIR_FINDING_FAILOVER, 0, false,
               "Set min-replicas-to-write and min-replicas-max-lag to bound it.",
               "The server has %" PRIu64 " %s, and does not wait for %s: a failover can lose jobs that were just "
               "accepted, and bring back jobs that were just done.",
               facts->replicas, plural(facts->replicas, "replica", "replicas"),
               plural(facts->replicas, "it", "any of them"));
    if (facts->config_denied)
        report(findings, WEIR_FINDING_UNSEEN, 0, false, "Allow the user CONFIG GET (+config|get), or look yourself.",
               "The user may not ask for the server's settings: save, appendfsync and min-replicas-to-write were not "
               "looked at.");
}

void weir_judge_service(const struct weir_server_facts *facts, struct weir_findings *findings)
{
    judge_memory(facts, findings);
    judge_writes(facts, findings);
}

/* --- a group --- */

static void judge_poison(const struct weir_group_facts *facts, struct weir_findings *findings)
{
    if (facts->most_deliveries >= WEIR_POISON_DELIVERIES)
        report(findings, WEIR_FINDING_POISON_JOB, 1, false,
               "Look at the job (weir pending STREAM show ID) and at the log of its workers. It becomes a dead letter "
               "once it has been handed out max_deliveries times, 5 by default.",
               "In the group %.120s the job %.50s was handed out %" PRId64 " times and never answered for: it seems to "
               "kill its workers, or to hang them.",
               facts->name, facts->most_delivered_id, facts->most_deliveries);
}

/* There are workers, and jobs wait all the same. */
static void judge_progress(const struct weir_group_facts *facts, const char *how_many, struct weir_findings *findings)
{
    char since[40];
    uint64_t in_hand = facts->pending > facts->abandoned ? facts->pending - facts->abandoned : 0;
    uint64_t count = facts->lag > 0 ? (uint64_t)facts->lag : 0;
    if (facts->unread_for_ms < facts->patience_ms)
        return;
    if (in_hand > 0)
        report(findings, WEIR_FINDING_SLOW_HANDLER, count, false,
               "If they don't get fewer: start more workers, raise their concurrency, or make the handler faster. Jobs "
               "that hang are among the oldest ones that are pending.",
               "In the group %.120s %s to be read, the first one for %s, while %" PRIu64 " live %s %" PRIu64
               " in hand: handlers are too slow, or too few.",
               facts->name, how_many, span(facts->unread_for_ms, since), facts->live,
               plural(facts->live, "consumer has", "consumers have"), in_hand);
    else
        report(findings, WEIR_FINDING_NOT_READING, count, false,
               "Look at the log of the workers: they may be paused in their process (weir_queue_pause), or can't read.",
               "In the group %.120s %s to be read, the first one for %s, and %" PRIu64 " live %s nothing in hand.",
               facts->name, how_many, span(facts->unread_for_ms, since), facts->live,
               plural(facts->live, "consumer has", "consumers have"));
}

void weir_judge_group(const struct weir_group_facts *facts, struct weir_findings *findings)
{
    char how_many[64] = "jobs wait", since[40], unseen[60] = "gone";
    if (facts->lag > 0)
        snprintf(how_many, sizeof how_many, "%" PRId64 " %s", facts->lag, facts->lag == 1 ? "job waits" : "jobs wait");
    judge_poison(facts, findings);
    if (facts->paused)
        return;
    if (facts->unread && facts->live == 0)
        report(findings, WEIR_FINDING_NO_WORKER, facts->lag > 0 ? (uint64_t)facts->lag : 0, false,
               "Start a worker of this group; or, if it is not needed any more, delete it by XGROUP DESTROY.",
               "In the group %.120s %s to be read, and there is no live consumer%s.", facts->name, how_many,
               facts->consumers ? ", though there were some" : "");
    if (facts->abandoned_since_ms >= 0)
        snprintf(unseen, sizeof unseen, "not seen for %s", span(facts->abandoned_since_ms, since));
    if (facts->abandoned > 0)
        report(findings, WEIR_FINDING_PENDING_STUCK, facts->abandoned, false,
               "Start a worker of this group: it takes them over.",
               "In the group %.120s %" PRIu64 " %s pending for consumers that are %s%s.", facts->name, facts->abandoned,
               plural(facts->abandoned, "job is", "jobs are"), unseen,
               facts->live ? "; its live consumers should have taken them over after their min_idle_ms" : "");
    if (facts->unread && facts->live > 0)
        judge_progress(facts, how_many, findings);
}

/* --- the queue --- */

static void judge_delayed(const struct weir_queue_facts *facts, struct weir_findings *findings)
{
    char by[40];
    char how_many[40] = "Some";
    if (facts->overdue > 0)
        snprintf(how_many, sizeof how_many, "%" PRIu64, facts->overdue);
    if (facts->overdue > 0 || facts->overdue_uncounted)
        report(findings, WEIR_FINDING_OVERDUE, facts->overdue, false,
               "Start a worker of any group of this stream: it promotes what is due.",
               "%s delayed %s overdue, the first one by %s: nobody promotes them.", how_many,
               plural(facts->overdue, "job is", "jobs are"), span(facts->overdue_by_ms, by));
    if (facts->orphans > 0)
        report(findings, WEIR_FINDING_ORPHANS, facts->orphans, facts->repaired == facts->orphans,
               facts->repaired == facts->orphans ? "Look at the dead letters, and requeue what should run."
                                                 : "Check with repair set: that moves them to the dead letters.",
               "%" PRIu64 " delayed %s lost the time when to run, and will never be run%s.", facts->orphans,
               plural(facts->orphans, "job has", "jobs have"),
               facts->repaired == facts->orphans ? "; they were moved to the dead letters" : "");
    if (facts->no_payload > 0)
        report(findings, WEIR_FINDING_NO_PAYLOAD, facts->no_payload, false,
               "Nothing can bring them back; when they are due they become dead letters, by which they are known.",
               "%" PRIu64 " delayed %s lost what to run: only the id is left.", facts->no_payload,
               plural(facts->no_payload, "job has", "jobs have"));
}

void weir_judge_pause(const struct weir_queue_facts *facts, struct weir_findings *findings)
{
    char since[40];
    char how[64] = "is paused";
    if (facts->paused_for_ms > 0)
        snprintf(how, sizeof how, "has been paused for %s", span(facts->paused_for_ms, since));
    if (facts->paused_for_ms >= 0)
        report(findings, WEIR_FINDING_PAUSED, 0, false, "Resume it when that is over: weir resume STREAM.",
               "The queue %s: no worker reads anything.", how);
}

void weir_judge_queue(const struct weir_queue_facts *facts, struct weir_findings *findings)
{
    if (facts->groups == 0 && facts->entries + facts->delayed > 0)
        report(findings, WEIR_FINDING_NO_GROUP, facts->entries + facts->delayed, false,
               "Start a worker: it creates its group, which reads from the beginning.",
               "The queue has %" PRIu64 " %s and no group that would read them.", facts->entries + facts->delayed,
               plural(facts->entries + facts->delayed, "job", "jobs"));
    judge_delayed(facts, findings);
    if (facts->dead > 0)
        report(findings, WEIR_FINDING_DEAD_LETTERS, facts->dead, false,
               "Look at them (weir dead STREAM); requeue or delete them.",
               "There %s %" PRIu64 " dead %s: jobs that nothing will try again.", plural(facts->dead, "is", "are"),
               facts->dead, plural(facts->dead, "letter", "letters"));
}

void weir_judge_type(const char *key, const char *expected, const char *actual, struct weir_findings *findings)
{
    report(findings, WEIR_FINDING_WRONG_TYPE, 0, false, "Rename or delete the key, or use another stream name.",
           "The key %.120s holds a %.40s where weir keeps a %.40s: what needs it fails.", key, actual, expected);
}

/* --- INFO --- */

const char *weir_info_text(const char *info, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name);
    out[0] = '\0';
    for (const char *line = info; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, name_len) != 0 || line[name_len] != ':')
            continue;
        const char *value = line + name_len + 1;
        size_t len = strcspn(value, "\r\n");
        snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), value);
        break;
    }
    return out;
}

uint64_t weir_info_number(const char *info, const char *name)
{
    char text[32];
    uint64_t number = 0;
    weir_info_text(info, name, text, sizeof text);
    return weir_parse_u64(text, strlen(text), &number) ? number : 0;
}

void weir_read_info(const char *info, struct weir_server_facts *facts)
{
    char text[64];
    int major = 0, minor = 0, patch = 0;
    weir_info_text(info, "redis_version", facts->version_text, sizeof facts->version_text);
    if (sscanf(facts->version_text, "%4d.%4d.%4d", &major, &minor, &patch) >= 2)
        facts->version = major * 10000 + minor * 100 + patch;
    facts->replica = strcmp(weir_info_text(info, "role", text, sizeof text), "slave") == 0;
    facts->replicas = weir_info_number(info, "connected_slaves");
    facts->used_memory = weir_info_number(info, "used_memory");
    facts->max_memory = weir_info_number(info, "maxmemory");
    weir_info_text(info, "maxmemory_policy", facts->policy, sizeof facts->policy);
    facts->aof = weir_info_number(info, "aof_enabled") == 1;
    facts->writes_fail = strcmp(weir_info_text(info, "rdb_last_bgsave_status", text, sizeof text), "err") == 0;
    if (facts->aof && strcmp(weir_info_text(info, "aof_last_write_status", text, sizeof text), "err") == 0)
        facts->writes_fail = true;
}
