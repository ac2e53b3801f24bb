/* SPDX-License-Identifier: MIT */
#include "sweep.h"

#include "support/test.h"

#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What each call may plausibly say. 0 ends a list. */
static const struct {
    enum fault_kind kind;
    int errors[8];
} plausible[] = {
    {FAULT_SOCKET, {EMFILE, ENFILE, ENOMEM, ENOBUFS}},
    {FAULT_CONNECT, {ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EAGAIN, EINTR, ENOENT}},
    {FAULT_RECV, {EINTR, EAGAIN, ECONNRESET, ETIMEDOUT, ENOMEM, FAULT_END_OF_STREAM}},
    {FAULT_SEND, {EINTR, EAGAIN, EPIPE, ECONNRESET, ENOBUFS, FAULT_SHORT}},
    {FAULT_POLL, {EINTR, ENOMEM, EAGAIN}},
    {FAULT_GETSOCKOPT, {ENOBUFS}},
    {FAULT_SETSOCKOPT, {ENOPROTOOPT, ENOMEM}},
    {FAULT_FCNTL, {EINVAL}},
    {FAULT_PIPE, {EMFILE, ENFILE}},
    {FAULT_CLOSE, {EINTR, EIO}},
    {FAULT_READ, {EINTR}},
    {FAULT_WRITE, {EINTR}},
    {FAULT_RESOLVE, {EAI_AGAIN, EAI_MEMORY, EAI_FAIL, EAI_SYSTEM}},
    {FAULT_THREAD, {EAGAIN, ENOMEM}},
    {FAULT_MUTEX, {ENOMEM}},
    {FAULT_CONDITION, {ENOMEM}},
};

static char point[200];

const char *sweep_point(void)
{
    return point;
}

size_t sweep_most(size_t quick, size_t full)
{
    return getenv("WEIR_SWEEP_ALL") ? SIZE_MAX : getenv("WEIR_TEST_QUICK") ? quick : full;
}

static void describe(const char *title, const struct fault *fault, size_t n)
{
    if (fault->kind == FAULT_REFUSAL)
        snprintf(point, sizeof point, "%s, refusal %zu: %.100s", title, n, fault->words);
    else
        snprintf(point, sizeof point, "%s, %s %zu%s, error %d", title, fault_name(fault->kind), n,
                 fault->from_there ? " and all after it" : "", fault->error);
}

size_t sweep_quietly(const char *title, sweep_fn work, void *context, const struct fault *fault, size_t most,
                     size_t *points)
{
    size_t total = 0, hits = 0;
    describe(title, fault, 0);
    work(context, fault, SIZE_MAX, &total);
    size_t step = most < total ? (total + most - 1) / most : 1;
    bool bytes = fault->kind == FAULT_REPLY_BYTE || fault->kind == FAULT_REQUEST_BYTE;
    for (size_t n = bytes ? 0 : 1; n < total + !bytes; n += step) {
        size_t seen;
        describe(title, fault, n);
        hits += work(context, fault, n, &seen);
        ++*points;
    }
    return hits;
}

struct fault sweep_plausible(size_t i)
{
    for (size_t row = 0; row < sizeof plausible / sizeof *plausible; row++)
        for (size_t j = 0; j < 8 && plausible[row].errors[j] != 0; j++)
            if (i-- == 0)
                return (struct fault){.kind = plausible[row].kind, .error = plausible[row].errors[j]};
    return (struct fault){.kind = FAULT_KINDS};
}

void sweep(const char *title, sweep_fn work, void *context, const struct fault *fault, size_t most)
{
    size_t points = 0;
    size_t hits = sweep_quietly(title, work, context, fault, most, &points);
    assert_true(hits > 0);
    print_message("%s, %s%s: %zu points, %zu faults\n", title, fault_name(fault->kind),
                  fault->from_there ? " from there on" : "", points, hits);
}

void sweep_calls(const char *title, sweep_fn work, void *context, bool others, size_t most)
{
    size_t points = 0, hits = 0;
    for (size_t i = 0; sweep_plausible(i).kind != FAULT_KINDS; i++) {
        struct fault fault = sweep_plausible(i);
        fault.others = others;
        hits += sweep_quietly(title, work, context, &fault, most, &points);
    }
    assert_true(hits > 0);
    print_message("%s, system calls: %zu points, %zu faults\n", title, points, hits);
}
