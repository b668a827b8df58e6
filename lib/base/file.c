/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/file.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

uid_t owner_trusted(void)
{
#ifdef NHI_TEST
        return geteuid();
#else
        return 0;
#endif
}

int file_open_trusted(int dir_fd, const char *path, uid_t owner, int *ret_fd, size_t *ret_size)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return errno == ENXIO ? -EPERM : -errno; /* ENXIO: a socket */
        fd = fd_above_stdio(fd);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != owner || (st.st_mode & 022) != 0)
                return -EPERM;

        *ret_fd = TAKE_FD(fd);
        *ret_size = (size_t)st.st_size;
        return 0;
}

/* Read an open file whole, whose size was a hint: it may grow, and /proc says 0. */
static int fd_read_growing(int fd, size_t hint, size_t size_max, char **ret, size_t *ret_size)
{
        for (size_t capacity = hint;;) {
                _cleanup_free_ char *text = malloc(capacity + 1);
                size_t size = 0;
                int r;

                if (!text)
                        return -ENOMEM;
                r = fd_read_all(fd, text, capacity, &size);
                if (r == 0) {
                        text[size] = '\0';
                        *ret = TAKE_PTR(text);
                        *ret_size = size;
                        return 0;
                }
                if (r != -EFBIG || capacity >= size_max)
                        return r;
                capacity = capacity < size_max / 2 ? 2 * capacity + 4096 : size_max;
                if (capacity > size_max)
                        capacity = size_max;
                if (lseek(fd, 0, SEEK_SET) < 0)
                        return -errno;
        }
}

int file_read_trusted_at(int dir_fd, const char *path, uid_t owner, size_t size_max, char **ret,
                         size_t *ret_size)
{
        _cleanup_close_ int fd = -EBADF;
        size_t hint = 0;
        int r;

        r = file_open_trusted(dir_fd, path, owner, &fd, &hint);
        if (r < 0)
                return r;
        if (hint > size_max)
                return -EFBIG;
        return fd_read_growing(fd, hint, size_max, ret, ret_size);
}

int file_read_trusted(const char *path, uid_t owner, size_t size_max, char **ret, size_t *ret_size)
{
        return file_read_trusted_at(AT_FDCWD, path, owner, size_max, ret, ret_size);
}

/* "/etc/nhi/x" gives "/etc/nhi" and "/etc/nhi/.x.XXXXXX"; a bare "x" gives "." and ".x.XXXXXX". */
static int replace_names(const char *path, char **ret_dir, char **ret_temporary)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        _cleanup_free_ char *dir = NULL, *temporary = NULL;

        if (*name == '\0')
                return -EISDIR;
        if (!slash)
                dir = strdup(".");
        else
                dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
        if (asprintf(&temporary, "%.*s.%s.XXXXXX", (int)(name - path), path, name) < 0)
                temporary = NULL;
        if (!dir || !temporary)
                return -ENOMEM;

        *ret_dir = TAKE_PTR(dir);
        *ret_temporary = TAKE_PTR(temporary);
        return 0;
}

/* Reserve, write, own: everything that can fail for want of space happens before the rename. */
static int replace_fill(int fd, const void *data, size_t size, mode_t mode, uid_t uid, gid_t gid,
                        bool durable)
{
        int r;

        r = size > 0 ? posix_fallocate(fd, 0, (off_t)size) : 0;
        if (r != 0 && r != EOPNOTSUPP && r != EINVAL)
                return -r;
        r = fd_write_all(fd, data, size);
        if (r < 0)
                return r;
        if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
                return -errno;
        if (durable && fsync(fd) < 0)
                return -errno;
        return 0;
}

static int dir_sync(const char *dir)
{
        _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

/* As rename(2), but never over a name that is there. */
static int rename_new(const char *from, const char *to)
{
        if (link(from, to) < 0)
                return -1;
        (void)unlink(from);
        return 0;
}

static int file_put(const char *path, const void *data, size_t size, mode_t mode, uid_t uid,
                    gid_t gid, bool durable, int (*put_in_place)(const char *from, const char *to))
{
        _cleanup_free_ char *dir = NULL, *temporary = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = replace_names(path, &dir, &temporary);
        if (r < 0)
                return r;
        fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = replace_fill(fd, data, size, mode, uid, gid, durable);
        if (r == 0 && put_in_place(temporary, path) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlink(temporary);
                return r;
        }
        return durable ? dir_sync(dir) : 0;
}

int file_replace(const char *path, const void *data, size_t size, mode_t mode, uid_t uid, gid_t gid,
                 bool durable)
{
        return file_put(path, data, size, mode, uid, gid, durable, rename);
}

int file_create(const char *path, const void *data, size_t size, mode_t mode, uid_t uid, gid_t gid,
                bool durable)
{
        return file_put(path, data, size, mode, uid, gid, durable, rename_new);
}
