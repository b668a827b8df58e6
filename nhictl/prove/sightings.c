/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* X1, X3, X4: each session that a witness saw, against the log; and each of the log's, against the
 * witnesses. */

#include "lib/base/macro.h"
#include "lib/base/service.h"
#include "lib/base/sort.h"
#include "nhictl/prove/prove.h"

/* What opens a session of unknown kind. */
static const char *const login_classes[] = { "ssh", "login", "cron", "at", "unit", "systemd-user" };

static bool is_near(int64_t a, int64_t b)
{
        return a - b <= PROVE_NEAR_USEC && b - a <= PROVE_NEAR_USEC;
}

/* What another witness has been found to have seen of the same session. */
static Finding *found_of(Proof *p, const Sighting *s)
{
        for (size_t i = p->findings.n; i > 0; i--) {
                Finding *f = &p->findings.items[i - 1];

                if (f->pid == s->pid && f->witness != WITNESS_LOG && f->witness != s->witness &&
                    streq(f->account, s->account) && is_near(f->start_usec, s->start_usec))
                        return f;
        }
        return NULL;
}

static void find(Proof *p, FindingKind kind, const Sighting *s, const Stay *stay, uint64_t seq)
{
        Finding *f = s->is_later ? found_of(p, s) : NULL;

        if (f) {
                f->seen_by |= 1u << s->witness;
                return;
        }
        f = proof_add(p, findings);
        if (!f)
                return;
        *f = (Finding){ .kind = kind,
                        .witness = s->witness,
                        .seen_by = 1u << s->witness,
                        .account = s->account,
                        .class = s->class,
                        .where = s->where,
                        .grant = stay ? stay->grant : "",
                        .pid = s->pid,
                        .start_usec = s->start_usec,
                        .end_usec = s->end_is_known ? s->end_usec : 0,
                        .seq = stay ? stay->seq : seq };
}

/* ---- whose is it? ---- */

static GateMode ask(const Proof *p, const Sighting *s, const char *class, char gate[static 128])
{
        return p->host.gate(p->host.userdata, *s->account ? s->account : NULL, s->uid, class, gate,
                            128);
}

/* Of a session whose kind nobody knows: what holds for all kinds; GATE_OBSERVE where it differs. */
static GateMode ask_all(const Proof *p, const Sighting *s, char gate[static 128])
{
        GateMode all = ask(p, s, login_classes[0], gate);

        for (size_t i = 1; i < ELEMENTSOF(login_classes); i++)
                if (ask(p, s, login_classes[i], gate) != all) {
                        gate[0] = '\0';
                        return GATE_OBSERVE;
                }
        return all;
}

static void count_stranger(Proof *p, const Sighting *s, GateMode mode)
{
        Stranger *one;

        if (s->is_later)
                return;
        for (size_t i = 0; i < p->strangers.n; i++) {
                one = &p->strangers.items[i];
                if (one->mode == mode && streq(one->account, s->account) &&
                    streq(one->class, s->class)) {
                        one->n++;
                        return;
                }
        }
        one = proof_add(p, strangers);
        if (one)
                *one = (Stranger){ .account = s->account, .class = s->class, .mode = mode, .n = 1 };
}

/* ---- is it inside? ---- */

static const Refusal *refusal_of(const Proof *p, const Sighting *s)
{
        for (size_t i = 0; i < p->refusals.n; i++) {
                const Refusal *r = &p->refusals.items[i];
                if (s->pid > 0 && r->pid == s->pid && is_near(r->time_usec, s->start_usec) &&
                    streq(r->account, s->account))
                        return r;
        }
        return NULL;
}

/* PAM opens sessions line by line: others had opened theirs when ours said no. */
static bool is_refused(const Refusal *r, const Sighting *s)
{
        return r->of_session && s->end_is_known && s->end_usec <= r->time_usec + PROVE_LATE_USEC;
}

static void judge_outside(Proof *p, const Sighting *s)
{
        const Refusal *r = refusal_of(p, s);

        /* It was denied at its last step, and whether it went on nobody saw; nor whether one from
         * before lasted into the time that is asked for. */
        const bool is_open_question =
                !s->end_is_known && (s->start_usec < p->since_usec || (r && r->of_session));

        if (proof_log_is_silent(p, s->start_usec) || is_open_question)
                find(p, FINDING_UNJUDGED, s, NULL, r ? r->seq : 0);
        else if (r && is_refused(r, s))
                p->n_refused += !s->is_later;
        else
                find(p, r ? FINDING_DENIED : FINDING_UNKNOWN, s, NULL, r ? r->seq : 0);
}

