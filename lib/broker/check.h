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
    bool refuses;       /* a write was tried, and refused for lack of memory */
    bool unavailable;   /* or for another reason that may pass */
};

struct weir_group_facts {
    const char *name;
    bool unread;                   /* there are entries that it was not handed */
    int64_t lag;                   /* how many; −1: the server doesn't say */
    int64_t unread_for_ms;         /* since the first of them was put into the stream */
    uint64_t consumers, live;      /* seen within stale_ms */
    uint64_t pending;              /* all */
    uint64_t abandoned;            /* pending for consumers that are not live */
    int64_t abandoned_since_ms;    /* for how long the one that was seen last has not been seen; −1: not known */
    int64_t most_deliveries;       /* of one entry, among the first that are pending */
    const char *most_delivered_id; /* that entry; may be NULL where there is none */
    bool paused;                   /* the queue is: whatever waits, waits for that */
    int64_t patience_ms;           /* a job that waits for so long waits for too long */
};

/* Once or twice is what crashes, kills and lost connections do to any job. */
enum { WEIR_POISON_DELIVERIES = 3 };

struct weir_queue_facts {
    uint64_t entries, groups;
    uint64_t delayed, overdue;
    bool overdue_uncounted; /* some are: nobody has counted them */
    int64_t overdue_by_ms;  /* the oldest */
    uint64_t orphans, repaired, no_payload;
    uint64_t dead;
    int64_t paused_for_ms; /* 0: nobody knows; −1: it is not */
};

/* Where findings go; NULL: they are only counted. */
struct weir_findings {
    weir_finding_fn on_finding;
    void *user_data;
    size_t n;
};

/* All that can be said of a server, or what keeps it from taking jobs now. */
void weir_judge_server(const struct weir_server_facts *facts, struct weir_findings *findings);
void weir_judge_service(const struct weir_server_facts *facts, struct weir_findings *findings);

/* The pause alone, which explains what else is found; weir_judge_queue has the rest. */
void weir_judge_pause(const struct weir_queue_facts *facts, struct weir_findings *findings);
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
