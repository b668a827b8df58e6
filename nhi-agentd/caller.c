/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises, cited by tests/unit/test-caller.c:
 *  C1 What is read from /proc MUST belong to the process that connected: the pidfd is looked at
 *     after the reading, so a number that was given to another process meanwhile is -ESRCH.
 *  C2 A failed look at the socket MUST NOT leave credentials behind that look like root's. */

#include "nhi-agentd/caller.h"

#include <poll.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define ID_UNSET ((uint32_t)-1)

#ifdef NHI_TEST
int caller_peerpidfd_errno;
#endif

static int peer_option(int sock_fd, int *ret)
{
        socklen_t size = sizeof(*ret);

#ifdef NHI_TEST
        if (caller_peerpidfd_errno != 0)
                return -caller_peerpidfd_errno;
#endif
        return getsockopt(sock_fd, SOL_SOCKET, SO_PEERPIDFD, ret, &size) < 0 ? -errno : 0;
}

/* Before Linux 6.5 there is only a number. Who holds it now is who connected as long as the
 * connection's other end is open: a later holder of the number does not have it. */
static int peer_pidfd_by_number(int sock_fd, pid_t pid, int *ret)
{
        _cleanup_close_ int fd = -EBADF;
        struct pollfd p = { .fd = sock_fd, .events = POLLRDHUP };

        fd = process_open(pid);
        if (fd < 0)
                return -errno;
        if (poll(&p, 1, 0) != 0)
                return -ESRCH;
        *ret = TAKE_FD(fd);
        return 0;
}

static int peer_pidfd(int sock_fd, pid_t pid, int *ret)
{
        int fd = -EBADF, r;

        r = peer_option(sock_fd, &fd);
        if (r == -ENOPROTOOPT)
                return peer_pidfd_by_number(sock_fd, pid, ret);
        if (r == -ENODATA || r == -EINVAL)
                return -ESRCH; /* the option is known; the peer is gone */
        if (r < 0)
                return r;
        *ret = fd;
        return 0;
}

bool caller_is_alive(const Caller *c)
{
        return pidfd_is_alive(c->pidfd);
}

/* The kernel sets loginuid and session at once: who has no loginuid has neither. */
static void read_audit_ids(Caller *c)
{
        c->loginuid = process_audit_id(c->pid, "loginuid");
        c->audit_session = ID_UNSET;
        if (c->loginuid != ID_UNSET)
                c->audit_session = process_audit_id(c->pid, "sessionid");
}

int caller_read_known(int sock_fd, const struct ucred *who, bool with_cgroup, Caller *ret)
{
        Caller c = { .pid = who->pid, .uid = who->uid, .gid = who->gid, .pidfd = -EBADF };
        int r;

        if (who->pid <= 0)
                return -ESRCH;
        r = peer_pidfd(sock_fd, c.pid, &c.pidfd);
        if (r < 0)
                return r;
        if (with_cgroup && process_cgroup(c.pid, c.cgroup, sizeof(c.cgroup)) < 0)
                c.cgroup[0] = '\0';
        read_audit_ids(&c);
        if (!caller_is_alive(&c)) { /* C1 */
                caller_done(&c);
                return -ESRCH;
        }
        *ret = c;
        return 0;
}

int caller_read(int sock_fd, Caller *ret)
{
        struct ucred who = { .pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1 };
        socklen_t size = sizeof(who);

        if (getsockopt(sock_fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
                return -errno;
        if (size != sizeof(who))
                return -ESRCH;
        return caller_read_known(sock_fd, &who, true, ret);
}

void caller_done(Caller *c)
{
        closep(&c->pidfd);
        c->pidfd = -EBADF;
}

/* "user-UID.slice/" with a decimal uid at text: its length, else 0. */
static size_t user_slice_size(const char *text)
{
        size_t n = 0;

        if (strncmp(text, "user-", 5) != 0)
                return 0;
        while (text[5 + n] >= '0' && text[5 + n] <= '9')
                n++;
        if (n == 0 || n > 10 || strncmp(text + 5 + n, ".slice/", 7) != 0)
                return 0;
        return 5 + n + 7;
}

const char *cgroup_scope(const char *path, size_t *ret_len)
{
        static const char top[] = "/user.slice/", suffix[] = ".scope";
        const char *name;
        size_t n, slice;

        if (!path || strncmp(path, top, sizeof(top) - 1) != 0)
                return NULL;
        name = path + sizeof(top) - 1;
        slice = user_slice_size(name);
        if (slice == 0)
                return NULL;
        name += slice;
        n = strcspn(name, "/");
        if (strncmp(name, "session-", 8) != 0 && strncmp(name, "nhi-", 4) != 0)
                return NULL;
        if (n < sizeof(suffix) ||
            memcmp(name + n - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) != 0)
                return NULL;
        if (ret_len)
                *ret_len = n;
        return name;
}
