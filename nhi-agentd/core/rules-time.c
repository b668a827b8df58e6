/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a grant is in force. Both clocks, the earlier end wins (P4). */

#include "nhi-agentd/core/rules.h"

#define USEC INT64_C(1000000)
/* Windows repeat weekly: what is open for longer than a week never closes. */
#define WINDOW_HORIZON_SEC (8 * INT64_C(86400))

static int64_t now_sec(const Judge *j)
{
        return j->now.real_usec / USEC;
}

Outcome rule_clock(Judge *j)
{
        if (!j->host->clock_behind)
                return RULE_HELD;
        note_text(&j->note, "the clock is behind a time that the source has proved");
        return RULE_FAILED;
}

Outcome rule_begin(Judge *j)
{
        int64_t nbf = j->grant->nbf_sec;

        note_text(&j->note, "begins ");
        note_time(&j->note, nbf);
        if (nbf < 0 || nbf > TIME_SEC_MAX || j->now.real_usec < 0)
                return RULE_FAILED;
        return now_sec(j) >= nbf - NBF_LEEWAY_SEC ? RULE_HELD : RULE_FAILED;
}

/* Take an end on the wall clock into both ends of the judgement. False where it is over. */
static bool judge_end_at(Judge *j, int64_t end_sec)
{
        int64_t left_usec;

        if (end_sec <= 0 || end_sec > TIME_SEC_MAX)
                return false;
        left_usec = end_sec * USEC - j->now.real_usec;
        if (left_usec <= 0)
                return false;
        if (j->end_sec == 0 || end_sec < j->end_sec)
                j->end_sec = end_sec;
        if (left_usec < j->boot_end_usec - j->now.boot_usec)
                j->boot_end_usec = j->now.boot_usec + left_usec;
        return true;
}

Outcome rule_end(Judge *j)
{
        note_text(&j->note, "ends ");
        note_time(&j->note, j->grant->exp_sec);
        if (j->grant->boot_end_usec <= j->now.boot_usec || j->now.boot_usec < 0) {
                if (j->grant->set_exp_sec < j->grant->exp_sec) /* so it is the set's end */
                        j->reason = REASON_SET_STALE;
                return RULE_FAILED;
        }
        j->boot_end_usec = j->grant->boot_end_usec;
        return judge_end_at(j, j->grant->exp_sec) ? RULE_HELD : RULE_FAILED;
}

Outcome rule_set(Judge *j)
{
        note_text(&j->note, "its set holds until ");
        note_time(&j->note, j->grant->set_exp_sec);
        return judge_end_at(j, j->grant->set_exp_sec) ? RULE_HELD : RULE_FAILED;
}

/* The latest end of the windows that are open at this time; 0 where none is. */
static int64_t windows_end(const Grant *g, int64_t at_sec)
{
        int64_t latest = 0, end;

        for (size_t i = 0; i < g->n_windows; i++)
                if (window_is_open(&g->windows[i], at_sec, &end) && end > latest)
                        latest = end;
        return latest;
}

Outcome rule_window(Judge *j)
{
        int64_t horizon = now_sec(j) + WINDOW_HORIZON_SEC, end, next;

        if (j->grant->n_windows == 0)
                return RULE_APART;
        note_text(&j->note, "windows: ");
        note_list(&j->note, &j->grant->windows_text);
        end = windows_end(j->grant, now_sec(j));
        if (end == 0)
                return RULE_FAILED;
        /* One window may begin where the other ends. */
        while (end < horizon && (next = windows_end(j->grant, end)) != 0)
                end = next;
        if (end >= horizon)
                return RULE_HELD;
        return judge_end_at(j, end) ? RULE_HELD : RULE_FAILED;
}

bool grant_is_active(const Grant *grant, Now now, int64_t *ret_end_sec, int64_t *ret_boot_end_usec)
{
        static Outcome (*const in_time[])(Judge *) = { rule_begin, rule_end, rule_set,
                                                       rule_window };
        Judge j;

        *ret_end_sec = 0;
        *ret_boot_end_usec = 0;
        if (!grant)
                return false;
        judge_init(&j, NULL, grant, NULL, NULL, now);
        for (size_t i = 0; i < sizeof(in_time) / sizeof(in_time[0]); i++)
                if (in_time[i](&j) == RULE_FAILED)
                        return false;
        *ret_end_sec = j.end_sec;
        *ret_boot_end_usec = j.boot_end_usec;
        return true;
}
