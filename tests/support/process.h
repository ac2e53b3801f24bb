/* SPDX-License-Identifier: MIT
 *
 * What this process holds, and processes of its own for a test to kill.
 */
#ifndef TEST_SUPPORT_PROCESS_H
#define TEST_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of this process. Descriptors and threads of the test's own proxy count, too: compare before and after. */
int process_threads(void);
int process_fds(void);
long process_resident_kb(void);
int64_t process_cpu_ms(void); /* user and system time, all threads */

/*
 * Forks; the child runs fn(context) and ends with the status that it returns. It is killed when the thread that called
 * this ends. Call it while this process has no other threads: the child has only the calling one.
 */
pid_t child_run(int (*fn)(void *context), void *context);

/* Waits for its end: its exit status, or 128 + the signal that ended it; −1 once timeout_ms have passed. */
int child_wait(pid_t pid, int timeout_ms);

/* Sends a signal. SIGSTOP is waited for, so that the child does nothing any more afterwards. */
void child_signal(pid_t pid, int signal);

/* SIGKILL, and waits. */
void child_kill(pid_t pid);

#endif
