/* SPDX-License-Identifier: MIT */
#include "base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void die(const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "weir-bench: %s\n", text);
    exit(1);
}

void *must_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        die("no memory for %zu bytes; fewer --jobs need less", size);
    return memory;
}

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t now_us(void)
{
    return now_ns() / 1000;
}

void pause_us(int64_t us)
{
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    nanosleep(&t, NULL);
}

static double cpu_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

double cpu_self_us(void)
{
    return cpu_us(CLOCK_PROCESS_CPUTIME_ID);
}

double cpu_thread_us(void)
{
    return cpu_us(CLOCK_THREAD_CPUTIME_ID);
}
