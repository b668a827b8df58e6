/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the registry of sessions asks the agent: is this session's grant still in force? Is every
 * way into this account enforced? */

#include "nhi-agentd/agent.h"

#include "nhi-agentd/core/rules.h"
#include "nhi-agentd/leftovers.h"
#include "nhi-agentd/lists.h"
#include "nhi-agentd/state.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/gate/gate.h"

/* Its issuer's own: another's grant of that jti is not the one that let the session in. */
static const Grant *grant_of(const Agent *a, const Grant *tied)
{
        const Grant *g = agent_grant(a, tied->jti);

        return g && tied->issuer && !streq(g->issuer, tied->issuer) ? NULL : g;
}

static const StateEnded *ended_of(const Agent *a, const Grant *tied)
{
        return state_ended(a->state, tied->issuer ? state_issuer(a->state, tied->issuer) : 0,
                           tied->jti);
}

/* Decided on this host, whatever sets say, and be none of them in force. */
static Reason reason_of_host(const Agent *a, const Grant *tied)
{
        const StateEnded *e = ended_of(a, tied);

        if (list_contains_sorted(&a->locked, tied->account) ||
            list_contains_sorted(&a->locked, tied->jti))
                return REASON_LOCKED;
        return e && e->exp_sec == 0 ? REASON_GIVEN_BACK : REASON_GRANTED;
}

static bool on_is_named(void *userdata, const Grant *tied)
{
        return agent_lists_name(userdata, tied);
}

static Decision on_judge(void *userdata, const Grant *tied, const AccessRequest *request)
{
        Agent *a = userdata;
        const Grant *g = grant_of(a, tied);
        const Reason of_host = reason_of_host(a, tied);
        HostView view = agent_host_view(a);
        AccessRequest review = *request;
        Decision d;

        if (of_host != REASON_GRANTED)
                return (Decision){ .verdict = VERDICT_DENY, .reason = of_host };
        /* Where there was no memory to put anything in force, nothing but a list proves a grant
         * revoked. */
        if (!g)
                return (Decision){ .verdict = VERDICT_DENY,
                                   .reason = a->standing || on_is_named(a, tied) ? REASON_REVOKED
                                                                                 : REASON_NO_SET };
        /* A session is one of its grant's already, and a clock that is behind closes what is new;
         * what is there ends by CLOCK_BOOTTIME, and not because its begin lies ahead again. */
        review.kind = REQUEST_REVIEW;
        view.clock_behind = false;
        d = decide_one(&a->store, g, &view, &review, agent_judging_now(a));
        /* Over, but nobody here has ended it: a set on its way to the disk revokes it. */
        if (d.reason == REASON_GIVEN_BACK && !ended_of(a, tied))
                d.reason = REASON_REVOKED;
        return d;
}

/* Which list, where it was a list. */
static void on_explain(void *userdata, const Grant *tied, Reason reason, char *ret, size_t size)
{
        const Agent *a = userdata;
        const Grant *g = grant_of(a, tied), of_before = agent_as_signed(a, tied);

        if (reason == REASON_REVOKED)
                agent_lists_explain(a, g ? g : &of_before, ret, size);
}

static bool on_issuer_is_verified(void *userdata, const char *issuer)
{
        return agent_set(userdata, issuer) != NULL;
}

static bool list_has(StrList list, const char *text)
{
        for (size_t i = 0; i < list.n; i++)
                if (streq(list.items[i], text))
                        return true;
        return false;
}

/* By its name: whether it is a member of a group somebody may change while its processes run. */
static bool is_named_by_gate(const Agent *a, const char *account)
{
        for (size_t i = 0; i < a->config->n_gates; i++) {
                const GateRule *g = &a->config->gates[i];

                if (g->mode != GATE_ENFORCE || !list_has(g->services, "*"))
                        continue;
                for (size_t j = 0; j < g->accounts.n; j++)
                        if (glob_match(g->accounts.items[j], account))
                                return true;
        }
        return false;
}

static bool on_account_is_closed(void *userdata, const char *account, uint32_t uid)
{
        const Agent *a = userdata;
        GatePaths paths = gate_paths;
        IdMapUser defined;

        paths.owner = geteuid();
        if (uid == 0 || exempt_files_name(&paths, account))
                return false;
        return (idmap_user_by_name(a->idmap, account, &defined) && defined.uid == uid) ||
               is_named_by_gate(a, account);
}

static Now on_now(void *userdata)
{
        return agent_now(userdata);
}

static void on_record(void *userdata, const Event *e)
{
        Agent *a = userdata;

        agent_record(a, e);
        if (e->kind == EVENT_SESSION_END)
                leftovers_session_ended(a->leftovers);
}

static const Grant *on_grant(void *userdata, const char *jti)
{
        const Agent *a = userdata;
        const Grant *g = agent_grant(a, jti);

        return g && reason_of_host(a, g) == REASON_GRANTED && !agent_has_ended(a, g) ? g : NULL;
}

SessionsHost agent_sessions_host(Agent *a)
{
        return (SessionsHost){
                .userdata = a,
                .judge = on_judge,
                .now = on_now,
                .record = on_record,
                .grant = on_grant,
                .issuer_is_verified = on_issuer_is_verified,
                .is_named = on_is_named,
                .explain = on_explain,
                .account_is_closed = on_account_is_closed,
                .grace_usec = a->config->session_grace_usec,
        };
}
