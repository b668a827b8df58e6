/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/localdb.h"

static int learn_accounts(IdMap *m, const GrantSet *set, bool *changed)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < set->n_accounts; i++) {
                const Account *a = &set->accounts[i];
                const IdMapUser new = { a->name, a->issuer, a->uid, a->gid };
                IdMapUser known;

                /* A set's accounts are distinct, and none contradicts what is known. */
                if (idmap_user_by_name(m, a->name, &known))
                        continue;
                r = idmap_add_user(m, &new);
                *changed = true;
        }
        idmap_sort(m);
        return r;
}

static bool id_is_free(const IdMap *m, const LocalDb *local, uint32_t id)
{
        IdMapUser u;

        return !localdb_group_name(local, id) && !localdb_user_name(local, id) &&
               !localdb_id_is_subordinate(local, id) && !idmap_gid_owner(m, id) &&
               !idmap_user_by_uid(m, id, &u);
}

/* A gid for a group that nobody knows. Where none is left, the group gives nothing. */
static int learn_group(IdMap *m, const LocalDb *local, const char *name, uint32_t *cursor,
                       bool *changed)
{
        IdMapUser u;
        uint32_t gid;
        int r;

        if (localdb_group(local, name, &gid) || idmap_group_by_name(m, name, &gid) ||
            idmap_user_by_name(m, name, &u))
                return 0;
        while (*cursor >= ID_MIN && !id_is_free(m, local, *cursor))
                (*cursor)--;
        if (*cursor < ID_MIN)
                return 0;
        r = idmap_add_group(m, name, (*cursor)--);
        if (r < 0)
                return r;
        idmap_sort(m);
        *changed = true;
        return 0;
}

int idmap_learn(IdMap *m, const GrantSet *set, const LocalDb *local, bool *ret_changed)
{
        uint32_t cursor = ID_MAX;
        bool changed = false;
        int r;

        r = learn_accounts(m, set, &changed);
        for (size_t i = 0; r == 0 && i < set->n_grants; i++)
                for (size_t k = 0; r == 0 && k < set->grants[i].n_terms; k++) {
                        const StrList *groups = &set->grants[i].terms[k].groups;

                        for (size_t g = 0; r == 0 && g < groups->n; g++)
                                r = learn_group(m, local, groups->items[g], &cursor, &changed);
                }
        if (r == 0)
                *ret_changed = changed;
        return r;
}
