/* SPDX-License-Identifier: MIT
 *
 * Commands, written as RESP into a buffer: the number of arguments first, then each of them. A failed allocation is
 * found in the buffer's `failed` once, when it is sent.
 */
#ifndef WEIR_REDIS_COMMAND_H
#define WEIR_REDIS_COMMAND_H

#include "base/buffer.h"

#include <stdint.h>

void weir_command_begin(struct weir_buffer *out, size_t n_arguments);
void weir_command_bytes(struct weir_buffer *out, const char *bytes, size_t len);
void weir_command_text(struct weir_buffer *out, const char *text);
void weir_command_i64(struct weir_buffer *out, int64_t value);

/* How long the first command in these bytes, which were written by the functions above, is; 0: it is not all there. */
size_t weir_command_length(const char *bytes, size_t len);

#endif
