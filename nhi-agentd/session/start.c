/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The start: what the state file knows is looked up, what is over is ended, and only then the agent
 * serves (S09). Nothing is ended for the lack of a set (promise E4). */

#include "nhi-agentd/session/tenant.h"

#define START_BUS_USEC 2000000ull /* for the bus to answer, and */
#define START_END_USEC 8000000ull /* for what is over to be gone, before the agent serves */

static int on_start_deadline(sd_event_source *source, uint64_t usec, void *userdata);

static void start_wait(Sessions *s, uint64_t usec)
{
        s->start_deadline = sd_event_source_disable_unref(s->start_deadline);
        if (sd_event_add_time_relative(s->event, &s->start_deadline, CLOCK_MONOTONIC, usec, 0,
                                       on_start_deadline, s) >= 0)
                (void)sd_event_source_set_description(s->start_deadline, "sessions-start");
}

static void start_finish(Sessions *s)
{
        void (*done)(void *, int) = s->start_done;

        s->start_deadline = sd_event_source_disable_unref(s->start_deadline);
        s->start_done = NULL;
        if (done)
                done(s->start_userdata, s->start_r);
}

void sessions_check_started(Sessions *s)
{
        if (!s->start_done || !s->reconciled)
                return;
        for (const Session *i = s->sessions; i; i = i->next)
                if (i->state == SESSION_ENDING)
                        return;
        if (tenants_are_ending(s))
                return;
        start_finish(s);
}

/* It is gone, and whatever of it is not went elsewhere. */
static void session_forget(Session *s)
{
        Sessions *registry = s->registry;
        char account[256];
        Decision d;
        const bool is_over = session_is_over(s, &d);

        (void)snprintf(account, sizeof(account), "%s", s->tie.request.account);
        session_free(s);
        if (is_over)
                tenant_over(registry, account);
}

/* What is in the state file: gone meanwhile, over, or still in force. */
static void sessions_reconcile(Sessions *s, int r)
{
        if (s->reconciled)
                return;
        s->reconciled = true;
        if (s->start_r == 0)
                s->start_r = r;
        for (Session *i = s->sessions, *next; i; i = next) {
                const bool known = i->group.dir_fd >= 0 || process_tree_count(&i->tree) > 0;

                next = i->next;
                /* What could not be looked for may be there. */

                i->detached = !known && sweep_session(i, 0) != 0;
                if (known || i->detached)
                        continue;
                session_record(i, EVENT_SESSION_END, "closed", "ended while the agent was away", 0,
                               0);
                backstop_disarm(i);
                session_forget(i);
        }
        sessions_review(s);
        tenants_resume(s);
        for (Session *i = s->sessions, *next; i; i = next) {
                next = i->next;
                if (i->detached && i->state == SESSION_ACTIVE)
                        session_check_left(i);
        }
        sessions_save(s);
        start_wait(s, START_END_USEC);
        sessions_check_started(s);
}

static int on_start_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Sessions *s = userdata;

        if (s->reconciled)
                start_finish(s); /* what does not die must not keep everybody else out */
        else
                sessions_reconcile(s, s->host.means.kind == MEANS_PID1 ? -ENOTCONN : 0);
        return 0;
}

void on_bus_change(void *userdata, bool up)
{
        Sessions *s = userdata;

        if (!s->started)
                return;
        if (!up) {
                if (!s->reconciled)
                        start_wait(s, 0); /* nothing to wait for; it is tried again meanwhile */
                return;
        }
        sessions_reconcile(s, 0);
        for (Session *i = s->sessions; i; i = i->next)
                if (i->state == SESSION_ACTIVE && !backstop_is_right(i))
                        (void)backstop_arm(i);
}

int sessions_start(Sessions *s, void (*done)(void *userdata, int r), void *userdata)
{
        s->start_r = sessions_load(s);
        s->start_done = done;
        s->start_userdata = userdata;
        s->started = true;
        if (s->host.means.kind != MEANS_PID1) {
                start_wait(s, 0); /* there is nobody to wait for */
                return 0;
        }
        start_wait(s, START_BUS_USEC);
        bus_start(s->bus);
        return 0;
}
