/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a session ends: ask its processes, then PID 1 (TerminateSession, StopUnit), after the grace
 * kill its cgroup, sweep what bears its audit id elsewhere, verify that nothing is left, write it
 * down. PID 1 and logind may fail or hang without harm (S08): neither the asking nor the killing
 * depends on them.
 *
 *   E1, E3: only the group that was opened when the session was tied is killed, by its directory;
 *   a system unit by PID 1, and where it does not do that, process by process. */

#include "nhi-agentd/session/crowd.h"
#include "nhi-agentd/session/tenant.h"

#include "lib/base/io.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#define ENDING_WORDS_USEC    100000ull  /* for sshd or sudo to pass on what the person is told */
#define ENDING_PID1_USEC     150000ull  /* for what obeys, before PID 1 is told to stop a scope */
#define ENDING_ROUND_USEC    20000ull   /* between looks while it should be a matter of moments */
#define ENDING_SLOW_USEC     1000000ull /* and once something does not die */
#define ENDING_SURVIVOR_USEC 4000000ull /* when that is written down */
#define REFUSED_AFTER_USEC   1000000ull /* time for the caller to say why and to go */

static uint64_t grace_usec(const Session *s)
{
        return sessions_grace_usec(s->registry);
}

static Crowd crowd_of(const Session *s)
{
        return (Crowd){ .group = &s->group, .path = s->cgroup };
}

static uint64_t ending_age_usec(const Session *s)
{
        return now_monotonic_usec() - s->ending->since_usec;
}

static bool grace_is_over(const Session *s)
{
        const Ending *e = s->ending;

        return e->begun_usec != 0 && now_monotonic_usec() - e->begun_usec >= grace_usec(s);
}

static void ending_again(Session *s, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(s->ending->timer, usec);
        (void)sd_event_source_set_enabled(s->ending->timer, SD_EVENT_ONESHOT);
}

/* ---- ask ---- */

/* logind may have forgotten a session whose holder logged out while processes stayed in its scope
 * (KillUserProcesses=no), and may have given its id to another since: then only PID 1 is told. */
static void ending_tell_pid1(Session *s)
{
        Bus *bus = s->registry->bus;

        if (s->kind == SESSION_LOGIND && pidfd_is_alive(s->leader_pidfd))
                (void)bus_terminate_session(bus, s->logind_id);
        s->ending->asked = bus_stop_unit(bus, s->unit) >= 0;
}

/* A unit has its own way to be stopped, and Restart=, that PID 1 knows. What is in a scope is asked
 * here, for nothing stands between: PID 1 is told only if that was not enough. */
static void ending_ask(Session *s)
{
        const Crowd crowd = crowd_of(s);

        if (!session_is_pid1s(s)) {
                own_ask(s);
                s->ending->asked = true;
                return;
        }
        if (s->kind == SESSION_UNIT)
                ending_tell_pid1(s);
        if (!s->ending->asked)
                (void)crowd_ask(&crowd);
}

/* ---- kill ---- */

/* PID 1 runs it anew: what is there now is another session's. */
static bool unit_runs_anew(const Session *s)
{
        if (s->kind != SESSION_UNIT)
                return false;
        for (const Session *i = s->registry->sessions; i; i = i->next)
                if (i != s && i->kind == SESSION_UNIT && i->number > s->number &&
                    streq(i->unit, s->unit) && !streq(i->invocation, s->invocation))
                        return true;
        return false;
}

/* Killed without being stopped, Restart= would bring it back. */
static void unit_kill(Session *s)
{
        Ending *e = s->ending;
        const Crowd crowd = crowd_of(s);
        bool is_sent = false;

        if (!e->asked)
                ending_tell_pid1(s);
        else
                is_sent = bus_kill_unit(s->registry->bus, s->unit, SIGKILL) >= 0;
        if (!is_sent || e->n_kills > 0)
                (void)crowd_kill(&crowd);
}

static void ending_kill(Session *s)
{
        const Crowd crowd = crowd_of(s);

        if (s->kind == SESSION_UNIT)
                unit_kill(s);
        else if (cgroup_kill(&s->group, s->cgroup) < 0)
                (void)crowd_kill(&crowd); /* Linux before 5.14, or a hierarchy that is read-only */
        s->ending->n_kills++;
        s->changed_usec = now_monotonic_usec();
}

/* ---- verify ---- */

static void survivors_format(const pid_t *pids, size_t n, char *ret, size_t size)
{
        size_t used = 0;
        ProcessView v;

        ret[0] = '\0';
        for (size_t i = 0; i < n && used + sizeof(v.comm) + 32 < size; i++)
                if (process_view(pids[i], &v) == 0)
                        used += (size_t)snprintf(ret + used, size - used, "%spid %d (%s) %c",
                                                 used > 0 ? ", " : "", (int)pids[i], v.comm,
                                                 v.state);
}

