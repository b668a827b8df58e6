/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which sessions are over, and whose end has moved. Promise E4: what proves an end is a verdict on
 * a verified set, a verified list, what was decided on this host, or the session's own end on
 * either clock; never the lack of an answer. */

#include "nhi-agentd/session/tenant.h"

#include "lib/base/io.h"

#include <stdio.h>

/* Each reason is named: a new one does not compile until somebody decided. */
bool reason_proves_end(Reason r)
{
        switch (r) {
        case REASON_NO_GRANT:
        case REASON_NOT_YET:
        case REASON_EXPIRED:
        case REASON_REVOKED:
        case REASON_GIVEN_BACK:
        case REASON_LOCKED:
        case REASON_OUTSIDE_WINDOW:
        case REASON_SERVICE_NOT_GRANTED:
        case REASON_FROM_NOT_GRANTED:
        case REASON_KEY_NOT_GRANTED:
        case REASON_RUN_AS_NOT_GRANTED:
        case REASON_GROUP_NOT_GRANTED:
        case REASON_COMMAND_NOT_GRANTED:
        case REASON_EDIT_NOT_GRANTED:
        case REASON_UNIT_NOT_GRANTED:
        case REASON_USER_MANAGER_NOT_GRANTED:
        case REASON_UID_MISMATCH:
        case REASON_SET_STALE:
                return true;
        case REASON_GRANTED:
        case REASON_NO_SET:
        case REASON_CLOCK:
        case REASON_PLUGIN_MISSING: /* it may go while a session that passed it runs */
        case REASON_MAX_SESSIONS:   /* counted when a session opens, never afterwards */
        case REASON_BAD_NAME:
        case REASON_BAD_REQUEST:
        case REASON_BUSY:
        case REASON_FLOOD:
        case REASON_SESSION_UNKNOWN:
        case REASON_EVIDENCE_FAILED:
        case REASON_N:
                return false;
        }
        return false;
}

Decision session_judge(Session *s)
{
        const SessionsHost *host = &s->registry->host;
        Decision d;

        s->judging = true;
        d = host->judge(host->userdata, &s->tie.grant, &s->tie.request);
        s->judging = false;
        if (d.grant && d.grant->kid && session_tie_note_key(&s->tie, d.grant->kid))
                sessions_save(s->registry);
        return d;
}

/* Root locked it, or its holder gave it back: no set is asked. */
static bool reason_is_of_host(Reason r)
{
        return r == REASON_LOCKED || r == REASON_GIVEN_BACK;
}

static bool is_verified(const SessionsHost *host, const Grant *tied)
{
        return !host->issuer_is_verified || !tied->issuer ||
               host->issuer_is_verified(host->userdata, tied->issuer);
}

/* Absent from a set that is not there is not revoked, but by a list. */
static bool verdict_is_proof(const Session *s, const Decision *d)
{
        const SessionsHost *host = &s->registry->host;
        const Grant *tied = &s->tie.grant;

        if (!reason_proves_end(d->reason))
                return false;
        if (reason_is_of_host(d->reason) || is_verified(host, tied))
                return true;
        return d->reason == REASON_REVOKED && host->is_named &&
               host->is_named(host->userdata, tied);
}

static void session_move_end(Session *s, const Decision *d)
{
        s->end_sec = d->end_sec;
        s->boot_end_usec = d->boot_end_usec;
        if (backstop_is_right(s)) {
                if (!s->warn) /* it is one of before */
                        warn_arm(s);
                return;
        }
        (void)backstop_arm(s);
        warn_arm(s);
        sessions_save(s->registry);
}

bool session_is_over(Session *s, Decision *ret)
{
        Now now = s->registry->host.now(s->registry->host.userdata);

        *ret = session_judge(s);
        if (ret->verdict == VERDICT_ALLOW)
                return false;
        if (verdict_is_proof(s, ret))
                return true;
        ret->reason = REASON_EXPIRED;
        return session_end_passed(s, now);
}

/* With what the agent knows of it beyond the reason. */
static void session_end_for(Session *s, Reason reason)
{
        const SessionsHost *host = &s->registry->host;
        char detail[sizeof(s->ending->detail)] = "";

        if (host->explain)
                host->explain(host->userdata, &s->tie.grant, reason, detail, sizeof(detail));
        ending_begin(s, reason_token(reason));
        if (s->ending && *detail)
                memcpy(s->ending->detail, detail, sizeof(detail));
}

static void session_review(Session *s)
{
        Decision d;

        if (s->state != SESSION_ACTIVE)
                return;
        if (session_is_over(s, &d)) {
                session_end_for(s, d.reason);
                tenant_over(s->registry, s->tie.request.account);
        } else if (d.verdict == VERDICT_ALLOW) {
                session_move_end(s, &d);
        }
}

void sessions_grant_over(Sessions *s, const char *account)
{
        if (s)
                tenant_over(s, account);
}

void sessions_review(Sessions *s)
{
        for (Session *i = s->sessions, *next; i; i = next) {
                next = i->next;
                session_review(i);
        }
        elevations_review(s);
}

bool sessions_next_end(const Sessions *s, int64_t *ret_real_usec, int64_t *ret_boot_usec)
{
        int64_t real = INT64_MAX, boot = INT64_MAX;

        for (const Session *i = s->sessions; i; i = i->next) {
                int64_t end = usec_of_sec(i->end_sec);

                if (i->state == SESSION_ENDING)
                        continue;
                real = end < real ? end : real;
                boot = i->boot_end_usec < boot ? i->boot_end_usec : boot;
        }
        if (real == INT64_MAX && boot == INT64_MAX)
                return false;
        *ret_real_usec = real;
        *ret_boot_usec = boot;
        return true;
}

int session_end(Sessions *s, const char *id, const char *why)
{
        for (Session *i = s->sessions; i; i = i->next) {
                if (!streq(i->id, id) || i->state == SESSION_OPENING)
                        continue;
                if (i->state == SESSION_ENDING)
                        return 0;
                /* The words are the person's: never the code, which says who decided. */
                ending_begin(i, "ended");
                if (i->ending)
                        (void)snprintf(i->ending->detail, sizeof(i->ending->detail), "%s",
                                       why ? why : "");
                return 0;
        }
        return -ENOENT;
}
