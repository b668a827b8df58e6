/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What runs as an account whose grant is over, or what an elevation of it began and moved away, in
 * no session of ours, and is left alone: one record for each group of processes, with the unit and
 * the eldest of them, and one time only. One look at /proc serves all accounts that wait for one.
 */

#include "nhi-agentd/session/tenant.h"

#include "nhi-agentd/process.h"

#include "lib/base/io.h"

#include <dirent.h>
#include <stdio.h>

#define STRAY_LATER_USEC  500000ull /* after the end, and many ends have one look */
#define STRAY_REST_FACTOR 20u
#define STRAYS_A_LOOK     64u
#define STRAYS_KEPT       1024u

/* Processes of one account in one cgroup. */
typedef struct Stray {
        Tenant *account;
        char cgroup[CGROUP_PATH_MAX];
        bool is_moved; /* an elevation began it */
        pid_t eldest;
        int64_t began_usec;
        size_t n;
} Stray;

typedef struct Strays {
        Stray items[STRAYS_A_LOOK];
        size_t n;
} Strays;

/* One process, as the look found it. */
typedef struct Seen {
        pid_t pid;
        ProcessView view;
        int64_t began_usec;
        uint32_t audit_session;
        char cgroup[CGROUP_PATH_MAX];
} Seen;

/* Below its own slice only what was spared there: everything else was ended. */
static bool is_outside(const Tenant *a, const char *cgroup)
{
        _cleanup_(cgroup_close) Cgroup group = CGROUP_NONE;
        const size_t n = tenant_holds(a, cgroup);
        char scope[CGROUP_PATH_MAX];

        if (n == 0)
                return true;
        (void)snprintf(scope, sizeof(scope), "%.*s",
                       (int)(n + 1 + (cgroup[n] ? strcspn(cgroup + n + 1, "/") : 0)), cgroup);
        return cgroup_open(scope, &group) == 0 && tenant_spares(a, scope, &group);
}

/* What sudo or su began bears the audit session of its invoker, and the uid of another: in no
 * session, somebody moved it out of its own. Below the invoker's slice subordinate uids are the
 * invoker's own. */
static bool is_moved(const Tenant *a, const Seen *seen)
{
        if (seen->audit_session == AUDIT_UNSET || seen->view.uids[0] == a->uid ||
            (seen->view.uids[0] != 0 && tenant_holds(a, seen->cgroup) > 0))
                return false;
        for (size_t i = 0; i < a->n_elevations; i++)
                if (a->elevations[i].audit_session == seen->audit_session &&
                    a->elevations[i].since_usec <= seen->began_usec)
                        return true;
        return false;
}

static bool is_stray(const Tenant *a, const Seen *seen, bool *ret_moved)
{
        *ret_moved = is_moved(a, seen);
        return *ret_moved || (a->is_closed && process_view_has_uid(&seen->view, a->uid) &&
                              is_outside(a, seen->cgroup));
}

static void stray_add(Strays *all, Tenant *a, const Seen *seen, bool moved)
{
        Stray *s = all->items;

        while (s < all->items + all->n && (s->account != a || !streq(s->cgroup, seen->cgroup)))
                s++;
        if (s == all->items + all->n) {
                if (all->n == STRAYS_A_LOOK)
                        return;
                all->n++;
                *s = (Stray){ .account = a, .began_usec = INT64_MAX };
                (void)snprintf(s->cgroup, sizeof(s->cgroup), "%s", seen->cgroup);
        }
        s->n++;
        s->is_moved = s->is_moved || moved;
        if (seen->began_usec >= 0 && seen->began_usec < s->began_usec) {
                s->eldest = seen->pid;
                s->began_usec = seen->began_usec;
        }
}

static void stray_see(Sessions *s, const Seen *seen, Strays *all)
{
        bool moved;

        if (session_by_cgroup(s, seen->cgroup))
                return;
        for (Tenant *a = s->tenants; a; a = a->next)
                if (a->is_due && is_stray(a, seen, &moved)) {
                        stray_add(all, a, seen, moved);
                        return;
                }
}

/* Whom nobody of those that are waited for can have begun is not looked at closely. */
static bool is_worth_it(const Sessions *s, const ProcessView *v, uint32_t audit_session)
{
        if (v->state == 'Z')
                return false;
        for (const Tenant *a = s->tenants; a; a = a->next)
                if (a->is_due && ((a->is_closed && process_view_has_uid(v, a->uid)) ||
                                  (a->n_elevations > 0 && audit_session != AUDIT_UNSET)))
                        return true;
        return false;
}

