/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_US = 100 };

void *shared_alloc(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        die("no shared memory: %s", strerror(errno));
    return memory;
}

void shared_free(void *memory, size_t size)
{
    munmap(memory, size);
}

pid_t process_start(struct bench *bench, void (*fn)(struct bench *bench, void *context), void *context)
{
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        die("no process: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    redisFree(bench->control); /* the parent's is not ours to use; this closes our copy of its socket alone */
    bench->control = bench_connect(bench);
    fn(bench, context);
    exit(0);
}

void process_wait(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        die("a process of the benchmark was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        exit(WEXITSTATUS(status)); /* it has said why */
}

void process_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

double process_cpu_us(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        die("the processor time of another process can't be read");
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void gate_wait(struct gate *gate)
{
    atomic_fetch_add(&gate->arrived, 1);
    while (!atomic_load(&gate->open))
        pause_us(LOOK_US);
}

void gate_open(struct gate *gate, unsigned after)
{
    while (atomic_load(&gate->arrived) < after)
        pause_us(LOOK_US);
    atomic_store(&gate->open, true);
}
