/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A session that is over: the last process of it left, or its ending is through. */

#include "nhi-agentd/session/registry.h"

#include "lib/base/io.h"

#include <sys/epoll.h>

#define DETACHED_CHECK_USEC 5000000ull
#define LEADER_CHECK_USEC   100000ull /* well past the kernel's 10 ms */

void session_finish(Session *s, const char *code, int64_t took_usec)
{
        Sessions *registry = s->registry;

        if (!s->ending || !s->ending->refused)
                session_record(s, EVENT_SESSION_END, code,
                               s->ending && s->ending->detail[0] ? s->ending->detail : NULL,
                               took_usec, 0);
        backstop_disarm(s);
        session_free(s);
        sessions_save(registry);
        sessions_check_started(registry);
}

void session_closed(Session *s)
{
        session_finish(s, "closed", 0);
}

static int on_recheck(sd_event_source *source, uint64_t usec, void *userdata)
{
        Session *s = userdata;

        s->recheck = sd_event_source_disable_unref(s->recheck);
        s->changed_usec = s->changed_usec > s->registry->look.begin_usec ? s->changed_usec
                                                                         : now_monotonic_usec();
        session_check_left(s);
        return 0;
}

static void recheck_arm(Session *s, uint64_t usec)
{
        if (s->recheck)
                return;
        if (sd_event_add_time_relative(s->registry->event, &s->recheck, CLOCK_MONOTONIC, usec, 0,
                                       on_recheck, s) >= 0)
                (void)sd_event_source_set_description(s->recheck, "session-recheck");
}

/* Everybody left its cgroup. What went elsewhere under its audit id still belongs to the grant. */
void session_check_left(Session *s)
{
        ssize_t n;

        if (session_is_populated(s))
                return;
        n = sweep_session(s, 0);
        if (n == 0) {
                session_closed(s);
                return;
        }
        s->detached = s->detached || n > 0;
        recheck_arm(s, n > 0 ? DETACHED_CHECK_USEC : LOOK_AGAIN_USEC);
}

void session_emptied(Session *s)
{
        s->changed_usec = now_monotonic_usec();
        if (s->state == SESSION_ACTIVE)
                session_check_left(s);
        else if (s->state == SESSION_ENDING)
                ending_hurry(s);
}

static int on_leader_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Session *s = userdata;

        s->leader_watch = sd_event_source_disable_unref(s->leader_watch);
        if (s->state == SESSION_ACTIVE)
                recheck_arm(s, LEADER_CHECK_USEC);
        return 0;
}

/* The kernel holds a change of cgroup.events back for 10 ms after the last one, and forgets it
 * where the group is removed meanwhile: nobody is told that a session so short is over, as that of
 * a command by sudo at the end of a login is. So its group is looked at once more after the leader
 * is gone, and is past those 10 ms then: what ends later is told. */
void session_watch_leader(Session *s)
{
        if (s->leader_pidfd < 0)
                recheck_arm(s, LEADER_CHECK_USEC);
        else if (sd_event_add_io(s->registry->event, &s->leader_watch, s->leader_pidfd, EPOLLIN,
                                 on_leader_end, s) >= 0)
                (void)sd_event_source_set_description(s->leader_watch, "session-leader");
}

int on_session_watch(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Session *s = userdata;

        if (session_is_populated(s)) /* reading also rearms the poll */
                return 0;
        (void)sd_event_source_set_enabled(source,
                                          SD_EVENT_OFF); /* a removed group polls for ever */
        session_emptied(s);
        return 0;
}
