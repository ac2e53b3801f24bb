/* SPDX-License-Identifier: MIT
 *
 * A server that refuses a command now and then: a process of its own between the library and a real server, which
 * passes everything on, but for the command at which a FAULT_REFUSAL strikes. That one never reaches the server, and is
 * answered with the fault's words, in its place among the other answers.
 *
 * In a transaction the server is told that something was refused, as it would know by itself.
 */
#ifndef WEIR_TESTS_FAULT_REFUSER_H
#define WEIR_TESTS_FAULT_REFUSER_H

#include "inject.h"

/* Forks: call it before anything else. Ends with the program. Returns the port on 127.0.0.1 that it listens on. */
int refuser_start(void);

/* Where new connections lead: a port of 127.0.0.1. */
void refuser_aim(int port);

/* The i-th thing that a server may say instead of doing what it was told; NULL after the last one. */
const char *refuser_words(size_t i);

#endif
