/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/event.h"

#include "nhi-agentd/journal.h"

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

/* Texts of an event and of its grant, as they are. */
typedef struct TextField {
        const char *field;
        size_t offset;
} TextField;

static const TextField event_texts[] = {
        { "NHI_ACCOUNT", offsetof(Event, account) },
        { "NHI_KIND", offsetof(Event, account_kind) },
        { "NHI_CLASS", offsetof(Event, class) },
        { "NHI_SERVICE", offsetof(Event, service) },
        { "NHI_PHASE", offsetof(Event, phase) },
        { "NHI_TARGET", offsetof(Event, target) },
        { "NHI_TARGET_GROUP", offsetof(Event, target_group) },
        { "NHI_COMMAND", offsetof(Event, command) },
        { "NHI_MODE", offsetof(Event, mode) },
        { "NHI_RHOST", offsetof(Event, rhost) },
        { "NHI_TTY", offsetof(Event, tty) },
        { "NHI_RUSER", offsetof(Event, ruser) },
        { "NHI_SESSION", offsetof(Event, session) },
        { "NHI_SCOPE", offsetof(Event, scope) },
        { "NHI_CODE", offsetof(Event, code) },
        { "NHI_DETAIL", offsetof(Event, detail) },
};

static const TextField grant_texts[] = {
        { "NHI_GRANT", offsetof(Grant, jti) },     { "NHI_SUBJECT", offsetof(Grant, sub) },
        { "NHI_OWNER", offsetof(Grant, owner) },   { "NHI_WHY", offsetof(Grant, reason) },
        { "NHI_TICKET", offsetof(Grant, ticket) }, { "NHI_ISSUED_BY", offsetof(Grant, issued_by) },
        { "NHI_ISSUER", offsetof(Grant, issuer) }, { "NHI_SET", offsetof(Grant, set_hash) },
};

static void put_texts(JournalEntry *out, const TextField *fields, size_t n, const void *object)
{
        for (size_t i = 0; i < n; i++) {
                const char *text = *(const char *const *)(const void *)((const uint8_t *)object +
                                                                        fields[i].offset);

                if (text && *text)
                        journal_put(out, fields[i].field, text);
        }
}

static void put_actors(JournalEntry *out, const Actor *a)
{
        char chain[JOURNAL_TEXT_MAX];
        size_t n = 0;

        for (; a && n < sizeof(chain); a = a->prior) {
                int k = snprintf(chain + n, sizeof(chain) - n, "%s%s", n > 0 ? " < " : "", a->sub);

                if (k < 0)
                        break;
                n += (size_t)k;
        }
        if (n > 0)
                journal_put(out, "NHI_ACTOR", chain);
}

static void put_caller(JournalEntry *out, const Caller *c)
{
        journal_put_number(out, "NHI_PID", c->pid);
        if (c->unit[0])
                journal_put(out, "NHI_UNIT", c->unit);
        if (c->invocation[0])
                journal_put(out, "NHI_INVOCATION", c->invocation);
        if (c->audit_session != (uint32_t)-1)
                journal_put_number(out, "NHI_AUDIT_SESSION", c->audit_session);
        if (c->loginuid != (uint32_t)-1)
                journal_put_number(out, "NHI_LOGINUID", c->loginuid);
}

static const Grant *event_grant(const Event *e)
{
        return e->has_decision ? e->decision.grant : e->grant;
}

void event_format(const Event *e, JournalEntry *out)
{
        const Grant *grant = event_grant(e);
        char message[1024];

        event_message(e, message, sizeof(message));
        journal_put(out, "MESSAGE", message);
        journal_put(out, "MESSAGE_ID", event_message_id(e->kind));
        journal_put_number(out, "PRIORITY", event_priority(e->kind));
        journal_put(out, "SYSLOG_IDENTIFIER", "nhi-agentd");
        journal_put(out, "SYSLOG_FACILITY", "10"); /* authpriv */
        journal_put(out, "NHI_EVENT", event_name(e->kind));
        put_texts(out, event_texts, ELEMENTSOF(event_texts), e);
        if (e->account)
                journal_put_number(out, "NHI_UID", e->uid);
        if (e->has_decision) {
                const bool allow = e->decision.verdict == VERDICT_ALLOW;

                journal_put(out, "NHI_VERDICT", allow ? "allow" : "deny");
                journal_put(out, "NHI_REASON", reason_token(e->decision.reason));
                if (e->decision.end_sec > 0)
                        journal_put_number(out, "NHI_UNTIL", e->decision.end_sec);
        }
        if (grant) {
                put_texts(out, grant_texts, ELEMENTSOF(grant_texts), grant);
                put_actors(out, grant->act);
        }
        if (e->caller)
                put_caller(out, e->caller);
        if (e->took_usec > 0)
                journal_put_number(out, "NHI_TOOK_USEC", e->took_usec);
        if (e->kind == EVENT_SESSION_END || e->kind == EVENT_SURVIVOR)
                journal_put_number(out, "NHI_SURVIVORS", e->n_survivors);
        if (e->decision_id > 0)
                journal_put_number(out, "NHI_DECISION", (int64_t)e->decision_id);
        if (e->kind == EVENT_DENIALS) {
                journal_put_number(out, "NHI_COUNT", (int64_t)e->n_denials);
                journal_put_number(out, "NHI_FIRST", e->first_sec);
                journal_put_number(out, "NHI_LAST", e->last_sec);
        }
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

        text_escape(code, sizeof(code), e->code ? e->code : "over");
        text_escape(account, sizeof(account), g && g->account ? g->account : "?");
        (void)snprintf(ret, size, "%s %s of %s: %s", verb, g && g->jti ? g->jti : "?", account,
                       code);
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
        [EVENT_QUARANTINE] = { message_code, "Entry of a grant set quarantined" },
        [EVENT_AGENT_START] = { message_code, "Agent started" },
        [EVENT_AGENT_STOP] = { message_code, "Agent stopped" },
        [EVENT_CONFIG_CHANGED] = { message_code, "Configuration changed" },
        [EVENT_CONFIG_REFUSED] = { message_code, "Configuration refused, the old one stays" },
        [EVENT_SOURCE_STALE] = { message_code, "No new grant set from the source" },
        [EVENT_GRANT_ENDED] = { message_grant, "Grant ended:" },
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
