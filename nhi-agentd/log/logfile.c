/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One file of the log: space reserved ahead, one write and one sync, never a second try. */

#include "nhi-agentd/log/store-internal.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <sys/stat.h>

void logfile_init(LogFile *f)
{
        *f = (LogFile){ .fd = -EBADF };
}

void logfile_done(LogFile *f)
{
        if (f->fd >= 0)
                (void)close(f->fd);
        cited_done(&f->cited);
        logfile_init(f);
}

int logfile_reserve(LogFile *f, uint64_t size, uint64_t step)
{
        const uint64_t need = f->size + size;
        uint64_t more;
        int r;

        if (need <= f->allocated)
                return 0;
        more = need - f->allocated > step ? need - f->allocated : step;
        r = posix_fallocate(f->fd, (off_t)f->allocated, (off_t)more);
        if (r == 0)
                f->allocated += more;
        return -r;
}

/* A signal may interrupt a write to a disk never, and a short one is a disk that is full. */
int logfile_append(LogFile *f, const char *data, size_t size)
{
        const ssize_t n = pwrite(f->fd, data, size, (off_t)f->size);

        if (n < 0)
                return -errno;
        if ((size_t)n != size)
                return -ENOSPC;
        if (fdatasync(f->fd) < 0)
                return -errno;
        f->size += size;
        return 0;
}

int logfile_trim(LogFile *f)
{
        if (ftruncate(f->fd, (off_t)f->size) < 0 || fsync(f->fd) < 0)
                return -errno;
        f->allocated = f->size;
        return 0;
}

int logfile_load(int dir_fd, const char *name, int *ret_fd, char **ret, size_t *ret_size)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *data = NULL;
        struct stat st;
        size_t size = 0;
        int r;

        fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != owner_trusted() || (st.st_mode & 022) != 0)
                return -EPERM;
        if ((uint64_t)st.st_size > LOG_SEGMENT_SIZE_MAX + UINT64_C(2) * LOG_STEP_SIZE)
                return -EFBIG;
        data = malloc((size_t)st.st_size + 1);
        if (!data)
                return -ENOMEM;
        r = fd_read_all(fd, data, (size_t)st.st_size, &size);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}
