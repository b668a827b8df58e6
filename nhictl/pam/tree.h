/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small folders held in memory, to compare and to put back to the byte: PAM's files. */

#include "lib/base/macro.h"

#include <sys/stat.h>

#define TREE_FILES_MAX     4096u
#define TREE_FILE_SIZE_MAX (1024u * 1024)

typedef struct TreeFile {
        char *path; /* absolute */
        char *text; /* a file's bytes, a link's target, "" of a folder; NUL-terminated behind size
                     */
        size_t size;
        struct stat st;
} TreeFile;

typedef struct Tree {
        TreeFile *files; /* by path, so a folder stands before what is in it */
        size_t n;
} Tree;

/* All that is below these folders (NULL ends them; one that is not there is empty): plain files,
 * symbolic links, folders. 0 and an owned *ret; -E2BIG, -EFBIG for one that is too large,
 * -ENOTSUP for a file of another kind, -ENOMEM or another negative errno, with the path in
 * ret_path, cut to its size. */
int tree_load(const char *const *folders, Tree *ret, char *ret_path, size_t path_size);
void tree_done(Tree *t);

/* NULL where the tree has no such path. */
const TreeFile *tree_find(const Tree *t, const char *path);
/* Equal in kind, bytes, mode and owner? */
bool tree_file_equal(const TreeFile *a, const TreeFile *b);
bool tree_equal(const Tree *a, const Tree *b);

/* Make the folders what t holds, where they differ: what is not in t goes, what is comes back, by
 * rename. Goes on after an error; 0 or the first one, with its path as above. */
int tree_restore(const Tree *t, const char *const *folders, char *ret_path, size_t path_size);
