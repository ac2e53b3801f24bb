/* SPDX-License-Identifier: MIT */
#include "refuser.h"

#include "redis/command.h"
#include "support/process.h"
#include "support/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 32, ROOM = 1 << 18, WAITING = 8192 };

struct shared {
    struct fault_refusals refusals;
    atomic_int upstream;
};

/* Where the answer to a command comes from. */
enum answer {
    PASSED_ON,
    REFUSED,
    REPLACED, /* something else was sent, whose answer nobody sees */
};

/* A client, its server, and what has not been dealt with yet. */
struct pair {
    int client, server;
    char *request, *reply; /* ROOM each */
    size_t n_request, n_reply;
    unsigned char waiting[WAITING]; /* answers that are due, from the oldest on */
    size_t n_waiting;
    bool transaction;
};

static struct shared *shared;
static struct pair pairs[PAIRS];
static size_t n_pairs;
static int listener = -1;

static const char *const words[] = {
    "ERR something else",
    "LOADING Redis is loading the dataset in memory",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "NOSCRIPT No matching script. Please use EVAL.",
    "READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "NOREPLICAS Not enough good replicas to write.",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "NOPERM this user has no permissions to run this command",
    "NOAUTH Authentication required.",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "NOGROUP No such key 'jobs' or consumer group 'g'",
    "ERR max number of clients reached",
    "ERR unknown command",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "CLUSTERDOWN The cluster is down",
    "MOVED 9631 127.0.0.1:1",
    "MOVED 9631 ?:0",
    "ASK 9631 127.0.0.1:1",
    "",
};

const char *refuser_words(size_t i)
{
    return i < sizeof words / sizeof *words ? words[i] : NULL;
}

/* --- the wire --- */

/* How long the first reply in these bytes is; 0: it is not all there. */
static size_t reply_length(const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', len);
    if (!end)
        return 0;
    size_t total = (size_t)(end - bytes) + 1;
    long n = strtol(bytes + 1, NULL, 10);
    if (bytes[0] == '$' && n >= 0)
        return len - total >= (size_t)n + 2 ? total + (size_t)n + 2 : 0;
    for (long i = 0; bytes[0] == '*' && i < n; i++) {
        size_t part = reply_length(bytes + total, len - total);
        if (part == 0)
            return 0;
        total += part;
    }
    return total;
}

/* False: the other end is gone. */
static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool receive(int fd, char *bytes, size_t *n)
{
    if (*n == ROOM)
        test_die("too long for the refuser");
    ssize_t got = recv(fd, bytes + *n, ROOM - *n, 0);
    *n += got > 0 ? (size_t)got : 0;
    return got > 0;
}

static void forget(char *bytes, size_t *n, size_t len)
{
    *n -= len;
    memmove(bytes, bytes + len, *n);
}

static bool is_named(const char *command, const char *name)
{
    const char *word = strchr(strchr(command, '\n') + 1, '\n') + 1;
    return strncasecmp(word, name, strlen(name)) == 0 && word[strlen(name)] == '\r';
}

/* --- commands and answers --- */

/* A transaction has no key, and so no server ever sends its commands elsewhere. */
static bool is_possible(const char *command)
{
    const char *said = shared->refusals.words;
    bool elsewhere = strncmp(said, "MOVED ", 6) == 0 || strncmp(said, "ASK ", 4) == 0;
    return !elsewhere || !(is_named(command, "MULTI") || is_named(command, "EXEC"));
}

static bool refuses(const char *command)
{
    struct fault_refusals *refusals = &shared->refusals;
    if (!refusals->active || !is_possible(command) || atomic_fetch_add(&refusals->seen, 1) + 1 != refusals->nth)
        return false;
    atomic_fetch_add(&refusals->hits, 1);
    return true;
}

