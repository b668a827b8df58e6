/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sessions that are known by their processes only (process-tree.h): one look at /proc serves all of
 * them, at intervals while there are any. What a look missed while its parent lived is an orphan by
 * the next one, and whose it is, is told by
 *
 *   its audit session     a login's own; of an elevation's orphans, the invoker's, and that they
 *                         began after the elevation and do not run as the invoker again
 *   its uid               where every way into the account is enforced: an orphan that began after
 *                         the account's first session, once its login is over and no other session
 *                         of the account is left
 *
 * A session for which neither can be told is not opened (tree_is_promised()): it might outlive its
 * grant. */

#include "nhi-agentd/session/registry.h"

#include "lib/base/io.h"
#include "nhi-agentd/session/crowd.h"

#include <signal.h>

#define POLL_USEC        200000ull
#define POLL_REST_FACTOR 20u /* so that polling costs a twentieth of a processor at most */
#define LOOK_REST_FACTOR 4u
#define ANCESTORS_MAX    64u

bool tree_is_promised(const Session *s)
{
        const SessionsHost *host = &s->registry->host;

        if (s->tie.request.elevation)
                return s->claim_audit != AUDIT_UNSET;
        return s->audit_session != AUDIT_UNSET ||
               (host->account_is_closed &&
                host->account_is_closed(host->userdata, s->tie.request.account,
                                        s->tie.request.uid));
}

/* ---- whose is an orphan? ---- */

static bool is_live_tree(const Session *i)
{
        return i->kind == SESSION_TREE && i->state != SESSION_ENDING;
}

/* Of two elevations under two grants that an orphan may come from it is the one's that lives
 * longer: the wrong one is never ended. */
static bool another_claims(const Session *s, const Process *p)
{
        for (const Session *i = s->registry->sessions; i; i = i->next)
                if (i != s && is_live_tree(i) && i->claim_audit == s->claim_audit &&
                    p->start >= i->tree.since && !streq_ptr(i->tie.grant.jti, s->tie.grant.jti))
                        return true;
        return false;
}

static bool another_has(const Session *s, const Process *p)
{
        for (const Session *i = s->registry->sessions; i; i = i->next)
                if (i != s && is_live_tree(i) && process_tree_has(&i->tree, p))
                        return true;
        return false;
}

static bool another_of_account(const Session *s)
{
        for (const Session *i = s->registry->sessions; i; i = i->next)
                if (i != s && is_live_tree(i) &&
                    streq_ptr(i->tie.request.account, s->tie.request.account))
                        return true;
        return false;
}

static bool has_uid(pid_t pid, uid_t uid)
{
        ProcessView v;

        return process_view(pid, &v) == 0 && process_view_has_uid(&v, uid);
}

/* Its parent is gone, or is such an orphan itself: whoever lives and began it answers for it. One
 * that was put into the container from outside has none (0). */
static bool is_orphan(const ProcessTable *look, const Process *p, uid_t uid)
{
        for (unsigned i = 0; i < ANCESTORS_MAX && p; i++) {
                if (p->parent == 1)
                        return true;
                p = process_find(look, p->parent);
                if (p && !has_uid(p->pid, uid))
                        return false;
        }
        return false;
}

static bool bears_audit(const Session *s, const Process *p)
{
        const ProcessAudit *a;

        if (s->audit_session == AUDIT_UNSET)
                return false;
        a = process_audit_of(&s->registry->processes, p);
        return a->session == s->audit_session && a->loginuid == s->loginuid;
}

static bool is_orphaned_elevation(const Session *s, const Process *p)
{
        return s->claim_audit != AUDIT_UNSET && p->start >= s->tree.since &&
               process_audit_of(&s->registry->processes, p)->session == s->claim_audit &&
               p->parent == 1 && !has_uid(p->pid, s->tie.request.uid) && !another_has(s, p) &&
               !another_claims(s, p);
}

/* While its login lives, it may be on its way to be somebody's. */
static bool takes_orphans_of_uid(const Session *s)
{
        const SessionsHost *host = &s->registry->host;

        return !s->tie.request.elevation &&
               (s->state == SESSION_ENDING || !pidfd_is_alive(s->leader_pidfd)) &&
               host->account_is_closed &&
               host->account_is_closed(host->userdata, s->tie.request.account,
                                       s->tie.request.uid) &&
               !another_of_account(s);
}

static bool tree_adopt(Session *s)
{
        const ProcessTable *look = &s->registry->processes;
        const uid_t uid = s->tie.request.uid;
        const bool by_uid = takes_orphans_of_uid(s);
        bool changed = false;

        for (size_t i = 0; i < look->n; i++) {
                const Process *p = &look->items[i];

                if (p->pid == 1 || p->pid == getpid() || p->is_zombie || p->start < s->uid_since ||
                    process_tree_has(&s->tree, p))
                        continue;
                if (!bears_audit(s, p) && !is_orphaned_elevation(s, p) &&
                    !(by_uid && has_uid(p->pid, uid) && is_orphan(look, p, uid) &&
                      !another_has(s, p)))
                        continue;
                changed = process_tree_add(&s->tree, p, p->session == p->pid) == 0 || changed;
        }
        return changed;
}

/* ---- looks ---- */

/* What is begun by whom was found is found in the same look. */
static void tree_take(Session *s)
{
        bool changed = process_tree_update(&s->tree, &s->registry->processes);

        while (tree_adopt(s)) {
                (void)process_tree_update(&s->tree, &s->registry->processes);
                changed = true;
        }
        if (changed)
                sessions_save(s->registry);
}

/* A look that began at since_usec or later: 0, -EAGAIN where the next one must wait, or another
 * negative errno. */
