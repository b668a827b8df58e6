/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What runs now: each process of a managed account belongs to a session that is not over, by the
 * scope that it is in, or by the audit session that it bears wherever it was moved. */

#include "lib/base/macro.h"
#include "nhictl/prove/prove.h"

#include <stdio.h>

/* X(unit, class): what somebody came in by who is in the cgroup of a service. */
static const struct {
        const char *unit, *class;
} services[] = {
        { "ssh.service", "ssh" },    { "sshd.service", "ssh" }, { "cron.service", "cron" },
        { "crond.service", "cron" }, { "atd.service", "at" },
};

static const char *unit_class(const char *unit)
{
        for (size_t i = 0; i < ELEMENTSOF(services); i++)
                if (streq(services[i].unit, unit))
                        return services[i].class;
        if (strncmp(unit, "user@", 5) == 0)
                return "systemd-user";
        /* Connections of socket-activated daemons: ssh@3-127.0.0.1:22.service. */
        if (strncmp(unit, "ssh@", 4) == 0 || strncmp(unit, "sshd@", 5) == 0)
                return "ssh";
        return strlen(unit) > 8 && streq(unit + strlen(unit) - 8, ".service") ? "unit" : "";
}

static bool is_over(const Proof *p, const Stay *s)
{
        const int64_t end = s->end_usec < s->allowed_usec ? s->end_usec : s->allowed_usec;

        return end < p->until_usec - PROVE_LATE_USEC;
}

/* The stay with this scope, or of this audit session; one that is not over before all others. Only
 * of this boot: scopes and audit sessions are numbered anew at each. */
static const Stay *stay_of(const Proof *p, const Process *x)
{
        const Stay *found = NULL;

        for (size_t i = 0; i < p->stays.n; i++) {
                const Stay *s = &p->stays.items[i];
                const bool by_scope = *s->scope && streq(s->scope, x->unit);
                const bool by_audit = s->audit_session != PROVE_UNSET &&
                                      s->audit_session == x->audit_session &&
                                      (x->loginuid == s->uid || x->uid == s->uid);

                if (!streq(s->boot, p->boot) || (!by_scope && !by_audit))
                        continue;
                if (!found || is_over(p, found))
                        found = s;
        }
        return found;
}

static void find(Proof *p, FindingKind kind, const Process *x, const char *account,
                 const char *class, const Stay *s)
{
        Finding *f = proof_add(p, findings);

        if (!f)
                return;
        *f = (Finding){ .kind = kind,
                        .witness = WITNESS_PROCESSES,
                        .seen_by = 1u << WITNESS_PROCESSES,
                        .account = proof_text(p, account),
                        .class = class,
                        .where = proof_format(p, "pid %lld (%s) in %s", (long long)x->pid, x->name,
                                              *x->unit ? x->unit : "no unit"),
                        .grant = s ? s->grant : "",
                        .pid = x->pid,
                        .start_usec = x->start_usec,
                        .end_usec = PROVE_OPEN,
                        .seq = s ? s->seq : 0 };
}

static GateMode ask(const Proof *p, const char *account, uint32_t uid, const char *class)
{
        char gate[128];

        return p->host.gate(p->host.userdata, account, uid, class, gate, sizeof(gate));
}

/* Enforced however somebody comes in: then nothing of the account runs without a grant. */
static bool is_enforced(const Proof *p, const char *account, uint32_t uid, const char *class)
{
        static const char *const all[] = { "ssh", "login", "cron", "at", "unit", "systemd-user" };

        if (*class)
                return ask(p, account, uid, class) == GATE_ENFORCE;
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (ask(p, account, uid, all[i]) != GATE_ENFORCE)
                        return false;
        return true;
}

/* It is in none of ours. Its own uid, or that of whoever logged in and became somebody else. */
static void judge_outside(Proof *p, const Process *x, uint32_t uid)
{
        const char *account = p->host.name(p->host.userdata, uid), *class = unit_class(x->unit);

        if (!account || (p->account && !streq(p->account, account)))
                return;
        account = proof_text(p, account);
        if (!is_enforced(p, account, uid, class))
                return;
        find(p,
             proof_log_is_silent(p, x->start_usec) || x->is_contained ? FINDING_UNJUDGED
                                                                      : FINDING_PROCESS,
             x, account, class, NULL);
}

/* One in a session that logind has now is that session's matter, which is seen as such. */
static bool is_in_session(const Proof *p, const Process *x)
{
        char scope[128];

        for (size_t i = 0; i < p->sightings.n; i++) {
                const Sighting *s = &p->sightings.items[i];

                if (s->witness != WITNESS_SESSIONS)
                        continue;
                (void)snprintf(scope, sizeof(scope), "session-%s.scope", s->logind);
                if (streq(scope, x->unit))
                        return true;
        }
        return false;
}

/* A scope that only the agent makes, and no record of it. */
static bool is_ours(const char *unit)
{
        const size_t n = strlen(unit);

        return strncmp(unit, "nhi-", 4) == 0 && n > 6 && streq(unit + n - 6, ".scope");
}

static void find_stray(Proof *p, const Process *x, uint32_t uid)
{
        const char *account = p->host.name(p->host.userdata, uid);

        if (p->account && !streq_ptr(p->account, account))
                return;
        find(p, proof_log_is_silent(p, x->start_usec) ? FINDING_UNJUDGED : FINDING_PROCESS, x,
             account, "", NULL);
}

static void judge(Proof *p, const Process *x)
{
        const Stay *s = stay_of(p, x);

        if (s) {
                if (is_over(p, s) && (!p->account || streq(p->account, s->account)))
                        find(p,
                             s->is_uncertain && s->end_usec == PROVE_OPEN ? FINDING_UNSIGNED
                                                                          : FINDING_OUTLIVED,
                             x, s->account, s->class, s);
                return;
        }
        if (is_in_session(p, x))
                return;
        if (is_ours(x->unit))
                find_stray(p, x, x->loginuid == PROVE_UNSET ? x->uid : x->loginuid);
        else if (x->uid != 0)
                judge_outside(p, x, x->uid);
        else if (x->loginuid != PROVE_UNSET && x->loginuid != 0)
                judge_outside(p, x, x->loginuid);
}

void proof_judge_processes(Proof *p)
{
        for (size_t i = 0; i < p->processes.n; i++)
                if (p->processes.items[i].start_usec <= p->until_usec)
                        judge(p, &p->processes.items[i]);
}
