/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Is this account on trial here (member.h: MB3)? By the gates as the agent has them, for any class,
 * with the groups of the local files: it makes no NSS call. */

#include "nhi-agentd/member/internal.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"

static bool gate_names(const Agent *a, const GateRule *g, const char *account)
{
        for (size_t i = 0; i < g->accounts.n; i++)
                if (glob_match(g->accounts.items[i], account))
                        return true;
        for (size_t i = 0; i < g->groups.n; i++)
                if (localdb_is_member(a->local, account, g->groups.items[i]))
                        return true;
        return false;
}

static bool is_named(const Agent *a, GateMode mode, const char *account)
{
        for (size_t i = 0; i < a->config->n_gates; i++)
                if (a->config->gates[i].mode == mode &&
                    gate_names(a, &a->config->gates[i], account))
                        return true;
        return false;
}

bool membership_is_on_trial(const Agent *a, const Membership *of)
{
        IdMapUser user;

        if (idmap_user_by_name(a->idmap, of->name, &user) || is_named(a, GATE_ENFORCE, of->name))
                return false;
        return is_named(a, GATE_OBSERVE, of->name);
}
