/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/tenant.h"

#include <stdio.h>

/* ---- one session ---- */

int session_new(Sessions *registry, Session **ret)
{
        Session *s;

        if (registry->n_sessions >= SESSIONS_MAX)
                return -EBUSY;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (Session){ .registry = registry,
                        .next = registry->sessions,
                        .group = CGROUP_NONE,
                        .leader_pidfd = -EBADF,
                        .loginuid = AUDIT_UNSET,
                        .audit_session = AUDIT_UNSET,
                        .claim_audit = AUDIT_UNSET };
        registry->sessions = s;
        registry->n_sessions++;
        *ret = s;
        return 0;
}

bool sessions_have_room(const Sessions *registry, const char *account)
{
        size_t n = 0;

        for (const Session *s = registry->sessions; s; s = s->next)
                n += streq_ptr(s->tie.request.account, account);
        return n < SESSIONS_MAX - registry->n_sessions;
}

Session *session_free(Session *s)
{
        Session **p;

        if (!s)
                return NULL;
        for (p = &s->registry->sessions; *p; p = &(*p)->next)
                if (*p == s) {
                        *p = s->next;
                        s->registry->n_sessions--;
                        break;
                }
        if (s->tie.request.account)
                tenant_left(s->registry, s->tie.request.uid);
        opening_free(s);
        ending_free(s);
        bus_job_free(s->backstop.job);
        sd_event_source_disable_unref(s->backstop.retry);
        sd_event_source_disable_unref(s->watch);
        sd_event_source_disable_unref(s->leader_watch);
        sd_event_source_disable_unref(s->recheck);
        sd_event_source_disable_unref(s->warn);
        own_remove(s);
        process_tree_done(&s->tree);
        cgroup_close(&s->group);
        closep(&s->leader_pidfd);
        session_tie_done(&s->tie);
        free(s);
        return NULL;
}

int session_watch(Session *s)
{
        int r;

        r = cgroup_open(s->cgroup, &s->group);
        if (r < 0)
                return r;
        r = cgroup_watch(&s->group, s->registry->event, on_session_watch, s, &s->watch);
        if (r < 0)
                cgroup_close(&s->group);
        return r;
}

void session_record(const Session *s, EventKind kind, const char *code, const char *detail,
                    int64_t took_usec, uint32_t n_survivors)
{
        const AccessRequest *request = &s->tie.request;
        Event e = {
                .kind = kind,
                .account = request->account,
                .uid = request->uid,
                .class = request->class,
                .service = s->tie.service,
                .phase = kind == EVENT_SESSION_START ? "open-session" : NULL,
                .target = request->target,
                .target_group = request->target_group,
                .mode = "enforce",
                .has_decision = kind == EVENT_SESSION_START,
                .decision = { .verdict = VERDICT_ALLOW,
                              .reason = REASON_GRANTED,
                              .grant = &s->tie.grant,
                              .end_sec = s->end_sec,
                              .boot_end_usec = s->boot_end_usec },
                .grant = &s->tie.grant,
                .rhost = s->tie.rhost,
                .tty = s->tie.tty,
                .caller = s->opening ? &s->opening->caller : NULL,
                .session = s->id,
                .scope = s->unit,
                .code = code,
                .detail = detail,
                .took_usec = took_usec,
                .n_survivors = n_survivors,
        };

        s->registry->host.record(s->registry->host.userdata, &e);
        if (kind == EVENT_SESSION_START)
                tenant_note(s);
}

bool session_end_passed(const Session *s, Now now)
{
        return now.real_usec >= usec_of_sec(s->end_sec) || now.boot_usec >= s->boot_end_usec;
}

/* ---- the registry ---- */

