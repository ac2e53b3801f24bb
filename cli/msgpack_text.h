/* SPDX-License-Identifier: MIT
 *
 * Nested and repeated values of generated mappers are msgpack in one field; this makes them readable.
 */
#ifndef WEIR_CLI_MSGPACK_TEXT_H
#define WEIR_CLI_MSGPACK_TEXT_H

#include <stddef.h>

/*
 * As JSON-like text where the bytes are exactly one msgpack array or map; NULL where they aren't. Binary and extensions
 * are texts with \xNN. The caller frees.
 */
char *msgpack_text(const void *bytes, size_t len);

#endif