static void judge_inside(Proof *p, const Sighting *s, Stay *stay)
{
        int64_t end = s->end_is_known ? s->end_usec : stay->end_usec;

        if (s->witness != WITNESS_SESSIONS)
                stay->is_witnessed = true;
        if (end > p->until_usec)
                end = p->until_usec;
        if (s->end_is_known && end > stay->allowed_usec + PROVE_LATE_USEC)
                find(p, stay->is_uncertain ? FINDING_UNSIGNED : FINDING_OVERTIME, s, stay, 0);
        else if (end >= stay->unsigned_usec || stay->start_usec >= stay->unsigned_usec)
                find(p, FINDING_UNSIGNED, s, stay, 0);
}

static void judge_managed(Proof *p, const Sighting *s, GateMode mode, const char *gate)
{
        const bool enforced = mode == GATE_ENFORCE;

        /* An account that a set defined is behind no gate that could be off. */
        if (*gate ? proof_enforced_at(p, gate, s->start_usec, enforced) : enforced)
                judge_outside(p, s);
        else
                find(p, FINDING_UNJUDGED, s, NULL, 0);
}

/* Of these nobody says of each that they saw when it ended: sshd, wtmp, and PAM of a user's
 * manager, which closes under that user's uid. Of others it is said: X4. */
static bool is_of_before(const Proof *p, const Sighting *s)
{
        return s->start_usec < p->since_usec && !s->end_is_known &&
               (s->witness == WITNESS_SSHD || s->witness == WITNESS_WTMP ||
                streq(s->class, "systemd-user"));
}

static void judge(Proof *p, const Sighting *s)
{
        char gate[128] = "";
        Stay *stay;
        GateMode mode;

        if (s->start_usec > p->until_usec || s->end_usec < p->since_usec || is_of_before(p, s))
                return;
        stay = proof_stay_of(p, s);
        if (stay) {
                judge_inside(p, s, stay);
                return;
        }
        mode = *s->class ? ask(p, s, s->class, gate) : ask_all(p, s, gate);
        if (mode == GATE_UNGATED || mode == GATE_EXEMPT)
                count_stranger(p, s, mode);
        else
                judge_managed(p, s, mode, gate);
}

/* ---- units, which PID 1 knows by their invocation ---- */

static int compare_units(const void *a, const void *b)
{
        const UnitRun *x = a, *y = b;

        return strcmp(x->invocation, y->invocation);
}

static void judge_unit(Proof *p, Stay *stay)
{
        const UnitRun key = { .invocation = stay->invocation };
        const UnitRun *u;
        Sighting s;

        if (!*stay->invocation)
                return;
        u = find_item(&key, p->units.items, p->units.n, compare_units);
        if (!u || u->start_usec > p->until_usec || u->end_usec < p->since_usec)
                return;
        s = (Sighting){ .witness = WITNESS_UNITS,
                        .account = stay->account,
                        .class = stay->class,
                        .where = u->where,
                        .pid = stay->pid,
                        .start_usec = u->start_usec,
                        .end_usec = u->end_usec,
                        .end_is_known = u->end_usec != PROVE_OPEN };
        judge_inside(p, &s, stay);
}

static void judge_units(Proof *p)
{
        sort_items(p->units.items, p->units.n, compare_units);
        for (size_t i = 0; i < p->stays.n; i++)
                judge_unit(p, &p->stays.items[i]);
}

/* ---- the other way round ---- */

static void count_inside(Proof *p, const Stay *s)
{
        const char **account;

        p->n_sessions++;
        for (size_t i = 0; i < p->accounts.n; i++)
                if (streq(p->accounts.items[i], s->account))
                        return;
        account = proof_add(p, accounts);
        if (account)
                *account = s->account;
}

static void judge_stay(Proof *p, const Stay *s)
{
        Finding *f;

        if (s->is_witnessed) {
                count_inside(p, s);
                return;
        }
        if (!s->has_started || s->start_usec < p->since_usec || s->start_usec > p->until_usec ||
            proof_gap_at(p, GAP_WITNESS, s->start_usec))
                return;
        f = proof_add(p, findings);
        if (f)
                *f = (Finding){ .kind = FINDING_UNWITNESSED,
                                .witness = WITNESS_LOG,
                                .seen_by = 1u << WITNESS_LOG,
                                .account = s->account,
                                .class = s->class,
                                .where = proof_format(p, "session %s", s->session),
                                .grant = s->grant,
                                .pid = s->pid,
                                .start_usec = s->start_usec,
                                .end_usec = s->end_usec,
                                .seq = s->seq };
}

void proof_judge_sightings(Proof *p)
{
        proof_unite_sightings(p);
        for (size_t i = 0; i < p->sightings.n; i++)
                if (!p->account || streq(p->account, p->sightings.items[i].account))
                        judge(p, &p->sightings.items[i]);
        judge_units(p);
        for (size_t i = 0; i < p->stays.n; i++)
                if (!p->account || streq(p->account, p->stays.items[i].account))
                        judge_stay(p, &p->stays.items[i]);
}
