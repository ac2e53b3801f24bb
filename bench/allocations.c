/* SPDX-License-Identifier: MIT */
#include "allocations.h"

#include "base.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char LIBRARY[] = "libweir-bench-allocations.so";
static const char MARK[] = "WEIR_BENCH_PRELOADED"; /* what LD_PRELOAD was before */

static uint64_t (*made)(void);
static int64_t (*bytes)(void);

static bool is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#endif
#endif
    return false;
}

static bool find_library(char *out, size_t size)
{
    char program[3000];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len < 0)
        return false;
    program[len] = '\0';
    char *slash = strrchr(program, '/');
    snprintf(out, size, "%.*s/%s", slash ? (int)(slash - program) : 0, program, LIBRARY);
    return access(out, R_OK) == 0;
}

void allocations_preload(char **argv)
{
    const char *before = getenv(MARK);
    if (before) { /* what is started from here on is not to be counted */
        if (*before)
            setenv("LD_PRELOAD", before, 1);
        else
            unsetenv("LD_PRELOAD");
        unsetenv(MARK);
        *(void **)&made = dlsym(RTLD_DEFAULT, "weir_bench_allocations");
        *(void **)&bytes = dlsym(RTLD_DEFAULT, "weir_bench_allocated_bytes");
        return;
    }
    char path[3100], list[6400];
    if (is_sanitized() || !find_library(path, sizeof path))
        return;
    before = getenv("LD_PRELOAD");
    snprintf(list, sizeof list, "%s%s%s", path, before ? ":" : "", before ? before : "");
    setenv(MARK, before ? before : "", 1);
    setenv("LD_PRELOAD", list, 1);
    execv("/proc/self/exe", argv);
    unsetenv(MARK); /* it could not be: then nothing is counted */
    if (before)
        setenv("LD_PRELOAD", before, 1);
    else
        unsetenv("LD_PRELOAD");
}

bool allocations_are_counted(void)
{
    return made && bytes;
}

uint64_t allocations_made(void)
{
    return made ? made() : 0;
}

int64_t allocated_bytes(void)
{
    return bytes ? bytes() : 0;
}

int64_t resident_bytes(void)
{
    long total, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%ld %ld", &total, &resident) != 2)
        die("/proc/self/statm can't be read");
    fclose(file);
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}
