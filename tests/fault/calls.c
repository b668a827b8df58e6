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

#define PATH_CALL(call, ...) .nr = SYS_##call, .name = #call, .errors = { __VA_ARGS__ }
#define FD_CALL(call, ...)   PATH_CALL(call, __VA_ARGS__), .fd = true

/* A call fails alike under its older name. */
#define OPEN_ERRORS   EMFILE, ENOMEM, EACCES, EINTR
#define STAT_ERRORS   EACCES, ENOMEM, EIO
#define LOOK_ERRORS   EACCES, EIO
#define MKDIR_ERRORS  ENOSPC, EACCES
#define UNLINK_ERRORS EIO, EACCES
#define RENAME_ERRORS ENOSPC, EIO, EACCES
#define LINK_ERRORS   ENOSPC, EIO, EMLINK
#define POLL_ERRORS   EINTR, ENOMEM
#define PIPE_ERRORS   EMFILE, ENFILE
#define DUP_ERRORS    EMFILE, EINTR

static const Row rows[] = {
        { PATH_CALL(openat, OPEN_ERRORS) },
        { FD_CALL(read, EIO, EINTR, SHORT) },
        { FD_CALL(pread64, EIO, EINTR, SHORT) },
        { FD_CALL(write, ENOSPC, EIO, EINTR, SHORT) },
        { FD_CALL(pwrite64, ENOSPC, EIO, EINTR, SHORT) },
        { FD_CALL(writev, ENOSPC, EIO, EINTR) },
        { FD_CALL(close, EIO, EINTR), .after = true },
        { FD_CALL(fstat, EIO, ENOMEM) },
        { PATH_CALL(newfstatat, STAT_ERRORS) },
        { PATH_CALL(statx, STAT_ERRORS) },
        { FD_CALL(getdents64, EIO, ENOMEM) },
        { PATH_CALL(faccessat, LOOK_ERRORS) },
        { PATH_CALL(faccessat2, LOOK_ERRORS) },
        { PATH_CALL(readlinkat, LOOK_ERRORS) },
        { PATH_CALL(mkdirat, MKDIR_ERRORS) },
        { PATH_CALL(unlinkat, UNLINK_ERRORS) },
        { PATH_CALL(renameat, RENAME_ERRORS) },
        { PATH_CALL(renameat2, RENAME_ERRORS) },
        { PATH_CALL(linkat, LINK_ERRORS) },
        { FD_CALL(fsync, EIO, ENOSPC, EINTR) },
        { FD_CALL(fdatasync, EIO, ENOSPC, EINTR) },
        { FD_CALL(fallocate, ENOSPC, EIO, EINTR, EOPNOTSUPP) },
        { FD_CALL(ftruncate, EIO, EINTR) },
        { FD_CALL(fchmod, EPERM, EIO) },
        { FD_CALL(fchown, EPERM, EIO) },
        { FD_CALL(flock, EINTR, ENOLCK) },
        { FD_CALL(fcntl, ENOMEM, EMFILE) },
        { PATH_CALL(dup3, DUP_ERRORS) },
        { PATH_CALL(socket, EMFILE, ENOMEM, EACCES) },
        { PATH_CALL(socketpair, EMFILE, ENOMEM) },
        { FD_CALL(connect, ECONNREFUSED, EAGAIN, EINTR, ENOMEM) },
        { FD_CALL(accept4, EMFILE, ECONNABORTED, EINTR, EAGAIN) },
        { FD_CALL(sendmsg, ECONNRESET, ENOBUFS, EINTR, EAGAIN) },
        { FD_CALL(sendto, ECONNRESET, ENOBUFS, EINTR, EAGAIN) },
        { FD_CALL(recvmsg, ECONNRESET, ENOMEM, EINTR, EAGAIN) },
        { FD_CALL(recvfrom, ECONNRESET, ENOMEM, EINTR, EAGAIN) },
        { FD_CALL(getsockopt, ENOBUFS, ENOPROTOOPT) },
        { FD_CALL(setsockopt, ENOMEM, ENOPROTOOPT) },
        { FD_CALL(getsockname, ENOBUFS) },
        { PATH_CALL(ppoll, POLL_ERRORS) },
        { FD_CALL(epoll_pwait, EINTR) },
        { FD_CALL(epoll_pwait2, EINTR) },
        { FD_CALL(epoll_ctl, ENOMEM, ENOSPC) },
        { PATH_CALL(epoll_create1, EMFILE, ENOMEM) },
        { PATH_CALL(eventfd2, EMFILE, ENOMEM) },
        { PATH_CALL(timerfd_create, EMFILE, ENOMEM) },
        { PATH_CALL(signalfd4, EMFILE, ENOMEM) },
        { PATH_CALL(memfd_create, EMFILE, ENOMEM) },
        { PATH_CALL(inotify_init1, EMFILE, ENOMEM) },
        { FD_CALL(inotify_add_watch, ENOSPC, ENOMEM, EACCES) },
        { PATH_CALL(pidfd_open, EMFILE, ESRCH, ENOSYS) },
        { PATH_CALL(pipe2, PIPE_ERRORS) },
        { PATH_CALL(getrandom, EINTR) },
        { PATH_CALL(getcwd, ENOMEM) },
#if !SANITIZED /* whose allocator maps memory, and dies where it gets none */
        { PATH_CALL(mmap, ENOMEM) },
        { PATH_CALL(mprotect, ENOMEM) },
        { PATH_CALL(mremap, ENOMEM) },
        { PATH_CALL(clone, EAGAIN, ENOMEM) },
        { PATH_CALL(clone3, EAGAIN, ENOMEM) },
#endif
/* Older names, which newer architectures do not have. */
#ifdef SYS_open
        { PATH_CALL(open, OPEN_ERRORS) },
        { PATH_CALL(stat, STAT_ERRORS) },
        { PATH_CALL(lstat, STAT_ERRORS) },
        { PATH_CALL(access, LOOK_ERRORS) },
        { PATH_CALL(readlink, LOOK_ERRORS) },
        { PATH_CALL(mkdir, MKDIR_ERRORS) },
        { PATH_CALL(unlink, UNLINK_ERRORS) },
        { PATH_CALL(rename, RENAME_ERRORS) },
        { PATH_CALL(link, LINK_ERRORS) },
        { PATH_CALL(poll, POLL_ERRORS) },
        { FD_CALL(epoll_wait, EINTR) },
        { PATH_CALL(pipe, PIPE_ERRORS) },
        { PATH_CALL(dup2, DUP_ERRORS) },
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
