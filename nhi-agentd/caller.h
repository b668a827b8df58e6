/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who is at the other end of a socket, as the kernel and PID 1 say it, read before the caller is
 * moved anywhere. Never anything the caller sent. */

#include "lib/base/macro.h"

#include <sys/socket.h> /* struct ucred */
#include <sys/types.h>

typedef struct Caller {
        pid_t pid;
        uid_t uid; /* SO_PEERCRED: frozen at connect() */
        gid_t gid;
        int pidfd;              /* SO_PEERPIDFD, else pidfd_open(2) of the pid; -EBADF: gone */
        char cgroup[512];       /* the unified path from /proc/PID/cgroup, "" unknown or not read */
        uint32_t loginuid;      /* (uint32_t)-1: unset */
        uint32_t audit_session; /* likewise */
        char unit[256];         /* system unit by PID 1 (GetUnitByPIDFD, else GetUnitByPID with the
                                   pidfd checked afterwards); "" until asked */
        char invocation[33];    /* its invocation id, hex */
} Caller;

/* Fill in all but unit and invocation from a connected socket: 0; -ESRCH where the process is gone
 * or was replaced while we looked; or a negative errno. Owned: caller_done(). */
int caller_read(int sock_fd, Caller *ret);
/* The same about a socket whose SO_PEERCRED is known; the cgroup only where it is asked for. */
int caller_read_known(int sock_fd, const struct ucred *who, bool with_cgroup, Caller *ret);
void caller_done(Caller *c);
/* True while the process we looked at still lives (poll of the pidfd). */
bool caller_is_alive(const Caller *c);

/* The pieces, for the registry of sessions. name is "loginuid" or "sessionid"; (uint32_t)-1: unset
 * or unreadable. process_cgroup(): the unified path; 0, -ESRCH or another negative errno. Both
 * are about a number: whoever decides by them looks at the process's pidfd afterwards. */
uint32_t process_audit_id(pid_t pid, const char *name);
int process_cgroup(pid_t pid, char *ret, size_t size);
bool pidfd_is_alive(int pidfd);
/* The real uid of a process: 0, -ESRCH or another negative errno. About a number, likewise. */
int process_real_uid(pid_t pid, uid_t *ret);

#ifdef NHI_TEST
extern int caller_peerpidfd_errno; /* not 0: SO_PEERPIDFD fails with it (Linux before 6.5) */
#endif

/* The component of the cgroup that is session-*.scope or nhi-*.scope directly below
 * /user.slice/user-UID.slice, else NULL: what a user's own manager makes further down bears any
 * name it likes. Points into path. A name alone proves nothing: the registry of sessions is asked
 * with it. */
const char *cgroup_scope(const char *path, size_t *ret_len);
