/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Does a list name this grant? On every decision: no allocation, in logarithmic time. */

#include "nhi-agentd/set/revocations.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"

int revocation_compare(const Revocation *a, RevocationKind kind, const char *name,
                       const char *issuer)
{
        int order;

        if (a->kind != kind)
                return a->kind < kind ? -1 : 1;
        order = strcmp(a->name, name);
        return order != 0 ? order : strcmp(a->issuer, issuer);
}

static const Revocation *find(const RevocationList *l, RevocationKind kind, const char *name,
                              const char *issuer)
{
        size_t low = l->first[kind], high = l->first[kind + 1];

        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const int order = revocation_compare(&l->entries[middle], kind, name, issuer);

                if (order == 0)
                        return &l->entries[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

/* Of this issuer, or of all that the list reaches. */
static const Revocation *find_for(const RevocationList *l, RevocationKind kind, const char *name,
                                  const char *issuer, int64_t nbf_sec)
{
        const Revocation *e = name ? find(l, kind, name, issuer) : NULL;

        if (e && nbf_sec < e->before_sec)
                return e;
        e = name && l->has_anybody ? find(l, kind, name, REVOCATIONS_ANYBODY) : NULL;
        return e && nbf_sec < e->before_sec ? e : NULL;
}

/* R5 */
static bool reaches(const Revoker *r, const char *issuer)
{
        if (streq(r->policy->issuer, issuer))
                return true;
        for (size_t i = 0; !r->is_own_only && i < r->policy->revokes.n; i++)
                if (glob_match(r->policy->revokes.items[i], issuer))
                        return true;
        return false;
}

ListVerdict revoker_judge(const Revoker *r, const Grant *g, const Revocation **ret_entry)
{
        const Revocation *e = NULL;

        if ((!r->list && !r->is_lost) || !g->issuer || !reaches(r, g->issuer))
                return LIST_SILENT;
        if (!r->list)
                return LIST_UNKNOWN;
        const char *const names[REVOCATION_N] = {
                [REVOCATION_GRANT] = g->jti,   [REVOCATION_ACCOUNT] = g->account,
                [REVOCATION_OWNER] = g->owner, [REVOCATION_ISSUER] = g->issuer,
                [REVOCATION_KEY] = g->kid,
        };

        for (int k = 0; !e && k < REVOCATION_N; k++)
                e = find_for(r->list, (RevocationKind)k, names[k], g->issuer, g->nbf_sec);
        if (e && ret_entry)
                *ret_entry = e;
        return e ? LIST_NAMES : LIST_SILENT;
}

bool revoker_names_key(const Revoker *r, const char *issuer, const char *kid)
{
        return r->list && reaches(r, issuer) &&
               find_for(r->list, REVOCATION_KEY, kid, issuer, INT64_MIN) != NULL;
}
