/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Is the caller the leader of a logind session of the account? Then that session is taken as it is;
 * else the caller gets a scope of ours, which ends with the one it came from. */

#include "nhi-agentd/session/registry.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct LogindView {
        const char *id, *scope;
        uint32_t uid, leader;
} LogindView;

static int logind_property(sd_bus_message *m, const char *name, LogindView *v)
{
        if (streq(name, "Id"))
                return sd_bus_message_read(m, "v", "s", &v->id);
        if (streq(name, "Scope"))
                return sd_bus_message_read(m, "v", "s", &v->scope);
        if (streq(name, "Leader"))
                return sd_bus_message_read(m, "v", "u", &v->leader);
        if (streq(name, "User"))
                return sd_bus_message_read(m, "v", "(uo)", &v->uid, NULL);
        return sd_bus_message_skip(m, "v");
}

static int logind_view_read(sd_bus_message *m, LogindView *ret)
{
        LogindView v = { .uid = (uint32_t)-1 };
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = logind_property(m, name, &v);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;
        if (!v.id || !v.scope || v.leader == 0)
                return -EBADMSG;
        *ret = v;
        return 0;
}

/* Ours when the caller leads it, it is the account's, and it is the scope that the kernel says the
 * caller is in: id, user, leader and scope must agree. */
static bool logind_session_is_ours(const Session *s, const LogindView *v)
{
        const Caller *c = &s->opening->caller;
        char path[sizeof(s->cgroup)];

        if (snprintf(path, sizeof(path), "/user.slice/user-%" PRIu32 ".slice/%s",
                     s->tie.request.uid, v->scope) >= (int)sizeof(path))
                return false;
        return v->leader == (uint32_t)c->pid && v->uid == s->tie.request.uid &&
               streq(path, c->cgroup) && strlen(v->id) < sizeof(s->logind_id);
}

/* logind names a session after the audit session that was begun for it. Any other name (c1) says
 * that the audit session is of before, or that logind (257) runs in a container: then it is this
 * login's where the process that serves the login has none itself. */
static bool audit_session_is_of(const LogindView *v, const Caller *c)
{
        char text[16];

        (void)snprintf(text, sizeof(text), "%" PRIu32, c->audit_session);
        return c->audit_session != AUDIT_UNSET &&
               (streq(v->id, text) || audit_session_is_own(c->pid, c->audit_session));
}

static int on_logind_session(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Session *s = userdata;
        Opening *o = s->opening;
        char scope[UNIT_NAME_SIZE];
        LogindView v;
        int r;

        session_scope_of(o->caller.cgroup, scope);
        r = bus_reply_errno(m);
        if (r >= 0)
                r = logind_view_read(m, &v);
        if (r < 0) {
                open_fail(s, REASON_SESSION_UNKNOWN);
        } else if (!logind_session_is_ours(s, &v)) {
                open_scope(s, scope);
        } else {
                s->kind = SESSION_LOGIND;
                open_audit(s, !s->tie.request.elevation && audit_session_is_of(&v, &o->caller));
                (void)snprintf(s->logind_id, sizeof(s->logind_id), "%s", v.id);
                (void)snprintf(s->unit, sizeof(s->unit), "%s", scope);
                memcpy(s->cgroup, o->caller.cgroup,
                       strlen(o->caller.cgroup) + 1); /* it fits: ours */
                if (open_tie(s))
                        open_backstop(s);
                else
                        open_fail(s, REASON_SESSION_UNKNOWN);
        }
        return 1;
}

static int on_logind_path(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *ask = NULL;
        Session *s = userdata;
        const char *path;
        int r;

        r = bus_reply_errno(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "o", &path);
        if (r >= 0)
                r = bus_message_logind(s->registry->bus, path, "org.freedesktop.DBus.Properties",
                                       "GetAll", &ask);
        if (r >= 0)
                r = sd_bus_message_append(ask, "s", BUS_LOGIND ".Session");
        if (r >= 0) {
                s->opening->slot = sd_bus_slot_unref(s->opening->slot);
                r = bus_send(s->registry->bus, ask, on_logind_session, s, &s->opening->slot);
        }
        if (r < 0)
                open_fail(s, REASON_SESSION_UNKNOWN);
        return 1;
}

/* Whoever is in no logind session has none to lead: logind is not asked. */
void open_lookup(Session *s)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        static const char prefix[] = "session-", suffix[] = ".scope";
        char scope[UNIT_NAME_SIZE], id[UNIT_NAME_SIZE];
        int r;

        session_scope_of(s->opening->caller.cgroup, scope);
        if (strncmp(scope, prefix, sizeof(prefix) - 1) != 0) {
                open_scope(s, scope);
                return;
        }
        (void)snprintf(id, sizeof(id), "%s", scope + sizeof(prefix) - 1);
        id[strlen(id) - (sizeof(suffix) - 1)] = '\0';
        r = bus_message_logind(s->registry->bus, BUS_LOGIND_PATH, BUS_LOGIND ".Manager",
                               "GetSession", &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", id);
        if (r >= 0)
                r = bus_send(s->registry->bus, m, on_logind_path, s, &s->opening->slot);
        if (r < 0)
                open_fail(s, REASON_SESSION_UNKNOWN);
}
