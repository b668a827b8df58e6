/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/set-bytes.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

int set_bytes_new(char *data, size_t size, SetBytes **ret)
{
        SetBytes *b = calloc(1, sizeof(*b));

        if (!b)
                return -ENOMEM;
        *b = (SetBytes){ .data = data, .size = size, .fd = -EBADF };
        *ret = b;
        return 0;
}

int set_bytes_map(int fd, size_t size_max, SetBytes **ret)
{
        const int seals = fcntl(fd, F_GET_SEALS);
        _cleanup_close_ int own = -EBADF;
        struct stat st;
        void *map;
        int r;

        if (seals < 0 || (seals & SEALS) != SEALS)
                return -EPERM;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size <= 0 || (uint64_t)st.st_size > size_max)
                return -EFBIG;
        if (st.st_blocks * 512 < st.st_size)
                return -EPERM;
        own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (own < 0)
                return -errno;
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        r = set_bytes_new(map, (size_t)st.st_size, ret);
        if (r < 0) {
                (void)munmap(map, (size_t)st.st_size);
                return r;
        }
        (*ret)->map = map;
        (*ret)->fd = TAKE_FD(own);
        return 0;
}

int set_bytes_check(const SetBytes *b)
{
        if (!b->map)
                return 0;
        return lseek(b->fd, 0, SEEK_HOLE) == (off_t)b->size ? 0 : -EPERM;
}

int set_bytes_read(int fd, size_t size_max, SetBytes **ret)
{
        _cleanup_free_ char *data = NULL;
        struct stat st;
        size_t have = 0;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size < 0 || (uint64_t)st.st_size > size_max)
                return -EFBIG;
        data = malloc((size_t)st.st_size + 1);
        if (!data)
                return -ENOMEM;
        while (have < (size_t)st.st_size) {
                const ssize_t n = pread(fd, data + have, (size_t)st.st_size - have, (off_t)have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                have += (size_t)n;
        }
        data[have] = '\0';
        r = set_bytes_new(data, have, ret);
        if (r == 0)
                data = NULL;
        return r;
}

SetBytes *set_bytes_free(SetBytes *b)
{
        if (!b)
                return NULL;
        if (b->map)
                (void)munmap(b->map, b->size);
        else
                free((char *)(uintptr_t)b->data);
        closep(&b->fd);
        free(b);
        return NULL;
}
