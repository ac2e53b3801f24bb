/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BROKER_KEYS_H
#define WEIR_BROKER_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct weir_key {
    char *bytes; /* NUL-terminated */
    size_t len;
};

/* All keys of one queue. */
struct weir_keys {
    struct weir_key stream;       /* S */
    struct weir_key delayed;      /* {S}:delayed */
    struct weir_key delayed_jobs; /* {S}:delayed:jobs */
    struct weir_key dead;         /* {S}:dead */
    struct weir_key once;         /* {S}:once:, what the ids of idempotent enqueues are appended to */
    struct weir_key paused;       /* {S}:paused */
};

/* Makes the names; false without memory, with nothing left to free. */
bool weir_keys_make(const char *stream, struct weir_keys *ret);
void weir_keys_clear(struct weir_keys *keys);

/* Room for a stream's name and its NUL. */
enum { WEIR_STREAM_SIZE = 513 };

/* The stream whose side key with this suffix (":dead") `key` is. False: it is nobody's. */
bool weir_keys_owner(const char *key, const char *suffix, char ret[WEIR_STREAM_SIZE]);

/* Room for the key of any id in any stream. */
enum { WEIR_ONCE_KEY_SIZE = 640 };

/* {S}:once:ID, which says that the id was enqueued not long ago. Returns its length. */
size_t weir_keys_once(const struct weir_keys *keys, const char *id, char out[WEIR_ONCE_KEY_SIZE]);

/* The cluster slot of all of them; false where braces in the name put them into several. */
bool weir_keys_slot(const struct weir_keys *keys, unsigned *ret);

#endif
