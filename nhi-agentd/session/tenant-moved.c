/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an elevation began and another login of its own took along: since systemd 257 an su inside
 * of sudo gets a session of logind's, below the slice of whom it becomes. It still bears the audit
 * session and the loginuid of whoever said sudo (tenant.h: A3). */

#include "nhi-agentd/session/tenant.h"

#include "nhi-agentd/session/crowd.h"

#include "lib/base/io.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>

static bool is_in_anothers_slice(const Tenant *a, const char *cgroup)
{
        return strncmp(cgroup, "/user.slice/user-", 17) == 0 && !tenant_holds(a, cgroup) &&
               !session_by_cgroup(a->registry, cgroup);
}

static bool is_moved(void *userdata, pid_t pid)
{
        const Tenant *a = userdata;
        const uint32_t audit_session = process_audit_id(pid, "sessionid");
        int64_t since_usec;
        char cgroup[CGROUP_PATH_MAX];
        ProcessView v;

        return audit_session != AUDIT_UNSET && process_audit_id(pid, "loginuid") == a->uid &&
               elevations_are_over(a, audit_session, &since_usec) &&
               process_began_usec(pid) >= since_usec && process_view(pid, &v) == 0 &&
               v.state != 'Z' && v.uids[0] != a->uid &&
               process_cgroup(pid, cgroup, sizeof(cgroup)) == 0 && is_in_anothers_slice(a, cgroup);
}

/* Whoever forks stays in the cgroup. */
static void moved_kill(Tenant *a, pid_t pid)
{
        _cleanup_(cgroup_close) Cgroup group = CGROUP_NONE;
        char cgroup[CGROUP_PATH_MAX];
        const Crowd crowd = { .group = &group, .path = cgroup, .match = is_moved, .userdata = a };

        if (process_cgroup(pid, cgroup, sizeof(cgroup)) == 0 && cgroup_open(cgroup, &group) == 0)
                (void)crowd_kill(&crowd);
}

static void moved_act(Tenant *a, pid_t pid, SliceAct act)
{
        if (act == SLICE_KILL) {
                moved_kill(a, pid);
        } else if (act == SLICE_ASK) {
                tenant_who(a, pid);
                (void)process_ask(pid, is_moved, a);
        }
}

size_t tenant_moved(Tenant *a, SliceAct act)
{
        size_t n = 0;
        DIR *proc;

        if (a->n_elevations == 0)
                return 0;
        proc = opendir("/proc");
        for (struct dirent *e; proc && (e = readdir(proc));) {
                const pid_t pid = process_of_name(e->d_name);

                if (pid <= 1 || !is_moved(a, pid))
                        continue;
                n++;
                moved_act(a, pid, act);
        }
        if (proc)
                (void)closedir(proc);
        return n;
}
