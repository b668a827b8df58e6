/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/memfd.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <sys/mman.h>

int memfd_sealed(const char *name, const void *data, size_t size, int *ret_fd)
{
        _cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int r;

        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, data, size);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                return -errno;

        *ret_fd = TAKE_FD(fd);
        return 0;
}
