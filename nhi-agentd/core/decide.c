/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/core/decide.h"

#include "nhi-agentd/core/rules.h"

#include <string.h>

/* One grant's judgement, comparable with another's. */
typedef struct Candidate {
        Decision decision;
        size_t n_held; /* rules that held before the miss */
        bool carries_key, is_preferred;
} Candidate;

static Candidate judge_grant(const Account *account, const Grant *grant, const HostView *host,
                             const AccessRequest *request, Now now, RuleSink out, void *userdata)
{
        Candidate c = { 0 };
        Judge j;

        judge_init(&j, account, grant, host, request, now);
        c.n_held = rules_walk(&j, out, userdata);
        c.decision.grant = grant;
        c.decision.reason = j.reason;
        if (c.n_held < rules_n)
                return c;
        c.decision.verdict = VERDICT_ALLOW;
        c.decision.end_sec = j.end_sec;
        c.decision.boot_end_usec = j.boot_end_usec;
        c.carries_key = judge_carries_key(&j);
        c.is_preferred = request->preferred_jti && strcmp(request->preferred_jti, grant->jti) == 0;
        return c;
}

/* P6. Both allow. */
static bool allows_better(const Candidate *a, const Candidate *b)
{
        if (a->carries_key != b->carries_key)
                return a->carries_key;
        if (a->is_preferred != b->is_preferred)
                return a->is_preferred;
        if (a->decision.end_sec != b->decision.end_sec)
                return a->decision.end_sec > b->decision.end_sec;
        return strcmp(a->decision.grant->jti, b->decision.grant->jti) < 0;
}

/* An allowing grant beats every miss; among misses the one that came furthest says why. */
static bool candidate_is_better(const Candidate *a, const Candidate *b)
{
        if (a->decision.verdict != b->decision.verdict)
                return a->decision.verdict == VERDICT_ALLOW;
        if (a->decision.verdict == VERDICT_ALLOW)
                return allows_better(a, b);
        return a->n_held > b->n_held;
}

static Decision deny(Reason reason)
{
        return (Decision){ .verdict = VERDICT_DENY, .reason = reason };
}

/* Why there is no grant for the account at all. */
static Reason reason_without_grant(const GrantStore *store, Now now)
{
        if (store->set_exp_sec <= 0)
                return REASON_NO_SET;
        if (store->set_exp_sec <= now.real_usec / 1000000)
                return REASON_SET_STALE;
        return REASON_NO_GRANT;
}

Decision decide(const GrantStore *store, const HostView *host, const AccessRequest *request,
                Now now)
{
        const Grant *const *grants;
        const Account *account;
        Candidate best = { 0 };
        size_t n;

        if (!store || !request_is_lawful(request))
                return deny(REASON_BAD_REQUEST);
        grants = grant_store_find(store, request->account, &n);
        if (n == 0)
                return deny(reason_without_grant(store, now));

        account = grant_store_account(store, request->account);
        for (size_t i = 0; i < n; i++) {
                Candidate c = judge_grant(account, grants[i], host, request, now, NULL, NULL);

                if (i == 0 || candidate_is_better(&c, &best))
                        best = c;
        }
        return best.decision;
}

Decision decide_explain(const GrantStore *store, const Grant *grant, const HostView *host,
                        const AccessRequest *request, Now now, RuleSink out, void *userdata)
{
        if (!store || !grant || !request)
                return deny(REASON_BAD_REQUEST);
        return judge_grant(grant_store_account(store, request->account), grant, host, request, now,
                           out, userdata)
                .decision;
}

Decision decide_one(const GrantStore *store, const Grant *grant, const HostView *host,
                    const AccessRequest *request, Now now)
{
        return decide_explain(store, grant, host, request, now, NULL, NULL);
}
