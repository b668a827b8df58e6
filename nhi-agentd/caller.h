/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who is at the other end of a socket, as the kernel and PID 1 say it, read before the caller is
 * moved anywhere. Never anything the caller sent. */

#include "nhi-agentd/process.h"

#include "lib/base/macro.h"

#include <sys/socket.h> /* struct ucred */
#include <sys/types.h>

typedef struct Caller {
        pid_t pid;
        uid_t uid; /* SO_PEERCRED: frozen at connect() */
        gid_t gid;
        int pidfd; /* SO_PEERPIDFD, else pidfd_open(2) of the pid; -EBADF: gone */
        /* the unified path from /proc/PID/cgroup, "" unknown or not read */
        char cgroup[CGROUP_PATH_MAX];
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

#ifdef NHI_TEST
extern int caller_peerpidfd_errno; /* not 0: SO_PEERPIDFD fails with it (Linux before 6.5) */
#endif

/* The component of the cgroup that is session-*.scope or nhi-*.scope directly below
 * /user.slice/user-UID.slice, else NULL: what a user's own manager makes further down bears any
 * name it likes. Points into path. A name alone proves nothing: the registry of sessions is asked
 * with it. */
const char *cgroup_scope(const char *path, size_t *ret_len);
