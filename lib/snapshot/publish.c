/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/snapshot/build.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Tell the readers of the file at path that it is no longer the newest. What is no snapshot of ours
 * is left alone: nobody has it mapped. */
static int supersede(const char *path)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        SnapshotHeader *h;

        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return errno == ENOENT || errno == ELOOP ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
            st.st_size < (off_t)sizeof(SnapshotHeader))
                return 0;

        h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (h == MAP_FAILED)
                return -errno;
        if (memcmp(h->magic, SNAPSHOT_MAGIC, sizeof(h->magic)) == 0)
                __atomic_store_n(&h->superseded_le[0], 1, __ATOMIC_RELEASE);
        (void)munmap(h, sizeof(*h));
        return 0;
}

/* A file beside path that holds all of data: no space that is missing later can shorten it. */
static int write_beside(const char *temporary, const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (unlink(temporary) < 0 && errno != ENOENT)
                return -errno;
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = posix_fallocate(fd, 0, (off_t)size);
        if (r != 0)
                return -r;
        r = fd_write_all(fd, data, size);
        if (r < 0)
                return r;
        return fchmod(fd, 0644) < 0 ? -errno : 0;
}

static int temporary_of(const char *path, char ret[static PATH_MAX])
{
        return snprintf(ret, PATH_MAX, "%s.new", path) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int snapshot_stage(const char *path, const uint8_t *data, size_t size)
{
        char temporary[PATH_MAX];
        int r;

        r = temporary_of(path, temporary);
        if (r < 0)
                return r;
        r = write_beside(temporary, data, size);
        if (r < 0)
                (void)unlink(temporary);
        return r;
}

int snapshot_commit(const char *path)
{
        char temporary[PATH_MAX];
        int r;

        r = temporary_of(path, temporary);
        if (r < 0)
                return r;
        r = supersede(path);
        if (r == 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(temporary);
        return r;
}

int snapshot_publish(const char *path, const uint8_t *data, size_t size)
{
        int r = snapshot_stage(path, data, size);

        return r == 0 ? snapshot_commit(path) : r;
}
