/* SPDX-License-Identifier: MIT
 *
 * A connection to a server that exists in memory only: whatever is fed here is what the library's own connection, with
 * hiredis' own reader, receives. It stands in for the socket calls of the whole program, so that nothing of lib/redis
 * is left out and an input costs microseconds.
 *
 * What is sent is thrown away. Once all that was fed has been received, the server has closed the connection.
 */
#ifndef FUZZ_WIRE_H
#define FUZZ_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#define WIRE_URL "unix:///nowhere"

/*
 * Borrows the bytes. chunk: how many of them a receive gets at most, ≥ 1. greeting: the replies to a connection's
 * introduction are made up, instead of being taken from the bytes.
 */
void wire_feed(const char *bytes, size_t len, size_t chunk, bool greeting);

/* Bytes not received yet. */
size_t wire_left(void);

#endif
