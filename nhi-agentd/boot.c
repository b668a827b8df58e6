/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/boot.h"

#include "lib/base/io.h"

#include <fcntl.h>

int kernel_boot_id_read(char ret[static BOOT_ID_SIZE])
{
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;

        fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, ret, BOOT_ID_SIZE - 1);
        if (n < (ssize_t)BOOT_ID_SIZE - 1)
                return n < 0 ? -errno : -EIO;
        ret[BOOT_ID_SIZE - 1] = '\0';
        return 0;
}
