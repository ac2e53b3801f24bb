/* SPDX-License-Identifier: MIT */
#include "uncounted.h"
#include "job_mapper.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct uncounted_file {
    char letter[64]; /* its id */
    char *path;
    size_t path_len;
    char *reason;
    bool counted; /* has a result all the same, or another letter */
};

weir_status uncounted_open(struct uncounted *uncounted, const char *url, const char *stream, const char *run,
                           weir_error *err)
{
    *uncounted = (struct uncounted){.run = run};
    weir_dead_options options = WEIR_DEAD_OPTIONS_INIT;
    options.url = url;
    options.stream = stream;
    return weir_dead_open(&uncounted->dead, &options, err);
}

void uncounted_close(struct uncounted *uncounted)
{
    for (size_t i = 0; i < uncounted->n; i++) {
        free(uncounted->files[i].path);
        free(uncounted->files[i].reason);
    }
    free(uncounted->files);
    weir_dead_close(uncounted->dead);
    *uncounted = (struct uncounted){0};
}

static bool append(struct uncounted *uncounted, const weir_dead_letter *letter, const char *path)
{
    if (uncounted->n == uncounted->room) {
        size_t room = uncounted->room == 0 ? 16 : uncounted->room * 2;
        struct uncounted_file *files = realloc(uncounted->files, room * sizeof *files);
        if (files == NULL)
            return false;
        uncounted->files = files;
        uncounted->room = room;
    }

    const char *reason = letter->error[0] != '\0' ? letter->error : letter->reason_text;
    struct uncounted_file file = {.path = strdup(path), .path_len = strlen(path), .reason = strdup(reason)};
    if (file.path == NULL || file.reason == NULL) {
        free(file.path);
        free(file.reason);
        return false;
    }
    snprintf(file.letter, sizeof file.letter, "%s", letter->id);
    uncounted->files[uncounted->n++] = file;
    return true;
}

/* The dead letters of a stream may be those of several runs. */
static int visit(const weir_dead_letter *letter, void *user_data)
{
    struct uncounted *uncounted = user_data;
    struct file_job file;

    if (file_job_decode(&letter->fields, &file, NULL) == WEIR_OK) { /* it needs no clearing: all is borrowed */
        bool ours = strcmp(file.run, uncounted->run) == 0;
        if (ours && !append(uncounted, letter, file.path)) {
            uncounted->no_memory = true;
            return 1;
        }
    }
    snprintf(uncounted->last, sizeof uncounted->last, "%s", letter->id);
    return 0;
}

weir_status uncounted_refresh(struct uncounted *uncounted, weir_error *err)
{
    char after[sizeof uncounted->last];
    memcpy(after, uncounted->last, sizeof after);
    weir_status status = weir_dead_list(uncounted->dead, after, SIZE_MAX, visit, uncounted, err);
    if (status == WEIR_OK && uncounted->no_memory) {
        *err = (weir_error){.code = WEIR_ERR_MEMORY, .message = "no memory for the list of dead files"};
        status = WEIR_ERR_MEMORY;
    }
    return status;
}

size_t uncounted_letters(const struct uncounted *uncounted)
{
    return uncounted->n;
}

static int by_path(const void *left, const void *right)
{
    const struct uncounted_file *a = left;
    const struct uncounted_file *b = right;
    return strcmp(a->path, b->path);
}

bool uncounted_files(struct uncounted *uncounted, struct results *results, size_t *ret)
{
    size_t n = 0;
    if (uncounted->n > 0)
        qsort(uncounted->files, uncounted->n, sizeof *uncounted->files, by_path);
    for (size_t i = 0; i < uncounted->n; i++) {
        struct uncounted_file *file = &uncounted->files[i];
        if (i > 0 && strcmp(file[-1].path, file->path) == 0)
            file->counted = true;
        else if (!results_has(results, uncounted->run, file->path, file->path_len, &file->counted))
            return false;
        n += !file->counted;
    }
    *ret = n;
    return true;
}

void uncounted_print(const struct uncounted *uncounted, FILE *file)
{
    for (size_t i = 0; i < uncounted->n; i++) {
        if (uncounted->files[i].counted)
            continue;
        fputs("  ", file);
        print_escaped(file, uncounted->files[i].path, uncounted->files[i].path_len);
        fprintf(file, ": %s\n", uncounted->files[i].reason);
    }
}

void uncounted_delete(struct uncounted *uncounted)
{
    for (size_t i = 0; i < uncounted->n; i++)
        (void)weir_dead_delete(uncounted->dead, uncounted->files[i].letter, NULL);
}