static int look_since(Sessions *r, uint64_t since_usec)
{
        const ProcessTable *t = &r->processes;

        if (t->end_usec != 0 && t->begin_usec >= since_usec)
                return 0;
        if (now_monotonic_usec() - t->end_usec < LOOK_REST_FACTOR * (t->end_usec - t->begin_usec))
                return -EAGAIN;
        return processes_read(&r->processes);
}

static int on_tree_poll(sd_event_source *source, uint64_t usec, void *userdata)
{
        const uint64_t begin_usec = now_monotonic_usec();
        Sessions *r = userdata;

        r->tree_poll = sd_event_source_disable_unref(r->tree_poll);
        if (processes_read(&r->processes) == 0)
                for (Session *s = r->sessions, *next; s; s = next) {
                        next = s->next;
                        if (s->kind != SESSION_TREE || s->state == SESSION_OPENING)
                                continue;
                        tree_take(s);
                        if (process_tree_count(&s->tree) == 0)
                                session_emptied(s);
                }
        r->tree_usec = now_monotonic_usec() - begin_usec;
        tree_watch(r);
        return 0;
}

uint64_t tree_poll_usec(const Sessions *r)
{
        const uint64_t rest = POLL_REST_FACTOR * r->tree_usec;

        return rest > POLL_USEC ? rest : POLL_USEC;
}

void tree_watch(Sessions *r)
{
        bool wanted = false;

        for (const Session *s = r->sessions; s && !wanted; s = s->next)
                wanted = s->kind == SESSION_TREE;
        if (!wanted || r->tree_poll)
                return;
        if (sd_event_add_time_relative(r->event, &r->tree_poll, CLOCK_MONOTONIC, tree_poll_usec(r),
                                       1, on_tree_poll, r) >= 0)
                (void)sd_event_source_set_description(r->tree_poll, "session-trees");
}

/* ---- open ---- */

/* An account's first session: what began before it is nobody's of ours. */
static uint64_t uid_since(const Session *s, uint64_t start)
{
        for (const Session *i = s->registry->sessions; i; i = i->next)
                if (i != s && i->kind == SESSION_TREE && i->uid_since < start &&
                    streq_ptr(i->tie.request.account, s->tie.request.account))
                        start = i->uid_since;
        return start;
}

/* A shell may have become its sudo by exec: what it began before is not the elevation's. */
int tree_begin(Session *s)
{
        const bool elevation = s->tie.request.elevation;
        Process leader;
        int r;

        r = process_read(s->leader, &leader);
        if (r < 0)
                return r;
        s->tree.since = elevation ? process_start_now() : leader.start;
        s->uid_since = elevation ? s->tree.since : uid_since(s, leader.start);
        r = process_tree_add(&s->tree, &leader, !elevation && leader.session == leader.pid);
        if (r == 0)
                tree_watch(s->registry);
        return r;
}

void tree_reopen(Session *s)
{
        Process leader;

        if (processes_read(&s->registry->processes) == 0)
                tree_take(s);
        s->leader_pidfd = process_open(s->leader);
        if (process_read(s->leader, &leader) < 0 || !process_tree_has(&s->tree, &leader)) {
                closep(&s->leader_pidfd);
                s->leader_pidfd = -EBADF;
        }
        tree_watch(s->registry);
}

Session *session_by_ancestors(Sessions *r, pid_t pid)
{
        Session *found = NULL;
        Process p;

        for (unsigned i = 0; i < ANCESTORS_MAX && !found && process_read(pid, &p) == 0; i++) {
                for (Session *s = r->sessions; s; s = s->next)
                        if (s->kind == SESSION_TREE && process_tree_has(&s->tree, &p) &&
                            (!found || s->number > found->number))
                                found = s;
                pid = p.parent;
        }
        return found;
}

/* ---- the end ---- */

static size_t list_tree(void *userdata, pid_t *ret, size_t n)
{
        const Session *s = userdata;
        size_t found = 0;

        for (size_t i = 0; i < s->tree.n; i++) {
                if (s->tree.items[i].gone)
                        continue;
                if (found < n)
                        ret[found] = s->tree.items[i].pid;
                found++;
        }
        return found;
}

size_t tree_pids(const Session *s, pid_t *ret, size_t n)
{
        return list_tree((void *)(uintptr_t)s, ret, n);
}

/* Asked once for their number and once for them: a look before the first is enough. */
static size_t list_looked(void *userdata, pid_t *ret, size_t n)
{
        Session *s = userdata;

        if (n == 0 && processes_read(&s->registry->processes) == 0)
                tree_take(s);
        return list_tree(s, ret, n);
}

static bool match_tree(void *userdata, pid_t pid)
{
        const Session *s = userdata;
        Process p;

        return process_read(pid, &p) == 0 && !p.is_zombie && process_tree_has(&s->tree, &p);
}

void tree_ask(Session *s)
{
        for (size_t i = 0; i < s->tree.n; i++)
                if (!s->tree.items[i].gone)
                        (void)process_ask(s->tree.items[i].pid, match_tree, s);
}

ssize_t tree_sweep(Session *s, int signal)
{
        size_t n;
        int r;

        r = look_since(s->registry, s->changed_usec);
        if (r < 0)
                return r;
        tree_take(s);
        n = process_tree_count(&s->tree);
        if (n == 0)
                return 0;
        if (signal == SIGKILL)
                (void)crowd_kill_listed(list_looked, s, match_tree, s);
        else if (signal != 0)
                tree_ask(s);
        s->changed_usec = now_monotonic_usec();
        return (ssize_t)n;
}
