/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sessions that PID 1 does not know, for there is no systemd: each in a cgroup of our own,
 *
 *      BASE/nhi/s1         a login
 *      BASE/nhi/s1/s2      the elevation that was begun in it: it ends with it at the latest
 *
 * No timer ends them when the agent is dead: a new agent does, before it serves (S09). */

#include "nhi-agentd/session/crowd.h"
#include "nhi-agentd/session/registry.h"

#include <stdio.h>

bool session_is_pid1s(const Session *s)
{
        return s->kind == SESSION_SCOPE || s->kind == SESSION_LOGIND || s->kind == SESSION_UNIT;
}

bool session_is_populated(const Session *s)
{
        return s->group.dir_fd >= 0 && cgroup_is_populated(&s->group);
}

size_t session_pids(const Session *s, pid_t *ret, size_t n)
{
        return cgroup_pids(&s->group, ret, n);
}

void own_ask(Session *s)
{
        (void)crowd_ask(&(Crowd){ .group = &s->group, .path = s->cgroup });
}

/* The group above may have waited for this one only. */
void own_remove(const Session *s)
{
        const char *base = s->registry->host.means.base;
        char path[sizeof(s->cgroup)], *end;

        if (s->kind != SESSION_CGROUP)
                return;
        memcpy(path, s->cgroup, sizeof(path));
        while (strlen(path) > strlen(base) && cgroup_remove(path) >= 0 &&
               (end = strrchr(path, '/')))
                *end = '\0';
}

/* ---- open ---- */

/* Was the audit session that the caller bears begun for this login? Where sshd is PID 1 itself,
 * that is its parent. */
static void own_audit(Session *s)
{
        const Caller *c = &s->opening->caller;

        if (!s->tie.request.elevation)
                open_audit(s, audit_session_is_own(c->pid, c->audit_session));
}

static int own_name(Session *s)
{
        const Session *above = session_by_cgroup(s->registry, s->opening->caller.cgroup);
        const char *base = s->registry->host.means.base;
        int n;

        if (above && above->kind == SESSION_CGROUP && above->state == SESSION_ACTIVE)
                base = above->cgroup;
        n = snprintf(s->cgroup, sizeof(s->cgroup), "%s/%s", base, s->id);
        if (n < 0 || (size_t)n >= sizeof(s->cgroup))
                return -ENAMETOOLONG;
        (void)snprintf(s->unit, sizeof(s->unit), "nhi/%s", s->id);
        return 0;
}

/* The group is held open, and may so be killed, only once it is seen that it is the caller who is
 * in it. */
static int own_group(Session *s)
{
        const Caller *c = &s->opening->caller;
        int r;

        s->kind = SESSION_CGROUP;
        own_audit(s);
        r = own_name(s);
        if (r == 0)
                r = sessions_save_now(s->registry); /* an agent that dies now leaves no stranger */
        if (r == 0)
                r = cgroup_make(s->registry->host.means.base);
        if (r == 0)
                r = cgroup_make(s->cgroup);
        if (r == 0 && !caller_is_alive(c))
                r = -ESRCH;
        if (r == 0)
                r = cgroup_enter(s->cgroup, c->pid);
        if (r == 0 && (!caller_is_alive(c) || !open_tie(s)))
                r = -ESRCH;
        return r;
}

void open_own(Session *s)
{
        if (own_group(s) < 0)
                open_fail(s, REASON_SESSION_UNKNOWN);
        else
                open_backstop(s);
}
