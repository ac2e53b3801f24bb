/* SPDX-License-Identifier: MIT
 *
 * From facts to findings: what weir_check says of a server, a group and a queue, as pure functions of what was seen.
 */
#ifndef WEIR_BROKER_CHECK_H
#define WEIR_BROKER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/check.h>

/* What can't be known is −1 in an int, and an empty text. */
struct weir_server_facts {
    int version; /* 60214 for 6.2.14; Valkey tells the version of Redis that it is compatible with */
    char version_text[32];
    bool replica;
    uint64_t replicas;
    uint64_t used_memory, max_memory; /* 0: no maximum */
    char policy[32];
    bool aof;
    bool writes_fail;   /* the last write of the AOF, or the last snapshot, failed */
    int snapshots;      /* whether they are made at all */
    char fsync[16];     /* appendfsync */
    int min_replicas;   /* min-replicas-to-write */
    bool config_denied; /* the three above could not be asked for */
};

struct weir_group_facts {
    const char *name;
    bool unread;                /* there are entries that it was not handed */
    int64_t lag;                /* how many; −1: the server doesn't say */
    uint64_t consumers, live;   /* seen within stale_ms */
    uint64_t pending;           /* all */
    uint64_t abandoned;         /* pending for consumers that are not live */
    int64_t abandoned_since_ms; /* for how long the one that was seen last has not been seen */
};

struct weir_queue_facts {
    uint64_t entries, groups;
    uint64_t delayed, overdue;
    int64_t overdue_by_ms; /* the oldest */
    uint64_t orphans, repaired, no_payload;
    uint64_t dead;
    int64_t paused_for_ms; /* −1: it is not */
};

/* Where findings go. */
struct weir_findings {
    const weir_check_options *options;
    size_t n;
};

void weir_judge_server(const struct weir_server_facts *facts, struct weir_findings *findings);
void weir_judge_group(const struct weir_group_facts *facts, struct weir_findings *findings);
void weir_judge_queue(const struct weir_queue_facts *facts, struct weir_findings *findings);

/* A key that holds something else than it should. */
void weir_judge_type(const char *key, const char *expected, const char *actual, struct weir_findings *findings);

/* What stands behind "\nNAME:" in an answer to INFO, up to the end of the line; "" where there is nothing. */
const char *weir_info_text(const char *info, const char *name, char *out, size_t size);
uint64_t weir_info_number(const char *info, const char *name);

/* Fills in what INFO tells; the rest is left as it is. */
void weir_read_info(const char *info, struct weir_server_facts *facts);

#endif
