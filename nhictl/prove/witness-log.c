/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decision log, record by record: what was allowed, what was denied, and what became of the
 * agent, the log and the gates. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/service.h"
#include "lib/log/record.h"
#include "nhictl/log/heads-local.h"
#include "nhictl/log/reader.h"
#include "nhictl/log/verify.h"
#include "nhictl/prove/witness.h"

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
        const int64_t sec = number(r, "until", 0);

        return sec > 0 && sec < INT64_MAX / (int64_t)USEC_PER_SEC ? sec * (int64_t)USEC_PER_SEC
                                                                  : r->time_usec;
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

static void take_denial(Proof *p, const Record *r)
{
        Refusal *f = proof_add(p, refusals);

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
        { "decision", take_decision },       { "denial", take_denial },
        { "session-start", take_start },     { "session-end", take_end },
        { "set-accepted", take_set },        { "config-changed", take_config },
        { "agent-start", take_agent_start }, { "agent-stop", take_agent_stop },
        { LOG_EVENT_RESUMED, take_resumed },
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

/* ---- the whole log ---- */

static void no_evidence(Proof *p, const char *why)
{
        p->log_is_evidence = false;
        p->log_wrong = why;
        p->witnesses[WITNESS_LOG] = (WitnessState){ .detail = why };
}

/* A log that does not verify is no evidence, and nor is an empty one. */
static void judge_report(Proof *p, const char *dir, const VerifyReport *v)
{
        const VerifyProblem *b = &v->problems[0];

        p->log_is_evidence = v->n_problems == 0 && v->n_records > 0;
        if (v->n_problems > 0)
                no_evidence(p, proof_format(p, "%s/%s: record %llu: %s: %s", dir, b->file,
                                            (unsigned long long)b->seq, verify_code_text(b->code),
                                            b->text));
        else if (v->n_records == 0)
                no_evidence(p, proof_format(p, "%s: there is no record", dir));
}

/* The heads first: the log that is read then has them all. */
static int heads_read(LogHeads *h)
{
        Jwk key;
        int r = log_heads_local_key(&key);

        if (r == 0)
                log_heads_trust(h, &key);
        r = log_heads_read_local(h);
        log_heads_sort(h);
        return r;
}

static int verify(Proof *p, const char *dir, bool is_own)
{
        _cleanup_(log_source_freep) LogSource *source = NULL;
        _cleanup_(log_heads_done) LogHeads heads = { .n = 0 };
        _cleanup_free_ VerifyReport *report = calloc(1, sizeof(*report));
        int r;

        if (!report || (is_own && heads_read(&heads) < 0))
                return -ENOMEM;
        r = log_source_open(dir, &source);
        if (r < 0) {
                no_evidence(p, proof_format(p, "%s: %s", dir, strerror(-r)));
                return r == -ENOMEM ? r : 0;
        }
        r = verify_log(source, &(VerifyOptions){ .heads = is_own ? &heads : NULL }, report);
        if (r == 0)
                judge_report(p, dir, report);
        return r;
}

static int read_all(Proof *p, const char *dir)
{
        _cleanup_(log_reader_freep) LogReader *reader = NULL;
        LogRecord record;
        int r;

        r = log_reader_open(dir, NULL, &reader);
        if (r < 0)
                return r;
        while (!p->failed && (r = log_reader_next(reader, &record)) >= 0 && r != LOG_READER_END)
                if (r == 0)
                        log_take(p, record.head.seq, record.head.real_usec, record.json);
        return p->failed ? -ENOMEM : r < 0 ? r : 0;
}

int witness_log(Proof *p, const char *dir, bool is_own)
{
        int r;

        p->boot = "";
        r = verify(p, dir, is_own);
        if (r < 0 || !p->log_is_evidence)
                return r;
        r = read_all(p, dir);
        if (r < 0 && r != -ENOMEM) {
                no_evidence(p, proof_format(p, "%s: %s", dir, strerror(-r)));
                r = 0;
        }
        p->witnesses[WITNESS_LOG].is_there = p->log_is_evidence;
        if (p->log_is_evidence)
                p->witnesses[WITNESS_LOG].detail = proof_text(p, dir);
        return r;
}
