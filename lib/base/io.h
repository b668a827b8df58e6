/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* I/O with one absolute deadline, EINTR handled, SIGPIPE never raised. Deadlines are microseconds
 * of CLOCK_MONOTONIC. No function keeps or leaks a descriptor; all are safe in threads. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define USEC_PER_SEC 1000000ull

/* CLOCK_MONOTONIC / CLOCK_REALTIME / CLOCK_BOOTTIME now, in microseconds. */
uint64_t now_monotonic_usec(void);
int64_t now_realtime_usec(void);
int64_t now_boottime_usec(void);

/* Connect a SOCK_SEQPACKET (or other) AF_UNIX socket, CLOEXEC and non-blocking, to path. 0 and an
 * owned *ret_fd, or a negative errno (-EAGAIN where the backlog is full, -ETIMEDOUT never: connect
 * of AF_UNIX does not wait). Refuses a socket file that is not owned by uid 0 or whose peer
 * (SO_PEERCRED) is not uid 0: -EPERM. owner is 0 but in tests. */
int unix_connect(const char *path, int type, uid_t owner, int *ret_fd);
/* The same; while the backlog is full, again until the deadline, and then -EAGAIN. */
int unix_connect_by(const char *path, int type, uid_t owner, uint64_t deadline_usec, int *ret_fd);

/* Take over fd and return it, or its copy above 2 where it is 0, 1 or 2: a process with closed
 * standard descriptors must not write its messages into our socket. Negative errno (fd is closed).
 */
int fd_above_stdio(int fd);

/* Wait until fd is ready for events (poll(2)) or the deadline: 0, -ETIMEDOUT or a negative errno.
 */
int fd_wait(int fd, short events, uint64_t deadline_usec);

/* One datagram out, one in. recv gives its length; a truncated message is -EMSGSIZE, end of file
 * -ECONNRESET, and descriptors that came along are closed by the kernel (MSG_CMSG_CLOEXEC, no
 * control buffer). */
int datagram_send(int fd, const void *data, size_t size, uint64_t deadline_usec);
int datagram_recv(int fd, void *ret, size_t capacity, uint64_t deadline_usec, size_t *ret_size);

/* Send one datagram with one descriptor attached (SCM_RIGHTS). */
int datagram_send_fd(int fd, const void *data, size_t size, int attached_fd,
                     uint64_t deadline_usec);

/* Read until end of file or capacity; more than capacity bytes is -EFBIG. For regular files and
 * memfds. */
int fd_read_all(int fd, void *ret, size_t capacity, size_t *ret_size);
int fd_write_all(int fd, const void *data, size_t size);
