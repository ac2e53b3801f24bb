/* SPDX-License-Identifier: MIT */
#include "count.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool makes_word(unsigned char c, enum word_rule rule)
{
    return rule == WORDS_ANY ? !is_space(c) : c > ' ' && c <= '~';
}

void count_block(struct counts *counts, bool *in_word, enum word_rule rule, const unsigned char *block, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        counts->lines += block[i] == '\n';
        if (is_space(block[i])) {
            *in_word = false;
        } else if (!*in_word && makes_word(block[i], rule)) {
            *in_word = true;
            counts->words++;
        }
    }
    counts->bytes += n;
}

static int count_descriptor(int fd, enum word_rule rule, struct counts *counts)
{
    unsigned char block[32768];
    bool in_word = false;

    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n == 0)
            return 0;
        if (n > 0)
            count_block(counts, &in_word, rule, block, (size_t)n);
        else if (errno != EINTR)
            return errno;
    }
}

int count_file(const char *path, enum word_rule rule, struct counts *ret)
{
    /* O_NONBLOCK: what was a file when it was found may be a pipe by now, and must not hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno;

    struct counts counts = {0};
    struct stat status;
    int failure;
    if (fstat(fd, &status) != 0)
        failure = errno;
    else if (S_ISDIR(status.st_mode))
        failure = EISDIR;
    else if (!S_ISREG(status.st_mode))
        failure = EINVAL;
    else
        failure = count_descriptor(fd, rule, &counts);
    close(fd);

    if (failure == 0)
        *ret = counts;
    return failure;
}
