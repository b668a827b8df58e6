/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Five minutes and one minute before a membership ends whoever carries it is told, once each. What
 * runs in a session of the very grant hears of that one's end. */

#include "nhi-agentd/member/internal.h"

#include "lib/base/macro.h"

#define SLACK_USEC ((int64_t)USEC_PER_SEC)

static const int64_t before_usec[] = { 300 * (int64_t)USEC_PER_SEC, 60 * (int64_t)USEC_PER_SEC };

static int64_t left_usec(const Membership *of, Now now)
{
        const int64_t real = of->end_sec < INT64_MAX / (int64_t)USEC_PER_SEC
                                     ? of->end_sec * (int64_t)USEC_PER_SEC - now.real_usec
                                     : INT64_MAX;
        const int64_t boot = of->boot_end_usec - now.boot_usec;

        return real < boot ? real : boot;
}

/* The one of a run that lasts longest: when that ends the membership does. */
static Member *run_last(Member *items, size_t n)
{
        Member *last = items;

        for (size_t i = 1; i < n; i++)
                if (items[i].of.end_sec > last->of.end_sec)
                        last = &items[i];
        return last;
}

/* How long until its next words are due; INT64_MAX where none are. Words that would have been due
 * before it was known are passed over. */
static int64_t words_due(Member *at, int64_t left)
{
        while (at->n_warned < ELEMENTSOF(before_usec) &&
               left < before_usec[at->n_warned] - SLACK_USEC)
                at->n_warned++;
        return at->n_warned < ELEMENTSOF(before_usec) ? left - before_usec[at->n_warned]
                                                      : INT64_MAX;
}

/* Say what is due; when the next is. */
static int64_t run_warn(Members *m, Member *items, size_t n, Now now)
{
        Member *at = run_last(items, n);
        const int64_t left = left_usec(&at->of, now);
        int64_t due;

        if (at->why)
                return INT64_MAX;
        due = words_due(at, left);
        if (due > 0)
                return due;
        at->n_warned++;
        if (!membership_is_on_trial(m->agent, &at->of)) /* nothing of it will end */
                member_words_begin(m, &at->of, at->of.since_usec, left);
        return words_due(at, left);
}

void member_warn_arm(Members *m)
{
        const Now now = agent_now(m->agent);
        int64_t next = INT64_MAX;

        for (size_t i = 0, n; i < m->list.n; i += n) {
                int64_t due;

                n = member_list_run(&m->list, i);
                due = run_warn(m, &m->list.items[i], n, now);
                next = due < next ? due : next;
        }
        if (next == INT64_MAX) {
                (void)sd_event_source_set_enabled(m->warn, SD_EVENT_OFF);
                return;
        }
        (void)sd_event_source_set_time_relative(m->warn, (uint64_t)next);
        (void)sd_event_source_set_enabled(m->warn, SD_EVENT_ONESHOT);
}

int on_member_warn(sd_event_source *source, uint64_t usec, void *userdata)
{
        Members *m = userdata;

        member_warn_arm(m);
        member_look_arm(m);
        return 0;
}
