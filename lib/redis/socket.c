/* SPDX-License-Identifier: MIT */
#include "redis/socket.h"

#include "base/clock.h"
#include "base/watch.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct weir_socket *new_socket(void)
{
    struct weir_socket *connecting = calloc(1, sizeof *connecting);
    if (connecting)
        connecting->fd = -1;
    return connecting;
}

static void fail(struct weir_socket *connecting, int err, const char *words)
{
    connecting->err = err;
    snprintf(connecting->errstr, sizeof connecting->errstr, "%s", words);
}

/* False where it can't be reached; then errno says why. */
static bool begin(struct weir_socket *connecting, int family, const struct sockaddr *address, socklen_t len)
{
    connecting->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connecting->fd < 0)
        return false;
    if (connect(connecting->fd, address, len) == 0 || errno == EINPROGRESS || errno == EINTR)
        return true;
    int failure = errno;
    close(connecting->fd);
    connecting->fd = -1;
    errno = failure;
    return false;
}

/* Name servers are asked for as long as resolv.conf says: not for longer than this, three of them, five times over. */
enum { RESOLVE_MS = 75000 };

/* The addresses of a host: of IPv4 where it has any. 0, or what getaddrinfo says. */
static int resolve(const char *host, const char *port, struct addrinfo **ret)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    int rc = getaddrinfo(host, port, &hints, ret);
    if (rc == 0 || rc == EAI_MEMORY || rc == EAI_SYSTEM)
        return rc;
    hints.ai_family = AF_INET6;
    return getaddrinfo(host, port, &hints, ret);
}

struct weir_socket *weir_socket_connect_tcp(const char *host, int port)
{
    struct weir_socket *connecting = new_socket();
    if (!connecting)
        return NULL;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo *addresses = NULL;
    weir_watch_wait_until(weir_now_us() + RESOLVE_MS * INT64_C(1000));
    int rc = resolve(host, service, &addresses);
    weir_watch_go_on();
    if (rc != 0) {
        fail(connecting, ENOENT, rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return connecting;
    }
    errno = ENOENT;
    bool begun = false;
    for (const struct addrinfo *at = addresses; at && !begun; at = at->ai_next)
        begun = begin(connecting, at->ai_family, at->ai_addr, at->ai_addrlen);
    if (!begun)
        fail(connecting, errno, strerror(errno));
    freeaddrinfo(addresses);
    return connecting;
}

struct weir_socket *weir_socket_connect_unix(const char *path)
{
    struct weir_socket *connecting = new_socket();
    if (!connecting)
        return NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fail(connecting, ENAMETOOLONG, "the path is longer than a unix socket's can be");
        return connecting;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (!begin(connecting, AF_UNIX, (const struct sockaddr *)&address, sizeof address))
        fail(connecting, errno, strerror(errno));
    return connecting;
}

void weir_socket_free(struct weir_socket *connecting)
{
    if (!connecting)
        return;
    if (connecting->fd >= 0)
        close(connecting->fd);
    free(connecting);
}
