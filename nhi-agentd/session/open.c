/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a caller to a session: find or make its scope, arm its backstop, judge once more, answer.
 *
 *   class unit, systemd-user --> PID 1: which unit? --------------------------.
 *   in session-N.scope --------> logind: leader, user, scope? -- it is ours --+
 *   anything else, or not its leader ----> PID 1: nhi-JTI-N.scope, move ------+--> backstop -->
 * done
 *
 * One deadline covers all of it; every failure denies. */

#include "nhi-agentd/session/registry.h"

#include "lib/base/io.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

void opening_free(Session *s)
{
        Opening *o = s->opening;

        if (!o)
                return;
        resolve_cancel(s->registry, &o->caller);
        caller_done(&o->caller);
        bus_job_free(o->job);
        sd_bus_slot_unref(o->slot);
        sd_event_source_disable_unref(o->begin);
        sd_event_source_disable_unref(o->deadline);
        free(o);
        s->opening = NULL;
}

/* ---- the two ways out ---- */

/* The caller is told first, so that it can say why and go by itself; what remains of a scope that
 * was tied is ended after a moment. */
void open_fail(Session *s, Reason reason)
{
        SessionDone done = s->opening->done;
        void *userdata = s->opening->userdata;

        sessions_save(s->registry);
        opening_free(s);
        backstop_disarm(s);
        if (s->kind != SESSION_UNIT && s->group.dir_fd >= 0) {
                ending_begin_refused(s);
        } else {
                if (s->kind == SESSION_SCOPE && s->unit[0] != '\0')
                        (void)bus_stop_unit(s->registry->bus, s->unit);
                session_free(s);
        }
        done(userdata, reason, NULL);
}

/* Without PID 1 a new end is right as soon as it is known: once round at most. */
static void open_finish(Session *s)
{
        SessionDone done = s->opening->done;
        void *userdata = s->opening->userdata;
        Decision d = session_judge(s);

        if (d.verdict != VERDICT_ALLOW) {
                open_fail(s, d.reason == REASON_GRANTED ? REASON_NO_GRANT : d.reason);
                return;
        }
        s->end_sec = d.end_sec;
        s->boot_end_usec = d.boot_end_usec;
        if (!backstop_is_right(s)) { /* a new set came in meanwhile */
                open_backstop(s);
                return;
        }
        if (!caller_is_alive(&s->opening->caller) || !session_is_populated(s)) {
                open_fail(s, REASON_SESSION_UNKNOWN);
                return;
        }
        s->state = SESSION_ACTIVE;
        if (sessions_save_now(s->registry) < 0) {
                open_fail(s, REASON_SESSION_UNKNOWN);
                return;
        }
        session_record(s, EVENT_SESSION_START, NULL, NULL, 0, 0);
        opening_free(s);
        session_watch_leader(s);
        warn_arm(s);
        done(userdata, REASON_GRANTED, s->id);
}

static int on_open_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        open_fail(userdata, REASON_SESSION_UNKNOWN);
        return 0;
}

/* ---- the backstop ---- */

static void on_open_backstop(Session *s, int r)
{
        if (r < 0)
                open_fail(s, REASON_SESSION_UNKNOWN);
        else
                open_finish(s);
}

void open_backstop(Session *s)
{
        if (session_is_pid1s(s))
                s->backstop.done = on_open_backstop;
        if (backstop_arm(s) < 0)
                open_fail(s, REASON_SESSION_UNKNOWN);
        else if (!session_is_pid1s(s))
                open_finish(s);
}

/* The group is known by path: hold it open. Then the caller must still be alive and in it, or the
 * path was somebody else's. */
bool open_tie(Session *s)
{
        const Caller *c = &s->opening->caller;
        char cgroup[CGROUP_PATH_MAX];

        if (session_watch(s) < 0 || process_cgroup(c->pid, cgroup, sizeof(cgroup)) < 0)
                return false;
        return cgroup_is_within(cgroup, s->cgroup) && caller_is_alive(c);
}

