/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_REPLY_H
#define WEIR_REDIS_REPLY_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <weir/error.h>

enum weir_reply_kind {
    WEIR_REPLY_NIL, /* also what an element is before it has been read */
    WEIR_REPLY_STRING,
    WEIR_REPLY_STATUS,
    WEIR_REPLY_ERROR,
    WEIR_REPLY_INTEGER,
    WEIR_REPLY_ARRAY,
};

/* A reply, parsed straight into an arena; strings are NUL-terminated beyond their length. */
struct weir_reply {
    enum weir_reply_kind kind;
    size_t len; /* bytes of a text, elements of an array */
    union {
        const char *text;
        struct weir_reply *items;
        int64_t integer;
    };
};

/* hiredis' reader with our object functions: its privdata is the arena that the next reply goes into. */
struct redisReader;
struct redisReader *weir_reply_reader_new(void);

/* redisReaderFeed; false without memory. */
bool weir_reply_reader_feed(struct redisReader *reader, const char *bytes, size_t len);

bool weir_reply_is_array(const struct weir_reply *reply, size_t at_least);
bool weir_reply_is_text(const struct weir_reply *reply); /* a bulk or a simple string */
bool weir_reply_starts_with(const struct weir_reply *reply, const char *prefix);

/*
 * The status that an error reply to `command` stands for, with a sentence and the server's words in err; WEIR_OK for
 * any other reply. Pure.
 */
weir_status weir_reply_status(const struct weir_reply *reply, const char *command, weir_error *err);

#endif
