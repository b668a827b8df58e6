/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The backstop for a dead agent is PID 1: one timer unit per session, armed before the answer
 * leaves the agent (promise E2). When the end moves, the new one is armed before the old one goes,
 * so there is no moment without one. */

#include "nhi-agentd/session/registry.h"

#include "lib/base/io.h"

#define BACKSTOP_RETRY_USEC 2000000ull
/* A set that is taken in anew moves the boot end by its own delay: that is no other end. */
#define BACKSTOP_TOLERANCE_USEC 250000

/* All that may be armed, up to that number: one whose arming failed may be there all the same, and
 * would end a session early that was prolonged since. */
static void backstop_stop_before(Session *s, unsigned n)
{
        char timer[UNIT_NAME_SIZE];
        Backstop *b = &s->backstop;

        for (; b->oldest < n; b->oldest++)
                if (b->oldest != 0 && session_is_pid1s(s) &&
                    backstop_name_format(s->id, b->oldest, ".timer", timer) == 0)
                        (void)bus_stop_unit(s->registry->bus, timer);
}

/* A timer is bound to its scope: PID 1 lets it go with it. */
static bool is_bound(const Session *s)
{
        return s->kind != SESSION_UNIT;
}

bool backstop_is_right(const Session *s)
{
        int64_t moved = s->boot_end_usec - s->backstop.boot_usec;

        return (s->backstop.n != 0 || !session_is_pid1s(s)) && s->backstop.end_sec == s->end_sec &&
               moved <= BACKSTOP_TOLERANCE_USEC && moved >= -BACKSTOP_TOLERANCE_USEC;
}

static int on_backstop_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Session *s = userdata;

        s->backstop.retry = sd_event_source_disable_unref(s->backstop.retry);
        if (!backstop_is_right(s))
                (void)backstop_arm(s);
        return 0;
}

static void backstop_retry_later(Session *s)
{
        int r;

        if (s->backstop.retry)
                return;
        r = sd_event_add_time_relative(s->registry->event, &s->backstop.retry, CLOCK_MONOTONIC,
                                       BACKSTOP_RETRY_USEC, 0, on_backstop_retry, s);
        if (r >= 0)
                (void)sd_event_source_set_description(s->backstop.retry, "backstop-retry");
}

static void on_backstop_job(void *userdata, int r)
{
        Session *s = userdata;
        Backstop *b = &s->backstop;
        void (*done)(Session *, int);

        b->job = bus_job_free(b->job);
        if (r == 0) {
                b->n = b->next;
                b->end_sec = b->asked_sec;
                b->boot_usec = b->asked_usec;
                backstop_stop_before(s, b->n);
                sessions_save(s->registry);
        }
        if (r == 0 && !backstop_is_right(s) && backstop_arm(s) == 0)
                return; /* the end moved meanwhile */
        done = b->done;
        b->done = NULL;
        if (r < 0 && !done)
                backstop_retry_later(s);
        if (done)
                done(s, backstop_is_right(s) ? 0 : r < 0 ? r : -EAGAIN);
}

int backstop_arm(Session *s)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char timer[UNIT_NAME_SIZE], service[UNIT_NAME_SIZE];
        Backstop *b = &s->backstop;
        Now now = s->registry->host.now(s->registry->host.userdata);
        int64_t after = backstop_after_usec(sessions_grace_usec(s->registry));
        int r;

        if (b->job)
                return 0; /* on_backstop_job() looks again */
        b->asked_sec = s->end_sec;
        b->asked_usec = s->boot_end_usec;
        if (!session_is_pid1s(s)) { /* nobody else knows it: only the end is kept */
                b->end_sec = b->asked_sec;
                b->boot_usec = b->asked_usec;
                return 0;
        }
        b->next++;
        r = backstop_name_format(s->id, b->next, ".timer", timer);
        if (r == 0)
                r = backstop_name_format(s->id, b->next, ".service", service);
        if (r == 0)
                r = backstop_message(s->registry->bus,
                                     &(BackstopSpec){
                                             .timer = timer,
                                             .service = service,
                                             .unit = s->unit,
                                             .is_bound = is_bound(s),
                                             .real_usec = usec_of_sec(s->end_sec) + after,
                                             .left_usec = s->boot_end_usec - now.boot_usec + after,
                                     },
                                     &m);
        if (r == 0)
                r = bus_job_new(s->registry->bus, m, on_backstop_job, s, &b->job);
        if (r < 0 && !b->done)
                backstop_retry_later(s);
        return r;
}

void backstop_disarm(Session *s)
{
        Backstop *b = &s->backstop;

        b->retry = sd_event_source_disable_unref(b->retry);
        b->done = NULL;
        b->job = bus_job_free(b->job); /* it may have been taken in already */
        if (!is_bound(s) || session_is_populated(s))
                backstop_stop_before(s, b->next + 1);
        b->n = 0;
}
