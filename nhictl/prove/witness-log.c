/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decision log, record by record: what was allowed, what was denied, and what became of the
 * agent, the log and the gates. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/service.h"
#include "lib/log/record.h"
#include "nhictl/prove/witness.h"
#include "nhictl/reply.h"

#include <stdio.h>

typedef struct Record {
        uint64_t seq;
        int64_t time_usec;
        const json_t *json;
} Record;

static const char *text(const Record *r, const char *name)
{
        const char *t = json_string_value(json_object_get(r->json, name));

        return t ? t : "";
}

static int64_t number(const Record *r, const char *name, int64_t otherwise)
{
        const json_t *n = json_object_get(r->json, name);

        return json_is_integer(n) ? json_integer_value(n) : otherwise;
}

/* ---- sessions ---- */

static int64_t until_usec(const Record *r)
{
        const int64_t sec = member_sec(r->json, "until");

        return sec > 0 ? sec * (int64_t)USEC_PER_SEC : r->time_usec;
}

/* Processes are known by the audit session only where it is the session's own: sudo and su bear
 * that of whoever called them. */
static uint32_t own_audit_session(const Record *r)
{
        if (service_is_elevation(text(r, "service")))
                return PROVE_UNSET;
        return (uint32_t)number(r, "audit_session", PROVE_UNSET);
}

static Stay *stay_new(Proof *p, const Record *r)
{
        Stay *s = proof_add(p, stays);

        if (!s)
                return NULL;
        *s = (Stay){ .account = proof_text(p, text(r, "account")),
                     .class = proof_text(p, text(r, "class")),
                     .grant = proof_text(p, text(r, "grant")),
                     .issuer = proof_text(p, text(r, "issuer")),
                     .set = proof_text(p, text(r, "set")),
                     .session = "",
                     .scope = "",
                     .logind = proof_text(p, text(r, "logind_session")),
                     .boot = proof_text(p, text(r, "boot")),
                     .invocation = proof_text(
                             p, streq(text(r, "class"), "unit") ? text(r, "invocation") : ""),
                     .uid = (uint32_t)number(r, "uid", PROVE_UNSET),
                     .audit_session = own_audit_session(r),
                     .pid = number(r, "pid", 0),
                     .start_usec = r->time_usec,
                     .end_usec = PROVE_OPEN,
                     .until_usec = until_usec(r),
                     .seq = r->seq };
        return s;
}

/* The decision that allowed it stands before it, and both name the process. */
static Stay *stay_decided(Proof *p, const Record *r)
{
        const int64_t pid = number(r, "pid", 0);

        for (size_t i = p->stays.n; i > 0; i--) {
                Stay *s = &p->stays.items[i - 1];

                if (s->start_usec < r->time_usec - PROVE_NEAR_USEC)
                        return NULL;
                if (!s->has_started && s->pid == pid && streq(s->account, text(r, "account")) &&
                    streq(s->class, text(r, "class")))
                        return s;
        }
        return NULL;
}

static void take_decision(Proof *p, const Record *r)
{
        if (streq(text(r, "phase"), "open-session") && streq(text(r, "verdict"), "allow") &&
            streq(text(r, "mode"), "enforce"))
                (void)stay_new(p, r);
}

static void take_start(Proof *p, const Record *r)
{
        Stay *s = stay_decided(p, r);

        if (!s)
                s = stay_new(p, r);
        if (!s)
                return;
        s->has_started = true;
        s->seq = r->seq;
        s->until_usec = until_usec(r);
        s->session = proof_text(p, text(r, "session"));
        s->scope = proof_text(p, text(r, "scope"));
        if (!*s->logind)
                s->logind = proof_text(p, text(r, "logind_session"));
}

static void take_end(Proof *p, const Record *r)
{
        for (size_t i = p->stays.n; i > 0; i--) {
                Stay *s = &p->stays.items[i - 1];

                if (!s->has_started || s->end_usec != PROVE_OPEN ||
                    !streq(s->session, text(r, "session")) ||
                    !streq(s->account, text(r, "account")) || !streq(s->boot, text(r, "boot")))
                        continue;
                s->end_usec = r->time_usec;
                return;
        }
}

/* What was allowed a moment before has not begun: another's word at its last step, or no answer. */
static void drop_decided(Proof *p, const Record *r)
{
        Stay *s = stay_decided(p, r);

        if (!s)
                return;
        memmove(s, s + 1, (size_t)(p->stays.items + p->stays.n - (s + 1)) * sizeof(*s));
        p->stays.n--;
}

