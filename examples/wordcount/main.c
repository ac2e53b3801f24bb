/* SPDX-License-Identifier: MIT
 *
 * weir-wordcount: counts the words of a directory's files with as many processes as one likes.
 */
#include "coordinator.h"
#include "options.h"
#include "worker.h"

#include <signal.h>

/* Signals are waited for, never handled. Blocked before there are threads, so that no thread of the library gets them.
 */
static void block_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGCHLD, SIG_DFL); /* whatever was inherited: workers are waited for */
    signal(SIGPIPE, SIG_IGN); /* a connection that was closed is an error of write */
}

int main(int argc, char **argv)
{
    struct options options = options_parse(argc, argv);
    block_signals();
    return options.mode == MODE_WORKER ? worker_run(&options) : coordinator_run(&options);
}