/* ---- our own scope ---- */

void open_audit(Session *s, bool own)
{
        const Caller *c = &s->opening->caller;

        s->audit_session = own ? c->audit_session : AUDIT_UNSET;
        s->loginuid = own ? c->loginuid : AUDIT_UNSET;
}

static void on_scope_made(void *userdata, int r)
{
        Session *s = userdata;

        s->opening->job = bus_job_free(s->opening->job);
        if (r < 0 || !open_tie(s))
                open_fail(s, REASON_SESSION_UNKNOWN);
        else
                open_backstop(s);
}

/* A scope that the move leaves empty is collected by PID 1 or logind, and would take a scope that
 * is bound to it along. */
static bool scope_outlives_move(const Session *s)
{
        _cleanup_(cgroup_close) Cgroup group = CGROUP_NONE;
        pid_t pids[2];

        return cgroup_open(s->opening->caller.cgroup, &group) == 0 &&
               cgroup_pids(&group, pids, ELEMENTSOF(pids)) > 1;
}

void open_scope(Session *s, const char *bind_to)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const Caller *c = &s->opening->caller;
        char description[128];
        int r;

        s->kind = SESSION_SCOPE;
        if (!s->tie.request.elevation) /* sudo and su bear the audit session of their invoker */
                open_audit(s, audit_session_is_own(c->pid, c->audit_session));
        (void)snprintf(description, sizeof(description), "nhi: session %s of %.32s under grant %s",
                       s->id, s->tie.request.account, s->tie.grant.jti);
        r = scope_name_format(s->tie.grant.jti, s->number, s->unit);
        if (r == 0)
                r = scope_message(
                        s->registry->bus,
                        &(ScopeSpec){
                                .name = s->unit,
                                .description = description,
                                .bind_to = *bind_to && scope_outlives_move(s) ? bind_to : NULL,
                                .pid = c->pid,
                                .uid = s->tie.request.uid,
                                .stop_usec = sessions_grace_usec(s->registry),
                        },
                        &m);
        (void)snprintf(s->cgroup, sizeof(s->cgroup), "/user.slice/user-%" PRIu32 ".slice/%s",
                       s->tie.request.uid, s->unit);
        if (r == 0)
                r = sessions_save_now(s->registry); /* an agent that dies now leaves no stranger */
        if (r == 0 && !caller_is_alive(c))
                r = -ESRCH;
        if (r == 0)
                r = bus_job_new(s->registry->bus, m, on_scope_made, s, &s->opening->job);
        if (r < 0) {
                s->unit[0] = '\0';
                open_fail(s, REASON_SESSION_UNKNOWN);
        }
}

/* ---- a system unit ---- */

static bool unit_name_fits(const Session *s)
{
        const char *unit = s->opening->caller.unit;
        char manager[64];

        (void)snprintf(manager, sizeof(manager), "user@%" PRIu32 ".service", s->tie.request.uid);
        if (streq(s->tie.request.class, SYSTEMD_USER_CLASS))
                return streq(unit, manager);
        return strlen(unit) > 8 && streq(unit + strlen(unit) - 8, ".service");
}

/* A unit that was started anew while we looked away: its former run is over. */
static void open_supersede(Session *s)
{
        for (Session *i = s->registry->sessions, *next; i; i = next) {
                next = i->next;
                if (i != s && i->kind == SESSION_UNIT && i->state == SESSION_ACTIVE &&
                    streq(i->unit, s->unit) && !streq(i->invocation, s->invocation))
                        session_closed(i);
        }
}

