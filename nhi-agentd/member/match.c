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

/* Under other ids than the account's own: by its login, or, where logins are not told apart, by the
 * user namespace that it made, in which it may take its subordinate ones. */
static bool is_begun_by(pid_t pid, uint32_t loginuid, uid_t uid)
{
        return loginuid == uid || process_is_in_namespace_of(pid, uid);
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

void member_ties_read(pid_t pid, MemberTies *ret)
{
        ret->n_owners = process_namespace_owners(pid, ret->owners);
        if (ret->n_owners <= 0)
                return;
        if (process_effective_uid(pid, &ret->effective) < 0)
                ret->n_owners = -ESRCH;
        ret->loginuid = process_audit_id(pid, "loginuid");
}

/* Only in a user namespace one may be in as many groups as one likes, and make each look long:
 * there nobody's groups are read whom nothing ties to the account. Who could give up the effective
 * uid could have given up the others. */
bool member_may_match(const MemberEnding *e, const MemberTies *t)
{
        const uid_t uid = e->member.of.uid;

        for (int i = 0; i < t->n_owners; i++)
                if (t->owners[i] == uid)
                        return true;
        return t->n_owners <= 0 || t->effective == uid || t->loginuid == uid;
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
            (!is_begun_by(pid, loginuid, of->uid) || is_its_own(m, e, ids->uid[1])))
                return MATCH_NOT;
        if (carries == CARRIES_BY_PROGRAM && process_shares_namespace(pid, "user"))
                return MATCH_NOT;
        if (process_read(pid, &p) < 0 || p.start < e->since_ticks)
                return MATCH_NOT;
        return match_place(m, e, pid, loginuid);
}
