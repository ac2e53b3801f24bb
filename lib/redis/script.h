/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_SCRIPT_H
#define WEIR_REDIS_SCRIPT_H

#include "redis/connection.h"

/* A Lua script, embedded at build time. */
struct weir_script {
    const char *name; /* "retry", for messages */
    const char *text;
    size_t len;
    char sha1[41];
};

/* Begins EVALSHA with n_keys keys and n_arguments arguments, which the caller appends next, keys first. */
void weir_script_begin(struct weir_buffer *out, const struct weir_script *script, size_t n_keys, size_t n_arguments);

/* Whether the reply says that the server has not got the script (again): load it, and repeat. */
bool weir_script_missing(const struct weir_reply *reply);

/* SCRIPT LOAD, in a round trip of its own. Errors: those of the connection and the server. */
weir_status weir_script_load(struct weir_connection *connection, const struct weir_script *script, weir_error *err);

/*
 * Runs one script in a round trip, loading it where it is missing. `arguments` holds keys and arguments, encoded, and
 * is left as it is. The reply lies in arena (reset by the caller); an error reply is returned as a status.
 */
weir_status weir_script_run(struct weir_connection *connection, const struct weir_script *script, size_t n_keys,
                            size_t n_arguments, const struct weir_buffer *arguments, struct weir_arena *arena,
                            struct weir_reply **ret, weir_error *err);

#endif