static bool pass_on(struct pair *pair, const char *command, size_t len)
{
    static const char discard[] = "*1\r\n$7\r\nDISCARD\r\n", unknown[] = "*1\r\n$12\r\nWEIR.REFUSED\r\n";
    enum answer answer = refuses(command) ? REFUSED : PASSED_ON;
    bool ends = is_named(command, "EXEC") || is_named(command, "DISCARD");
    if (answer == REFUSED && pair->transaction) {
        answer = REPLACED;
        command = ends ? discard : unknown;
        len = ends ? sizeof discard - 1 : sizeof unknown - 1;
    } else if (answer == PASSED_ON && is_named(command, "MULTI")) {
        pair->transaction = true;
    }
    pair->transaction &= !ends;
    if (pair->n_waiting == WAITING)
        test_die("too many commands for the refuser");
    pair->waiting[pair->n_waiting++] = (unsigned char)answer;
    return answer == REFUSED || send_all(pair->server, command, len);
}

static bool answer_all(struct pair *pair)
{
    size_t done = 0;
    bool fine = true;
    for (; fine && done < pair->n_waiting; done++) {
        enum answer answer = pair->waiting[done];
        size_t len = answer == REFUSED ? 0 : reply_length(pair->reply, pair->n_reply);
        if (answer != REFUSED && len == 0)
            break;
        if (answer == PASSED_ON) {
            fine = send_all(pair->client, pair->reply, len);
        } else {
            char refusal[sizeof shared->refusals.words + 8];
            int n = snprintf(refusal, sizeof refusal, "-%s\r\n", shared->refusals.words);
            fine = send_all(pair->client, refusal, (size_t)n);
        }
        forget(pair->reply, &pair->n_reply, len);
    }
    pair->n_waiting -= done;
    memmove(pair->waiting, pair->waiting + done, pair->n_waiting);
    return fine;
}

static bool take_requests(struct pair *pair)
{
    if (!receive(pair->client, pair->request, &pair->n_request))
        return false;
    bool fine = true;
    for (size_t len; fine && (len = weir_command_length(pair->request, pair->n_request)) > 0;) {
        fine = pass_on(pair, pair->request, len);
        forget(pair->request, &pair->n_request, len);
    }
    return fine && answer_all(pair);
}

static bool take_replies(struct pair *pair)
{
    return receive(pair->server, pair->reply, &pair->n_reply) && answer_all(pair);
}

/* --- connections --- */

static struct sockaddr_in address_of(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void welcome(void)
{
    int client = accept(listener, NULL, NULL), server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in upstream = address_of(shared->upstream);
    if (client < 0 || n_pairs == PAIRS || connect(server, (struct sockaddr *)&upstream, sizeof upstream) != 0) {
        close(client);
        close(server);
        return;
    }
    int on = 1; /* or each of many small answers waits for the one before it to be acknowledged */
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct pair *pair = &pairs[n_pairs++];
    *pair = (struct pair){.client = client, .server = server, .request = malloc(ROOM), .reply = malloc(ROOM)};
    if (!pair->request || !pair->reply)
        test_die("out of memory");
}

static void drop(size_t i)
{
    close(pairs[i].client);
    close(pairs[i].server);
    free(pairs[i].request);
    free(pairs[i].reply);
    pairs[i] = pairs[--n_pairs];
}

static int run(void *context)
{
    (void)context;
    for (;;) {
        struct pollfd fds[1 + 2 * PAIRS] = {{.fd = listener, .events = POLLIN}};
        for (size_t i = 0; i < n_pairs; i++) {
            fds[1 + 2 * i] = (struct pollfd){.fd = pairs[i].client, .events = POLLIN};
            fds[2 + 2 * i] = (struct pollfd){.fd = pairs[i].server, .events = POLLIN};
        }
        size_t n = n_pairs;
        if (poll(fds, 1 + 2 * n, -1) < 0 && errno != EINTR)
            test_die("poll: %s", strerror(errno));
        for (size_t i = n; i-- > 0;) /* backwards, since the last one takes the place of one that is dropped */
            if ((fds[1 + 2 * i].revents && !take_requests(&pairs[i])) ||
                (fds[2 + 2 * i].revents && !take_replies(&pairs[i])))
                drop(i);
        if (fds[0].revents)
            welcome();
    }
}

int refuser_start(void)
{
    struct sockaddr_in address = address_of(0);
    socklen_t len = sizeof address;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (shared == MAP_FAILED || listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, 64) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        test_die("no refuser: %s", strerror(errno));
    fault_refusals = &shared->refusals;
    child_run(run, NULL);
    close(listener);
    return ntohs(address.sin_port);
}

void refuser_aim(int port)
{
    shared->upstream = port;
}
