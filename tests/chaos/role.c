/* SPDX-License-Identifier: MIT */
#include "role.h"

#include "support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct chaos_page *chaos_page_map(const char *directory)
{
    char path[256];
    snprintf(path, sizeof path, "%s/page", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct chaos_page)) != 0)
        test_die("%s: %s", path, strerror(errno));
    void *page = mmap(NULL, sizeof(struct chaos_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        test_die("%s: %s", path, strerror(errno));
    close(fd);
    return page;
}

bool chaos_wait_for_end(int timeout_ms)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    return sigtimedwait(&set, NULL, &timeout) == SIGTERM;
}
