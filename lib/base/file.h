/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files that are trusted because of who owns them. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who must own what we trust: uid 0; in test builds (NHI_TEST) whoever runs the test. The one place
 * where that differs. */
uid_t owner_trusted(void);

/* Open an existing regular file for reading: no symlink in the last component, O_NONBLOCK so that a
 * FIFO cannot hang us, owned by owner and writable by nobody else (mode & 022 == 0). dir_fd and
 * path as in openat(2). 0 and an owned *ret_fd; -ENOENT where it is absent; -EPERM where owner,
 * mode or type is wrong (-ELOOP for a symlink); another negative errno. */
int file_open_trusted(int dir_fd, const char *path, uid_t owner, int *ret_fd, size_t *ret_size);

/* The same and read it whole: a malloc'ed buffer, NUL-terminated behind size bytes (a NUL inside is
 * the caller's to refuse). A file over size_max is -EFBIG. */
int file_read_trusted(const char *path, uid_t owner, size_t size_max, char **ret, size_t *ret_size);
int file_read_trusted_at(int dir_fd, const char *path, uid_t owner, size_t size_max, char **ret,
                         size_t *ret_size);

/* Replace path by a file with this content: temporary name in the same directory, O_EXCL, space
 * reserved with posix_fallocate, written, mode and owner set, fsync'ed where durable, renamed over,
 * directory fsync'ed where durable. Old or new after any crash; nothing is left behind on error. */
int file_replace(const char *path, const void *data, size_t size, mode_t mode, uid_t uid, gid_t gid,
                 bool durable);
/* The same, but only where path is not there: of several at one instant one wins, the others are
 * told -EEXIST. */
int file_create(const char *path, const void *data, size_t size, mode_t mode, uid_t uid, gid_t gid,
                bool durable);
