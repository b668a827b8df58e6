/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/event-fields.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"

#include <inttypes.h>
#include <stdio.h>

static const EventRow events[EVENT_N] = { EVENTS(EVENT_ROW) };

const char *event_name(EventKind k)
{
        return (unsigned)k < EVENT_N ? events[k].name : "unknown";
}

const char *event_message_id(EventKind k)
{
        return (unsigned)k < EVENT_N ? events[k].message_id : "";
}

int event_priority(EventKind k)
{
        return (unsigned)k < EVENT_N ? events[k].priority : 3;
}

/* "svc-deploy, ssh as postgres: pg_dump" */
static void message_who(const Event *e, char *ret, size_t size)
{
        char account[128], target[128], command[256];

        text_escape(account, sizeof(account), e->account ? e->account : "?");
        text_escape(target, sizeof(target), e->target ? e->target : "");
        text_escape(command, sizeof(command), e->command ? e->command : "");
        (void)snprintf(ret, size, "%s, %s%s%s%s%s", account, e->class ? e->class : "?",
                       *target ? " as " : "", target, *command ? ": " : "", command);
}

static void message_access(const Event *e, const char *verb, char *ret, size_t size)
{
        const Grant *g = event_grant(e);
        char who[640], why[160], jti[80];

        message_who(e, who, sizeof(who));
        text_escape(why, sizeof(why), g && g->reason ? g->reason : "");
        text_escape(jti, sizeof(jti), g && g->jti ? g->jti : "");
        if (e->has_decision && e->decision.verdict != VERDICT_ALLOW)
                (void)snprintf(ret, size, "%s %s: %s (%s)", verb, who,
                               reason_sentence(e->decision.reason),
                               reason_token(e->decision.reason));
        else if (g)
                (void)snprintf(ret, size, "%s %s under grant %s (%s)", verb, who, jti, why);
        else
                (void)snprintf(ret, size, "%s %s", verb, who);
}

static void message_denials(const Event *e, const char *verb, char *ret, size_t size)
{
        char who[640];

        message_who(e, who, sizeof(who));
        (void)snprintf(ret, size, "%s %" PRIu64 " times within %lld s: %s: %s (%s)", verb,
                       e->n_denials, (long long)(e->last_sec - e->first_sec) + 1, who,
                       reason_sentence(e->decision.reason), reason_token(e->decision.reason));
}

static void message_code(const Event *e, const char *verb, char *ret, size_t size)
{
        char code[160], detail[512];

        text_escape(code, sizeof(code), e->code ? e->code : "");
        text_escape(detail, sizeof(detail), e->detail ? e->detail : "");
        (void)snprintf(ret, size, "%s%s%s%s%s", verb, *code ? ": " : "", code, *detail ? ": " : "",
                       detail);
}

static void message_grant(const Event *e, const char *verb, char *ret, size_t size)
{
        const Grant *g = event_grant(e);
        char code[64], account[128];

        if (!g) {
                message_code(e, verb, ret, size);
                return;
        }
        text_escape(code, sizeof(code), e->code ? e->code : "over");
        text_escape(account, sizeof(account), g->account ? g->account : "?");
        (void)snprintf(ret, size, "%s: %s of %s: %s", verb, g->jti ? g->jti : "?", account, code);
}

static void message_member(const Event *e, const char *verb, char *ret, size_t size)
{
        const Grant *g = event_grant(e);
        char account[128], group[128], code[64];

        text_escape(account, sizeof(account), e->account ? e->account : "?");
        text_escape(group, sizeof(group), e->target_group ? e->target_group : "?");
        text_escape(code, sizeof(code), e->code ? e->code : "over");
        (void)snprintf(ret, size,
                       "%s %s in %s under grant %s (%s): %" PRIu64
                       " processes that carried it ended, %u remain",
                       verb, account, group, g && g->jti ? g->jti : "?", code, e->n_denials,
                       e->n_survivors);
}

static void message_stray(const Event *e, const char *verb, char *ret, size_t size)
{
        char account[128], unit[256], detail[512];

        text_escape(account, sizeof(account), e->account ? e->account : "?");
        text_escape(unit, sizeof(unit),
                    e->caller && *e->caller->unit ? e->caller->unit : "no unit");
        text_escape(detail, sizeof(detail), e->detail ? e->detail : "");
        (void)snprintf(ret, size, "%s %s in %s, %s: %" PRIu64 ": %s", verb, account, unit,
                       e->code && streq(e->code, "ended") ? "ended" : "left alone", e->n_denials,
                       detail);
}