int sessions_new(sd_event *event, const SessionsHost *host, const char *state_path, Sessions **ret)
{
        Sessions *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (Sessions){ .event = sd_event_ref(event), .host = *host };
        s->state_path = strdup(state_path);
        r = s->state_path ? kernel_boot_id_read(s->boot_id) : -ENOMEM;
        if (r == 0)
                r = bus_new(event, on_bus_change, s, &s->bus);
        if (r < 0) {
                sessions_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

Sessions *sessions_free(Sessions *s)
{
        if (!s)
                return NULL;
        if (s->save)
                (void)sessions_save_now(s);
        tenants_free(s);
        while (s->sessions)
                session_free(s->sessions);
        strays_free(s);
        look_done(&s->look);
        processes_done(&s->processes);
        sd_event_source_disable_unref(s->tree_poll);
        refusals_free(s);
        resolves_free(s);
        bus_free(s->bus);
        sd_event_source_disable_unref(s->start_deadline);
        sd_event_unref(s->event);
        free(s->state_path);
        free(s);
        return NULL;
}

void sessions_set_grace(Sessions *s, uint64_t grace_usec)
{
        s->host.grace_usec = grace_usec;
}

/* ---- questions ---- */

bool sessions_have_bus(const Sessions *s)
{
        return s && bus_is_up(s->bus);
}

bool sessions_can_tie(const Sessions *s)
{
        return s && (s->host.means.kind != MEANS_PID1 || bus_is_up(s->bus));
}

Means sessions_means(const Sessions *s)
{
        return s ? s->host.means.kind : MEANS_PID1;
}

Session *session_by_cgroup(Sessions *registry, const char *cgroup)
{
        Session *found = NULL;

        for (Session *s = registry->sessions; s; s = s->next)
                if (cgroup_is_within(cgroup, s->cgroup) &&
                    (!found || strlen(s->cgroup) > strlen(found->cgroup)))
                        found = s;
        return found;
}

void session_scope_of(const char *cgroup, char ret[static UNIT_NAME_SIZE])
{
        const char *scope;
        size_t n = 0;

        scope = cgroup_scope(cgroup, &n);
        if (!scope || n >= UNIT_NAME_SIZE)
                n = 0;
        if (n > 0)
                memcpy(ret, scope, n);
        ret[n] = '\0';
}

const char *session_parent_jti(Sessions *s, const Caller *caller)
{
        const Session *i = session_by_cgroup(s, caller->cgroup);

        if (!i && s->host.means.kind == MEANS_PROCESSES)
                i = session_by_ancestors(s, caller->pid);
        return i && i->state == SESSION_ACTIVE ? i->tie.grant.jti : NULL;
}

uint32_t sessions_of_grant(const Sessions *s, const char *jti)
{
        uint32_t n = 0;

        for (const Session *i = s->sessions; i; i = i->next)
                n += !i->judging && !(i->ending && i->ending->refused) &&
                     !streq(i->tie.request.class, SYSTEMD_USER_CLASS) &&
                     streq(i->tie.grant.jti, jti);
        return n;
}

void session_close_hint(Sessions *s, const Caller *caller)
{
        for (Session *i = s->sessions; i; i = i->next)
                if (i->leader == caller->pid && pidfd_is_alive(i->leader_pidfd))
                        i->closed = true;
}

static const char *state_name(const Session *s)
{
        switch (s->state) {
        case SESSION_OPENING:
                return "opening";
        case SESSION_ENDING:
                return "ending";
        case SESSION_ACTIVE:
                break;
        }
        return s->closed || s->detached || !pidfd_is_alive(s->leader_pidfd) ? "closing" : "active";
}

size_t sessions_list(const Sessions *s, SessionView *ret, size_t n)
{
        size_t found = 0;

        for (const Session *i = s->sessions; i; i = i->next, found++) {
                if (found >= n)
                        continue;
                ret[found] = (SessionView){
                        .id = i->id,
                        .account = i->tie.request.account,
                        .jti = i->tie.grant.jti,
                        .class = i->tie.request.class,
                        .service = i->tie.service,
                        .target = i->tie.request.target,
                        .rhost = i->tie.rhost,
                        .tty = i->tie.tty,
                        .scope = i->unit,
                        .state = state_name(i),
                        .uid = i->tie.request.uid,
                        .leader = i->leader,
                        .started_sec = i->started_sec,
                        .end_sec = i->end_sec,
                        .ending = i->state == SESSION_ENDING,
                };
        }
        return found;
}

size_t sessions_count(const Sessions *s)
{
        return s->n_sessions;
}
