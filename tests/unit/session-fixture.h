/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sessions of an agent whose host has no systemd to ask. */

#include "nhi-agentd/session/registry.h"
#include "tests/unit/agent-fixture.h"

/* The registry, asking the agent as it does in earnest. */
static inline void fixture_sessions(Fixture *f)
{
        Agent *a = f->agent;
        const SessionsHost host = agent_sessions_host(a);

        a->sessions = sessions_free(a->sessions);
        assert_int_equal(sessions_new(f->event, &host, PATH_SESSIONS_RUN, &a->sessions), 0);
}

/* A session under what allowed the request, as open_session leaves it: its timer is armed. */
static inline Session *fixture_session(Fixture *f, const AccessRequest *login, const Decision *d)
{
        AccessRequest request = *login;
        Session *s = NULL;

        assert_int_equal(d->verdict, VERDICT_ALLOW);
        request.kind = REQUEST_SESSION;
        assert_int_equal(session_new(f->agent->sessions, &s), 0);
        assert_int_equal(
                session_tie_init(session_record_new(&request, d->grant, "sshd", NULL, NULL),
                                 &s->tie),
                0);
        (void)snprintf(s->id, sizeof(s->id), "s1");
        (void)snprintf(s->unit, sizeof(s->unit), "nhi-x-1.scope");
        (void)snprintf(s->cgroup, sizeof(s->cgroup), "/user.slice/nhi-x-1.scope");
        s->state = SESSION_ACTIVE;
        s->end_sec = d->end_sec;
        s->boot_end_usec = d->boot_end_usec;
        s->backstop = (Backstop){ .n = 1, .end_sec = s->end_sec, .boot_usec = s->boot_end_usec };
        return s;
}
