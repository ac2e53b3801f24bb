/* SPDX-License-Identifier: MIT
 *
 * Two ways to stand in: what shared libraries call too is defined here under its own name; what only our own objects
 * call is wrapped by the linker (tests/fault/meson.build), since some of those names have versions.
 *
 * Memory comes from the sanitizer's allocator where there is one, else from the C library's.
 */
#include "inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STAND_IN __attribute__((visibility("default")))

enum { FDS = 4096 };

struct fault_refusals *fault_refusals;

static struct fault armed;
static atomic_bool active;
static pthread_t armer;
static _Atomic size_t nth, seen, hits;
static atomic_bool cut_fds[FDS]; /* connections that a fault has ended */
static atomic_long live_blocks;
static _Thread_local bool at_work; /* in a thread of the library, beyond what a sanitizer does when one starts */

void fault_arm(const struct fault *fault, size_t n)
{
    armed = *fault;
    armer = pthread_self();
    nth = n;
    seen = hits = 0;
    for (size_t i = 0; i < FDS; i++)
        cut_fds[i] = false;
    active = true;
    if (fault->kind != FAULT_REFUSAL)
        return;
    snprintf(fault_refusals->words, sizeof fault_refusals->words, "%s", fault->words);
    fault_refusals->nth = n;
    fault_refusals->seen = fault_refusals->hits = 0;
    fault_refusals->active = true;
}

size_t fault_off(size_t *ret_seen)
{
    active = false;
    if (armed.kind == FAULT_REFUSAL) {
        fault_refusals->active = false;
        seen = fault_refusals->seen;
        hits = fault_refusals->hits;
    }
    if (ret_seen)
        *ret_seen = seen;
    return hits;
}

size_t fault_hits(void)
{
    return hits;
}

long fault_live_blocks(void)
{
    return live_blocks;
}

const char *fault_name(enum fault_kind kind)
{
    static const char *const names[FAULT_KINDS] = {
        "allocation",
        "reply byte",
        "request byte",
        "socket",
        "connect",
        "recv",
        "send",
        "poll",
        "getsockopt",
        "setsockopt",
        "fcntl",
        "pipe2",
        "close",
        "read",
        "write",
        "getaddrinfo",
        "pthread_create",
        "pthread_mutex_init",
        "pthread_cond_init",
        "refusal",
    };
    return names[kind];
}

static bool concerns_us(enum fault_kind kind)
{
    if (!atomic_load(&active) || armed.kind != kind)
        return false;
    return armed.others ? at_work : pthread_equal(pthread_self(), armer) != 0;
}

/* Counts one of its kind: true where it is to fail. */
static bool strikes(enum fault_kind kind)
{
    if (!concerns_us(kind))
        return false;
    size_t number = atomic_fetch_add(&seen, 1) + 1;
    if (armed.from_there ? number < nth : number != nth)
        return false;
    atomic_fetch_add(&hits, 1);
    return true;
}

/* Fails with the armed errno. */
static bool strikes_with_errno(enum fault_kind kind)
{
    if (!strikes(kind))
        return false;
    errno = armed.error;
    return true;
}

/* --- memory --- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *block);
extern void *__interceptor_malloc(size_t size) __attribute__((weak));
extern void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
extern void *__interceptor_realloc(void *old, size_t size) __attribute__((weak));
extern void __interceptor_free(void *block) __attribute__((weak));

static bool no_memory(void)
{
    if (!strikes(FAULT_ALLOCATION))
        return false;
    errno = ENOMEM;
    return true;
}

static void *counted(void *block)
{
    if (block)
        atomic_fetch_add(&live_blocks, 1);
    return block;
}

static void *allocate(size_t size)
{
    return __interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size);
}

STAND_IN void *malloc(size_t size)
{
    return no_memory() ? NULL : counted(allocate(size));
}

STAND_IN void *calloc(size_t n, size_t size)
{
    if (no_memory())
        return NULL;
    return counted(__interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size));
}

STAND_IN void *realloc(void *old, size_t size)
{
    if (no_memory())
        return NULL;
    void *block = __interceptor_realloc ? __interceptor_realloc(old, size) : __libc_realloc(old, size);
    return old ? block : counted(block);
}

STAND_IN void free(void *block)
{
    if (block)
        atomic_fetch_sub(&live_blocks, 1);
    if (__interceptor_free)
        __interceptor_free(block);
    else
        __libc_free(block);
}

char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

/* --- what hiredis calls as well --- */

static int (*real_socket)(int domain, int type, int protocol);
static int (*real_connect)(int fd, const struct sockaddr *address, socklen_t len);
static int (*real_setsockopt)(int fd, int level, int name, const void *value, socklen_t len);
static int (*real_fcntl)(int fd, int command, ...);
static int (*real_close)(int fd);
static int (*real_getaddrinfo)(const char *node, const char *service, const struct addrinfo *hints,
                               struct addrinfo **ret);

/* ISO C has no conversion from an object's pointer to a function's. */
static void find(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

__attribute__((constructor)) static void find_all(void)
{
    find(&real_socket, "socket");
    find(&real_connect, "connect");
    find(&real_setsockopt, "setsockopt");
    find(&real_fcntl, "fcntl");
    find(&real_close, "close");
    find(&real_getaddrinfo, "getaddrinfo");
}

STAND_IN int socket(int domain, int type, int protocol)
{
    return strikes_with_errno(FAULT_SOCKET) ? -1 : real_socket(domain, type, protocol);
}

STAND_IN int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    return strikes_with_errno(FAULT_CONNECT) ? -1 : real_connect(fd, address, len);
}

