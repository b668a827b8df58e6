/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One file of the log: space reserved ahead, one write and one sync, never a second try. */

#include "nhi-agentd/log/store-internal.h"

#include "lib/base/file.h"
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
        if (r == ENOSPC && more > need - f->allocated) {
                more = need - f->allocated;
                r = posix_fallocate(f->fd, (off_t)f->allocated, (off_t)more);
        }
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

/* Behind the last byte that was ever written, where the filesystem knows; else the file's end. */
static off_t data_end(int fd, off_t size)
{
        off_t end = 0, at = 0;

        while (at < size) {
                at = lseek(fd, at, SEEK_DATA);
                if (at < 0)
                        return errno == ENXIO ? end : size;
                at = lseek(fd, at, SEEK_HOLE);
                if (at < 0)
                        return size;
                end = at;
        }
        return end;
}

int logfile_load(int dir_fd, const char *name, int *ret_fd, char **ret, size_t *ret_size,
                 uint64_t *ret_allocated)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *data = NULL;
        struct stat st;
        size_t size = 0;
        off_t end;
        fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != owner_trusted() || (st.st_mode & 022) != 0)
                return -EPERM;
        if ((uint64_t)st.st_size > LOG_SEGMENT_SIZE_MAX + UINT64_C(2) * LOG_STEP_SIZE)
                return -EFBIG;
        end = data_end(fd, st.st_size);
        data = malloc((size_t)end + 1);
        if (!data)
                return -ENOMEM;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        while (size < (size_t)end) {
                const ssize_t n = read(fd, data + size, (size_t)end - size);

                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t)n;
        }
        *ret_fd = TAKE_FD(fd);
        *ret = TAKE_PTR(data);
        *ret_size = size;
        *ret_allocated = (uint64_t)st.st_size;
        return 0;
}
