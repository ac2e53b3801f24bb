/* SPDX-License-Identifier: MIT
 *
 * A server that answers what it is told to: for sentinels and cluster nodes that are mistaken, silent or hostile. One
 * thread, which listens on a free port of 127.0.0.1.
 */
#ifndef TEST_SUPPORT_FAKE_H
#define TEST_SUPPORT_FAKE_H

#include <stddef.h>

struct fake_server;

/* What is answered to a command whose words, joined by spaces, begin with `command`. */
struct fake_rule {
    const char *command;
    const char *reply; /* RESP; NULL: nothing, ever; "": the end of the connection */
};

/* Answers what connections begin with (AUTH, CLIENT SETNAME, CLIENT ID), and ASKING; everything else with an error. */
struct fake_server *fake_server_start(void);
void fake_server_kill(struct fake_server *server); /* connecting is refused from now on */
void fake_server_stop(struct fake_server *server); /* and frees; accepts NULL */

int fake_server_port(const struct fake_server *server);

/* From now on these rules come first, the first that fits counts. Copied. */
void fake_server_rules(struct fake_server *server, const struct fake_rule *rules, size_t n);

/* How many commands that begin so have come since the start. */
size_t fake_server_asked(struct fake_server *server, const char *command);

#endif
