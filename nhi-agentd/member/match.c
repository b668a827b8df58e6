/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whose is a process that carries a gid (member.h: MB1, MB3)? */

#include "nhi-agentd/member/internal.h"

#include "nhi-agentd/process.h"
#include "nhi-agentd/session/group.h"

#define ROOT_UID  0
#define USER_TREE "/user.slice/"

static bool has_group_alive(const Members *m, uid_t uid, gid_t gid)
{
        const size_t first = member_list_find(&m->list, uid, gid);
        const size_t n = first < m->list.n ? member_list_run(&m->list, first) : 0;

        for (size_t i = 0; i < n; i++)
                if (!m->list.items[first + i].why)
                        return true;
        return false;
}

/* Somebody else's process, in a session of the account: does whom it runs as have the group? */
static bool is_its_own(const Members *m, const MemberEnding *e, uid_t uid)
{
        const Membership *of = &e->member.of;
        const char *name = localdb_user_name(m->agent->local, uid);
        const Membership theirs = { .name = name, .group = of->group, .gid = of->gid };

        return (name && membership_is_of_host(m->agent, &theirs)) ||
               has_group_alive(m, uid, of->gid);
}

/* A daemon: no login began it, and PID 1 keeps it apart from those that logins did. */
static bool is_of_system(const Members *m, uint32_t loginuid, const char *cgroup)
{
        return m->has_systemd && loginuid == (uint32_t)-1 &&
               strncmp(cgroup, USER_TREE, strlen(USER_TREE)) != 0;
}

static Match match_place(Members *m, const MemberEnding *e, pid_t pid, uint32_t loginuid)
{
        char cgroup[CGROUP_PATH_MAX] = "";
        const char *group;

        if (process_cgroup(pid, cgroup, sizeof(cgroup)) < 0)
                cgroup[0] = '\0';
        /* sudo -g, under a grant that is in force. */
        group = session_group_of(m->agent->sessions, cgroup);
        if (group && streq(group, e->member.of.group))
                return MATCH_NOT;
        if (!is_of_system(m, loginuid, cgroup))
                return MATCH;
        /* In a container ids have other names. */
        return process_shares_namespace(pid, "pid") ? MATCH_APART : MATCH_NOT;
}

Match member_match(Members *m, const MemberEnding *e, pid_t pid, const ProcessIds *ids)
{
        const Membership *of = &e->member.of;
        const Carries carries = process_carries(ids, of->gid);
        uint32_t loginuid;
        Process p;

        if (carries == CARRIES_NOT || process_has_uid(ids, ROOT_UID) || pid == getpid())
                return MATCH_NOT;
        loginuid = process_audit_id(pid, "loginuid");
        if (!process_has_uid(ids, of->uid) &&
            (loginuid != of->uid || is_its_own(m, e, ids->uid[1])))
                return MATCH_NOT;
        if (carries == CARRIES_BY_PROGRAM && process_shares_namespace(pid, "user"))
                return MATCH_NOT;
        if (process_read(pid, &p) < 0 || p.start < e->since_ticks)
                return MATCH_NOT;
        return match_place(m, e, pid, loginuid);
}
