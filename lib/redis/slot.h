/* SPDX-License-Identifier: MIT */
#ifndef WEIR_REDIS_SLOT_H
#define WEIR_REDIS_SLOT_H

#include <stddef.h>

enum { WEIR_SLOTS = 16384 };

/*
 * The cluster slot of a key: CRC16 (XMODEM) of what stands between the first '{' and the next '}' where that isn't
 * empty, else of the whole key, modulo 16384. As Redis' cluster specification has it.
 */
unsigned weir_key_slot(const char *key, size_t len);

#endif
