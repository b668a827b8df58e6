/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How each system call can fail on a kernel that works. What no kernel says is not in here: a futex
 * does not fail, a file that is there is not ENOENT. */

#include "tests/fault/fault.h"

#include "lib/base/macro.h"
#include "tests/process.h"

#include <errno.h>
#include <sys/syscall.h>

#define SHORT 1000 /* not an errno: fewer bytes than asked for */

typedef struct Row {
        long nr;
        const char *name;
        bool fd, after;
        int errors[FAULT_CALL_VARIANTS];
} Row;

#define PATH_CALL(name, ...)                                                                       \
        {                                                                                          \
                SYS_##name, #name, false, false,                                                   \
                {                                                                                  \
                        __VA_ARGS__                                                                \
                }                                                                                  \
        }
#define FD_CALL(name, ...)                                                                         \
        {                                                                                          \
                SYS_##name, #name, true, false,                                                    \
                {                                                                                  \
                        __VA_ARGS__                                                                \
                }                                                                                  \
        }

static const Row rows[] = {
        PATH_CALL(openat, EMFILE, ENOMEM, EACCES, EINTR),
        FD_CALL(read, EIO, EINTR, SHORT),
        FD_CALL(pread64, EIO, EINTR, SHORT),
        FD_CALL(write, ENOSPC, EIO, EINTR, SHORT),
        FD_CALL(pwrite64, ENOSPC, EIO, EINTR, SHORT),
        FD_CALL(writev, ENOSPC, EIO, EINTR),
        { SYS_close, "close", true, true, { EIO, EINTR } },
        FD_CALL(fstat, EIO, ENOMEM),
        PATH_CALL(newfstatat, EACCES, ENOMEM, EIO),
        PATH_CALL(statx, EACCES, ENOMEM, EIO),
        FD_CALL(getdents64, EIO, ENOMEM),
        PATH_CALL(faccessat, EACCES, EIO),
        PATH_CALL(faccessat2, EACCES, EIO),
        PATH_CALL(readlinkat, EACCES, EIO),
        PATH_CALL(mkdirat, ENOSPC, EACCES),
        PATH_CALL(unlinkat, EIO, EACCES),
        PATH_CALL(renameat, ENOSPC, EIO, EACCES),
        PATH_CALL(renameat2, ENOSPC, EIO, EACCES),
        PATH_CALL(linkat, ENOSPC, EIO, EMLINK),
        FD_CALL(fsync, EIO, ENOSPC, EINTR),
        FD_CALL(fdatasync, EIO, ENOSPC, EINTR),
        FD_CALL(fallocate, ENOSPC, EIO, EINTR, EOPNOTSUPP),
        FD_CALL(ftruncate, EIO, EINTR),
        FD_CALL(fchmod, EPERM, EIO),
        FD_CALL(fchown, EPERM, EIO),
        FD_CALL(flock, EINTR, ENOLCK),
        FD_CALL(fcntl, ENOMEM, EMFILE),
        PATH_CALL(dup3, EMFILE, EINTR),
        PATH_CALL(socket, EMFILE, ENOMEM, EACCES),
        PATH_CALL(socketpair, EMFILE, ENOMEM),
        FD_CALL(connect, ECONNREFUSED, EAGAIN, EINTR, ENOMEM),
        FD_CALL(accept4, EMFILE, ECONNABORTED, EINTR, EAGAIN),
        FD_CALL(sendmsg, ECONNRESET, ENOBUFS, EINTR, EAGAIN),
        FD_CALL(sendto, ECONNRESET, ENOBUFS, EINTR, EAGAIN),
        FD_CALL(recvmsg, ECONNRESET, ENOMEM, EINTR, EAGAIN),
        FD_CALL(recvfrom, ECONNRESET, ENOMEM, EINTR, EAGAIN),
        FD_CALL(getsockopt, ENOBUFS, ENOPROTOOPT),
        FD_CALL(setsockopt, ENOMEM, ENOPROTOOPT),
        FD_CALL(getsockname, ENOBUFS),
        PATH_CALL(ppoll, EINTR, ENOMEM),
        FD_CALL(epoll_pwait, EINTR),
        FD_CALL(epoll_pwait2, EINTR),
        FD_CALL(epoll_ctl, ENOMEM, ENOSPC),
        PATH_CALL(epoll_create1, EMFILE, ENOMEM),
        PATH_CALL(eventfd2, EMFILE, ENOMEM),
        PATH_CALL(timerfd_create, EMFILE, ENOMEM),
        PATH_CALL(signalfd4, EMFILE, ENOMEM),
        PATH_CALL(memfd_create, EMFILE, ENOMEM),
        PATH_CALL(inotify_init1, EMFILE, ENOMEM),
        FD_CALL(inotify_add_watch, ENOSPC, ENOMEM, EACCES),
        PATH_CALL(pidfd_open, EMFILE, ESRCH, ENOSYS),
        PATH_CALL(pipe2, EMFILE, ENFILE),
        PATH_CALL(getrandom, EINTR),
        PATH_CALL(getcwd, ENOMEM),
#if !SANITIZED /* whose allocator maps memory, and dies where it gets none */
        PATH_CALL(mmap, ENOMEM),
        PATH_CALL(mprotect, ENOMEM),
        PATH_CALL(mremap, ENOMEM),
        PATH_CALL(clone, EAGAIN, ENOMEM),
        PATH_CALL(clone3, EAGAIN, ENOMEM),
#endif
/* Older names, which newer architectures do not have. */
#ifdef SYS_open
        PATH_CALL(open, EMFILE, ENOMEM, EACCES, EINTR),
        PATH_CALL(stat, EACCES, ENOMEM, EIO),
        PATH_CALL(lstat, EACCES, ENOMEM, EIO),
        PATH_CALL(access, EACCES, EIO),
        PATH_CALL(readlink, EACCES, EIO),
        PATH_CALL(mkdir, ENOSPC, EACCES),
        PATH_CALL(unlink, EIO, EACCES),
        PATH_CALL(rename, ENOSPC, EIO, EACCES),
        PATH_CALL(link, ENOSPC, EIO, EMLINK),
        PATH_CALL(poll, EINTR, ENOMEM),
        FD_CALL(epoll_wait, EINTR),
        PATH_CALL(pipe, EMFILE, ENFILE),
        PATH_CALL(dup2, EMFILE, EINTR),
#endif
};

static const Row *row_find(long nr)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].nr == nr)
                        return &rows[i];
        return NULL;
}

bool call_fault(long nr, unsigned variant, CallFault *ret)
{
        const Row *row = row_find(nr);

        if (!row || variant >= FAULT_CALL_VARIANTS || row->errors[variant] == 0)
                return false;
        *ret = (CallFault){ .error = row->errors[variant] == SHORT ? 0 : row->errors[variant],
                            .after = row->after };
        return true;
}

bool call_fault_lasting(long nr, CallFault *ret)
{
        for (unsigned v = 0; v < FAULT_CALL_VARIANTS && call_fault(nr, v, ret); v++)
                if (ret->error != 0 && ret->error != EINTR && ret->error != EAGAIN)
                        return true;
        return false;
}

const char *call_name(long nr)
{
        const Row *row = row_find(nr);

        return row ? row->name : "call";
}

bool call_has_fd(long nr)
{
        const Row *row = row_find(nr);

        return row && row->fd;
}