static void stray_look(Sessions *s, Strays *all)
{
        DIR *proc = opendir("/proc");
        Seen seen;

        for (struct dirent *e; proc && (e = readdir(proc));) {
                seen.pid = process_of_name(e->d_name);
                if (seen.pid <= 1 || process_view(seen.pid, &seen.view) < 0)
                        continue;
                seen.audit_session = process_audit_id(seen.pid, "sessionid");
                if (!is_worth_it(s, &seen.view, seen.audit_session) ||
                    process_cgroup(seen.pid, seen.cgroup, sizeof(seen.cgroup)) < 0)
                        continue;
                seen.began_usec = process_began_usec(seen.pid);
                stray_see(s, &seen, all);
        }
        if (proc)
                (void)closedir(proc);
}

/* True the first time. Where there is no room, the one that was first is forgotten. */
static bool stray_is_new(Sessions *s, const Stray *stray)
{
        for (size_t i = 0; i < s->strays.n_told; i++)
                if (s->strays.told[i].pid == stray->eldest &&
                    s->strays.told[i].began_usec == stray->began_usec)
                        return false;
        if (!s->strays.told)
                s->strays.told = calloc(STRAYS_KEPT, sizeof(*s->strays.told));
        if (!s->strays.told)
                return true;
        s->strays.told[s->strays.next] =
                (StrayTold){ .pid = stray->eldest, .began_usec = stray->began_usec };
        s->strays.next = (s->strays.next + 1) % STRAYS_KEPT;
        s->strays.n_told += s->strays.n_told < STRAYS_KEPT;
        return true;
}

/* The first name on the way down that is no slice. */
static void unit_of(const char *cgroup, char *ret, size_t size)
{
        size_t n = 0;

        for (const char *name = cgroup; *name == '/'; name += n) {
                n = strcspn(++name, "/");
                (void)snprintf(ret, size, "%.*s", (int)n, name);
                if (n < 6 || memcmp(name + n - 6, ".slice", 6) != 0)
                        return;
        }
}

static void stray_record(const Stray *s)
{
        Caller c = { .pid = s->eldest,
                     .pidfd = -EBADF,
                     .loginuid = process_audit_id(s->eldest, "loginuid"),
                     .audit_session = process_audit_id(s->eldest, "sessionid") };
        Sessions *registry = s->account->registry;
        ProcessView v = { .comm = "?" };
        char detail[192];
        const Event e = { .kind = EVENT_STRAY,
                          .account = s->account->name,
                          .uid = s->account->uid,
                          .caller = &c,
                          .code = "left",
                          .detail = detail,
                          .n_denials = s->n };

        (void)process_view(s->eldest, &v);
        (void)snprintf(
                detail, sizeof(detail), "the eldest is pid %d (%s)%s", (int)s->eldest, v.comm,
                s->is_moved ? ", which an elevation began and moved out of its session" : "");
        (void)snprintf(c.cgroup, sizeof(c.cgroup), "%s", s->cgroup);
        unit_of(s->cgroup, c.unit, sizeof(c.unit));
        registry->host.record(registry->host.userdata, &e);
}

static int on_stray_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        const uint64_t begin_usec = now_monotonic_usec();
        Sessions *s = userdata;
        Strays *all = calloc(1, sizeof(*all));

        s->strays.timer = sd_event_source_disable_unref(s->strays.timer);
        if (!all)
                return 0;
        stray_look(s, all);
        for (size_t i = 0; i < all->n; i++)
                if (all->items[i].eldest > 0 && stray_is_new(s, &all->items[i]))
                        stray_record(&all->items[i]);
        for (Tenant *a = s->tenants; a; a = a->next)
                a->is_due = false;
        free(all);
        s->strays.rest_usec = STRAY_REST_FACTOR * (now_monotonic_usec() - begin_usec);
        return 0;
}

void stray_report(Tenant *a)
{
        Sessions *s = a->registry;

        a->is_due = a->uid != 0;
        if (s->strays.timer || !a->is_due)
                return;
        if (sd_event_add_time_relative(s->event, &s->strays.timer, CLOCK_MONOTONIC,
                                       STRAY_LATER_USEC + s->strays.rest_usec, 0, on_stray_timer,
                                       s) >= 0)
                (void)sd_event_source_set_description(s->strays.timer, "strays");
}

void strays_free(Sessions *s)
{
        s->strays.timer = sd_event_source_disable_unref(s->strays.timer);
        free(s->strays.told);
        s->strays.told = NULL;
}
