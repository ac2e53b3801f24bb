/* SPDX-License-Identifier: MIT
 *
 * Status codes and error details.
 *
 * Every function that can fail returns a weir_status and takes a weir_error that the caller owns (or NULL). The code
 * says what happened, `retriable` whether the same call may succeed later, `message` what it was about and how to mend
 * it, `server` the server's own words where there were any. A weir_error is written on failure only.
 */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

#include <stdbool.h>
#include <weir/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, retriable, text): the one list of status codes. Numbers are stable. */
#define WEIR_STATUS_TABLE(X)                                                                                           \
    X(WEIR_OK, 0, false, "success")                                                                                    \
    X(WEIR_ERR_ARGUMENT, 1, false, "an argument or option is invalid; nothing was done")                               \
    X(WEIR_ERR_MEMORY, 2, true, "memory could not be allocated; nothing was done")                                     \
    X(WEIR_ERR_CONNECTION, 3, true, "the server could not be reached; nothing was sent")                               \
    X(WEIR_ERR_IN_DOUBT, 4, true, "sent, and not confirmed: the server may or may not have done it, or may lose it")   \
    X(WEIR_ERR_AUTH, 5, false, "the server refused the user or password")                                              \
    X(WEIR_ERR_PERMISSION, 6, false, "the server's ACL does not allow a command or key")                               \
    X(WEIR_ERR_FULL, 7, true, "the server is out of memory (maxmemory); nothing was stored")                           \
    X(WEIR_ERR_UNAVAILABLE, 8, true, "the server answers but can't serve now (loading, read-only, failing over)")      \
    X(WEIR_ERR_SERVER, 9, false, "the server answered with another error")                                             \
    X(WEIR_ERR_PROTOCOL, 10, true, "the server's answer was not what the protocol allows")                             \
    X(WEIR_ERR_UNSUPPORTED, 11, false, "not supported by this build or this server")                                   \
    X(WEIR_ERR_STATE, 12, false, "the call is not allowed in this state or from this thread")                          \
    X(WEIR_ERR_STOPPED, 13, false, "interrupted because the object is being stopped")                                  \
    X(WEIR_ERR_DEADLINE, 14, false, "the deadline passed before everything was finished")                              \
    X(WEIR_ERR_NOT_FOUND, 15, false, "there is no such entry or job")                                                  \
    X(WEIR_ERR_EXISTS, 16, false, "a delayed job with this id exists already; nothing was changed")                    \
    X(WEIR_ERR_DECODE, 17, false, "the fields could not be turned into the payload, or back")                          \
    X(WEIR_ERR_NO_GROUP, 18, true, "the consumer group does not exist")                                                \
    X(WEIR_ERR_SYSTEM, 19, true, "the operating system refused a resource (threads, descriptors)")                     \
    X(WEIR_ERR_STUCK, 20, false, "a thread of the library has not gone round its loop for too long")

#define WEIR_STATUS_ENUM_ENTRY(name, number, retriable, text) name = number,
typedef enum weir_status { WEIR_STATUS_TABLE(WEIR_STATUS_ENUM_ENTRY) } weir_status;
#undef WEIR_STATUS_ENUM_ENTRY

typedef struct weir_error {
    weir_status code;
    bool retriable;    /* the same call may succeed later without anything being changed */
    char message[320]; /* one sentence, NUL-terminated; never contains a password */
    char server[160];  /* the server's words, cut where too long; empty where there were none */
} weir_error;

/* "WEIR_ERR_ARGUMENT" for WEIR_ERR_ARGUMENT; "unknown status" for anything else. Static memory. Thread: any. */
WEIR_API const char *weir_status_name(weir_status status);

/* The text of the table above. Static memory. Thread: any. */
WEIR_API const char *weir_status_text(weir_status status);

#ifdef __cplusplus
}
#endif
#endif
