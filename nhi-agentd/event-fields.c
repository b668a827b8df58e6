/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an event says, field by field, for the journal and for the decision log: one table, in the
 * order of the log's members. */

#include "nhi-agentd/event-fields.h"

#include "lib/base/macro.h"

#include <ctype.h>
#include <stdio.h>

typedef struct Sink Sink;
struct Sink {
        void (*text)(Sink *s, LogField f, const char *text);
        void (*number)(Sink *s, LogField f, int64_t value);
        void (*actors)(Sink *s, LogField f, const Actor *first);
        JournalEntry *entry;
        LogBody *body;
};

typedef struct Source {
        void (*put)(const Event *e, LogField f, Sink *s);
        size_t offset;
} Source;

static const Source sources[LOG_FIELD_N];

const Grant *event_grant(const Event *e)
{
        return e->has_decision ? e->decision.grant : e->grant;
}

static const char *text_at(const void *object, LogField f)
{
        return *(const char *const *)(const void *)((const uint8_t *)object + sources[f].offset);
}

static void put_own(const Event *e, LogField f, Sink *s)
{
        s->text(s, f, text_at(e, f));
}

static void put_of_grant(const Event *e, LogField f, Sink *s)
{
        const Grant *grant = event_grant(e);

        if (grant)
                s->text(s, f, text_at(grant, f));
}

static void put_set(const Event *e, LogField f, Sink *s)
{
        const Grant *grant = event_grant(e);

        s->text(s, f, grant ? grant->set_hash : e->set);
}

/* An array in the caller, not a pointer. */
static void put_of_caller(const Event *e, LogField f, Sink *s)
{
        if (e->caller)
                s->text(s, f, (const char *)e->caller + sources[f].offset);
}

static void put_actor(const Event *e, LogField f, Sink *s)
{
        const Grant *grant = event_grant(e);

        if (grant && grant->act)
                s->actors(s, f, grant->act);
}

static void put_uid(const Event *e, LogField f, Sink *s)
{
        if (e->account)
                s->number(s, f, e->uid);
}

static void put_verdict(const Event *e, LogField f, Sink *s)
{
        if (e->has_decision)
                s->text(s, f, e->decision.verdict == VERDICT_ALLOW ? "allow" : "deny");
}

static void put_reason(const Event *e, LogField f, Sink *s)
{
        if (e->has_decision)
                s->text(s, f, reason_token(e->decision.reason));
}

static void put_until(const Event *e, LogField f, Sink *s)
{
        if (e->has_decision && e->decision.end_sec > 0)
                s->number(s, f, e->decision.end_sec);
}

static void put_use(const Event *e, LogField f, Sink *s)
{
        if (e->use > 0)
                s->number(s, f, e->use);
}

static void put_pid(const Event *e, LogField f, Sink *s)
{
        if (e->caller)
                s->number(s, f, e->caller->pid);
}

static void put_audit_session(const Event *e, LogField f, Sink *s)
{
        if (e->caller && e->caller->audit_session != (uint32_t)-1)
                s->number(s, f, e->caller->audit_session);
}

static void put_loginuid(const Event *e, LogField f, Sink *s)
{
        if (e->caller && e->caller->loginuid != (uint32_t)-1)
                s->number(s, f, e->caller->loginuid);
}

/* session-12.scope is logind's session 12. */
static void put_logind_session(const Event *e, LogField f, Sink *s)
{
        static const char prefix[] = "session-", suffix[] = ".scope";
        const size_t around = sizeof(prefix) + sizeof(suffix) - 2;
        const char *scope;
        char id[64];
        size_t size = 0;

        scope = e->caller ? cgroup_scope(e->caller->cgroup, &size) : NULL;
        if (!scope || size <= around || size - around >= sizeof(id) ||
            strncmp(scope, prefix, sizeof(prefix) - 1) != 0)
                return;
        memcpy(id, scope + sizeof(prefix) - 1, size - around);
        id[size - around] = '\0';
        s->text(s, f, id);
}

static void put_took(const Event *e, LogField f, Sink *s)
{
        if (e->took_usec > 0)
                s->number(s, f, e->took_usec);
}

static void put_survivors(const Event *e, LogField f, Sink *s)
{
        if (e->kind == EVENT_SESSION_END || e->kind == EVENT_MEMBERSHIP_END ||
            e->kind == EVENT_SURVIVOR)
                s->number(s, f, e->n_survivors);
}

static void put_decision(const Event *e, LogField f, Sink *s)
{
        if (e->decision_id > 0)
                s->number(s, f, (int64_t)e->decision_id);
}

static void put_count(const Event *e, LogField f, Sink *s)
{
        if (e->kind == EVENT_DENIALS || e->n_denials > 0)
                s->number(s, f, (int64_t)e->n_denials);
}

static void put_first(const Event *e, LogField f, Sink *s)
{
        if (e->kind == EVENT_DENIALS || e->first_sec > 0)
                s->number(s, f, e->first_sec);
}

static void put_last(const Event *e, LogField f, Sink *s)
{
        if (e->kind == EVENT_DENIALS || e->last_sec > 0)
                s->number(s, f, e->last_sec);
}

#define OWN(member)                                                                                \
        {                                                                                          \
                put_own, offsetof(Event, member)                                                   \
        }
#define OF_GRANT(member)                                                                           \
        {                                                                                          \
                put_of_grant, offsetof(Grant, member)                                              \
        }
#define OF_CALLER(member)                                                                          \
        {                                                                                          \
                put_of_caller, offsetof(Caller, member)                                            \
        }
