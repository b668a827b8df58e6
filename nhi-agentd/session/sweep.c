/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processes that belong to a session although they left its cgroup: those that bear the audit
 * session and the loginuid that were begun for it. Both are the kernel's and cannot be changed
 * by the process. Each is signalled through a pidfd that was opened before it was looked at. */

#include "nhi-agentd/session/registry.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

static pid_t parent_of(pid_t pid)
{
        char path[64], line[256];
        int parent = 0;
        FILE *f;

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        f = fopen(path, "re");
        if (!f)
                return 0;
        while (fgets(line, sizeof(line), f))
                if (sscanf(line, "PPid: %d", &parent) == 1)
                        break;
        (void)fclose(f);
        return parent;
}

bool audit_session_is_own(pid_t pid, uint32_t audit_session)
{
        pid_t parent;

        if (audit_session == AUDIT_UNSET)
                return false;
        parent = parent_of(pid);
        return parent > 1 && process_audit_id(parent, "sessionid") == AUDIT_UNSET;
}

/* The pid in a name of /proc, 0 where it is none. */
static pid_t pid_from_name(const char *name)
{
        long pid;
        char *end;

        if (!isdigit((unsigned char)name[0]))
                return 0;
        pid = strtol(name, &end, 10);
        return *end == '\0' && pid > 1 && pid < INT32_MAX ? (pid_t)pid : 0;
}

static bool bears_audit_id(pid_t pid, const Session *s)
{
        return process_audit_id(pid, "sessionid") == s->audit_session &&
               process_audit_id(pid, "loginuid") == s->loginuid;
}

/* In the cgroup of another session, it is that session's, and ends with that one's grant. */
static bool is_of_another_session(pid_t pid, const Session *s)
{
        char cgroup[512];
        Session *other;

        if (process_cgroup(pid, cgroup, sizeof(cgroup)) < 0)
                return true;
        other = session_by_cgroup(s->registry, cgroup);
        return other && other != s;
}

static bool sweep_process(const Session *s, pid_t pid, int signal)
{
        _cleanup_close_ int pidfd = -EBADF;

        if (!bears_audit_id(pid, s)) /* cheap look first */
                return false;
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0 || !bears_audit_id(pid, s) || is_of_another_session(pid, s) ||
            !pidfd_is_alive(pidfd))
                return false;
        if (signal != 0)
                (void)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
        return true;
}

size_t sweep_session(Session *s, int signal)
{
        size_t n = 0;
        DIR *proc;

        if (s->audit_session == AUDIT_UNSET || s->loginuid == AUDIT_UNSET)
                return 0;
        proc = opendir("/proc");
        if (!proc)
                return 0;
        for (struct dirent *e; (e = readdir(proc));) {
                pid_t pid = pid_from_name(e->d_name);

                if (pid > 0 && pid != getpid() && sweep_process(s, pid, signal))
                        n++;
        }
        (void)closedir(proc);
        return n;
}
