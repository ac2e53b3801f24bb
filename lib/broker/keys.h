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
};

/* Makes the names; false without memory, with nothing left to free. */
bool weir_keys_make(const char *stream, struct weir_keys *ret);
void weir_keys_clear(struct weir_keys *keys);

#endif