static const Source sources[LOG_FIELD_N] = {
        [LOG_FIELD_ACCOUNT] = OWN(account),
        [LOG_FIELD_UID] = { put_uid, 0 },
        [LOG_FIELD_KIND] = OWN(account_kind),
        [LOG_FIELD_CLASS] = OWN(class),
        [LOG_FIELD_SERVICE] = OWN(service),
        [LOG_FIELD_PHASE] = OWN(phase),
        [LOG_FIELD_TARGET] = OWN(target),
        [LOG_FIELD_TARGET_GROUP] = OWN(target_group),
        [LOG_FIELD_COMMAND] = OWN(command),
        [LOG_FIELD_MODE] = OWN(mode),
        [LOG_FIELD_VERDICT] = { put_verdict, 0 },
        [LOG_FIELD_REASON] = { put_reason, 0 },
        [LOG_FIELD_UNTIL] = { put_until, 0 },
        [LOG_FIELD_GRANT] = OF_GRANT(jti),
        [LOG_FIELD_SUBJECT] = OF_GRANT(sub),
        [LOG_FIELD_ACTOR] = { put_actor, 0 },
        [LOG_FIELD_OWNER] = OF_GRANT(owner),
        [LOG_FIELD_WHY] = OF_GRANT(reason),
        [LOG_FIELD_TICKET] = OF_GRANT(ticket),
        [LOG_FIELD_ISSUED_BY] = OF_GRANT(issued_by),
        [LOG_FIELD_ISSUER] = OF_GRANT(issuer),
        [LOG_FIELD_SET] = { put_set, 0 },
        [LOG_FIELD_USE] = { put_use, 0 },
        [LOG_FIELD_RHOST] = OWN(rhost),
        [LOG_FIELD_TTY] = OWN(tty),
        [LOG_FIELD_RUSER] = OWN(ruser),
        [LOG_FIELD_PID] = { put_pid, 0 },
        [LOG_FIELD_UNIT] = OF_CALLER(unit),
        [LOG_FIELD_INVOCATION] = OF_CALLER(invocation),
        [LOG_FIELD_AUDIT_SESSION] = { put_audit_session, 0 },
        [LOG_FIELD_LOGINUID] = { put_loginuid, 0 },
        [LOG_FIELD_LOGIND_SESSION] = { put_logind_session, 0 },
        [LOG_FIELD_BOOT] = OWN(boot),
        [LOG_FIELD_SESSION] = OWN(session),
        [LOG_FIELD_SCOPE] = OWN(scope),
        [LOG_FIELD_CODE] = OWN(code),
        [LOG_FIELD_DETAIL] = OWN(detail),
        [LOG_FIELD_TOOK_USEC] = { put_took, 0 },
        [LOG_FIELD_SURVIVORS] = { put_survivors, 0 },
        [LOG_FIELD_DECISION] = { put_decision, 0 },
        [LOG_FIELD_COUNT] = { put_count, 0 },
        [LOG_FIELD_FIRST] = { put_first, 0 },
        [LOG_FIELD_LAST] = { put_last, 0 },
};

static void event_put(const Event *e, Sink *s)
{
        for (unsigned f = 0; f < LOG_FIELD_N; f++)
                if (sources[f].put)
                        sources[f].put(e, (LogField)f, s);
}

/* ---- the journal ------------------------------------------------------------------------------
 */

/* NHI_AUDIT_SESSION of audit_session. */
static void journal_name(LogField f, char ret[static 32])
{
        const char *name = log_fields[f].name;
        size_t n = 4;

        memcpy(ret, "NHI_", 4);
        for (; *name && n < 31; name++)
                ret[n++] = (char)toupper((unsigned char)*name);
        ret[n] = '\0';
}

static void journal_text(Sink *s, LogField f, const char *text)
{
        char name[32];

        if (!text || !*text || f == LOG_FIELD_BOOT) /* _BOOT_ID= is the journal's own */
                return;
        journal_name(f, name);
        journal_put(s->entry, name, text);
}

static void journal_number(Sink *s, LogField f, int64_t value)
{
        char name[32];

        journal_name(f, name);
        journal_put_number(s->entry, name, value);
}

static void journal_actors(Sink *s, LogField f, const Actor *a)
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
                journal_text(s, f, chain);
}

void event_format(const Event *e, JournalEntry *out)
{
        Sink sink = { .text = journal_text,
                      .number = journal_number,
                      .actors = journal_actors,
                      .entry = out };
        char message[1024];

        event_message(e, message, sizeof(message));
        journal_put(out, "MESSAGE", message);
        journal_put(out, "MESSAGE_ID", event_message_id(e->kind));
        journal_put_number(out, "PRIORITY", event_priority(e->kind));
        journal_put(out, "SYSLOG_IDENTIFIER", "nhi-agentd");
        journal_put(out, "SYSLOG_FACILITY", "10"); /* authpriv */
        journal_put(out, "NHI_EVENT", event_name(e->kind));
        event_put(e, &sink);
        if (e->head)
                journal_put(out, "NHI_HEAD", e->head);
}

/* ---- the log ----------------------------------------------------------------------------------
 */

static void body_text(Sink *s, LogField f, const char *text)
{
        log_body_text(s->body, f, text);
}

static void body_number(Sink *s, LogField f, int64_t value)
{
        log_body_number(s->body, f, value);
}

/* The bound of the field cuts the list before this one does. */
#define ACTORS_MAX 512u

static void body_actors(Sink *s, LogField f, const Actor *a)
{
        const char *items[ACTORS_MAX];
        size_t n = 0;

        for (; a && n < ACTORS_MAX; a = a->prior)
                items[n++] = a->sub;
        log_body_texts(s->body, f, items, n);
}

void event_record(const Event *e, LogBody *ret)
{
        Sink sink = {
                .text = body_text, .number = body_number, .actors = body_actors, .body = ret
        };

        log_body_init(ret, event_name(e->kind));
        event_put(e, &sink);
        log_body_done(ret);
}
