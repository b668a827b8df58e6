/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What lies below PATH_ROOT, where a test's host has its files. */

#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directories that an agent finds there, and where a session's record would go. 0 or a negative
 * errno. */
static inline int root_make_dirs(void)
{
        static const char *const dirs[] = {
                PATH_ROOT,
                PATH_ROOT "/etc",
                PATH_ETC_DIR,
                PATH_TRUST_DIR,
                PATH_CONF_DIR,
                PATH_ROOT "/run",
                PATH_RUN_DIR,
                PATH_ROOT "/run/systemd",
                PATH_ROOT "/run/systemd/journal",
                PATH_ROOT "/var",
                PATH_ROOT "/var/lib",
                PATH_STATE_DIR,
                PATH_SETS_DIR,
                PATH_ROOT "/var/log",
                PATH_LOG_DIR,
                PATH_LOG_DIR "/sets",
        };

        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                if (mkdir(dirs[i], 0755) < 0 && errno != EEXIST)
                        return -errno;
        return 0;
}

static inline int root_remove_entry(const char *path, const struct stat *st, int type,
                                    struct FTW *where)
{
        return remove(path) < 0 && errno != ENOENT;
}

static inline int root_remove_file(const char *path, const struct stat *st, int type,
                                   struct FTW *where)
{
        return type == FTW_F && S_ISREG(st->st_mode) ? root_remove_entry(path, st, type, where) : 0;
}

/* Take away path with all that is in it; or of what is in it the regular files only, for sockets
 * are somebody's. Nothing there is well, too. */
static inline int root_remove(const char *path, bool files_only)
{
        const int flags = files_only ? FTW_PHYS : FTW_PHYS | FTW_DEPTH;

        if (access(path, F_OK) < 0)
                return 0;
        return nftw(path, files_only ? root_remove_file : root_remove_entry, 16, flags) == 0 ? 0
                                                                                             : -EIO;
}