static void message_leftover(const Event *e, const char *verb, char *ret, size_t size)
{
        const Grant *g = event_grant(e);
        char account[128], code[64], detail[512];

        if (!g) {
                message_code(e, verb, ret, size);
                return;
        }
        text_escape(account, sizeof(account), e->account ? e->account : "?");
        text_escape(code, sizeof(code), e->code ? e->code : "?");
        text_escape(detail, sizeof(detail), e->detail ? e->detail : "");
        (void)snprintf(ret, size, "%s by %s under grant %s: %s: %s", verb, account,
                       g->jti ? g->jti : "?", code, detail);
}

static const struct {
        void (*make)(const Event *e, const char *verb, char *ret, size_t size);
        const char *verb;
} messages[EVENT_N] = {
        [EVENT_DECISION] = { message_access, "Allowed" },
        [EVENT_DENIAL] = { message_access, "Denied" },
        [EVENT_DENIALS] = { message_denials, "Denied" },
        [EVENT_WOULD_DENY] = { message_access, "Would deny" },
        [EVENT_EXEMPTION] = { message_access, "Exempt:" },
        [EVENT_SESSION_START] = { message_access, "Session began:" },
        [EVENT_SESSION_END] = { message_access, "Session ended:" },
        [EVENT_SURVIVOR] = { message_access, "Processes survived the end of a session:" },
        [EVENT_SET_ACCEPTED] = { message_code, "Grant set accepted" },
        [EVENT_SET_REFUSED] = { message_code, "Grant set refused" },
        [EVENT_SET_FRESH] = { message_code, "Grant set kept fresh" },
        [EVENT_REVOCATIONS] = { message_code, "Revocation list in force" },
        [EVENT_KEYS] = { message_code, "Key list in force" },
        [EVENT_QUARANTINE] = { message_code, "Entry of a grant set quarantined" },
        [EVENT_AGENT_START] = { message_code, "Agent started" },
        [EVENT_AGENT_STOP] = { message_code, "Agent stopped" },
        [EVENT_CONFIG_CHANGED] = { message_code, "Configuration changed" },
        [EVENT_CONFIG_REFUSED] = { message_code, "Configuration refused, the old one stays" },
        [EVENT_SOURCE_STALE] = { message_code, "No new grant set from the source" },
        [EVENT_SET_EXPIRED] = { message_code, "The grant set's life is over" },
        [EVENT_SOURCE_FRESH] = { message_code, "The grant set is fresh again" },
        [EVENT_STRAY] = { message_stray, "Processes that no session accounts for, of" },
        [EVENT_MEMBERSHIP_END] = { message_member, "Membership ended:" },
        [EVENT_LEFTOVER] = { message_leftover, "Left behind" },
        [EVENT_GRANT_ENDED] = { message_grant, "Grant ended" },
        [EVENT_LOG_CREATED] = { message_code, "Decision log begun" },
        [EVENT_SEGMENT] = { message_code, "Segment of the decision log begun" },
        [EVENT_SEGMENT_END] = { message_code, "Segment of the decision log closed" },
        [EVENT_LOG_TORN] = { message_code, "Torn end of the decision log marked" },
        [EVENT_LOG_PRUNED] = { message_code, "Old segment of the decision log removed" },
        [EVENT_LOG_FAILED] = { message_code, "The decision log cannot be written: no new access" },
        [EVENT_LOG_RESUMED] = { message_code, "Decision log resumed" },
        [EVENT_LOG_SPACE] = { message_code, "The decision log runs out of space" },
        [EVENT_LOG_HEAD] = { message_code, "Head of the decision log" },
        [EVENT_GATES_REMOVED] = { message_code, "Gates removed" },
        /* Sent by nhictl, which brings its own message. */
        [EVENT_ENFORCE_PENDING] = { message_code, "Enforcement waits for its confirmation" },
        [EVENT_ENFORCE_CONFIRMED] = { message_code, "Enforcement confirmed" },
        [EVENT_ENFORCE_REVERTED] = { message_code, "Enforcement undone" },
};

void event_message(const Event *e, char *ret, size_t size)
{
        if (e->message)
                text_escape(ret, size, e->message);
        else if ((unsigned)e->kind < EVENT_N)
                messages[e->kind].make(e, messages[e->kind].verb, ret, size);
        else
                (void)snprintf(ret, size, "unknown event");
}
