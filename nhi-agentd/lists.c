/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/lists.h"

#include <stdio.h>

#define OF_EACH 2u /* its revocation list, and what its key list retired */

static Revoker revoker_at(const Agent *a, size_t i)
{
        const SetPolicy *policy = &a->config->issuers[i / OF_EACH].policy;
        const IssuerState *s = &a->issuers[i / OF_EACH];

        if (i % OF_EACH == 0)
                return (Revoker){ .policy = policy, .list = s->list, .is_lost = s->list_is_lost };
        return (Revoker){ .policy = policy,
                          .list = s->keys ? &s->keys->retired : NULL,
                          .is_lost = s->keys_are_lost,
                          .is_own_only = true };
}

size_t agent_revokers(const Agent *a, Revoker *ret, size_t n)
{
        size_t i = 0;

        for (; i < OF_EACH * a->config->n_issuers && i < n; i++)
                ret[i] = revoker_at(a, i);
        return i;
}

/* One that names it says more than one that is lost. */
ListVerdict agent_lists(const Agent *a, const Grant *g, const char **ret_title,
                        const Revocation **ret_entry)
{
        ListVerdict verdict = LIST_SILENT;
        const char *title = NULL;

        for (size_t i = 0; i < OF_EACH * a->config->n_issuers && verdict != LIST_NAMES; i++) {
                const Revoker r = revoker_at(a, i);
                const ListVerdict v = revoker_judge(&r, g, ret_entry);

                if (v == LIST_NAMES)
                        title = r.list->title;
                else if (v == LIST_UNKNOWN)
                        title = i % OF_EACH == 0 ? "a revocation list" : "a key list";
                if (v != LIST_SILENT)
                        verdict = v;
        }
        if (ret_title)
                *ret_title = title;
        return verdict;
}

const GrantSet *agent_set(const Agent *a, const char *issuer)
{
        for (size_t i = 0; issuer && i < a->config->n_issuers; i++)
                if (streq(a->config->issuers[i].issuer, issuer))
                        return a->issuers[i].set;
        return NULL;
}

Grant agent_as_signed(const Agent *a, const Grant *tied)
{
        const GrantSet *set = agent_set(a, tied->issuer);
        Grant g = *tied;

        if (set)
                g.kid = set->kid;
        return g;
}

bool agent_lists_name(const Agent *a, const Grant *tied)
{
        const Grant g = agent_as_signed(a, tied);

        return agent_lists(a, &g, NULL, NULL) == LIST_NAMES;
}

bool agent_key_is_revoked(const Agent *a, const char *issuer, const char *kid)
{
        for (size_t i = 0; i < OF_EACH * a->config->n_issuers; i++) {
                const Revoker r = revoker_at(a, i);

                if (revoker_names_key(&r, issuer, kid))
                        return true;
        }
        return false;
}

bool issuer_list_is_unsaved(const IssuerState *s)
{
        return s->list && !streq(s->list->hash, s->list_floor.hash);
}

bool issuer_keys_are_unsaved(const IssuerState *s)
{
        return s->keys && !streq(s->keys->hash, s->keys_floor.floor.hash);
}

void revocation_explain(const Revocation *e, const char *title, char *ret, size_t size)
{
        (void)snprintf(ret, size, "%s %.80s%s%.80s; %s", revocation_kind_name(e->kind), e->name,
                       *e->reason ? ": " : "", e->reason, title);
}

void agent_lists_explain(const Agent *a, const Grant *g, char *ret, size_t size)
{
        const Revocation *e = NULL;
        const char *title = NULL;

        ret[0] = '\0';
        if (agent_lists(a, g, &title, &e) == LIST_NAMES)
                revocation_explain(e, title, ret, size);
}