static void survivor_record(Session *s)
{
        char detail[512];
        pid_t pids[32];
        size_t n, stored, elsewhere;

        n = session_pids(s, pids, ELEMENTSOF(pids));
        stored = n < ELEMENTSOF(pids) ? n : ELEMENTSOF(pids);
        elsewhere = sweep_pids(s, pids + stored, ELEMENTSOF(pids) - stored);
        stored = n + elsewhere < ELEMENTSOF(pids) ? n + elsewhere : ELEMENTSOF(pids);
        survivors_format(pids, stored, detail, sizeof(detail));
        session_record(s, EVENT_SURVIVOR, s->ending->why, detail,
                       (int64_t)ending_age_usec(s) + s->ending->late_usec,
                       (uint32_t)(n + elsewhere));
        s->ending->survivor_recorded = true;
}

/* What went elsewhere has the same grace. True where nothing is left: the session is gone and s
 * with it. */
static bool ending_is_through(Session *s)
{
        Ending *e = s->ending;

        const bool is_over = grace_is_over(s);

        if (!unit_runs_anew(s) &&
            ((!is_over && session_is_populated(s)) ||
             sweep_session(s, is_over ? SIGKILL : 0) != 0 || session_is_populated(s)))
                return false;
        session_finish(s, e->why, (int64_t)ending_age_usec(s) + e->late_usec);
        return true;
}

/* The first time: ask, and give what is alive its grace. */
static void ending_first(Session *s)
{
        Ending *e = s->ending;

        e->begun_usec = now_monotonic_usec();
        ending_ask(s);
        ending_again(s, e->asked ? grace_usec(s) : ENDING_PID1_USEC);
}

/* Whoever sits at its terminals is told why, once, before anything is asked to end. True where
 * somebody was. */
static bool ending_tell(Session *s)
{
        if (s->ending->told)
                return false;
        s->ending->told = true;
        return warn_over(s);
}

/* True while something lives that has not been asked to go. */
static bool ending_begins(Session *s)
{
        Ending *e = s->ending;
        ssize_t n;

        if (e->begun_usec != 0)
                return false;
        if (session_is_populated(s) && ending_tell(s)) {
                ending_again(s, ENDING_WORDS_USEC);
                return true;
        }
        n = sweep_session(s, SIGTERM);
        if (session_is_populated(s) || n > 0)
                ending_first(s);
        else if (n < 0)
                ending_again(s, LOOK_AGAIN_USEC); /* nobody knows yet */
        else
                return false;
        return true;
}

/* Within the grace: who is in a scope after a moment is PID 1's to stop, too; who is elsewhere is
 * looked for again, for no cgroup tells. */
static void ending_wait(Session *s)
{
        Ending *e = s->ending;
        const uint64_t age_usec = now_monotonic_usec() - e->begun_usec;

        if (!e->asked && session_is_populated(s))
                ending_tell_pid1(s);
        if (session_is_populated(s)) /* which may be over since it was asked */
                ending_again(s, age_usec < grace_usec(s) ? grace_usec(s) - age_usec : 0);
        else
                ending_again(s, LOOK_AGAIN_USEC);
}

static int on_ending_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Session *s = userdata;
        Ending *e = s->ending;

        if (ending_begins(s) || ending_is_through(s))
                return 0;
        if (!grace_is_over(s)) {
                ending_wait(s);
                return 0;
        }
        ending_kill(s);
        if (ending_age_usec(s) > ENDING_SURVIVOR_USEC + grace_usec(s) && !e->survivor_recorded)
                survivor_record(s);
        ending_again(s, e->survivor_recorded ? ENDING_SLOW_USEC : ENDING_ROUND_USEC);
        return 0;
}

static void ending_start(Session *s, const char *why, uint64_t delay_usec)
{
        Now now = s->registry->host.now(s->registry->host.userdata);
        int64_t late = now.real_usec - usec_of_sec(s->end_sec);
        Ending *e;

        if (s->state == SESSION_ENDING)
                return;
        e = calloc(1, sizeof(*e));
        if (!e)
                return; /* the next review tries again; PID 1's timer stands */
        (void)snprintf(e->why, sizeof(e->why), "%s", why);
        e->since_usec = s->changed_usec = now_monotonic_usec();
        e->late_usec = late > 0 ? late : 0;
        if (sd_event_add_time_relative(s->registry->event, &e->timer, CLOCK_MONOTONIC, delay_usec,
                                       1, on_ending_timer, s) < 0) {
                free(e);
                return;
        }
        (void)sd_event_source_set_description(e->timer, "session-ending");
        s->ending = e;
        s->state = SESSION_ENDING;
        s->warn = sd_event_source_disable_unref(s->warn);
        s->recheck = sd_event_source_disable_unref(s->recheck);
        tenant_left(s->registry, s->tie.request.uid);
}

void ending_begin(Session *s, const char *why)
{
        ending_start(s, why, 0);
        sessions_save(s->registry);
}

void ending_begin_refused(Session *s)
{
        ending_start(s, "refused", REFUSED_AFTER_USEC);
        if (s->ending)
                s->ending->refused = true;
}

void ending_free(Session *s)
{
        if (!s->ending)
                return;
        sd_event_source_disable_unref(s->ending->timer);
        free(s->ending);
        s->ending = NULL;
}

void ending_hurry(Session *s)
{
        ending_again(s, 0);
}
