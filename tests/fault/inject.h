/* SPDX-License-Identifier: MIT
 *
 * Faults inside this process: the n-th allocation fails, the n-th system call of a kind fails, a connection ends after
 * the n-th byte. The C library's functions are stood in for by ours, for this program and for the shared libraries that
 * it uses (hiredis, msgpack), so nothing of the library knows.
 *
 * A fault is armed for this thread or for all others, and counts from then on. One is armed at a time.
 */
#ifndef TEST_FAULT_INJECT_H
#define TEST_FAULT_INJECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum fault_kind {
    FAULT_ALLOCATION,   /* malloc, calloc, realloc, strdup */
    FAULT_REPLY_BYTE,   /* received: what comes after the n-th is lost, and the connection with it */
    FAULT_REQUEST_BYTE, /* sent, likewise */
    FAULT_SOCKET,
    FAULT_CONNECT,
    FAULT_RECV,
    FAULT_SEND,
    FAULT_POLL,
    FAULT_GETSOCKOPT,
    FAULT_SETSOCKOPT,
    FAULT_FCNTL,
    FAULT_PIPE,
    FAULT_CLOSE, /* closes, and fails */
    FAULT_READ,
    FAULT_WRITE,
    FAULT_RESOLVE, /* getaddrinfo */
    FAULT_THREAD,  /* pthread_create */
    FAULT_MUTEX,
    FAULT_CONDITION,
    FAULT_REFUSAL, /* of a command, by a server: see refuser.h. Whoever sent it */
    FAULT_KINDS
};

enum { FAULT_END_OF_STREAM = -1, FAULT_SHORT = -2 }; /* instead of an errno: for FAULT_RECV; for FAULT_SEND */

struct fault {
    enum fault_kind kind;
    int error;         /* the errno; for FAULT_RESOLVE an EAI_…; nothing for allocations and bytes */
    const char *words; /* of FAULT_REFUSAL */
    bool others;       /* counts in all threads but this one, else in this one alone */
    bool from_there;   /* all from the n-th on fail, until fault_off */
};

/* What refusals are counted in: memory shared with another process. NULL: there are none. */
struct fault_refusals {
    atomic_bool active;
    _Atomic size_t nth, seen, hits;
    char words[128];
};
extern struct fault_refusals *fault_refusals;

/* From now on the n-th (from 1) fails; of bytes, n (from 0) arrive. n = SIZE_MAX only counts. */
void fault_arm(const struct fault *fault, size_t n);

/* No faults any more. Returns how many there were; *ret_seen (may be NULL): how many were counted. */
size_t fault_off(size_t *ret_seen);

/* How many there were so far. */
size_t fault_hits(void);

/* Called before each write that the library makes, by the thread that makes it; NULL: nothing. */
extern void (*fault_before_write)(void);

const char *fault_name(enum fault_kind kind);

/* Blocks of memory allocated and not freed, by all threads. */
long fault_live_blocks(void);

#endif
