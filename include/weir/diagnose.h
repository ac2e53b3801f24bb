/* SPDX-License-Identifier: MIT
 *
 * Why a queue isn't moving, in words: no worker, paused, a job that kills its workers, a server that is out of memory,
 * handlers that are too slow.
 *
 *     weir_queue_info *queue = NULL;
 *     weir_server_info server = WEIR_SERVER_INFO_INIT;
 *     if (weir_admin_info(admin, "emails", &queue, &err) == WEIR_OK &&
 *         weir_admin_server(admin, "emails", &server, &err) == WEIR_OK)
 *         weir_diagnose(queue, &server, tell, NULL);
 *     weir_queue_info_free(queue);
 *
 * It costs what weir_admin_info and weir_admin_server cost, however many jobs there are, and so suits what looks at
 * many queues again and again. weir_check looks more closely at one, at the settings of the server, and at what was
 * lost.
 */
#ifndef WEIR_DIAGNOSE_H
#define WEIR_DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/admin.h>
#include <weir/check.h>
#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_server_info {
    size_t size;            /* sizeof(weir_server_info), set by the caller */
    char version[32];       /* "7.0.15"; "memory" for memory: URLs; empty: not known */
    char memory_policy[32]; /* maxmemory_policy; empty: not known */
    uint64_t used_memory;   /* bytes; 0: not known */
    uint64_t max_memory;    /* maxmemory, bytes; 0: there is none, or it isn't known */
    bool replica;           /* it takes no writes */
    bool disk_fails;        /* its last snapshot, or the last write of its append-only file, failed */
    weir_status writes;     /* what a write would meet now: WEIR_OK, WEIR_ERR_FULL, WEIR_ERR_UNAVAILABLE;
                               WEIR_ERR_PERMISSION where that isn't known, since this user may not write */
} weir_server_info;

#define WEIR_SERVER_INFO_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(weir_server_info), {0}, {0}, 0, 0, false, false, WEIR_OK                                                \
    }

/*
 * Looks at the server that has the stream (NULL: any; it matters in a cluster). *ret is written on success only; set
 * its size first. What the user may not ask for isn't known, and no failure.
 * Source: INFO; XADD with an id that the server refuses after it has looked whether it takes writes. Errors: as the
 * calls of weir/admin.h. Thread: any.
 */
WEIR_API weir_status weir_admin_server(weir_admin *admin, const char *stream, weir_server_info *ret, weir_error *err);

/*
 * From what the two have told to findings, the most important first; on_finding (may be NULL) is called for each on the
 * calling thread. Returns how many there were; 0: nothing keeps the queue from moving. server NULL: nothing is known of
 * it. queue NULL: the server alone.
 *
 * A pause comes first, and while there is one nothing is said of workers. A group has no worker once none was seen
 * within alive_ms of the admin; its handlers are too slow, or its workers don't read, once a job has waited for 10
 * seconds. Asks nobody anything. Thread: any.
 */
WEIR_API size_t weir_diagnose(const weir_queue_info *queue, const weir_server_info *server, weir_finding_fn on_finding,
                              void *user_data);

#ifdef __cplusplus
}
#endif
#endif
