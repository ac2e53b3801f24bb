/* SPDX-License-Identifier: MIT */
#include "output.h"

#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_temporary(struct output *output)
{
    output->temporary = keep_format("%s.%ld.tmp", output->path, (long)getpid());
    struct stat there;
    bool good = stat(output->path, &there) != 0 || !S_ISDIR(there.st_mode);
    if (!good)
        errno = EISDIR; /* renaming would say so as well, but after the first outputs */
    FILE *file = good ? fopen(output->temporary, "wb") : NULL;
    good = file != NULL;
    if (file) {
        good = fwrite(output->text.bytes, 1, output->text.len, file) == output->text.len;
        good &= fflush(file) == 0;
        good &= fclose(file) == 0;
    }
    if (!good)
        fprintf(stderr, "%s: error: can't be written: %s\n", output->path, strerror(errno));
    return good;
}

bool write_outputs(struct output *outputs, size_t n)
{
    bool good = true;
    size_t written = 0;
    for (; written < n && good; written++)
        good = write_temporary(&outputs[written]);
    for (size_t i = 0; i < n && good; i++) {
        good = rename(outputs[i].temporary, outputs[i].path) == 0;
        if (!good)
            fprintf(stderr, "%s: error: can't be written: %s\n", outputs[i].path, strerror(errno));
    }
    for (size_t i = 0; i < n; i++) {
        if (!good && i < written)
            unlink(outputs[i].temporary);
        weir_buffer_free(&outputs[i].text);
    }
    return good;
}