static void take_denial(Proof *p, const Record *r)
{
        Refusal *f = proof_add(p, refusals);

        if (streq(text(r, "phase"), "open-session"))
                drop_decided(p, r);
        if (f)
                *f = (Refusal){ .account = proof_text(p, text(r, "account")),
                                .class = proof_text(p, text(r, "class")),
                                .pid = number(r, "pid", 0),
                                .time_usec = r->time_usec,
                                .seq = r->seq,
                                .of_session = streq(text(r, "phase"), "open-session") };
}

/* ---- sets, modes, lives ---- */

/* "https://issuer.example version 3, ..." */
static void take_set(Proof *p, const Record *r)
{
        const char *detail = text(r, "detail"), *end = strstr(detail, " version ");
        SetFact *f = proof_add(p, sets);

        if (f)
                *f = (SetFact){ .hash = proof_text(p, text(r, "set")),
                                .issuer = end ? proof_format(p, "%.*s", (int)(end - detail), detail)
                                              : "",
                                .time_usec = r->time_usec };
}

/* The same words. */
static void take_fresh(Proof *p, const Record *r)
{
        take_set(p, r);
        if (p->sets.n > 0)
                p->sets.items[p->sets.n - 1].is_statement = true;
}

/* "operators: from observe to enforce" */
static void take_config(Proof *p, const Record *r)
{
        const char *detail = text(r, "detail"), *from = NULL;
        ModeChange *m;

        if (!streq(text(r, "code"), "gate"))
                return;
        for (const char *at = detail; (at = strstr(at, ": from ")); at++)
                from = at;
        if (!from)
                return;
        m = proof_add(p, modes);
        if (!m)
                return;
        *m = (ModeChange){ .gate = proof_format(p, "%.*s", (int)(from - detail), detail),
                           .time_usec = r->time_usec,
                           .was_enforced = strncmp(from + 7, "enforce ", 8) == 0,
                           .is_enforced = streq(text(r, "mode"), "enforce"),
                           .is_gone = !*text(r, "mode") };
}

static void life_add(Proof *p, LifeKind kind, int64_t usec, int64_t before_usec)
{
        Life *l = proof_add(p, lives);

        if (l)
                *l = (Life){ .kind = kind, .time_usec = usec, .before_usec = before_usec };
}

static void take_agent_start(Proof *p, const Record *r)
{
        life_add(p, LIFE_AGENT_START, r->time_usec, p->log_last_usec);
}

static void take_agent_stop(Proof *p, const Record *r)
{
        life_add(p, LIFE_AGENT_STOP, r->time_usec, p->log_last_usec);
}

static void take_resumed(Proof *p, const Record *r)
{
        life_add(p, LIFE_LOG_RESUMED, r->time_usec, p->log_last_usec);
}

static const struct {
        const char *event;
        void (*take)(Proof *p, const Record *r);
} takers[] = {
        { "decision", take_decision },     { "denial", take_denial },
        { "session-start", take_start },   { "session-end", take_end },
        { "set-accepted", take_set },      { "set-fresh", take_fresh },
        { "config-changed", take_config }, { "agent-start", take_agent_start },
        { "agent-stop", take_agent_stop }, { LOG_EVENT_RESUMED, take_resumed },
};

/* The host's clock went back between two records: what lies between is ambiguous. */
static void take_clock(Proof *p, int64_t usec)
{
        if (p->log_last_usec > 0 && usec < p->log_last_usec - PROVE_JUMP_USEC)
                proof_gap(p, GAP_CLOCK, usec, p->log_last_usec, "");
}

/* One a minute is enough to know that the host was up. */
static void take_time(Proof *p, int64_t usec)
{
        const size_t n = p->record_times.n;
        int64_t *t;

        if (n > 0 && usec - p->record_times.items[n - 1] < PROVE_NEAR_USEC)
                return;
        t = proof_add(p, record_times);
        if (t)
                *t = usec;
}

void log_take(Proof *p, uint64_t seq, int64_t time_usec, const json_t *json)
{
        const bool is_carried = json_is_true(json_object_get(json, "carried"));
        Record r = { .seq = seq, .time_usec = time_usec, .json = json };
        const char *event = text(&r, "event"), *at = text(&r, "at");

        if (p->log_first_usec == 0)
                p->log_first_usec = time_usec;
        take_clock(p, time_usec);
        take_time(p, time_usec);
        if (is_carried && log_time_parse(at, strlen(at), &r.time_usec) < 0)
                r.time_usec = time_usec;
        for (size_t i = 0; i < ELEMENTSOF(takers); i++)
                if (streq(takers[i].event, event))
                        takers[i].take(p, &r);
        if (*text(&r, "boot") && !streq(text(&r, "boot"), p->boot ? p->boot : ""))
                p->boot = proof_text(p, text(&r, "boot"));
        p->log_last_usec = time_usec;
        p->witnesses[WITNESS_LOG].n++;
}