STAND_IN int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    return strikes_with_errno(FAULT_SETSOCKOPT) ? -1 : real_setsockopt(fd, level, name, value, len);
}

static int any_fcntl(int fd, int command, va_list args)
{
    void *argument = va_arg(args, void *);
    return strikes_with_errno(FAULT_FCNTL) ? -1 : real_fcntl(fd, command, argument);
}

int fcntl(int fd, int command, ...);
STAND_IN int fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    int rc = any_fcntl(fd, command, args);
    va_end(args);
    return rc;
}

int fcntl64(int fd, int command, ...);
STAND_IN int fcntl64(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    int rc = any_fcntl(fd, command, args);
    va_end(args);
    return rc;
}

STAND_IN int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        cut_fds[fd] = false;
    int rc = real_close(fd);
    return strikes_with_errno(FAULT_CLOSE) ? -1 : rc;
}

STAND_IN int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    if (!strikes(FAULT_RESOLVE))
        return real_getaddrinfo(node, service, hints, ret);
    errno = EMFILE;
    return armed.error;
}

/* --- what only the library calls --- */

ssize_t __real_recv(int fd, void *out, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *out, size_t size, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __real_pipe2(int fds[2], int flags);
int __wrap_pipe2(int fds[2], int flags);
ssize_t __real_read(int fd, void *out, size_t size);
ssize_t __wrap_read(int fd, void *out, size_t size);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *), void *argument);
int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr);
int __real_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr);
int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr);

/* Counts bytes that went: how many of them count as arrived. Ends the connection with the last. */
static ssize_t cut(enum fault_kind kind, int fd, ssize_t n)
{
    if (n <= 0 || fd >= FDS || !concerns_us(kind))
        return n;
    size_t before = atomic_fetch_add(&seen, (size_t)n);
    if (before > nth || (size_t)n <= nth - before)
        return n;
    atomic_fetch_add(&hits, 1);
    cut_fds[fd] = true;
    shutdown(fd, SHUT_RDWR);
    return (ssize_t)(nth - before);
}

ssize_t __wrap_recv(int fd, void *out, size_t size, int flags)
{
    if (fd < FDS && cut_fds[fd])
        return 0;
    if (strikes(FAULT_RECV)) {
        errno = armed.error;
        return armed.error == FAULT_END_OF_STREAM ? 0 : -1;
    }
    ssize_t n = __real_recv(fd, out, size, flags);
    return flags & MSG_PEEK ? n : cut(FAULT_REPLY_BYTE, fd, n);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    if (fd < FDS && cut_fds[fd]) {
        errno = EPIPE;
        return -1;
    }
    if (concerns_us(FAULT_REQUEST_BYTE) && seen <= nth && len > nth - seen && nth != SIZE_MAX) {
        size_t part = nth - seen;
        ssize_t n = part > 0 ? __real_send(fd, bytes, part, flags) : 0;
        seen = nth + 1;
        atomic_fetch_add(&hits, 1);
        cut_fds[fd] = true;
        shutdown(fd, SHUT_RDWR);
        if (n > 0)
            return n;
        errno = ECONNRESET;
        return -1;
    }
    bool struck = strikes(FAULT_SEND);
    if (struck && armed.error != FAULT_SHORT) {
        errno = armed.error;
        return -1;
    }
    ssize_t n = __real_send(fd, bytes, struck && len > 1 ? 1 : len, flags);
    if (n > 0 && concerns_us(FAULT_REQUEST_BYTE))
        atomic_fetch_add(&seen, (size_t)n);
    return n;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    return strikes_with_errno(FAULT_POLL) ? -1 : __real_poll(fds, n, timeout_ms);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return strikes_with_errno(FAULT_GETSOCKOPT) ? -1 : __real_getsockopt(fd, level, name, value, len);
}

int __wrap_pipe2(int fds[2], int flags)
{
    return strikes_with_errno(FAULT_PIPE) ? -1 : __real_pipe2(fds, flags);
}

ssize_t __wrap_read(int fd, void *out, size_t size)
{
    return strikes_with_errno(FAULT_READ) ? -1 : __real_read(fd, out, size);
}

void (*fault_before_write)(void);

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    if (fault_before_write)
        fault_before_write();
    return strikes_with_errno(FAULT_WRITE) ? -1 : __real_write(fd, bytes, len);
}

struct start {
    void *(*main)(void *);
    void *argument;
};

static void *run_thread(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    at_work = true;
    void *result = start.main(start.argument);
    at_work = false;
    return result;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*main)(void *), void *argument)
{
    if (strikes(FAULT_THREAD))
        return armed.error;
    struct start *start = counted(allocate(sizeof *start)); /* not the library's: it never fails */
    *start = (struct start){main, argument};
    int rc = __real_pthread_create(thread, attr, run_thread, start);
    if (rc != 0)
        free(start);
    return rc;
}

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
    return strikes(FAULT_MUTEX) ? armed.error : __real_pthread_mutex_init(mutex, attr);
}

int __wrap_pthread_cond_init(pthread_cond_t *cond, const pthread_condattr_t *attr)
{
    return strikes(FAULT_CONDITION) ? armed.error : __real_pthread_cond_init(cond, attr);
}
