/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/io.h"

#include "lib/base/macro.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define CONNECT_RETRY_MSEC 5

static int64_t clock_usec(clockid_t clock)
{
        struct timespec ts = { 0 };

        /* Fails for unknown clocks only. */
        (void)clock_gettime(clock, &ts);
        return (int64_t)ts.tv_sec * (int64_t)USEC_PER_SEC + ts.tv_nsec / 1000;
}

uint64_t now_monotonic_usec(void)
{
        return (uint64_t)clock_usec(CLOCK_MONOTONIC);
}

int64_t now_realtime_usec(void)
{
        return clock_usec(CLOCK_REALTIME);
}

int64_t now_boottime_usec(void)
{
        return clock_usec(CLOCK_BOOTTIME);
}

int fd_above_stdio(int fd)
{
        int copy;

        if (fd > STDERR_FILENO)
                return fd;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (copy < 0)
                copy = -errno;
        (void)close(fd);
        return copy;
}

static int peer_check(int fd, uid_t owner)
{
        struct ucred peer = { .uid = (uid_t)-1 };
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        return peer.uid == owner ? 0 : -EPERM;
}

static int socket_file_check(const char *path, uid_t owner)
{
        struct stat st;

        if (lstat(path, &st) < 0)
                return -errno;
        return S_ISSOCK(st.st_mode) && st.st_uid == owner ? 0 : -EPERM;
}

int unix_connect(const char *path, int type, uid_t owner, int *ret_fd)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;
        size_t size = strlen(path);
        int r;

        if (size >= sizeof(addr.sun_path))
                return -ENAMETOOLONG;
        memcpy(addr.sun_path, path, size + 1);

        r = socket_file_check(path, owner);
        if (r < 0)
                return r;

        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        fd = fd_above_stdio(fd);
        if (fd < 0)
                return fd;
        if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
                return -errno;
        r = peer_check(fd, owner);
        if (r < 0)
                return r;

        *ret_fd = TAKE_FD(fd);
        return 0;
}

int unix_connect_by(const char *path, int type, uid_t owner, uint64_t deadline_usec, int *ret_fd)
{
        /* connect(2) of AF_UNIX neither waits without blocking nor can be polled. */
        for (;;) {
                int r = unix_connect(path, type, owner, ret_fd);

                if (r != -EAGAIN || now_monotonic_usec() >= deadline_usec)
                        return r;
                (void)poll(NULL, 0, CONNECT_RETRY_MSEC);
        }
}

/* Milliseconds until the deadline for poll(2), rounded up so that a wait never ends early. */
static int deadline_left_msec(uint64_t deadline_usec)
{
        uint64_t now = now_monotonic_usec(), left;

        if (now >= deadline_usec)
                return 0;
        left = (deadline_usec - now - 1) / 1000 + 1;
        return left > INT_MAX ? INT_MAX : (int)left;
}

int fd_wait(int fd, short events, uint64_t deadline_usec)
{
        struct pollfd p = { .fd = fd, .events = events };

        for (;;) {
                int left = deadline_left_msec(deadline_usec), n = poll(&p, 1, left);

                if (n > 0)
                        return p.revents & POLLNVAL ? -EBADF : 0;
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (left == 0)
                        return -ETIMEDOUT;
        }
}

static int message_send(int fd, const struct msghdr *message, uint64_t deadline_usec)
{
        for (;;) {
                int r;

                if (sendmsg(fd, message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
                        return 0;
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;
                r = fd_wait(fd, POLLOUT, deadline_usec);
                if (r < 0)
                        return r;
        }
}

int datagram_send(int fd, const void *data, size_t size, uint64_t deadline_usec)
{
        struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

        return message_send(fd, &message, deadline_usec);
}

int datagram_send_fd(int fd, const void *data, size_t size, int attached_fd, uint64_t deadline_usec)
{
        union {
                struct cmsghdr header;
                uint8_t space[CMSG_SPACE(sizeof(int))];
        } control = { .space = { 0 } };
        struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &attached_fd, sizeof(int));
        return message_send(fd, &message, deadline_usec);
}

int datagram_recv(int fd, void *ret, size_t capacity, uint64_t deadline_usec, size_t *ret_size)
{
        for (;;) {
                struct iovec iov = { .iov_base = ret, .iov_len = capacity };
                struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
                ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
                int r;

                if (n > 0 && message.msg_flags & MSG_TRUNC)
                        return -EMSGSIZE;
                if (n > 0) {
                        *ret_size = (size_t)n;
                        return 0;
                }
                if (n == 0)
                        return -ECONNRESET;
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return -errno;
                r = fd_wait(fd, POLLIN, deadline_usec);
                if (r < 0)
                        return r;
        }
}

int fd_read_all(int fd, void *ret, size_t capacity, size_t *ret_size)
{
        uint8_t *p = ret, beyond;
        size_t size = 0;

        for (;;) {
                bool full = size == capacity;
                ssize_t n = read(fd, full ? &beyond : p + size, full ? 1 : capacity - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                if (full)
                        return -EFBIG;
                size += (size_t)n;
        }
        *ret_size = size;
        return 0;
}

int fd_write_all(int fd, const void *data, size_t size)
{
        const uint8_t *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                p += n;
                size -= (size_t)n;
        }
        return 0;
}
