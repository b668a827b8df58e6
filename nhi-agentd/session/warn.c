/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A session's terminals are told before its end, each time once per end, and why when it is over:
 * words.c says what, terminal.c to whom. A prolongation warns anew; a session that is shorter than
 * a warning's lead gets the warnings that fit. */

#include "nhi-agentd/session/registry.h"
#include "nhi-agentd/session/terminal.h"
#include "nhi-agentd/session/words.h"

#include "lib/base/io.h"

#define WARN_SLACK_USEC (5 * (int64_t)USEC_PER_SEC) /* more is left: the end or the clock moved */

static const int64_t leads_usec[] = {
        300 * (int64_t)USEC_PER_SEC,
        60 * (int64_t)USEC_PER_SEC,
};

static Words words_of(const Session *s)
{
        return (Words){ .jti = s->tie.grant.jti,
                        .class = s->tie.request.class,
                        .elevation = s->tie.request.elevation };
}

static bool session_tell(const Session *s, const char *text)
{
        pid_t pids[TERMINAL_PIDS_MAX];
        size_t n = session_pids(s, pids, ELEMENTSOF(pids));

        if (n > ELEMENTSOF(pids))
                n = ELEMENTSOF(pids);
        return terminal_tell(pids, n, s->tie.request.uid, text) > 0;
}

static int64_t left_usec(const Session *s)
{
        Now now = s->registry->host.now(s->registry->host.userdata);
        int64_t real = usec_of_sec(s->end_sec) - now.real_usec;
        int64_t boot = s->boot_end_usec - now.boot_usec;

        return real < boot ? real : boot;
}

/* The next lead that is still ahead and was not told for this end; 0: none. */
static int64_t next_lead_usec(const Session *s, int64_t left)
{
        for (size_t i = 0; i < ELEMENTSOF(leads_usec); i++) {
                if (s->warned_end_sec == s->end_sec && leads_usec[i] >= s->warned_lead_usec)
                        continue;
                if (left > leads_usec[i])
                        return leads_usec[i];
        }
        return 0;
}

static int on_warn(sd_event_source *source, uint64_t usec, void *userdata)
{
        Session *s = userdata;
        const int64_t left = left_usec(s), lead = s->warn_lead_usec;
        char text[WORDS_SIZE];
        Words w;

        s->warn = sd_event_source_disable_unref(s->warn);
        if (s->state != SESSION_ACTIVE)
                return 0;
        if (left > 0 && left <= lead + WARN_SLACK_USEC) {
                w = words_of(s);
                words_before(&w, left, s->end_sec, text);
                (void)session_tell(s, text);
                s->warned_end_sec = s->end_sec;
                s->warned_lead_usec = lead;
        }
        warn_arm(s);
        return 0;
}

void warn_arm(Session *s)
{
        const int64_t left = left_usec(s), lead = next_lead_usec(s, left);
        int r;

        s->warn = sd_event_source_disable_unref(s->warn);
        if (lead == 0)
                return;
        s->warn_lead_usec = lead;
        r = sd_event_add_time_relative(s->registry->event, &s->warn, CLOCK_BOOTTIME,
                                       (uint64_t)(left - lead), 0, on_warn, s);
        if (r >= 0)
                (void)sd_event_source_set_description(s->warn, "session-warn");
}

bool warn_over(const Session *s)
{
        const Words w = words_of(s);
        char text[WORDS_SIZE];

        if (!s->ending || s->ending->refused)
                return false;
        words_over(&w, s->ending->why, s->ending->detail, text);
        return session_tell(s, text);
}
