/* SPDX-License-Identifier: MIT */
#include "support/process.h"

#include "support/wait.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The number after `name` in /proc/self/status. */
static long status_number(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    if (!file)
        test_die("/proc/self/status: %s", strerror(errno));
    char line[256];
    long number = -1;
    size_t len = strlen(name);
    while (number < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, name, len) == 0)
            sscanf(line + len, "%ld", &number);
    fclose(file);
    if (number < 0)
        test_die("/proc/self/status has no %s", name);
    return number;
}

int process_threads(void)
{
    return (int)status_number("Threads:");
}

long process_resident_kb(void)
{
    return status_number("VmRSS:");
}

int process_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        test_die("/proc/self/fd: %s", strerror(errno));
    int n = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        n += entry->d_name[0] != '.';
    closedir(directory);
    return n - 1; /* the directory's own */
}

int64_t process_cpu_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

pid_t child_run(int (*fn)(void *context), void *context)
{
    fflush(NULL);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        test_die("fork: %s", strerror(errno));
    if (pid > 0)
        return pid;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);      /* it died before the line above */
    test_on_die(NULL); /* what there is to clean up is the parent's */
    int status = fn(context);
    fflush(NULL);
    _exit(status);
}

int child_wait(pid_t pid, int timeout_ms)
{
    int64_t deadline_ms = test_now_ms() + timeout_ms;
    for (;;) {
        int status;
        pid_t rc = waitpid(pid, &status, WNOHANG);
        if (rc == pid)
            return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        if (rc < 0 && errno != EINTR)
            test_die("waitpid(%d): %s", (int)pid, strerror(errno));
        if (test_now_ms() >= deadline_ms)
            return -1;
        poll(NULL, 0, 2);
    }
}

void child_signal(pid_t pid, int signal)
{
    if (kill(pid, signal) != 0)
        test_die("kill(%d, %d): %s", (int)pid, signal, strerror(errno));
    int status;
    if (signal == SIGSTOP && (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status)))
        test_die("process %d did not stop", (int)pid);
}

void child_kill(pid_t pid)
{
    child_signal(pid, SIGKILL);
    if (child_wait(pid, TEST_TIMEOUT_MS) < 0)
        test_die("process %d does not end", (int)pid);
}
