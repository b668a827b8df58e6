/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sessions that PID 1 does not know, for there is no systemd: each in a cgroup of our own,
 *
 *      BASE/nhi/s1         a login
 *      BASE/nhi/s1/s2      the elevation that was begun in it: it ends with it at the latest
 *
 * and where none can be made, known by its processes (sweep-tree.c).
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
        if (s->kind == SESSION_TREE)
                return process_tree_count(&s->tree) > 0;
        return s->group.dir_fd >= 0 && cgroup_is_populated(&s->group);
}

size_t session_pids(const Session *s, pid_t *ret, size_t n)
{
        return s->kind == SESSION_TREE ? tree_pids(s, ret, n) : cgroup_pids(&s->group, ret, n);
}

void own_ask(Session *s)
{
        if (s->kind == SESSION_TREE)
                tree_ask(s);
        else
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

/* Nobody is older in its audit session. Asked where sshd is PID 1 itself, and so the parent of
 * its connections, but also of every orphan. */
static bool is_oldest_of_audit(const Caller *c)
{
        _cleanup_(processes_done) ProcessTable look = {};
        const Process *own;

        if (processes_read(&look) < 0)
                return false;
        own = process_find(&look, c->pid);
        if (!own || own->parent != 1 || process_audit_id(1, "sessionid") != AUDIT_UNSET)
                return false;
        for (size_t i = 0; i < look.n; i++)
                if (look.items[i].start < own->start &&
                    process_audit_id(look.items[i].pid, "sessionid") == c->audit_session)
                        return false;
        return true;
}

/* Was the audit session that the caller bears begun for this login? */
static void own_audit(Session *s)
{
        const Caller *c = &s->opening->caller;

        if (!s->tie.request.elevation)
                open_audit(s, c->audit_session != AUDIT_UNSET &&
                                      (audit_session_is_own(c->pid, c->audit_session) ||
                                       is_oldest_of_audit(c)));
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

/* Denied where nobody could tell what is its own once it lost its parent (promise 3 of the design
 * goes before convenience). */
static int own_tree(Session *s)
{
        const Caller *c = &s->opening->caller;

        s->kind = SESSION_TREE;
        own_audit(s);
        /* What the whole container bears, as one that was started from a login does, tells nobody.
         */
        if (s->tie.request.elevation && c->audit_session != process_audit_id(1, "sessionid"))
                s->claim_audit = c->audit_session;
        (void)snprintf(s->unit, sizeof(s->unit), "processes of %s", s->id);
        if (!tree_is_promised(s))
                return -EOPNOTSUPP;
        return tree_begin(s);
}

/* No unit is PID 1's, who is none to make them: whoever asks for one is nobody we know. */
static bool is_units(const Session *s)
{
        return streq(s->tie.request.class, UNIT_CLASS) ||
               streq(s->tie.request.class, SYSTEMD_USER_CLASS);
}

void open_own(Session *s)
{
        const bool grouped = s->registry->host.means.kind == MEANS_CGROUPS;

        if (is_units(s) || (grouped ? own_group(s) : own_tree(s)) < 0)
                open_fail(s, REASON_SESSION_UNKNOWN);
        else
                open_backstop(s);
}

/* ---- the state file ---- */

int own_save(const Session *s, json_t *o)
{
        json_t *tree;

        if (s->kind != SESSION_TREE)
                return 0;
        tree = process_tree_to_json(&s->tree);
        if (!tree ||
            json_object_set_new(tree, "uid_since", json_integer((json_int_t)s->uid_since)) ||
            json_object_set_new(tree, "claim_audit", json_integer((json_int_t)s->claim_audit))) {
                json_decref(tree);
                return -ENOMEM;
        }
        return json_object_set_new(o, "tree", tree) < 0 ? -ENOMEM : 0;
}

int own_load(const json_t *o, Session *s)
{
        const json_t *tree = json_object_get(o, "tree");

        if (s->kind != SESSION_TREE)
                return 0;
        if (!json_is_integer(json_object_get(tree, "uid_since")) ||
            !json_is_integer(json_object_get(tree, "claim_audit")))
                return -EBADMSG;
        s->uid_since = (uint64_t)json_integer_value(json_object_get(tree, "uid_since"));
        s->claim_audit = (uint32_t)json_integer_value(json_object_get(tree, "claim_audit"));
        return process_tree_from_json(tree, &s->tree);
}
