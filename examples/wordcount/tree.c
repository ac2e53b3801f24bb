/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool tree_walk(const char *dir, tree_visit_fn visit, tree_complain_fn complain, void *user_data)
{
    char *roots[] = {strdup(dir), NULL};
    FTS *tree = roots[0] == NULL ? NULL : fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (tree == NULL) {
        complain(dir, errno, user_data);
        free(roots[0]);
        return true;
    }

    bool go_on = true;
    while (go_on) {
        errno = 0;
        const FTSENT *entry = fts_read(tree);
        if (entry == NULL) {
            if (errno != 0)
                complain(dir, errno, user_data);
            break;
        }
        if (entry->fts_info == FTS_F)
            go_on = visit(entry->fts_path, entry->fts_pathlen, user_data);
        else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR)
            complain(entry->fts_path, entry->fts_errno, user_data);
    }

    fts_close(tree);
    free(roots[0]);
    return go_on;
}

char *tree_absolute(const char *path)
{
    if (path[0] == '/')
        return strdup(path);

    char *here = getcwd(NULL, 0);
    if (here == NULL)
        return NULL;
    char *absolute = NULL;
    if (asprintf(&absolute, "%s/%s", strcmp(here, "/") == 0 ? "" : here, path) < 0)
        absolute = NULL;
    free(here);
    return absolute;
}
