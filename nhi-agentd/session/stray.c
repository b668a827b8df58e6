/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What runs as an account whose grant is over, in no session of ours, and is left alone: one record
 * for each group of processes, with the unit and the eldest of them, and one time only. One look at
 * /proc serves all accounts that wait for one. */

#include "nhi-agentd/session/tenant.h"

#include "nhi-agentd/session/process.h"

#include "lib/base/io.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

#define STRAY_LATER_USEC  500000ull /* after the end, and many ends have one look */
#define STRAY_REST_FACTOR 20u
#define STRAYS_A_LOOK     64u
#define STRAYS_KEPT       1024u

/* Processes of one account in one cgroup. */
typedef struct Stray {
        Tenant *account;
        char cgroup[512];
        pid_t eldest;
        int64_t began_usec;
        size_t n;
} Stray;

typedef struct Strays {
        Stray items[STRAYS_A_LOOK];
        size_t n;
} Strays;

static Tenant *tenant_due(const Sessions *s, const ProcessView *v)
{
        for (Tenant *a = s->tenants; a; a = a->next)
                if (a->is_due && process_view_has_uid(v, a->uid))
                        return a;
        return NULL;
}

/* Below its own slice only what was spared there: everything else had its own way in. */
static bool is_stray(const Tenant *a, const char *cgroup)
{
        _cleanup_(cgroup_close) Cgroup group = CGROUP_NONE;
        char slice[64], scope[512];
        size_t n;

        if (session_by_cgroup(a->registry, cgroup))
                return false;
        n = (size_t)snprintf(slice, sizeof(slice), "/user.slice/user-%" PRIu32 ".slice", a->uid);
        if (!cgroup_is_within(cgroup, slice))
                return true;
        (void)snprintf(scope, sizeof(scope), "%.*s",
                       (int)(n + 1 + (cgroup[n] ? strcspn(cgroup + n + 1, "/") : 0)), cgroup);
        return cgroup_open(scope, &group) == 0 && tenant_spares(a, scope, &group);
}

static void stray_add(Strays *all, Tenant *a, const char *cgroup, pid_t pid)
{
        const int64_t began_usec = process_began_usec(pid);
        Stray *s = all->items;

        while (s < all->items + all->n && (s->account != a || !streq(s->cgroup, cgroup)))
                s++;
        if (s == all->items + all->n) {
                if (all->n == STRAYS_A_LOOK)
                        return;
                all->n++;
                *s = (Stray){ .account = a, .began_usec = INT64_MAX };
                (void)snprintf(s->cgroup, sizeof(s->cgroup), "%s", cgroup);
        }
        s->n++;
        if (began_usec >= 0 && began_usec < s->began_usec) {
                s->eldest = pid;
                s->began_usec = began_usec;
        }
}

static void stray_look(Sessions *s, Strays *all)
{
        DIR *proc = opendir("/proc");
        char cgroup[512];
        ProcessView v;
        Tenant *a;

        for (struct dirent *e; proc && (e = readdir(proc));) {
                const pid_t pid = isdigit((unsigned char)e->d_name[0]) ? (pid_t)atoi(e->d_name) : 0;

                if (pid > 1 && process_view(pid, &v) == 0 && v.state != 'Z' &&
                    (a = tenant_due(s, &v)) && process_cgroup(pid, cgroup, sizeof(cgroup)) == 0 &&
                    is_stray(a, cgroup))
                        stray_add(all, a, cgroup, pid);
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
        (void)snprintf(detail, sizeof(detail), "the eldest is pid %d (%s)", (int)s->eldest, v.comm);
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