static void on_unit_resolved(void *userdata, int r)
{
        Session *s = userdata;
        const Caller *c = &s->opening->caller;
        const char *group;
        size_t n = 0;

        group = r < 0 ? NULL : cgroup_of_unit(c->cgroup, c->unit, &n);
        if (!group || n >= sizeof(s->cgroup) || !unit_name_fits(s)) {
                open_fail(s, REASON_SESSION_UNKNOWN);
                return;
        }
        s->kind = SESSION_UNIT;
        (void)snprintf(s->unit, sizeof(s->unit), "%s", c->unit);
        memcpy(s->invocation, c->invocation, sizeof(s->invocation));
        memcpy(s->cgroup, group, n);
        s->cgroup[n] = '\0';
        open_supersede(s);
        if (open_tie(s))
                open_backstop(s);
        else
                open_fail(s, REASON_SESSION_UNKNOWN);
}

/* ---- begin ---- */

static int opening_new(Session *s, const Caller *caller, SessionDone done, void *userdata)
{
        Opening *o;
        int r;

        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;
        *o = (Opening){ .caller = *caller, .done = done, .userdata = userdata };
        s->opening = o;
        o->caller.pidfd = fcntl(caller->pidfd, F_DUPFD_CLOEXEC, 3);
        s->leader_pidfd = fcntl(caller->pidfd, F_DUPFD_CLOEXEC, 3);
        if (o->caller.pidfd < 0 || s->leader_pidfd < 0)
                return -errno;
        r = sd_event_add_time_relative(s->registry->event, &o->deadline, CLOCK_MONOTONIC,
                                       SESSION_OPEN_USEC, 0, on_open_deadline, s);
        if (r >= 0)
                (void)sd_event_source_set_description(o->deadline, "session-open-deadline");
        return r < 0 ? r : 0;
}

/* The first question goes out here; nothing is answered before the loop runs again. */
static int on_open_begin(sd_event_source *source, void *userdata)
{
        Session *s = userdata;
        Opening *o = s->opening;
        const char *class = s->tie.request.class;

        o->begin = sd_event_source_disable_unref(o->begin);
        if (s->registry->host.means.kind != MEANS_PID1)
                open_own(s);
        else if (!streq(class, UNIT_CLASS) && !streq(class, SYSTEMD_USER_CLASS))
                open_lookup(s);
        else if (o->caller.unit[0] != '\0')
                on_unit_resolved(s, 0);
        else if (caller_resolve_unit(s->registry, &o->caller, on_unit_resolved, s) < 0)
                open_fail(s, REASON_SESSION_UNKNOWN);
        return 0;
}

static int open_begin(Session *s)
{
        int r;

        r = sd_event_add_defer(s->registry->event, &s->opening->begin, on_open_begin, s);
        if (r >= 0)
                (void)sd_event_source_set_description(s->opening->begin, "session-open");
        return r < 0 ? r : 0;
}

int session_open(Sessions *registry, Caller *caller, const Grant *grant,
                 const AccessRequest *request, const char *service, const char *rhost,
                 const char *tty, int64_t end_sec, int64_t boot_end_usec, SessionDone done,
                 void *userdata)
{
        _cleanup_(session_freep) Session *s = NULL;
        int r;

        if (!sessions_can_tie(registry))
                return -ENOTCONN;
        if (!caller_is_alive(caller))
                return -ESRCH;
        if (!sessions_have_room(registry, request->account))
                return -EBUSY;
        r = session_new(registry, &s);
        if (r < 0)
                return r;
        r = session_tie_init(session_record_new(request, grant, service, rhost, tty), &s->tie);
        if (r < 0)
                return r;
        r = sessions_take_number(registry, &s->number);
        if (r < 0)
                return r;
        (void)snprintf(s->id, sizeof(s->id), "s%" PRIu64, s->number);
        s->leader = caller->pid;
        s->started_sec = registry->host.now(registry->host.userdata).real_usec / 1000000;
        s->end_sec = end_sec;
        s->boot_end_usec = boot_end_usec;
        r = opening_new(s, caller, done, userdata);
        if (r == 0)
                r = open_begin(s);
        if (r < 0)
                return r;
        TAKE_PTR(s);
        return 0;
}
