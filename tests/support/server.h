/* SPDX-License-Identifier: MIT
 *
 * A private redis-server for one test: on a unix socket in a temporary directory of its own, without persistence unless
 * asked for, and killed by the kernel if the test program dies.
 *
 * The program is redis-server, or what WEIR_TEST_REDIS_SERVER names (valkey-server). Where there is none the test
 * program ends with status 77, "skipped", or fails if WEIR_TEST_NO_SKIP is set. Everything else that goes wrong prints
 * the server's output and ends the test program: nothing here returns NULL.
 *
 * Start a server on the main thread: it is killed when the thread that started it ends.
 */
#ifndef TEST_SUPPORT_SERVER_H
#define TEST_SUPPORT_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct test_server;

/*
 * The user in the URLs of all servers and proxies, beside the default one, who needs no password. The password must not
 * turn up anywhere: the recorder ends a test program that records it, and scripts/test looks for it in all output.
 */
#define TEST_USER "canary"
#define TEST_PASSWORD "s3cret-canary-7d1f"
#define TEST_LOGIN TEST_USER ":" TEST_PASSWORD "@"

/* extra_args: redis-server arguments such as {"--appendonly", "yes", NULL}; kept over a restart. NULL: none. */
struct test_server *test_server_start(void);
struct test_server *test_server_start_with(const char *const *extra_args);
struct test_server *test_server_start_tcp(const char *const *extra_args); /* also on a free port of 127.0.0.1 */
struct test_server *test_server_start_tls(const char *const *extra_args); /* likewise, for TLS alone */

/* Whether the program was built with TLS. */
bool test_server_has_tls(void);

/* Its version, as 60214 for 6.2.14; the program's own, also where it calls itself compatible with another one's. */
int test_server_version(void);

/* In sentinel mode, by TCP, with the lines of a configuration file. */
struct test_server *test_server_start_sentinel(const char *configuration);

/* Among the extra arguments, once: another free port of 127.0.0.1, such as that of a cluster's bus. */
#define TEST_SERVER_FREE_PORT "free port"

/* Kills, waits, removes the directory. Accepts NULL. */
void test_server_stop(struct test_server *server);

const char *test_server_url(const struct test_server *server);    /* "unix://user:password@/tmp/…/redis.sock" */
const char *test_server_socket(const struct test_server *server); /* "/tmp/…/redis.sock" */
const char *test_server_tcp_url(
    const struct test_server *server); /* "redis[s]://user:password@127.0.0.1:port"; "" without TCP */
int test_server_tcp_port(const struct test_server *server);     /* 0 without TCP */
int test_server_second_port(const struct test_server *server);  /* what TEST_SERVER_FREE_PORT has become */
void test_server_show_output(const struct test_server *server); /* what it has said, to stderr */
pid_t test_server_pid(const struct test_server *server);

/* SIGKILL, and waits: connecting is refused from now on. Without --appendonly or --save, what it held is lost. */
void test_server_kill(struct test_server *server);

/* Starts it again on the same directory, socket and port, killing it first where it runs; waits until it serves. */
void test_server_restart(struct test_server *server);

/* SIGSTOP, waited for, and SIGCONT: connections stay open, connecting succeeds, nothing is answered. */
void test_server_pause(struct test_server *server);
void test_server_resume(struct test_server *server);

/*
 * A command on the server's control connection, which connects again by itself, and authenticates where --requirepass
 * was among the extra arguments. Error replies are returned as such; free with freeReplyObject. Thread-safe.
 * fmt is hiredis': words separated by spaces, %s, %b, %d, %lld.
 */
redisReply *test_server_command(struct test_server *server, const char *fmt, ...);

/* The same; NULL where the connection was lost: sentinels cut all connections of a server that they reconfigure. */
redisReply *test_server_try(struct test_server *server, const char *fmt, ...);

redisReply *test_server_argv(struct test_server *server, int argc, const char **argv, const size_t *lens);

/* The integer that the command answers; the test program ends where it answers anything else. */
long long test_server_integer(struct test_server *server, const char *fmt, ...);

#endif
